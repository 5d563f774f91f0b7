//! Tables of what a schedule is, and of what State Manager takes.

use jiff::tz::TimeZone;
use proptest::prelude::*;
use trackway_core::Timestamp;
use trackway_core::cron::CronError;

use super::rules::{Problem, Terms, check, next_slot};
use super::{Schedule, ScheduleError};

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = format!("{text}Z").parse().unwrap();
    Timestamp(moment.as_millisecond())
}

fn show(moment: Timestamp) -> String {
    let stamp = jiff::Timestamp::from_millisecond(moment.0).unwrap();
    TimeZone::UTC.to_datetime(stamp).to_string()
}

/// The next `count` slots after a moment.
fn slots(text: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(text).unwrap();
    let origin = at(after);
    let next = |after: &Timestamp| schedule.next(*after, origin);
    std::iter::successors(next(&origin), next).take(count).map(show).collect()
}

#[test]
fn a_slot_is_later_than_the_moment_asked_about() {
    let cron = Schedule::parse("cron(0 10 * * ? *)").unwrap();
    let slot = at("2026-11-21T10:00:00");
    let next = |after| cron.next(after, Timestamp(0)).map(show);
    assert_eq!(next(Timestamp(slot.0 - 1)).as_deref(), Some("2026-11-21T10:00:00"));
    assert_eq!(next(slot).as_deref(), Some("2026-11-22T10:00:00"));
    assert_eq!(next(Timestamp(slot.0 + 1)).as_deref(), Some("2026-11-22T10:00:00"));
}

#[test]
fn what_never_comes_ends() {
    for text in [
        "cron(0 0 30 2 ? *)",
        "cron(0 0 31 4,6,9,11 ? *)",
        "cron(0 0 1 1 ? 2020)",
        "cron(0 0 29 2 ? 2027,2029)",
        "cron(0 0 ? 2 MON#5 2027)",
        "at(2026-11-21T09:59:59)",
    ] {
        assert!(slots(text, "2026-11-21T10:00:00", 1).is_empty(), "{text}");
    }
    let last = at("2199-12-31T23:59:59");
    for text in ["cron(* * * * * ? *)", "rate(1 day)"] {
        assert_eq!(
            Schedule::parse(text).unwrap().next(last, Timestamp(0)).map(show),
            match text {
                "rate(1 day)" => Some("2200-01-01T00:00:00".to_owned()),
                _ => None,
            }
        );
    }
    for moment in [i64::MIN, i64::MIN / 2, -1, 0, i64::MAX / 2, i64::MAX - 1, i64::MAX] {
        for text in ["cron(0 0 * * ? *)", "rate(1 day)", "at(2020-05-14T15:55:00)"] {
            let schedule = Schedule::parse(text).unwrap();
            let next = schedule.next(Timestamp(moment), Timestamp(moment));
            assert!(next.is_none_or(|next| next > Timestamp(moment)), "{text} after {moment}");
        }
    }
}

#[test]
fn a_rate_counts_from_its_origin() {
    assert_eq!(
        slots("rate(30 minutes)", "2026-11-21T10:07:11", 3),
        ["2026-11-21T10:37:11", "2026-11-21T11:07:11", "2026-11-21T11:37:11"]
    );
    let schedule = Schedule::parse("rate(1 hour)").unwrap();
    let (origin, after) = (at("2026-11-21T10:00:00"), at("2026-11-25T07:20:00"));
    assert_eq!(show(schedule.next(after, origin).unwrap()), "2026-11-25T08:00:00");
    assert_eq!(slots("at(2027-05-14T15:55:00)", "2026-11-21T10:00:00", 2), ["2027-05-14T15:55:00"]);
}

#[test]
fn what_is_no_schedule() {
    for (text, error) in [
        ("", ScheduleError::Form),
        ("cron", ScheduleError::Form),
        ("cron(0 0 * * ? *", ScheduleError::Form),
        ("every(1 day)", ScheduleError::Form),
        ("cron(0 0 * * * *)", ScheduleError::Cron(CronError::Days)),
        ("rate(1 hours)", ScheduleError::Plural),
        ("rate(2 hour)", ScheduleError::Plural),
        ("rate(0 minutes)", ScheduleError::Rate),
        ("rate(-1 minutes)", ScheduleError::Rate),
        ("rate(1.5 hours)", ScheduleError::Rate),
        ("rate(hour)", ScheduleError::Rate),
        ("rate(1 week)", ScheduleError::Rate),
        ("rate(99999999999999999999 days)", ScheduleError::Rate),
        ("rate(9000000000000000 days)", ScheduleError::Rate),
        ("at(2020-05-14)", ScheduleError::At),
        ("at(2020-02-30T00:00:00)", ScheduleError::At),
        ("at(2020-05-14T15:55:00Z)", ScheduleError::At),
        ("at(2020-05-14 15:55:00)", ScheduleError::At),
    ] {
        assert_eq!(Schedule::parse(text), Err(error), "{text}");
    }
}

