//! Values as Java's `toString` shows them in AWS's messages.

use std::cmp::Ordering;
use std::fmt::Write as _;

use serde_json::{Number, Value};

use crate::model::{Bound, Service, Shape, ShapeKind};

/// What AWS writes for a sensitive value inside another.
const REDACTED: &str = "***Sensitive Data Redacted***";

/// Writes a value: texts bare, `[a, b]`, `{k=v}`, `Name(member=value, other=null)`.
pub(super) fn write(service: &Service, shape: &Shape, value: &Value, out: &mut String) {
    match (&shape.kind, value) {
        (ShapeKind::Structure(structure), Value::Object(object)) => {
            out.push_str(&shape.name);
            out.push('(');
            for (index, member) in structure.members.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                lower_camel(&member.name, out);
                out.push('=');
                match object.get(&*member.name) {
                    Some(value) => inner(service, service.shape(member.shape), value, out),
                    None => out.push_str("null"),
                }
            }
            out.push(')');
        }
        (ShapeKind::List { member, .. }, Value::Array(items)) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                inner(service, service.shape(*member), item, out);
            }
            out.push(']');
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(entries)) => {
            out.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                _ = write!(out, "{key}=");
                inner(service, service.shape(*of), value, out);
            }
            out.push('}');
        }
        (ShapeKind::Blob { .. }, Value::String(text)) => {
            let bytes = text.trim_end_matches('=').len() * 3 / 4;
            _ = write!(out, "java.nio.HeapByteBuffer[pos=0 lim={bytes} cap={bytes}]");
        }
        (_, Value::String(text)) => out.push_str(text),
        (_, value) => _ = write!(out, "{value}"),
    }
}

fn inner(service: &Service, shape: &Shape, value: &Value, out: &mut String) {
    if shape.sensitive {
        out.push_str(REDACTED);
    } else {
        write(service, shape, value, out);
    }
}

/// Writes a member's name as a Java property: the first letter in lower case.
pub(super) fn lower_camel(name: &str, out: &mut String) {
    let mut letters = name.chars();
    out.extend(letters.next().map(|first| first.to_ascii_lowercase()));
    out.push_str(letters.as_str());
}

/// Writes a limit.
pub(super) fn bound(bound: Bound) -> String {
    match bound {
        Bound::Whole(value) => value.to_string(),
        Bound::Real(value) => format!("{value:?}"),
    }
}

/// Compares a number with a limit, without loss where both are whole.
pub(super) fn compare(number: &Number, bound: Bound) -> Ordering {
    if let (Some(number), Bound::Whole(bound)) = (number.as_i64(), bound) {
        return number.cmp(&bound);
    }
    #[expect(clippy::cast_precision_loss, reason = "one side is a float already")]
    let bound = match bound {
        Bound::Whole(value) => value as f64,
        Bound::Real(value) => value,
    };
    number.as_f64().and_then(|number| number.partial_cmp(&bound)).unwrap_or(Ordering::Equal)
}
