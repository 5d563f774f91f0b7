//! Literals in filters and function arguments, read as leniently as Jayway's JSON parser does:
//! quotes of either kind, or none around a word.

use serde_json::{Map, Number, Value};

use super::error::ParseError;
use super::parse::Cursor;

/// Reads one literal.
pub(super) fn value(cursor: &mut Cursor) -> Result<Value, ParseError> {
    cursor.skip_blanks();
    match cursor.peek() {
        Some(quote @ ('\'' | '"')) => {
            cursor.next();
            text(cursor, quote).map(Value::String)
        }
        Some('[') => cursor.nested(array),
        Some('{') => cursor.nested(object),
        Some(_) => word(cursor).map(|word| scalar(&word)),
        None => Err(cursor.fail("Expected a value but the path ends")),
    }
}

/// Gives the meaning of an unquoted word: a number, `true`, `false`, `null`, else the word.
pub(super) fn scalar(word: &str) -> Value {
    match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        _ => number(word).map_or_else(|| Value::String(word.to_owned()), Value::Number),
    }
}

/// Reads a decimal number, whole where it can be.
pub(super) fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Number::from(whole));
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

/// Reads a word up to a blank, a bracket, an operator or a comma.
pub(super) fn word(cursor: &mut Cursor) -> Result<String, ParseError> {
    let start = cursor.at;
    while let Some(c) = cursor.peek() {
        let operator = matches!(c, '&' | '|') && cursor.peek_at(1) == Some(c);
        let closing =
            matches!(c, ' ' | '\t' | '\n' | '\r' | ')' | ']' | '}' | ',' | ':' | '\'' | '"');
        if operator || closing {
            break;
        }
        cursor.next();
    }
    match cursor.at == start {
        true => Err(cursor.fail(format!("Expected a value on position {start}"))),
        false => Ok(cursor.slice(start, cursor.at)),
    }
}

/// Reads the rest of a quoted text, its closing quote included.
pub(super) fn text(cursor: &mut Cursor, quote: char) -> Result<String, ParseError> {
    let mut text = String::new();
    while let Some(c) = cursor.next() {
        match c {
            '\\' => escaped(cursor, &mut text),
            c if c == quote => return Ok(text),
            c => text.push(c),
        }
    }
    Err(cursor.fail(format!("String literal does not have matching quotes. Expected {quote}")))
}

fn escaped(cursor: &mut Cursor, text: &mut String) {
    match cursor.next() {
        Some('r') => text.push('\r'),
        Some('f') => text.push('\u{c}'),
        Some('t') => text.push('\t'),
        Some('n') => text.push('\n'),
        Some('b') => text.push('\u{8}'),
        Some('u') => {
            let digits = cursor.slice(cursor.at, cursor.at + 4);
            match u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32) {
                Some(c) => {
                    cursor.at += 4;
                    text.push(c);
                }
                None => text.push('u'),
            }
        }
        Some(c) => text.push(c),
        None => text.push('\\'),
    }
}

fn array(cursor: &mut Cursor) -> Result<Value, ParseError> {
    cursor.next();
    let mut elements = Vec::new();
    loop {
        cursor.skip_blanks();
        if cursor.eat(']') {
            return Ok(Value::Array(elements));
        }
        elements.push(value(cursor)?);
        cursor.skip_blanks();
        if !cursor.eat(',') && cursor.peek() != Some(']') {
            return Err(cursor.fail("Expected ',' or ']' in an array literal"));
        }
    }
}

fn object(cursor: &mut Cursor) -> Result<Value, ParseError> {
    cursor.next();
    let mut members = Map::new();
    loop {
        cursor.skip_blanks();
        if cursor.eat('}') {
            return Ok(Value::Object(members));
        }
        let name = match cursor.peek() {
            Some(quote @ ('\'' | '"')) => {
                cursor.next();
                text(cursor, quote)?
            }
            _ => word(cursor)?,
        };
        cursor.skip_blanks();
        if !cursor.eat(':') {
            return Err(cursor.fail("Expected ':' in an object literal"));
        }
        members.insert(name, value(cursor)?);
        cursor.skip_blanks();
        if !cursor.eat(',') && cursor.peek() != Some('}') {
            return Err(cursor.fail("Expected ',' or '}' in an object literal"));
        }
    }
}
