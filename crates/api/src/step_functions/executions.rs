//! Executions: start, start and wait, describe, list, stop.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use trackway_asl::{Execution, Failure as Why, Report, Signal, Status};
use trackway_core::{EffectId, ExecutionId, Payload, Start, Summary, Timestamp};
use trackway_engine::{
    Durability, Fault, ListQuery, ListRow, Record, SignalError, StartError, StartRequest, Started,
    Waited,
};

use super::arn::{self, Arn, Resource};
use super::record::{self, MachineType, StateMachine};
use super::refusal::{Code, Failure, Refusal};
use super::{Answer, Epoch, KIND, StepFunctions, json_text, page, scope, uuid, write};
use crate::Caller;
use crate::page::{read_cursor, write_cursor};

/// How many executions of a deleted state machine are ended side by side.
const ABORTS_AT_ONCE: usize = 256;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartExecution {
    pub(super) state_machine_arn: String,
    pub(super) name: Option<String>,
    #[serde(default = "no_input")]
    pub(super) input: String,
    pub(super) included_data: Option<String>,
}

fn no_input() -> String {
    "{}".to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeExecution {
    execution_arn: String,
    included_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StopExecution {
    execution_arn: String,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListExecutions {
    state_machine_arn: Option<String>,
    map_run_arn: Option<String>,
    status_filter: Option<String>,
    redrive_filter: Option<String>,
    #[serde(flatten)]
    page: page::Request,
}

/// What a start pins of the state machine beside its definition, for
/// DescribeStateMachineForExecution.
#[derive(Serialize, Deserialize)]
pub(super) struct StartedWith {
    pub(super) updated: Timestamp,
    pub(super) revision_id: Option<String>,
    /// The task that started it, if one did: that task finds it again after a crash.
    pub(super) by: Option<StartedBy>,
}

/// A task of another execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StartedBy {
    pub(super) execution: ExecutionId,
    pub(super) effect: EffectId,
}

impl StartedWith {
    pub(super) fn decode(attributes: &[u8]) -> Result<Self, Fault> {
        record::decode(attributes)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StartedAnswer<'a> {
    execution_arn: &'a str,
    start_date: Epoch,
}

#[derive(Serialize)]
struct Included {
    included: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    execution_arn: &'a str,
    state_machine_arn: &'a str,
    name: &'a str,
    status: &'static str,
    start_date: Epoch,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_details: Option<Included>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_details: Option<Included>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    redrive: Option<Redrive>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    billing: Option<Billing>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Redrive {
    redrive_count: u32,
    redrive_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    redrive_status_reason: Option<String>,
}

/// Express workflows are billed by 64 MB and 100 ms.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Billing {
    billing_details: BillingDetails,
}

#[derive(Serialize)]
struct BillingDetails {
    #[serde(rename = "billedMemoryUsedInMB")]
    billed_memory_used_in_mb: u64,
    #[serde(rename = "billedDurationInMilliseconds")]
    billed_duration_in_milliseconds: u64,
}

impl StepFunctions {
    pub(super) async fn start_execution(&self, caller: &Caller, request: StartExecution) -> Answer {
        let machine = self.machine_by_arn(caller, &request.state_machine_arn).await?;
        let start = self.start_request(caller, machine, request, None).await?;
        let arn = start.start.arn.clone();
        match self.engine.start(start).await.map_err(start_failure)? {
            Started::New { summary } => {
                write(&StartedAnswer { execution_arn: &arn, start_date: Epoch(summary.started) })
            }
            Started::Existing { record, same_input } if same_input && !record.closed => {
                write(&StartedAnswer {
                    execution_arn: &arn,
                    start_date: Epoch(record.summary.started),
                })
            }
            Started::Existing { .. } => Err(already_exists(&arn).into()),
        }
    }

    pub(super) async fn start_sync_execution(
        &self,
        caller: &Caller,
        request: StartExecution,
    ) -> Answer {
        let machine = self.machine_by_arn(caller, &request.state_machine_arn).await?;
        if machine.machine_type != MachineType::Express {
            return Err(type_not_supported().into());
        }
        let metadata_only = request.included_data.as_deref() == Some("METADATA_ONLY");
        let start = self.start_request(caller, machine, request, None).await?;
        let (arn, machine_arn) = (start.start.arn.clone(), start.start.definition_arn.clone());
        let name = start.start.name.clone();
        let ended = match self.engine.start_and_wait(start).await.map_err(start_failure)? {
            Waited::Ended(ended) => ended,
            Waited::Existing { .. } => return Err(already_exists(&arn).into()),
        };
        let report = Report::decode(&ended.report)
            .ok_or_else(|| Fault::new(format!("could not read the report of {arn}")))?;
        let (started, stopped) = (ended.summary.started, ended.summary.closed.unwrap_or_default());
        let duration = u64::try_from(stopped - started).unwrap_or(0).max(1).div_ceil(100) * 100;
        let output = report.output.as_ref().map(Payload::as_str);
        write(&Description {
            execution_arn: &arn,
            state_machine_arn: &machine_arn,
            name: &name,
            status: status_name(&ended.summary),
            start_date: Epoch(started),
            stop_date: Some(Epoch(stopped)),
            input: (!metadata_only).then_some(report.input.as_str()),
            input_details: Some(Included { included: !metadata_only }),
            output: output.filter(|_| !metadata_only),
            // Also where there is no output, as AWS has it.
            output_details: Some(Included { included: !metadata_only }),
            error: report.failure.error.as_deref(),
            cause: report.failure.cause.as_deref(),
            redrive: None,
            billing: Some(Billing {
                billing_details: BillingDetails {
                    billed_memory_used_in_mb: 64,
                    billed_duration_in_milliseconds: duration,
                },
            }),
        })
    }

    /// Checks a start and words it for the engine.
    pub(super) async fn start_request(
        &self,
        caller: &Caller,
        machine: StateMachine,
        request: StartExecution,
        by: Option<StartedBy>,
    ) -> Result<StartRequest, Failure> {
        json_text::check_size(&request.input, "input")?;
        json_text::check(&request.input, "Invalid execution input.").map_err(|why| {
            Refusal::new(
                Code::InvalidExecutionInput,
                format!("Invalid State Machine Execution Input: '{why}'"),
            )
        })?;
        let name = match request.name {
            Some(name) => {
                arn::check_name(&name)?;
                name
            }
            None => uuid()?,
        };
        let (arn, durability) = match machine.machine_type {
            MachineType::Standard => {
                (arn::execution(caller, &machine.name, &name), Durability::Durable)
            }
            MachineType::Express => {
                (arn::express(caller, &machine.name, &name, &uuid()?), Durability::Volatile)
            }
        };
        let attributes = record::encode(&StartedWith {
            updated: machine.updated,
            revision_id: machine.revision_id,
            by,
        })?;
        Ok(StartRequest {
            kind: KIND,
            scope: scope(caller),
            parent: Arc::from(machine.arn.as_str()),
            definition: self.definition(caller, &machine.definition_hash).await?,
            start: Start {
                arn,
                definition_arn: machine.arn,
                name,
                role_arn: machine.role_arn,
                input: Payload::new(request.input),
                attributes,
            },
            reply_to: None,
            durability,
        })
    }

    pub(super) async fn describe_execution(
        &self,
        caller: &Caller,
        request: DescribeExecution,
    ) -> Answer {
        let record = self.execution_record(caller, &request.execution_arn).await?;
        let ends = self.ends_of(&record).await?;
        let metadata_only = request.included_data.as_deref() == Some("METADATA_ONLY");
        let output = ends.output.as_ref().map(Payload::as_str);
        write(&Description {
            execution_arn: &record.arn,
            state_machine_arn: &record.definition_arn,
            name: &record.name,
            status: status_name(&record.summary),
            start_date: Epoch(record.summary.started),
            stop_date: record.summary.closed.map(Epoch),
            input: ends.input.as_ref().filter(|_| !metadata_only).map(Payload::as_str),
            input_details: Some(Included { included: !metadata_only }),
            output: output.filter(|_| !metadata_only),
            output_details: output.map(|_| Included { included: !metadata_only }),
            error: ends.error.as_deref(),
            cause: ends.cause.as_deref(),
            redrive: Some(redrive(&record.summary)),
            billing: None,
        })
    }

    pub(super) async fn list_executions(&self, caller: &Caller, request: ListExecutions) -> Answer {
        let machine_arn = match (&request.state_machine_arn, &request.map_run_arn) {
            (Some(arn), None) => arn,
            (None, Some(arn)) => {
                return Err(Refusal::new(
                    Code::ResourceNotFound,
                    format!("Resource not found: '{arn}'"),
                )
                .about(arn)
                .into());
            }
            _ => {
                return Err(Refusal::new(
                    Code::ValidationException,
                    "Must provide a value for either stateMachineArn or mapRunArn, but not both.",
                )
                .into());
            }
        };
        if request.redrive_filter.is_some() {
            return Err(Refusal::new(
                Code::ValidationException,
                "The redriveFilter parameter is not supported by this version of Trackway.",
            )
            .into());
        }
        let machine = self.machine_by_arn(caller, machine_arn).await?;
        if machine.machine_type == MachineType::Express {
            return Err(type_not_supported().into());
        }
        let status = request.status_filter.as_deref();
        let bound = ["ListExecutions", machine_arn, status.unwrap_or_default()];
        let after = match &request.page.next_token {
            Some(token) => {
                let place = self.unseal(caller, &bound, token)?;
                Some(read_cursor(&place).ok_or_else(page::invalid_token)?)
            }
            None => None,
        };
        let status = match status.map(status_number) {
            // Nothing is redriven here, so nothing is pending it.
            Some(None) => return write(&Listed { executions: Vec::new(), next_token: None }),
            Some(Some(status)) => Some(status),
            None => None,
        };
        let query = ListQuery {
            kind: KIND,
            scope: caller.scope.to_string(),
            parent: machine.arn,
            status,
            after,
            limit: request.page.limit(),
        };
        let page = self.engine.list(&query).await?;
        let next_token = page.next.map(|next| self.seal(caller, &bound, &write_cursor(next)));
        write(&Listed { executions: page.rows.iter().map(listed).collect(), next_token })
    }

    pub(super) async fn stop_execution(&self, caller: &Caller, request: StopExecution) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Stopped {
            stop_date: Epoch,
        }
        let id = execution_id(caller, &request.execution_arn)?;
        let signal = Signal::Stop(Why { error: request.error, cause: request.cause });
        match self.engine.signal::<Execution>(id, signal).await {
            // Stopping what has ended answers with the moment of its end, as AWS does.
            Ok(()) | Err(SignalError::Closed | SignalError::Refused(_)) => {}
            Err(SignalError::NotFound) => {
                return Err(no_such_execution(&request.execution_arn).into());
            }
            Err(SignalError::Fault(fault)) => return Err(fault.into()),
        }
        let record = self.execution_record(caller, &request.execution_arn).await?;
        write(&Stopped { stop_date: Epoch(record.summary.closed.unwrap_or(self.engine.now())) })
    }

    /// Ends what a deleted state machine still runs, as AWS does. Nothing new can start meanwhile:
    /// the machine is gone.
    pub(super) async fn abort_running(
        &self,
        caller: &Caller,
        machine_arn: &str,
    ) -> Result<(), Failure> {
        let mut query = ListQuery {
            kind: KIND,
            scope: caller.scope.to_string(),
            parent: machine_arn.to_owned(),
            status: Some(Status::Running as u8),
            after: None,
            limit: ABORTS_AT_ONCE,
        };
        loop {
            let page = self.engine.list(&query).await?;
            let mut aborts = JoinSet::new();
            for row in page.rows {
                let engine = self.engine.clone();
                aborts.spawn(async move {
                    engine.signal::<Execution>(row.id, Signal::Stop(Why::default())).await
                });
            }
            while let Some(aborted) = aborts.join_next().await {
                // One that ended by itself meanwhile is as good.
                if let Ok(Err(SignalError::Fault(fault))) = aborted {
                    return Err(fault.into());
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// The record of a standard execution that an ARN names.
    pub(super) async fn execution_record(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<Record, Failure> {
        let id = execution_id(caller, text)?;
        match self.engine.record(id).await? {
            Some(record) if record.kind == KIND => Ok(record),
            _ => Err(no_such_execution(text).into()),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    executions: Vec<ListedExecution<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ListedExecution<'a> {
    execution_arn: &'a str,
    state_machine_arn: &'a str,
    name: &'a str,
    status: &'static str,
    start_date: Epoch,
    #[serde(skip_serializing_if = "Option::is_none")]
    stop_date: Option<Epoch>,
    redrive_count: u32,
}

fn listed(row: &ListRow) -> ListedExecution<'_> {
    ListedExecution {
        execution_arn: &row.arn,
        state_machine_arn: &row.definition_arn,
        name: &row.name,
        status: status_name(&row.summary),
        start_date: Epoch(row.summary.started),
        stop_date: row.summary.closed.map(Epoch),
        redrive_count: 0,
    }
}

/// The identity of a standard execution.
pub(super) fn execution_id(caller: &Caller, text: &str) -> Result<ExecutionId, Refusal> {
    let parsed = Arn::parse(text)?;
    match parsed.resource {
        Resource::Execution { .. } if parsed.is_of(caller) => Ok(ExecutionId::of(text)),
        Resource::Execution { .. } => Err(no_such_execution(text)),
        _ => Err(parsed.not_here()),
    }
}

fn no_such_execution(arn: &str) -> Refusal {
    Refusal::new(Code::ExecutionDoesNotExist, format!("Execution Does Not Exist: '{arn}'"))
}

fn already_exists(arn: &str) -> Refusal {
    Refusal::new(Code::ExecutionAlreadyExists, format!("Execution Already Exists: '{arn}'"))
}

fn type_not_supported() -> Refusal {
    Refusal::new(
        Code::StateMachineTypeNotSupported,
        "This operation is not supported by this type of state machine",
    )
}

fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Fault(fault) => Failure::Fault(fault),
        other => Failure::Fault(Fault::new(other.to_string())),
    }
}

fn status_name(summary: &Summary) -> &'static str {
    Status::from_number(summary.status).map_or("RUNNING", Status::name)
}

/// The number of a status; none for one that no execution has here.
fn status_number(name: &str) -> Option<u8> {
    [Status::Running, Status::Succeeded, Status::Failed, Status::TimedOut, Status::Aborted]
        .into_iter()
        .find(|status| status.name() == name)
        .map(|status| status as u8)
}

fn redrive(summary: &Summary) -> Redrive {
    let status = status_name(summary);
    match status {
        "FAILED" | "TIMED_OUT" | "ABORTED" => {
            Redrive { redrive_count: 0, redrive_status: "REDRIVABLE", redrive_status_reason: None }
        }
        _ => Redrive {
            redrive_count: 0,
            redrive_status: "NOT_REDRIVABLE",
            redrive_status_reason: Some(format!("Execution is {status} and cannot be redriven")),
        },
    }
}
