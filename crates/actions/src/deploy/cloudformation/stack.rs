//! Stacks: to create, update, replace and delete them, and to wait for them.

use serde_json::{Value, json};
use trackway_performers::aws::AwsError;

use super::{Doing, Next, details, inputs, succeeded};
use crate::elsewhere::{Answer, Failure, Pace, done, list, progress, text};
use crate::runners::Run;

/// Events that are looked at for the reason of a failure; the newest come first.
const EVENT_PAGES_MAX: usize = 10;

/// Statuses of a stack that only a new one helps.
const FAILED: [&str; 5] = [
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "CREATE_FAILED",
    "DELETE_FAILED",
    "UPDATE_ROLLBACK_FAILED",
];

pub(super) async fn create_or_update(run: &Run) -> Answer {
    match find(run, run.required("StackName")?).await? {
        None => create(run).await,
        Some(stack) => update(run, &stack).await,
    }
}

pub(super) async fn replace_on_failure(run: &Run) -> Answer {
    let name = run.required("StackName")?;
    let Some(stack) = find(run, name).await? else { return create(run).await };
    let id = text(&stack, "StackId").to_owned();
    if let Some(doing) = ours(run, &stack).await {
        return progress(details(run, &id), &Next { doing, stack: id, change_set: None });
    }
    if !FAILED.contains(&text(&stack, "StackStatus")) {
        return update(run, &stack).await;
    }
    let token = format!("{}{REPLACING}", run.call.action_execution_id);
    delete_stack(run, &id, token).await?;
    progress(details(run, &id), &Next { doing: Doing::Replace, stack: id, change_set: None })
}

/// What the token of a deletion ends in that makes room for a new stack.
const REPLACING: &str = "-replace";

pub(super) async fn delete(run: &Run) -> Answer {
    let Some(stack) = find(run, run.required("StackName")?).await? else {
        return Ok(done(Default::default()));
    };
    let id = text(&stack, "StackId").to_owned();
    delete_stack(run, &id, run.call.action_execution_id.clone()).await?;
    progress(details(run, &id), &Next { doing: Doing::Delete, stack: id, change_set: None })
}

async fn delete_stack(run: &Run, id: &str, token: String) -> Result<Value, AwsError> {
    let mut input = json!({ "StackName": id, "ClientRequestToken": token });
    if let Some(role) = run.setting("RoleArn") {
        input["RoleARN"] = role.into();
    }
    run.service("cloudformation").call("DeleteStack", input).await
}

async fn create(run: &Run) -> Answer {
    let mut input = inputs::inputs(run, true).await?;
    input["ClientRequestToken"] = run.call.action_execution_id.as_str().into();
    let made = run.service("cloudformation").call("CreateStack", input).await?;
    let stack = text(&made, "StackId").to_owned();
    progress(details(run, &stack), &Next { doing: Doing::Create, stack, change_set: None })
}

async fn update(run: &Run, stack: &Value) -> Answer {
    let id = text(stack, "StackId").to_owned();
    let next = |doing| Next { doing, stack: id.clone(), change_set: None };
    if let Some(doing) = ours(run, stack).await {
        return progress(details(run, &id), &next(doing));
    }
    let mut input = inputs::inputs(run, true).await?;
    input["ClientRequestToken"] = run.call.action_execution_id.as_str().into();
    match run.service("cloudformation").call("UpdateStack", input).await {
        Ok(_) => progress(details(run, &id), &next(Doing::Update)),
        Err(error) if is_no_update(&error.message) => succeeded(run, stack).await,
        Err(error) => Err(Failure::from(error).with(details(run, &id))),
    }
}

/// CloudFormation's words for a stack that is as it should be.
pub(super) fn is_no_update(message: &str) -> bool {
    message.contains("No updates are to be performed")
}

/// What this very action is doing with the stack, from before a crash.
async fn ours(run: &Run, stack: &Value) -> Option<Doing> {
    let doing = match text(stack, "StackStatus") {
        "CREATE_IN_PROGRESS" => Doing::Create,
        "DELETE_IN_PROGRESS" => Doing::Replace,
        status if status.starts_with("UPDATE") && status.ends_with("IN_PROGRESS") => Doing::Update,
        _ => return None,
    };
    let input = json!({ "StackName": stack["StackId"] });
    let events = run.service("cloudformation").call("DescribeStackEvents", input).await.ok()?;
    let token = list(&events, "StackEvents").iter().map(|event| text(event, "ClientRequestToken"));
    let newest = token.into_iter().find(|token| !token.is_empty())?;
    let id = run.call.action_execution_id.as_str();
    let expected = if doing == Doing::Replace { format!("{id}{REPLACING}") } else { id.to_owned() };
    (newest == expected).then_some(doing)
}

