//! Text to a compiled call.
//!
//! ```text
//! call     = 'States.' name '(' [ argument { ',' argument } ] ')'
//! argument = call | path | number | 'null' | 'true' | 'false' | quoted text
//! ```

use serde_json::{Number, Value};

use super::NESTING_MAX;
use super::call::{Argument, Call};
use super::function::Function;
use super::text::{self, Piece};
use crate::jsonpath::{ParseError, Path};

/// Compiles a whole text.
pub(super) fn call(text: &str) -> Result<Call, ParseError> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_blanks();
    let call = parser.call(1)?;
    parser.skip_blanks();
    match parser.rest().is_empty() {
        true => Ok(call),
        false => Err(parser.fail("unexpected text after the closing parenthesis")),
    }
}

struct Parser<'t> {
    text: &'t str,
    /// A byte offset on a character boundary.
    at: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    /// Takes the characters that `belongs` accepts.
    fn take(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn fail(&self, reason: &str) -> ParseError {
        self.fail_at(self.at, reason)
    }

    fn fail_at(&self, at: usize, reason: &str) -> ParseError {
        let position = self.text.get(..at).map_or(0, |before| before.chars().count());
        let message = format!("Invalid intrinsic function: {reason} at position {position}");
        ParseError { message, position }
    }

    fn call(&mut self, depth: usize) -> Result<Call, ParseError> {
        let start = self.at;
        if depth > NESTING_MAX {
            return Err(self.fail(&format!("calls nest deeper than {NESTING_MAX}")));
        }
        let name = self.take(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
        let function = name.strip_prefix("States.").and_then(Function::by_name);
        let Some(function) = function else {
            return Err(self.fail_at(start, &format!("'{name}' is not a known function")));
        };
        self.skip_blanks();
        if !self.eat('(') {
            return Err(self.fail("expected '('"));
        }
        let arguments = self.arguments(function, depth)?;
        let source = self.text.get(start..self.at).unwrap_or_default().to_owned();
        Ok(Call { source, function, arguments })
    }

    fn arguments(&mut self, function: Function, depth: usize) -> Result<Vec<Argument>, ParseError> {
        let mut arguments = Vec::new();
        self.skip_blanks();
        if self.eat(')') {
            return Ok(arguments);
        }
        loop {
            self.skip_blanks();
            let template = function == Function::Format && arguments.is_empty();
            arguments.push(self.argument(template, depth)?);
            self.skip_blanks();
            if self.eat(')') {
                return Ok(arguments);
            }
            if !self.eat(',') {
                return Err(self.fail("expected ',' or ')'"));
            }
        }
    }

    fn argument(&mut self, template: bool, depth: usize) -> Result<Argument, ParseError> {
        let start = self.at;
        match self.rest().chars().next() {
            Some('\'') => {
                let pieces = self.quoted(template)?;
                Ok(match template {
                    true => Argument::Template(pieces),
                    false => Argument::Literal(Value::String(text::plain(&pieces))),
                })
            }
            Some('$') => self.path().map(Argument::Path),
            Some('S') => self.call(depth + 1).map(Argument::Call),
            Some(_) => {
                let word = self.take(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
                let value = scalar(word).ok_or_else(|| {
                    self.fail_at(start, "expected a path, a call, a number, a quoted text or null")
                })?;
                Ok(Argument::Literal(value))
            }
            None => Err(self.fail("expected an argument")),
        }
    }

    /// Reads a quoted text. A backslash must stand before `'`, `{`, `}` or a backslash. In a
    /// template `{}` is a place to fill; elsewhere braces are only characters.
    fn quoted(&mut self, template: bool) -> Result<Vec<Piece>, ParseError> {
        let start = self.at;
        self.at += 1;
        let rest = self.rest();
        let mut escaped = false;
        for (offset, c) in rest.char_indices() {
            match c {
                _ if escaped && !matches!(c, '\'' | '{' | '}' | '\\') => {
                    return Err(self.fail_at(self.at + offset, &format!("invalid escape '\\{c}'")));
                }
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '\'' => {
                    self.at += offset + 1;
                    let inner = rest.get(..offset).unwrap_or_default();
                    return Ok(if template { text::template(inner) } else { text::quoted(inner) });
                }
                _ => {}
            }
        }
        Err(self.fail_at(start, "the quoted text is not closed"))
    }

    /// Reads a path up to the comma or parenthesis that ends the argument.
    fn path(&mut self) -> Result<Path, ParseError> {
        let start = self.at;
        let mut open = 0_usize;
        let mut quote = None;
        let mut escaped = false;
        let rest = self.rest();
        let mut length = rest.len();
        for (offset, c) in rest.char_indices() {
            match (c, quote) {
                _ if escaped => escaped = false,
                ('\\', _) => escaped = true,
                (c, Some(end)) if c == end => quote = None,
                (_, Some(_)) => {}
                ('\'' | '"', None) if open > 0 => quote = Some(c),
                ('[' | '(', None) => open += 1,
                (',' | ')', None) if open == 0 => {
                    length = offset;
                    break;
                }
                (']' | ')', None) => open = open.saturating_sub(1),
                _ => {}
            }
        }
        self.at += length;
        let text = rest.get(..length).unwrap_or_default().trim_end();
        Path::parse(text).map_err(|error| self.fail_at(start, &error.message))
    }
}

fn scalar(word: &str) -> Option<Value> {
    match word {
        "null" => return Some(Value::Null),
        "true" => return Some(Value::Bool(true)),
        "false" => return Some(Value::Bool(false)),
        _ => {}
    }
    let numeric = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && word.ends_with(|c: char| c.is_ascii_digit() || c == '.');
    if !numeric {
        return None;
    }
    if let Ok(whole) = word.parse::<i64>() {
        return Some(Value::from(whole));
    }
    // A literal beyond the range of a double is the largest double, not an error, as on AWS.
    let number = word.parse::<f64>().ok()?.clamp(f64::MIN, f64::MAX);
    Number::from_f64(number).map(Value::Number)
}
