//! Timestamps: epoch seconds in the neutral form, other formats on the wire.

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};

use crate::model::TimestampFormat;

/// A moment that is written as AWS writes it in JSON: epoch seconds with at most three decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochSeconds(i64);

/// Makes a serialisable moment from milliseconds since 1970: `1550505827119` is written as
/// `1550505827.119`, `1550505827000` as `1550505827`.
#[must_use]
pub fn epoch_seconds(milliseconds: i64) -> EpochSeconds {
    EpochSeconds(milliseconds)
}

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const MS: i64 = 1000;
        if self.0 % MS == 0 {
            serializer.serialize_i64(self.0 / MS)
        } else {
            // The nearest double of a number with three decimals prints with those decimals.
            #[expect(clippy::cast_precision_loss, reason = "exact up to the year 285,000")]
            serializer.serialize_f64(self.0 as f64 / 1000.0)
        }
    }
}

/// A number that prints without a needless fraction: `5`, not `5.0`. `None` when it is not finite.
pub(crate) fn plain_number(value: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

/// The seconds of the epoch at which the year 1 begins, and at which 10000 does.
const CALENDAR: std::ops::Range<f64> = -62_135_596_800.0..253_402_300_800.0;

/// Whether a request may name this moment. No client could read an answer with a year beyond these.
pub(crate) fn is_in_calendar(seconds: f64) -> bool {
    CALENDAR.contains(&seconds)
}

/// Reads a timestamp in any format that AWS uses: RFC 3339, RFC 822, or plain epoch seconds.
/// The answer is a number of epoch seconds.
pub(crate) fn parse(text: &str) -> Option<Value> {
    if let Ok(seconds) = text.parse::<f64>() {
        return plain_number(seconds).map(Value::Number);
    }
    let moment: Timestamp = match text.parse() {
        Ok(moment) => moment,
        Err(_) => jiff::fmt::rfc2822::parse(text).ok()?.timestamp(),
    };
    #[expect(clippy::cast_precision_loss, reason = "microseconds are exact until the year 2255")]
    let seconds = moment.as_microsecond() as f64 / 1e6;
    plain_number(seconds).map(Value::Number)
}

/// Writes epoch seconds (a number, or a text in any format that [`parse`] reads) in a format.
pub(crate) fn format(value: &Value, format: TimestampFormat) -> Option<Value> {
    let value = match value {
        Value::String(text) => &parse(text)?,
        other => other,
    };
    let seconds = value.as_f64()?;
    if format == TimestampFormat::Epoch {
        return plain_number(seconds).map(Value::Number);
    }
    #[expect(clippy::cast_possible_truncation, reason = "out of range is refused by jiff")]
    let moment = Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()?;
    Some(Value::String(match format {
        TimestampFormat::Rfc822 => {
            let printer = jiff::fmt::rfc2822::DateTimePrinter::new();
            printer.timestamp_to_rfc9110_string(&moment).ok()?
        }
        _ => moment.to_string(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epoch_seconds_have_no_more_than_three_decimals() {
        for (milliseconds, expected) in [
            (1_550_505_827_119, "1550505827.119"),
            (1_550_505_827_100, "1550505827.1"),
            (1_550_505_827_000, "1550505827"),
            (1_767_225_600_001, "1767225600.001"),
            (0, "0"),
        ] {
            let text = serde_json::to_string(&epoch_seconds(milliseconds)).unwrap();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn the_calendar_has_years_of_four_digits() {
        for (text, expected) in [
            ("0001-01-01T00:00:00Z", true),
            ("253402300799", true),
            ("253402300800", false),
            ("-62135596801", false),
            ("1e300", false),
        ] {
            let seconds = parse(text).and_then(|seconds| seconds.as_f64()).unwrap();
            assert_eq!(is_in_calendar(seconds), expected, "{text}");
        }
    }

    #[test]
    fn reads_and_writes_all_formats() {
        for text in ["2026-01-01T00:00:00.5Z", "1767225600.5"] {
            assert_eq!(parse(text).unwrap().to_string(), "1767225600.5", "{text}");
        }
        assert_eq!(parse("Thu, 01 Jan 2026 00:00:00 GMT").unwrap().to_string(), "1767225600");
        assert_eq!(parse("soon"), None);
        let value = Value::from(1_767_225_600);
        assert_eq!(format(&value, TimestampFormat::Iso8601).unwrap(), "2026-01-01T00:00:00Z");
        let header = format(&value, TimestampFormat::Rfc822).unwrap();
        assert_eq!(header, "Thu, 01 Jan 2026 00:00:00 GMT");
    }
}