/// The stack, by name or id; a deleted one is none.
pub(super) async fn find(run: &Run, stack: &str) -> Result<Option<Value>, AwsError> {
    let input = json!({ "StackName": stack });
    match run.service("cloudformation").call("DescribeStacks", input).await {
        Ok(found) => {
            let stack = list(&found, "Stacks").first();
            Ok(stack.filter(|stack| text(stack, "StackStatus") != "DELETE_COMPLETE").cloned())
        }
        Err(error) if error.message.contains("does not exist") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits until nothing happens to the stack any more; none if it is gone.
pub(super) async fn settled(run: &Run, stack: &str) -> Result<Option<Value>, AwsError> {
    let mut pace = Pace::default();
    loop {
        let found = find(run, stack).await;
        let found = pace.bear(found.map(|stack| stack.unwrap_or(Value::Null)))?;
        if let Some(stack) = found {
            if stack.is_null() {
                return Ok(None);
            }
            let status = text(&stack, "StackStatus");
            if status == "REVIEW_IN_PROGRESS" || !status.ends_with("_IN_PROGRESS") {
                return Ok(Some(stack));
            }
        }
        pace.wait().await;
    }
}

pub(super) async fn watch(run: &Run, next: &Next) -> Answer {
    let stack = settled(run, &next.stack).await?;
    match (&stack, next.doing) {
        (None, Doing::Delete) => return Ok(done(details(run, &next.stack))),
        (Some(stack), doing) if is_done(text(stack, "StackStatus"), doing) => {
            return succeeded(run, stack).await;
        }
        _ => {}
    }
    let verb = match next.doing {
        Doing::Create => "create",
        Doing::Update => "update",
        _ => "delete",
    };
    let (status, reason) = told(run, &next.stack, stack.as_ref()).await;
    Err(failed(
        run,
        &next.stack,
        format!("Failed to {verb} stack. Current status: {status}. {reason}"),
    ))
}

fn is_done(status: &str, doing: Doing) -> bool {
    match doing {
        Doing::Create => status == "CREATE_COMPLETE",
        Doing::Update => status == "UPDATE_COMPLETE",
        _ => false,
    }
}

/// The stack that was in the way is deleted: creates the new one.
pub(super) async fn recreate(run: &Run, next: &Next) -> Answer {
    if let Some(stack) = settled(run, &next.stack).await? {
        let (status, reason) = told(run, &next.stack, Some(&stack)).await;
        let message = format!("Failed to delete stack. Current status: {status}. {reason}");
        return Err(failed(run, &next.stack, message));
    }
    // A crash may have left a new one in progress.
    match find(run, run.required("StackName")?).await? {
        None => create(run).await,
        Some(stack) => update(run, &stack).await,
    }
}

/// A failure that the state of the pipeline shows too.
pub(super) fn failed(run: &Run, stack: &str, message: String) -> Failure {
    let mut details = details(run, stack);
    details.summary = Some(message.clone());
    Failure::job(message).with(details)
}

/// A stack's status and why it is so.
pub(super) async fn told(run: &Run, id: &str, stack: Option<&Value>) -> (String, String) {
    let status = stack.map_or("DELETE_COMPLETE", |stack| text(stack, "StackStatus"));
    let own = stack.map_or("", |stack| text(stack, "StackStatusReason"));
    let reason = match reason(run, id).await {
        Ok(reason) if reason.is_empty() => own.to_owned(),
        Ok(reason) => reason,
        Err(error) if error.status == 403 || error.code.contains("AccessDenied") => {
            let why = "Status reason is not available because IAM role associated with the action does not have CloudFormation DescribeStackEvents permission";
            return (status.to_owned(), why.to_owned());
        }
        Err(_) => own.to_owned(),
    };
    (status.to_owned(), reason)
}

/// What failed first since somebody last asked something of the stack.
async fn reason(run: &Run, stack: &str) -> Result<String, AwsError> {
    let mut reason = String::new();
    let mut input = json!({ "StackName": stack });
    for _ in 0..EVENT_PAGES_MAX {
        let page = run.service("cloudformation").call("DescribeStackEvents", input.clone()).await?;
        if first_failure(list(&page, "StackEvents"), &mut reason) || page["NextToken"].is_null() {
            break;
        }
        input["NextToken"] = page["NextToken"].clone();
    }
    Ok(reason)
}

/// Goes through events from the newest on; whether the beginning was found.
fn first_failure(events: &[Value], reason: &mut String) -> bool {
    for event in events {
        let (status, why) = (text(event, "ResourceStatus"), text(event, "ResourceStatusReason"));
        let is_stack = text(event, "PhysicalResourceId") == text(event, "StackId");
        if status.ends_with("_FAILED") && !why.is_empty() && !why.contains("cancelled") {
            *reason = match is_stack {
                true => why.to_owned(),
                false => format!("{}: {why}", text(event, "LogicalResourceId")),
            };
        }
        let begins =
            matches!(status, "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS" | "DELETE_IN_PROGRESS");
        if is_stack && begins {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(resource: &str, status: &str, why: &str) -> Value {
        let physical = if resource == "stack" { "id" } else { resource };
        json!({
            "StackId": "id", "PhysicalResourceId": physical, "LogicalResourceId": resource,
            "ResourceStatus": status, "ResourceStatusReason": why,
        })
    }

    #[test]
    fn the_reason_is_what_failed_first_this_time() {
        let events = [
            event("stack", "UPDATE_ROLLBACK_COMPLETE", ""),
            event("Other", "UPDATE_FAILED", "Resource update cancelled"),
            event("Topic", "CREATE_FAILED", "no such name"),
            event("stack", "UPDATE_IN_PROGRESS", "User Initiated"),
            event("Bucket", "CREATE_FAILED", "of another time"),
        ];
        let mut reason = String::new();
        assert!(first_failure(&events, &mut reason));
        assert_eq!(reason, "Topic: no such name");
    }

    #[test]
    fn the_search_goes_on_while_nothing_begins() {
        let mut reason = String::new();
        assert!(!first_failure(&[event("A", "CREATE_FAILED", "why")], &mut reason));
        assert_eq!(reason, "A: why");
    }
}
