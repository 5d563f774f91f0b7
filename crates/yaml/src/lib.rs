//! YAML as AWS reads it: version 1.1's plain words, anchors and merge keys, one document.
//! Documents of Systems Manager and buildspecs are read by it.
//!
//! The grammar is the parser crate's; what a scalar means, which keys collide and how much an
//! alias may grow into is decided here, so that no text can make the reading long or large.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};
use serde_json::{Map, Number, Value};

/// How deep lists and maps may nest.
const DEPTH_MAX: usize = 100;
/// How many values a text may become once its aliases are filled in.
const VALUES_MAX: usize = 100_000;
/// How many bytes of text it may become.
const BYTES_MAX: usize = 1 << 20;

/// How many lines are moved to the right before a text is given up.
const MOVES_MAX: usize = 400;
/// What the parser says of a line that is to be moved.
const INDENTATION: [&str; 3] = [
    "invalid indentation",
    "invalid indentation in flow construct",
    "invalid indentation in quoted scalar",
];

/// Why a text is not YAML that can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{why} at line {line}, column {column}")]
pub struct YamlError {
    /// Where, from 1.
    pub line: usize,
    /// Where in the line, from 1.
    pub column: usize,
    /// What is wrong there.
    pub why: String,
}

/// Reads one YAML document.
///
/// # Errors
/// It is no YAML, names a key twice, nests too deeply, or becomes too large.
pub fn read(content: &str) -> Result<Value, YamlError> {
    read_as(content, Words::Read)
}

/// Reads one YAML document whose words all are texts, as they are written: `1.10`, `yes`, `010`.
/// Only where nothing is written there is null. Buildspecs are read so.
///
/// # Errors
/// As for [`read`].
pub fn read_texts(content: &str) -> Result<Value, YamlError> {
    read_as(content, Words::Kept)
}

/// What becomes of plain words.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Words {
    /// They mean numbers, booleans and nulls.
    #[default]
    Read,
    /// They are texts.
    Kept,
}

fn read_as(content: &str, words: Words) -> Result<Value, YamlError> {
    let mut moved = String::new();
    let mut first = None;
    for _ in 0..MOVES_MAX {
        let text = if moved.is_empty() { content } else { &moved };
        let error = match read_once(text, words) {
            Ok(value) => return Ok(value),
            Err(Stopped::Indentation(at, why)) => {
                if first.is_none() {
                    first = Some(not_yaml(&at, &why));
                }
                move_right(text, &at, why == INDENTATION[2])
            }
            Err(Stopped::Other(why)) => return Err(first.unwrap_or(why)),
        };
        match error {
            Some(text) if text.len() <= BYTES_MAX => moved = text,
            _ => break,
        }
    }
    Err(first.unwrap_or_default())
}

/// Why the reading stopped.
enum Stopped {
    /// Where a line inside brackets or quotes stands too far to the left for YAML 1.2. In 1.1, as
    /// AWS reads it, that means nothing.
    Indentation(Marker, String),
    Other(YamlError),
}

fn read_once(content: &str, words: Words) -> Result<Value, Stopped> {
    let mut reader = Reader { words, ..Reader::default() };
    let mut end = Marker::default();
    for event in Parser::new(StrInput::new(content)) {
        let (event, span) = event.map_err(|error| {
            let (at, why) = (error.marker(), error.info());
            match INDENTATION.contains(&why) {
                true => Stopped::Indentation(*at, why.to_owned()),
                false => Stopped::Other(not_yaml(at, why)),
            }
        })?;
        end = span.end;
        reader.event(event).map_err(|why| Stopped::Other(not_yaml(&span.start, &why)))?;
    }
    match reader.root {
        Some(value) if reader.open.is_empty() => Ok(value),
        _ => Err(Stopped::Other(not_yaml(&end, "there is no document"))),
    }
}

