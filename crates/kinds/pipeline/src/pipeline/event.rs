//! What a pipeline's journal holds. An event, once released, is never changed.
//!
//! Executions are named by their number, stages and actions by their place in the structure that
//! the execution runs; what that structure says is not said again.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::{EffectId, Journaled, Payload, TimerId};

use super::condition::ConditionStatus;
use super::state::{ActStatus, RunStatus};
use crate::request::{Details, Revision, SourceRevision};
use crate::signal::{Cargo, ConditionKind};

/// One event of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Its JSON text, where it has one.
    #[serde(skip)]
    pub payload: Option<Payload>,
}

/// What happened. Variants are appended, never changed or moved: their order is the encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// The pipeline was created. Payload: its [`crate::signal::Birth`].
    Created,
    /// It has a new version. Payload: its [`crate::structure::Structure`].
    Versioned,
    /// An execution was started; it has the next number. Payload: an [`Opening`].
    Started {
        /// Its id.
        id: u128,
    },
    /// An execution waits in front of a stage.
    Waits {
        /// Which.
        run: u32,
        /// The stage.
        stage: u16,
    },
    /// An execution entered a stage.
    Entered {
        /// Which.
        run: u32,
        /// The stage.
        stage: u16,
    },
    /// An action was started.
    ActStarted {
        /// The execution.
        run: u32,
        /// The action.
        act: u16,
        /// Its id without what all ids of the pipeline share.
        id: u64,
        /// The effect that carries it out; none for an approval that tells nobody.
        effect: Option<EffectId>,
        /// When it times out.
        timer: TimerId,
        /// What chance chose of the keys of its output artifacts.
        keys: Vec<String>,
        /// What else there is of it.
        form: Form,
    },
    /// A worker has acknowledged an action's job.
    JobAcknowledged {
        /// The execution.
        run: u32,
        /// The action.
        act: u16,
    },
    /// A performer said how far it is; it goes on as another effect. Payload: [`Details`].
    ActProgressed {
        /// The execution.
        run: u32,
        /// The action.
        act: u16,
        /// The effect that goes on with it.
        effect: EffectId,
    },
    /// A performer handed the action over: its job ends it.
    ActHanded {
        /// The execution.
        run: u32,
        /// The action.
        act: u16,
        /// When it times out now.
        timer: TimerId,
    },
    /// An action goes on as a job, after a performer had none to perform it, or after a job that
    /// left a continuation token. Payload: a [`Next`].
    JobOffered {
        /// The execution.
        run: u32,
        /// The action.
        act: u16,
        /// The effect that offers it.
        effect: EffectId,
        /// The job's id without what all ids of the pipeline share.
        job: u64,
        /// What acknowledges it.
        nonce: u32,
    },
    /// An approval's topic has heard of it.
    Notified {
        /// The execution.
        run: u32,
        /// The action.
        act: u16,
    },
    /// An action ended. Payload: an [`End`].
    ActEnded {
        /// The execution.
        run: u32,
        /// The action.
        act: u16,
        /// How.
        status: ActStatus,
    },
    /// An execution has done with its stage.
    Passed {
        /// The execution.
        run: u32,
        /// Whether the stage was skipped.
        is_skipped: bool,
    },
    /// An execution was told to stop. Payload: a [`Stopping`].
    StopAsked {
        /// The execution.
        run: u32,
    },
    /// An execution ended; if it was in a stage, so did that.
    Ended {
        /// The execution.
        run: u32,
        /// How.
        status: RunStatus,
    },
    /// The stage in which an execution failed or was stopped runs anew.
    Retried {
        /// The execution.
        run: u32,
        /// All its actions, instead of those that didn't succeed.
        is_all: bool,
        /// Whether the stage itself says so.
        is_auto: bool,
    },
    /// A transition was enabled or disabled. Payload: a [`GateSet`].
    GateSet,
    /// A watcher saw something of the sources. Payload: changes, a list of `[key, now]`.
    Seen,
    /// A revision was put. Payload: a [`RevisionPut`].
    RevisionPut,
    /// The pipeline was deleted.
    Deleted,
    /// A condition of an execution's stage is checked; its rules start.
    ConditionStarted {
        /// The execution.
        run: u32,
        /// Which of the stage's.
        condition: ConditionKind,
    },
    /// A condition was checked, or overridden. Payload, if overridden: who did, a text.
    ConditionEnded {
        /// The execution.
        run: u32,
        /// Which of the stage's.
        condition: ConditionKind,
        /// How.
        status: ConditionStatus,
    },
    /// A rule waits on.
    RuleWaits {
        /// The execution.
        run: u32,
        /// Its place.
        rule: u16,
        /// Until when.
        timer: TimerId,
    },
}

/// What an action is started as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Form {
    /// A performer's work.
    Call,
    /// A job: its id without what all ids share, and its nonce.
    Job(u64, u32),
    /// An approval, with its token.
    Approval(u128),
    /// Nothing: it could not be started.
    Nothing,
}

/// What an execution begins with: the payload of [`EventKind::Started`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Opening {
    /// `trigger.triggerType`.
    pub trigger_type: String,
    /// `trigger.triggerDetail`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub trigger_detail: String,
    /// The pipeline's variables, resolved.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub variables: serde_json::Map<String, Value>,
    /// `sourceRevisions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_revisions: Vec<SourceRevision>,
    /// What a rollback goes back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
}

/// What a rollback goes back to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rollback {
    /// The execution.
    pub target: String,
    /// What it takes along of that.
    pub cargo: Cargo,
}

/// How an action ended: the payload of [`EventKind::ActEnded`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct End {
    /// What is known of it.
    #[serde(skip_serializing_if = "is_default")]
    pub details: Details,
    /// `errorDetails`: code and message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<(String, String)>,
    /// `outputVariables`.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub output_variables: serde_json::Map<String, Value>,
    /// Names of the output artifacts that were written; none says all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_artifacts: Option<Vec<String>>,
    /// What a source found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// `DeployActionExecutionTarget`s.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deploy_targets: Vec<Value>,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What the next job of an action goes on with: the payload of [`EventKind::JobOffered`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Next {
    /// `continuationToken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// What is known of the action.
    #[serde(skip_serializing_if = "is_default")]
    pub details: Details,
    /// What a source found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Whether a performer hands it over instead of offering it to workers.
    #[serde(skip_serializing_if = "is_default")]
    pub is_call: bool,
}

/// The payload of [`EventKind::StopAsked`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stopping {
    /// Whether what is in progress is given up.
    pub abandon: bool,
    /// Why.
    pub reason: Option<String>,
    /// Who.
    pub by: String,
}

/// The payload of [`EventKind::GateSet`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GateSet {
    /// The stage behind it.
    pub stage: String,
    /// Why it is disabled, if it is.
    pub disabled: Option<String>,
    /// Who.
    pub by: String,
}

/// The payload of [`EventKind::RevisionPut`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RevisionPut {
    /// The stage.
    pub stage: String,
    /// The action.
    pub action: String,
    /// Its revision.
    pub revision: Revision,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    const DICTIONARY: &'static [u8] = b"{\"triggerType\":\"StartPipelineExecution\",\
        \"triggerDetail\":\"arn:aws:iam::\",\"variables\":{\"outputVariables\":{\"\
        \"error\":[\"JobFailed\",\"{\"details\":{\"externalExecutionId\":\"\"summary\":\"";

    fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    fn set_payload(&mut self, payload: Payload) {
        self.payload = Some(payload);
    }
}
