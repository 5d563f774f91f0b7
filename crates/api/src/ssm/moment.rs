//! Moments that filters name as text.

use trackway_core::Timestamp;

/// Reads ISO 8601, in UTC where no offset is named, or seconds since 1970; none for anything else.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let iso = || text.parse::<jiff::Timestamp>().ok();
    let utc = || {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
    };
    let seconds = || {
        let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.is_finite())?;
        #[expect(clippy::cast_possible_truncation, reason = "what is too large stays so")]
        Some(Timestamp((seconds * 1000.0) as i64))
    };
    let written = |moment: jiff::Timestamp| Timestamp(moment.as_millisecond());
    iso().map(written).or_else(seconds).or_else(|| utc().map(written))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_and_without_offset_and_as_seconds() {
        for (text, millis) in [
            ("2026-01-31T12:00:00Z", Some(1_769_860_800_000)),
            ("2026-01-31T14:00:00+02:00", Some(1_769_860_800_000)),
            ("2026-01-31T12:00:00", Some(1_769_860_800_000)),
            ("1769860800", Some(1_769_860_800_000)),
            ("1769860800.5", Some(1_769_860_800_500)),
            ("yesterday", None),
            ("", None),
            ("inf", None),
        ] {
            assert_eq!(read(text), millis.map(Timestamp), "{text}");
        }
    }
}
