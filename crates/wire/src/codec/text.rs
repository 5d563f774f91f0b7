//! Texts of labels, query parameters, headers and form fields, to and from the neutral form.

use serde_json::Value;

use super::time;
use crate::error::{Failure, say};
use crate::model::{ShapeKind, TimestampFormat};

/// Reads a text as a scalar of a kind.
pub(crate) fn from_text(kind: &ShapeKind, text: &str) -> Result<Value, Failure> {
    let mismatch = |target: &str| {
        say::serialization(Some(format!("STRING_VALUE can not be converted to {target}")))
    };
    Ok(match kind {
        ShapeKind::Boolean => match text {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return Err(mismatch("an Boolean")),
        },
        ShapeKind::Integer => Value::from(text.parse::<i32>().map_err(|_| mismatch("an Integer"))?),
        ShapeKind::Long => Value::from(text.parse::<i64>().map_err(|_| mismatch("a Long"))?),
        ShapeKind::Float | ShapeKind::Double => {
            if matches!(text, "NaN" | "Infinity" | "-Infinity") {
                return Ok(Value::from(text));
            }
            let number = text.parse::<f64>().ok().and_then(time::plain_number);
            Value::Number(number.ok_or_else(|| mismatch("a Double"))?)
        }
        ShapeKind::Timestamp(_) => {
            let moment = time::parse(text)
                .filter(|moment| moment.as_f64().is_some_and(time::is_in_calendar));
            moment.ok_or_else(|| mismatch("milliseconds since epoch"))?
        }
        _ => Value::from(text),
    })
}

/// Writes a scalar as text. `format` is the timestamp format of the place, which the shape's own
/// format overrides. `None` for what has no text: lists, maps, structures, nulls.
pub(crate) fn to_text(kind: &ShapeKind, value: &Value, format: TimestampFormat) -> Option<String> {
    if let ShapeKind::Timestamp(own) = kind {
        let formatted = time::format(value, own.unwrap_or(format));
        return scalar(formatted.as_ref().unwrap_or(value));
    }
    scalar(value)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}
