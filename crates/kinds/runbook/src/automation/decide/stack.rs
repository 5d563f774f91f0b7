//! aws:createStack and aws:deleteStack.

use serde_json::{Map, Value, json};

use super::work::{Answer, Decided, Then, View, object};
use crate::automation::failure::Failure;
use crate::document::reference::as_text;

const MAKE: u8 = 1;
const LOOK: u8 = 2;

/// Inputs that CreateStack takes as they are.
const CREATE: &[&str] = &[
    "StackName",
    "TemplateBody",
    "TemplateURL",
    "Parameters",
    "Capabilities",
    "ClientRequestToken",
    "DisableRollback",
    "EnableTerminationProtection",
    "NotificationARNs",
    "OnFailure",
    "ResourceTypes",
    "RoleARN",
    "StackPolicyBody",
    "StackPolicyURL",
    "Tags",
    "TimeoutInMinutes",
];

pub(super) fn create(view: &View<'_>, answer: Answer) -> Decided {
    match (view.stage, answer) {
        (_, Answer::Begin) => {
            view.need_text("StackName")?;
            let names: Vec<(&str, &str)> = CREATE.iter().map(|name| (*name, *name)).collect();
            let mut input = view.pick(&names);
            if let Some(body) = input.get("TemplateBody").map(as_text) {
                input.insert("TemplateBody".to_owned(), Value::String(body));
            }
            Ok(view.call(("cloudformation", "CreateStack"), MAKE, input, None))
        }
        (_, Answer::Failed { error, cause }) => Ok(Then::Fail(Failure::aws(&error, &cause))),
        (MAKE, Answer::Response(response)) => {
            let id = response.get("StackId").cloned().unwrap_or_default();
            Ok(look(view, &id, Some(json!({ "StackId": id }))))
        }
        (_, Answer::Due) => Ok(look(view, view.memo("StackId"), None)),
        (_, Answer::Response(response)) => {
            let (status, outputs) = described(view, &response);
            match status.as_str() {
                "CREATE_COMPLETE" => Ok(Then::Done(outputs)),
                "CREATE_IN_PROGRESS" | "REVIEW_IN_PROGRESS" => Ok(view.poll(LOOK)),
                _ => Ok(ended_badly(&status, outputs)),
            }
        }
    }
}

fn look(view: &View<'_>, id: &Value, memo: Option<Value>) -> Then {
    let input = object([("StackName", id.clone())]);
    view.call(("cloudformation", "DescribeStacks"), LOOK, input, memo)
}

/// The stack's status, and the step's outputs.
fn described(view: &View<'_>, response: &Value) -> (String, Map<String, Value>) {
    let stack = response.pointer("/Stacks/0").cloned().unwrap_or_default();
    let status = as_text(&stack["StackStatus"]);
    let mut outputs = object([("StackStatus", json!(status))]);
    if let Some(id) = stack.get("StackId").or(view.memo.get("StackId")) {
        outputs.insert("StackId".to_owned(), id.clone());
    }
    if let Some(reason) = stack.get("StackStatusReason").filter(|reason| !reason.is_null()) {
        outputs.insert("StackStatusReason".to_owned(), reason.clone());
    }
    (status, outputs)
}

fn ended_badly(status: &str, outputs: Map<String, Value>) -> Then {
    let reason = outputs.get("StackStatusReason").map(as_text).unwrap_or_default();
    let why = format!("The stack's status is {status} {reason}");
    Then::FailWith(Failure::polled(why.trim_end()), outputs, None)
}

const FIND: u8 = 1;
const DELETE: u8 = 2;
const WATCH: u8 = 3;

/// Deletes a stack; one that does not exist is deleted.
pub(super) fn delete(view: &View<'_>, answer: Answer) -> Decided {
    match (view.stage, answer) {
        (_, Answer::Begin) => {
            let input = object([("StackName", view.need("StackName")?.clone())]);
            Ok(view.call(("cloudformation", "DescribeStacks"), FIND, input, None))
        }
        (FIND | WATCH, Answer::Failed { cause, .. }) if cause.contains("does not exist") => {
            Ok(Then::Done(object([("StackStatus", json!("DELETE_COMPLETE"))])))
        }
        (_, Answer::Failed { error, cause }) => Ok(Then::Fail(Failure::aws(&error, &cause))),
        (FIND, Answer::Response(response)) => {
            let found = response.pointer("/Stacks/0/StackId");
            let id = found.or(view.input("StackName")).cloned().unwrap_or_default();
            let mut input = view.pick(&[
                ("ClientRequestToken", "ClientRequestToken"),
                ("RetainResources", "RetainResources"),
                ("RoleARN", "RoleARN"),
            ]);
            input.insert("StackName".to_owned(), id.clone());
            let memo = json!({ "StackId": id });
            Ok(view.call(("cloudformation", "DeleteStack"), DELETE, input, Some(memo)))
        }
        (DELETE, Answer::Response(_)) | (_, Answer::Due) => {
            let input = object([("StackName", view.memo("StackId").clone())]);
            Ok(view.call(("cloudformation", "DescribeStacks"), WATCH, input, None))
        }
        (_, Answer::Response(response)) => {
            let (status, outputs) = described(view, &response);
            match status.as_str() {
                "DELETE_COMPLETE" => Ok(Then::Done(outputs)),
                "DELETE_FAILED" => Ok(ended_badly(&status, outputs)),
                _ => Ok(view.poll(WATCH)),
            }
        }
    }
}
