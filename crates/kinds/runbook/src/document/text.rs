//! From a document's text to a JSON value, and back.

use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::problem::{Exception, Problems};
use super::yaml_write;

/// How deep lists and maps may nest.
const DEPTH_MAX: usize = 100;

/// How a document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// Text that nothing reads; or, where AWS expects a document, JSON or YAML.
    Text,
}

impl Format {
    /// AWS's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Json => "JSON",
            Format::Yaml => "YAML",
            Format::Text => "TEXT",
        }
    }

    /// From AWS's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Format::Json, Format::Yaml, Format::Text].into_iter().find(|one| one.as_str() == word)
    }
}

/// Reads a document's text.
///
/// # Errors
/// The text is not of the format, nests too deeply, or names a key twice.
pub fn read(content: &str, format: Format) -> Result<Value, Problems> {
    match format {
        Format::Json => read_json(content),
        Format::Yaml => read_yaml(content),
        Format::Text => read_json(content).or_else(|_| read_yaml(content)),
    }
    .map_err(|text| Problems::one(Exception::InvalidDocumentContent, "", text))
}

/// Writes a document in a format. JSON is indented by two, as AWS indents what it converts.
#[must_use]
pub fn write(document: &Value, format: Format) -> String {
    match format {
        Format::Yaml => yaml_write::write(document),
        Format::Json | Format::Text => {
            serde_json::to_string_pretty(document).unwrap_or_else(|_| document.to_string())
        }
    }
}

/// The content of a document in another format; the text itself where it is in that already.
///
/// # Errors
/// The content is not of its format.
pub fn convert(content: &str, from: Format, to: Format) -> Result<String, Problems> {
    if from == to || to == Format::Text {
        return Ok(content.to_owned());
    }
    Ok(write(&read(content, from)?, to))
}

fn read_yaml(content: &str) -> Result<Value, String> {
    trackway_yaml::read(content)
        .map_err(|error| not_well_formed(Format::Yaml, error.line, error.column, &error.why))
}

fn read_json(content: &str) -> Result<Value, String> {
    // What follows the end of the document would be seen by nobody.
    let mut reader = serde_json::Deserializer::from_str(content);
    let value = Strict { depth: 0 }.deserialize(&mut reader);
    let value = value.and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let why = error.to_string();
        let why = why.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&why);
        not_well_formed(Format::Json, line, column, why)
    })
}

/// AWS's words, and behind them the reason, which AWS does not give.
fn not_well_formed(format: Format, line: usize, column: usize, why: &str) -> String {
    let format = format.as_str();
    format!("{format} not well-formed. at Line: {line}, Column: {column} ({why})")
}

/// Reads JSON and refuses a key that stands twice in one map.
struct Strict {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self.below()?)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if members.contains_key(&key) {
                return Err(A::Error::custom(format!("Duplicate field '{key}'")));
            }
            let value = map.next_value_seed(self.below()?)?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

impl Strict {
    fn below<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {DEPTH_MAX}")));
        }
        Ok(Strict { depth: self.depth + 1 })
    }
}
