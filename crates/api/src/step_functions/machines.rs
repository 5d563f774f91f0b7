//! State machines: create, describe, update, delete, list.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_asl::{Execution, definition};
use trackway_core::Machine as _;
use trackway_engine::{Definition, Fault};

use super::arn::{self, Arn, Resource};
use super::record::{self, MachineType, StateMachine};
use super::refusal::{Code, Failure, Refusal};
use super::rows::Table;
use super::{Answer, Epoch, StepFunctions, nothing, page, tags, uuid, write};
use crate::Caller;

/// Definitions kept in memory, by content hash; more are read again when they are needed.
const DEFINITIONS_MAX: usize = 1000;

/// Definitions by content hash, as text and parsed, so that a start or a history reads none from
/// the store. What is named by its content never goes stale.
#[derive(Default)]
pub(super) struct Definitions(Mutex<BTreeMap<[u8; 32], Known>>);

#[derive(Clone)]
struct Known {
    definition: Definition,
    parsed: Arc<definition::Definition>,
}

impl Definitions {
    fn get(&self, hash: &[u8; 32]) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    fn put(&self, known: Known) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= DEFINITIONS_MAX {
            all.clear();
        }
        all.insert(known.definition.hash(), known);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateStateMachine {
    name: String,
    definition: String,
    role_arn: String,
    #[serde(rename = "type", default)]
    machine_type: MachineType,
    #[serde(default)]
    tags: Vec<tags::Tag>,
    #[serde(flatten)]
    settings: Settings,
}

/// What create and update share, and what is not built yet.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    logging_configuration: Option<Value>,
    tracing_configuration: Option<Value>,
    encryption_configuration: Option<Value>,
    #[serde(default)]
    publish: bool,
    version_description: Option<String>,
}

