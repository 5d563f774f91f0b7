//! UUIDs: made of bits that somebody else drew.

/// These bits as a UUID of version 4, variant 1: six of them say so, the others stay.
#[must_use]
pub const fn version_four(bits: u128) -> u128 {
    (bits & !(0xf << 76) & !(0b11 << 62)) | (0x4 << 76) | (0b10 << 62)
}

/// A UUID as AWS writes it: 36 characters, in lower case.
#[must_use]
pub fn text(uuid: u128) -> String {
    let mut text = String::with_capacity(36);
    for (place, byte) in uuid.to_be_bytes().into_iter().enumerate() {
        if matches!(place, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            text.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_four_uuids() {
        assert_eq!(text(version_four(0)), "00000000-0000-4000-8000-000000000000");
        assert_eq!(text(version_four(u128::MAX)), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(text(0x0123 << 112), "01230000-0000-0000-0000-000000000000");
    }
}