#[test]
fn what_state_manager_accepts() {
    let terms = |text| Terms { expression: Some(text), ..Terms::default() };
    for (text, problem) in [
        ("cron(0 2 ? * SUN *)", None),
        ("cron(30 23 ? * TUE#3 *)", None),
        ("cron(0 0 ? * 3L *)", None),
        ("cron(0 */30 * * * ? *)", None),
        ("cron(0 0/30 * 1/1 * ? *)", None),
        ("cron(0 0 0/1 1/1 * ? *)", None),
        ("cron(0 0/2 * * ? *)", None),
        ("cron(0 */4 ? * * *)", None),
        ("cron(10 1/8 ? * * *)", None),
        ("cron(0 0,12 ? * * *)", None),
        ("cron(0 10 ? * MON,WED *)", None),
        ("rate(30 minutes)", None),
        ("rate(30 days)", None),
        ("at(2020-05-14T15:55:00)", None),
        ("rate(29 minutes)", Some(Problem::Rate)),
        ("rate(31 days)", Some(Problem::Rate)),
        ("cron(5 0 2 ? * SUN *)", Some(Problem::Seconds)),
        ("cron(* 0 2 ? * SUN *)", Some(Problem::Seconds)),
        ("cron(0 2 ? 1 SUN *)", Some(Problem::Months)),
        ("cron(*/5 * * * ? *)", Some(Problem::Period)),
        ("cron(0,20 * * * ? *)", Some(Problem::Period)),
        ("cron(0 */3 * * ? *)", Some(Problem::Period)),
        ("cron(0 */6 * * ? *)", Some(Problem::Period)),
        ("cron(0 1,2 * * ? *)", Some(Problem::Period)),
        ("cron(0 */2 ? * MON *)", Some(Problem::Period)),
        ("cron(0 2 1 * ? *)", Some(Problem::Period)),
        ("cron(0 2 L * ? *)", Some(Problem::Period)),
        ("rate(1 hours)", Some(Problem::Schedule(ScheduleError::Plural))),
    ] {
        assert_eq!(check(terms(text)).err(), problem, "{text}");
    }
    assert_eq!(check(Terms::default()), Ok(None));
}

#[test]
fn what_goes_with_a_schedule() {
    let nth = Terms {
        expression: Some("cron(0 0 ? * TUE#2 *)"),
        offset_days: Some(4),
        only_at_interval: true,
        duration_hours: Some(1),
    };
    assert!(check(nth).is_ok());
    assert_eq!(check(Terms { only_at_interval: false, ..nth }), Err(Problem::Offset));
    let weekly = Terms { expression: Some("cron(0 0 ? * TUE *)"), ..nth };
    assert_eq!(check(weekly), Err(Problem::Offset));
    assert_eq!(check(Terms { expression: None, ..nth }), Err(Problem::Offset));
    let rate = Terms { expression: Some("rate(1 hour)"), offset_days: None, ..nth };
    assert_eq!(check(rate), Err(Problem::OnlyAtInterval));
    let long = Terms { offset_days: None, only_at_interval: false, ..nth };
    assert_eq!(check(long), Err(Problem::Duration));
}

#[test]
fn an_offset_moves_each_slot() {
    let schedule = Schedule::parse("cron(0 3 ? * TUE#2 *)").unwrap();
    let next = |after| next_slot(&schedule, Some(4), at(after), Timestamp(0)).map(show);
    // The second Tuesday of November 2026 is the 10th.
    assert_eq!(next("2026-11-12T00:00:00").as_deref(), Some("2026-11-14T03:00:00"));
    assert_eq!(next("2026-11-14T03:00:00").as_deref(), Some("2026-12-12T03:00:00"));
}

proptest! {
    #[test]
    fn any_text_is_a_schedule_or_an_error(text in "(cron|rate|at)?\\(?[ -~]{0,40}\\)?") {
        let _any = Schedule::parse(&text);
    }
}
