//! Values by their declared types, and as the API shows them.

use serde_json::{Map, Value, json};

use crate::document::ParameterType;
use crate::document::reference::as_text;

/// The value as one of the type, or why it is none. In a list of texts everything becomes text, and
/// a text may hold a list or a map as JSON.
pub(crate) fn convert(value: Value, kind: &ParameterType) -> Result<Value, String> {
    if let Some(found) = kind.conform(&value) {
        return Ok(found);
    }
    let other = match (kind, &value) {
        (ParameterType::StringList | ParameterType::AwsList(_), Value::Array(list)) => {
            Some(list.iter().map(|item| Value::String(as_text(item))).collect())
        }
        (ParameterType::StringList, Value::String(text)) => {
            let read: Option<Vec<Value>> = serde_json::from_str(text).ok();
            read.map(|list| list.iter().map(|item| Value::String(as_text(item))).collect())
        }
        _ => None,
    };
    other.ok_or_else(|| format!("{value} is not of type {}", kind.name()))
}

/// A value as the API lists it: a list of texts.
#[must_use]
pub fn as_list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(as_text).collect(),
        other => vec![as_text(other)],
    }
}

/// The texts of a list and of the lists in it.
pub(crate) fn as_flat_list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(as_flat_list).collect(),
        other => vec![as_text(other)],
    }
}

/// Named values as the API shows parameters and outputs: each a list of texts.
#[must_use]
pub fn as_lists(values: &Map<String, Value>) -> Map<String, Value> {
    values.iter().map(|(name, value)| (name.clone(), json!(as_list(value)))).collect()
}

/// Named values as the API shows a step's inputs: each a JSON text.
#[must_use]
pub fn as_encodings(values: &Map<String, Value>) -> Map<String, Value> {
    values.iter().map(|(name, value)| (name.clone(), Value::String(value.to_string()))).collect()
}

/// A value as Python writes it, for comparisons with `DesiredValues`.
pub(crate) fn as_python(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => as_text(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_converted_where_nothing_is_lost() {
        use ParameterType::{Boolean, Integer, MapList, String, StringList, StringMap};
        let cases = [
            (json!("a"), String, Some(json!("a"))),
            (json!(7), String, Some(json!("7"))),
            (json!(true), String, Some(json!("true"))),
            (json!({}), String, None),
            (json!([]), String, None),
            (json!("7"), Integer, Some(json!(7))),
            (json!("x"), Integer, None),
            (json!("TRUE"), Boolean, Some(json!(true))),
            (json!([1, "a"]), StringList, Some(json!(["1", "a"]))),
            (json!("a"), StringList, None),
            (json!("[\"a\"]"), StringList, Some(json!(["a"]))),
            (json!({"a": 1}), StringMap, Some(json!({"a": 1}))),
            (json!("{\"a\":1}"), StringMap, Some(json!({"a": 1}))),
            (json!([{"a": 1}]), MapList, Some(json!([{"a": 1}]))),
            (json!([1]), MapList, None),
        ];
        for (value, kind, expected) in cases {
            assert_eq!(convert(value.clone(), &kind).ok(), expected, "{value} {kind:?}");
        }
    }

    #[test]
    fn the_api_shows_lists_of_texts_and_encodings() {
        let values = json!({"a": "x", "b": [1, "y"], "c": {"k": true}, "d": 2});
        let values = values.as_object().unwrap();
        let lists = json!({"a": ["x"], "b": ["1", "y"], "c": ["{\"k\":true}"], "d": ["2"]});
        assert_eq!(Value::Object(as_lists(values)), lists);
        let encodings = json!({"a": "\"x\"", "b": "[1,\"y\"]", "c": "{\"k\":true}", "d": "2"});
        assert_eq!(Value::Object(as_encodings(values)), encodings);
    }
}
