//! StartAutomationExecution, by a caller or by another execution.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use trackway_core::{Payload, ReplyTo, Start, Timestamp};
use trackway_engine::{Check, Durability, Edit, Fault, StartError, StartRequest, Started};
use trackway_runbook::automation::{AlarmConfiguration, Mode, StartedWith, Target};
use trackway_runbook::document::reference::Template;
use trackway_runbook::document::{Document, DocumentType, Parameter, Runbook};

use super::parameters::{self, Given, invalid, text};
use super::{AUTOMATION_KIND, arn};
use crate::Caller;
use crate::answer::{uuid, write};
use crate::record;
use crate::ssm::documents::Resolved;
use crate::ssm::refusal::{Code, Failure, Refusal};
use crate::ssm::{Answer, Ssm, locations, table, tags, unchanged};

/// What the keys of targets may be, beside `tag:` and a tag's key.
const TARGET_KEYS: [&str; 4] =
    ["ParameterValues", "ResourceGroup", "AWS::EC2::Instance", "InstanceIds"];
/// Values of one target. Source: Target's documentation.
const TARGET_VALUES_MAX: usize = 50;
/// How long a client token stands for what it started. AWS only says that one can't be used again.
const TOKEN_MS: i64 = 24 * 60 * 60 * 1000;
/// What the keys of client tokens begin with.
const TOKENS_OF_STARTS: &str = "StartAutomationExecution\0";
/// Older tokens that a new one looks at.
const TOKENS_LOOKED_AT: usize = 4;

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartAutomation {
    document_name: String,
    document_version: Option<String>,
    #[serde(default)]
    parameters: Given,
    client_token: Option<String>,
    mode: Option<String>,
    target_parameter_name: Option<String>,
    #[serde(default)]
    targets: Vec<TargetOf>,
    #[serde(default)]
    target_maps: Vec<BTreeMap<String, Vec<String>>>,
    max_concurrency: Option<String>,
    max_errors: Option<String>,
    #[serde(default)]
    target_locations: Vec<Value>,
    #[serde(rename = "TargetLocationsURL")]
    target_locations_url: Option<String>,
    #[serde(default)]
    tags: Vec<tags::Tag>,
    alarm_configuration: Option<Alarms>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetOf {
    #[serde(default)]
    key: String,
    #[serde(default)]
    values: Vec<String>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Alarms {
    #[serde(default)]
    ignore_poll_alarm_failure: bool,
    alarms: Vec<Alarm>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Alarm {
    name: String,
}

/// Who starts an execution that no caller asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    pub(super) parent_execution_id: Option<String>,
    pub(super) target: Option<String>,
    pub(super) association_id: Option<String>,
    pub(super) executed_by: Option<String>,
    pub(super) reply_to: Option<ReplyTo>,
}

/// What a client token stands for: the execution that it started, and a digest of the request.
#[derive(Serialize, Deserialize)]
struct Issued {
    execution_id: String,
    request: [u8; 32],
    /// When it was used first.
    at: Timestamp,
}

impl Issued {
    /// Whether it stands for nothing any more.
    fn is_over(&self, now: Timestamp) -> bool {
        now - self.at >= TOKEN_MS
    }
}

impl StartAutomation {
    /// The parameters that each target brings.
    fn later(&self) -> Vec<&str> {
        let of_maps = self.target_maps.first().into_iter().flat_map(BTreeMap::keys);
        let of_every_map =
            of_maps.filter(|key| self.target_maps.iter().all(|map| map.contains_key(*key)));
        of_every_map.map(String::as_str).chain(self.target_parameter_name.as_deref()).collect()
    }
}

impl Ssm {
    pub(super) async fn start_automation(
        &self,
        caller: &Caller,
        request: StartAutomation,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answered<'a> {
            automation_execution_id: &'a str,
        }
        let id = match &request.client_token {
            None => uuid()?,
            Some(token) => self.issued(caller, token, &request).await?,
        };
        let id = id.as_str();
        match self.start_as(caller, id, request, Origin::default()).await? {
            Started::New { .. } | Started::Existing { .. } => {
                write(&Answered { automation_execution_id: id })
            }
        }
    }

    /// Starts an execution with this id, unless it is there already.
    pub(super) async fn start_as(
        &self,
        caller: &Caller,
        id: &str,
        request: StartAutomation,
        origin: Origin,
    ) -> Result<Started, Failure> {
        // One that a token started before is not checked again: its document may be gone.
        if let Some(record) = self.engine.record(super::identity(caller, id)).await? {
            return Ok(Started::Existing { record: Box::new(record), same_input: true });
        }
        let resolved = self.runbook(caller, &request).await?;
        let Document::Runbook(runbook) = &*resolved.parsed else {
            return Err(not_a_runbook(&resolved).into());
        };
        check_targets(caller, runbook, &request)?;
        let later = request.later();
        let values = parameters::typed(&runbook.parameters, &request.parameters, &later)?;
        let role_arn = assume_role(runbook, |name| values.get(name).cloned())?;
        let kept = tags::checked(&request.tags)?;
        if !kept.is_empty() {
            let edit = tags::put(tags::ResourceType::Automation, id, &kept)?;
            self.change(caller, &[], &[edit]).await?;
        }
        let reply_to = origin.reply_to;
        let attributes = started_with(caller, id, &resolved, request, origin).encode();
        let start = StartRequest {
            kind: AUTOMATION_KIND,
            scope: Arc::clone(&caller.scope),
            parent: Arc::from(""),
            definition: resolved.runnable,
            start: Start {
                arn: arn(caller, id),
                definition_arn: resolved.arn,
                name: id.to_owned(),
                role_arn,
                input: Payload::new(json!({ "parameters": values }).to_string()),
                attributes,
            },
            reply_to,
            durability: Durability::Durable,
        };
        self.engine.start(start).await.map_err(|error| match error {
            StartError::Fault(fault) => fault.into(),
            other => Fault::new(other.to_string()).into(),
        })
    }

    /// The document of a start, with this service's own errors.
    async fn runbook(
        &self,
        caller: &Caller,
        request: &StartAutomation,
    ) -> Result<Resolved, Failure> {
        let version = request.document_version.as_deref();
        let resolved = self.resolve_document(caller, &request.document_name, version).await;
        let resolved = resolved.map_err(|failure| match failure {
            Failure::Refused(refusal) if refusal.code == Code::InvalidDocumentVersion => {
                let message = format!(
                    "The version {} of the document {} does not exist.",
                    version.unwrap_or("$DEFAULT"),
                    request.document_name
                );
                Refusal::new(Code::AutomationDefinitionVersionNotFoundException, message).into()
            }
            Failure::Refused(refusal) if refusal.code == Code::InvalidDocument => {
                let message =
                    format!("The automation definition {} does not exist.", request.document_name);
                Refusal::new(Code::AutomationDefinitionNotFoundException, message).into()
            }
            other => other,
        })?;
        if resolved.document_type != DocumentType::Automation {
            return Err(not_a_runbook(&resolved).into());
        }
        Ok(resolved)
    }

    /// The execution that a client token stands for: the first request with it chooses the id.
    async fn issued(
        &self,
        caller: &Caller,
        token: &str,
        request: &StartAutomation,
    ) -> Result<String, Failure> {
        let table = table::CLIENT_TOKENS;
        // AWS's tokens are UUIDs in any case.
        let key = format!("{TOKENS_OF_STARTS}{}", token.to_ascii_lowercase()).into_bytes();
        let text =
            serde_json::to_string(&StartAutomation { client_token: None, ..request.clone() });
        let digest: [u8; 32] = Sha256::digest(text.unwrap_or_default().as_bytes()).into();
        loop {
            let (row, now) = (self.row(caller, table, &key).await?, self.engine.now());
            let issued: Option<Issued> = row.as_deref().map(record::decode).transpose()?;
            if let Some(issued) = issued.filter(|issued| !issued.is_over(now)) {
                if issued.request == digest {
                    return Ok(issued.execution_id);
                }
                return Err(Refusal::new(
                    Code::IdempotentParameterMismatch,
                    "The client token was used before, for a request with other parameters.",
                )
                .into());
            }
            // A request that is refused leaves no token behind.
            let resolved = self.runbook(caller, request).await?;
            check(caller, &resolved, request)?;
            let issued = Issued { execution_id: uuid()?, request: digest, at: now };
            let value = record::encode(&issued)?.into();
            let (mut checks, mut edits) = self.forgotten_tokens(caller, &key, now).await?;
            checks.push(unchanged(table, &key, row));
            edits.push(Edit::Put { table, key: key.clone(), value });
            if self.change(caller, &checks, &edits).await? {
                return Ok(issued.execution_id);
            }
        }
    }

    /// Drops the tokens after a new one that are over: as tokens are random, all of them in time.
    async fn forgotten_tokens(
        &self,
        caller: &Caller,
        key: &[u8],
        now: Timestamp,
    ) -> Result<(Vec<Check>, Vec<Edit>), Failure> {
        let table = table::CLIENT_TOKENS;
        let prefix = TOKENS_OF_STARTS.as_bytes();
        let catalog = self.engine.catalog();
        let page = catalog.list(&caller.scope, table, prefix, Some(key), TOKENS_LOOKED_AT).await?;
        let (mut checks, mut edits) = (Vec::new(), Vec::new());
        for (key, value) in page.rows {
            if record::decode::<Issued>(&value)?.is_over(now) {
                let key = key.to_vec();
                checks.push(Check::Equals { table, key: key.clone(), value });
                edits.push(Edit::Delete { table, key });
            }
        }
        Ok((checks, edits))
    }
}

/// What can be said of a request before anything is written.
fn check(caller: &Caller, resolved: &Resolved, request: &StartAutomation) -> Result<(), Refusal> {
    let Document::Runbook(runbook) = &*resolved.parsed else {
        return Err(not_a_runbook(resolved));
    };
    check_targets(caller, runbook, request)?;
    let values = parameters::typed(&runbook.parameters, &request.parameters, &request.later())?;
    assume_role(runbook, |name| values.get(name).cloned())?;
    tags::checked(&request.tags).map(drop)
}

fn not_a_runbook(resolved: &Resolved) -> Refusal {
    invalid(format!("The document {} is not of type Automation.", resolved.shown_name))
}

fn check_targets(
    caller: &Caller,
    runbook: &Runbook,
    request: &StartAutomation,
) -> Result<(), Refusal> {
    let target = |message: String| Refusal::new(Code::InvalidTarget, message);
    locations::check(caller, &request.target_locations)?;
    if request.target_locations_url.is_some() {
        return Err(target(
            "TargetLocationsURL is not supported by this version of Trackway.".to_owned(),
        ));
    }
    let is_declared =
        |name: &str| runbook.parameters.iter().any(|parameter| parameter.name == name);
    if let Some(name) = request.target_parameter_name.as_deref() {
        if !is_declared(name) {
            return Err(invalid(format!(
                "The TargetParameterName {name} is not a parameter of the document."
            )));
        }
        if request.targets.is_empty() {
            return Err(target("Targets are required with a TargetParameterName.".to_owned()));
        }
        if !request.target_maps.is_empty() {
            return Err(target("TargetMaps can't be used with a TargetParameterName.".to_owned()));
        }
        if request.parameters.contains_key(name) {
            return Err(invalid(format!(
                "The parameter {name} is the TargetParameterName, so it can't be given a value."
            )));
        }
    } else if !request.targets.is_empty() {
        return Err(target("TargetParameterName is required with Targets.".to_owned()));
    }
    if request.targets.len() > 1 {
        return Err(target("Only one target can be given.".to_owned()));
    }
    for TargetOf { key, values } in &request.targets {
        let is_tag = key.strip_prefix("tag:").is_some_and(|key| !key.is_empty());
        if !is_tag && !TARGET_KEYS.contains(&key.as_str()) {
            return Err(target(
                "Target key can have only following values : ParameterValues, ResourceGroup"
                    .to_owned(),
            ));
        }
        if values.is_empty() || values.len() > TARGET_VALUES_MAX {
            return Err(target(format!(
                "A target has between 1 and {TARGET_VALUES_MAX} values, not {}.",
                values.len()
            )));
        }
    }
    let mut keys = request.target_maps.iter().flat_map(BTreeMap::keys);
    keys.find(|key| !is_declared(key)).map_or(Ok(()), |odd| {
        Err(invalid(format!("The target map's key {odd} is not a parameter of the document.")))
    })
}

/// The role that the document assumes, if it does.
fn assume_role(
    runbook: &Runbook,
    given: impl Fn(&str) -> Option<Value>,
) -> Result<String, Refusal> {
    let Some(text_of_role) = runbook.assume_role.as_deref() else { return Ok(String::new()) };
    let default = |parameter: &Parameter| parameter.default.clone();
    let role = match parameter_named(text_of_role) {
        Some(name) => {
            let declared = runbook.parameters.iter().find(|parameter| parameter.name == name);
            let value = given(name).or_else(|| declared.and_then(default));
            value.as_ref().map(text).unwrap_or_default()
        }
        None => text_of_role.to_owned(),
    };
    // A reference to Parameter Store is looked up by the execution.
    if role.is_empty() || role.contains("{{") || is_role(&role) {
        return Ok(role);
    }
    Err(invalid("The format of the supplied assume role ARN is invalid."))
}

/// The parameter that a text is a reference to.
fn parameter_named(text: &str) -> Option<&str> {
    // What else a template can be is looked at when the execution starts.
    match Template::parse_text(text) {
        Template::Whole(_) => {}
        _ => return None,
    }
    Some(text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim())
}

fn is_role(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, account, resource) =
        (part(), part(), part(), part(), part(), part());
    arn == "arn"
        && partition.starts_with("aws")
        && service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
}

