//! The rule `DeploymentWindow`: it holds as soon as a window of time is open.
//!
//! ```text
//! Cron      seconds minutes hours day-of-month month day-of-week [year], as Quartz has them
//! TimeZone  Europe/Berlin, UTC, UTC+05:30, IST; UTC unless given
//! ```
//!
//! The window is open in every minute that fits; the seconds are read and not looked at, as AWS
//! says. Source: "DeploymentWindow" of the rule reference.

use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use serde_json::{Map, Value};
use trackway_core::Timestamp;
use trackway_core::cron::{Cron, Set};

use super::{Failure, Verdict, text};

/// Abbreviations, as Java's `ZoneId.SHORT_IDS` has them, which AWS's examples follow. An offset
/// stands for a zone without summer time.
const ABBREVIATIONS: [(&str, &str); 28] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("EST", "UTC-05:00"),
    ("HST", "UTC-10:00"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("MST", "UTC-07:00"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

/// A window of time.
struct Window {
    cron: Cron,
    zone: TimeZone,
}

/// What is wrong with a configuration, as far as it doesn't refer to variables.
pub(super) fn problem(configuration: &Map<String, Value>) -> Option<(&'static str, String)> {
    let given = |key| text(configuration, key).filter(|text| !text.contains("#{"));
    let cron = given("Cron").and_then(|text| cron(text).err());
    let zone = given("TimeZone").and_then(|text| zone(text).err());
    cron.map(|why| ("Cron", why)).or_else(|| Some(("TimeZone", zone?)))
}

/// Whether the window is open, or when it opens.
pub(super) fn decide(configuration: &Map<String, Value>, now: Timestamp) -> Verdict {
    let window = match Window::of(configuration) {
        Ok(window) => window,
        Err(problem) => return Verdict::Fails(Failure::configuration(problem)),
    };
    match window.opens(now) {
        Some(at) if at <= now => Verdict::Holds("The deployment window is open.".to_owned()),
        Some(at) => Verdict::WaitsUntil(at),
        None => Verdict::Fails(Failure::check("The deployment window never opens again.")),
    }
}

impl Window {
    fn of(configuration: &Map<String, Value>) -> Result<Self, String> {
        let cron = cron(text(configuration, "Cron").ok_or("Cron is missing")?)
            .map_err(|why| format!("Cron is not valid: {why}"))?;
        let zone = text(configuration, "TimeZone").map_or(Ok(TimeZone::UTC), zone);
        let zone = zone.map_err(|why| format!("TimeZone is not valid: {why}"))?;
        Ok(Self { cron, zone })
    }

    /// The first moment from `from` on at which the window is open: `from` itself, or the first of
    /// a minute. It goes from one change of the clocks to the next, between which civil time is
    /// even: so no window is missed or seen twice, whatever the clocks do.
    fn opens(&self, from: Timestamp) -> Option<Timestamp> {
        let from = jiff::Timestamp::from_millisecond(from.as_millis()).ok()?;
        let mut changes = self.zone.following(from);
        let mut start = from;
        loop {
            let end = changes.next().map(|change| change.timestamp());
            let offset = self.zone.to_offset(start);
            let civil = offset.to_datetime(start);
            if self.cron.fits(civil) {
                return Some(Timestamp(start.as_millisecond()));
            }
            let next = self.cron.next_civil(civil.with().subsec_nanosecond(0).build().ok()?)?;
            let next = offset.to_timestamp(next).ok()?;
            match end {
                Some(end) if next >= end => start = end,
                _ => return Some(Timestamp(next.as_millisecond())),
            }
        }
    }
}

fn cron(text: &str) -> Result<Cron, String> {
    let mut cron = Cron::parse_quartz(text).map_err(|why| why.to_string())?;
    cron.seconds = Set::of(0..60);
    Ok(cron)
}

/// A zone by any of AWS's three forms of names.
fn zone(name: &str) -> Result<TimeZone, String> {
    let found = ABBREVIATIONS.iter().find(|(short, _)| *short == name);
    let name = found.map_or(name, |(_, name)| *name);
    if let Some(offset) = name.strip_prefix("UTC") {
        let offset = if offset.is_empty() { Some(Offset::UTC) } else { read_offset(offset) };
        let offset = offset.ok_or_else(|| format!("{name} is no offset such as UTC+05:30"))?;
        return Ok(TimeZone::fixed(offset));
    }
    let unknown = |_| format!("there is no time zone {name}");
    TimeZoneDatabase::bundled().get(name).map_err(unknown)
}

/// `+HH:MM`, `-HH:MM`.
fn read_offset(text: &str) -> Option<Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':')?;
    let two = |digits: &str, end: i32| {
        let is_form = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|number| is_form && *number < end)
    };
    Offset::from_seconds(sign * (two(hours, 24)? * 3600 + two(minutes, 60)? * 60)).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        let moment: jiff::Timestamp = text.parse().unwrap();
        Timestamp(moment.as_millisecond())
    }

    fn opens(cron: &str, zone: &str, from: &str) -> Option<String> {
        let configuration = json!({ "Cron": cron, "TimeZone": zone });
        let window = Window::of(configuration.as_object().unwrap()).unwrap();
        let opens = window.opens(at(from))?;
        Some(jiff::Timestamp::from_millisecond(opens.0).unwrap().to_string())
    }

    #[test]
    fn a_window_is_open_or_opens() {
        for (cron, zone, from, expected) in [
            // Open.
            ("* * * ? * *", "UTC", "2026-11-21T10:00:30.500Z", "2026-11-21T10:00:30.5Z"),
            (
                "* * 9-17 ? * MON-FRI *",
                "UTC",
                "2026-11-20T17:59:59.999Z",
                "2026-11-20T17:59:59.999Z",
            ),
            // A minute is open as a whole, whatever the seconds say.
            ("0 0 9-17 ? * MON-FRI *", "UTC", "2026-11-20T17:00:42Z", "2026-11-20T17:00:42Z"),
            ("0 0 9-17 ? * MON-FRI *", "UTC", "2026-11-20T16:01:00Z", "2026-11-20T17:00:00Z"),
            // It opens.
            ("* * 9-17 ? * MON-FRI *", "UTC", "2026-11-20T18:00:00Z", "2026-11-23T09:00:00Z"),
            ("* * 9-17 ? * MON-FRI", "PST", "2026-11-20T18:00:00Z", "2026-11-20T18:00:00Z"),
            ("* * 9-17 ? * MON-FRI", "PST", "2026-11-20T16:59:00Z", "2026-11-20T17:00:00Z"),
            ("* 0-29 22-2 ? * *", "UTC", "2026-11-21T02:30:00Z", "2026-11-21T22:00:00Z"),
            ("* * * L * ?", "Asia/Tokyo", "2026-11-21T00:00:00Z", "2026-11-29T15:00:00Z"),
            ("* * * ? * 6#3", "IST", "2026-11-21T00:00:00Z", "2026-12-17T18:30:00Z"),
            ("* * 0 1 1 ? 2030", "UTC-03:00", "2026-11-21T00:00:00Z", "2030-01-01T03:00:00Z"),
            ("* * 12 ? * *", "EST", "2026-07-01T00:00:00Z", "2026-07-01T17:00:00Z"),
            ("* * 12 ? * *", "America/New_York", "2026-07-01T00:00:00Z", "2026-07-01T16:00:00Z"),
        ] {
            assert_eq!(opens(cron, zone, from).as_deref(), Some(expected), "{cron} {zone} {from}");
        }
        assert_eq!(opens("* * 0 1 1 ? 2020", "UTC", "2026-11-21T00:00:00Z"), None);
        assert_eq!(opens("* * 0 30 2 ?", "Europe/Berlin", "2026-11-21T00:00:00Z"), None);
    }

    #[test]
    fn clocks_that_change_neither_hide_a_window_nor_open_it_too_early() {
        for (cron, from, expected) in [
            // 2026-03-29 has no hour from 2 to 3 in Berlin.
            ("* * 2 ? * *", "2026-03-29T00:59:59Z", "2026-03-30T00:00:00Z"),
            ("* * 3 ? * *", "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"),
            ("* 30 2-3 ? * *", "2026-03-29T00:45:00Z", "2026-03-29T01:30:00Z"),
            // 2026-10-25 has the hour from 2 to 3 twice.
            ("* 0-29 2 ? * *", "2026-10-25T00:29:59Z", "2026-10-25T00:29:59Z"),
            ("* 0-29 2 ? * *", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
            ("* 0-29 2 ? * *", "2026-10-25T01:30:00Z", "2026-10-26T01:00:00Z"),
            ("* * 3 ? * *", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"),
        ] {
            let found = opens(cron, "Europe/Berlin", from);
            assert_eq!(found.as_deref(), Some(expected), "{cron} {from}");
        }
    }

    #[test]
    fn zones_have_three_forms_of_names() {
        for name in [
            "UTC",
            "UTC+05:30",
            "UTC-03:00",
            "Europe/Berlin",
            "America/New_York",
            "America/Argentina/Buenos_Aires",
            "EST",
            "IST",
            "PST",
            "CET",
            "GMT",
        ] {
            assert!(zone(name).is_ok(), "{name}: {:?}", zone(name));
        }
        assert!(ABBREVIATIONS.iter().all(|(_, name)| zone(name).is_ok()));
        for name in [
            "",
            "Mars/Olympus",
            "UTC+5",
            "UTC+24:00",
            "UTC05:30",
            "UTC+05:60",
            "UTC+05:3x",
            "XYZ",
            "UTC ",
            "../etc/passwd",
            "UTCä",
        ] {
            assert!(zone(name).is_err(), "{name}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_before_it_runs() {
        for (configuration, problem) in [
            (json!({ "Cron": "* * * ? * *" }), None),
            (json!({ "Cron": "#{variables.cron}", "TimeZone": "#{variables.zone}" }), None),
            (
                json!({ "Cron": "* * * ? * *", "TimeZone": "X" }),
                Some(("TimeZone", "there is no time zone X")),
            ),
            (
                json!({ "Cron": "* * * * * *" }),
                Some(("Cron", "exactly one of the fields day-of-month and day-of-week must be ?")),
            ),
        ] {
            let found = super::problem(configuration.as_object().unwrap());
            let found = found.as_ref().map(|(key, why)| (*key, why.as_str()));
            assert_eq!(found, problem, "{configuration}");
        }
        let verdict = decide(&Map::new(), Timestamp(0));
        let expected = Failure::configuration("Cron is missing");
        assert_eq!(verdict, Verdict::Fails(expected));
    }

    proptest! {
        #[test]
        fn nothing_before_it_opens_is_open(
            (minutes, hours) in ("[0-5][0-9]|\\*/7", "[01][0-9]|\\*/5|22-3"),
            days in "\\* \\* \\?|\\? \\* MON-FRI|\\? \\* SUN|L \\* \\?",
            zone in "Europe/Berlin|America/Los_Angeles|Australia/Lord_Howe|Asia/Kolkata|UTC",
            from in 1_700_000_000_i64..1_900_000_000,
        ) {
            let cron = format!("* {minutes} {hours} {days}");
            let configuration = json!({ "Cron": cron, "TimeZone": zone });
            let window = Window::of(configuration.as_object().unwrap()).unwrap();
            let from = Timestamp(from * 1000);
            let opens = window.opens(from).unwrap();
            prop_assert!(opens >= from);
            let fits = |moment: i64| {
                let moment = jiff::Timestamp::from_millisecond(moment).unwrap();
                window.cron.fits(window.zone.to_datetime(moment))
            };
            prop_assert!(fits(opens.0));
            let minute = 60_000;
            // As far back as a day, minute by minute.
            let mut before = opens.0 - 1;
            while before >= from.0 && before > opens.0 - 1440 * minute {
                prop_assert!(!fits(before), "{cron} {zone} open at {before}, said {opens:?}");
                before -= minute;
            }
        }
    }
}
