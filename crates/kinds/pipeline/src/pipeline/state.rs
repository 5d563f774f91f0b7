//! What a pipeline remembers of its stages and executions.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, TimerId, Timestamp};

use super::condition::Checked;
use super::text;
use crate::request::{Details, Revision, SourceRevision};
use crate::signal::{Cargo, ConditionKind};
use crate::structure::ExecutionMode;

/// `PipelineExecutionStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    /// It runs or waits.
    #[default]
    InProgress,
    /// What is in progress ends, then it is stopped.
    Stopping,
    /// It was stopped.
    Stopped,
    /// All its stages succeeded or were skipped.
    Succeeded,
    /// A stage failed.
    Failed,
    /// A later execution took its place.
    Superseded,
    /// The pipeline changed, so that it can't finish.
    Cancelled,
}

impl RunStatus {
    /// Whether it runs or waits.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, Self::InProgress | Self::Stopping)
    }
}

/// `StageExecutionStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum StageStatus {
    /// Its actions or conditions run.
    #[default]
    InProgress,
    /// All of it succeeded.
    Succeeded,
    /// An action or a condition failed.
    Failed,
    /// What is in progress ends, then it is stopped.
    Stopping,
    /// It was stopped.
    Stopped,
    /// Its execution was given up.
    Cancelled,
    /// Its entry condition said so.
    Skipped,
}

/// `ActionExecutionStatus`, `RuleExecutionStatus`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActStatus {
    /// It runs.
    #[default]
    InProgress,
    /// It succeeded.
    Succeeded,
    /// It failed.
    Failed,
    /// It was given up.
    Abandoned,
}

/// A stage, whatever version: its transition, its lock and who waits for it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Stage {
    pub gate: Gate,
    /// The execution that is inside. Executions in PARALLEL mode lock nothing.
    pub busy: Option<u32>,
    /// Who waits in front of it, the next first.
    pub waiting: VecDeque<u32>,
    /// The last execution that entered it: shown, and the only one that may be retried in it.
    pub latest: Option<u32>,
    /// The stage of that execution, once that has gone on.
    pub shown: Option<Box<Inside>>,
    /// The last execution that succeeded in it, for a rollback.
    pub succeeded: Option<Box<Succeeded>>,
}

/// The transition in front of a stage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Gate {
    /// Why it is disabled, if it is.
    pub disabled: Option<String>,
    /// Who changed it last, and when.
    pub changed: Option<(String, Timestamp)>,
}

/// The last execution that succeeded in a stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Succeeded {
    pub id: u128,
    #[serde(with = "text")]
    pub cargo: Cargo,
}

/// An execution of the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Run {
    pub id: u128,
    pub seq: u32,
    pub version: u32,
    pub status: RunStatus,
    pub mode: ExecutionMode,
    pub trigger: (String, String),
    /// The pipeline's variables, resolved.
    pub variables: BTreeMap<String, String>,
    pub source_revisions: Vec<SourceRevision>,
    /// The execution that a rollback goes back to.
    pub target: Option<u128>,
    pub started: Timestamp,
    pub updated: Timestamp,
    /// `stopTrigger.reason`.
    pub stop_reason: Option<String>,
    /// The place of the stage that it is in or waits for.
    pub stage: u16,
    /// Its stage: in progress, or what it failed in. None while it waits.
    pub inside: Option<Box<Inside>>,
    /// Its artifacts by name.
    pub artifacts: BTreeMap<String, Place>,
    /// Output variables by namespace.
    pub outputs: BTreeMap<String, BTreeMap<String, String>>,
    /// What its source actions found.
    #[serde(with = "text")]
    pub revisions: Vec<Found>,
    /// The stages in which it succeeded.
    pub succeeded: Vec<String>,
}

/// Where an artifact lies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub bucket: String,
    pub key: String,
    pub revision: Option<String>,
}

/// What a source action found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Found {
    pub action: String,
    pub artifacts: Vec<String>,
    pub revision: Revision,
}

/// An execution within a stage: `StageExecution`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Inside {
    /// The execution's id.
    pub execution: u128,
    pub is_rollback: bool,
    pub status: StageStatus,
    /// Its actions and rules that have started, by their place ([`super::condition`]); of each the
    /// latest.
    pub acts: BTreeMap<u16, Act>,
    /// Where those stand in the lists that a retry runs anew.
    pub earlier: BTreeMap<u16, (Timestamp, u32)>,
    /// `manualStageRetryAttempt`, `autoStageRetryAttempt`.
    pub retries: (u32, u32),
    /// Whether the latest retry was automatic.
    pub is_auto_retry: bool,
    /// Its conditions that are or were checked.
    pub conditions: BTreeMap<ConditionKind, Checked>,
    /// Who asked for the latest retry.
    pub retried_by: Option<String>,
}

/// An action's execution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Act {
    /// Its name: the state shows it when its version is gone.
    pub name: String,
    pub seq: u32,
    pub id: u128,
    pub status: ActStatus,
    pub started: Timestamp,
    pub updated: Timestamp,
    /// Who decided on it.
    pub by: Option<String>,
    /// Configuration that has variables, resolved.
    pub resolved: Vec<(String, String)>,
    #[serde(with = "text")]
    pub details: Details,
    /// `errorDetails`: code and message.
    pub error: Option<(String, String)>,
    /// What chance chose of the keys of its output artifacts.
    pub keys: Vec<String>,
    /// Names of the output artifacts that were written.
    pub written: Vec<String>,
    pub variables: BTreeMap<String, String>,
    /// The effect that is awaited.
    pub effect: Option<EffectId>,
    pub timer: Option<TimerId>,
    pub job: Option<JobState>,
    /// The approval's token.
    pub token: Option<u128>,
    /// What its source found.
    pub revision_url: Option<String>,
}

/// The job of an action in progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct JobState {
    pub id: u128,
    pub nonce: u32,
    pub stage: JobStage,
    /// `continuationToken` of the job before it.
    pub token: Option<String>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum JobStage {
    /// A performer is to hand it over.
    #[default]
    Calling,
    /// It is offered to workers.
    Offered,
    /// A worker has it, or a function was invoked with it.
    InProgress,
    /// It has ended.
    Ended,
}

/// What an effect or a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Awaited {
    /// An action: the execution, and the action's place in its stage.
    Act(u32, u16),
}

impl Run {
    /// Whether it is a rollback.
    pub(super) fn is_rollback(&self) -> bool {
        self.target.is_some()
    }
}

impl Inside {
    /// Whether an action or a rule goes on.
    pub(super) fn is_busy(&self) -> bool {
        self.acts.values().any(|act| act.status == ActStatus::InProgress)
    }

    /// Whether an action failed, or was given up.
    pub(super) fn has_failed(&self) -> bool {
        let is_failed = |act: &Act| matches!(act.status, ActStatus::Failed | ActStatus::Abandoned);
        self.actions().any(|(_, act)| is_failed(act))
    }
}
