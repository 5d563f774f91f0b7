//! Ids that the machines choose.

use trackway_core::uuid;

/// A UUID of two random numbers.
pub(crate) fn uuid(high: u64, low: u64) -> u128 {
    uuid::version_four(u128::from(high) << 64 | u128::from(low))
}

/// A UUID as AWS writes it.
#[must_use]
pub fn uuid_text(uuid: u128) -> String {
    uuid::text(uuid)
}
