//! CBOR (RFC 8949): a small reader and writer with limits, for smithy-rpc-v2-cbor.
//!
//! The reader takes everything that the RFC calls well-formed: indefinite lengths, all float
//! widths, tags, simple values. It never allocates more than the input can fill and never panics.

use super::DEPTH_MAX;

/// A value of CBOR.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A whole number; CBOR's range is larger than `i64`, and larger than any AWS number.
    Integer(i128),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A text string.
    Text(String),
    /// An array.
    Array(Vec<Item>),
    /// A map, in order.
    Map(Vec<(Item, Item)>),
    /// A tagged value.
    Tag(u64, Box<Item>),
    /// `true` or `false`.
    Bool(bool),
    /// `null` or `undefined`.
    Null,
    /// A float of any width.
    Float(f64),
}

/// Why bytes could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CborError {
    /// The bytes end inside a value.
    #[error("unexpected end")]
    End,
    /// Bytes follow the value.
    #[error("bytes after the end")]
    Trailing,
    /// Nested more than [`DEPTH_MAX`] levels.
    #[error("nested too deeply")]
    Depth,
    /// More than [`ITEMS_MAX`] items.
    #[error("too many items")]
    Items,
    /// A text is not UTF-8.
    #[error("text is not UTF-8")]
    Utf8,
    /// A byte that can't stand there.
    #[error("malformed item")]
    Malformed,
}

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const SIMPLE: u8 = 7;
const BREAK: u8 = 0xff;
const INDEFINITE: u8 = 31;

/// Reads exactly one item.
///
/// # Errors
/// When the bytes are not one well-formed item, or exceed the limit of depth.
pub fn decode(bytes: &[u8]) -> Result<Item, CborError> {
    let mut reader = Reader { bytes, items: 0 };
    let item = reader.item(DEPTH_MAX)?;
    if reader.bytes.is_empty() { Ok(item) } else { Err(CborError::Trailing) }
}

/// Most items of one body. An item takes far more memory than the one byte that it may have been.
pub const ITEMS_MAX: usize = 500_000;