fn started_with(
    caller: &Caller,
    id: &str,
    resolved: &Resolved,
    request: StartAutomation,
    origin: Origin,
) -> StartedWith {
    StartedWith {
        execution_id: id.to_owned(),
        document_name: resolved.shown_name.clone(),
        document_version: resolved.version.clone(),
        executed_by: origin.executed_by.unwrap_or_else(|| caller.arn()),
        account: caller.account.clone(),
        region: caller.region.clone(),
        mode: match request.mode.as_deref() {
            Some("Interactive") => Mode::Interactive,
            _ => Mode::Auto,
        },
        parent_execution_id: origin.parent_execution_id,
        target: origin.target,
        target_parameter_name: request.target_parameter_name,
        targets: request
            .targets
            .into_iter()
            .map(|TargetOf { key, values }| Target { key, values })
            .collect(),
        target_maps: request.target_maps,
        max_concurrency: request.max_concurrency,
        max_errors: request.max_errors,
        alarms: request.alarm_configuration.map(|alarms| AlarmConfiguration {
            ignore_poll_alarm_failure: alarms.ignore_poll_alarm_failure,
            alarms: alarms.alarms.into_iter().map(|alarm| alarm.name).collect(),
        }),
        association_id: origin.association_id,
        client_token: request.client_token,
    }
}
