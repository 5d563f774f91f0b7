//! Checksums of bodies, as S3 has them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The checksum of a body by an algorithm of `x-amz-sdk-checksum-algorithm`: the algorithm that was
/// used, and the checksum in base64. An algorithm that is not known here is SHA-256.
pub(super) fn checksum(algorithm: &str, body: &[u8]) -> (&'static str, String) {
    let crc = |polynomial, width: u32| {
        let value = crc(polynomial, width, body).to_be_bytes();
        let first = value.len() - width as usize / 8;
        STANDARD.encode(&value[first..])
    };
    match algorithm {
        "CRC32" => ("CRC32", crc(0xedb8_8320, 32)),
        "CRC32C" => ("CRC32C", crc(0x82f6_3b78, 32)),
        "CRC64NVME" => ("CRC64NVME", crc(0x9a6c_9329_ac4b_c9b5, 64)),
        _ => ("SHA256", STANDARD.encode(Sha256::digest(body))),
    }
}

/// A reflected CRC whose register begins and ends inverted.
fn crc(polynomial: u64, width: u32, body: &[u8]) -> u64 {
    let step = |value: u64| if value & 1 == 1 { polynomial ^ (value >> 1) } else { value >> 1 };
    let table: Vec<u64> = (0..256).map(|byte| (0..8).fold(byte, |value, _| step(value))).collect();
    let ones = u64::MAX >> (64 - width);
    let entry = |index: u64| table.get(usize::try_from(index).unwrap_or(0)).copied().unwrap_or(0);
    let end = body
        .iter()
        .fold(ones, |value, byte| entry((value ^ u64::from(*byte)) & 0xff) ^ (value >> 8));
    end ^ ones
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_catalogue() {
        // The check values of the catalogue of CRCs, for the text of nine digits.
        assert_eq!(crc(0xedb8_8320, 32, b"123456789"), 0xcbf4_3926);
        assert_eq!(crc(0x82f6_3b78, 32, b"123456789"), 0xe306_9283);
        assert_eq!(crc(0x9a6c_9329_ac4b_c9b5, 64, b"123456789"), 0xae8b_1486_0a79_9888);
        assert_eq!(checksum("CRC32", b"123456789").1, "y/Q5Jg==");
        assert_eq!(checksum("SHA1", b"").0, "SHA256");
    }
}
