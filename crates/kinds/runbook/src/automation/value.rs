//! Values by their declared types, and as the API shows them.

use serde_json::{Map, Value, json};

use crate::document::reference::as_text;
use crate::document::ParameterType;

/// The value as one of the type, or why it is none.
pub(crate) fn convert(value: Value, kind: &ParameterType) -> Result<Value, String> {
    let fits = match (kind, &value) {
        (ParameterType::String | ParameterType::Aws(_), Value::String(_))
        | (ParameterType::Integer, Value::Number(_))
        | (ParameterType::Boolean, Value::Bool(_))
        | (ParameterType::StringMap, Value::Object(_)) => true,
        (ParameterType::MapList, Value::Array(list)) => list.iter().all(Value::is_object),
        (ParameterType::StringList | ParameterType::AwsList(_), Value::Array(list)) => {
            list.iter().all(Value::is_string)
        }
        _ => false,
    };
    if fits {
        return Ok(value);
    }
    let other = match (kind, &value) {
        (ParameterType::String | ParameterType::Aws(_), Value::Number(_) | Value::Bool(_)) => {
            Some(Value::String(as_text(&value)))
        }
        (ParameterType::Integer, Value::String(text)) => {
            text.trim().parse::<i64>().ok().map(Value::from)
        }
        (ParameterType::Boolean, Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        (ParameterType::StringList | ParameterType::AwsList(_), Value::Array(list)) => {
            Some(list.iter().map(|item| Value::String(as_text(item))).collect())
        }
        (
            ParameterType::StringMap | ParameterType::MapList | ParameterType::StringList,
            Value::String(text),
        ) => match serde_json::from_str::<Value>(text) {
            Ok(read) if !read.is_string() => convert(read, kind).ok(),
            _ => None,
        },
        _ => None,
    };
    other.ok_or_else(|| format!("{value} is not of type {}", type_name(kind)))
}

/// A type's name in documents.
pub(crate) fn type_name(kind: &ParameterType) -> String {
    match kind {
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

/// A value as the API lists it: a list of texts.
#[must_use]
pub fn as_list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(as_text).collect(),
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
            (json!(1), Boolean, None),
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
