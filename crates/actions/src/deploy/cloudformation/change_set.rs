//! Change sets: to make them anew and to execute them.

use serde_json::{Value, json};
use trackway_performers::aws::AwsError;

use super::{Doing, Next, details, inputs, stack, succeeded};
use crate::elsewhere::{Answer, Failure, Pace, progress, text};
use crate::runners::Run;

pub(super) async fn replace(run: &Run) -> Answer {
    let name = run.required("ChangeSetName")?;
    let found = stack::find(run, run.required("StackName")?).await?;
    let is_new =
        found.as_ref().is_none_or(|stack| text(stack, "StackStatus") == "REVIEW_IN_PROGRESS");
    let mut input = inputs::inputs(run, false).await?;
    let service = run.service("cloudformation");
    if found.is_some() {
        let old = json!({ "StackName": input["StackName"], "ChangeSetName": name });
        match service.call("DeleteChangeSet", old).await {
            Ok(_) => {}
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    input["ChangeSetName"] = name.into();
    input["ChangeSetType"] = if is_new { "CREATE" } else { "UPDATE" }.into();
    // A change set is made anew each time, also after a crash.
    input["ClientToken"] = run.call.action_execution_id.as_str().into();
    let made = service.call("CreateChangeSet", input).await?;
    let stack = text(&made, "StackId").to_owned();
    let change_set = Some(text(&made, "Id").to_owned());
    progress(details(run, &stack), &Next { doing: Doing::Review, stack, change_set })
}

fn is_absent(error: &AwsError) -> bool {
    error.code.contains("ChangeSetNotFound") || error.message.contains("does not exist")
}

fn place(next: &Next) -> Value {
    json!({ "StackName": next.stack, "ChangeSetName": next.change_set })
}

/// Waits until the change set can be executed, or holds nothing.
pub(super) async fn watch(run: &Run, next: &Next) -> Answer {
    let ended = |answer: &Value| {
        let has_ended = matches!(text(answer, "Status"), "CREATE_COMPLETE" | "FAILED");
        has_ended.then(|| answer.clone())
    };
    let service = run.service("cloudformation");
    let change_set = service.watch("DescribeChangeSet", &place(next), ended).await?;
    if text(&change_set, "Status") == "FAILED" && !is_empty(&change_set) {
        let why = text(&change_set, "StatusReason");
        let message = format!("Failed to create change set. Current status: FAILED. {why}");
        return Err(stack::failed(run, &next.stack, message));
    }
    let stack = stack::find(run, &next.stack).await?;
    succeeded(run, &stack.unwrap_or_else(|| json!({ "StackId": next.stack }))).await
}

/// Whether it failed because there is nothing to change, which is as good as success.
fn is_empty(change_set: &Value) -> bool {
    let why = text(change_set, "StatusReason");
    stack::is_no_update(why) || why.contains("didn't contain changes")
}

pub(super) async fn execute(run: &Run) -> Answer {
    let name = run.required("ChangeSetName")?;
    let place = json!({ "StackName": run.required("StackName")?, "ChangeSetName": name });
    let service = run.service("cloudformation");
    let change_set = service.call("DescribeChangeSet", place.clone()).await?;
    let id = text(&change_set, "StackId").to_owned();
    if text(&change_set, "Status") == "FAILED" && is_empty(&change_set) {
        let found = stack::find(run, &id).await?;
        return succeeded(run, &found.unwrap_or_else(|| json!({ "StackId": id }))).await;
    }
    let mut input = place;
    input["ClientRequestToken"] = run.call.action_execution_id.as_str().into();
    let executed = service.call("ExecuteChangeSet", input).await;
    executed.map_err(|error| Failure::from(error).with(details(run, &id)))?;
    let change_set = Some(text(&change_set, "ChangeSetId").to_owned());
    progress(details(run, &id), &Next { doing: Doing::Execute, stack: id, change_set })
}

/// Waits until the change set is no longer executed, then for the stack.
pub(super) async fn watch_execution(run: &Run, next: &Next) -> Answer {
    let mut pace = Pace::default();
    let service = run.service("cloudformation");
    loop {
        match service.call("DescribeChangeSet", place(next)).await {
            // It goes once it was executed.
            Err(error) if is_absent(&error) => break,
            seen => {
                let seen = pace.bear(seen)?;
                let status = seen.as_ref().map_or("", |seen| text(seen, "ExecutionStatus"));
                if !matches!(status, "" | "EXECUTE_IN_PROGRESS") {
                    break;
                }
            }
        }
        pace.wait().await;
    }
    let found = stack::settled(run, &next.stack).await?;
    let status = found.as_ref().map_or("", |stack| text(stack, "StackStatus"));
    if let (Some(stack), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE") =
        (&found, status)
    {
        return succeeded(run, stack).await;
    }
    let (status, reason) = stack::told(run, &next.stack, found.as_ref()).await;
    let message = format!("Failed to execute change set. Current stack status: {status}. {reason}");
    Err(stack::failed(run, &next.stack, message))
}