/// The text with the line at hand moved to the right; in a quoted text, all lines that it goes on
/// to. Blanks in front of such lines are no part of anything.
fn move_right(text: &str, at: &Marker, quoted: bool) -> Option<String> {
    const BLANKS: usize = 2 * DEPTH_MAX;
    let (start, _) = text.char_indices().nth(at.index())?;
    let blanks = " ".repeat(BLANKS);
    if !quoted {
        let line = text[..start].rfind('\n').map_or(0, |end| end + 1);
        return Some(format!("{}{blanks}{}", &text[..line], &text[line..]));
    }
    let end = start + quoted_length(&text[start..])?;
    let middle = text[start..end].replace('\n', &format!("\n{blanks}"));
    Some(format!("{}{middle}{}", &text[..start], &text[end..]))
}

/// How long the quoted text is with which this begins, quotes included.
fn quoted_length(text: &str) -> Option<usize> {
    let quote = text.chars().next()?;
    let mut rest = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '\\' if quote == '"' => {
                rest.next();
            }
            '\'' if quote == '\'' && rest.peek().is_some_and(|(_, next)| *next == quote) => {
                rest.next();
            }
            c if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

fn not_yaml(at: &Marker, why: &str) -> YamlError {
    YamlError { line: at.line(), column: at.col() + 1, why: why.to_owned() }
}

/// A list or a map that is being read.
enum Open {
    List { items: Vec<Value>, anchor: usize },
    Map { members: Map<String, Value>, key: Option<String>, merged: Vec<Value>, anchor: usize },
}

#[derive(Default)]
struct Reader {
    words: Words,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Anchored>,
    root: Option<Value>,
    documents: usize,
    values: usize,
    bytes: usize,
}

/// What an anchor names, and what filling it in costs.
struct Anchored {
    value: Value,
    values: usize,
    bytes: usize,
    depth: usize,
}

impl Reader {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                match self.documents {
                    1 => Ok(()),
                    _ => Err("there is more than one document".to_owned()),
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(1, text.len())?;
                if style == ScalarStyle::Plain && tag.is_none() && self.is_key() {
                    // A key is text, whatever it looks like: `on:`, `1:`.
                    return self.put(Value::String(text.into_owned()), anchor);
                }
                let is_kept = self.words == Words::Kept && !text.is_empty() && tag.is_none();
                let value = match is_kept {
                    true => Value::String(text.into_owned()),
                    false => scalar(&text, style, tag.as_deref())?,
                };
                self.put(value, anchor)
            }
            Event::SequenceStart(anchor, _) => self.enter(Open::List { items: Vec::new(), anchor }),
            Event::MappingStart(anchor, _) => {
                let members = Map::new();
                self.enter(Open::Map { members, key: None, merged: Vec::new(), anchor })
            }
            Event::SequenceEnd | Event::MappingEnd => self.leave(),
            Event::Alias(anchor) => self.alias(anchor),
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn spend(&mut self, values: usize, bytes: usize) -> Result<(), String> {
        self.values = self.values.saturating_add(values);
        self.bytes = self.bytes.saturating_add(bytes);
        match self.values > VALUES_MAX || self.bytes > BYTES_MAX {
            true => Err("it becomes too large".to_owned()),
            false => Ok(()),
        }
    }

    fn is_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Map { key: None, .. }))
    }

    fn enter(&mut self, open: Open) -> Result<(), String> {
        self.spend(1, 0)?;
        if self.is_key() {
            return Err("a key is a list or a map".to_owned());
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        self.open.push(open);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some(Open::List { items, anchor }) => self.put(Value::Array(items), anchor),
            Some(Open::Map { members, merged, anchor, .. }) => {
                self.put(Value::Object(merge(members, merged)?), anchor)
            }
            None => Err("it ends what did not begin".to_owned()),
        }
    }

    fn alias(&mut self, anchor: usize) -> Result<(), String> {
        let Some(known) = self.anchors.get(&anchor) else {
            return Err("an alias names what is not complete yet".to_owned());
        };
        let (value, values, bytes) = (known.value.clone(), known.values, known.bytes);
        if self.open.len() + known.depth > DEPTH_MAX {
            return Err(format!("nested deeper than {DEPTH_MAX}"));
        }
        self.spend(values, bytes)?;
        self.put(value, 0)
    }

    /// A complete value takes its place in what is open.
    fn put(&mut self, value: Value, anchor: usize) -> Result<(), String> {
        if anchor != 0 {
            let (values, bytes, depth) = cost(&value);
            // A copy is kept beside the value itself.
            self.spend(values, bytes)?;
            let value = value.clone();
            self.anchors.insert(anchor, Anchored { value, values, bytes, depth });
        }
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List { items, .. }) => items.push(value),
            Some(Open::Map { members, key, merged, .. }) => match key.take() {
                None => match value {
                    Value::String(name) => *key = Some(name),
                    Value::Array(_) | Value::Object(_) => {
                        return Err("a key is a list or a map".to_owned());
                    }
                    other => *key = Some(other.to_string()),
                },
                Some(name) if name == "<<" => merged.push(value),
                Some(name) => {
                    if members.contains_key(&name) {
                        return Err(format!("found duplicate key {name}"));
                    }
                    members.insert(name, value);
                }
            },
        }
        Ok(())
    }
}

