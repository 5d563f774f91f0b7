//! Names as the AWS SDK for Java has them, which is what Step Functions' SDK integrations show:
//! `KMSKeyId` of the model is `KmsKeyId` there, `stateMachineArn` is `StateMachineArn`.

use serde_json::{Map, Value};

use crate::model::{Service, Shape, ShapeKind};

/// A member's name as the SDK has it, with a capital first letter: `DBInstances` becomes
/// `DbInstances`, `ETag` stays.
#[must_use]
pub fn to_sdk_name(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len());
    let upper = |index: usize| letters.get(index).is_some_and(|letter| letter.is_uppercase());
    let lower = |index: usize| letters.get(index).is_some_and(|letter| letter.is_lowercase());
    // The SDK lowers a run of capitals, but for its last one if a small letter follows.
    let run = (1..letters.len()).find(|&index| !upper(index) || lower(index + 1));
    let run = run.unwrap_or(letters.len());
    for (index, letter) in letters.iter().enumerate() {
        match index {
            0 => out.extend(letter.to_uppercase()),
            index if index < run => out.extend(letter.to_lowercase()),
            _ => out.push(*letter),
        }
    }
    out
}

/// Rewrites an output from the model's names to the SDK's.
#[must_use]
pub fn to_sdk_names(service: &Service, shape: &Shape, value: &Value) -> Value {
    rename(service, shape, value, &|object, shape| {
        let members = shape.structure().map_or(&[][..], |structure| &structure.members);
        let found = object.iter().filter_map(|(name, value)| {
            let member = members.iter().find(|member| *member.name == **name)?;
            let value = to_sdk_names(service, service.shape(member.shape), value);
            Some((to_sdk_name(name), value))
        });
        found.collect()
    })
}

/// Rewrites an input from the SDK's names to the model's, in any case. The second part of the
/// answer names the first member that the model does not have, if there is one.
#[must_use]
pub fn from_sdk_names(service: &Service, shape: &Shape, value: &Value) -> (Value, Option<String>) {
    let unknown = std::cell::RefCell::new(None);
    let value = from_sdk(service, shape, value, &unknown);
    (value, unknown.into_inner())
}

fn from_sdk(
    service: &Service,
    shape: &Shape,
    value: &Value,
    unknown: &std::cell::RefCell<Option<String>>,
) -> Value {
    rename(service, shape, value, &|object, shape| {
        let members = shape.structure().map_or(&[][..], |structure| &structure.members);
        let mut out = Map::new();
        for (name, value) in object {
            let exact = members.iter().find(|member| *member.name == **name);
            let any = || members.iter().find(|member| member.name.eq_ignore_ascii_case(name));
            match exact.or_else(any) {
                Some(member) => {
                    let value = from_sdk(service, service.shape(member.shape), value, unknown);
                    out.insert(member.name.to_string(), value);
                }
                None => _ = unknown.borrow_mut().get_or_insert_with(|| name.clone()),
            }
        }
        out
    })
}

/// Rewrites the members of a structure.
type Members<'a> = dyn Fn(&Map<String, Value>, &Shape) -> Map<String, Value> + 'a;

/// Walks lists and maps; `members` rewrites a structure, and calls the walk for what is inside.
fn rename(service: &Service, shape: &Shape, value: &Value, members: &Members<'_>) -> Value {
    match (&shape.kind, value) {
        (ShapeKind::Structure(_), Value::Object(object)) => Value::Object(members(object, shape)),
        (ShapeKind::List { member, .. }, Value::Array(items)) => {
            let of = service.shape(*member);
            items.iter().map(|item| rename(service, of, item, members)).collect()
        }
        (ShapeKind::Map { value: of, .. }, Value::Object(entries)) => {
            let of = service.shape(*of);
            let entry = |(key, value): (&String, &Value)| {
                (key.clone(), rename(service, of, value, members))
            };
            Value::Object(entries.iter().map(entry).collect())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model;

    #[test]
    fn names_are_those_of_the_sdk() {
        for (model, sdk) in [
            ("DBInstances", "DbInstances"),
            ("stateMachineArn", "StateMachineArn"),
            ("ETag", "ETag"),
            ("KMSKeyId", "KmsKeyId"),
            ("SSEKMSKeyId", "SsekmsKeyId"),
            ("ARN", "Arn"),
            ("S3Bucket", "S3Bucket"),
            ("A", "A"),
            ("", ""),
        ] {
            assert_eq!(to_sdk_name(model), sdk);
        }
    }

    #[test]
    fn inputs_and_outputs_are_renamed_throughout() {
        let service = model::service("sfn").unwrap();
        let operation = service.operation_in_any_case("createStateMachineAlias").unwrap();
        let input = service.shape(operation.input.unwrap());
        let sdk = json!({
            "Name": "a",
            "RoutingConfiguration": [{"StateMachineVersionArn": "v", "Weight": 100}],
        });
        let model = json!({
            "name": "a",
            "routingConfiguration": [{"stateMachineVersionArn": "v", "weight": 100}],
        });
        assert_eq!(from_sdk_names(service, input, &sdk), (model.clone(), None));
        assert_eq!(to_sdk_names(service, input, &model), sdk);
        let (_, unknown) = from_sdk_names(service, input, &json!({"Nmae": "a"}));
        assert_eq!(unknown.as_deref(), Some("Nmae"));
    }
}
