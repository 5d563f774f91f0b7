//! Random bits for names, tokens and jitter; not for secrets.

use std::hash::{BuildHasher, RandomState};

use trackway_core::uuid;

/// A random UUID: version 4, variant 1.
pub(crate) fn uuid() -> String {
    uuid_of(bits())
}

/// The UUID of version 4 that has these bits, but for those that the version takes.
pub(crate) fn uuid_of(bits: u128) -> String {
    uuid::text(uuid::version_four(bits))
}

/// Random bits.
pub(crate) fn bits() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(()));
    (half() << 64) | half()
}
