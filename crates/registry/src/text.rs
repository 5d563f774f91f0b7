//! Ids as text: hexadecimal digits and UUIDs.
//!
//! A `generationId` tells a resource from an earlier one of the same name or content. As AWS's
//! examples show it, a certificate's is a [`uuid`], a policy's 64 [`hex`] digits.

use trackway_core::uuid::{text, version_four};
use trackway_engine::Fault;

/// Bytes in lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

/// So many random bytes.
///
/// # Errors
/// The system has no randomness.
pub fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::new(format!("could not draw randomness: {error}")))?;
    Ok(bytes)
}

/// A random UUID, version 4, in AWS's spelling.
///
/// # Errors
/// The system has no randomness.
pub fn uuid() -> Result<String, Fault> {
    Ok(text(version_four(u128::from_be_bytes(random()?))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn bytes_are_written_in_lower_case_with_both_digits() {
        assert_eq!(hex(&[0, 0x0a, 0xff]), "000aff");
        assert_eq!(hex(&[]), "");
    }

    #[test]
    fn ids_differ_and_are_of_version_four() {
        let (one, other) = (uuid().unwrap(), uuid().unwrap());
        assert_ne!(one, other);
        assert_eq!((one.len(), &one[14..15]), (36, "4"));
    }
}
