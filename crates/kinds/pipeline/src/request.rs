//! What a pipeline asks of others: actions and rules to perform, jobs to offer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::signal::ConditionKind;

/// The queue whose performer carries out actions and rules: an [`ActionCall`], answered by an
/// [`ActionAnswer`] as JSON. `Outcome::Failed` is a failure too: `error` becomes
/// `errorDetails.code`, `cause` its message.
pub const ACTION_QUEUE: &str = "action";
/// What the names of all queues of jobs begin with; they are polled. See [`job_queue`].
pub const JOB_QUEUE: &str = "job";
/// The queue of AWS calls (`crates/performers/src/aws/performer.rs`): an approval's notification.
pub const AWS_QUEUE: &str = "aws";

/// The polled queue of one action type's jobs in one account and region.
#[must_use]
pub fn job_queue(scope: &str, type_id: &TypeId) -> String {
    let TypeId { category, owner, provider, version } = type_id;
    format!("{JOB_QUEUE}/{scope}/{owner}/{category}/{provider}/{version}")
}

/// `ActionTypeId`, and `RuleTypeId` with category `Rule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TypeId {
    /// `Source`, `Build`, `Deploy`, `Test`, `Invoke`, `Approval`, `Compute`; `Rule`.
    pub category: String,
    /// `AWS`, `ThirdParty`, `Custom`.
    pub owner: String,
    /// `S3`, `CodeBuild`, ...
    pub provider: String,
    /// Usually `1`.
    pub version: String,
}

/// One action or rule to perform. The scope of the work says whose.
///
/// Performed again after a crash, with the same `action_execution_id`: what can be made to happen
/// once is keyed by that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ActionCall {
    /// What an earlier answer said to go on with ([`ActionAnswer::Progress`]); null at first.
    pub next: Value,
    /// The pipeline's name.
    pub pipeline_name: String,
    /// Its ARN, as AWS writes it.
    pub pipeline_arn: String,
    /// The version that this execution runs.
    pub pipeline_version: u32,
    /// `pipelineExecutionId`.
    pub pipeline_execution_id: String,
    /// Its stage.
    pub stage_name: String,
    /// Its name, or the rule's.
    pub action_name: String,
    /// `actionExecutionId`, or `ruleExecutionId`.
    pub action_execution_id: String,
    /// The job that ends it once it is handed over ([`ActionAnswer::Handed`]): a UUID that
    /// `PutJobSuccessResult` takes. Of the action `Invoke/Lambda` and the rule `LambdaInvoke`;
    /// each continuation has another.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub job_id: String,
    /// `continuationToken` of the job before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation_token: Option<String>,
    /// What it is. Rules have the category `Rule`.
    pub type_id: TypeId,
    /// Of a rule: of which conditions it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionKind>,
    /// The region it acts in.
    pub region: String,
    /// The action's role, else the pipeline's.
    pub role_arn: String,
    /// Its configuration with every variable resolved; secrets are real.
    pub configuration: Map<String, Value>,
    /// Its input artifacts, each where it lies. The first is the primary one.
    pub input_artifacts: Vec<Artifact>,
    /// Its output artifacts, each where it is to lie.
    pub output_artifacts: Vec<Artifact>,
    /// `commands` of Compute Commands and of the rule Commands, variables resolved.
    pub commands: Vec<String>,
    /// `outputVariables`: names of environment variables that become output variables.
    pub output_variables: Vec<String>,
    /// `environmentVariables` of Compute Commands, variables resolved.
    pub environment_variables: Vec<EnvironmentVariable>,
    /// A source action is to take this revision instead of the newest.
    pub source_revision: Option<SourceRevision>,
    /// When it started, milliseconds of the epoch.
    pub started: i64,
    /// When it times out, milliseconds of the epoch; the machine sees to it.
    pub deadline: i64,
}

/// Where an artifact lies or is to lie.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Artifact {
    /// Its name in the pipeline.
    pub name: String,
    /// The bucket of the pipeline's artifact store.
    pub bucket: String,
    /// Its key: `PIPELINE/ARTIFACT/abc1234`.
    pub key: String,
    /// `revisionId` of the source it comes from, if one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// `files` of an output artifact of Compute Commands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// `encryptionKey.id` of its store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<String>,
}

/// `EnvironmentVariable` of Compute Commands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value; for a secret, what names it.
    pub value: String,
    /// `PLAINTEXT` or `SECRETS_MANAGER`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// `SourceRevisionOverride`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SourceRevision {
    /// The source action.
    pub action_name: String,
    /// `COMMIT_ID`, `IMAGE_DIGEST`, `S3_OBJECT_VERSION_ID`, `S3_OBJECT_KEY`; empty if
    /// `PutActionRevision` put it for a custom action, which no type is about.
    pub revision_type: String,
    /// The revision.
    pub revision_value: String,
}

/// How performing went, the JSON text of `Outcome::Succeeded`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ActionAnswer {
    /// It goes on elsewhere: this is recorded, then it is performed again with `next`, so that a
    /// crash never starts it twice.
    Progress {
        /// What is known of it.
        details: Details,
        /// What to go on with, opaque to the machine; not null.
        next: Value,
    },
    /// It succeeded.
    Done(Box<Done>),
    /// It failed; what is known of it is shown all the same.
    Failed {
        /// `errorDetails.code`: `JobFailed`, `ConfigurationError`, `PermissionError`, ...
        code: String,
        /// `errorDetails.message`.
        message: String,
        /// What is known of it.
        details: Details,
    },
    /// It has been handed over (a Lambda function was invoked): its job ends it, by
    /// `PutJobSuccessResult` or `PutJobFailureResult`.
    Handed {},
    /// Nothing here performs it, but a worker may: offer a job.
    Offer {},
}

/// `ActionExecutionResult`, and what the state of the pipeline shows beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// `externalExecutionId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_execution_id: Option<String>,
    /// `externalExecutionSummary`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// `externalExecutionUrl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// `percentComplete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent_complete: Option<u32>,
    /// `logStreamARN`.
    #[serde(rename = "logStreamARN", skip_serializing_if = "Option::is_none")]
    pub log_stream_arn: Option<String>,
}

/// What a successful action came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Done {
    /// What is known of it.
    pub details: Details,
    /// `outputVariables`: texts by name.
    pub output_variables: Map<String, Value>,
    /// Names of the output artifacts that were written. Of those declared, a deploy action may
    /// write none.
    pub output_artifacts: Vec<String>,
    /// Of a source action: what it found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// Of `ListDeployActionExecutionTargets`: JSON objects of the API's form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deploy_targets: Vec<Value>,
}

/// What a source action found: `ArtifactRevision`, `SourceRevision`, `ActionRevision`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Revision {
    /// `revisionId`: a commit, a version id.
    pub id: String,
    /// `revisionChangeIdentifier`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_id: Option<String>,
    /// `revisionSummary`: a commit's message, `Amazon S3 version id: ...`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// When it was made, milliseconds of the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<i64>,
    /// `revisionUrl`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A job as the queue offers it, for `PollForJobs` and `GetJobDetails`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Job {
    /// Its id, a UUID.
    pub id: String,
    /// What acknowledges it; a short number.
    pub nonce: String,
    /// What it is about. `next` is null.
    pub call: ActionCall,
    /// `continuationToken` of the job before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continuation_token: Option<String>,
}
