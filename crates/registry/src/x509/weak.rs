//! Keys that are known to be weak.

use std::collections::BTreeSet;
use std::path::Path;

use sha1::{Digest as _, Sha1};
use trackway_audit::evaluate::keys::is_roca;

use crate::record::Weakness;

/// The end of a fingerprint that lists have: 20 hexadecimal digits.
type End = [u8; 10];

/// The keys that Debian's OpenSSL of 2006 to 2008 could make (CVE-2008-0166), as far as lists of
/// them were given; and the judgement of a key.
///
/// A list is a text in the format of Debian's package openssl-blacklist: a line has the last 20
/// hexadecimal digits of the SHA-1 of `Modulus=HEX` and a newline, as `openssl rsa -modulus`
/// writes it. Empty lines and those that begin with `#` say nothing.
#[derive(Clone, Debug, Default)]
pub struct WeakKeys(BTreeSet<End>);

impl WeakKeys {
    /// Reads lists.
    ///
    /// # Errors
    /// A text that names the file, and the line if one is wrong.
    pub fn read<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Result<Self, String> {
        let mut known = Self::default();
        for file in files {
            let path = file.as_ref();
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("could not read {}: {error}", path.display()))?;
            known.add(&text).map_err(|line| {
                let path = path.display();
                format!("could not read {path}: line {line} has no 20 hexadecimal digits")
            })?;
        }
        Ok(known)
    }

    /// Adds a list, or says which line is wrong.
    fn add(&mut self, list: &str) -> Result<(), usize> {
        for (place, line) in list.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                self.0.insert(end_of(line).ok_or(place + 1)?);
            }
        }
        Ok(())
    }

    /// What is weak about the RSA key with this modulus: big-endian, without leading zeros.
    #[must_use]
    pub(super) fn judge(&self, modulus: &[u8]) -> Option<Weakness> {
        if is_roca(modulus) {
            return Some(Weakness::Roca);
        }
        let is_listed = !self.0.is_empty() && self.0.contains(&fingerprint_end(modulus));
        is_listed.then_some(Weakness::Debian)
    }
}

fn end_of(line: &str) -> Option<End> {
    let mut end = End::default();
    if line.len() != 2 * end.len() || !line.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (place, byte) in end.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&line[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(end)
}

fn fingerprint_end(modulus: &[u8]) -> End {
    let mut hash = Sha1::new();
    hash.update(b"Modulus=");
    let digits = crate::text::hex(modulus).to_ascii_uppercase();
    // OpenSSL writes no leading zero, not even half a byte.
    hash.update(digits.trim_start_matches('0'));
    hash.update(b"\n");
    let hash = hash.finalize();
    std::array::from_fn(|place| hash[place + hash.len() - End::default().len()])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;

    #[test]
    fn a_modulus_is_found_by_the_end_of_openssls_fingerprint() {
        // printf 'Modulus=0C5A\n' is not what OpenSSL writes: printf 'Modulus=C5A\n' | sha1sum
        let mut known = WeakKeys::default();
        known.add("# RSA-2048\n\n9F82C5B79EC5A58C3882\n").unwrap();
        assert_eq!(known.judge(&[0x0c, 0x5a]), Some(Weakness::Debian));
        assert_eq!(known.judge(&[0x0c, 0x5b]), None);
        assert_eq!(WeakKeys::default().judge(&[0x0c, 0x5a]), None);
    }

    #[test]
    fn what_is_wrong_with_a_list_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weak");
        let missing = WeakKeys::read([&path]).unwrap_err();
        assert!(missing.starts_with("could not read ") && missing.contains("weak: "), "{missing}");
        for line in ["9f82c5b79ec5a58c388", "9f82c5b79ec5a58c38822", "9f82c5b79ec5a58c388x", "é"] {
            std::fs::write(&path, format!("#\n{line}\n")).unwrap();
            assert!(WeakKeys::read([&path]).unwrap_err().contains("weak: line 2 has"), "{line}");
        }
        std::fs::write(&path, "9f82c5b79ec5a58c3882").unwrap();
        assert_eq!(WeakKeys::read([&path]).unwrap().0.len(), 1);
    }
}
