//! What a pipeline is to do: `PipelineDeclaration`, in the API's own form.

mod check;
mod read;
mod reference;
mod secret;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::request::{EnvironmentVariable, TypeId};
use crate::types::Settings;

pub use check::{Context, Invalid, InvalidKind, check};
pub use read::read;
pub(crate) use secret::MASK;

/// `PipelineDeclaration`. Serialised, it is what `GetPipeline` shows, but for [`Action::secret`],
/// [`Action::urls`] and the secrets themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Structure {
    /// Its name.
    pub name: String,
    /// The role that it acts in.
    pub role_arn: String,
    /// Where its artifacts lie, if it acts in one region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_store: Option<ArtifactStore>,
    /// Where its artifacts lie, by region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_stores: Option<BTreeMap<String, ArtifactStore>>,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
    /// Its version, from 1.
    pub version: u32,
    /// How executions share the stages.
    pub execution_mode: ExecutionMode,
    /// `V1` or `V2`.
    pub pipeline_type: PipelineType,
    /// Its variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// What starts it, beside its sources. In the API's form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
}

/// `executionMode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ExecutionMode {
    /// One waits in front of a stage; a later one takes its place.
    #[default]
    Superseded,
    /// All wait in front of a stage, first in first out.
    Queued,
    /// None waits for another.
    Parallel,
}

/// `pipelineType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PipelineType {
    /// What all were at first.
    #[default]
    V1,
    /// With modes, variables, triggers and conditions.
    V2,
}

/// `ArtifactStore`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ArtifactStore {
    /// `S3`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The bucket.
    pub location: String,
    /// What encrypts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<EncryptionKey>,
}

/// `EncryptionKey`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EncryptionKey {
    /// The key's id, ARN or alias.
    pub id: String,
    /// `KMS`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// `StageDeclaration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// Reserved by AWS; kept and shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<Value>,
    /// Its actions.
    pub actions: Vec<Action>,
    /// What happens when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<FailureConditions>,
    /// What must hold for it to succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<Conditions>,
    /// What must hold for it to be entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_entry: Option<Conditions>,
}

/// `ActionDeclaration`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// What it is.
    pub action_type_id: TypeId,
    /// When it runs among the actions of its stage, from 1.
    pub run_order: u32,
    /// Texts by key.
    pub configuration: Map<String, Value>,
    /// Of Compute Commands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// What it makes.
    pub output_artifacts: Vec<OutputArtifact>,
    /// What it needs.
    pub input_artifacts: Vec<InputArtifact>,
    /// Environment variables that become output variables.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_variables: Vec<String>,
    /// The role that it acts in, if not the pipeline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The region that it acts in, if not the pipeline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Under which its variables are referred to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `timeoutInMinutes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_in_minutes: Option<u32>,
    /// Of Compute Commands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub environment_variables: Vec<EnvironmentVariable>,
    /// Configuration keys whose values are never shown; ours, from the action type.
    #[serde(rename = "_secret", skip_serializing_if = "Vec::is_empty")]
    pub secret: Vec<String>,
    /// Where the action type finds what the action works on; ours, of types that users made.
    #[serde(rename = "_urls", skip_serializing_if = "Option::is_none")]
    pub urls: Option<Settings>,
}

impl Default for Action {
    fn default() -> Self {
        Self {
            name: String::new(),
            action_type_id: TypeId::default(),
            run_order: 1,
            configuration: Map::new(),
            commands: Vec::new(),
            output_artifacts: Vec::new(),
            input_artifacts: Vec::new(),
            output_variables: Vec::new(),
            role_arn: None,
            region: None,
            namespace: None,
            timeout_in_minutes: None,
            environment_variables: Vec::new(),
            secret: Vec::new(),
            urls: None,
        }
    }
}

/// `OutputArtifact`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OutputArtifact {
    /// Its name.
    pub name: String,
    /// Of Compute Commands: what it holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// `InputArtifact`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InputArtifact {
    /// Its name.
    pub name: String,
}

/// `FailureConditions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FailureConditions {
    /// What happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ConditionResult>,
    /// How it is retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_configuration: Option<RetryConfiguration>,
    /// At most one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// `Result` of conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ConditionResult {
    /// Back to the last execution that succeeded.
    Rollback,
    /// The stage fails.
    Fail,
    /// The stage runs once more.
    Retry,
    /// The stage is passed over.
    Skip,
}

/// `RetryConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RetryConfiguration {
    /// `FAILED_ACTIONS`, `ALL_ACTIONS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_mode: Option<String>,
}

/// `SuccessConditions`, `BeforeEntryConditions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Conditions {
    /// Exactly one.
    pub conditions: Vec<Condition>,
}

/// `Condition`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Condition {
    /// What happens if a rule does not hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ConditionResult>,
    /// All must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

/// `RuleDeclaration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it is.
    pub rule_type_id: TypeId,
    /// Texts by key.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub configuration: Map<String, Value>,
    /// Of the rule Commands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// What it needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub input_artifacts: Vec<InputArtifact>,
    /// The role that it acts in, if not the pipeline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The region that it acts in, if not the pipeline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// `timeoutInMinutes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_in_minutes: Option<u32>,
}

/// `PipelineVariableDeclaration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value unless one is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `PipelineTriggerDeclaration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Trigger {
    /// `CodeStarSourceConnection`.
    pub provider_type: String,
    /// What of the repository starts it.
    pub git_configuration: GitConfiguration,
}

/// `GitConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitConfiguration {
    /// The source action whose repository is meant.
    pub source_action_name: String,
    /// Which pushes; any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub push: Vec<GitPush>,
    /// Which pull requests; any of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pull_request: Vec<GitPullRequest>,
}

/// `GitPushFilter`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitPush {
    /// Which tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Globs>,
    /// Which branches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branches: Option<Globs>,
    /// Which files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_paths: Option<Globs>,
}

/// `GitPullRequestFilter`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GitPullRequest {
    /// `OPEN`, `UPDATED`, `CLOSED`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Which target branches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branches: Option<Globs>,
    /// Which files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_paths: Option<Globs>,
}

/// `GitBranchFilterCriteria` and its like: excludes win.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Globs {
    /// Any of these, or all if there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub includes: Vec<String>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excludes: Vec<String>,
}
