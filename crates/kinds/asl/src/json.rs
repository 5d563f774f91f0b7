//! Reads JSON, and says what is wrong with a text in the words of the parser that AWS uses
//! (Jackson), which its clients see.

use serde_json::Value;

/// As much of a text is shown in a place.
const SHOWN_CHARS_MAX: usize = 500;

/// What is wrong with a text that is not JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct JsonError {
    /// What is wrong.
    pub message: String,
    /// The line, from 1.
    pub line: usize,
    /// The column behind the last character that was read, from 1.
    pub column: usize,
    /// The start of the text.
    shown: String,
}

impl JsonError {
    /// The place in AWS's form: `[Source: (String)"not a definition"; line: 1, column: 4]`.
    #[must_use]
    pub fn place(&self) -> String {
        place(&self.shown, self.line, self.column)
    }
}

fn place(shown: &str, line: usize, column: usize) -> String {
    format!("[Source: (String){shown}; line: {line}, column: {column}]")
}

/// Reads a text.
///
/// # Errors
/// The text is not JSON, or nests deeper than 127 levels.
pub fn read(text: &str) -> Result<Value, JsonError> {
    serde_json::from_str(text).map_err(|error| {
        let mut scanner = Scanner::new(text);
        match scanner.document() {
            Err(fault) => scanner.error(fault.0),
            Ok(()) => JsonError {
                message: error.to_string(),
                line: error.line(),
                column: error.column(),
                shown: shown(text),
            },
        }
    })
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => format!("\"{text}\""),
        Some((end, _)) => {
            let rest = text[end..].chars().count();
            format!("\"{}\"[truncated {rest} chars]", &text[..end])
        }
    }
}

/// A message; the place is the scanner's.
struct Fault(String);

