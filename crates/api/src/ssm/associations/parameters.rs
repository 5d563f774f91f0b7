//! Parameters of an association against what its document declares.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use trackway_runbook::document;

use crate::ssm::refusal::{Code, Refusal};

/// Checks that parameters are what the document declares, and that none is missing that has no
/// default. Those in `given_elsewhere` come from the targets.
///
/// # Errors
/// The first that is wrong.
pub(super) fn check(
    declared: &Map<String, Value>,
    parameters: &BTreeMap<String, Vec<String>>,
    given_elsewhere: &[&str],
) -> Result<(), Refusal> {
    for (name, values) in parameters {
        let declaration = declared.get(name);
        let declaration = declaration.ok_or_else(|| {
            refused(format!("the parameter {name} is not declared by the document"))
        })?;
        check_one(name, declaration, values)?;
    }
    let is_missing = |(name, declaration): &(&String, &Value)| {
        declaration.get("default").is_none()
            && !parameters.contains_key(*name)
            && !given_elsewhere.contains(&name.as_str())
    };
    match declared.iter().find(is_missing) {
        Some((name, _)) => Err(refused(format!("the parameter {name} is required"))),
        None => Ok(()),
    }
}

fn check_one(name: &str, declaration: &Value, values: &[String]) -> Result<(), Refusal> {
    let kind = declaration["type"].as_str().unwrap_or("String");
    let is_list = kind == "StringList" || kind == "MapList" || kind.starts_with("List<");
    if !is_list && values.len() != 1 {
        return Err(refused(format!("the parameter {name} takes one value")));
    }
    let allowed = declaration["allowedValues"].as_array();
    let pattern = declaration["allowedPattern"].as_str();
    for value in values.iter().filter(|value| !value.contains("{{")) {
        let is_it = |allowed: &Value| match allowed {
            Value::String(text) => text == value,
            // A number or a flag, as the document's author wrote it.
            other => value.parse::<Value>().is_ok_and(|value| value == *other),
        };
        if allowed.is_some_and(|allowed| !allowed.iter().any(is_it)) {
            return Err(refused(format!("{value:?} is not allowed for the parameter {name}")));
        }
        if pattern.is_some_and(|pattern| !fits(pattern, value)) {
            let why = format!("{value:?} does not match the pattern of the parameter {name}");
            return Err(refused(why));
        }
    }
    Ok(())
}

/// A pattern that can't be read is not held against a value: the document was accepted with it.
fn fits(pattern: &str, value: &str) -> bool {
    document::pattern(pattern).map_or(true, |pattern| document::matches(&pattern, value))
}

fn refused(why: String) -> Refusal {
    let message = format!(
        "You must specify values for all required parameters in the SSM document, and only supported ones: {why}."
    );
    Refusal::new(Code::InvalidParameters, message)
}
