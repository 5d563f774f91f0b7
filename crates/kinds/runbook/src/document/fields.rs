//! Reads the members of a map and says what is wrong with them.

use serde_json::{Map, Value};

use super::problem::{Found, Place};
use super::reference::{self, Part};

/// A JSON object of the document.
pub(super) type Object = Map<String, Value>;

/// A value as text where a text is wanted: YAML reads `1.0`, `on` and `5` as something else.
pub(super) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Whether a text has a reference, so that what it says is known when it is resolved only.
pub(super) fn has_reference(text: &str) -> bool {
    reference::parts(text).iter().any(|part| matches!(part, Part::Reference(_)))
}

/// What JSON calls the kind of a value.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

/// The value as a map, or a problem.
pub(super) fn object<'v>(
    value: &'v Value,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<&'v Object> {
    let object = value.as_object();
    if object.is_none() {
        found.add(at, format!("A map is expected, not {}.", kind(value)));
    }
    object
}

/// The value as a list, or a problem.
pub(super) fn list<'v>(
    value: &'v Value,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<&'v Vec<Value>> {
    let list = value.as_array();
    if list.is_none() {
        found.add(at, format!("A list is expected, not {}.", kind(value)));
    }
    list
}

/// A member that is a map. YAML's empty member counts as absent.
pub(super) fn object_member<'v>(
    from: &'v Object,
    key: &str,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<&'v Object> {
    object(present(from, key)?, &at.key(key), found)
}

/// A member that is a list.
pub(super) fn list_member<'v>(
    from: &'v Object,
    key: &str,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<&'v Vec<Value>> {
    list(present(from, key)?, &at.key(key), found)
}

/// A member that is there and not null.
pub(super) fn present<'v>(from: &'v Object, key: &str) -> Option<&'v Value> {
    from.get(key).filter(|value| !value.is_null())
}

/// A member that is a text.
pub(super) fn text(from: &Object, key: &str, at: &Place<'_>, found: &mut Found) -> Option<String> {
    let value = present(from, key)?;
    let text = scalar_text(value);
    if text.is_none() {
        found.add(&at.key(key), format!("A string is expected, not {}.", kind(value)));
    }
    text
}

/// A member that is a text and has to be there.
pub(super) fn required_text(
    from: &Object,
    key: &str,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<String> {
    if present(from, key).is_none() {
        found.add(at, format!("Required field {key} is missing."));
    }
    text(from, key, at, found).filter(|text| {
        if text.is_empty() {
            found.add(&at.key(key), "It must not be empty.");
        }
        !text.is_empty()
    })
}

/// A member that is a boolean, or a boolean's word.
pub(super) fn flag(from: &Object, key: &str, at: &Place<'_>, found: &mut Found) -> Option<bool> {
    let value = present(from, key)?;
    let flag = as_flag(value);
    if flag.is_none() {
        found.add(&at.key(key), "A boolean is expected.");
    }
    flag
}

/// A boolean, or a boolean's word.
pub(super) fn as_flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(word) if word.eq_ignore_ascii_case("true") => Some(true),
        Value::String(word) if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A member that is a whole number from 0, or its digits.
pub(super) fn count(from: &Object, key: &str, at: &Place<'_>, found: &mut Found) -> Option<u64> {
    let value = present(from, key)?;
    let count = as_integer(value).and_then(|number| u64::try_from(number).ok());
    if count.is_none() {
        found.add(&at.key(key), "A whole number from 0 is expected.");
    }
    count
}

/// A whole number, or its digits.
pub(super) fn as_integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().filter(|real| real.fract() == 0.0).map(|real| real as i64)),
        Value::String(digits) => digits.trim().parse().ok(),
        _ => None,
    }
}

/// Reports the members that nothing reads.
pub(super) fn refuse_others(from: &Object, known: &[&str], at: &Place<'_>, found: &mut Found) {
    for key in from.keys().filter(|key| !known.contains(&key.as_str())) {
        let known = known.join(", ");
        found.add(&at.key(key), format!("Unrecognized field \"{key}\". Known are: {known}."));
    }
}
