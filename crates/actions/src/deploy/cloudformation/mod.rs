//! Deploy, CloudFormation: a stack or a change set, by the action mode.
//!
//! | mode | what is started | what is waited for |
//! |---|---|---|
//! | `CREATE_UPDATE` | `CreateStack`, or `UpdateStack` where there is one | the stack |
//! | `REPLACE_ON_FAILURE` | the same; a stack that failed is deleted first | the stack |
//! | `DELETE_ONLY` | `DeleteStack`, if there is one | the stack |
//! | `CHANGE_SET_REPLACE` | `DeleteChangeSet`, `CreateChangeSet` | the change set |
//! | `CHANGE_SET_EXECUTE` | `ExecuteChangeSet` | the change set, then the stack |
//!
//! The action execution's id is the token of each call, so what a crash makes happen twice happens
//! once; a stack that it left in progress is told by the token in its events.

mod change_set;
mod inputs;
mod parameters;
mod stack;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trackway_pipeline::request::{ActionAnswer, Details, Done};

use super::files;
use crate::elsewhere::{Answer, Failure, Running, encoded, list, settle, text};
use crate::runners::Run;

/// What was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Doing {
    Create,
    Update,
    /// The stack is deleted, to be created anew.
    Replace,
    Delete,
    /// A change set is made.
    Review,
    /// A change set is executed.
    Execute,
}

/// Where it goes on.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Next {
    doing: Doing,
    /// The stack's id.
    stack: String,
    /// The change set's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    change_set: Option<String>,
}

/// Runs the action.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    if let Some(next) = run.next::<Next>()? {
        let answer = match next.doing {
            Doing::Create | Doing::Update | Doing::Delete => stack::watch(run, &next).await,
            Doing::Replace => stack::recreate(run, &next).await,
            Doing::Review => change_set::watch(run, &next).await,
            Doing::Execute => change_set::watch_execution(run, &next).await,
        };
        return answer.map_err(|failure| match failure.details.external_execution_id {
            Some(_) => failure,
            None => failure.with(details(run, &next.stack)),
        });
    }
    match run.required("ActionMode")? {
        "CREATE_UPDATE" => stack::create_or_update(run).await,
        "REPLACE_ON_FAILURE" => stack::replace_on_failure(run).await,
        "DELETE_ONLY" => stack::delete(run).await,
        "CHANGE_SET_REPLACE" => change_set::replace(run).await,
        "CHANGE_SET_EXECUTE" => change_set::execute(run).await,
        other => Err(Failure::configuration(format!(
            "The action mode {other} is none of CREATE_UPDATE, REPLACE_ON_FAILURE, DELETE_ONLY, CHANGE_SET_REPLACE, CHANGE_SET_EXECUTE."
        ))),
    }
}

/// It succeeded: the stack's outputs are its variables, and its output artifact if that is asked for.
async fn succeeded(run: &Run, stack: &Value) -> Answer {
    let outputs: Map<String, Value> = list(stack, "Outputs")
        .iter()
        .map(|output| (text(output, "OutputKey").to_owned(), output["OutputValue"].clone()))
        .collect();
    let output_artifacts = match run.setting("OutputFileName") {
        Some(name) => {
            let written = Value::Object(outputs.clone()).to_string();
            files::put_first(run, name, written.as_bytes()).await?
        }
        None => Vec::new(),
    };
    Ok(ActionAnswer::Done(Box::new(Done {
        details: details(run, text(stack, "StackId")),
        output_variables: outputs,
        output_artifacts,
        ..Done::default()
    })))
}

fn details(run: &Run, stack: &str) -> Details {
    if stack.is_empty() {
        return Details::default();
    }
    let (region, id) = (run.region(), encoded(stack));
    Details {
        external_execution_id: Some(stack.to_owned()),
        url: Some(format!(
            "https://console.aws.amazon.com/cloudformation/home?region={region}#/stack/detail?stackId={id}"
        )),
        ..Details::default()
    }
}
