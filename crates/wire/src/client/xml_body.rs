//! Request bodies of the rest-xml protocol.

use serde_json::Value;

use crate::codec::{to_text, xml};
use crate::model::{Member, Operation, Service, Shape, ShapeKind, TimestampFormat};

/// Writes the body: one payload member, or all members that travel nowhere else under the
/// operation's root element. Empty when there is nothing to write.
pub(super) fn write(
    service: &Service,
    operation: &Operation,
    payload: Option<&Member>,
    input: &Value,
) -> String {
    let mut out = String::new();
    let namespace =
        |uri: Option<&str>| uri.map(|uri| format!(" xmlns=\"{uri}\"")).unwrap_or_default();
    if let Some(member) = payload {
        let uri = member.xml_namespace.as_ref().map(|namespace| &*namespace.uri);
        let uri = uri.or(service.xml_namespace.as_deref());
        let name = format!("{}{}", member.wire(), namespace(uri));
        if let Some(value) = input.get(&*member.name) {
            write_value(service, service.shape(member.shape), &name, false, value, &mut out);
        }
        return out;
    }
    let Some(shape) = operation.input.map(|shape| service.shape(shape)) else { return out };
    let uri = operation.input_namespace.as_ref().map(|namespace| &*namespace.uri);
    let uri = uri.or(service.xml_namespace.as_deref());
    let root = operation.input_root.as_deref().unwrap_or(&shape.name);
    write_value(service, shape, &format!("{root}{}", namespace(uri)), false, input, &mut out);
    out
}

fn write_value(
    service: &Service,
    shape: &Shape,
    name: &str,
    flat: bool,
    value: &Value,
    out: &mut String,
) {
    match (&shape.kind, value) {
        (_, Value::Null) => {}
        (ShapeKind::Structure(structure), Value::Object(object)) => {
            let mut name = name.to_owned();
            for member in structure.members.iter().filter(|member| member.xml_attribute) {
                if let Some(Value::String(text)) = object.get(&*member.name) {
                    if let Some((prefix, _)) = member.wire().split_once(':') {
                        name += &format!(" xmlns:{prefix}=\"{XSI}\"");
                    }
                    name += &format!(" {}=\"", member.wire());
                    xml::escape(text, &mut name);
                    name.push('"');
                }
            }
            xml::element(&name, out, |out| {
                for member in &structure.members {
                    if member.location.is_some() || member.xml_attribute {
                        continue;
                    }
                    if let Some(value) = object.get(&*member.name) {
                        let of = service.shape(member.shape);
                        write_value(service, of, member.wire(), member.flattened, value, out);
                    }
                }
            });
        }
        (ShapeKind::List { member, member_name, flattened }, Value::Array(items)) => {
            let of = service.shape(*member);
            let flat = flat || *flattened;
            let inner = member_name.as_deref().unwrap_or(if flat { name } else { "member" });
            let all = |out: &mut String| {
                items.iter().for_each(|item| write_value(service, of, inner, false, item, out));
            };
            if flat { all(out) } else { xml::element(name, out, all) }
        }
        (ShapeKind::Map { value: of, key_name, value_name, flattened, .. }, Value::Object(map)) => {
            let of = service.shape(*of);
            let flat = flat || *flattened;
            let all = |out: &mut String| {
                for (key, value) in map {
                    xml::element(if flat { name } else { "entry" }, out, |out| {
                        xml::leaf(key_name.as_deref().unwrap_or("key"), key, out);
                        let name = value_name.as_deref().unwrap_or("value");
                        write_value(service, of, name, false, value, out);
                    });
                }
            };
            if flat { all(out) } else { xml::element(name, out, all) }
        }
        (kind, value) => {
            let text = to_text(kind, value, TimestampFormat::Iso8601).unwrap_or_default();
            xml::leaf(name, &text, out);
        }
    }
}

/// The only namespace with a prefix in all models: the type of S3's grantees.
const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
