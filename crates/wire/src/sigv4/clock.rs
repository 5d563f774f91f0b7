//! The date format of signatures: `20261121T024103Z`.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Writes milliseconds since 1970.
pub(super) fn write(milliseconds: i64) -> Option<String> {
    let moment = Timestamp::from_millisecond(milliseconds).ok()?;
    let civil = TimeZone::UTC.to_datetime(moment);
    Some(format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        civil.year(),
        civil.month(),
        civil.day(),
        civil.hour(),
        civil.minute(),
        civil.second()
    ))
}

/// Reads milliseconds since 1970.
pub(super) fn read(text: &str) -> Option<i64> {
    let rest = text.strip_suffix('Z')?;
    let (date, time) = rest.split_once('T')?;
    let digits = |text: &str| text.len() == text.chars().filter(char::is_ascii_digit).count();
    if date.len() != 8 || time.len() != 6 || !digits(date) || !digits(time) {
        return None;
    }
    let part = |text: &str| text.parse::<i8>().ok();
    let civil = DateTime::new(
        date[..4].parse().ok()?,
        part(&date[4..6])?,
        part(&date[6..])?,
        part(&time[..2])?,
        part(&time[2..4])?,
        part(&time[4..])?,
        0,
    );
    let zoned = civil.ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads() {
        assert_eq!(write(1_767_225_600_999).unwrap(), "20260101T000000Z");
        assert_eq!(read("20260101T000000Z"), Some(1_767_225_600_000));
        for text in ["", "20260101", "20260101T000000", "20261301T000000Z", "2026é101T00000Z"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
