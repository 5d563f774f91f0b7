//! What a Task asks of a performer: the request of each `Command::Run`, by its queue.
//!
//! | queue | request | outcomes |
//! |---|---|---|
//! | [`LAMBDA`] | [`FunctionCall`] | the result, or how it failed |
//! | [`STATES`] | [`StartCall`] | StartExecution's response |
//! | [`SERVICE`] | [`ServiceCall`] | the response |
//! | `activity/ARN` | the input itself | through signals: a worker polls for it |
//!
//! A task that waits for a job's end or for a token's answer has two effects: the call, and the
//! `answer`, which nobody performs. The call's outcome is its response. The answer comes as the
//! child's [`crate::Report`] (the call starts the child with a reply to `answer`), as an outcome of
//! the answer, or as a signal that bears its token. The two may come in either order.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use trackway_core::EffectId;

use crate::definition::Pattern;

/// Queue of Lambda functions.
pub const LAMBDA: &str = "lambda";
/// Queue of `states:startExecution`.
pub const STATES: &str = "states";
/// Queue of every other service integration.
pub const SERVICE: &str = "service";
/// Queue of answers: nobody performs them, they are held from the start.
pub const ANSWER: &str = "answer";
/// The same, for those that a child execution answers: a skipping clock needn't wait for the world.
pub const ANSWER_CHILD: &str = "answer/child";
/// What the queue of an activity begins with; its ARN follows.
pub const ACTIVITY: &str = "activity/";

/// The queue that workers of an activity poll.
#[must_use]
pub fn activity_queue(arn: &str) -> String {
    format!("{ACTIVITY}{arn}")
}

/// Invokes a function.
#[derive(Debug, Serialize, Deserialize)]
pub struct FunctionCall {
    /// What the result looks like.
    pub style: Style,
    /// Name or ARN.
    pub function: String,
    /// The event, JSON text.
    pub payload: Box<RawValue>,
    /// `Qualifier`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualifier: Option<String>,
    /// `ClientContext`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_context: Option<String>,
    /// `InvocationType`; `RequestResponse` if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invocation_type: Option<String>,
    /// `LogType`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_type: Option<String>,
    /// The role to call with, if it is not the execution's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// After how long nobody waits any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
}

/// What the result of a function call looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// `Resource` is the function's ARN: what the function returned.
    Arn,
    /// `Resource` is `lambda:invoke`: Invoke's response with the function's result in `Payload`.
    Invoke,
}

/// Starts another execution.
#[derive(Debug, Serialize, Deserialize)]
pub struct StartCall {
    /// `StateMachineArn`.
    pub state_machine_arn: String,
    /// `Name`; a random one if it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Input`, JSON text; `{}` if it is absent or null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<String>,
    /// `TraceHeader`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_header: Option<String>,
    /// What it waits for.
    pub pattern: CallPattern,
    /// The effect that the job's end answers, where the task waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<EffectId>,
    /// The role to call with, if it is not the execution's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

/// Calls any other service.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServiceCall {
    /// History's `resourceType`: `sqs`, `aws-sdk:dynamodb`.
    pub service: String,
    /// History's `resource`, pattern included: `sendMessage.waitForTaskToken`.
    pub action: String,
    /// What it waits for.
    pub pattern: CallPattern,
    /// The effect that the job's end answers, where the task waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<EffectId>,
    /// The parameters, a JSON object.
    pub parameters: Box<RawValue>,
    /// The role to call with, if it is not the execution's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallPattern {
    /// The response.
    #[serde(rename = "request-response")]
    RequestResponse,
    /// The job's end.
    #[serde(rename = "sync")]
    Sync,
    /// The job's end, its output as JSON.
    #[serde(rename = "sync:2")]
    Sync2,
    /// The token's answer.
    #[serde(rename = "token")]
    WaitForTaskToken,
}

impl From<Pattern> for CallPattern {
    fn from(pattern: Pattern) -> Self {
        match pattern {
            Pattern::RequestResponse => Self::RequestResponse,
            Pattern::Sync => Self::Sync,
            Pattern::Sync2 => Self::Sync2,
            Pattern::WaitForTaskToken => Self::WaitForTaskToken,
        }
    }
}
