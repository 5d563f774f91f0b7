//! Tables for AWS's own dialect, and croner as oracle where the dialects agree.

use croner::parser::{CronParser, Seconds, Year};
use proptest::prelude::*;

use super::*;

fn at(text: &str) -> Timestamp {
    let moment: jiff::Timestamp = format!("{text}Z").parse().unwrap();
    Timestamp(moment.as_millisecond())
}

fn show(moment: Timestamp) -> String {
    to_civil(moment).unwrap().to_string()
}

fn slots_of(cron: &Cron, after: &str, count: usize) -> Vec<String> {
    let next = |after: &Timestamp| cron.next(*after);
    std::iter::successors(cron.next(at(after)), next).take(count).map(show).collect()
}

/// The next `count` slots after a moment.
fn slots(text: &str, after: &str, count: usize) -> Vec<String> {
    slots_of(&Cron::parse(text).unwrap(), after, count)
}

#[test]
fn cron_slots() {
    let from = "2026-11-21T10:00:00";
    for (text, expected) in [
        ("0 2 ? * SUN *", ["2026-11-22T02:00:00", "2026-11-29T02:00:00"]),
        ("30 23 ? * TUE#3 *", ["2026-12-15T23:30:00", "2027-01-19T23:30:00"]),
        ("0 0 ? * 3L *", ["2026-11-24T00:00:00", "2026-12-29T00:00:00"]),
        ("0 0 ? * FRIL *", ["2026-11-27T00:00:00", "2026-12-25T00:00:00"]),
        ("0 */30 * * * ? *", ["2026-11-21T10:30:00", "2026-11-21T11:00:00"]),
        ("0 0/30 * 1/1 * ? *", ["2026-11-21T10:30:00", "2026-11-21T11:00:00"]),
        ("0 0 0/8 1/1 * ? *", ["2026-11-21T16:00:00", "2026-11-22T00:00:00"]),
        ("15 13 ? * * *", ["2026-11-21T13:15:00", "2026-11-22T13:15:00"]),
        ("0 10 ? * MON-FRI *", ["2026-11-23T10:00:00", "2026-11-24T10:00:00"]),
        ("0 10 ? * SAT-SUN *", ["2026-11-22T10:00:00", "2026-11-28T10:00:00"]),
        ("0 10 ? * 2,4 *", ["2026-11-23T10:00:00", "2026-11-25T10:00:00"]),
        ("0 0 L * ? *", ["2026-11-30T00:00:00", "2026-12-31T00:00:00"]),
        ("0 0 L-3 * ? *", ["2026-11-27T00:00:00", "2026-12-28T00:00:00"]),
        ("0 0 LW * ? *", ["2026-11-30T00:00:00", "2026-12-31T00:00:00"]),
        ("0 0 15W * ? *", ["2026-12-15T00:00:00", "2027-01-15T00:00:00"]),
        ("0 0 1W * ? *", ["2026-12-01T00:00:00", "2027-01-01T00:00:00"]),
        ("0 0 29 2 ? *", ["2028-02-29T00:00:00", "2032-02-29T00:00:00"]),
        ("0 0 ? 2 SUN#5 *", ["2032-02-29T00:00:00", "2060-02-29T00:00:00"]),
        ("0 12 1 JAN,JUL ? 2026-2030/2", ["2028-01-01T12:00:00", "2028-07-01T12:00:00"]),
        ("*/20 59 23 31 12 ? *", ["2026-12-31T23:59:00", "2026-12-31T23:59:20"]),
    ] {
        assert_eq!(slots(text, from, 2), expected, "{text}");
    }
}

#[test]
fn a_slot_is_later_than_the_moment_asked_about() {
    let cron = Cron::parse("0 10 * * ? *").unwrap();
    let slot = at("2026-11-21T10:00:00");
    let next = |after| cron.next(after).map(show);
    assert_eq!(next(Timestamp(slot.0 - 1)).as_deref(), Some("2026-11-21T10:00:00"));
    assert_eq!(next(slot).as_deref(), Some("2026-11-22T10:00:00"));
    assert_eq!(next(Timestamp(slot.0 + 1)).as_deref(), Some("2026-11-22T10:00:00"));
}

#[test]
fn what_never_comes_ends() {
    for text in [
        "0 0 30 2 ? *",
        "0 0 31 4,6,9,11 ? *",
        "0 0 1 1 ? 2020",
        "0 0 29 2 ? 2027,2029",
        "0 0 ? 2 MON#5 2027",
    ] {
        assert!(slots(text, "2026-11-21T10:00:00", 1).is_empty(), "{text}");
    }
    assert!(slots("* * * * * ? *", "2199-12-31T23:59:59", 1).is_empty());
    let daily = Cron::parse("0 0 * * ? *").unwrap();
    for moment in [i64::MIN, i64::MIN / 2, -1, 0, i64::MAX / 2, i64::MAX - 1, i64::MAX] {
        let next = daily.next(Timestamp(moment));
        assert!(next.is_none_or(|next| next > Timestamp(moment)), "after {moment}");
    }
}

