//! Text to tokens, with Jayway's grammar and its messages.

use super::error::ParseError;
use super::filter;
use super::function::{Argument, Call};
use super::literal;
use super::path::{DEPTH_MAX, Root, TOKENS_MAX, Token, Tokens};

/// Where a path stands decides what ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The whole text: a blank in a name is an error, everything else but `.`, `[`, `(` is a name.
    Whole,
    /// In a filter: a blank, an operator or a closing parenthesis ends it.
    Filter,
    /// An argument of a function: a comma or a closing parenthesis ends it.
    Argument,
}

/// Compiles a whole text.
pub(super) fn path(text: &str) -> Result<(Root, Vec<Token>), ParseError> {
    let trimmed = text.trim();
    let (root, tail) = split_root(trimmed);
    let mut cursor = Cursor::new(tail);
    if cursor.chars.last() == Some(&'.') {
        return Err(cursor.fail("Path must not end with a '.' or '..'"));
    }
    cursor.next();
    let tokens = tokens(&mut cursor, Place::Whole)?;
    Ok((root, tokens))
}

/// Finds the root and rewrites the text to start with `$`, as AWS does before Jayway sees it.
fn split_root(text: &str) -> (Root, String) {
    if let Some(tail) = text.strip_prefix("$$") {
        return (Root::Context, format!("${tail}"));
    }
    if let Some(tail) = text.strip_prefix('$') {
        if tail.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            let end = tail.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            let (name, tail) = tail.split_at(end.unwrap_or(tail.len()));
            return (Root::Variable(name.to_owned()), format!("${tail}"));
        }
        return (Root::Input, text.to_owned());
    }
    if text.starts_with('@') {
        return (Root::Input, text.to_owned());
    }
    (Root::Input, format!("$.{text}"))
}

/// Reads characters with a limit on nesting.
#[derive(Debug)]
pub(super) struct Cursor {
    pub(super) chars: Vec<char>,
    pub(super) at: usize,
    depth: usize,
    tokens: usize,
}

