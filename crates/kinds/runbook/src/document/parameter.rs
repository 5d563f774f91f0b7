//! The parameters that a document declares.

use serde_json::Value;

use super::fields::{self, Object, as_flag, as_integer, scalar_text};
use super::problem::{Found, Place};
use super::reference::{Reference, Template};
use super::runbook::{Parameter, ParameterType};
use trackway_core::pattern::pattern;

/// The members of a declaration.
const FIELDS: [&str; 11] = [
    "type",
    "description",
    "default",
    "allowedValues",
    "allowedPattern",
    "displayType",
    "minItems",
    "maxItems",
    "minChars",
    "maxChars",
    "interpolationType",
];

impl ParameterType {
    /// From the word of the document. None if there is no such type.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "String" => ParameterType::String,
            "StringList" => ParameterType::StringList,
            "Integer" => ParameterType::Integer,
            "Boolean" => ParameterType::Boolean,
            "StringMap" => ParameterType::StringMap,
            "MapList" => ParameterType::MapList,
            _ => match word.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>')) {
                Some(inner) if is_aws_type(inner) => ParameterType::AwsList(inner.to_owned()),
                None if is_aws_type(word) => ParameterType::Aws(word.to_owned()),
                _ => return None,
            },
        })
    }

    /// The word of the document.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            ParameterType::String => "String".to_owned(),
            ParameterType::StringList => "StringList".to_owned(),
            ParameterType::Integer => "Integer".to_owned(),
            ParameterType::Boolean => "Boolean".to_owned(),
            ParameterType::StringMap => "StringMap".to_owned(),
            ParameterType::MapList => "MapList".to_owned(),
            ParameterType::Aws(name) => name.clone(),
            ParameterType::AwsList(name) => format!("List<{name}>"),
        }
    }

    /// Whether a value of it is a list.
    #[must_use]
    pub fn is_list(&self) -> bool {
        matches!(
            self,
            ParameterType::StringList | ParameterType::MapList | ParameterType::AwsList(_)
        )
    }

    /// The value as this type has it: what YAML took for a number becomes text again, `"true"`
    /// a boolean. None if it is of another type.
    #[must_use]
    pub fn conform(&self, value: &Value) -> Option<Value> {
        match self {
            ParameterType::String | ParameterType::Aws(_) => scalar_text(value).map(Value::String),
            ParameterType::Integer => as_integer(value).map(Value::from),
            ParameterType::Boolean => as_flag(value).map(Value::Bool),
            ParameterType::StringList | ParameterType::AwsList(_) => {
                let items = value.as_array()?.iter();
                items.map(|item| scalar_text(item).map(Value::String)).collect::<Option<_>>()
            }
            ParameterType::StringMap => match value {
                Value::Object(_) => Some(value.clone()),
                Value::String(text) => parsed(text).filter(Value::is_object),
                _ => None,
            },
            ParameterType::MapList => match value {
                Value::Array(items) if items.iter().all(Value::is_object) => Some(value.clone()),
                Value::String(text) => parsed(text).and_then(|value| self.conform(&value)),
                _ => None,
            },
        }
    }
}

fn parsed(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// `AWS::Service::Resource::Property`.
fn is_aws_type(word: &str) -> bool {
    let mut names = word.split("::");
    names.next() == Some("AWS")
        && (2..=4).contains(&names.clone().count())
        && names.all(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Reads `parameters`. What isn't a declaration is reported and left out.
pub(super) fn read_all(document: &Object, at: &Place<'_>, found: &mut Found) -> Vec<Parameter> {
    let Some(members) = fields::object_member(document, "parameters", at, found) else {
        return Vec::new();
    };
    let at = at.key("parameters");
    let mut parameters = Vec::new();
    for (name, declaration) in members {
        let at = at.key(name);
        if !is_parameter_name(name) {
            found.add(&at, format!("Parameter name \"{name}\" is not valid."));
        }
        let Some(declaration) = fields::object(declaration, &at, found) else { continue };
        fields::refuse_others(declaration, &FIELDS, &at, found);
        parameters.extend(read(name, declaration, &at, found));
    }
    parameters
}

/// Names that a reference can hold.
fn is_parameter_name(name: &str) -> bool {
    (1..=50).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

fn read(name: &str, from: &Object, at: &Place<'_>, found: &mut Found) -> Option<Parameter> {
    let kind = read_type(from, at, found)?;
    let default = from.get("default").filter(|value| !value.is_null());
    let parameter = Parameter {
        name: name.to_owned(),
        default: default.and_then(|value| read_default(value, &kind, at, found)),
        description: fields::text(from, "description", at, found),
        allowed_values: read_allowed(from, &kind, at, found),
        allowed_pattern: fields::text(from, "allowedPattern", at, found),
        min_items: fields::count(from, "minItems", at, found),
        max_items: fields::count(from, "maxItems", at, found),
        min_chars: fields::count(from, "minChars", at, found),
        max_chars: fields::count(from, "maxChars", at, found),
        kind,
    };
    if let Some(Err(why)) = parameter.allowed_pattern.as_deref().map(pattern) {
        found.add(&at.key("allowedPattern"), format!("It is not a regular expression: {why}."));
    }
    for (least, most, names) in [
        (parameter.min_items, parameter.max_items, ["minItems", "maxItems"]),
        (parameter.min_chars, parameter.max_chars, ["minChars", "maxChars"]),
    ] {
        if least.zip(most).is_some_and(|(least, most)| least > most) {
            found.add(at, format!("{} is greater than {}.", names[0], names[1]));
        }
    }
    Some(parameter)
}

/// Reads `type` of a parameter, a variable or an output.
pub(super) fn read_type(from: &Object, at: &Place<'_>, found: &mut Found) -> Option<ParameterType> {
    let word = fields::required_text(from, "type", at, found)?;
    let kind = ParameterType::parse(&word);
    if kind.is_none() {
        found.add(&at.key("type"), format!("Parameter type \"{word}\" is not supported."));
    }
    kind
}

/// A default of the type; or a text with references, which is known when it is used only.
pub(super) fn read_default(
    value: &Value,
    kind: &ParameterType,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<Value> {
    if let Value::String(text) = value {
        // An empty text stands for an empty map or list, and for no value at all.
        if fields::has_reference(text) || text.is_empty() {
            return Some(value.clone());
        }
    }
    let default = kind.conform(value);
    if default.is_none() {
        let (kind, is) = (kind.name(), fields::kind(value));
        found.add(&at.key("default"), format!("The default is not of type {kind} but {is}."));
    }
    default
}

fn read_allowed(
    from: &Object,
    kind: &ParameterType,
    at: &Place<'_>,
    found: &mut Found,
) -> Vec<Value> {
    let Some(items) = fields::list_member(from, "allowedValues", at, found) else {
        return Vec::new();
    };
    // A list's allowed values are those of its items, or whole lists.
    let item = match kind {
        ParameterType::StringList | ParameterType::AwsList(_) => ParameterType::String,
        other => other.clone(),
    };
    let mut allowed = Vec::new();
    for (index, value) in items.iter().enumerate() {
        match item.conform(value).or_else(|| kind.conform(value)) {
            Some(value) => allowed.push(value),
            None => found.add(
                &at.key("allowedValues").index(index),
                format!("The value is not of type {}.", kind.name()),
            ),
        }
    }
    allowed
}

/// Whether a default is to be fetched from Parameter Store: `{{ ssm:NAME }}`.
#[must_use]
pub fn stored_name(default: &Value) -> Option<String> {
    match Template::parse(default) {
        Template::Whole(Reference::Ssm(name)) => Some(name),
        _ => None,
    }
}
