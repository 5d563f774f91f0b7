//! Automation: executions, their steps, signals.

mod children;
mod get;
mod list;
mod parameters;
mod signal;
mod start;
mod steps;

use serde_json::Value;
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Fault, Record};
use trackway_runbook::automation::{Columns, Status};

pub use children::{Children, QUEUES};

use super::refusal::{Code, Failure, Refusal};
use super::{AUTOMATION_KIND, Answer, Group, Ssm};
use crate::Caller;
use crate::answer::read;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "DescribeAutomationExecutions",
        "DescribeAutomationStepExecutions",
        "GetAutomationExecution",
        "SendAutomationSignal",
        "StartAutomationExecution",
        "StopAutomationExecution",
    ],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(ssm: &Ssm, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DescribeAutomationExecutions" => ssm.describe_executions(caller, read(input)?).await,
        "DescribeAutomationStepExecutions" => ssm.describe_steps(caller, read(input)?).await,
        "GetAutomationExecution" => ssm.get_execution(caller, read(input)?).await,
        "SendAutomationSignal" => ssm.send_signal(caller, read(input)?).await,
        "StartAutomationExecution" => ssm.start_automation(caller, read(input)?).await,
        "StopAutomationExecution" => ssm.stop_automation(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// The ARN of an execution in the caller's account and region.
fn arn(caller: &Caller, id: &str) -> String {
    format!("arn:aws:ssm:{}:{}:automation-execution/{id}", caller.region, caller.account)
}

fn identity(caller: &Caller, id: &str) -> ExecutionId {
    ExecutionId::of(&arn(caller, id))
}

fn not_found(id: &str) -> Refusal {
    let message = format!("Automation execution with ID {id} does not exist.");
    Refusal::new(Code::AutomationExecutionNotFoundException, message)
}

/// The columns of an execution's summary.
fn columns(bytes: &[u8], id: &str) -> Result<Columns, Fault> {
    Columns::decode(bytes)
        .ok_or_else(|| Fault::new(format!("could not read the summary of the automation {id}")))
}

fn status(number: u8) -> Status {
    Status::from_number(number).unwrap_or_default()
}

impl Ssm {
    /// The record of an execution of the caller's.
    async fn execution(&self, caller: &Caller, id: &str) -> Result<Record, Failure> {
        let record = self.engine.record(identity(caller, id)).await?;
        let record = record.filter(|record| record.kind == AUTOMATION_KIND);
        Ok(record.ok_or_else(|| not_found(id))?)
    }
}

/// A moment that a filter names, in milliseconds since 1970.
fn moment(text: &str) -> Result<i64, Refusal> {
    super::moment::read(text).map(Timestamp::as_millis).ok_or_else(|| {
        let message =
            format!("The filter value {text} is not a timestamp such as 2026-01-31T12:00:00Z.");
        Refusal::new(Code::InvalidFilterValue, message)
    })
}

/// Statuses that the API knows and no execution has here: those of Change Manager.
const OTHER_STATUSES: [&str; 11] = [
    "Approved",
    "ChangeCalendarOverrideApproved",
    "ChangeCalendarOverrideRejected",
    "CompletedWithFailure",
    "CompletedWithSuccess",
    "Exited",
    "PendingApproval",
    "PendingChangeCalendarOverride",
    "Rejected",
    "RunbookInProgress",
    "Scheduled",
];

/// The status that a filter names; none for one that nothing has here.
fn status_named(text: &str) -> Result<Option<Status>, Refusal> {
    match Status::from_name(text) {
        None if !OTHER_STATUSES.contains(&text) => {
            let message = format!("The filter value {text} is not a status.");
            Err(Refusal::new(Code::InvalidFilterValue, message))
        }
        found => Ok(found),
    }
}
