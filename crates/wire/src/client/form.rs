//! Form bodies of the query and ec2-query protocols.

use serde_json::Value;

use crate::codec::form::{Slash, encode};
use crate::codec::to_text;
use crate::model::{Member, Operation, Service, Shape, ShapeKind, TimestampFormat};

/// The two ways of writing a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `Tags.member.1.Key`.
    Query,
    /// `Tag.1.Key`.
    Ec2,
}

/// Writes `Action=...&Version=...` and all members.
pub(super) fn write(
    service: &Service,
    operation: &Operation,
    input: &Value,
    style: Style,
) -> String {
    let mut form = Form { service, style, pairs: Vec::new() };
    form.pair("Action", &operation.name);
    form.pair("Version", &service.api_version);
    if let Some(shape) = operation.input {
        form.value("", service.shape(shape), false, input);
    }
    form.pairs.join("&")
}

struct Form<'a> {
    service: &'a Service,
    style: Style,
    pairs: Vec<String>,
}

impl Form<'_> {
    fn pair(&mut self, key: &str, text: &str) {
        let (key, text) = (encode(key, Slash::Encode), encode(text, Slash::Encode));
        self.pairs.push(format!("{key}={text}"));
    }

    /// `flat` is the member's own wish to be written without a wrapper.
    fn value(&mut self, key: &str, shape: &Shape, flat: bool, value: &Value) {
        match (&shape.kind, value) {
            (_, Value::Null) => {}
            (ShapeKind::Structure(structure), Value::Object(object)) => {
                for (name, value) in object {
                    let Some(member) = structure.member(name) else { continue };
                    let key = join(key, &self.name(member));
                    self.value(&key, self.service.shape(member.shape), member.flattened, value);
                }
            }
            (ShapeKind::List { member, member_name, flattened }, Value::Array(items)) => {
                if items.is_empty() && self.style == Style::Query {
                    self.pair(key, "");
                }
                let of = self.service.shape(*member);
                let flat = flat || *flattened || self.style == Style::Ec2;
                let key = match (flat, member_name) {
                    (true, Some(name)) if self.style == Style::Query => {
                        let parent = key.rsplit_once('.').map_or("", |(parent, _)| parent);
                        join(parent, name)
                    }
                    (true, _) => key.to_owned(),
                    (false, name) => join(key, name.as_deref().unwrap_or("member")),
                };
                for (index, item) in items.iter().enumerate() {
                    self.value(&join(&key, &(index + 1).to_string()), of, false, item);
                }
            }
            (
                ShapeKind::Map { value: of, key_name, value_name, flattened, .. },
                Value::Object(map),
            ) => {
                let of = self.service.shape(*of);
                let base = if flat || *flattened { key.to_owned() } else { join(key, "entry") };
                for (index, (name, value)) in map.iter().enumerate() {
                    let entry = join(&base, &(index + 1).to_string());
                    self.pair(&join(&entry, key_name.as_deref().unwrap_or("key")), name);
                    let key = join(&entry, value_name.as_deref().unwrap_or("value"));
                    self.value(&key, of, false, value);
                }
            }
            (kind, value) => {
                if let Some(text) = to_text(kind, value, TimestampFormat::Iso8601) {
                    self.pair(key, &text);
                }
            }
        }
    }

    fn name(&self, member: &Member) -> String {
        if self.style == Style::Query {
            return member.wire().to_owned();
        }
        match &member.query_name {
            Some(name) => name.to_string(),
            None => {
                let mut letters = member.wire().chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                first.into_iter().chain(letters).collect()
            }
        }
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}
