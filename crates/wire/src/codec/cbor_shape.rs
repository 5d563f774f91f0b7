//! CBOR bodies to and from the neutral form, guided by the shape.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Number, Value};

use super::cbor::Item;
use super::json::Mode;
use super::time;
use crate::error::{Failure, say};
use crate::model::{Service, Shape, ShapeKind};

/// The tag of epoch seconds.
const EPOCH: u64 = 1;

/// Turns an item into the neutral form of a shape.
pub(crate) fn from_cbor(
    service: &Service,
    shape: &Shape,
    item: Item,
    mode: Mode,
) -> Result<Value, Failure> {
    let item = match item {
        // Tags but that of timestamps say nothing to us.
        Item::Tag(EPOCH, inner) if matches!(shape.kind, ShapeKind::Timestamp(_)) => *inner,
        Item::Tag(_, inner) => return from_cbor(service, shape, *inner, mode),
        item => item,
    };
    Ok(match (&shape.kind, item) {
        (_, Item::Null) => Value::Null,
        (ShapeKind::String, Item::Text(text)) => Value::String(text),
        (ShapeKind::Boolean, Item::Bool(value)) => Value::Bool(value),
        (ShapeKind::Integer, Item::Integer(value)) => i32::try_from(value)
            .map(Value::from)
            .map_err(|_| mismatch("NUMBER_VALUE", "an Integer"))?,
        (ShapeKind::Long, Item::Integer(value)) => {
            i64::try_from(value).map(Value::from).map_err(|_| mismatch("NUMBER_VALUE", "a Long"))?
        }
        #[expect(clippy::cast_precision_loss, reason = "exact in the calendar")]
        (ShapeKind::Timestamp(_), Item::Integer(value))
            if mode == Mode::Strict && !time::is_in_calendar(value as f64) =>
        {
            return Err(mismatch("NUMBER_VALUE", "milliseconds since epoch"));
        }
        (ShapeKind::Timestamp(_), Item::Float(value))
            if mode == Mode::Strict && value.is_finite() && !time::is_in_calendar(value) =>
        {
            return Err(mismatch("NUMBER_VALUE", "milliseconds since epoch"));
        }
        (ShapeKind::Float | ShapeKind::Double | ShapeKind::Timestamp(_), Item::Integer(value)) => {
            whole(value)
        }
        (ShapeKind::Float | ShapeKind::Double, Item::Float(value)) => float(value),
        (ShapeKind::Timestamp(_), Item::Float(value)) => {
            time::plain_number(value).map(Value::Number).ok_or_else(say::unreadable)?
        }
        (ShapeKind::Blob { .. }, Item::Bytes(bytes)) => Value::String(STANDARD.encode(bytes)),
        (ShapeKind::List { member, .. }, Item::Array(items)) => {
            let shape = service.shape(*member);
            let item = |item| from_cbor(service, shape, item, mode);
            Value::Array(items.into_iter().map(item).collect::<Result<_, _>>()?)
        }
        (ShapeKind::Map { value: of, .. }, Item::Map(entries)) => {
            let shape = service.shape(*of);
            object(entries, |key, item| Ok(Some((key, from_cbor(service, shape, item, mode)?))))?
        }
        (ShapeKind::Structure(structure), Item::Map(entries)) => object(entries, |key, item| {
            let Some(member) = structure.by_wire(&key) else { return Ok(None) };
            let value = from_cbor(service, service.shape(member.shape), item, mode)?;
            Ok(Some((member.name.to_string(), value)))
        })?,
        (ShapeKind::Document, item) => untyped_json(item),
        (_, item) if mode == Mode::Lenient => untyped_json(item),
        (kind, item) => return Err(misfit(kind, &item)),
    })
}

fn object(
    entries: Vec<(Item, Item)>,
    mut each: impl FnMut(String, Item) -> Result<Option<(String, Value)>, Failure>,
) -> Result<Value, Failure> {
    let mut object = Map::new();
    for (key, item) in entries {
        let Item::Text(key) = key else { return Err(say::unreadable()) };
        match each(key, item)? {
            Some((_, Value::Null)) | None => {}
            Some((key, value)) => _ = object.insert(key, value),
        }
    }
    Ok(Value::Object(object))
}

