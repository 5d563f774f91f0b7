//! Answers to task tokens: success, failure, heartbeat.

use serde::Deserialize;
use trackway_asl::{Execution, Failure as Why, Refusal as Refused, Signal};
use trackway_core::{EffectId, ExecutionId, Payload};
use trackway_engine::SignalError;

use super::refusal::{Code, Failure, Refusal};
use super::{Answer, StepFunctions, json_text, nothing, page};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendTaskSuccess {
    task_token: String,
    output: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendTaskFailure {
    task_token: String,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendTaskHeartbeat {
    task_token: String,
}

impl StepFunctions {
    pub(super) async fn send_task_success(&self, request: SendTaskSuccess) -> Answer {
        json_text::check_size(&request.output, "output")?;
        json_text::check(&request.output, "Invalid output.")
            .map_err(|why| Refusal::new(Code::InvalidOutput, format!("Invalid Output: '{why}'")))?;
        self.answer_task(&request.task_token, |effect| Signal::TaskSucceeded {
            effect,
            output: Payload::new(request.output),
        })
        .await
    }

    pub(super) async fn send_task_failure(&self, request: SendTaskFailure) -> Answer {
        self.answer_task(&request.task_token, |effect| Signal::TaskFailed {
            effect,
            failure: Why { error: request.error, cause: request.cause },
        })
        .await
    }

    pub(super) async fn send_task_heartbeat(&self, request: SendTaskHeartbeat) -> Answer {
        self.answer_task(&request.task_token, |effect| Signal::Heartbeat { effect }).await
    }

    async fn answer_task(&self, token: &str, signal: impl FnOnce(EffectId) -> Signal) -> Answer {
        let (execution, effect): (ExecutionId, EffectId) =
            self.engine.tokens().resolve(token).ok_or_else(page::invalid_token)?;
        match self.engine.signal::<Execution>(execution, signal(effect)).await {
            Ok(()) => nothing(),
            Err(error) => Err(task_failure(error)),
        }
    }
}

fn task_failure(error: SignalError<Refused>) -> Failure {
    let refusal = match error {
        SignalError::Fault(fault) => return fault.into(),
        // The token is ours, so the task was; it has ended, or its execution has been dropped.
        SignalError::NotFound | SignalError::Closed | SignalError::Refused(_) => Refusal::new(
            Code::TaskTimedOut,
            "Task Timed Out: 'Provided task does not exist anymore'",
        ),
    };
    refusal.into()
}
