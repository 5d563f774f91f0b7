//! Inputs and outputs as boto3 has them, to and from the neutral form.
//!
//! boto3 takes texts and bytes for blobs, and any date for a timestamp; it gives bytes and dates.
//! JSON has neither, so here a blob is a text ([`Blobs`]) and a timestamp a text of RFC 3339. For
//! some operations boto3 does more than the model says, which is done here too.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{check, rules};
use crate::model::{Operation, Service, Shape, ShapeKind};

/// How a blob is written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blobs {
    /// The bytes are the text's own, as boto3 takes a `str`. In an output, what is no UTF-8 is
    /// base64 nevertheless.
    Text,
    /// The text is base64.
    Base64,
}

/// Finds an operation by its name or by boto3's name of its method: `DescribeDBInstances`,
/// `describe_db_instances`, `describeDBInstances`.
#[must_use]
pub fn operation<'a>(service: &'a Service, name: &str) -> Option<&'a Operation> {
    service.operation(name).or_else(|| service.operation_in_any_case(name)).or_else(|| {
        let plain = plain(name);
        service.operations.iter().find(|operation| self::plain(&operation.name) == plain)
    })
}

fn plain(name: &str) -> String {
    name.chars().filter(|letter| *letter != '_').map(|l| l.to_ascii_lowercase()).collect()
}

/// An input that may be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// The input in the neutral form.
    pub input: Value,
    /// S3 is asked to encode the keys of a listing, and the caller did not ask for that.
    encoded_keys: bool,
}

/// Checks an input as boto3 does and turns it into the neutral form.
///
/// # Errors
/// Everything that boto3 would not send: the message of its `ParamValidationError`.
pub fn input(
    service: &Service,
    operation: &Operation,
    input: &Value,
    blobs: Blobs,
) -> Result<Checked, String> {
    let empty = Value::Object(Map::new());
    let given = if input.is_null() { &empty } else { input };
    let mut given = given.clone();
    let mut problems = rules::before_check(service, operation, &mut given);
    problems.extend(check::check(service, operation, &given));
    if !problems.is_empty() {
        return Err(refusal(&problems));
    }
    let encoded_keys = rules::ask_for_encoded_keys(service, operation, &mut given);
    let input = match operation.input {
        Some(shape) => neutral(service, service.shape(shape), given, blobs, &mut problems),
        None => given,
    };
    match problems.is_empty() {
        true => Ok(Checked { input, encoded_keys }),
        false => Err(refusal(&problems)),
    }
}

fn refusal(problems: &[String]) -> String {
    format!("Parameter validation failed:\n{}", problems.join("\n"))
}

fn neutral(
    service: &Service,
    shape: &Shape,
    value: Value,
    blobs: Blobs,
    problems: &mut Vec<String>,
) -> Value {
    match (&shape.kind, value) {
        (ShapeKind::Structure(structure), Value::Object(object)) => {
            let each = object.into_iter().map(|(name, value)| match structure.member(&name) {
                Some(member) if !member.json_value => {
                    let shape = service.shape(member.shape);
                    let value = neutral(service, shape, value, blobs, problems);
                    (name, value)
                }
                _ => (name, value),
            });
            Value::Object(each.collect())
        }
        (ShapeKind::List { member, .. }, Value::Array(items)) => {
            let of = service.shape(*member);
            items.into_iter().map(|item| neutral(service, of, item, blobs, problems)).collect()
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(entries)) => {
            let of = service.shape(*of);
            let each = entries
                .into_iter()
                .map(|(key, value)| (key, neutral(service, of, value, blobs, problems)));
            Value::Object(each.collect())
        }
        (ShapeKind::Blob { .. }, Value::String(text)) => match blobs {
            Blobs::Text => Value::String(STANDARD.encode(text)),
            Blobs::Base64 => {
                if STANDARD.decode(&text).is_err() {
                    problems.push(format!("A value of the type {} is no base64", shape.name));
                }
                Value::String(text)
            }
        },
        (_, value) => value,
    }
}