/// An item without a shape, as JSON that is closest to it.
pub(crate) fn untyped_json(item: Item) -> Value {
    match item {
        Item::Integer(value) => whole(value),
        Item::Bytes(bytes) => Value::String(STANDARD.encode(bytes)),
        Item::Text(text) => Value::String(text),
        Item::Array(items) => items.into_iter().map(untyped_json).collect(),
        Item::Map(entries) => {
            let named = entries.into_iter().filter_map(|(key, item)| match key {
                Item::Text(key) => Some((key, untyped_json(item))),
                _ => None,
            });
            Value::Object(named.collect())
        }
        Item::Tag(_, item) => untyped_json(*item),
        Item::Bool(value) => Value::Bool(value),
        Item::Null => Value::Null,
        Item::Float(value) => float(value),
    }
}

fn whole(value: i128) -> Value {
    match (i64::try_from(value), u64::try_from(value)) {
        (Ok(value), _) => Value::from(value),
        (_, Ok(value)) => Value::from(value),
        #[expect(clippy::cast_precision_loss, reason = "beyond all AWS numbers")]
        _ => float(value as f64),
    }
}

fn float(value: f64) -> Value {
    Number::from_f64(value).map_or_else(
        || {
            let sign = if value.is_sign_negative() { "-" } else { "" };
            Value::from(if value.is_nan() { "NaN".to_owned() } else { format!("{sign}Infinity") })
        },
        Value::Number,
    )
}

fn mismatch(token: &str, target: &str) -> Failure {
    say::serialization(Some(format!("{token} can not be converted to {target}")))
}

fn misfit(kind: &ShapeKind, item: &Item) -> Failure {
    let token = match item {
        Item::Integer(_) | Item::Float(_) => "NUMBER_VALUE",
        Item::Bytes(_) => "BYTES_VALUE",
        Item::Bool(true) => "TRUE_VALUE",
        Item::Bool(false) => "FALSE_VALUE",
        Item::Array(_) => return say::serialization(Some(super::json::LIST.to_owned())),
        Item::Map(_) => return say::serialization(Some(super::json::OBJECT.to_owned())),
        _ => "STRING_VALUE",
    };
    say::serialization(Some(super::json::scalar_mismatch(kind, token)))
}

/// Turns the neutral form of a shape into an item. What does not fit the shape is written as the
/// JSON that it is.
pub(crate) fn to_cbor(service: &Service, shape: &Shape, value: &Value) -> Item {
    match (&shape.kind, value) {
        (ShapeKind::Structure(structure), Value::Object(object)) => {
            let entries = object.iter().filter(|(_, value)| !value.is_null());
            Item::Map(
                entries
                    .filter_map(|(name, value)| {
                        let member = structure.member(name)?;
                        let item = to_cbor(service, service.shape(member.shape), value);
                        Some((Item::Text(member.wire().to_owned()), item))
                    })
                    .collect(),
            )
        }
        (ShapeKind::List { member, .. }, Value::Array(items)) => {
            let shape = service.shape(*member);
            Item::Array(items.iter().map(|item| to_cbor(service, shape, item)).collect())
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(entries)) => {
            let shape = service.shape(*of);
            let entry = |(key, value): (&String, &Value)| {
                (Item::Text(key.clone()), to_cbor(service, shape, value))
            };
            Item::Map(entries.iter().map(entry).collect())
        }
        (ShapeKind::Timestamp(_), value) => {
            let seconds = match value {
                Value::String(text) => time::parse(text).and_then(|value| value.as_f64()),
                value => value.as_f64(),
            };
            seconds.map_or_else(
                || untyped(value),
                |seconds| Item::Tag(EPOCH, Box::new(Item::Float(seconds))),
            )
        }
        (ShapeKind::Blob { .. }, Value::String(text)) => {
            STANDARD.decode(text).map_or_else(|_| untyped(value), Item::Bytes)
        }
        (ShapeKind::Float | ShapeKind::Double, Value::Number(number)) => {
            Item::Float(number.as_f64().unwrap_or_default())
        }
        (ShapeKind::Float | ShapeKind::Double, Value::String(text)) => {
            Item::Float(text.parse().unwrap_or(f64::NAN))
        }
        (_, value) => untyped(value),
    }
}

/// Turns JSON without a shape into an item.
pub(crate) fn untyped(value: &Value) -> Item {
    match value {
        Value::Null => Item::Null,
        Value::Bool(value) => Item::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Item::Integer(value.into()),
            (_, Some(value)) => Item::Integer(value.into()),
            _ => Item::Float(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Item::Text(text.clone()),
        Value::Array(items) => Item::Array(items.iter().map(untyped).collect()),
        Value::Object(entries) => {
            let entry = |(key, value): (&String, &Value)| (Item::Text(key.clone()), untyped(value));
            Item::Map(entries.iter().map(entry).collect())
        }
    }
}
