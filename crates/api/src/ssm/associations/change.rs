//! CreateAssociation, CreateAssociationBatch, UpdateAssociation, UpdateAssociationStatus,
//! DeleteAssociation, StartAssociationsOnce.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_association::association::{Birth, Columns, KIND, Signal};
use trackway_association::limits::ASSOCIATIONS_MAX;
use trackway_association::request::association_arn;
use trackway_association::spec::Spec;
use trackway_core::{Payload, Start};
use trackway_engine::{
    Check, Definition, Durability, Edit, Fault, ListQuery, StartError, StartRequest, Started,
};

use super::describe::{creating, description};
use super::{ACTIVE, Found, legacy_key};
use crate::Caller;
use crate::answer::{nothing, read, uuid, write};
use crate::ssm::refusal::{Code, Failure, Refusal};
use crate::ssm::{Answer, Ssm, table, tags, unchanged};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    #[serde(default)]
    tags: Vec<tags::Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Updated {
    association_id: String,
    association_version: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteAssociation {
    association_id: Option<String>,
    name: Option<String>,
    instance_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartAssociationsOnce {
    association_ids: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateAssociationStatus {
    name: String,
    instance_id: String,
    association_status: Value,
}

impl Ssm {
    pub(super) async fn create_association(&self, caller: &Caller, input: Value) -> Answer {
        let columns = self.create(caller, input).await?;
        write(&json!({ "AssociationDescription": description(&columns, creating()) }))
    }

    /// Each entry by itself: one that is refused keeps no other from being made.
    pub(super) async fn create_association_batch(&self, caller: &Caller, input: Value) -> Answer {
        let role = input["AssociationDispatchAssumeRole"].clone();
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        let entries = input["Entries"].as_array().cloned().unwrap_or_default();
        for entry in entries {
            let mut input = entry.clone();
            if !role.is_null() && input.get("AssociationDispatchAssumeRole").is_none() {
                input["AssociationDispatchAssumeRole"] = role.clone();
            }
            match self.create(caller, input).await {
                Ok(columns) => successful.push(description(&columns, creating())),
                Err(Failure::Refused(refusal)) => failed.push(json!({
                    "Entry": entry,
                    "Message": format!("{}: {}", refusal.code.name(), refusal.text()),
                    "Fault": "Client",
                })),
                Err(fault) => return Err(fault),
            }
        }
        write(&json!({ "Successful": successful, "Failed": failed }))
    }

    async fn create(&self, caller: &Caller, input: Value) -> Result<Columns, Failure> {
        let Tagged { tags } = read(input.clone())?;
        let tags = tags::checked(&tags)
            .map_err(|why| Refusal::new(Code::InvalidTag, why.text().to_owned()))?;
        let spec = self.checked_spec(caller, input).await?;
        self.check_room(caller).await?;
        let id = uuid()?;
        let _associating = match &spec.instance_id {
            Some(_) => Some(self.associating.lock().await),
            None => None,
        };
        let mut checks = Vec::new();
        let mut edits = vec![tags::put(tags::ResourceType::Association, &id, &tags)?];
        if let Some(node) = &spec.instance_id {
            let (check, edit) = self.claim(caller, &spec.name, node, &id).await?;
            checks.push(check);
            edits.push(edit);
        }
        if !self.change(caller, &checks, &edits).await? {
            return Err(already_exists().into());
        }
        let birth = Birth { association_id: id.clone(), spec };
        self.begin(caller, &birth).await?;
        Ok(self.association(caller, &id).await?.columns)
    }

    async fn check_room(&self, caller: &Caller) -> Result<(), Failure> {
        let query = ListQuery {
            kind: KIND,
            scope: caller.scope.to_string(),
            parent: String::new(),
            status: Some(ACTIVE),
            after: None,
            limit: ASSOCIATIONS_MAX,
        };
        if self.engine.list(&query).await?.rows.len() < ASSOCIATIONS_MAX {
            return Ok(());
        }
        let message = "You can have at most 2,000 active associations.";
        Err(Refusal::new(Code::AssociationLimitExceeded, message).into())
    }

    /// The row that keeps a document and a node from being associated twice. A row whose
    /// association is not there was left behind by a create that was cut short.
    async fn claim(
        &self,
        caller: &Caller,
        name: &str,
        node: &str,
        id: &str,
    ) -> Result<(Check, Edit), Failure> {
        let (table, key) = (table::ASSOCIATIONS, legacy_key(name, node));
        let row = self.row(caller, table, &key).await?;
        if let Some(known) = &row
            && self.association(caller, &String::from_utf8_lossy(known)).await.is_ok()
        {
            return Err(already_exists().into());
        }
        let check = unchanged(table, &key, row);
        Ok((check, Edit::Put { table, key, value: id.as_bytes().to_vec().into() }))
    }

    async fn begin(&self, caller: &Caller, birth: &Birth) -> Result<(), Failure> {
        let text = serde_json::to_string(birth)
            .map_err(|error| Fault::new(format!("could not write an association: {error}")))?;
        let request = StartRequest {
            kind: KIND,
            scope: caller.scope.clone(),
            parent: "".into(),
            definition: Definition::new(""),
            start: Start {
                arn: association_arn(&caller.account, &caller.region, &birth.association_id),
                definition_arn: birth.spec.name.clone(),
                name: birth.association_id.clone(),
                role_arn: String::new(),
                input: Payload::new(text),
                attributes: Vec::new(),
            },
            reply_to: None,
            durability: Durability::Durable,
        };
        match self.engine.start(request).await {
            Ok(Started::New { .. } | Started::Existing { .. }) => Ok(()),
            Err(StartError::Fault(fault)) => Err(fault.into()),
            Err(other) => Err(Fault::new(other.to_string()).into()),
        }
    }

    pub(super) async fn update_association(&self, caller: &Caller, mut input: Value) -> Answer {
        let Updated { association_id, association_version } = read(input.clone())?;
        let found = self.association(caller, &association_id).await?;
        let expected = match association_version.as_deref() {
            None | Some("$LATEST") => None,
            Some(version) => Some(version.parse().map_err(|_| no_such_version())?),
        };
        if expected.is_some_and(|expected| expected > found.columns.version) {
            return Err(no_such_version().into());
        }
        if expected.is_some_and(|expected| expected != found.columns.version) {
            return Err(super::not_the_latest().into());
        }
        let before = &found.columns.spec;
        if input.get("Name").is_none() {
            // The document is what an association is of: it is not nulled.
            input["Name"] = json!(before.name);
        }
        let spec = self.updated_spec(caller, before, input).await?;
        self.tell_association(&found, Signal::Update { spec: Box::new(spec), expected }).await?;
        let found = self.association(caller, &association_id).await?;
        write(&json!({ "AssociationDescription": description(&found.columns, creating()) }))
    }

    /// Neither are the targets, where none are given: an association without any would be none.
    async fn updated_spec(
        &self,
        caller: &Caller,
        before: &Spec,
        mut input: Value,
    ) -> Result<Spec, Failure> {
        let has_targets = input.get("Targets").is_some() || input.get("TargetMaps").is_some();
        match &before.instance_id {
            Some(_) if input["Name"] != before.name.as_str() => {
                let message = "The update is not valid: the document of an association with InstanceId can't be changed.";
                return Err(Refusal::new(Code::InvalidUpdate, message).into());
            }
            Some(node) if !has_targets => input["InstanceId"] = json!(node),
            Some(_) => {
                let message =
                    "The update is not valid: an association with InstanceId takes no Targets.";
                return Err(Refusal::new(Code::InvalidUpdate, message).into());
            }
            None if !has_targets && !before.targets.is_empty() => {
                input["Targets"] = json!(before.targets);
                let parameter = &before.automation_target_parameter_name;
                if let Some(name) = parameter
                    && input.get("AutomationTargetParameterName").is_none()
                {
                    input["AutomationTargetParameterName"] = json!(name);
                }
            }
            None => {}
        }
        self.checked_spec(caller, input).await
    }

    pub(super) async fn update_association_status(
        &self,
        caller: &Caller,
        request: UpdateAssociationStatus,
    ) -> Answer {
        let legacy = (Some(request.name.as_str()), Some(request.instance_id.as_str()));
        let found = self.association_of(caller, None, legacy).await?;
        let status = request.association_status.to_string();
        if found.columns.legacy_status.as_deref() == Some(status.as_str()) {
            let message = "The updated status is the same as the current status.";
            return Err(Refusal::new(Code::StatusUnchanged, message).into());
        }
        self.tell_association(&found, Signal::SetStatus(status)).await?;
        let found = self.association(caller, &found.columns.association_id).await?;
        let overview = super::describe::overview(&found.columns, None);
        write(&json!({ "AssociationDescription": description(&found.columns, overview) }))
    }

    pub(super) async fn delete_association(
        &self,
        caller: &Caller,
        request: DeleteAssociation,
    ) -> Answer {
        let legacy = (request.name.as_deref(), request.instance_id.as_deref());
        let found = self.association_of(caller, request.association_id.as_deref(), legacy).await?;
        self.tell_association(&found, Signal::Delete).await?;
        self.forget(caller, &found).await?;
        nothing()
    }

    /// Drops what the catalog has of an association that was deleted.
    async fn forget(&self, caller: &Caller, found: &Found) -> Result<(), Fault> {
        let Columns { association_id, spec, .. } = &found.columns;
        let mut edits = vec![tags::delete(tags::ResourceType::Association, association_id)];
        if let Some(node) = &spec.instance_id {
            let (table, key) = (table::ASSOCIATIONS, legacy_key(&spec.name, node));
            let row = self.row(caller, table, &key).await?;
            if row.as_deref() == Some(association_id.as_bytes()) {
                edits.push(Edit::Delete { table, key });
            }
        }
        self.change(caller, &[], &edits).await.map(|_| ())
    }

    /// All are looked at before any is started.
    pub(super) async fn start_associations_once(
        &self,
        caller: &Caller,
        request: StartAssociationsOnce,
    ) -> Answer {
        let ids: BTreeSet<&String> = request.association_ids.iter().collect();
        if ids.len() < request.association_ids.len() {
            let message = "The association isn't valid: an id is given twice.";
            return Err(Refusal::new(Code::InvalidAssociation, message).into());
        }
        let mut all = Vec::new();
        for id in &request.association_ids {
            all.push(self.association(caller, id).await?);
        }
        for found in &all {
            self.tell_association(found, Signal::Start).await?;
        }
        nothing()
    }
}

fn already_exists() -> Refusal {
    Refusal::new(Code::AssociationAlreadyExists, "The specified association already exists.")
}

fn no_such_version() -> Refusal {
    let message = "The version you specified is not valid. Use ListAssociationVersions to view all versions of an association according to the association ID.";
    Refusal::new(Code::InvalidAssociationVersion, message)
}
