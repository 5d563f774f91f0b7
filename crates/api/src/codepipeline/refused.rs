//! What the machine refuses, in AWS's words.

use trackway_pipeline::signal::Refusal as Why;

use super::entity;
use super::refusal::{Code, Refusal, invalid};
use crate::Caller;

/// What a signal was about.
#[derive(Clone, Copy, Default)]
pub(super) struct About<'a> {
    /// The pipeline's name.
    pub(super) pipeline: &'a str,
    /// The stage, if one is named.
    pub(super) stage: &'a str,
    /// The action, if one is named.
    pub(super) action: &'a str,
    /// The execution, or the job, if one is named.
    pub(super) id: &'a str,
}

impl<'a> About<'a> {
    /// An execution in a stage.
    pub(super) fn in_stage(pipeline: &'a str, stage: &'a str, id: &'a str) -> Self {
        Self { pipeline, stage, id, ..Self::default() }
    }
}

/// The error of a signal that the machine refused. Which error an operation has for an execution
/// that is not there any more is its own business.
///
/// Source of the messages: the documentation of each error.
pub(super) fn refused(why: &Why, caller: &Caller, about: About<'_>) -> Refusal {
    let About { pipeline, stage, action, id } = about;
    match why {
        Why::Deleted => entity::not_found(caller, pipeline),
        Why::StageNotFound => Refusal::new(
            Code::StageNotFoundException,
            format!("Pipeline '{pipeline}' does not have a stage with name '{stage}'"),
        ),
        Why::ActionNotFound => Refusal::new(
            Code::ActionNotFoundException,
            format!(
                "Stage '{stage}' of pipeline '{pipeline}' does not have an action with name '{action}'"
            ),
        ),
        Why::ExecutionNotFound => execution_not_found(pipeline, id),
        Why::NotStoppable => not_stoppable(),
        Why::DuplicatedStop => Refusal::new(
            Code::DuplicatedStopRequestException,
            "The pipeline execution is already in a Stopping state. If you already chose to stop and wait, you cannot make that request again. You can choose to stop and abandon now, but be aware that this option can lead to failed tasks or out of sequence tasks. If you already chose to stop and abandon, you cannot make that request again.",
        ),
        Why::NotRetryable(why) => not_retryable(why),
        Why::NotLatest => not_latest(),
        Why::Conflict | Why::Stale => Refusal::new(
            Code::ConflictException,
            "Your request cannot be handled because the pipeline is busy handling ongoing activities. Try again later.",
        ),
        Why::TooManyExecutions => Refusal::new(
            Code::ConcurrentPipelineExecutionsLimitExceededException,
            "The pipeline has reached the limit for concurrent pipeline executions.",
        ),
        Why::Outdated => Refusal::new(
            Code::PipelineExecutionOutdatedException,
            "The specified pipeline execution is outdated and cannot be used as a target pipeline execution for rollback.",
        ),
        Why::UnableToRollback(why) => Refusal::new(
            Code::UnableToRollbackStageException,
            with(
                "Unable to roll back the stage. The cause might be if the pipeline version has changed since the target pipeline execution was deployed, the stage is currently running, or if an incorrect target pipeline execution ID was provided.",
                why,
            ),
        ),
        Why::NotOverridable(why) => not_overridable(why),
        Why::InvalidApprovalToken => Refusal::new(
            Code::InvalidApprovalTokenException,
            "The approval request already received a response or has expired.",
        ),
        Why::ApprovalCompleted => Refusal::new(
            Code::ApprovalAlreadyCompletedException,
            "The approval action has already been approved or rejected.",
        ),
        Why::JobNotFound => job_not_found(id),
        Why::InvalidNonce => invalid_nonce(),
        Why::InvalidJobState => Refusal::new(
            Code::InvalidJobStateException,
            format!("The job '{id}' is not in a state in which it takes a result."),
        ),
        Why::OutputVariablesTooLarge => Refusal::new(
            Code::OutputVariablesSizeExceededException,
            "Exceeded the total size limit for all variables in the pipeline.",
        ),
        Why::Invalid(message) => invalid(message.as_str()),
    }
}

/// AWS's sentence, and which of its reasons it is.
fn with(sentence: &str, why: &str) -> String {
    if why.is_empty() { sentence.to_owned() } else { format!("{sentence} ({why})") }
}

/// `PipelineExecutionNotFoundException`.
pub(super) fn execution_not_found(pipeline: &str, id: &str) -> Refusal {
    Refusal::new(
        Code::PipelineExecutionNotFoundException,
        format!("Pipeline '{pipeline}' does not have an execution with id '{id}'"),
    )
}

/// `PipelineExecutionNotStoppableException`: also of an execution that never was.
pub(super) fn not_stoppable() -> Refusal {
    Refusal::new(
        Code::PipelineExecutionNotStoppableException,
        "Unable to stop the pipeline execution. The execution might already be in a Stopped state, or it might no longer be in progress.",
    )
}

/// `StageNotRetryableException`.
pub(super) fn not_retryable(why: &str) -> Refusal {
    Refusal::new(
        Code::StageNotRetryableException,
        with(
            "Unable to retry. The pipeline structure or stage state might have changed while actions awaited retry, or the stage contains no failed actions.",
            why,
        ),
    )
}

/// `NotLatestPipelineExecutionException`.
pub(super) fn not_latest() -> Refusal {
    Refusal::new(
        Code::NotLatestPipelineExecutionException,
        "The stage has failed in a later run of the pipeline and the pipelineExecutionId associated with the request is out of date.",
    )
}

/// `ConditionNotOverridableException`.
pub(super) fn not_overridable(why: &str) -> Refusal {
    Refusal::new(
        Code::ConditionNotOverridableException,
        with("Unable to override because the condition does not allow overrides.", why),
    )
}

/// `JobNotFoundException`.
pub(super) fn job_not_found(id: &str) -> Refusal {
    Refusal::new(Code::JobNotFoundException, format!("The job '{id}' cannot be found."))
}

/// `InvalidNonceException`.
pub(super) fn invalid_nonce() -> Refusal {
    Refusal::new(
        Code::InvalidNonceException,
        "The nonce is not the one of the job, or the job has been acknowledged already.",
    )
}
