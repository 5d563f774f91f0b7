//! What an execution leaves behind for whoever waits for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trackway_core::{Payload, Timestamp};

use crate::event::Failure;
use crate::state::{Execution, Status};

/// What the attributes of a start end with if the report is to be JSON text: the members of
/// DescribeExecution.
pub const JSON_REPORT: &[u8] = b"\0json report";

/// The end of an execution: what `Command::Close` carries to a parent's `.sync` task and to
/// StartSyncExecution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The execution's ARN.
    pub arn: String,
    /// The state machine's ARN.
    pub definition_arn: String,
    /// The execution's name.
    pub name: String,
    /// The number of its [`Status`].
    pub status: u8,
    /// Its input.
    pub input: Payload,
    /// Its output, if it succeeded.
    pub output: Option<Payload>,
    /// Why it did not.
    pub failure: Failure,
    /// When it started.
    pub started: Timestamp,
    /// When it closed.
    pub stopped: Timestamp,
}

impl Report {
    /// The report on an execution that has closed.
    #[must_use]
    pub fn of(execution: &Execution) -> Self {
        let started = execution.started();
        Self {
            arn: started.arn.clone(),
            definition_arn: started.definition_arn.clone(),
            name: started.name.clone(),
            status: execution.status() as u8,
            input: execution.input().clone(),
            output: execution.output().cloned(),
            failure: execution.failure().clone(),
            started: execution.started_at(),
            stopped: execution.closed_at().unwrap_or_default(),
        }
    }

    /// Its bytes, for `Command::Close`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads what [`Self::encode`] wrote; none if it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// What DescribeExecution says of it, moments as ISO 8601 text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value: &str| {
            members.insert(name.to_owned(), Value::from(value));
        };
        put("executionArn", &self.arn);
        put("stateMachineArn", &self.definition_arn);
        put("name", &self.name);
        put("status", self.status().name());
        for (name, at) in [("startDate", self.started), ("stopDate", self.stopped)] {
            let moment = jiff::Timestamp::from_millisecond(at.as_millis());
            put(name, &moment.map(|moment| moment.to_string()).unwrap_or_default());
        }
        put("input", &self.input);
        self.output.iter().for_each(|output| put("output", output));
        self.failure.error.iter().for_each(|error| put("error", error));
        self.failure.cause.iter().for_each(|cause| put("cause", cause));
        Value::Object(members)
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> Status {
        Status::from_number(self.status).unwrap_or_default()
    }

    /// The result of a `.sync` task, or the cause of its failure: what DescribeExecution would say,
    /// in the task's spelling. `.sync:2` shows input and output as JSON instead of text.
    #[must_use]
    pub fn describe(&self, as_json: AsJson) -> Value {
        let mut members = Map::new();
        let text = |payload: &Payload| match as_json {
            AsJson::Yes => serde_json::from_str(payload).unwrap_or(Value::Null),
            AsJson::No => Value::from(payload.as_str()),
        };
        let included = || serde_json::json!({"Included": true});
        if let Some(cause) = &self.failure.cause {
            members.insert("Cause".to_owned(), Value::from(cause.as_str()));
        }
        if let Some(error) = &self.failure.error {
            members.insert("Error".to_owned(), Value::from(error.as_str()));
        }
        members.insert("ExecutionArn".to_owned(), Value::from(self.arn.as_str()));
        members.insert("Input".to_owned(), text(&self.input));
        members.insert("InputDetails".to_owned(), included());
        members.insert("Name".to_owned(), Value::from(self.name.as_str()));
        if let Some(output) = &self.output {
            members.insert("Output".to_owned(), text(output));
            members.insert("OutputDetails".to_owned(), included());
        }
        self.describe_redrive(&mut members);
        members.insert("StartDate".to_owned(), Value::from(self.started.as_millis()));
        members.insert("StateMachineArn".to_owned(), Value::from(self.definition_arn.as_str()));
        members.insert("Status".to_owned(), Value::from(self.status().name()));
        members.insert("StopDate".to_owned(), Value::from(self.stopped.as_millis()));
        Value::Object(members)
    }

    fn describe_redrive(&self, members: &mut Map<String, Value>) {
        members.insert("RedriveCount".to_owned(), Value::from(0));
        if self.status() == Status::Succeeded {
            let reason = "Execution is SUCCEEDED and cannot be redriven";
            members.insert("RedriveStatus".to_owned(), Value::from("NOT_REDRIVABLE"));
            members.insert("RedriveStatusReason".to_owned(), Value::from(reason));
        } else {
            members.insert("RedriveStatus".to_owned(), Value::from("REDRIVABLE"));
        }
    }
}

/// Whether a child's input and output are shown as JSON or as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsJson {
    /// `.sync:2`.
    Yes,
    /// `.sync`.
    No,
}
