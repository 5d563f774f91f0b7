//! Ids that the machines choose.

/// A random UUID (version 4) of two random numbers.
pub(crate) fn uuid(high: u64, low: u64) -> u128 {
    let bits = u128::from(high) << 64 | u128::from(low);
    let version = bits & !(0xf << 76) | 0x4 << 76;
    version & !(0b11 << 62) | 0b10 << 62
}

/// A UUID as AWS writes it.
#[must_use]
pub fn uuid_text(uuid: u128) -> String {
    let hex = format!("{uuid:032x}");
    let (a, b, c) = (&hex[..8], &hex[8..12], &hex[12..16]);
    let (d, e) = (&hex[16..20], &hex[20..]);
    format!("{a}-{b}-{c}-{d}-{e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_four_uuids() {
        assert_eq!(uuid_text(uuid(0, 0)), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_text(uuid(u64::MAX, u64::MAX)), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
