//! The few forms of DER that a certificate of ours is put together from.
//!
//! rcgen keeps the attributes of a name by type, so that of two organizational units or domain
//! components one would be lost: the names and keys of requests go into certificates as they are.

/// A value that consists of these parts.
pub(super) fn tagged(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut value = vec![tag];
    if length < 128 {
        // It is less than 128.
        value.push(u8::try_from(length).unwrap_or_default());
    } else {
        let bytes = length.to_be_bytes();
        let significant = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
        // A length has at most 8 bytes.
        value.push(0x80 | u8::try_from(significant.len()).unwrap_or_default());
        value.extend_from_slice(significant);
    }
    parts.iter().for_each(|part| value.extend_from_slice(part));
    value
}

/// SEQUENCE.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tagged(0x30, parts)
}

/// BIT STRING of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    tagged(0x03, &[&[0], bytes])
}

/// OBJECT IDENTIFIER, its content encoded already.
pub(super) fn oid(content: &[u8]) -> Vec<u8> {
    tagged(0x06, &[content])
}

/// A name: attributes of `2.5.4`, by their last number, as UTF-8.
pub(super) fn name(attributes: &[(u8, &str)]) -> Vec<u8> {
    let sets = attributes.iter().map(|(attribute, value)| {
        let kind = oid(&[0x55, 0x04, *attribute]);
        tagged(0x31, &[&sequence(&[&kind, &tagged(0x0c, &[value.as_bytes()])])])
    });
    sequence(&[&sets.collect::<Vec<_>>().concat()])
}

/// An extension of `2.5.29`, by its last number.
pub(super) fn extension(number: u8, is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { &[0x01, 0x01, 0xff] } else { &[] };
    sequence(&[&oid(&[0x55, 0x1d, number]), critical, &tagged(0x04, &[value])])
}
