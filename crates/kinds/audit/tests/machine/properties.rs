//! Any inputs in any order: no panic, the state is the fold of its journal and of any snapshot with
//! the events after it, counters agree with the rows, and what is found makes no state larger.

use std::collections::BTreeMap;
use std::fmt::Debug;

use proptest::prelude::*;
use serde_json::json;
use trackway_audit::audit::{
    CheckStatus, Columns, Finding, Signal, TaskStatus, VIEW_BY_RESOURCE, VIEW_FINDINGS,
    VIEW_RELATED, by_resource_key,
};
use trackway_audit::check::Check;
use trackway_audit::request::{CheckError, Scanned};
use trackway_audit::schedule::{self, Days, Event, Frequency, MonthDay, Timing, Weekday};
use trackway_core::{EffectId, Input, Machine, Outcome, Payload, TimerId, Timestamp};

use crate::audit::{begun, details, flaw, related};
use crate::bench::Bench;
use crate::schedule as schedules;

/// What happens to an audit. A number chooses an effect that is awaited, or names one that isn't.
#[derive(Clone, Debug)]
enum Act {
    Scan(usize, Scanned),
    Answer(usize, &'static str),
    Fail(usize),
    Cancel,
}

fn scans() -> impl Strategy<Value = Scanned> {
    let flaw = (0..5_u8, 0..13_usize, any::<bool>());
    let flaws = prop::collection::vec(flaw, 0..5);
    let error = prop::option::weighted(0.1, Just("AUDIT_CHECK_DISABLED"));
    (flaws, 0..3_usize, prop::option::weighted(0.7, 0..9_u8), error, 0..1000_u64).prop_map(
        |(flaws, more, cursor, error, examined)| {
            let flaws: Vec<_> = flaws.iter().map(|(id, n, s)| flaw_of(*id, *n, *s)).collect();
            let suppressed = flaws.iter().filter(|flaw| flaw.suppressed).count() as u64;
            Scanned {
                examined,
                non_compliant: flaws.len() as u64 - suppressed,
                suppressed,
                flaws,
                related_of_last: (0..more).map(related).collect(),
                cursor: cursor.map(|cursor| cursor.to_string()),
                error: error.map(|code| CheckError { code: code.into(), message: "m".into() }),
            }
        },
    )
}

fn flaw_of(id: u8, related_len: usize, suppressed: bool) -> trackway_audit::request::Flaw {
    flaw(&id.to_string(), related_len, suppressed)
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        12 => (0..2_usize, scans()).prop_map(|(n, scanned)| Act::Scan(n, scanned)),
        1 => (0..2_usize, prop::sample::select(vec!["{}", "[]", "1"]))
            .prop_map(|(n, text)| Act::Answer(n, text)),
        1 => (0..2_usize).prop_map(Act::Fail),
        1 => Just(Act::Cancel),
    ];
    prop::collection::vec(act, 0..25)
}

