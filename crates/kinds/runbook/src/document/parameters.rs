//! The parameters that a caller gives: `{"Name": ["text"]}`, checked against what the document
//! declares, as typed values; and how AWS shows them again.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::planning::Values;
use super::reference::as_text;
use super::runbook::{Parameter, ParameterType};
use trackway_core::pattern::{matches, pattern};

/// What a caller gives: lists of texts by name.
pub type Given = BTreeMap<String, Vec<String>>;

/// A parameter that was refused, in AWS's words where they are known.
///
/// StartAutomationExecution says it as `InvalidAutomationExecutionParametersException`, SendCommand
/// and CreateAssociation as `InvalidParameters`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The document has no such parameter.
    #[error("Parameter \"{0}\" is not declared.")]
    Unknown(String),
    /// A parameter without default has no value.
    #[error("Missing required parameter: {0} in user inputs.")]
    Missing(String),
    /// The value is not of the type.
    #[error("Parameter \"{name}\" has value \"{value}\" that is not of type {kind}.")]
    Type {
        /// Which parameter.
        name: String,
        /// What was given.
        value: String,
        /// What is declared.
        kind: String,
    },
    /// More than one value for what takes one.
    #[error("Parameter \"{name}\" of type {kind} takes one value, not {count}.")]
    Several {
        /// Which parameter.
        name: String,
        /// What is declared.
        kind: String,
        /// How many were given.
        count: usize,
    },
    /// The value is not one of `allowedValues`.
    #[error("Parameter \"{name}\" has value \"{value}\" not found in [{allowed}].")]
    Value {
        /// Which parameter.
        name: String,
        /// What was given.
        value: String,
        /// What is allowed.
        allowed: String,
    },
    /// The value does not match `allowedPattern`.
    #[error(
        "Parameter \"{name}\" has value \"{value}\" that does not match pattern \"{pattern}\"."
    )]
    Pattern {
        /// Which parameter.
        name: String,
        /// What was given.
        value: String,
        /// What is allowed.
        pattern: String,
    },
    /// Too few or too many items or characters.
    #[error("Parameter \"{name}\" has {count} {what}, {bound}.")]
    Length {
        /// Which parameter.
        name: String,
        /// How many.
        count: u64,
        /// Items or characters.
        what: &'static str,
        /// `at least 1 is expected`.
        bound: String,
    },
}

/// Checks what was given, all of it, and converts it. Defaults are among the values; a default
/// that Parameter Store has (`{{ ssm:NAME }}`) stands there as it is written, to be fetched.
///
/// # Errors
/// Every parameter that is refused.
pub fn check(declared: &[Parameter], given: &Given) -> Result<Values, Vec<Refused>> {
    check_but(declared, given, &[])
}

/// Checks what was given before some parameters have their values: those that come from targets,
/// one for each child.
///
/// # Errors
/// Every parameter that is refused.
pub fn check_but(
    declared: &[Parameter],
    given: &Given,
    later: &[&str],
) -> Result<Values, Vec<Refused>> {
    let mut refused = Vec::new();
    for name in given.keys() {
        if !declared.iter().any(|one| one.name == *name) {
            refused.push(Refused::Unknown(name.clone()));
        }
    }
    let mut values = Values::new();
    for parameter in declared {
        match (given.get(&parameter.name), &parameter.default) {
            (Some(texts), _) => match convert(parameter, texts) {
                Ok(value) => {
                    let before = refused.len();
                    check_value(parameter, &value, &mut refused);
                    if refused.len() == before {
                        values.insert(parameter.name.clone(), value);
                    }
                }
                Err(why) => refused.push(why),
            },
            (None, Some(default)) => {
                values.insert(parameter.name.clone(), typed_default(parameter, default));
            }
            (None, None) if later.contains(&parameter.name.as_str()) => {}
            (None, None) => refused.push(Refused::Missing(parameter.name.clone())),
        }
    }
    if refused.is_empty() { Ok(values) } else { Err(refused) }
}

/// The texts as one value of the parameter's type.
///
/// # Errors
/// They aren't one.
pub fn convert(parameter: &Parameter, texts: &[String]) -> Result<Value, Refused> {
    let (name, kind) = (&parameter.name, &parameter.kind);
    let wrong = |value: &str| Refused::Type {
        name: name.clone(),
        value: value.to_owned(),
        kind: kind.name(),
    };
    if matches!(kind, ParameterType::StringList | ParameterType::AwsList(_)) {
        return Ok(Value::Array(texts.iter().cloned().map(Value::String).collect()));
    }
    if *kind == ParameterType::MapList {
        let items = texts.iter().map(|text| match serde_json::from_str(text) {
            Ok(Value::Array(items)) if items.iter().all(Value::is_object) => Ok(items),
            Ok(item @ Value::Object(_)) => Ok(vec![item]),
            _ => Err(wrong(text)),
        });
        let items: Vec<Vec<Value>> = items.collect::<Result<_, _>>()?;
        return Ok(Value::Array(items.into_iter().flatten().collect()));
    }
    let [text] = texts else {
        let (name, kind) = (name.clone(), kind.name());
        // An empty list is an empty text.
        return match (texts.is_empty(), &parameter.kind) {
            (true, ParameterType::String | ParameterType::Aws(_)) => Ok(json!("")),
            _ => Err(Refused::Several { name, kind, count: texts.len() }),
        };
    };
    kind.conform(&Value::String(text.clone())).ok_or_else(|| wrong(text))
}

/// A default as a value of its type: an empty text is an empty list or map.
fn typed_default(parameter: &Parameter, default: &Value) -> Value {
    match (&parameter.kind, default.as_str()) {
        (ParameterType::StringMap, Some("")) => json!({}),
        (kind, Some("")) if kind.is_list() => json!([]),
        _ => default.clone(),
    }
}

