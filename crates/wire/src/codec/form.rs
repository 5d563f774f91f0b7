//! Percent-encoding and `key=value&...` texts (query strings and form bodies).

/// Percent-encodes all bytes but unreserved ones (RFC 3986), and `/` when it is kept.
#[must_use]
pub fn encode(text: &str, keep_slash: Slash) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b'/' if keep_slash == Slash::Keep => out.push('/'),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
    out
}

/// What percent-encoding does with `/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slash {
    /// Leaves it.
    Keep,
    /// Writes `%2F`.
    Encode,
}

/// Decodes percent-encoding, and `+` as a space when `plus` says so. What is no valid encoding is
/// kept; bytes that are not UTF-8 are replaced.
#[must_use]
pub fn decode(text: &str, plus: Plus) -> String {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex =
            |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
        match (byte, hex(1), hex(2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                at += 3;
                continue;
            }
            (b'+', ..) if plus == Plus::Space => out.push(b' '),
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What `+` means in an encoded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plus {
    /// A space, as in forms and query strings.
    Space,
    /// Itself, as in paths and for signatures.
    Plus,
}

/// The decoded pairs of a query string or form, in order.
pub fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key, Plus::Space), decode(value, Plus::Space))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_and_decodes() {
        for (text, encoded) in [("a b/c", "a%20b%2Fc"), ("é~-_.", "%C3%A9~-_."), ("a+b", "a%2Bb")]
        {
            assert_eq!(encode(text, Slash::Encode), encoded);
            assert_eq!(decode(encoded, Plus::Plus), text);
        }
        assert_eq!(encode("/a b", Slash::Keep), "/a%20b");
        assert_eq!(decode("%zz%4", Plus::Plus), "%zz%4");
        let found: Vec<_> = pairs("a=1&b&a=x+y%26&").collect();
        let expected = [("a", "1"), ("b", ""), ("a", "x y&")];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
}