/// The values, bytes of text and depth of a value.
fn cost(value: &Value) -> (usize, usize, usize) {
    let mut sum = (1, 0, 0);
    let mut add = |(values, bytes, depth): (usize, usize, usize)| {
        sum = (sum.0 + values, sum.1 + bytes, sum.2.max(depth + 1));
    };
    match value {
        Value::String(text) => add((0, text.len(), 0)),
        Value::Array(items) => items.iter().for_each(|item| add(cost(item))),
        Value::Object(members) => members.iter().for_each(|(key, item)| {
            add(cost(item));
            add((0, key.len(), 0));
        }),
        _ => {}
    }
    sum
}

/// Fills in the members of `<<`; what the map says itself wins, then the earlier of the merged.
fn merge(
    mut members: Map<String, Value>,
    merged: Vec<Value>,
) -> Result<Map<String, Value>, String> {
    let flat = merged.into_iter().flat_map(|value| match value {
        Value::Array(items) => items,
        other => vec![other],
    });
    for value in flat {
        let Value::Object(more) = value else {
            return Err("a merge key wants a map, or a list of maps".to_owned());
        };
        for (key, value) in more {
            members.entry(key).or_insert(value);
        }
    }
    Ok(members)
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() => tagged(text, &tag.suffix),
        Some(tag) if !tag.suffix.is_empty() && tag.suffix != "!" => Err(format!(
            "could not determine a constructor for the tag {}{}",
            tag.handle, tag.suffix
        )),
        Some(_) => Ok(Value::String(text.to_owned())),
        None if style == ScalarStyle::Plain => Ok(plain(text)),
        None => Ok(Value::String(text.to_owned())),
    }
}

fn tagged(text: &str, kind: &str) -> Result<Value, String> {
    let read = plain(text);
    let fits = match kind {
        "str" | "binary" | "timestamp" => return Ok(Value::String(text.to_owned())),
        "int" => read.is_i64() || read.is_u64(),
        "float" => read.is_number(),
        "bool" => read.is_boolean(),
        "null" => read.is_null(),
        _ => return Err(format!("could not determine a constructor for the tag !!{kind}")),
    };
    if fits { Ok(read) } else { Err(format!("{text} is no !!{kind}")) }
}

/// What a plain scalar is in YAML 1.1: `yes` and `off` are booleans, `0o7`-less octals numbers,
/// a date stays text.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    integer(text).or_else(|| float(text)).unwrap_or_else(|| Value::String(text.to_owned()))
}

