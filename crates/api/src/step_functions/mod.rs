//! Step Functions: each operation of the service, one file a group.
//!
//! A handler gets a request that satisfies the service model, looks at what only the service can
//! know, calls the engine and answers with the model's own member names as JSON text. Codes and
//! messages of refusals stand in `refusal`.

mod activities;
mod arn;
mod child;
mod executions;
mod history;
mod json_text;
mod machines;
mod nested;
mod page;
mod record;
mod refusal;
mod rows;
mod tags;
mod tasks;
mod validation;

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;
use trackway_engine::{Engine, Fault};

pub use nested::Nested;
pub use refusal::Code;
pub use rows::exists;

use crate::Caller;
use crate::answer::{Epoch, nothing, read, uuid, uuid_of, write};

/// The tag under which the engine knows the Amazon States Language.
pub const KIND: u8 = 1;

/// The operations that are built; any other of the service answers that it is not.
pub const OPERATIONS: &[&str] = &[
    "CreateActivity",
    "CreateStateMachine",
    "DeleteActivity",
    "DeleteStateMachine",
    "DescribeActivity",
    "DescribeExecution",
    "DescribeStateMachine",
    "DescribeStateMachineForExecution",
    "GetActivityTask",
    "GetExecutionHistory",
    "ListActivities",
    "ListExecutions",
    "ListStateMachines",
    "ListTagsForResource",
    "SendTaskFailure",
    "SendTaskHeartbeat",
    "SendTaskSuccess",
    "StartExecution",
    "StartSyncExecution",
    "StopExecution",
    "TagResource",
    "UntagResource",
    "UpdateStateMachine",
    "ValidateStateMachineDefinition",
];

/// The service.
pub(crate) struct StepFunctions {
    engine: Engine,
    definitions: machines::Definitions,
    /// Whether polls are answered at once, as the server is about to stop.
    closing: watch::Sender<bool>,
}

/// An answer: JSON text in the model's member names.
type Answer = crate::answer::Answer<Code>;

impl StepFunctions {
    pub(crate) fn new(engine: Engine) -> Self {
        let closing = watch::Sender::new(false);
        Self { engine, definitions: machines::Definitions::default(), closing }
    }

    /// Answers every poll that waits, and those to come, as if it had found nothing.
    pub(crate) fn end_polls(&self) {
        self.closing.send_replace(true);
    }

    /// Carries out one operation of [`OPERATIONS`]; `input` satisfies the model.
    pub(crate) async fn call(&self, operation: &str, caller: &Caller, input: Value) -> Answer {
        match operation {
            "CreateActivity" => self.create_activity(caller, read(input)?).await,
            "CreateStateMachine" => self.create_state_machine(caller, read(input)?).await,
            "DeleteActivity" => self.delete_activity(caller, read(input)?).await,
            "DeleteStateMachine" => self.delete_state_machine(caller, read(input)?).await,
            "DescribeActivity" => self.describe_activity(caller, read(input)?).await,
            "DescribeExecution" => self.describe_execution(caller, read(input)?).await,
            "DescribeStateMachine" => self.describe_state_machine(caller, read(input)?).await,
            "DescribeStateMachineForExecution" => {
                self.describe_state_machine_for_execution(caller, read(input)?).await
            }
            "GetActivityTask" => self.get_activity_task(caller, read(input)?).await,
            "GetExecutionHistory" => self.get_execution_history(caller, read(input)?).await,
            "ListActivities" => self.list_activities(caller, read(input)?).await,
            "ListExecutions" => self.list_executions(caller, read(input)?).await,
            "ListStateMachines" => self.list_state_machines(caller, read(input)?).await,
            "ListTagsForResource" => self.list_tags_for_resource(caller, read(input)?).await,
            "SendTaskFailure" => self.send_task_failure(read(input)?).await,
            "SendTaskHeartbeat" => self.send_task_heartbeat(read(input)?).await,
            "SendTaskSuccess" => self.send_task_success(read(input)?).await,
            "StartExecution" => self.start_execution(caller, read(input)?).await,
            "StartSyncExecution" => self.start_sync_execution(caller, read(input)?).await,
            "StopExecution" => self.stop_execution(caller, read(input)?).await,
            "TagResource" => self.tag_resource(caller, read(input)?).await,
            "UntagResource" => self.untag_resource(caller, read(input)?).await,
            "UpdateStateMachine" => self.update_state_machine(caller, read(input)?).await,
            "ValidateStateMachineDefinition" => {
                self.validate_state_machine_definition(read(input)?)
            }
            other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
        }
    }
}

/// Account and region, as the engine groups by.
fn scope(caller: &Caller) -> Arc<str> {
    Arc::clone(&caller.scope)
}
