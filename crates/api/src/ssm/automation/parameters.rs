//! The parameters of an execution: lists of texts become values of the declared types.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use trackway_runbook::document::{Parameter, ParameterType, pattern};

use crate::ssm::refusal::{Code, Refusal};

/// Parameters as requests have them.
pub(super) type Given = BTreeMap<String, Vec<String>>;

/// The refusal of a start for its parameters.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::InvalidAutomationExecutionParametersException, message)
}

/// Checks what is given against what is declared, and gives it typed. What is not given and has a
/// default is left out; `later` says which parameters each target will bring.
pub(super) fn typed(
    declared: &[Parameter],
    given: &Given,
    later: impl Fn(&str) -> bool,
) -> Result<Map<String, Value>, Refusal> {
    let known = |name: &&String| declared.iter().any(|parameter| parameter.name == **name);
    let unknown: Vec<&str> = given.keys().filter(|name| !known(name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(invalid(format!(
            "The following parameters are not defined in the document: [{}].",
            unknown.join(", ")
        )));
    }
    let missing: Vec<&str> = declared
        .iter()
        .filter(|parameter| parameter.default.is_none())
        .map(|parameter| parameter.name.as_str())
        .filter(|name| !given.contains_key(*name) && !later(name))
        .collect();
    if !missing.is_empty() {
        return Err(invalid(format!(
            "The following parameters are required and have no value: [{}].",
            missing.join(", ")
        )));
    }
    let mut values = Map::new();
    for parameter in declared {
        if let Some(texts) = given.get(&parameter.name) {
            values.insert(parameter.name.clone(), one(parameter, texts)?);
        }
    }
    Ok(values)
}

/// The value of one parameter.
fn one(parameter: &Parameter, texts: &[String]) -> Result<Value, Refusal> {
    let name = &parameter.name;
    let value = conform(&parameter.kind, texts).ok_or_else(|| {
        let kind = parameter.kind.name();
        invalid(format!("The value of parameter {name} is not of type {kind}: {texts:?}."))
    })?;
    let texts: Vec<String> = match &value {
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    };
    check_allowed(parameter, &value)?;
    if let Some(allowed) = &parameter.allowed_pattern {
        let compiled = pattern(allowed)
            .map_err(|why| invalid(format!("The pattern of parameter {name} is wrong: {why}.")))?;
        let fits = |text: &String| compiled.is_match(text).unwrap_or(false);
        if let Some(odd) = texts.iter().find(|text| !fits(text)) {
            return Err(invalid(format!(
                "The value {odd} of parameter {name} does not match the pattern {allowed}."
            )));
        }
    }
    let outside = |count: usize, least: Option<u64>, most: Option<u64>| {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        least.is_some_and(|least| count < least) || most.is_some_and(|most| count > most)
    };
    let length = |text: &String| text.chars().count();
    if parameter.kind.is_list() && outside(texts.len(), parameter.min_items, parameter.max_items) {
        return Err(invalid(format!(
            "The number of values of parameter {name}, {}, is not allowed.",
            texts.len()
        )));
    }
    if let Some(odd) =
        texts.iter().find(|text| outside(length(text), parameter.min_chars, parameter.max_chars))
    {
        return Err(invalid(format!(
            "The length of a value of parameter {name}, {}, is not allowed.",
            length(odd)
        )));
    }
    Ok(value)
}

fn check_allowed(parameter: &Parameter, value: &Value) -> Result<(), Refusal> {
    let allowed = &parameter.allowed_values;
    if allowed.is_empty() {
        return Ok(());
    }
    let is_allowed =
        |value: &Value| allowed.iter().any(|one| one == value || text(one) == text(value));
    let odd = match value {
        value if is_allowed(value) => None,
        Value::Array(items) => items.iter().find(|item| !is_allowed(item)),
        other => Some(other),
    };
    odd.map_or(Ok(()), |odd| {
        let allowed: Vec<String> = allowed.iter().map(text).collect();
        Err(invalid(format!(
            "The value {} of parameter {} is not one of the allowed values: [{}].",
            text(odd),
            parameter.name,
            allowed.join(", ")
        )))
    })
}

/// The value that texts mean for a type; none if they mean none.
fn conform(kind: &ParameterType, texts: &[String]) -> Option<Value> {
    match kind {
        ParameterType::StringList | ParameterType::AwsList(_) => {
            Some(texts.iter().map(|text| Value::from(text.as_str())).collect())
        }
        ParameterType::MapList => match texts {
            [one] if one.trim_start().starts_with('[') => kind.conform(&Value::from(one.as_str())),
            many => {
                let maps = many.iter().map(|text| serde_json::from_str(text).ok());
                kind.conform(&Value::Array(maps.collect::<Option<_>>()?))
            }
        },
        ParameterType::Boolean => match texts {
            [one] if one.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
            [one] if one.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
            _ => None,
        },
        ParameterType::Integer => match texts {
            [one] => one.trim().parse::<i64>().ok().map(Value::from),
            _ => None,
        },
        ParameterType::String | ParameterType::Aws(_) => match texts {
            [one] => Some(Value::from(one.as_str())),
            // `""` is a value that the API can't send: no text stands for it.
            [] => Some(Value::from("")),
            _ => None,
        },
        ParameterType::StringMap => match texts {
            [one] => kind.conform(&Value::from(one.as_str())),
            _ => None,
        },
    }
}

/// A text as it is, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