impl Cursor {
    pub(super) fn new(text: impl AsRef<str>) -> Cursor {
        Cursor { chars: text.as_ref().chars().collect(), at: 0, depth: 0, tokens: 0 }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    pub(super) fn peek_at(&self, offset: usize) -> Option<char> {
        self.chars.get(self.at + offset).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    pub(super) fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    pub(super) fn eat_text(&mut self, wanted: &str) -> bool {
        let found = wanted.chars().enumerate().all(|(i, c)| self.peek_at(i) == Some(c));
        self.at += if found { wanted.chars().count() } else { 0 };
        found
    }

    pub(super) fn skip_blanks(&mut self) {
        while self.peek().is_some_and(|c| matches!(c, ' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    pub(super) fn slice(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to).unwrap_or_default().iter().collect()
    }

    pub(super) fn fail(&self, message: impl Into<String>) -> ParseError {
        ParseError { message: message.into(), position: self.at }
    }

    /// Counts a step of the path or a comparison of a filter against [`TOKENS_MAX`].
    pub(super) fn count(&mut self) -> Result<(), ParseError> {
        self.tokens += 1;
        match self.tokens <= TOKENS_MAX {
            true => Ok(()),
            false => Err(self.fail(format!("Path has more than {TOKENS_MAX} steps"))),
        }
    }

    /// Runs `inner` one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Cursor) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        if self.depth >= DEPTH_MAX {
            return Err(self.fail(format!("Path nests deeper than {DEPTH_MAX} levels")));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }
}

/// Reads the tokens behind a root that has been consumed.
pub(super) fn tokens(cursor: &mut Cursor, place: Place) -> Result<Vec<Token>, ParseError> {
    let mut list = Vec::new();
    match cursor.peek() {
        None => return Ok(list),
        Some('.' | '[') => {}
        Some(_) if place != Place::Whole => return Ok(list),
        Some(_) => {
            let position = cursor.at;
            let text = format!("Illegal character at position {position} expected '.' or '['");
            return Err(cursor.fail(text));
        }
    }
    while token(cursor, place, &mut list)? {
        cursor.count()?;
    }
    if matches!(list.last(), Some(Token::Scan)) {
        return Err(cursor.fail("Path must not end with a '.' or '..'"));
    }
    Ok(invert_scan(list))
}

/// Turns `$..x.f()` into `$.f($..x)`: Jayway aggregates over all that a deep scan found.
fn invert_scan(mut list: Vec<Token>) -> Vec<Token> {
    let scans = matches!(list.first(), Some(Token::Scan));
    let Some(at) = list.iter().position(|t| matches!(t, Token::Function(_))) else { return list };
    if !scans || at != list.len() - 1 {
        return list;
    }
    if let Some(Token::Function(mut call)) = list.pop() {
        call.arguments = vec![Argument::Path(Tokens::new(list))];
        return vec![Token::Function(call)];
    }
    list
}

/// Reads one token; false at the end of the path.
fn token(cursor: &mut Cursor, place: Place, list: &mut Vec<Token>) -> Result<bool, ParseError> {
    match cursor.peek() {
        None => return Ok(false),
        Some('[') => list.push(bracket(cursor)?),
        Some('.') => dot(cursor, place, list)?,
        Some(c) if ends(cursor, place, c) => return Ok(false),
        Some('*') => {
            cursor.next();
            list.push(Token::Wildcard);
        }
        Some(_) => list.push(name(cursor, place)?),
    }
    Ok(true)
}

/// `.` and `..`, and the name or bracket behind them.
fn dot(cursor: &mut Cursor, place: Place, list: &mut Vec<Token>) -> Result<(), ParseError> {
    cursor.next();
    if cursor.eat('.') {
        list.push(Token::Scan);
    }
    match cursor.peek() {
        Some('.') => {
            let text = format!("Character '.' on position {} is not valid.", cursor.at);
            Err(cursor.fail(text))
        }
        Some('[') => {
            list.push(bracket(cursor)?);
            Ok(())
        }
        Some('*') => {
            cursor.next();
            list.push(Token::Wildcard);
            Ok(())
        }
        Some(c) if !ends(cursor, place, c) || place == Place::Whole => {
            list.push(name(cursor, place)?);
            Ok(())
        }
        _ => Err(cursor.fail("Path must not end with a '.' or '..'")),
    }
}

/// Tells whether `c` ends a path that stands in `place`.
fn ends(cursor: &Cursor, place: Place, c: char) -> bool {
    match place {
        Place::Whole => false,
        Place::Argument => matches!(c, ',' | ')' | ' ' | '\t' | '\n' | '\r'),
        Place::Filter => {
            matches!(c, ' ' | '\t' | '\n' | '\r' | '<' | '>' | '=' | '~' | '!' | ')' | ',')
                || (matches!(c, '&' | '|') && cursor.peek_at(1) == Some(c))
        }
    }
}

/// `name` or `name(arguments)`.
fn name(cursor: &mut Cursor, place: Place) -> Result<Token, ParseError> {
    let start = cursor.at;
    while let Some(c) = cursor.peek() {
        if matches!(c, '.' | '[' | '(') || ends(cursor, place, c) {
            break;
        }
        if c == ' ' {
            return Err(ParseError {
                message: format!(
                    "Use bracket notion ['my prop'] if your property contains blank characters. \
                     position: {start}"
                ),
                position: start,
            });
        }
        cursor.next();
    }
    let name = cursor.slice(start, cursor.at);
    if cursor.peek() != Some('(') {
        return match name.is_empty() {
            true => Err(cursor.fail(format!("Could not parse token starting at position {start}"))),
            false => Ok(Token::Property(name)),
        };
    }
    cursor.next();
    let arguments = cursor.nested(|cursor| arguments(cursor, &name))?;
    Ok(Token::Function(Box::new(Call { name, arguments })))
}

/// The arguments of a function, behind its opening parenthesis.
fn arguments(cursor: &mut Cursor, name: &str) -> Result<Vec<Argument>, ParseError> {
    let mut arguments = Vec::new();
    loop {
        cursor.skip_blanks();
        match cursor.peek() {
            Some(')') => {
                cursor.next();
                return Ok(arguments);
            }
            Some(',') => {
                cursor.next();
            }
            Some('$' | '@') => {
                cursor.next();
                let list = tokens(cursor, Place::Argument)?;
                arguments.push(Argument::Path(Tokens::new(list)));
            }
            Some(_) => arguments.push(Argument::Literal(literal::value(cursor)?)),
            None => {
                let text = format!("Arguments to function: '{name}' are not closed properly.");
                return Err(cursor.fail(text));
            }
        }
    }
}

/// `[...]`
fn bracket(cursor: &mut Cursor) -> Result<Token, ParseError> {
    let start = cursor.at;
    cursor.next();
    cursor.skip_blanks();
    let unknown = |cursor: &Cursor| {
        cursor.fail(format!(
            "Could not parse token starting at position {start}. Expected ?, ', 0-9, * "
        ))
    };
    match cursor.peek() {
        Some(quote @ ('\'' | '"')) => names(cursor, quote),
        Some(c) if c.is_ascii_digit() || c == '-' || c == ':' => {
            array(cursor)?.ok_or_else(|| unknown(cursor))
        }
        Some('*') => {
            cursor.next();
            cursor.skip_blanks();
            match cursor.eat(']') {
                true => Ok(Token::Wildcard),
                false => Err(cursor.fail(format!(
                    "Expected wildcard token to end with ']' on position {}",
                    cursor.at
                ))),
            }
        }
        Some('?') => {
            cursor.next();
            cursor.skip_blanks();
            if cursor.peek() != Some('(') {
                return Err(unknown(cursor));
            }
            let filter = cursor.nested(filter::parse)?;
            Ok(Token::Filter(Box::new(filter)))
        }
        _ => Err(unknown(cursor)),
    }
}

/// `'a'] ` or `'a','b']`. A backslash is part of the name, as recorded on AWS, except before the
/// quote that would end it.
fn names(cursor: &mut Cursor, quote: char) -> Result<Token, ParseError> {
    let mut names = Vec::new();
    loop {
        cursor.skip_blanks();
        if !cursor.eat(quote) {
            return Err(cursor.fail(format!("Found empty property at index {}", cursor.at)));
        }
        names.push(quoted(cursor, quote)?);
        let closed = cursor.at.saturating_sub(1);
        cursor.skip_blanks();
        match cursor.next() {
            Some(',') => {}
            Some(']') => break,
            _ => {
                return Err(cursor.fail(format!(
                    "Property must be separated by comma or Property must be terminated close \
                     square bracket at index {closed}"
                )));
            }
        }
    }
    Ok(match names.len() {
        1 => Token::Property(names.remove(0)),
        _ => Token::Properties(names),
    })
}

/// The rest of a quoted name, its closing quote included.
fn quoted(cursor: &mut Cursor, quote: char) -> Result<String, ParseError> {
    let mut name = String::new();
    while let Some(c) = cursor.next() {
        match c {
            '\\' => match cursor.next() {
                Some(c) if c == quote => name.push(c),
                Some(c) => name.extend(['\\', c]),
                None => name.push('\\'),
            },
            c if c == quote => return Ok(name),
            c => name.push(c),
        }
    }
    Err(cursor.fail(format!("Property has not been closed - missing closing {quote}")))
}

/// `1]`, `1,2]`, `1:2]`; `None` if it has other characters.
fn array(cursor: &mut Cursor) -> Result<Option<Token>, ParseError> {
    let start = cursor.at;
    while cursor.peek().is_some_and(|c| c != ']') {
        cursor.next();
    }
    let text = cursor.slice(start, cursor.at);
    let text = text.trim();
    let fits = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-' | ':' | ' '));
    if !cursor.eat(']') || !fits {
        return Ok(None);
    }
    if text.contains(':') { slice(cursor, text).map(Some) } else { indexes(cursor, text).map(Some) }
}

/// Jayway reads the first two parts and ignores a step.
fn slice(cursor: &Cursor, text: &str) -> Result<Token, ParseError> {
    let failed = || cursor.fail(format!("Failed to parse SliceOperation: {text}"));
    if text.contains([',', ' ']) {
        return Err(failed());
    }
    let part = |part: Option<&str>| match part {
        None | Some("") => Ok(None),
        Some(number) => number.parse::<i32>().map(|n| Some(i64::from(n))).map_err(|_| failed()),
    };
    let mut parts = text.split(':');
    let (from, to) = (part(parts.next())?, part(parts.next())?);
    match (from, to) {
        (None, None) => Err(failed()),
        (from, to) => Ok(Token::Slice { from, to }),
    }
}

fn indexes(cursor: &Cursor, text: &str) -> Result<Token, ParseError> {
    let mut indexes = Vec::new();
    for part in text.split(',') {
        let index = part.trim().parse::<i32>().map_err(|_| {
            cursor.fail(format!("Failed to parse token in ArrayIndexOperation: {part}"))
        })?;
        indexes.push(i64::from(index));
    }
    Ok(match indexes.as_slice() {
        [index] => Token::Index(*index),
        _ => Token::Indexes(indexes),
    })
}
