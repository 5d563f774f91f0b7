//! What a command is started with, and what it asks of others.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits::{
    EXECUTION_TIMEOUT_SECONDS_DEFAULT, MAX_CONCURRENCY_DEFAULT, MAX_ERRORS_DEFAULT,
    TIMEOUT_SECONDS_DEFAULT,
};

/// The queue that resolves targets.
pub const TARGETS_QUEUE: &str = "targets";
/// The queue of AWS calls, by which outputs get into a bucket.
pub const AWS_QUEUE: &str = "aws";
/// What all queues of nodes begin with; they are polled.
pub const NODE_QUEUE: &str = "node";

/// The input of a command: SendCommand, checked, with its defaults. Its document is the
/// execution's definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Request {
    /// `CommandId`, a UUID.
    pub command_id: String,
    /// `DocumentName`, as it was given.
    pub document_name: String,
    /// `DocumentVersion`, as it was given; `$DEFAULT`.
    pub document_version: String,
    /// How the document is written: `JSON` or `YAML`.
    pub document_format: String,
    /// `Comment`.
    pub comment: String,
    /// `Parameters`: lists of texts by name.
    pub parameters: Map<String, Value>,
    /// `InstanceIds`; empty when there are targets.
    pub instance_ids: Vec<String>,
    /// `Targets`, as the API has them; empty when there are instance ids.
    pub targets: Vec<Value>,
    /// Seconds in which a node must have received it.
    pub timeout_seconds: u64,
    /// Seconds that all steps of the document may take.
    pub execution_timeout_seconds: u64,
    /// `MaxConcurrency`.
    pub max_concurrency: String,
    /// `MaxErrors`.
    pub max_errors: String,
    /// `OutputS3Region`.
    pub output_s3_region: String,
    /// `OutputS3BucketName`.
    pub output_s3_bucket_name: String,
    /// `OutputS3KeyPrefix`.
    pub output_s3_key_prefix: String,
    /// `ServiceRoleArn`.
    pub service_role: String,
    /// `NotificationConfig`, as the API has it.
    pub notification_config: Option<Value>,
    /// `CloudWatchOutputConfig`, as the API has it.
    pub cloud_watch_output_config: Option<Value>,
    /// `AlarmConfiguration`, as the API has it.
    pub alarm_configuration: Option<Value>,
    /// What started it, if not a caller: `AssociationId` and the like.
    pub origin: Map<String, Value>,
    /// The document's steps, as plugins are named before a node has reported them.
    pub steps: Vec<Step>,
}

/// A step of the command's document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name; for schema 1.2 the plugin's.
    pub name: String,
    /// What it is: `aws:runShellScript`.
    pub plugin: String,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            command_id: String::new(),
            document_name: String::new(),
            document_version: "$DEFAULT".to_owned(),
            document_format: "JSON".to_owned(),
            comment: String::new(),
            parameters: Map::new(),
            instance_ids: Vec::new(),
            targets: Vec::new(),
            timeout_seconds: TIMEOUT_SECONDS_DEFAULT,
            execution_timeout_seconds: EXECUTION_TIMEOUT_SECONDS_DEFAULT,
            max_concurrency: MAX_CONCURRENCY_DEFAULT.to_owned(),
            max_errors: MAX_ERRORS_DEFAULT.to_owned(),
            output_s3_region: String::new(),
            output_s3_bucket_name: String::new(),
            output_s3_key_prefix: String::new(),
            service_role: String::new(),
            notification_config: None,
            cloud_watch_output_config: None,
            alarm_configuration: None,
            origin: Map::new(),
            steps: Vec::new(),
        }
    }
}

/// What is asked of [`TARGETS_QUEUE`]; the answer is a JSON list of node ids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetsCall {
    /// `Targets`, as the API has them.
    pub targets: Vec<Value>,
    /// What the ids are for.
    pub purpose: String,
}

/// What is asked of [`AWS_QUEUE`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsCall {
    /// The service's boto3 name.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// Its input.
    pub input: Map<String, Value>,
    /// The region, if it is not the command's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Whose call it is: `ACCOUNT/REGION` of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// What lies in a node's queue: a name. The server that hands it out adds what the node needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Errand {
    /// Run the command's document.
    #[serde(rename_all = "camelCase")]
    Run {
        /// The command's ARN.
        arn: String,
    },
    /// Stop running it.
    #[serde(rename_all = "camelCase")]
    Cancel {
        /// The command's ARN.
        arn: String,
    },
}

impl Errand {
    /// The ARN of the command it is about.
    #[must_use]
    pub fn arn(&self) -> &str {
        match self {
            Self::Run { arn } | Self::Cancel { arn } => arn,
        }
    }
}

impl Request {
    /// Where a plugin's output lies in the bucket, without `/stdout` or `/stderr`. Source: the keys
    /// that the agent writes, with names that have lost their colons.
    #[must_use]
    pub fn output_key(&self, node: &str, plugin: &str, name: &str) -> String {
        let prefix = self.output_s3_key_prefix.trim_end_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let (folder, name) = (plugin.replace(':', ""), name.replace(':', ""));
        format!("{prefix}{slash}{}/{node}/{folder}/0.{name}", self.command_id)
    }
}

/// The ARN of a command.
#[must_use]
pub fn arn(account: &str, region: &str, command_id: &str) -> String {
    format!("arn:aws:ssm:{region}:{account}:command/{command_id}")
}

/// The queue of a node.
#[must_use]
pub fn node_queue(account: &str, region: &str, node: &str) -> String {
    format!("{NODE_QUEUE}/{account}/{region}/{node}")
}

/// Region and account of an ARN; empty for what is none.
pub(crate) fn place_of(arn: &str) -> (&str, &str) {
    let mut parts = arn.split(':').skip(3);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}
