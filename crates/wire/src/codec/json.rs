//! JSON bodies: one pass from bytes to the neutral form, guided by the shape.
//!
//! Strict reading is the server's: wrong types are refused with the words of AWS's framework, as
//! measured on live awsJson1.1 services in September 2026. Lenient reading is the client's: what
//! does not fit the shape is kept as it came. Either way `null` members are dropped and unknown
//! members are skipped without being stored.

use std::cell::RefCell;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::time;
use crate::error::{Failure, say};
use crate::model::{Member, Service, Shape, ShapeId, ShapeKind, TimestampFormat};

/// How much a reader insists on the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Types must be right; for requests.
    Strict,
    /// Anything goes; for responses.
    Lenient,
}

/// Which names members have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Those on the wire, of what travels in the body.
    Wire,
    /// The model's.
    Model,
}

/// Reads a body of JSON as a shape.
///
/// # Errors
/// `SerializationException`: without a message when the bytes are not JSON or the top is no object,
/// else with AWS's message about the first wrong type.
pub fn read(service: &Service, shape: ShapeId, bytes: &[u8], mode: Mode) -> Result<Value, Failure> {
    read_members(service, shape, bytes, (mode, Names::Wire))
}

/// Reads the input of an operation as boto3 takes it: strictly, all members under the model's
/// names, wherever they travel.
///
/// # Errors
/// As those of [`read`].
pub fn read_input(service: &Service, shape: ShapeId, bytes: &[u8]) -> Result<Value, Failure> {
    read_members(service, shape, bytes, (Mode::Strict, Names::Model))
}

fn read_members(
    service: &Service,
    shape: ShapeId,
    bytes: &[u8],
    (mode, names): (Mode, Names),
) -> Result<Value, Failure> {
    let refusal = RefCell::new(None);
    let context = Context { service, mode, names, refusal: &refusal };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let seed = Typed { context, shape: service.shape(shape) };
    let value = seed.deserialize(&mut deserializer);
    let value = value.and_then(|value| deserializer.end().map(|()| value));
    match (value, mode, refusal.into_inner()) {
        (Ok(Value::Null), ..) => Err(say::unreadable()),
        (Ok(value), ..) => Ok(value),
        // A scalar at the top is as unreadable as no JSON at all.
        (Err(_), _, Some(message)) if message != EXPECTED_NULL || starts_object(bytes) => {
            Err(say::serialization(Some(message)))
        }
        (Err(_), ..) => Err(say::unreadable()),
    }
}

fn starts_object(bytes: &[u8]) -> bool {
    bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
}

/// Rewrites a value in the neutral form to what a JSON body holds: wire names, and timestamps in
/// the shape's format. Members that travel elsewhere are left out.
pub(crate) fn to_wire(service: &Service, shape: &Shape, value: &Value) -> Value {
    match (&shape.kind, value) {
        (ShapeKind::Structure(structure), Value::Object(object)) => {
            let mut out = Map::new();
            for (name, value) in object {
                let Some(member) = structure.member(name) else { continue };
                if member.location.is_none() && !value.is_null() {
                    let value = to_wire(service, service.shape(member.shape), value);
                    out.insert(member.wire().to_owned(), value);
                }
            }
            Value::Object(out)
        }
        (ShapeKind::List { member, .. }, Value::Array(items)) => {
            let shape = service.shape(*member);
            items.iter().map(|item| to_wire(service, shape, item)).collect()
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(entries)) => {
            let shape = service.shape(*of);
            let entry =
                |(key, value): (&String, &Value)| (key.clone(), to_wire(service, shape, value));
            Value::Object(entries.iter().map(entry).collect())
        }
        (ShapeKind::Timestamp(format), value) => {
            let format = format.unwrap_or(TimestampFormat::Epoch);
            time::format(value, format).unwrap_or_else(|| value.clone())
        }
        _ => value.clone(),
    }
}

