//! `ParameterOverrides`: values, and the two functions that look into artifacts.

use serde_json::{Map, Value};
use trackway_pipeline::request::Artifact;

use crate::elsewhere::Failure;

/// A parameter's value, or where it is found.
#[derive(Debug, PartialEq)]
pub(super) enum Override {
    /// The value itself.
    Value(Value),
    /// `{"Fn::GetArtifactAtt": [ARTIFACT, ATTRIBUTE]}`.
    Attribute { artifact: String, attribute: String },
    /// `{"Fn::GetParam": [ARTIFACT, FILE, KEY]}`.
    Param { artifact: String, file: String, key: String },
}

/// All of them, by the parameter's name.
#[derive(Debug, PartialEq)]
pub(super) struct Overrides(pub(super) Vec<(String, Override)>);

impl Overrides {
    /// Reads the JSON text.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let read: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
            Failure::configuration(format!("ParameterOverrides is not a JSON object: {error}"))
        })?;
        let one = |(name, value): (String, Value)| {
            let value = of_value(&name, value)?;
            Ok((name, value))
        };
        read.into_iter().map(one).collect::<Result<_, Failure>>().map(Self)
    }
}

fn of_value(name: &str, value: Value) -> Result<Override, Failure> {
    let Value::Object(function) = &value else { return Ok(Override::Value(value)) };
    let only = function.iter().next().filter(|_| function.len() == 1);
    let arguments = |list: &Value| -> Option<Vec<String>> {
        list.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let found =
        only.and_then(|(function, list)| match (function.as_str(), arguments(list)?.as_slice()) {
            ("Fn::GetArtifactAtt", [artifact, attribute]) => Some(Override::Attribute {
                artifact: artifact.clone(),
                attribute: attribute.clone(),
            }),
            ("Fn::GetParam", [artifact, file, key]) => Some(Override::Param {
                artifact: artifact.clone(),
                file: file.clone(),
                key: key.clone(),
            }),
            _ => None,
        });
    found.ok_or_else(|| {
        Failure::configuration(format!(
            "The parameter {name} of ParameterOverrides is neither a text nor {{\"Fn::GetArtifactAtt\": [ARTIFACT, ATTRIBUTE]}} nor {{\"Fn::GetParam\": [ARTIFACT, FILE, KEY]}}."
        ))
    })
}

/// `Fn::GetArtifactAtt`.
pub(super) fn attribute(
    artifact: &Artifact,
    region: &str,
    attribute: &str,
) -> Result<String, Failure> {
    let Artifact { bucket, key, .. } = artifact;
    match attribute {
        "BucketName" => Ok(bucket.clone()),
        "ObjectKey" => Ok(key.clone()),
        "URL" => Ok(format!("https://s3.{region}.amazonaws.com/{bucket}/{key}")),
        _ => Err(Failure::configuration(format!(
            "Fn::GetArtifactAtt knows BucketName, ObjectKey and URL, not {attribute}."
        ))),
    }
}

/// `Fn::GetParam`: the value of a key of a JSON file.
pub(super) fn param(content: &[u8], file: &str, key: &str) -> Result<Value, Failure> {
    let read: Map<String, Value> = serde_json::from_slice(content).map_err(|error| {
        Failure::configuration(format!("Fn::GetParam: {file} is not a JSON object: {error}"))
    })?;
    read.get(key)
        .cloned()
        .ok_or_else(|| Failure::configuration(format!("Fn::GetParam: {file} has no key {key}.")))
}

/// The parameters, in which an override comes before the template configuration. Texts all.
pub(super) fn merged(
    mut parameters: Map<String, Value>,
    overrides: Map<String, Value>,
) -> Result<Vec<(String, String)>, Failure> {
    parameters.extend(overrides);
    let text = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((name, text)),
        other => Err(Failure::configuration(format!(
            "The value of the parameter {name} must be a text, but is {other}."
        ))),
    };
    parameters.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn overrides_are_texts_and_two_functions() {
        let text = r#"{"A": "a", "B": {"Fn::GetArtifactAtt": ["Art", "URL"]}, "C": {"Fn::GetParam": ["Art", "f.json", "k"]}}"#;
        let read = Overrides::read(text).unwrap().0;
        assert_eq!(read[0], ("A".to_owned(), Override::Value(json!("a"))));
        let art = || "Art".to_owned();
        let url = Override::Attribute { artifact: art(), attribute: "URL".to_owned() };
        assert_eq!(read[1], ("B".to_owned(), url));
        let param =
            Override::Param { artifact: art(), file: "f.json".to_owned(), key: "k".to_owned() };
        assert_eq!(read[2], ("C".to_owned(), param));
    }

    #[test]
    fn what_is_no_override_is_refused() {
        for text in [
            "",
            "[]",
            r#"{"A": {"Fn::GetAtt": ["x", "y"]}}"#,
            r#"{"A": {"Fn::GetParam": ["x", "y"]}}"#,
            r#"{"A": {"Fn::GetParam": ["x", "y", 1]}}"#,
            r#"{"A": {}}"#,
        ] {
            let failure = Overrides::read(text).unwrap_err();
            assert_eq!(failure.code, "ConfigurationError", "{text}");
        }
    }

    #[test]
    fn an_override_comes_before_the_configuration() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let merged =
            merged(map(json!({"A": "1", "B": "2"})), map(json!({"B": "3", "C": "4"}))).unwrap();
        let expected = [("A", "1"), ("B", "3"), ("C", "4")].map(|(k, v)| (k.into(), v.into()));
        assert_eq!(merged, expected);
    }

    #[test]
    fn a_parameter_is_a_text() {
        let map = json!({"A": 1}).as_object().cloned().unwrap();
        assert!(merged(map, Map::new()).unwrap_err().message.contains("must be a text, but is 1"));
    }

    #[test]
    fn an_artifact_has_three_attributes() {
        let artifact =
            Artifact { bucket: "b".to_owned(), key: "p/a/k".to_owned(), ..Artifact::default() };
        let of = |name| attribute(&artifact, "eu-west-1", name);
        assert_eq!(of("BucketName").unwrap(), "b");
        assert_eq!(of("ObjectKey").unwrap(), "p/a/k");
        assert_eq!(of("URL").unwrap(), "https://s3.eu-west-1.amazonaws.com/b/p/a/k");
        assert!(of("Url").is_err());
    }
}