impl Settings {
    /// Refuses what would be accepted and ignored.
    fn check(&self) -> Result<(), Refusal> {
        let level = self.logging_configuration.as_ref().and_then(|c| c["level"].as_str());
        if level.is_some_and(|level| level != "OFF") {
            return Err(Refusal::new(
                Code::InvalidLoggingConfiguration,
                "Invalid Logging Configuration: logging to CloudWatch Logs is not supported by this version of Trackway; use level OFF.",
            ));
        }
        if self.tracing_configuration.as_ref().is_some_and(|c| c["enabled"] == Value::Bool(true)) {
            return Err(Refusal::new(
                Code::InvalidTracingConfiguration,
                "Invalid Tracing Configuration: tracing with X-Ray is not supported by this version of Trackway.",
            ));
        }
        let key = self.encryption_configuration.as_ref().and_then(|c| c["type"].as_str());
        if key.is_some_and(|key| key != "AWS_OWNED_KEY") {
            return Err(Refusal::new(
                Code::InvalidEncryptionConfiguration,
                "Invalid Encryption Configuration: customer managed keys are not supported by this version of Trackway.",
            ));
        }
        if self.publish {
            return Err(Refusal::new(
                Code::ValidationException,
                "Publishing versions of a state machine is not supported by this version of Trackway.",
            ));
        }
        if self.version_description.is_some() {
            return Err(Refusal::new(
                Code::ValidationException,
                "Version description can only be set when publish is true",
            ));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateStateMachine {
    state_machine_arn: String,
    definition: Option<String>,
    role_arn: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfStateMachine {
    state_machine_arn: String,
    included_data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfExecution {
    execution_arn: String,
    included_data: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    state_machine_arn: &'a str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<&'a str>,
    role_arn: &'a str,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    machine_type: Option<MachineType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    update_date: Option<Epoch>,
    logging_configuration: Logging,
    tracing_configuration: Tracing,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision_id: Option<&'a str>,
}

/// The settings of every machine, since no other is accepted.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Logging {
    level: Off,
    include_execution_data: bool,
}

#[derive(Default, Serialize)]
enum Off {
    #[default]
    #[serde(rename = "OFF")]
    Off,
}

#[derive(Default, Serialize)]
struct Tracing {
    enabled: bool,
}

impl StepFunctions {
    pub(super) async fn create_state_machine(
        &self,
        caller: &Caller,
        request: CreateStateMachine,
    ) -> Answer {
        arn::check_name(&request.name)?;
        check_role(&request.role_arn)?;
        request.settings.check()?;
        check_definition(&request.definition, request.machine_type)?;
        let tags = tags::checked(request.tags)?;
        let definition = Definition::new(request.definition);
        let now = self.engine.now();
        let machine = StateMachine {
            arn: arn::state_machine(caller, &request.name),
            name: request.name,
            machine_type: request.machine_type,
            role_arn: request.role_arn,
            definition_hash: definition.hash(),
            created: now,
            updated: now,
            revision_id: None,
            tags,
        };
        let row = record::encode(&machine)?;
        let place = (Table::StateMachines, machine.name.as_str());
        let kept = if self.create_row(caller, place, row, Some(&definition)).await? {
            machine
        } else {
            self.machine_of_same_content(caller, machine).await?
        };
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Created<'a> {
            state_machine_arn: &'a str,
            creation_date: Epoch,
        }
        write(&Created { state_machine_arn: &kept.arn, creation_date: Epoch(kept.created) })
    }

    /// Creating what exists already answers as the first time, if name, type and definition are
    /// the same; role and tags stay as they were.
    async fn machine_of_same_content(
        &self,
        caller: &Caller,
        wanted: StateMachine,
    ) -> Result<StateMachine, Failure> {
        let existing = self.machine(caller, &wanted.arn, &wanted.name).await?;
        if existing.definition_hash == wanted.definition_hash
            && existing.machine_type == wanted.machine_type
        {
            return Ok(existing);
        }
        Err(Refusal::new(
            Code::StateMachineAlreadyExists,
            format!("State Machine Already Exists: '{}'", wanted.arn),
        )
        .into())
    }

    pub(super) async fn describe_state_machine(
        &self,
        caller: &Caller,
        request: OfStateMachine,
    ) -> Answer {
        let machine = self.machine_by_arn(caller, &request.state_machine_arn).await?;
        let definition = self.definition(caller, &machine.definition_hash).await?;
        let metadata_only = request.included_data.as_deref() == Some("METADATA_ONLY");
        write(&Description {
            state_machine_arn: &machine.arn,
            name: &machine.name,
            status: Some("ACTIVE"),
            definition: (!metadata_only).then_some(&**definition.text()),
            role_arn: &machine.role_arn,
            machine_type: Some(machine.machine_type),
            creation_date: Some(Epoch(machine.created)),
            update_date: None,
            logging_configuration: Logging::default(),
            tracing_configuration: Tracing::default(),
            revision_id: machine.revision_id.as_deref(),
        })
    }

    pub(super) async fn describe_state_machine_for_execution(
        &self,
        caller: &Caller,
        request: OfExecution,
    ) -> Answer {
        let record = self.execution_record(caller, &request.execution_arn).await?;
        let definition = self.definition(caller, &record.definition_hash).await?;
        let ends = self.ends_of(&record).await?;
        let started = super::executions::StartedWith::decode(&record.attributes)?;
        let metadata_only = request.included_data.as_deref() == Some("METADATA_ONLY");
        write(&Description {
            state_machine_arn: &record.definition_arn,
            name: record.definition_arn.rsplit(':').next().unwrap_or_default(),
            status: None,
            definition: (!metadata_only).then_some(&**definition.text()),
            role_arn: &ends.role_arn,
            machine_type: None,
            creation_date: None,
            update_date: Some(Epoch(started.updated)),
            logging_configuration: Logging::default(),
            tracing_configuration: Tracing::default(),
            revision_id: started.revision_id.as_deref(),
        })
    }

    pub(super) async fn update_state_machine(
        &self,
        caller: &Caller,
        request: UpdateStateMachine,
    ) -> Answer {
        let settings = &request.settings;
        if request.definition.is_none()
            && request.role_arn.is_none()
            && settings.logging_configuration.is_none()
            && settings.tracing_configuration.is_none()
            && settings.encryption_configuration.is_none()
        {
            return Err(Refusal::new(
                Code::MissingRequiredParameter,
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
            )
            .into());
        }
        settings.check()?;
        request.role_arn.as_deref().map_or(Ok(()), check_role)?;
        let definition = request.definition.map(Definition::new);
        loop {
            let (name, row) = self.machine_row(caller, &request.state_machine_arn).await?;
            let before: StateMachine = record::decode(&row)?;
            if let Some(definition) = &definition {
                check_definition(definition.text(), before.machine_type)?;
            }
            let now = self.engine.now();
            let mut after = before.clone();
            after.definition_hash =
                definition.as_ref().map_or(before.definition_hash, Definition::hash);
            after.role_arn = request.role_arn.clone().unwrap_or(after.role_arn);
            if after != before || after.revision_id.is_none() {
                after.revision_id = Some(uuid()?);
                after.updated = now;
            }
            let place = (Table::StateMachines, name);
            let rows = (row, record::encode(&after)?);
            if self.replace_row(caller, place, rows, definition.as_ref()).await? {
                #[derive(Serialize)]
                #[serde(rename_all = "camelCase")]
                struct Updated<'a> {
                    update_date: Epoch,
                    revision_id: Option<&'a str>,
                }
                return write(&Updated {
                    update_date: Epoch(after.updated),
                    revision_id: after.revision_id.as_deref(),
                });
            }
            // Somebody else changed it meanwhile: look again.
        }
    }

    pub(super) async fn delete_state_machine(
        &self,
        caller: &Caller,
        request: OfStateMachine,
    ) -> Answer {
        let parsed = Arn::parse(&request.state_machine_arn)?;
        match parsed.resource {
            Resource::StateMachine { name } if parsed.is_of(caller) => {
                self.delete_row(caller, Table::StateMachines, name).await?;
                self.abort_running(caller, &request.state_machine_arn).await?;
            }
            Resource::StateMachine { .. } | Resource::Qualified { .. } => {}
            _ => return Err(parsed.not_here().into()),
        }
        nothing()
    }

    pub(super) async fn list_state_machines(
        &self,
        caller: &Caller,
        request: page::Request,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Item {
            state_machine_arn: String,
            name: String,
            #[serde(rename = "type")]
            machine_type: MachineType,
            creation_date: Epoch,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Listed {
            state_machines: Vec<Item>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        let (rows, next_token) =
            self.catalog_page(caller, "ListStateMachines", Table::StateMachines, &request).await?;
        let item = |machine: StateMachine| Item {
            state_machine_arn: machine.arn,
            name: machine.name,
            machine_type: machine.machine_type,
            creation_date: Epoch(machine.created),
        };
        write(&Listed { state_machines: rows.into_iter().map(item).collect(), next_token })
    }

    /// The state machine that an ARN names.
    pub(super) async fn machine_by_arn(
        &self,
        caller: &Caller,
        text: &str,
    ) -> Result<StateMachine, Failure> {
        let (_, row) = self.machine_row(caller, text).await?;
        Ok(record::decode(&row)?)
    }

    async fn machine_row<'a>(
        &self,
        caller: &Caller,
        text: &'a str,
    ) -> Result<(&'a str, bytes::Bytes), Failure> {
        let parsed = Arn::parse(text)?;
        match parsed.resource {
            Resource::StateMachine { name } if parsed.is_of(caller) => {
                let row = self.row(caller, Table::StateMachines, name).await?;
                Ok((name, row.ok_or_else(|| does_not_exist(text))?))
            }
            Resource::StateMachine { .. } | Resource::Qualified { .. } => {
                Err(does_not_exist(text).into())
            }
            _ => Err(parsed.not_here().into()),
        }
    }

    async fn machine(
        &self,
        caller: &Caller,
        text: &str,
        name: &str,
    ) -> Result<StateMachine, Failure> {
        let row = self.row(caller, Table::StateMachines, name).await?;
        Ok(record::decode(&row.ok_or_else(|| does_not_exist(text))?)?)
    }

    /// A definition's text by its hash.
    pub(super) async fn definition(
        &self,
        caller: &Caller,
        hash: &[u8; 32],
    ) -> Result<Definition, Fault> {
        Ok(self.known(caller, hash).await?.definition)
    }

    /// A definition by its hash, ready to show a history with.
    pub(super) async fn parsed_definition(
        &self,
        caller: &Caller,
        hash: &[u8; 32],
    ) -> Result<Arc<definition::Definition>, Fault> {
        Ok(self.known(caller, hash).await?.parsed)
    }

    async fn known(&self, caller: &Caller, hash: &[u8; 32]) -> Result<Known, Fault> {
        if let Some(known) = self.definitions.get(hash) {
            return Ok(known);
        }
        let missing = || Fault::new(format!("the definition {} is missing", Hex(hash)));
        // An execution pins its definition with the engine; one that never ran is in the catalog.
        let table = Table::Definitions as u8;
        let definition = match self.engine.definition(*hash).await? {
            Some(definition) => definition,
            None => {
                let row = self.engine.catalog().get(&caller.scope, table, hash).await?;
                let text = row.as_deref().and_then(|row| std::str::from_utf8(row).ok());
                Definition::new(text.ok_or_else(missing)?)
            }
        };
        let parsed = Execution::parse(definition.text())
            .map_err(|why| Fault::new(format!("could not read definition {}: {why}", Hex(hash))))?;
        let known = Known { definition, parsed: Arc::new(parsed) };
        self.definitions.put(known.clone());
        Ok(known)
    }
}

/// Shows a hash.
struct Hex<'a>(&'a [u8; 32]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The refusal of a state machine that is not there.
pub(super) fn does_not_exist(arn: &str) -> Refusal {
    Refusal::new(Code::StateMachineDoesNotExist, format!("State Machine Does Not Exist: '{arn}'"))
}

fn check_role(role_arn: &str) -> Result<(), Refusal> {
    if role_arn.starts_with("arn:") {
        return Ok(());
    }
    Err(Refusal::new(Code::InvalidArn, format!("Invalid Role Arn: '{role_arn}'")))
}

fn check_definition(text: &str, machine_type: MachineType) -> Result<(), Refusal> {
    definition::parse(text, in_the_language(machine_type)).map(drop).map_err(|diagnostics| {
        Refusal::new(Code::InvalidDefinition, definition::to_aws_message(&diagnostics))
    })
}

/// The type as the language knows it.
pub(super) fn in_the_language(machine_type: MachineType) -> definition::MachineType {
    match machine_type {
        MachineType::Standard => definition::MachineType::Standard,
        MachineType::Express => definition::MachineType::Express,
    }
}