struct Reader<'a> {
    bytes: &'a [u8],
    items: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], CborError> {
        let count = usize::try_from(count).map_err(|_| CborError::End)?;
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(CborError::End)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn number(&mut self, width: u64) -> Result<u64, CborError> {
        Ok(self.take(width)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Major type, additional information and argument; no argument for indefinite lengths.
    fn head(&mut self) -> Result<(u8, u8, Option<u64>), CborError> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        let argument = match info {
            0..=23 => Some(u64::from(info)),
            24..=27 => Some(self.number(1 << (info - 24))?),
            INDEFINITE => None,
            _ => return Err(CborError::Malformed),
        };
        Ok((major, info, argument))
    }

    fn item(&mut self, depth: usize) -> Result<Item, CborError> {
        let depth = depth.checked_sub(1).ok_or(CborError::Depth)?;
        self.items += 1;
        if self.items > ITEMS_MAX {
            return Err(CborError::Items);
        }
        let (major, info, argument) = self.head()?;
        match (major, argument) {
            (UNSIGNED, Some(value)) => Ok(Item::Integer(i128::from(value))),
            (NEGATIVE, Some(value)) => Ok(Item::Integer(-1 - i128::from(value))),
            (BYTES, _) => self.string(BYTES, argument).map(Item::Bytes),
            (TEXT, _) => {
                let bytes = self.string(TEXT, argument)?;
                String::from_utf8(bytes).map(Item::Text).map_err(|_| CborError::Utf8)
            }
            (ARRAY, _) => self.array(argument, depth),
            (MAP, _) => self.map(argument, depth),
            (TAG, Some(tag)) => Ok(Item::Tag(tag, Box::new(self.item(depth)?))),
            (SIMPLE, Some(value)) => simple(info, value),
            _ => Err(CborError::Malformed),
        }
    }

    fn string(&mut self, major: u8, length: Option<u64>) -> Result<Vec<u8>, CborError> {
        if let Some(length) = length {
            return self.take(length).map(<[u8]>::to_vec);
        }
        let mut whole = Vec::new();
        while !self.at_break()? {
            match self.head()? {
                (chunk, _, Some(length)) if chunk == major => {
                    whole.extend_from_slice(self.take(length)?);
                }
                _ => return Err(CborError::Malformed),
            }
        }
        Ok(whole)
    }

    /// Takes the break if it is next.
    fn at_break(&mut self) -> Result<bool, CborError> {
        let (first, rest) = self.bytes.split_first().ok_or(CborError::End)?;
        if *first == BREAK {
            self.bytes = rest;
        }
        Ok(*first == BREAK)
    }

    fn more(&mut self, left: &mut Option<u64>) -> Result<bool, CborError> {
        match left {
            None => self.at_break().map(|end| !end),
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
        }
    }

    fn array(&mut self, mut left: Option<u64>, depth: usize) -> Result<Item, CborError> {
        let mut items = Vec::new();
        while self.more(&mut left)? {
            items.push(self.item(depth)?);
        }
        Ok(Item::Array(items))
    }

    fn map(&mut self, mut left: Option<u64>, depth: usize) -> Result<Item, CborError> {
        let mut entries = Vec::new();
        while self.more(&mut left)? {
            entries.push((self.item(depth)?, self.item(depth)?));
        }
        Ok(Item::Map(entries))
    }
}

fn simple(info: u8, value: u64) -> Result<Item, CborError> {
    const HALF: u8 = 25;
    const SINGLE: u8 = 26;
    const DOUBLE: u8 = 27;
    Ok(match (info, value) {
        (0..=24, 20) => Item::Bool(false),
        (0..=24, 21) => Item::Bool(true),
        (0..=24, 22 | 23) => Item::Null,
        (HALF, bits) => Item::Float(half(bits)),
        (SINGLE, bits) => {
            let bits = u32::try_from(bits).map_err(|_| CborError::Malformed)?;
            Item::Float(f64::from(f32::from_bits(bits)))
        }
        (DOUBLE, bits) => Item::Float(f64::from_bits(bits)),
        _ => return Err(CborError::Malformed),
    })
}

/// The value of a half-precision float (RFC 8949, appendix D).
fn half(bits: u64) -> f64 {
    let exponent = i32::try_from(bits >> 10 & 31).unwrap_or(0);
    let mantissa = f64::from(u16::try_from(bits & 1023).unwrap_or(0));
    let value = match exponent {
        0 => mantissa * 2_f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    };
    if bits >> 15 & 1 == 1 { -value } else { value }
}

/// Writes one item, with definite lengths; floats are doubles.
#[must_use]
pub fn encode(item: &Item) -> Vec<u8> {
    let mut out = Vec::new();
    write(item, &mut out);
    out
}

fn write(item: &Item, out: &mut Vec<u8>) {
    match item {
        Item::Integer(value) => {
            let (major, argument) =
                if *value < 0 { (NEGATIVE, -1 - *value) } else { (UNSIGNED, *value) };
            head(major, u64::try_from(argument).unwrap_or(u64::MAX), out);
        }
        Item::Bytes(bytes) => {
            head(BYTES, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        Item::Text(text) => {
            head(TEXT, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        Item::Array(items) => {
            head(ARRAY, items.len() as u64, out);
            items.iter().for_each(|item| write(item, out));
        }
        Item::Map(entries) => {
            head(MAP, entries.len() as u64, out);
            for (key, value) in entries {
                write(key, out);
                write(value, out);
            }
        }
        Item::Tag(tag, item) => {
            head(TAG, *tag, out);
            write(item, out);
        }
        Item::Bool(value) => out.push(if *value { 0xf5 } else { 0xf4 }),
        Item::Null => out.push(0xf6),
        Item::Float(value) => {
            out.push(0xfb);
            out.extend_from_slice(&value.to_be_bytes());
        }
    }
}

fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    let (info, width) = match argument {
        0..=23 => return out.push(major | bytes[7]),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major | info);
    out.extend_from_slice(&bytes[8 - width..]);
}

/// Fuzzing: reads bytes and, if they are CBOR, writes and reads them again.
///
/// # Panics
/// When what was written does not read as what was read (NaN aside, which equals nothing).
pub fn fuzz(bytes: &[u8]) {
    if let Ok(item) = decode(bytes) {
        let again = decode(&encode(&item));
        let same = format!("{:?}", again.as_ref()) == format!("{:?}", Ok::<_, CborError>(&item));
        assert!(same, "{item:?} came back as {again:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    }

    fn text(text: &str) -> Item {
        Item::Text(text.to_owned())
    }

    #[test]
    fn reads_the_examples_of_the_rfc() {
        let cases = [
            ("00", Item::Integer(0)),
            ("1903e8", Item::Integer(1000)),
            ("1bffffffffffffffff", Item::Integer(18_446_744_073_709_551_615)),
            ("3bffffffffffffffff", Item::Integer(-18_446_744_073_709_551_616)),
            ("f93c00", Item::Float(1.0)),
            ("f90001", Item::Float(5.960_464_477_539_063e-8)),
            ("f9c400", Item::Float(-4.0)),
            ("f97c00", Item::Float(f64::INFINITY)),
            ("fa47c35000", Item::Float(100_000.0)),
            ("fb3ff199999999999a", Item::Float(1.1)),
            ("f7", Item::Null),
            ("c11a514b67b0", Item::Tag(1, Box::new(Item::Integer(1_363_896_240)))),
            ("5f42010243030405ff", Item::Bytes(vec![1, 2, 3, 4, 5])),
            ("7f657374726561646d696e67ff", text("streaming")),
            (
                "9f018202039f0405ffff",
                Item::Array(vec![
                    Item::Integer(1),
                    Item::Array(vec![Item::Integer(2), Item::Integer(3)]),
                    Item::Array(vec![Item::Integer(4), Item::Integer(5)]),
                ]),
            ),
            (
                "bf61610161629f0203ffff",
                Item::Map(vec![
                    (text("a"), Item::Integer(1)),
                    (text("b"), Item::Array(vec![Item::Integer(2), Item::Integer(3)])),
                ]),
            ),
        ];
        for (hex, expected) in cases {
            assert_eq!(decode(&bytes(hex)), Ok(expected), "{hex}");
        }
    }

    #[test]
    fn refuses_what_is_malformed_or_too_deep() {
        let deep = "81".repeat(200_000);
        for (hex, expected) in [
            ("", CborError::End),
            ("0000", CborError::Trailing),
            ("1c", CborError::Malformed),
            ("1f", CborError::Malformed),
            ("ff", CborError::Malformed),
            ("5f6161ff", CborError::Malformed),
            ("9bffffffffffffffff", CborError::End),
            ("5bffffffffffffffff", CborError::End),
            ("62c328", CborError::Utf8),
            ("a101", CborError::End),
            (&deep, CborError::Depth),
        ] {
            assert_eq!(decode(&bytes(hex)), Err(expected), "{hex:.40}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            fuzz(&bytes);
        }
    }
}
