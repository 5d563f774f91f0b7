//! What the world may ask of a pipeline, and why it may be refused.
//!
//! Ids of what is to be created are chosen by the caller ([`crate::ids::Number::id`]), so that a
//! repeated request finds what it made. `by` is the caller's ARN.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::request::{Details, SourceRevision};
use crate::structure::Structure;

/// What a pipeline is started with: the JSON of its first input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Birth {
    /// Its number ([`crate::ids::Number`]).
    pub number: u64,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// Its first version, checked, defaults filled in, secrets real.
    pub structure: Structure,
    /// Its first execution, which creation starts.
    pub execution: u128,
    /// Who creates it.
    pub by: String,
}

/// What the world may ask of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// `UpdatePipeline`: the next version, checked.
    Update(Box<Structure>),
    /// `DeletePipeline`: what runs is given up, the entity closes.
    Delete,
    /// `StartPipelineExecution`, or a trigger. One with this id that runs or ran lately is left alone.
    Start(Box<StartRun>),
    /// What a watcher saw of the sources. Refused with [`Refusal::Stale`] if `seen` is not what it
    /// took it for.
    Seen {
        /// By key (the action's name, and a ref's where one source has many): what it took for
        /// seen, and what there is now (none: it is gone).
        changes: Vec<(String, Option<String>, Option<String>)>,
        /// Executions to start in consequence.
        starts: Vec<StartRun>,
    },
    /// `PutActionRevision`: starts an execution if the revision is new.
    PutRevision {
        /// The stage.
        stage: String,
        /// The source action.
        action: String,
        /// `revisionId`.
        revision: String,
        /// `revisionChangeId`.
        change_id: String,
        /// `created`, milliseconds of the epoch.
        created: i64,
        /// The execution that it would start.
        execution: u128,
        /// Who says so.
        by: String,
    },
    /// `StopPipelineExecution`.
    Stop {
        /// Which.
        execution: u128,
        /// Whether what is in progress is given up.
        abandon: bool,
        /// Why.
        reason: Option<String>,
        /// Who.
        by: String,
    },
    /// `RetryStageExecution`.
    Retry {
        /// The stage.
        stage: String,
        /// The execution that failed in it.
        execution: u128,
        /// `ALL_ACTIONS` instead of `FAILED_ACTIONS`.
        all_actions: bool,
        /// Who.
        by: String,
    },
    /// `RollbackStage`.
    Rollback {
        /// The stage.
        stage: String,
        /// The execution to go back to.
        target: u128,
        /// What the rows say of the target; none if there is no such execution.
        cargo: Option<Box<Cargo>>,
        /// The execution that this starts.
        execution: u128,
        /// Who.
        by: String,
    },
    /// `OverrideStageCondition`.
    Override {
        /// The stage.
        stage: String,
        /// The execution that the condition holds back.
        execution: u128,
        /// `BEFORE_ENTRY` or `ON_SUCCESS`.
        condition: ConditionKind,
        /// Who.
        by: String,
    },
    /// `EnableStageTransition`, `DisableStageTransition`.
    Transition {
        /// The stage.
        stage: String,
        /// Out of it instead of into it.
        outbound: bool,
        /// The reason if it is to be disabled.
        disabled: Option<String>,
        /// Who.
        by: String,
    },
    /// `PutApprovalResult`.
    Approve {
        /// The stage.
        stage: String,
        /// The action.
        action: String,
        /// What the state shows of the approval.
        token: String,
        /// Approved or rejected.
        is_approved: bool,
        /// The comment.
        summary: String,
        /// Who.
        by: String,
    },
    /// `AcknowledgeJob`.
    JobAcknowledged {
        /// Which.
        job: u128,
        /// What was handed out with it.
        nonce: String,
    },
    /// `PutJobSuccessResult`.
    JobSucceeded {
        /// Which.
        job: u128,
        /// What it came to.
        result: Box<JobResult>,
    },
    /// `PutJobFailureResult`.
    JobFailed {
        /// Which.
        job: u128,
        /// `failureDetails.type`.
        code: String,
        /// `failureDetails.message`.
        message: String,
        /// `failureDetails.externalExecutionId`.
        external_execution_id: Option<String>,
    },
    /// One of the signals about a job, of a third party whose client showed its token. Jobs of third
    /// parties hear no other, and other jobs not this one.
    OfThirdParty(Box<Signal>),
}