pub(super) const LIST: &str = "Start of list found where not expected";
pub(super) const OBJECT: &str = "Start of structure or map found where not expected.";
const EXPECTED_LIST: &str = "Expected list or null";
const EXPECTED_MAP: &str = "Expected map or null";
const EXPECTED_NULL: &str = "Expected null";

/// What AWS says about a scalar (named by its token) where another type is due.
pub(super) fn scalar_mismatch(kind: &ShapeKind, token: &str) -> String {
    let target = match kind {
        ShapeKind::Structure(_) => return EXPECTED_NULL.to_owned(),
        ShapeKind::List { .. } => return EXPECTED_LIST.to_owned(),
        ShapeKind::Map { .. } => return EXPECTED_MAP.to_owned(),
        ShapeKind::String | ShapeKind::Document => "a String",
        ShapeKind::Boolean if token == "STRING_VALUE" => "an Boolean",
        ShapeKind::Boolean => "a Boolean",
        ShapeKind::Integer => "an Integer",
        ShapeKind::Long => "a Long",
        ShapeKind::Float => "a Float",
        ShapeKind::Double => "a Double",
        ShapeKind::Timestamp(_) => "milliseconds since epoch",
        ShapeKind::Blob { .. } => "a ByteBuffer",
    };
    format!("{token} can not be converted to {target}")
}

#[derive(Clone, Copy)]
struct Context<'a> {
    service: &'a Service,
    mode: Mode,
    names: Names,
    /// The first refusal. An error of `serde_json` would add the place, which AWS does not say.
    refusal: &'a RefCell<Option<String>>,
}

impl Context<'_> {
    fn refuse<T, E: de::Error>(self, message: String) -> Result<T, E> {
        self.refusal.borrow_mut().get_or_insert(message);
        Err(E::custom("refused"))
    }
}

/// Reads one value of a shape.
#[derive(Clone, Copy)]
struct Typed<'a> {
    context: Context<'a>,
    shape: &'a Shape,
}

impl<'a> Typed<'a> {
    fn of(self, shape: ShapeId) -> Self {
        Self { shape: self.context.service.shape(shape), ..self }
    }

    /// A scalar that does not fit: refused, or kept as it came.
    fn misfit<E: de::Error>(self, token: &str, value: Value) -> Result<Value, E> {
        if self.context.mode == Mode::Lenient {
            return Ok(value);
        }
        self.context.refuse(scalar_mismatch(&self.shape.kind, token))
    }

    fn whole<E: de::Error>(self, value: i64) -> Result<Value, E> {
        match self.shape.kind {
            ShapeKind::Integer if i32::try_from(value).is_err() => {
                self.misfit("NUMBER_VALUE", value.into())
            }
            #[expect(clippy::cast_precision_loss, reason = "exact in the calendar")]
            ShapeKind::Timestamp(_) if !time::is_in_calendar(value as f64) => {
                self.misfit("NUMBER_VALUE", value.into())
            }
            ShapeKind::Integer
            | ShapeKind::Long
            | ShapeKind::Float
            | ShapeKind::Double
            | ShapeKind::Timestamp(_)
            | ShapeKind::Document => Ok(value.into()),
            _ => self.misfit("NUMBER_VALUE", value.into()),
        }
    }

