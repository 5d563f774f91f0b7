//! Moments and dates as runbooks write them.

use trackway_core::Timestamp;

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
