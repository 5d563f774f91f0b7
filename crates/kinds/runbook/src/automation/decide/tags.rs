//! aws:createTags.

use serde_json::{Map, Value, json};

use super::work::{Answer, Decided, Then, View, object};
use crate::automation::failure::Failure;
use crate::automation::value::as_list;

pub(super) fn create(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => {
            let tags = view.need("Tags")?.clone();
            let ids = view.texts("ResourceIds");
            if ids.is_empty() {
                return Err(Failure::input("Input ResourceIds is required"));
            }
            match view.text("ResourceType").unwrap_or("EC2") {
                "EC2" => {
                    let input = object([("Resources", json!(ids)), ("Tags", tags)]);
                    Ok(view.call(("ec2", "CreateTags"), 1, input, None))
                }
                "ManagedInstance" | "MaintenanceWindow" | "Parameter" => Ok(next(view, ids)),
                other => Err(Failure::input(&format!("There is no ResourceType {other}"))),
            }
        }
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::aws(&error, &cause))),
        Answer::Response(_) => Ok(match view.memo("Left") {
            Value::Null => Then::Done(Map::new()),
            left => next(view, as_list(left)),
        }),
    }
}

/// Tags the first of these resources.
fn next(view: &View<'_>, mut ids: Vec<String>) -> Then {
    if ids.is_empty() {
        return Then::Done(Map::new());
    }
    let id = ids.remove(0);
    let input = object([
        ("ResourceType", view.input("ResourceType").cloned().unwrap_or_default()),
        ("ResourceId", json!(id)),
        ("Tags", view.input("Tags").cloned().unwrap_or_default()),
    ]);
    view.call(("ssm", "AddTagsToResource"), 1, input, Some(json!({ "Left": ids })))
}