    fn text<E: de::Error>(self, text: String) -> Result<Value, E> {
        match &self.shape.kind {
            ShapeKind::String | ShapeKind::Document => Ok(Value::String(text)),
            ShapeKind::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => self.misfit("STRING_VALUE", Value::String(text)),
            },
            ShapeKind::Float | ShapeKind::Double
                if matches!(text.as_str(), "NaN" | "Infinity" | "-Infinity") =>
            {
                Ok(Value::String(text))
            }
            ShapeKind::Timestamp(format) => {
                let strict = self.context.mode == Mode::Strict && format.is_none();
                let is_lenient = self.context.mode == Mode::Lenient;
                let fits = |moment: &Value| {
                    is_lenient || moment.as_f64().is_some_and(time::is_in_calendar)
                };
                match time::parse(&text).filter(|moment| !strict && fits(moment)) {
                    Some(moment) => Ok(moment),
                    None => self.misfit("STRING_VALUE", Value::String(text)),
                }
            }
            ShapeKind::Blob { .. } => {
                if self.context.mode == Mode::Strict && STANDARD.decode(&text).is_err() {
                    return Err(E::custom("not base64"));
                }
                Ok(Value::String(text))
            }
            _ => self.misfit("STRING_VALUE", Value::String(text)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Typed<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Typed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value of the shape")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        match self.shape.kind {
            ShapeKind::Boolean | ShapeKind::Document => Ok(Value::Bool(value)),
            _ => self.misfit(if value { "TRUE_VALUE" } else { "FALSE_VALUE" }, value.into()),
        }
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        self.whole(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.whole(value),
            Err(_) => match self.shape.kind {
                ShapeKind::Float | ShapeKind::Double | ShapeKind::Document => Ok(value.into()),
                _ => self.misfit("NUMBER_VALUE", value.into()),
            },
        }
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let kept = Number::from_f64(value).map_or(Value::Null, Value::Number);
        match self.shape.kind {
            ShapeKind::Timestamp(_) if !time::is_in_calendar(value) => {
                self.misfit("NUMBER_VALUE", kept)
            }
            ShapeKind::Float
            | ShapeKind::Double
            | ShapeKind::Timestamp(_)
            | ShapeKind::Document => Ok(kept),
            // AWS's framework cuts off what follows the point ("TruncatingBigNumber").
            ShapeKind::Integer | ShapeKind::Long if value.abs() < 9.2e18 =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "in range")]
                self.whole(value as i64)
            }
            _ => self.misfit("NUMBER_VALUE", kept),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        self.text(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Value, E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        match &self.shape.kind {
            ShapeKind::List { member, .. } => {
                let element = self.of(*member);
                while let Some(item) = items.next_element_seed(element)? {
                    list.push(item);
                }
            }
            kind if self.context.mode == Mode::Strict && !matches!(kind, ShapeKind::Document) => {
                return self.context.refuse(LIST.to_owned());
            }
            _ => {
                while let Some(item) = items.next_element::<Value>()? {
                    list.push(item);
                }
            }
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        match &self.shape.kind {
            ShapeKind::Structure(structure) => {
                while let Some(member) =
                    entries.next_key_seed(Key(&structure.members, self.context.names))?
                {
                    let Some(member) = member else {
                        entries.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    let value = entries.next_value_seed(self.of(member.shape))?;
                    if !value.is_null() {
                        object.insert(String::from(&*member.name), value);
                    }
                }
            }
            ShapeKind::Map { value, .. } => {
                let element = self.of(*value);
                while let Some(key) = entries.next_key::<String>()? {
                    let value = entries.next_value_seed(element)?;
                    if !value.is_null() {
                        object.insert(key, value);
                    }
                }
            }
            kind if self.context.mode == Mode::Strict && !matches!(kind, ShapeKind::Document) => {
                return self.context.refuse(OBJECT.to_owned());
            }
            _ => {
                while let Some((key, value)) = entries.next_entry::<String, Value>()? {
                    object.insert(key, value);
                }
            }
        }
        Ok(Value::Object(object))
    }
}

/// Reads a member's name and finds the member, without storing the name.
struct Key<'a>(&'a [Member], Names);

impl<'a, 'de> DeserializeSeed<'de> for Key<'a> {
    type Value = Option<&'a Member>;

