//! Durations and dates as runbooks write them.

use trackway_core::Timestamp;

/// The seconds of an ISO-8601 duration of days and smaller parts: `PT10M`, `P1DT2H`. `None` for
/// anything else.
pub(crate) fn seconds_of(duration: &str) -> Option<u64> {
    let text = duration.trim().to_ascii_uppercase();
    let rest = text.strip_prefix('P')?;
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return None;
    }
    let date = parts(date, &[('W', 604_800), ('D', 86_400)])?;
    let time = parts(time, &[('H', 3600), ('M', 60), ('S', 1)])?;
    date.checked_add(time)
}

/// Sums numbers with their units, which come in this order. A fraction of a second is cut off.
fn parts(text: &str, mut units: &[(char, u64)]) -> Option<u64> {
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let unit = tail.chars().next()?;
        let place = units.iter().position(|(known, _)| *known == unit)?;
        let whole = match number.split_once('.') {
            Some((whole, fraction)) if unit == 'S' && !fraction.is_empty() => whole,
            Some(_) => return None,
            None => number,
        };
        let amount = whole.parse::<u64>().ok()?.checked_mul(units[place].1)?;
        sum = sum.checked_add(amount)?;
        units = &units[place + 1..];
        rest = &tail[unit.len_utf8()..];
    }
    Some(sum)
}

/// A moment of `Timestamp`: ISO-8601 with an offset, or in UTC without one; a date alone is its
/// midnight.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(found) = text.parse::<jiff::Timestamp>() {
        return Some(Timestamp(found.as_millisecond()));
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    let utc = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp(utc.timestamp().as_millisecond()))
}

/// `{{ global:DATE }}`.
pub(crate) fn date(now: Timestamp) -> String {
    civil(now).map_or_else(String::new, |at| {
        format!("{:04}-{:02}-{:02}", at.year(), at.month(), at.day())
    })
}

/// `{{ global:DATE_TIME }}`.
pub(crate) fn date_time(now: Timestamp) -> String {
    civil(now).map_or_else(String::new, |at| {
        let (hour, minute, second) = (at.hour(), at.minute(), at.second());
        format!("{}_{hour:02}.{minute:02}.{second:02}", date(now))
    })
}

fn civil(now: Timestamp) -> Option<jiff::civil::DateTime> {
    let at = jiff::Timestamp::from_millisecond(now.as_millis()).ok()?;
    Some(jiff::tz::TimeZone::UTC.to_datetime(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_iso_8601_writes_them() {
        for (text, seconds) in [
            ("PT10M", Some(600)),
            ("PT0S", Some(0)),
            ("P1DT2H3M4S", Some(93_784)),
            ("P2W", Some(1_209_600)),
            ("PT1.5S", Some(1)),
            ("pt5s", Some(5)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("10", None),
            ("PT10", None),
            ("PT1M1H", None),
            ("P1Y", None),
            ("PT1.5M", None),
            ("PT99999999999999999999H", None),
            ("", None),
        ] {
            assert_eq!(seconds_of(text), seconds, "{text}");
        }
    }

    #[test]
    fn moments_have_an_offset_or_are_utc() {
        let noon = Some(Timestamp(1_704_110_400_000));
        for (text, at) in [
            ("2024-01-01T12:00:00Z", noon),
            ("2024-01-01T13:00:00+01:00", noon),
            ("2024-01-01T12:00:00", noon),
            ("2024-01-01", Some(Timestamp(1_704_067_200_000))),
            ("noon", None),
        ] {
            assert_eq!(moment(text), at, "{text}");
        }
        assert_eq!(date_time(Timestamp(1_704_110_461_000)), "2024-01-01_12.01.01");
    }
}
