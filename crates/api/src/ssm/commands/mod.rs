//! Run Command: commands, invocations, cancelling.

mod child;
pub(super) mod document;
mod invocation;
mod list;
mod send;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_command::request::{Request, arn};
use trackway_command::{Columns, CommandRun, CommandStatus, Signal, view};
use trackway_core::{ExecutionId, Summary, Timestamp};
use trackway_engine::{Fault, Record, SignalError};

pub use child::Commands;

use super::refusal::{Code, Failure, Refusal};
use super::{Answer, COMMAND_KIND, Group, Ssm};
use crate::Caller;
use crate::answer::{Epoch, nothing, read};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "CancelCommand",
        "GetCommandInvocation",
        "ListCommandInvocations",
        "ListCommands",
        "SendCommand",
    ],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(ssm: &Ssm, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "CancelCommand" => ssm.cancel_command(caller, read(input)?).await,
        "GetCommandInvocation" => ssm.get_command_invocation(caller, read(input)?).await,
        "ListCommandInvocations" => ssm.list_command_invocations(caller, read(input)?).await,
        "ListCommands" => ssm.list_commands(caller, read(input)?).await,
        "SendCommand" => ssm.send_command(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// A command as the API has it. What is empty is there all the same, as AWS has it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Command {
    command_id: String,
    document_name: String,
    document_version: String,
    comment: String,
    expires_after: Epoch,
    parameters: Map<String, Value>,
    instance_ids: Vec<String>,
    targets: Vec<Value>,
    requested_date_time: Epoch,
    status: &'static str,
    status_details: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    output_s3_region: String,
    #[serde(rename = "OutputS3BucketName")]
    output_s3_bucket_name: String,
    #[serde(rename = "OutputS3KeyPrefix")]
    output_s3_key_prefix: String,
    max_concurrency: String,
    max_errors: String,
    target_count: u32,
    completed_count: u32,
    error_count: u32,
    delivery_timed_out_count: u32,
    service_role: String,
    notification_config: Value,
    cloud_watch_output_config: Value,
    timeout_seconds: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm_configuration: Option<Value>,
    triggered_alarms: Vec<Value>,
}

/// `NotificationConfig` of a command that has none.
fn notification_config(request: &Request) -> Value {
    let none = || json!({"NotificationArn": "", "NotificationEvents": [], "NotificationType": ""});
    request.notification_config.clone().unwrap_or_else(none)
}

/// `CloudWatchOutputConfig` of a command that has none.
fn cloud_watch_output_config(request: &Request) -> Value {
    let none = || json!({"CloudWatchLogGroupName": "", "CloudWatchOutputEnabled": false});
    request.cloud_watch_output_config.clone().unwrap_or_else(none)
}

/// A command from what lists know of it and what was asked for.
fn shown(summary: &Summary, request: Request) -> Command {
    let columns = Columns::decode(&summary.columns).unwrap_or_default();
    let (details, counts) = (columns.details, columns.counts);
    let seconds = request.timeout_seconds.saturating_add(request.execution_timeout_seconds);
    Command {
        expires_after: Epoch(summary.started.plus_seconds(seconds)),
        requested_date_time: Epoch(summary.started),
        status: details.status().name(),
        status_details: details.name(),
        target_count: counts.targets,
        completed_count: counts.completed,
        error_count: counts.errors,
        delivery_timed_out_count: counts.delivery_timed_out,
        notification_config: notification_config(&request),
        cloud_watch_output_config: cloud_watch_output_config(&request),
        command_id: request.command_id,
        document_name: request.document_name,
        document_version: request.document_version,
        comment: request.comment,
        parameters: request.parameters,
        instance_ids: request.instance_ids,
        targets: request.targets,
        output_s3_region: request.output_s3_region,
        output_s3_bucket_name: request.output_s3_bucket_name,
        output_s3_key_prefix: request.output_s3_key_prefix,
        max_concurrency: request.max_concurrency,
        max_errors: request.max_errors,
        service_role: request.service_role,
        timeout_seconds: request.timeout_seconds,
        alarm_configuration: request.alarm_configuration,
        triggered_alarms: Vec::new(),
    }
}

/// The identity of a caller's command.
fn id_of(caller: &Caller, command_id: &str) -> ExecutionId {
    ExecutionId::of(&arn(&caller.account, &caller.region, command_id))
}

/// Whether a text has the form of a UUID.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn check_command_id(command_id: &str) -> Result<(), Refusal> {
    // Not every id of an old command is a UUID of version 4, but every one has its form.
    if is_uuid(command_id) { Ok(()) } else { Err(Refusal::bare(Code::InvalidCommandId)) }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CancelCommand {
    command_id: String,
    #[serde(default)]
    instance_ids: Vec<String>,
}

impl Ssm {
    /// What is known of a command; none if there is no such.
    async fn command(
        &self,
        caller: &Caller,
        command_id: &str,
    ) -> Result<Option<(Record, Request)>, Fault> {
        let id = id_of(caller, command_id);
        let Some(record) = self.engine.record(id).await? else { return Ok(None) };
        if record.kind != COMMAND_KIND {
            return Ok(None);
        }
        Ok(Some((record, self.request_of(id).await?)))
    }

    /// What was asked for.
    async fn request_of(&self, id: ExecutionId) -> Result<Request, Fault> {
        let row = self.engine.row(id, view::REQUEST, b"").await?;
        let row = row.ok_or_else(|| Fault::new(format!("command {id} has no request")))?;
        serde_json::from_slice(&row)
            .map_err(|error| Fault::new(format!("could not read the request of {id}: {error}")))
    }

    async fn cancel_command(&self, caller: &Caller, request: CancelCommand) -> Answer {
        check_command_id(&request.command_id)?;
        send::check_doubles(&request.instance_ids)?;
        let (id, nodes) = (id_of(caller, &request.command_id), request.instance_ids);
        for node in &nodes {
            if self.engine.row(id, view::INVOCATIONS, node.as_bytes()).await?.is_none() {
                // The command may be unknown as well: that is said below.
                if self.engine.record(id).await?.is_some() {
                    return Err(self.no_such_instances(caller, &nodes).into());
                }
            }
        }
        let nodes = Some(nodes).filter(|nodes| !nodes.is_empty());
        match self.engine.signal::<CommandRun>(id, Signal::Cancel { nodes }).await {
            // One that has ended can't be cancelled any more, which is no error.
            Ok(()) | Err(SignalError::Closed | SignalError::Refused(_)) => nothing(),
            Err(SignalError::NotFound) => Err(Refusal::bare(Code::InvalidCommandId).into()),
            Err(SignalError::Fault(fault)) => Err(fault.into()),
        }
    }
}

/// A moment that a filter names.
fn moment(text: &str) -> Result<Timestamp, Failure> {
    super::moment::read(text).ok_or_else(|| {
        let message =
            format!("The filter value {text:?} is not a time such as 2026-01-31T00:00:00Z.");
        super::refusal::invalid(message).into()
    })
}

/// The scope as the engine groups by.
fn scope(caller: &Caller) -> Arc<str> {
    Arc::clone(&caller.scope)
}

/// The coarse status of this name, if it is one.
fn status_of(name: &str) -> Option<CommandStatus> {
    CommandStatus::ALL.into_iter().find(|status| status.name() == name)
}
