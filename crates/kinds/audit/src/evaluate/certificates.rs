//! Certificates that expire or are old.

use trackway_core::Timestamp;

use crate::check::Reason;
use crate::request::CheckConfig;
use crate::resource::Info;

/// The default of `CERT_EXPIRATION_THRESHOLD_IN_DAYS`. Source: Developer Guide.
const EXPIRATION_DAYS: u32 = 30;
/// The default of `CERT_AGE_THRESHOLD_IN_DAYS`. Source: Developer Guide.
const AGE_DAYS: u32 = 365;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Whether a certificate has expired at a time, or does so within the threshold. The text of the
/// first is AWS's, that of the second by its pattern.
#[must_use]
pub fn expiring(
    not_after: Timestamp,
    now: Timestamp,
    config: CheckConfig,
) -> Option<(Reason, &'static str)> {
    let days = config.expiration_days.unwrap_or(EXPIRATION_DAYS);
    if not_after < now {
        Some((Reason::PastExpiration, "Certificate is past its expiration."))
    } else if not_after < now + i64::from(days) * DAY_MS {
        Some((Reason::ApproachingExpiration, "Certificate is approaching its expiration."))
    } else {
        None
    }
}

/// What a finding about expiry says of the certificate, as AWS's examples show it.
#[must_use]
pub fn expiration_info(not_after: Timestamp) -> Info {
    Info::from([("EXPIRATION_TIME".to_owned(), not_after.as_millis().to_string())])
}

/// Whether a certificate is as old as the threshold at a time, or older. The text is ours.
#[must_use]
pub fn aged(
    not_before: Timestamp,
    now: Timestamp,
    config: CheckConfig,
) -> Option<(Reason, String)> {
    let days = config.age_days.unwrap_or(AGE_DAYS);
    let is_old = now - not_before >= i64::from(days) * DAY_MS;
    is_old.then(|| {
        let text = format!("Certificate is past its age threshold of {days} days.");
        (Reason::PastAgeThreshold, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    #[test]
    fn a_certificate_expires_at_its_end_and_approaches_it_within_the_threshold() {
        let set = |days| CheckConfig { expiration_days: days, ..CheckConfig::default() };
        for (after_ms, days, expected) in [
            (-1, None, Some(Reason::PastExpiration)),
            (0, None, Some(Reason::ApproachingExpiration)),
            (30 * DAY_MS - 1, None, Some(Reason::ApproachingExpiration)),
            (30 * DAY_MS, None, None),
            (30 * DAY_MS, Some(31), Some(Reason::ApproachingExpiration)),
            (3652 * DAY_MS, Some(3652), None),
            (i64::MAX, None, None),
        ] {
            let found = expiring(NOW + after_ms, NOW, set(days)).map(|(reason, _)| reason);
            assert_eq!(found, expected, "{after_ms} {days:?}");
        }
    }

    #[test]
    fn a_certificate_is_old_from_the_threshold_on() {
        let set = |days| CheckConfig { age_days: days, ..CheckConfig::default() };
        for (age_ms, days, expected) in [
            (365 * DAY_MS - 1, None, false),
            (365 * DAY_MS, None, true),
            (30 * DAY_MS, Some(30), true),
            (30 * DAY_MS, Some(31), false),
            (-DAY_MS, Some(30), false),
        ] {
            let found = aged(NOW + -age_ms, NOW, set(days)).is_some();
            assert_eq!(found, expected, "{age_ms} {days:?}");
        }
    }
}