fn integer(text: &str) -> Option<Value> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => ("-", &text[1..]),
        b'+' => ("", &text[1..]),
        _ => ("", text),
    };
    if !digits.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x', ..] => (16, &digits[2..]),
        [b'0', b'b', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let digits: String = digits.chars().filter(|&c| c != '_').collect();
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let signed = format!("{sign}{digits}");
    let number = i64::from_str_radix(&signed, radix).map(Value::from);
    number.or_else(|_| u64::from_str_radix(&signed, radix).map(Value::from)).ok()
}

fn float(text: &str) -> Option<Value> {
    let plain =
        text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    let digit = text.bytes().any(|b| b.is_ascii_digit());
    if !plain || !digit || !text.contains('.') {
        return None;
    }
    text.parse().ok().and_then(Number::from_f64).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_words_are_those_of_yaml_1_1() {
        let text = "a: yes\nb: 'yes'\nc: 010\nd: 0x1F\ne: 1.5\nf: 1_000\ng: ~\nh: 2020-01-01\n\
                    i: OFF\nj: 1.2.3\nk: -7\nl: y\nm: 09\nn: \"\"\no:\np: !!str 5\nq: 1e3\n\
                    on: 1\n1: one\n";
        let expected = json!({
            "a": true, "b": "yes", "c": 8, "d": 31, "e": 1.5, "f": 1000, "g": null,
            "h": "2020-01-01", "i": false, "j": "1.2.3", "k": -7, "l": "y", "m": "09", "n": "",
            "o": null, "p": "5", "q": "1e3", "on": 1, "1": "one",
        });
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn words_may_stay_as_they_are_written() {
        let text = "a: yes\nb: 1.10\nc: 010\nd: ~\ne:\nf: ''\ng: [on, 0x1F]\n";
        let expected = json!({
            "a": "yes", "b": "1.10", "c": "010", "d": "~", "e": null, "f": "", "g": ["on", "0x1F"],
        });
        assert_eq!(read_texts(text), Ok(expected));
    }

    #[test]
    fn anchors_and_merge_keys_are_filled_in() {
        let text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nlist: [*b, *b]\n";
        let base = json!({"x": 1, "y": 2});
        let expected = json!({"base": base, "use": {"y": 3, "x": 1}, "list": [base, base]});
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn lines_inside_brackets_and_quotes_may_stand_anywhere() {
        let cases = [
            ("p:\n- a: [\n  1\n  ]\n  b: 1\n", json!({"p": [{"a": [1], "b": 1}]})),
            ("p:\n  q: {\n\"x\": 1,\ny: 2\n}\n", json!({"p": {"q": {"x": 1, "y": 2}}})),
            ("a: \"x\ny\n\nz\\\"\n\\ w\"\nb: 1\n", json!({"a": "x y\nz\"  w", "b": 1})),
            ("a:\n  b: 'x\ny''s\n z'\n  c: 2\n", json!({"a": {"b": "x y's z", "c": 2}})),
            ("a:\n  - x: [a,\n    b]\n", json!({"a": [{"x": ["a", "b"]}]})),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), Ok(expected), "{text}");
        }
        let error = read("a:\n  b: [1,\n2\nc: 3\n").expect_err("the list has no end");
        assert_eq!((error.line, error.column), (3, 1));
        assert!(error.why.starts_with("invalid indentation"), "{error}");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let bomb = {
            let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
            for level in 1..9 {
                let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
                text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
            }
            text
        };
        let deep = "[".repeat(DEPTH_MAX + 1);
        let cases = [
            ("a: 1\na: 2\n", "found duplicate key a at line 2, column 4"),
            ("a: 1\n---\nb: 2\n", "there is more than one document"),
            ("", "there is no document"),
            ("a: &x [*x]\n", "an alias names what is not complete yet"),
            ("a: !Sub '${x}'\n", "could not determine a constructor for the tag !Sub"),
            ("? [a]\n: 1\n", "a key is a list or a map"),
            ("a: [1, 2", ""),
            (bomb.as_str(), "it becomes too large"),
            (deep.as_str(), "nested deeper than 100"),
        ];
        for (text, expected) in cases {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{error} does not say {expected}");
        }
    }
}