/// The state is that of any snapshot on the way, and of the events after it.
fn check_snapshots<M>(bench: &Bench<M>)
where
    M: Machine<Definition = ()> + Clone + PartialEq + Debug,
    M::Event: PartialEq + Debug,
{
    for begin in 0..=bench.journal.len() {
        let (before, after) = bench.journal.split_at(begin);
        let mut machine = M::default();
        before.iter().for_each(|(at, event)| machine.evolve(event, *at));
        let mut restored = M::restore(&machine.snapshot().unwrap()).unwrap();
        after.iter().for_each(|(at, event)| restored.evolve(event, *at));
        assert_eq!(restored, bench.machine);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn audits(
        checks in prop::sample::subsequence(Check::ALL.to_vec(), 1..5),
        notifies in any::<bool>(),
        acts in acts(),
    ) {
        let mut bench = begun(&checks, notifies.then_some("t"));
        let largest = 300 + 100 * checks.len();
        for act in acts {
            let effect = |n: usize| bench.effects.keys().nth(n).copied().unwrap_or(EffectId(99));
            let succeeded = |text: String| Outcome::Succeeded(Payload::new(text));
            let input = match act {
                Act::Scan(n, scanned) => {
                    Input::Finished { effect: effect(n), outcome: succeeded(json!(scanned).to_string()) }
                }
                Act::Answer(n, text) => {
                    Input::Finished { effect: effect(n), outcome: succeeded(text.to_owned()) }
                }
                Act::Fail(n) => {
                    let outcome = Outcome::Failed { error: "E".into(), cause: "c".into() };
                    Input::Finished { effect: effect(n), outcome }
                }
                Act::Cancel => Input::Signal(Signal::Cancel),
            };
            if bench.report.is_some() {
                break;
            }
            bench.take(input);
            prop_assert!(bench.machine.snapshot().unwrap().len() < largest);
        }
        bench.check_fold();
        check_snapshots(&bench);
        check_counters(&bench);
    }
}

/// What details and columns count is what the rows are.
fn check_counters(bench: &Bench<trackway_audit::Audit>) {
    let details = details(bench);
    let mut findings: BTreeMap<Check, (u64, u64)> = BTreeMap::new();
    let (mut all, mut by_resource, mut related) = (0, 0, 0);
    for ((view, key), row) in &bench.rows {
        match *view {
            VIEW_FINDINGS => {
                let check = Check::numbered(key[0]).unwrap();
                let finding = Finding::read(row).unwrap();
                let counts = findings.entry(check).or_default();
                let place = u32::from_be_bytes(key[1..].try_into().unwrap());
                assert_eq!(u64::from(place), counts.0 + counts.1, "places have no gaps");
                if finding.suppressed {
                    counts.1 += 1
                } else {
                    counts.0 += 1
                }
                let key = by_resource_key(&finding.resource, check, place);
                assert!(bench.rows.contains_key(&(VIEW_BY_RESOURCE, key)));
                all += 1;
            }
            VIEW_BY_RESOURCE => by_resource += 1,
            VIEW_RELATED => related += 1,
            _ => {}
        }
    }
    assert_eq!(all, by_resource);
    assert!(related <= all * 12 + bench.journal.len() * 2);
    for (check, of) in &details.checks {
        let (open, suppressed) = findings.remove(check).unwrap_or_default();
        assert_eq!((of.non_compliant, of.suppressed), (open, suppressed), "{check:?}");
        assert_eq!(u64::from(of.findings), open + suppressed);
        let is_compliant = of.status == CheckStatus::CompletedCompliant;
        assert!(!is_compliant || open == 0);
        assert_eq!(of.status == CheckStatus::Failed, of.error.is_some());
    }
    assert!(findings.is_empty());
    let columns = Columns::read(&bench.machine.summary().columns).unwrap();
    assert_eq!(columns.findings, all as u64);
    let is_over = details.checks.values().all(|check| check.status != CheckStatus::InProgress);
    assert_eq!(is_over, details.status != TaskStatus::InProgress);
}

fn timings() -> impl Strategy<Value = Timing> {
    let weekday = prop::sample::select(Weekday::ALL.to_vec());
    prop_oneof![
        Just(Timing::Daily),
        weekday.clone().prop_map(Timing::Weekly),
        weekday.prop_map(Timing::Biweekly),
        (1..=31_u8).prop_map(|day| Timing::Monthly(MonthDay::Day(day))),
        Just(Timing::Monthly(MonthDay::Last)),
    ]
}

/// What happens to a schedule.
#[derive(Clone, Debug)]
enum Happens {
    Fire { late_s: u64 },
    Ends(usize),
    Update(Timing),
    Days(Option<Frequency>, Option<Weekday>),
    Stale(u32),
    Delete,
}

fn happenings() -> impl Strategy<Value = Vec<Happens>> {
    let frequency = prop::option::of(prop::sample::select(Frequency::ALL.to_vec()));
    let weekday = prop::option::of(prop::sample::select(Weekday::ALL.to_vec()));
    let happens = prop_oneof![
        8 => prop_oneof![Just(0), 0..5_000_000_u64].prop_map(|late_s| Happens::Fire { late_s }),
        6 => (0..3_usize).prop_map(Happens::Ends),
        2 => timings().prop_map(Happens::Update),
        1 => (frequency, weekday).prop_map(|(of, day)| Happens::Days(of, day)),
        1 => (0..5_u32).prop_map(Happens::Stale),
        1 => Just(Happens::Delete),
    ];
    prop::collection::vec(happens, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn scheduled_audits(timing in timings(), happenings in happenings()) {
        let mut bench = schedules::begun(timing);
        for happens in happenings {
            let input = match happens {
                Happens::Fire { late_s } => {
                    let Some((timer, at)) = bench.timers.first_key_value() else { continue };
                    bench.now = bench.now.max(*at).plus_seconds(late_s);
                    Input::Fired(*timer)
                }
                Happens::Ends(n) => {
                    let Some(effect) = bench.effects.keys().nth(n) else { continue };
                    let outcome = Outcome::Closed { report: Vec::new() };
                    Input::Finished { effect: *effect, outcome }
                }
                Happens::Update(timing) => {
                    Input::Signal(schedule::Signal::Update { days: timing.days(), checks: None })
                }
                Happens::Days(frequency, weekday) => {
                    let days = Days { frequency, weekday, ..Days::default() };
                    Input::Signal(schedule::Signal::Update { days, checks: None })
                }
                Happens::Stale(number) => {
                    if bench.timers.contains_key(&TimerId(number)) {
                        continue;
                    }
                    Input::Fired(TimerId(number))
                }
                Happens::Delete => Input::Signal(schedule::Signal::Delete),
            };
            if bench.report.is_some() {
                break;
            }
            bench.take(input);
            prop_assert!(bench.timers.len() <= 1, "one slot is armed");
        }
        bench.check_fold();
        check_snapshots(&bench);
        check_slots(&bench);
    }
}

/// Each slot is later than the turn that arms it, and each audit has a number of its own.
fn check_slots(bench: &Bench<trackway_audit::Schedule>) {
    let (mut last, mut numbers) = (Timestamp(0), Vec::new());
    let mut is_deleted = false;
    for (at, event) in &bench.journal {
        match event {
            Event::Armed(_, slot) => {
                assert!(slot > at && *at >= last);
                assert!(!is_deleted, "nothing is armed any more");
                last = *at;
            }
            Event::Due { number, .. } => {
                assert!(!numbers.contains(number));
                numbers.push(*number);
            }
            Event::Deleted => is_deleted = true,
            _ => {}
        }
    }
    let is_over = is_deleted && bench.effects.is_empty();
    assert_eq!(is_over, bench.report.is_some());
}