    fn deserialize<D: de::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Key<'a> {
    type Value = Option<&'a Member>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        let is_meant = |member: &&Member| match self.1 {
            Names::Wire => member.location.is_none() && member.wire() == name,
            Names::Model => *member.name == *name,
        };
        Ok(self.0.iter().find(is_meant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    fn read_as(service: &str, shape: &str, body: &str) -> Result<Value, Failure> {
        let service = model::service(service).unwrap();
        let id = service.shapes.iter().position(|one| &*one.name == shape).unwrap();
        read(service, ShapeId(u32::try_from(id).unwrap()), body.as_bytes(), Mode::Strict)
    }

    #[test]
    fn drops_nulls_and_unknown_members_and_keeps_order() {
        let body = r#" {"maxResults": 5, "later": [{"x": 1}], "stateMachineArn": null,
            "statusFilter": "RUNNING"} "#;
        let value = read_as("stepfunctions", "ListExecutionsInput", body).unwrap();
        assert_eq!(value.to_string(), r#"{"maxResults":5,"statusFilter":"RUNNING"}"#);
    }

    #[test]
    fn an_input_has_the_names_of_the_model_wherever_they_travel() {
        let service = model::service("iot").unwrap();
        let id = service.operation("AttachThingPrincipal").unwrap().input.unwrap();
        let body = r#"{"thingName": "t", "principal": "p", "x-amzn-principal": "q"}"#;
        let input = read_input(service, id, body.as_bytes()).unwrap();
        assert_eq!(input, serde_json::json!({ "thingName": "t", "principal": "p" }));
        let none = read(service, id, body.as_bytes(), Mode::Strict).unwrap();
        assert_eq!(none, serde_json::json!({}));
    }

    #[test]
    fn refuses_wrong_types_in_the_words_of_aws() {
        for (shape, body, message) in [
            (
                "ListExecutionsInput",
                r#"{"maxResults":"1"}"#,
                "STRING_VALUE can not be converted to an Integer",
            ),
            (
                "ListExecutionsInput",
                r#"{"maxResults":true}"#,
                "TRUE_VALUE can not be converted to an Integer",
            ),
            (
                "ListExecutionsInput",
                r#"{"maxResults":99999999999}"#,
                "NUMBER_VALUE can not be converted to an Integer",
            ),
            ("ListExecutionsInput", r#"{"maxResults":[1]}"#, LIST),
            ("ListExecutionsInput", r#"{"nextToken":{"a":1}}"#, OBJECT),
            (
                "ListExecutionsInput",
                r#"{"nextToken":1}"#,
                "NUMBER_VALUE can not be converted to a String",
            ),
            (
                "ListExecutionsInput",
                r#"{"nextToken":false}"#,
                "FALSE_VALUE can not be converted to a String",
            ),
            ("CreateStateMachineInput", r#"{"tags":"x"}"#, EXPECTED_LIST),
            ("CreateStateMachineInput", r#"{"tags":["x"]}"#, EXPECTED_NULL),
            ("CreateStateMachineInput", r#"{"tags":[[]]}"#, LIST),
            (
                "CreateStateMachineInput",
                r#"{"publish":"x"}"#,
                "STRING_VALUE can not be converted to an Boolean",
            ),
            ("CreateStateMachineInput", "[]", LIST),
        ] {
            let failure = read_as("stepfunctions", shape, body).unwrap_err();
            assert_eq!(failure.code, "SerializationException");
            assert_eq!(failure.message.as_deref(), Some(message), "{body}");
        }
    }

    #[test]
    fn refuses_what_is_no_json_without_a_message() {
        let deep = format!("{{\"tags\":{}", "[".repeat(100_000));
        for body in ["", "{", "null", "\"x\"", "1", "{\"name\":\"x\",}", "{} {}", "\u{0}", &deep] {
            let failure = read_as("stepfunctions", "CreateStateMachineInput", body).unwrap_err();
            let expected = if body == deep { LIST.len() } else { 0 };
            assert!(failure.message.map_or(0, |message| message.len()) <= expected, "{body:.20}");
        }
    }
}