/// Finds the first fault of a text, without recursion.
struct Scanner<'t> {
    text: &'t str,
    at: usize,
    /// Open objects and lists, with where they were opened.
    open: Vec<(char, usize)>,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0, open: Vec::new() }
    }

    fn error(&self, message: String) -> JsonError {
        let (line, column) = self.position(self.at);
        JsonError { message, line, column, shown: shown(self.text) }
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.next();
        }
    }

    fn document(&mut self) -> Result<(), Fault> {
        self.value()?;
        while let Some((opener, _)) = self.open.last().copied() {
            self.skip_blanks();
            let (closer, what) = if opener == '{' { ('}', "Object") } else { (']', "Array") };
            match self.peek() {
                Some(',') => {
                    self.next();
                    self.member(opener)?;
                }
                Some(found) if found == closer => {
                    self.next();
                    self.open.pop();
                }
                Some(_) => {
                    return Err(
                        self.unexpected(&format!("was expecting comma to separate {what} entries"))
                    );
                }
                None => return Err(self.unclosed()),
            }
        }
        self.skip_blanks();
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.unexpected("was expecting the end of the input")),
        }
    }

    /// Reads up to a scalar or an opened object or list, and its first member.
    fn value(&mut self) -> Result<(), Fault> {
        loop {
            self.skip_blanks();
            match self.peek() {
                None => return Err(self.no_value()),
                Some('{') => {
                    self.open('{');
                    if self.peek() == Some('}') {
                        return Ok(());
                    }
                    self.name()?;
                }
                Some('[') => {
                    self.open('[');
                    if self.peek() == Some(']') {
                        return Ok(());
                    }
                }
                Some('"') => return self.string("for a string value"),
                Some(c) if c == '-' || c.is_ascii_digit() => return self.number(),
                Some(c) if is_word(c) => return self.word(),
                Some(_) => {
                    return Err(self.unexpected(
                        "expected a valid value (JSON String, Number, Array, Object or token \
                         'null', 'true' or 'false')",
                    ));
                }
            }
        }
    }

    fn open(&mut self, opener: char) {
        self.open.push((opener, self.at));
        self.next();
        self.skip_blanks();
    }

    fn member(&mut self, opener: char) -> Result<(), Fault> {
        if opener == '{' {
            self.skip_blanks();
            self.name()?;
        }
        self.value()
    }

    /// Reads `"name" :`.
    fn name(&mut self) -> Result<(), Fault> {
        match self.peek() {
            Some('"') => self.string("in field name")?,
            Some(_) => {
                return Err(self.unexpected("was expecting double-quote to start field name"));
            }
            None => return Err(self.unclosed()),
        }
        self.skip_blanks();
        match self.peek() {
            Some(':') => {
                self.next();
                Ok(())
            }
            Some(_) => {
                Err(self.unexpected("was expecting a colon to separate field name and value"))
            }
            None => Err(self.unclosed()),
        }
    }

    fn string(&mut self, role: &str) -> Result<(), Fault> {
        self.next();
        loop {
            match self.next() {
                Some('"') => return Ok(()),
                Some('\\') => self.escape()?,
                Some(c) if c < ' ' => {
                    return Err(Fault(format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {})): has to be escaped \
                         using backslash to be included in string value",
                        u32::from(c)
                    )));
                }
                Some(_) => {}
                None if role == "in field name" => {
                    return Err(Fault("Unexpected end-of-input in field name".to_owned()));
                }
                None => {
                    return Err(Fault(
                        "Unexpected end-of-input: was expecting closing quote for a string value"
                            .to_owned(),
                    ));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.next() {
            Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => Ok(()),
            Some('u') => {
                for _ in 0..4 {
                    match self.next() {
                        Some(c) if c.is_ascii_hexdigit() => {}
                        Some(c) => {
                            return Err(Fault(format!(
                                "Unexpected character ({}): expected a hex-digit for character \
                                 escape sequence",
                                described(c)
                            )));
                        }
                        None => {
                            return Err(Fault(
                                "Unexpected end-of-input in character escape sequence".to_owned(),
                            ));
                        }
                    }
                }
                Ok(())
            }
            Some(c) => Err(Fault(format!("Unrecognized character escape {}", described(c)))),
            None => Err(Fault("Unexpected end-of-input in character escape sequence".to_owned())),
        }
    }

    fn number(&mut self) -> Result<(), Fault> {
        if self.peek() == Some('-') {
            self.next();
        }
        if self.peek() == Some('0') {
            self.next();
            if self.peek().is_some_and(|c| c.is_ascii_digit()) {
                return Err(Fault("Invalid numeric value: Leading zeroes not allowed".to_owned()));
            }
        } else {
            self.digits("No digit following minus sign")?;
        }
        if self.peek() == Some('.') {
            self.next();
            self.digits("Decimal point not followed by a digit")?;
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.next();
            if matches!(self.peek(), Some('+' | '-')) {
                self.next();
            }
            self.digits("Exponent indicator not followed by a digit")?;
        }
        Ok(())
    }

    fn digits(&mut self, fault: &str) -> Result<(), Fault> {
        if !self.peek().is_some_and(|c| c.is_ascii_digit()) {
            return Err(Fault(format!("Invalid numeric value: {fault}")));
        }
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.next();
        }
        Ok(())
    }

    fn word(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self.peek().is_some_and(is_word) {
            self.next();
        }
        match &self.text[start..self.at] {
            "true" | "false" | "null" => Ok(()),
            word => Err(Fault(format!(
                "Unrecognized token '{word}': was expecting (JSON String, Number, Array, Object or \
                 token 'null', 'true' or 'false')"
            ))),
        }
    }

    /// The character at hand is wrong; Jackson has read it already.
    fn unexpected(&mut self, why: &str) -> Fault {
        match self.next() {
            Some(c) => Fault(format!("Unexpected character ({}): {why}", described(c))),
            None => self.no_value(),
        }
    }

    fn no_value(&self) -> Fault {
        match self.open.last() {
            Some(_) => self.unclosed(),
            None => Fault("No content to map due to end-of-input".to_owned()),
        }
    }

    fn unclosed(&self) -> Fault {
        let Some((opener, at)) = self.open.last() else {
            return Fault("Unexpected end-of-input".to_owned());
        };
        let what = if *opener == '{' { "Object" } else { "Array" };
        let (line, column) = self.position(*at);
        Fault(format!(
            "Unexpected end-of-input: expected close marker for {what} (start marker at {})",
            place(&shown(self.text), line, column)
        ))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

fn described(c: char) -> String {
    if c < ' ' {
        format!("(CTRL-CHAR, code {})", u32::from(c))
    } else {
        format!("'{c}' (code {})", u32::from(c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_told_in_jacksons_words() {
        let rows = [
            (
                "not a definition",
                "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or \
                 token 'null', 'true' or 'false')",
                (1, 4),
            ),
            (
                "{'a': 1}",
                "Unexpected character (''' (code 39)): was expecting double-quote to start field \
                 name",
                (1, 3),
            ),
            (
                "{\"a\": 1,\n}",
                "Unexpected character ('}' (code 125)): was expecting double-quote to start field \
                 name",
                (2, 2),
            ),
            (
                "{\"a\": 1 \"b\": 2}",
                "Unexpected character ('\"' (code 34)): was expecting comma to separate Object \
                 entries",
                (1, 10),
            ),
            (
                "{",
                "Unexpected end-of-input: expected close marker for Object (start marker at \
                 [Source: (String)\"{\"; line: 1, column: 1])",
                (1, 2),
            ),
            (
                "[1, ",
                "Unexpected end-of-input: expected close marker for Array (start marker at \
                 [Source: (String)\"[1, \"; line: 1, column: 1])",
                (1, 5),
            ),
            (
                "\"abc",
                "Unexpected end-of-input: was expecting closing quote for a string value",
                (1, 5),
            ),
            ("01", "Invalid numeric value: Leading zeroes not allowed", (1, 2)),
        ];
        for (text, message, place) in rows {
            let error = read(text).expect_err(text);
            assert_eq!(
                (error.message.as_str(), (error.line, error.column)),
                (message, place),
                "{text}"
            );
        }
    }

    #[test]
    fn the_place_shows_the_start_of_the_text() {
        let error = read("not a definition").expect_err("no JSON");
        assert_eq!(error.place(), "[Source: (String)\"not a definition\"; line: 1, column: 4]");
        let long = format!("x{}", "é".repeat(600));
        let error = read(&long).expect_err("no JSON");
        assert!(error.place().ends_with("\"[truncated 101 chars]; line: 1, column: 602]"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(read(&deep).is_err());
        let closed = format!("{deep}{}", "]".repeat(100_000));
        assert!(read(&closed).is_err());
    }
}
