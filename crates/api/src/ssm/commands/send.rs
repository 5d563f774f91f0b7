//! SendCommand: what a command may be, and its start.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};
use trackway_command::limits::{
    INSTANCE_IDS_MAX, MAX_CONCURRENCY_DEFAULT, MAX_ERRORS_DEFAULT, TIMEOUT_SECONDS_DEFAULT,
};
use trackway_command::request::{Request, arn};
use trackway_core::{Payload, ReplyTo, Start};
use trackway_engine::{Definition, Durability, Fault, StartError, StartRequest, Started};

use super::{Command, scope, shown};
use crate::Caller;
use crate::answer::{uuid, write};
use crate::ssm::nodes::targets::read_targets;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Answer, COMMAND_KIND, Ssm};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendCommand {
    #[serde(default)]
    instance_ids: Vec<String>,
    #[serde(default)]
    targets: Vec<Value>,
    document_name: String,
    document_version: Option<String>,
    document_hash: Option<String>,
    document_hash_type: Option<String>,
    timeout_seconds: Option<u64>,
    #[serde(default)]
    comment: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(rename = "OutputS3Region", default)]
    output_s3_region: String,
    #[serde(rename = "OutputS3BucketName", default)]
    output_s3_bucket_name: String,
    #[serde(rename = "OutputS3KeyPrefix", default)]
    output_s3_key_prefix: String,
    max_concurrency: Option<String>,
    max_errors: Option<String>,
    #[serde(default)]
    service_role_arn: String,
    notification_config: Option<Value>,
    cloud_watch_output_config: Option<Value>,
    alarm_configuration: Option<Value>,
}

/// What a start is beside its request.
#[derive(Default)]
pub(super) struct Origin {
    /// The command's id, if somebody has chosen it.
    pub(super) command_id: Option<String>,
    /// Who hears of its end.
    pub(super) reply_to: Option<ReplyTo>,
    /// What else is known of whoever started it.
    pub(super) facts: Map<String, Value>,
}

/// Refuses ids that are named twice.
pub(super) fn check_doubles(ids: &[String]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    match ids.iter().find(|id| !seen.insert(id.as_str())) {
        Some(_) => Err(Refusal::bare(Code::DuplicateInstanceId)),
        None => Ok(()),
    }
}

impl SendCommand {
    /// What can be said without looking at anything else.
    fn check(&self) -> Result<(), Refusal> {
        if self.instance_ids.is_empty() == self.targets.is_empty() {
            return Err(invalid("Either InstanceIds or Targets must be given, and not both."));
        }
        if self.instance_ids.len() > INSTANCE_IDS_MAX {
            return Err(invalid(format!(
                "1 validation error detected: Value at 'instanceIds' failed to satisfy constraint: Member must have length less than or equal to {INSTANCE_IDS_MAX}"
            )));
        }
        check_doubles(&self.instance_ids)?;
        if self.notification_config.as_ref().is_some_and(is_given) {
            let message = "notifications are not sent by this version of Trackway; leave NotificationConfig out";
            return Err(Refusal::new(Code::InvalidNotificationConfig, message));
        }
        let logs = self.cloud_watch_output_config.as_ref();
        if logs.is_some_and(|config| config["CloudWatchOutputEnabled"] == true) {
            return Err(invalid("CloudWatch Logs get no output from this version of Trackway."));
        }
        if self.alarm_configuration.is_some() {
            return Err(invalid("Alarms are not watched by this version of Trackway."));
        }
        if self.output_s3_bucket_name.is_empty()
            && !(self.output_s3_key_prefix.is_empty() && self.output_s3_region.is_empty())
        {
            let message = "OutputS3KeyPrefix and OutputS3Region need an OutputS3BucketName";
            return Err(Refusal::new(Code::InvalidOutputFolder, message));
        }
        Ok(())
    }
}

/// A `CloudWatchOutputConfig` whose flag is a boolean; runbooks may write it as a text.
fn with_flag(mut config: Value) -> Value {
    let flag = config["CloudWatchOutputEnabled"].as_str().map(|text| text == "true");
    if let (Some(flag), Value::Object(members)) = (flag, &mut config) {
        members.insert("CloudWatchOutputEnabled".to_owned(), Value::Bool(flag));
    }
    config
}