/// Turns an output from the neutral form into what boto3 returns for what was sent.
#[must_use]
pub fn output(
    service: &Service,
    operation: &Operation,
    sent: &Checked,
    output: Value,
    blobs: Blobs,
) -> Value {
    let Some(shape) = operation.output.map(|shape| service.shape(shape)) else {
        return json!({});
    };
    let mut output = shown(service, shape, output, blobs);
    rules::after_parse(service, operation, sent.encoded_keys, &mut output);
    output
}

fn shown(service: &Service, shape: &Shape, value: Value, blobs: Blobs) -> Value {
    match (&shape.kind, value) {
        (ShapeKind::Structure(structure), Value::Object(object)) => {
            let each = object.into_iter().map(|(name, value)| match structure.member(&name) {
                Some(member) if !member.json_value => {
                    let value = shown(service, service.shape(member.shape), value, blobs);
                    (name, value)
                }
                _ => (name, value),
            });
            Value::Object(each.collect())
        }
        (ShapeKind::List { member, .. }, Value::Array(items)) => {
            let of = service.shape(*member);
            items.into_iter().map(|item| shown(service, of, item, blobs)).collect()
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(entries)) => {
            let of = service.shape(*of);
            let each =
                entries.into_iter().map(|(key, value)| (key, shown(service, of, value, blobs)));
            Value::Object(each.collect())
        }
        (ShapeKind::Timestamp(_), Value::Number(number)) => {
            let moment = number.as_f64().and_then(moment);
            moment.map_or(Value::Number(number), Value::String)
        }
        (ShapeKind::Blob { .. }, Value::String(text)) if blobs == Blobs::Text => {
            let bytes = STANDARD.decode(&text).ok();
            let plain = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            Value::String(plain.unwrap_or(text))
        }
        (_, value) => value,
    }
}

/// Epoch seconds as RFC 3339: `2026-01-01T00:00:00.5Z`.
fn moment(seconds: f64) -> Option<String> {
    #[expect(clippy::cast_possible_truncation, reason = "out of range is refused by jiff")]
    let moment = Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()?;
    Some(moment.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    fn sent() -> Checked {
        Checked { input: json!({}), encoded_keys: false }
    }

    #[test]
    fn operations_have_three_names() {
        for (service, name, found) in [
            ("rds", "describe_db_instances", "DescribeDBInstances"),
            ("s3", "list_objects_v2", "ListObjectsV2"),
            ("sfn", "startExecution", "StartExecution"),
            ("ssm", "GetParameter", "GetParameter"),
        ] {
            let service = model::service(service).unwrap();
            assert_eq!(operation(service, name).map(|one| &*one.name), Some(found));
        }
        assert!(operation(model::service("s3").unwrap(), "nope").is_none());
    }

    #[test]
    fn blobs_are_texts_or_base64() {
        let service = model::service("kms").unwrap();
        let encrypt = service.operation("Encrypt").unwrap();
        let given = json!({"KeyId": "k", "Plaintext": "test"});
        let of = |blobs| input(service, encrypt, &given, blobs).unwrap().input["Plaintext"].clone();
        assert_eq!(of(Blobs::Text), "dGVzdA==");
        assert_eq!(of(Blobs::Base64), "test");
        let bad = json!({"KeyId": "k", "Plaintext": "=="});
        assert!(input(service, encrypt, &bad, Blobs::Base64).unwrap_err().contains("base64"));
        let blob = json!({"CiphertextBlob": "dGVzdA=="});
        let of = |blobs| output(service, encrypt, &sent(), blob.clone(), blobs);
        assert_eq!(of(Blobs::Text)["CiphertextBlob"], "test");
        assert_eq!(of(Blobs::Base64)["CiphertextBlob"], "dGVzdA==");
    }

    #[test]
    fn moments_are_texts() {
        let service = model::service("sfn").unwrap();
        let describe = service.operation("DescribeExecution").unwrap();
        let found = output(service, describe, &sent(), json!({"startDate": 1.5}), Blobs::Text);
        assert_eq!(found, json!({"startDate": "1970-01-01T00:00:01.5Z"}));
    }
}
