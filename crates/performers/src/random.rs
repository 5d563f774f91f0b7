//! Random bits for names, tokens and jitter; not for secrets.

use std::hash::{BuildHasher, RandomState};

/// A random UUID: version 4, variant 1.
pub(crate) fn uuid() -> String {
    uuid_of(bits())
}

/// The UUID of version 4 that has these bits, but for those that the version takes.
pub(crate) fn uuid_of(bits: u128) -> String {
    let id = (bits & !(0xf << 76) & !(0b11 << 62)) | (4 << 76) | (0b10 << 62);
    let hex = format!("{id:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Random bits.
pub(crate) fn bits() -> u128 {
    let half = || u128::from(RandomState::new().hash_one(()));
    (half() << 64) | half()
}