/// An execution to start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StartRun {
    /// Its id.
    pub execution: u128,
    /// `trigger.triggerType`.
    pub trigger_type: String,
    /// `trigger.triggerDetail`.
    pub trigger_detail: String,
    /// `variables`: values by name.
    pub variables: Map<String, Value>,
    /// `sourceRevisions`.
    pub source_revisions: Vec<SourceRevision>,
}

/// What a job came to: `PutJobSuccessResult`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct JobResult {
    /// `currentRevision`, as the API has it.
    pub current_revision: Option<Value>,
    /// `continuationToken`: it goes on as another job.
    pub continuation_token: Option<String>,
    /// `executionDetails`.
    pub details: Details,
    /// `outputVariables`.
    pub output_variables: Map<String, Value>,
}

/// What a rollback takes along of its target; kept in a row of each execution ([`crate::views`]).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cargo {
    /// The version that it ran.
    pub version: u32,
    /// When it last went through a stage, milliseconds of the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passed: Option<i64>,
    /// Whether it was a rollback itself.
    pub is_rollback: bool,
    /// The stages in which it succeeded.
    pub succeeded: Vec<String>,
    /// Its artifacts: `[bucket, key, revision]` by name, in the machine's own form.
    pub artifacts: Map<String, Value>,
    /// Its variables by namespace and name.
    pub variables: Map<String, Value>,
    /// `artifactRevisions` and what else the API shows of its sources, in the machine's own form.
    pub revisions: Vec<Value>,
}

/// Which conditions of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConditionKind {
    /// `beforeEntry`.
    BeforeEntry,
    /// `onSuccess`.
    OnSuccess,
    /// `onFailure`.
    OnFailure,
}

/// Why a signal was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The pipeline was deleted.
    #[error("the pipeline was deleted")]
    Deleted,
    /// `StageNotFoundException`.
    #[error("no such stage")]
    StageNotFound,
    /// `ActionNotFoundException`.
    #[error("no such action")]
    ActionNotFound,
    /// `PipelineExecutionNotFoundException`, or an execution that has left the state: look at its row.
    #[error("no such execution")]
    ExecutionNotFound,
    /// `PipelineExecutionNotStoppableException`.
    #[error("the execution can't be stopped")]
    NotStoppable,
    /// `DuplicatedStopRequestException`.
    #[error("the execution is stopping already")]
    DuplicatedStop,
    /// `StageNotRetryableException`, with why.
    #[error("the stage can't be retried: {0}")]
    NotRetryable(&'static str),
    /// `NotLatestPipelineExecutionException`.
    #[error("a later execution has been in the stage")]
    NotLatest,
    /// `ConflictException`: what is asked for is under way.
    #[error("the stage is in progress")]
    Conflict,
    /// `ConcurrentPipelineExecutionsLimitExceededException`.
    #[error("too many executions at once")]
    TooManyExecutions,
    /// `PipelineExecutionOutdatedException`.
    #[error("the execution is of an earlier version")]
    Outdated,
    /// `UnableToRollbackStageException`, with why.
    #[error("can't roll back: {0}")]
    UnableToRollback(&'static str),
    /// `ConditionNotOverridableException`, with why.
    #[error("the condition can't be overridden: {0}")]
    NotOverridable(&'static str),
    /// `InvalidApprovalTokenException`.
    #[error("not the approval's token")]
    InvalidApprovalToken,
    /// `ApprovalAlreadyCompletedException`.
    #[error("the approval has been decided")]
    ApprovalCompleted,
    /// `JobNotFoundException`.
    #[error("no such job")]
    JobNotFound,
    /// `InvalidNonceException`.
    #[error("not the job's nonce")]
    InvalidNonce,
    /// `InvalidJobStateException`.
    #[error("the job is not in a state that allows this")]
    InvalidJobState,
    /// `OutputVariablesSizeExceededException`.
    #[error("the output variables are too large")]
    OutputVariablesTooLarge,
    /// `ValidationException`, in AWS's words: a variable without a value, an unknown one.
    #[error("{0}")]
    Invalid(String),
    /// What a watcher took for seen is not what is known.
    #[error("something else was seen meanwhile")]
    Stale,
}
