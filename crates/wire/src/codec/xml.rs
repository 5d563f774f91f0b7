//! XML bodies: a small writer, used for the answers of the query protocol.

use serde_json::Value;

use super::to_text;
use crate::model::{Service, Shape, ShapeKind, TimestampFormat};

/// Writes text with `&`, `<`, `>` and quotes escaped.
pub(crate) fn escape(text: &str, out: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            _ => out.push(letter),
        }
    }
}

/// Writes `<name>text</name>`.
pub(crate) fn leaf(name: &str, text: &str, out: &mut String) {
    element(name, out, |out| escape(text, out));
}

/// Writes an element around what `inside` writes.
pub(crate) fn element(name: &str, out: &mut String, inside: impl FnOnce(&mut String)) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    inside(out);
    out.push_str("</");
    // Attributes are part of the opening name only.
    out.push_str(name.split(' ').next().unwrap_or(name));
    out.push('>');
}

/// Writes a value in the neutral form under an element's name.
pub(crate) fn write(service: &Service, shape: &Shape, name: &str, value: &Value, out: &mut String) {
    match (&shape.kind, value) {
        (_, Value::Null) => {}
        (ShapeKind::Structure(_), Value::Object(_)) => {
            element(name, out, |out| members(service, shape, value, out));
        }
        (ShapeKind::List { member, member_name, flattened }, Value::Array(items)) => {
            let shape = service.shape(*member);
            let inner = if *flattened { name } else { member_name.as_deref().unwrap_or("member") };
            let all = |out: &mut String| {
                items.iter().for_each(|item| write(service, shape, inner, item, out));
            };
            if *flattened { all(out) } else { element(name, out, all) }
        }
        (ShapeKind::Map { value: of, key_name, value_name, flattened, .. }, Value::Object(map)) => {
            let shape = service.shape(*of);
            let (key_name, value_name) =
                (key_name.as_deref().unwrap_or("key"), value_name.as_deref().unwrap_or("value"));
            let all = |out: &mut String| {
                for (key, value) in map {
                    element(if *flattened { name } else { "entry" }, out, |out| {
                        leaf(key_name, key, out);
                        write(service, shape, value_name, value, out);
                    });
                }
            };
            if *flattened { all(out) } else { element(name, out, all) }
        }
        (kind, value) => {
            let text = to_text(kind, value, TimestampFormat::Iso8601).unwrap_or_default();
            leaf(name, &text, out);
        }
    }
}

/// Writes the members of a structure that travel in the body.
pub(crate) fn members(service: &Service, shape: &Shape, value: &Value, out: &mut String) {
    let Some(structure) = shape.structure() else { return };
    for member in structure.members.iter().filter(|member| member.location.is_none()) {
        if let Some(value) = value.get(&*member.name) {
            write(service, service.shape(member.shape), member.wire(), value, out);
        }
    }
}
