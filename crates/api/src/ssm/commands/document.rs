//! The document of a command: found and checked when the command is sent, made into a node's plan
//! when the node asks for it.

use serde_json::{Map, Value, json};
use trackway_command::limits::EXECUTION_TIMEOUT_SECONDS_DEFAULT;
use trackway_command::protocol::RunCommand;
use trackway_command::request::{Request, Step};
use trackway_core::ExecutionId;
use trackway_engine::Fault;
use trackway_runbook::document::parameters::{self, Given};
use trackway_runbook::document::{self, CommandDocument, Document, DocumentType, Format, Values};
use trackway_runbook::plan::{Plan, Platform};

use crate::Caller;
use crate::ssm::Ssm;
use crate::ssm::nodes::Node;
use crate::ssm::refusal::{Code, Failure, Refusal};

/// What a command takes of its document.
#[derive(Debug)]
pub(super) struct Prepared {
    /// The content, pinned.
    pub(super) text: std::sync::Arc<str>,
    /// How it is written.
    pub(super) format: &'static str,
    /// The platforms that it is for.
    pub(super) platforms: Vec<&'static str>,
    pub(super) steps: Vec<Step>,
    pub(super) execution_timeout_seconds: u64,
}

/// Why a node can't be given a command.
pub(crate) enum Cannot {
    /// The command is not there any more.
    Gone,
    /// The document is not for the node's platform.
    InvalidPlatform,
    /// No plan can be made, and why.
    Plan(String),
}

fn given(parameters: &Map<String, Value>) -> Given {
    let texts = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(items) => items.iter().map(text).collect(),
            other => vec![text(other)],
        }
    };
    parameters.iter().map(|(name, value)| (name.clone(), texts(value))).collect()
}

/// A child's parameters may hold other values than texts.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

impl Prepared {
    /// Refuses a content whose digest is not what the caller expects.
    pub(super) fn check_hash(
        &self,
        hash: Option<&str>,
        hash_type: Option<&str>,
    ) -> Result<(), Refusal> {
        let Some(hash) = hash else { return Ok(()) };
        if hash_type == Some("Sha1") {
            let message = "DocumentHashType Sha1 is no longer supported; use Sha256.";
            return Err(Refusal::new(Code::InvalidDocument, message));
        }
        if trackway_runbook::document::hash(&self.text).eq_ignore_ascii_case(hash) {
            return Ok(());
        }
        Err(Refusal::new(Code::InvalidDocument, "The document hash does not match the document."))
    }
}

impl Ssm {
    /// Finds a command's document and checks its parameters.
    pub(super) async fn command_document(
        &self,
        caller: &Caller,
        (name, version): (&str, Option<&str>),
        parameters: &Map<String, Value>,
    ) -> Result<Prepared, Failure> {
        let found = self.resolve_document(caller, name, version).await?;
        let Document::Command(command) = &*found.parsed else {
            let message = format!("The document {name} is not of type Command.");
            return Err(Refusal::new(Code::InvalidDocument, message).into());
        };
        let values = parameters::check(&command.parameters, &given(parameters)).map_err(|why| {
            let texts: Vec<String> = why.iter().map(ToString::to_string).collect();
            Refusal::new(Code::InvalidParameters, texts.join(" "))
        })?;
        let stored = self.stored_values(caller, command, &values).await?.map_err(|name| {
            let message = format!("Parameter {name} is not in Parameter Store.");
            Refusal::new(Code::InvalidParameters, message)
        })?;
        // The steps are the same on all platforms; what is skipped is decided for each node.
        let plan = command
            .plan(&values, &stored, Platform::Linux)
            .map_err(|why| Refusal::new(Code::InvalidParameters, why.to_string()))?;
        Ok(Prepared {
            format: found.format.as_str(),
            platforms: found.parsed.facts().platform_types,
            steps: steps(&plan),
            execution_timeout_seconds: seconds(&plan),
            text: std::sync::Arc::clone(found.content.text()),
        })
    }

    /// What Parameter Store has for a document; or the name of what it doesn't have.
    async fn stored_values(
        &self,
        caller: &Caller,
        command: &CommandDocument,
        values: &Values,
    ) -> Result<Result<Values, String>, Fault> {
        let mut stored = Values::new();
        for name in command.stored_names(values) {
            let input = json!({"Name": name, "WithDecryption": true});
            let Some(answer) = self.call("GetParameter", caller, input).await else {
                return Ok(Err(name));
            };
            let answer: Value = match answer {
                Ok(body) => serde_json::from_slice(&body)
                    .map_err(|error| Fault::new(format!("could not read a parameter: {error}")))?,
                Err(crate::refusal::Failure::Refused(_)) => return Ok(Err(name)),
                Err(crate::refusal::Failure::Fault(fault)) => return Err(fault),
            };
            let parameter = &answer["Parameter"];
            let text = parameter["Value"].as_str().unwrap_or_default();
            let value = match parameter["Type"].as_str() {
                Some("StringList") => text.split(',').map(Value::from).collect(),
                _ => Value::from(text),
            };
            stored.insert(name, value);
        }
        Ok(Ok(stored))
    }

