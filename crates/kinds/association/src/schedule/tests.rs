//! Tables for AWS's own dialect, and croner as oracle where the dialects agree.

use croner::parser::{CronParser, Seconds, Year};
use proptest::prelude::*;
use trackway_core::Timestamp;

use super::rules::{Problem, Terms, check, next_slot};
use super::{FieldError, Schedule, ScheduleError, to_civil};

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = format!("{text}Z").parse().unwrap();
    Timestamp(moment.as_millisecond())
}

fn show(moment: Timestamp) -> String {
    to_civil(moment).unwrap().to_string()
}

/// The next `count` slots after a moment.
fn slots(text: &str, after: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(text).unwrap();
    let origin = at(after);
    let next = |after: &Timestamp| schedule.next(*after, origin);
    std::iter::successors(next(&origin), next).take(count).map(show).collect()
}

#[test]
fn cron_slots() {
    let from = "2026-11-21T10:00:00";
    for (text, expected) in [
        ("cron(0 2 ? * SUN *)", ["2026-11-22T02:00:00", "2026-11-29T02:00:00"]),
        ("cron(30 23 ? * TUE#3 *)", ["2026-12-15T23:30:00", "2027-01-19T23:30:00"]),
        ("cron(0 0 ? * 3L *)", ["2026-11-24T00:00:00", "2026-12-29T00:00:00"]),
        ("cron(0 0 ? * FRIL *)", ["2026-11-27T00:00:00", "2026-12-25T00:00:00"]),
        ("cron(0 */30 * * * ? *)", ["2026-11-21T10:30:00", "2026-11-21T11:00:00"]),
        ("cron(0 0/30 * 1/1 * ? *)", ["2026-11-21T10:30:00", "2026-11-21T11:00:00"]),
        ("cron(0 0 0/8 1/1 * ? *)", ["2026-11-21T16:00:00", "2026-11-22T00:00:00"]),
        ("cron(15 13 ? * * *)", ["2026-11-21T13:15:00", "2026-11-22T13:15:00"]),
        ("cron(0 10 ? * MON-FRI *)", ["2026-11-23T10:00:00", "2026-11-24T10:00:00"]),
        ("cron(0 10 ? * SAT-SUN *)", ["2026-11-22T10:00:00", "2026-11-28T10:00:00"]),
        ("cron(0 10 ? * 2,4 *)", ["2026-11-23T10:00:00", "2026-11-25T10:00:00"]),
        ("cron(0 0 L * ? *)", ["2026-11-30T00:00:00", "2026-12-31T00:00:00"]),
        ("cron(0 0 L-3 * ? *)", ["2026-11-27T00:00:00", "2026-12-28T00:00:00"]),
        ("cron(0 0 LW * ? *)", ["2026-11-30T00:00:00", "2026-12-31T00:00:00"]),
        ("cron(0 0 15W * ? *)", ["2026-12-15T00:00:00", "2027-01-15T00:00:00"]),
        ("cron(0 0 1W * ? *)", ["2026-12-01T00:00:00", "2027-01-01T00:00:00"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
        ("cron(0 0 ? 2 SUN#5 *)", ["2032-02-29T00:00:00", "2060-02-29T00:00:00"]),
        ("cron(0 12 1 JAN,JUL ? 2026-2030/2)", ["2028-01-01T12:00:00", "2028-07-01T12:00:00"]),
        ("cron(*/20 59 23 31 12 ? *)", ["2026-12-31T23:59:00", "2026-12-31T23:59:20"]),
    ] {
        assert_eq!(slots(text, from, 2), expected, "{text}");
    }
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
    let field = |field, problem| ScheduleError::Field { field, problem };
    let word = |word: &str| FieldError::Word(word.to_owned());
    for (text, error) in [
        ("", ScheduleError::Form),
        ("cron", ScheduleError::Form),
        ("cron(0 0 * * ? *", ScheduleError::Form),
        ("every(1 day)", ScheduleError::Form),
        ("cron()", ScheduleError::FieldCount(0)),
        ("cron(0 0 * * ?)", ScheduleError::FieldCount(5)),
        ("cron(0 0 0 * * ? * *)", ScheduleError::FieldCount(8)),
        ("cron(0 0 * * * *)", ScheduleError::Days),
        ("cron(0 0 ? * ? *)", ScheduleError::Days),
        (
            "cron(60 0 * * ? *)",
            field("minutes", FieldError::Range { value: 60, least: 0, most: 59 }),
        ),
        ("cron(0 24 * * ? *)", field("hours", FieldError::Range { value: 24, least: 0, most: 23 })),
        (
            "cron(0 0 0 * ? *)",
            field("day-of-month", FieldError::Range { value: 0, least: 1, most: 31 }),
        ),
        (
            "cron(0 0 ? * 8 *)",
            field("day-of-week", FieldError::Range { value: 8, least: 1, most: 7 }),
        ),
        (
            "cron(0 0 ? * 0 *)",
            field("day-of-week", FieldError::Range { value: 0, least: 1, most: 7 }),
        ),
        ("cron(0 0 ? * MON#6 *)", field("day-of-week", word("MON#6"))),
        ("cron(0 0 ? * FOO *)", field("day-of-week", word("FOO"))),
        ("cron(0 0 ? * MON#1,TUE *)", field("day-of-week", word("MON#1,TUE"))),
        ("cron(0 0 1,L * ? *)", field("day-of-month", FieldError::Alone("L".to_owned()))),
        ("cron(0 ? * * ? *)", field("hours", word("?"))),
        ("cron(0 9-5 * * ? *)", field("hours", FieldError::Reversed("9-5".to_owned()))),
        ("cron(*/0 0 * * ? *)", field("minutes", FieldError::Step)),
        ("cron(+1 0 * * ? *)", field("minutes", word("+1"))),
        ("cron(0 0 * 13 ? *)", field("month", FieldError::Range { value: 13, least: 1, most: 12 })),
        (
            "cron(0 0 * * ? 1969)",
            field("year", FieldError::Range { value: 1969, least: 1970, most: 2199 }),
        ),
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

fn list(least: u16, most: u16) -> impl Strategy<Value = String> {
    let range = (least..=most).prop_flat_map(move |first| (Just(first), first..=most));
    let item = prop_oneof![
        (least..=most).prop_map(|value| value.to_string()),
        range.clone().prop_map(|(first, last)| format!("{first}-{last}")),
        (range, 1..=most.min(20))
            .prop_map(|((first, last), step)| format!("{first}-{last}/{step}")),
        (2..=most.min(20)).prop_map(|step| format!("*/{step}")),
    ];
    let items = proptest::collection::vec(item, 1..4).prop_map(|items| items.join(","));
    prop_oneof![1 => Just("*".to_owned()), 2 => items]
}

fn weekdays() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec!["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]);
    prop_oneof![
        // croner's steps over a week of this numbering don't work from `*`.
        list(1, 7).prop_map(|list| list.replace("*/", "1-7/")),
        proptest::collection::vec(name.clone(), 1..4).prop_map(|names| names.join(",")),
        (1_u16..=7, 1_u16..=5).prop_map(|(day, nth)| format!("{day}#{nth}")),
        (1_u16..=7).prop_map(|day| format!("{day}L")),
        (name, 1_u16..=5).prop_map(|(name, nth)| format!("{name}#{nth}")),
    ]
}

fn month_days() -> impl Strategy<Value = String> {
    prop_oneof![4 => list(1, 31), 1 => Just("L".to_owned()), 1 => (1_u16..=28).prop_map(|day| format!("{day}W"))]
}

/// The two day fields: one of them is `?`.
fn day_fields() -> impl Strategy<Value = (String, String)> {
    prop_oneof![
        weekdays().prop_map(|weekdays| ("?".to_owned(), weekdays)),
        month_days().prop_map(|days| (days, "?".to_owned())),
    ]
}

proptest! {
    #[test]
    fn slots_are_those_of_croner(
        (seconds, minutes, hours) in (list(0, 59), list(0, 59), list(0, 23)),
        (days, weekdays) in day_fields(),
        months in list(1, 12),
        from in 1_500_000_000_i64..3_000_000_000,
    ) {
        let ours = format!("cron({seconds} {minutes} {hours} {days} {months} {weekdays} *)");
        let theirs = format!("{seconds} {minutes} {hours} {days} {months} {weekdays}").replace('?', "*");
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Disallowed)
            .alternative_weekdays(true)
            .build();
        let croner = parser.parse(&theirs).unwrap();
        let schedule = Schedule::parse(&ours).unwrap();
        let mut after = Timestamp(from * 1000);
        for _ in 0..4 {
            let next = schedule.next(after, Timestamp(0));
            let moment = chrono::DateTime::from_timestamp_millis(after.0).unwrap();
            let expected = croner.find_next_occurrence(&moment, false).ok();
            let expected = expected.map(|moment| Timestamp(moment.timestamp_millis()));
            prop_assert_eq!(next.map(show), expected.map(show), "{} after {}", ours, show(after));
            let Some(next) = next else { break };
            after = next;
        }
    }

    #[test]
    fn any_text_is_a_schedule_or_an_error(text in "(cron|rate|at)?\\(?[ -~]{0,40}\\)?") {
        let _any = Schedule::parse(&text);
    }

    #[test]
    fn any_fields_end(
        fields in proptest::collection::vec("[0-9*/?LW#,-]{1,6}|MON|JAN", 6..=7),
        from in 0_i64..4_000_000_000,
    ) {
        if let Ok(schedule) = Schedule::parse(&format!("cron({})", fields.join(" "))) {
            let after = Timestamp(from * 1000);
            let next = schedule.next(after, Timestamp(0));
            prop_assert!(next.is_none_or(|next| next > after));
        }
    }
}