#[test]
fn quartz_takes_seconds_first_and_a_year_if_it_likes() {
    let from = "2026-11-21T10:00:00";
    for (text, expected) in [
        ("0 0 9 ? * MON-FRI", ["2026-11-23T09:00:00", "2026-11-24T09:00:00"]),
        ("0 0 9 ? * MON-FRI *", ["2026-11-23T09:00:00", "2026-11-24T09:00:00"]),
        ("0 0 9 1 1 ? 2028-2030", ["2028-01-01T09:00:00", "2029-01-01T09:00:00"]),
        ("0 0 22-2 ? * *", ["2026-11-21T22:00:00", "2026-11-21T23:00:00"]),
        ("0 0 0 1 NOV-JAN ?", ["2026-12-01T00:00:00", "2027-01-01T00:00:00"]),
        ("0 0 0 30-2 * ?", ["2026-11-30T00:00:00", "2026-12-01T00:00:00"]),
        ("59-1 59 23 L * ?", ["2026-11-30T23:59:00", "2026-11-30T23:59:01"]),
        ("0 0 9 ? * 6L", ["2026-11-27T09:00:00", "2026-12-25T09:00:00"]),
    ] {
        let cron = Cron::parse_quartz(text).unwrap();
        assert_eq!(slots_of(&cron, from, 2), expected, "{text}");
    }
    for (text, found) in [("", 0), ("0 0 9 ? *", 5), ("0 0 9 ? * MON * *", 8)] {
        let wanted = "six fields, or seven with the year";
        assert_eq!(Cron::parse_quartz(text), Err(CronError::FieldCount { wanted, found }));
    }
    assert_eq!(Cron::parse_quartz("0 0 9 * * *"), Err(CronError::Days));
}

#[test]
fn what_is_no_cron_expression() {
    let field = |field, problem| CronError::Field { field, problem };
    let word = |word: &str| FieldError::Word(word.to_owned());
    let count =
        |found| CronError::FieldCount { wanted: "six fields, or seven with seconds", found };
    for (text, error) in [
        ("", count(0)),
        ("0 0 * * ?", count(5)),
        ("0 0 0 * * ? * *", count(8)),
        ("0 0 * * * *", CronError::Days),
        ("0 0 ? * ? *", CronError::Days),
        ("60 0 * * ? *", field("minutes", FieldError::Range { value: 60, least: 0, most: 59 })),
        ("0 24 * * ? *", field("hours", FieldError::Range { value: 24, least: 0, most: 23 })),
        ("0 0 0 * ? *", field("day-of-month", FieldError::Range { value: 0, least: 1, most: 31 })),
        ("0 0 ? * 8 *", field("day-of-week", FieldError::Range { value: 8, least: 1, most: 7 })),
        ("0 0 ? * 0 *", field("day-of-week", FieldError::Range { value: 0, least: 1, most: 7 })),
        ("0 0 ? * MON#6 *", field("day-of-week", word("MON#6"))),
        ("0 0 ? * FOO *", field("day-of-week", word("FOO"))),
        ("0 0 ? * MON#1,TUE *", field("day-of-week", word("MON#1,TUE"))),
        ("0 0 1,L * ? *", field("day-of-month", FieldError::Alone("L".to_owned()))),
        ("0 ? * * ? *", field("hours", word("?"))),
        ("0 9-5 * * ? *", field("hours", FieldError::Reversed("9-5".to_owned()))),
        ("*/0 0 * * ? *", field("minutes", FieldError::Step)),
        ("+1 0 * * ? *", field("minutes", word("+1"))),
        ("0 0 * 13 ? *", field("month", FieldError::Range { value: 13, least: 1, most: 12 })),
        (
            "0 0 * * ? 1969",
            field("year", FieldError::Range { value: 1969, least: 1970, most: 2199 }),
        ),
    ] {
        assert_eq!(Cron::parse(text), Err(error), "{text}");
    }
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
        let ours = format!("{seconds} {minutes} {hours} {days} {months} {weekdays} *");
        let theirs = format!("{seconds} {minutes} {hours} {days} {months} {weekdays}").replace('?', "*");
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Disallowed)
            .alternative_weekdays(true)
            .build();
        let croner = parser.parse(&theirs).unwrap();
        let cron = Cron::parse(&ours).unwrap();
        let mut after = Timestamp(from * 1000);
        for _ in 0..4 {
            let next = cron.next(after);
            let moment = chrono::DateTime::from_timestamp_millis(after.0).unwrap();
            let expected = croner.find_next_occurrence(&moment, false).ok();
            let expected = expected.map(|moment| Timestamp(moment.timestamp_millis()));
            prop_assert_eq!(next.map(show), expected.map(show), "{} after {}", ours, show(after));
            let Some(next) = next else { break };
            prop_assert!(cron.fits(to_civil(next).unwrap()));
            after = next;
        }
    }

    #[test]
    fn any_fields_end(
        fields in proptest::collection::vec("[0-9*/?LW#,-]{1,6}|MON|JAN", 6..=7),
        from in 0_i64..4_000_000_000,
    ) {
        let text = fields.join(" ");
        for cron in [Cron::parse(&text), Cron::parse_quartz(&text)].into_iter().flatten() {
            let after = Timestamp(from * 1000);
            let next = cron.next(after);
            prop_assert!(next.is_none_or(|next| next > after));
            prop_assert!(next.is_none_or(|next| cron.fits(to_civil(next).unwrap())));
        }
    }
}