fn check_value(parameter: &Parameter, value: &Value, refused: &mut Vec<Refused>) {
    let name = || parameter.name.clone();
    let items: Vec<&Value> = match value {
        Value::Array(items) if parameter.kind.is_list() => {
            check_count(parameter, items.len() as u64, refused);
            items.iter().collect()
        }
        other => vec![other],
    };
    let allowed = &parameter.allowed_values;
    let whole = allowed.contains(value);
    let compiled = parameter.allowed_pattern.as_deref().and_then(|text| pattern(text).ok());
    for item in items {
        let text = as_text(item);
        if !allowed.is_empty() && !whole && !allowed.contains(item) {
            let allowed: Vec<String> = allowed.iter().map(as_text).collect();
            let allowed = allowed.join(", ");
            refused.push(Refused::Value { name: name(), value: text.clone(), allowed });
        }
        if let Some(compiled) = &compiled
            && !matches(compiled, &text)
        {
            let pattern = parameter.allowed_pattern.clone().unwrap_or_default();
            refused.push(Refused::Pattern { name: name(), value: text.clone(), pattern });
        }
        if let ParameterType::Aws(kind) | ParameterType::AwsList(kind) = &parameter.kind
            && !has_form(kind, &text)
        {
            let kind = kind.clone();
            refused.push(Refused::Type { name: name(), value: text.clone(), kind });
        }
        check_characters(parameter, item, refused);
    }
}

fn check_count(parameter: &Parameter, count: u64, refused: &mut Vec<Refused>) {
    let bounds = (parameter.min_items, parameter.max_items);
    check_bounds(&parameter.name, count, "items", bounds, refused);
}

fn check_characters(parameter: &Parameter, value: &Value, refused: &mut Vec<Refused>) {
    if let Value::String(text) = value {
        let bounds = (parameter.min_chars, parameter.max_chars);
        check_bounds(&parameter.name, text.chars().count() as u64, "characters", bounds, refused);
    }
}

fn check_bounds(
    name: &str,
    count: u64,
    what: &'static str,
    (least, most): (Option<u64>, Option<u64>),
    refused: &mut Vec<Refused>,
) {
    let bound = match (least, most) {
        (Some(least), _) if count < least => format!("at least {least} expected"),
        (_, Some(most)) if count > most => format!("at most {most} expected"),
        _ => return,
    };
    refused.push(Refused::Length { name: name.to_owned(), count, what, bound });
}

/// The forms of AWS's own types; what has none here may be any text.
static FORMS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let forms = [
        ("AWS::EC2::Instance::Id", r"^m?i-([0-9a-f]{8}|[0-9a-f]{17})$"),
        ("AWS::EC2::Image::Id", r"^ami-([0-9a-f]{8}|[0-9a-f]{17})$"),
        ("AWS::EC2::SecurityGroup::Id", r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$"),
        ("AWS::EC2::Subnet::Id", r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$"),
        ("AWS::EC2::VPC::Id", r"^vpc-([0-9a-f]{8}|[0-9a-f]{17})$"),
        ("AWS::EC2::Volume::Id", r"^vol-([0-9a-f]{8}|[0-9a-f]{17})$"),
        ("AWS::EC2::Snapshot::Id", r"^snap-([0-9a-f]{8}|[0-9a-f]{17})$"),
        ("AWS::IAM::Role::Arn", r"^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$"),
        ("AWS::S3::Bucket::Name", r"^[a-zA-Z0-9._-]{3,255}$"),
        ("AWS::SSM::ManagedInstance::Id", r"^m?i-[0-9a-f]{8,17}$"),
    ];
    let compile = |text: &str| Regex::new(text).expect("invariant: the pattern is fixed");
    forms.into_iter().map(|(kind, text)| (kind, compile(text))).collect()
});

fn has_form(kind: &str, text: &str) -> bool {
    // An empty default of an optional parameter, and a value that is a reference.
    text.is_empty()
        || text.contains("{{")
        || FORMS.iter().find(|(one, _)| *one == kind).is_none_or(|(_, form)| form.is_match(text))
}

/// `Parameters` as GetAutomationExecution shows them: every parameter, as lists of texts.
#[must_use]
pub fn echo(declared: &[Parameter], values: &Values) -> Map<String, Value> {
    let shown = declared.iter().filter_map(|one| Some((one, values.get(&one.name)?)));
    shown.map(|(one, value)| (one.name.clone(), as_list(value))).collect()
}

/// A value as a list of texts: a list's items, or the one value.
#[must_use]
pub fn as_list(value: &Value) -> Value {
    let texts = match value {
        Value::Array(items) => items.iter().map(|item| json!(as_text(item))).collect(),
        other => vec![json!(as_text(other))],
    };
    Value::Array(texts)
}

/// `Parameters` of a DocumentDescription: an empty default is there, none is not.
#[must_use]
pub fn describe(declared: &[Parameter]) -> Vec<Value> {
    let describe = |one: &Parameter| {
        let mut shown = Map::new();
        shown.insert("Name".to_owned(), json!(one.name));
        shown.insert("Type".to_owned(), json!(shown_type(&one.kind)));
        if let Some(description) = &one.description {
            shown.insert("Description".to_owned(), json!(description));
        }
        if let Some(default) = &one.default {
            shown.insert("DefaultValue".to_owned(), json!(as_text(default)));
        }
        Value::Object(shown)
    };
    declared.iter().map(describe).collect()
}

/// The API's `Type` has two words for texts; the rest is shown as it is declared.
fn shown_type(kind: &ParameterType) -> String {
    match kind {
        ParameterType::Aws(_) => "String".to_owned(),
        ParameterType::AwsList(_) => "StringList".to_owned(),
        other => other.name(),
    }
}
