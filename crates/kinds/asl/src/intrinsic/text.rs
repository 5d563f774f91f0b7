//! Functions on text, and the templates of `States.Format`.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::TEXT_LENGTH_MAX;
use super::digest;
use super::error::IntrinsicError;
use super::function::{Function, Values};

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// `{}`
    Hole,
    /// A brace without its partner.
    Lone(char),
}

/// Splits a template: `{}` is a hole, a backslash makes the next character plain.
pub(super) fn template(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let piece = match c {
            '\\' => {
                match chars.next_if(|c| matches!(c, '\\' | '\'' | '{' | '}')) {
                    Some(c) => plain.push(c),
                    None => plain.push('\\'),
                }
                continue;
            }
            '{' if chars.next_if_eq(&'}').is_some() => Piece::Hole,
            '{' | '}' => Piece::Lone(c),
            c => {
                plain.push(c);
                continue;
            }
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(piece);
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    pieces
}

/// A quoted text that is no template: escapes are resolved, braces are characters.
pub(super) fn quoted(text: &str) -> Vec<Piece> {
    let pieces = template(text);
    vec![Piece::Text(plain(&pieces))]
}

/// The text that pieces were made of.
pub(super) fn plain(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Hole => text.push_str("{}"),
            Piece::Lone(brace) => text.push(*brace),
        }
    }
    text
}

/// `States.Format` with a template that came from a document.
pub(super) fn format(text: &str, values: &Values<'_>) -> Result<Value, IntrinsicError> {
    fill(&template(text), values)
}

/// Puts the values in the holes: texts as they are, everything else as JSON.
pub(super) fn fill(pieces: &[Piece], values: &Values<'_>) -> Result<Value, IntrinsicError> {
    if let Some(Piece::Lone(brace)) = pieces.iter().find(|p| matches!(p, Piece::Lone(_))) {
        let partner = if *brace == '{' { '}' } else { '{' };
        let text = format!("matching '{partner}' not found for '{brace}'.");
        return Err(IntrinsicError::Template(text));
    }
    if pieces.iter().filter(|piece| **piece == Piece::Hole).count() != values.len() {
        return Err(IntrinsicError::Arguments {
            function: Function::Format,
            detail: ": number of arguments do not match the occurrences of {}.".to_owned(),
        });
    }
    let mut text = String::new();
    let mut values = values.iter();
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            _ => match values.next().map(Cow::as_ref) {
                Some(Value::String(value)) => text.push_str(value),
                Some(value) => text.push_str(&value.to_string()),
                None => {}
            },
        }
    }
    Ok(Value::String(text))
}

/// `States.StringToJson`; the empty text is `null`, as on AWS.
pub(super) fn parse(text: &str) -> Result<Value, IntrinsicError> {
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(text).map_err(|_| Function::StringToJson.refuse(""))
}

/// `States.StringSplit`: every character of `delimiters` splits, empty parts are dropped.
pub(super) fn split(text: &str, delimiters: &str) -> Value {
    text.split(|c| delimiters.contains(c)).filter(|part| !part.is_empty()).collect()
}

/// Refuses texts longer than [`TEXT_LENGTH_MAX`].
fn bounded(function: Function, text: &str) -> Result<&str, IntrinsicError> {
    match text.len() <= TEXT_LENGTH_MAX || text.encode_utf16().count() <= TEXT_LENGTH_MAX {
        true => Ok(text),
        false => Err(function.refuse("")),
    }
}

/// `States.Base64Encode`, of the text as UTF-8.
pub(super) fn encode(text: &str) -> Result<Value, IntrinsicError> {
    bounded(Function::Base64Encode, text).map(|text| Value::String(STANDARD.encode(text)))
}

/// `States.Base64Decode`, as lenient as the Java library on AWS: characters outside the alphabet
/// are skipped, padding ends the text and may be missing.
pub(super) fn decode(text: &str) -> Result<Value, IntrinsicError> {
    let text = bounded(Function::Base64Decode, text)?;
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for byte in text.bytes().take_while(|byte| *byte != b'=') {
        let Some(digit) = digit(byte) else { continue };
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    Ok(Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The value of a base64 digit, of the URL alphabet too.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// `States.Hash`, in lower-case hexadecimal; what is no text is hashed as JSON, as on AWS.
pub(super) fn hash(value: &Value, algorithm: &str) -> Result<Value, IntrinsicError> {
    let text = match value {
        Value::Null => return Err(Function::Hash.refuse("")),
        Value::String(text) => Cow::Borrowed(text.as_str()),
        other => Cow::Owned(other.to_string()),
    };
    let data = bounded(Function::Hash, &text)?.as_bytes();
    let digest = digest::by_name(algorithm, data).ok_or_else(|| Function::Hash.refuse(""))?;
    Ok(Value::String(digest))
}