    /// All that a node needs to run a command.
    pub(crate) async fn run_for(
        &self,
        caller: &Caller,
        id: ExecutionId,
        node: &Node,
    ) -> Result<Result<RunCommand, Cannot>, Fault> {
        let Some(record) = self.engine.record(id).await?.filter(|record| !record.closed) else {
            return Ok(Err(Cannot::Gone));
        };
        let request = self.request_of(id).await?;
        let content = self.engine.definition(record.definition_hash).await?;
        let content =
            content.ok_or_else(|| Fault::new(format!("the document of {id} is missing")))?;
        let format = Format::parse(&request.document_format).unwrap_or(Format::Json);
        let parsed = document::parse(content.text(), format, DocumentType::Command);
        let (parsed, command) = match parsed {
            Ok(parsed @ Document::Command(_)) => (parsed.facts(), parsed),
            Ok(_) => return Ok(Err(Cannot::Plan("the document is no Command".to_owned()))),
            Err(why) => return Ok(Err(Cannot::Plan(why.message()))),
        };
        let platform = Platform::parse(&node.platform_type).unwrap_or(Platform::Linux);
        if !parsed.platform_types.is_empty() && !parsed.platform_types.contains(&platform.as_str())
        {
            return Ok(Err(Cannot::InvalidPlatform));
        }
        let Document::Command(command) = &command else { return Ok(Err(Cannot::Gone)) };
        let plan = self.plan(caller, command, &request, platform).await?;
        let plan = plan.map(|plan| told_who_it_is(plan, caller, node));
        Ok(plan.map_err(Cannot::Plan).map(|plan| RunCommand {
            command_id: request.command_id,
            document_name: request.document_name,
            plan,
            timeout_seconds: request.execution_timeout_seconds,
        }))
    }

    async fn plan(
        &self,
        caller: &Caller,
        command: &CommandDocument,
        request: &Request,
        platform: Platform,
    ) -> Result<Result<Value, String>, Fault> {
        let values = match parameters::check(&command.parameters, &given(&request.parameters)) {
            Ok(values) => values,
            Err(why) => {
                let texts: Vec<String> = why.iter().map(ToString::to_string).collect();
                return Ok(Err(texts.join(" ")));
            }
        };
        let stored = match self.stored_values(caller, command, &values).await? {
            Ok(stored) => stored,
            Err(name) => return Ok(Err(format!("Parameter {name} is not in Parameter Store."))),
        };
        let plan = match command.plan(&values, &stored, platform) {
            Ok(plan) => plan,
            Err(why) => return Ok(Err(why.to_string())),
        };
        let plan = serde_json::to_value(&plan);
        Ok(Ok(plan.map_err(|error| Fault::new(format!("could not write a plan: {error}")))?))
    }

    /// Refuses nodes on whose platform no step of the document runs.
    pub(in crate::ssm) async fn check_platforms(
        &self,
        caller: &Caller,
        ids: &[String],
        platforms: &[&'static str],
    ) -> Result<(), Failure> {
        for id in ids {
            let node = self.node(caller, id).await?;
            let is_other = |node: &Node| !platforms.contains(&node.platform_type.as_str());
            if !platforms.is_empty() && node.as_ref().is_some_and(is_other) {
                let message = "The document doesn't support the platform type of a given node.";
                return Err(Refusal::new(Code::UnsupportedPlatformType, message).into());
            }
        }
        Ok(())
    }
}

/// The plan with the variables by which AWS's agent tells scripts where they run.
fn told_who_it_is(mut plan: Value, caller: &Caller, node: &Node) -> Value {
    plan["environment"]["AWS_SSM_INSTANCE_ID"] = json!(node.id);
    plan["environment"]["AWS_SSM_REGION_NAME"] = json!(caller.region);
    plan
}

fn steps(plan: &Plan) -> Vec<Step> {
    let step = |step: &trackway_runbook::plan::PlanStep| Step {
        name: step.name.clone(),
        plugin: step.action.clone(),
    };
    plan.steps.iter().map(step).collect()
}

/// How long the steps may take together; those that don't say it count as long as a script may.
fn seconds(plan: &Plan) -> u64 {
    let of = |step: &trackway_runbook::plan::PlanStep| {
        let once = step.timeout_seconds.unwrap_or(EXECUTION_TIMEOUT_SECONDS_DEFAULT);
        once.saturating_mul(u64::from(step.max_attempts.unwrap_or(1).max(1)))
    };
    plan.steps.iter().map(of).fold(0, u64::saturating_add)
}
