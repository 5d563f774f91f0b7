//! What an Automation asks of performers: the request of each `Command::Run`, by its queue.
//!
//! | queue | request | outcome |
//! |---|---|---|
//! | [`AWS`] | [`AwsCall`] | the response as JSON; or the AWS error |
//! | [`SCRIPT`] | [`ScriptCall`] | `{"Payload": …, "ExecutionLog": "…"}` |
//! | [`WEBHOOK`] | [`WebhookCall`] | `{"Response": "…", "ResponseCode": 200}` |
//! | [`COMMAND`], [`AUTOMATION`], [`MACHINE`] | [`ChildCall`] | the child's report, JSON text |
//! | [`TARGETS`] | [`TargetsCall`] | a JSON list of texts |

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Queue of AWS calls.
pub const AWS: &str = "aws";
/// Queue of scripts.
pub const SCRIPT: &str = "script";
/// Queue of webhooks.
pub const WEBHOOK: &str = "webhook";
/// Queue of Run Command children.
pub const COMMAND: &str = "command";
/// Queue of Automation children.
pub const AUTOMATION: &str = "automation";
/// Queue of Step Functions children.
pub const MACHINE: &str = "machine";
/// Queue of target lookups.
pub const TARGETS: &str = "targets";

/// Calls one operation of an AWS service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsCall {
    /// The service's boto3 name, such as `ec2`.
    pub service: String,
    /// The operation, as the API names it or as boto3's method does.
    pub operation: String,
    /// Its input.
    pub input: Map<String, Value>,
    /// The region, if it is not the execution's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The role to call with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Whose call it is: `ACCOUNT/REGION` of the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// The cause of an AWS call that failed; its error is the AWS error code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsFailure {
    /// The service that was called.
    pub service: String,
    /// The operation, as the API names it.
    pub operation: String,
    /// AWS's error code.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// The HTTP status; none if no answer came.
    #[serde(default)]
    pub status: Option<u16>,
}

/// Runs a script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScriptCall {
    /// `Runtime`, such as `python3.11`.
    pub runtime: String,
    /// `Handler`.
    pub handler: Option<String>,
    /// `Script`.
    pub script: String,
    /// `InputPayload`.
    pub input_payload: Value,
    /// After how many seconds it is stopped.
    pub timeout_seconds: u64,
}

/// Calls a webhook of the integration store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookCall {
    /// `IntegrationName`.
    pub integration_name: String,
    /// `Body`.
    pub body: Option<String>,
    /// Whose integration it is: `ACCOUNT/REGION` of the execution.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

/// Starts a child and waits for its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildCall {
    /// The child's id, chosen by the parent: a UUID. A Step Functions child takes it as its name
    /// where none is given.
    pub id: String,
    /// The input of SendCommand, StartAutomationExecution or StartExecution, by the API's names.
    pub input: Map<String, Value>,
    /// What the child is to know of its parent: `ParentAutomationExecutionId`, `Target`,
    /// `AssociationId` and the like, by the API's names.
    #[serde(default)]
    pub origin: Map<String, Value>,
}

/// Finds what targets name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetsCall {
    /// `Targets` as the API has them.
    pub targets: Value,
    /// What the ids are used for: `Automation`, `Command` or `Association`.
    pub purpose: String,
}
