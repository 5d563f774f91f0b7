//! What a scheduled audit makes of its timers and signals.

use expect_test::{Expect, expect};
use serde_json::json;
use trackway_audit::Schedule;
use trackway_audit::check::Check;
use trackway_audit::schedule::{
    ACTIVE, Birth, Columns, DELETED, Days, Frequency, MonthDay, Signal, Timing, Weekday,
};
use trackway_core::{Input, Machine};

use crate::bench::{Bench, common, start};

pub(crate) fn begun(timing: Timing) -> Bench<Schedule> {
    let checks = vec![Check::LoggingDisabled];
    let mut bench = Bench::new();
    let birth = Birth { name: "s".to_owned(), timing, checks };
    bench.take(start("a", &json!(birth).to_string()));
    bench
}

/// Plays lines: what every script knows, `pass DAYS`, `weekly DAY`, `monthly DAY`, `same`, `delete`.
fn script(timing: Timing, lines: &str, expected: &Expect) -> Bench<Schedule> {
    let mut bench = begun(timing);
    let mut shown = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let days = |frequency| Days { frequency: Some(frequency), ..Days::default() };
        let update = |days| Input::Signal(Signal::Update { days, checks: None });
        let input = match word {
            "pass" => {
                bench.now = bench.now.plus_seconds(rest.parse::<u64>().unwrap() * 86_400);
                continue;
            }
            "weekly" => update(Days { weekday: Weekday::named(rest), ..days(Frequency::Weekly) }),
            "monthly" => {
                update(Days { month_day: MonthDay::named(rest), ..days(Frequency::Monthly) })
            }
            "same" => update(Days::default()),
            "delete" => Input::Signal(Signal::Delete),
            _ => common(line).unwrap(),
        };
        shown.push_str(&format!("{line}\n{}", bench.take(input)));
        bench.check_fold();
    }
    expected.assert_eq(&shown);
    bench
}

#[test]
fn a_slot_starts_an_audit_and_arms_the_next() {
    let expected = expect![[r#"
        fire 0
          Due { effect: EffectId(0), number: AuditNumber(1)
          Armed(TimerId(1), Timestamp(1795428000000))
          > run 0 audit-start {"schedule":"s","number":1,"checks":["LOGGING_DISABLED_CHECK"]}
          > wake 1 in 24h
        fire 0
        closed 0 {}
          AuditEnded { effect: EffectId(0), failure: None
        closed 0 {}
        fire 1
          Due { effect: EffectId(1), number: AuditNumber(2)
          Armed(TimerId(2), Timestamp(1795514400000))
          > run 1 audit-start {"schedule":"s","number":2,"checks":["LOGGING_DISABLED_CHECK"]}
          > wake 2 in 24h
        fail 1 E
          AuditEnded { effect: EffectId(1), failure: Some("E: ")
    "#]];
    let lines = "pass 1\nfire 0\nfire 0\nclosed 0 {}\nclosed 0 {}\npass 1\nfire 1\nfail 1 E";
    let bench = script(Timing::Daily, lines, &expected);
    assert_eq!(bench.machine.summary().status, ACTIVE);
}

#[test]
fn slots_that_were_missed_come_once_and_an_audit_that_runs_keeps_none_away() {
    let expected = expect![[r#"
        fire 0
          Due { effect: EffectId(0), number: AuditNumber(1)
          Armed(TimerId(1), Timestamp(1798279200000))
          > run 0 audit-start {"schedule":"s","number":1,"checks":["LOGGING_DISABLED_CHECK"]}
          > wake 1 in 120h
        fire 1
          Due { effect: EffectId(1), number: AuditNumber(2)
          Armed(TimerId(2), Timestamp(1798884000000))
          > run 1 audit-start {"schedule":"s","number":2,"checks":["LOGGING_DISABLED_CHECK"]}
          > wake 2 in 168h
    "#]];
    let timing = Timing::Weekly(Weekday::Saturday);
    script(timing, "pass 30\nfire 0\npass 5\nfire 1", &expected);
}

#[test]
fn a_changed_rhythm_counts_from_the_change() {
    let expected = expect![[r#"
        same
        weekly FRI
          Updated { timing: Some(Weekly(Friday)), checks: None
          Armed(TimerId(1), Timestamp(1795773600000))
          > disarm 0
          > wake 1 in 120h
        fire 0
        monthly LAST
          Updated { timing: Some(Monthly(Last)), checks: None
          Armed(TimerId(2), Timestamp(1796032800000))
          > disarm 1
          > wake 2 in 192h
        weekly X
          refused: Timing(NoWeekday)
    "#]];
    let bench = script(
        Timing::Daily,
        "pass 1\nsame\nweekly FRI\nfire 0\nmonthly LAST\nweekly X",
        &expected,
    );
    let columns = Columns::read(&bench.machine.summary().columns).unwrap();
    assert_eq!(columns.timing, Timing::Monthly(MonthDay::Last));
    assert_eq!(columns.checks, [Check::LoggingDisabled]);
}

#[test]
fn a_deleted_one_starts_nothing_more_and_waits_for_what_it_has_started() {
    let expected = expect![[r#"
        fire 0
          Due { effect: EffectId(0), number: AuditNumber(1)
          Armed(TimerId(1), Timestamp(1795428000000))
          > run 0 audit-start {"schedule":"s","number":1,"checks":["LOGGING_DISABLED_CHECK"]}
          > wake 1 in 24h
        delete
          Deleted
          > disarm 1
        fire 1
        delete
          refused: Deleted
        same
          refused: Deleted
        closed 0 {}
          AuditEnded { effect: EffectId(0), failure: None
          Closed
          > close {}
    "#]];
    let lines = "pass 1\nfire 0\ndelete\nfire 1\ndelete\nsame\nclosed 0 {}";
    let bench = script(Timing::Daily, lines, &expected);
    assert_eq!(bench.machine.summary().status, DELETED);
    assert_eq!(bench.machine.summary().closed, Some(bench.now));
}

#[test]
fn a_scheduled_audit_without_a_readable_beginning_ends() {
    let mut bench = Bench::<Schedule>::new();
    bench.take(start("a", "nonsense"));
    bench.check_fold();
    assert!(bench.report.is_some());
}
