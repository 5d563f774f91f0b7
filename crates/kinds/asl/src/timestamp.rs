//! Timestamps as AWS accepts them: RFC 3339 with seconds, an upper-case `T`, and `Z` or an offset.

use trackway_core::Timestamp;

/// Reads a timestamp: `2016-03-14T01:59:00Z`, `2016-03-14T01:59:00.123456+01:00`. `None` for
/// anything else, such as a timestamp without an offset.
#[must_use]
pub fn parse(text: &str) -> Option<jiff::Timestamp> {
    if !has_shape(text.as_bytes()) {
        return None;
    }
    text.parse().ok()
}

/// The moment in the engine's precision; parts of a millisecond are cut off.
#[must_use]
pub fn to_millis(timestamp: jiff::Timestamp) -> Timestamp {
    Timestamp(timestamp.as_millisecond())
}

/// The library reads more than AWS does: blanks, lower case, short forms, leap seconds.
fn has_shape(text: &[u8]) -> bool {
    const SHAPE: &[u8; 19] = b"0000-00-00T00:00:00";
    let Some((head, tail)) = text.split_at_checked(SHAPE.len()) else { return false };
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == shape,
    };
    if !head.iter().zip(SHAPE).all(fits) || &head[17..] == b"60" {
        return false;
    }
    let zone = match tail.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 || digits > 9 {
                return false;
            }
            &fraction[digits..]
        }
        None => tail,
    };
    match zone {
        [b'Z'] => true,
        [b'+' | b'-', a, b, b':', c, d] => [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_as_aws_reads_them() {
        let rows = [
            ("2016-12-05T21:29:29Z", Some(1_480_973_369_000)),
            ("2016-12-05T21:29:29.00Z", Some(1_480_973_369_000)),
            ("2016-12-05T21:29:29.123456Z", Some(1_480_973_369_123)),
            ("2016-12-05T22:29:29+01:00", Some(1_480_973_369_000)),
            ("2016-12-05T21:29:29", None),
            ("2016-12-05T21:29:29.000000", None),
            ("2016-12-05 21:29:29Z", None),
            ("2016-12-05t21:29:29Z", None),
            ("2016-12-05T21:29:29z", None),
            ("2016-13-05T21:29:29Z", None),
            ("2016-02-30T21:29:29Z", None),
            ("2016-12-05T25:29:29Z", None),
            ("2016-12-31T23:59:60Z", None),
            ("05-12-2016T21:29:29Z", None),
            ("2016-12-05T21:29:29.Z", None),
            ("2016-12-05T21:29:29.1234567890Z", None),
            ("2016-12-05T21:29Z", None),
            ("2016-12-05T21:29:29é", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text).map(|found| to_millis(found).0), expected, "{text}");
        }
    }
}