/// Whether a `NotificationConfig` asks for something.
fn is_given(config: &Value) -> bool {
    let has_arn = config["NotificationArn"].as_str().is_some_and(|arn| !arn.is_empty());
    has_arn || config["NotificationEvents"].as_array().is_some_and(|events| !events.is_empty())
}

impl Ssm {
    pub(super) async fn send_command(&self, caller: &Caller, request: SendCommand) -> Answer {
        #[derive(serde::Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Sent {
            command: Command,
        }
        let start = self.command_start(caller, request, Origin::default()).await?;
        let asked: Request = serde_json::from_str(&start.start.input)
            .map_err(|error| Fault::new(format!("could not read a request of ours: {error}")))?;
        match self.engine.start(start).await.map_err(start_failure)? {
            Started::New { summary } => write(&Sent { command: shown(&summary, asked) }),
            Started::Existing { record, .. } => {
                Err(Fault::new(format!("{} exists already", record.arn)).into())
            }
        }
    }

    /// Checks a command and words it for the engine.
    pub(super) async fn command_start(
        &self,
        caller: &Caller,
        request: SendCommand,
        origin: Origin,
    ) -> Result<StartRequest, Failure> {
        request.check()?;
        let targets = read_targets(&request.targets)?;
        let version = request.document_version.as_deref();
        let hash = request.document_hash.as_deref();
        let document = self
            .command_document(caller, (&request.document_name, version), &request.parameters)
            .await?;
        document.check_hash(hash, request.document_hash_type.as_deref())?;
        self.check_nodes(caller, &request.instance_ids).await?;
        self.check_platforms(caller, &request.instance_ids, &document.platforms).await?;
        let command_id = match origin.command_id {
            Some(id) => id,
            None => uuid()?,
        };
        let arn = arn(&caller.account, &caller.region, &command_id);
        let targets = targets.iter().map(serde_json::to_value);
        let targets = targets.collect::<Result<Vec<Value>, _>>();
        let asked = Request {
            command_id: command_id.clone(),
            document_name: request.document_name,
            document_version: request.document_version.unwrap_or_else(|| "$DEFAULT".to_owned()),
            document_format: document.format.to_owned(),
            comment: request.comment,
            parameters: request.parameters,
            instance_ids: request.instance_ids,
            targets: targets.map_err(|error| Fault::new(error.to_string()))?,
            timeout_seconds: request.timeout_seconds.unwrap_or(TIMEOUT_SECONDS_DEFAULT),
            execution_timeout_seconds: document.execution_timeout_seconds,
            max_concurrency: or(request.max_concurrency, MAX_CONCURRENCY_DEFAULT),
            max_errors: or(request.max_errors, MAX_ERRORS_DEFAULT),
            output_s3_region: request.output_s3_region,
            output_s3_bucket_name: request.output_s3_bucket_name,
            output_s3_key_prefix: request.output_s3_key_prefix,
            service_role: request.service_role_arn,
            notification_config: request.notification_config.filter(is_given),
            cloud_watch_output_config: request.cloud_watch_output_config.map(with_flag),
            alarm_configuration: request.alarm_configuration,
            origin: origin.facts,
            steps: document.steps,
        };
        let input = serde_json::to_string(&asked)
            .map_err(|error| Fault::new(format!("could not write a request: {error}")))?;
        Ok(StartRequest {
            kind: COMMAND_KIND,
            scope: scope(caller),
            parent: "".into(),
            definition: Definition::new(document.text),
            start: Start {
                arn,
                definition_arn: asked.document_name,
                name: command_id,
                role_arn: asked.service_role,
                input: Payload::new(input),
                attributes: Vec::new(),
            },
            reply_to: origin.reply_to,
            durability: Durability::Durable,
        })
    }

    /// Refuses ids that are no nodes of the caller.
    async fn check_nodes(&self, caller: &Caller, ids: &[String]) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for id in ids {
            if self.node(caller, id).await?.is_none() {
                missing.push(id.clone());
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(self.no_such_instances(caller, &missing).into())
    }
}

fn or(given: Option<String>, default: &str) -> String {
    given.unwrap_or_else(|| default.to_owned())
}

/// A start that the engine didn't make; never the caller's fault.
pub(super) fn start_failure(error: StartError) -> Failure {
    match error {
        StartError::Fault(fault) => fault.into(),
        other => Fault::new(other.to_string()).into(),
    }
}
