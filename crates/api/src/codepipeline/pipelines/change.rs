//! CreatePipeline, UpdatePipeline, DeletePipeline: one at a time, so that what was looked at still
//! holds when it is changed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::{Payload, Start};
use trackway_engine::{Check, Definition, Durability, Edit, Fault, StartError, StartRequest};
use trackway_pipeline::KIND;
use trackway_pipeline::ids::{self, Number};
use trackway_pipeline::limits::PIPELINES_MAX;
use trackway_pipeline::signal::{Birth, Signal};
use trackway_pipeline::structure::Structure;

use super::super::entity::{Entity, Named, random};
use super::super::refusal::{Code, Failure, Refusal};
use super::super::tags::{self, Tag};
use super::super::{Answer, CodePipeline, table};
use crate::answer::{nothing, write};
use crate::{Caller, record, rows};

#[derive(Deserialize)]
pub(super) struct CreatePipeline {
    pipeline: Value,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
pub(super) struct UpdatePipeline {
    pipeline: Value,
}

#[derive(Deserialize)]
pub(super) struct DeletePipeline {
    name: String,
}

#[derive(Serialize)]
struct Changed {
    pipeline: Structure,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl CodePipeline {
    pub(super) async fn create_pipeline(&self, caller: &Caller, request: CreatePipeline) -> Answer {
        let name = request.pipeline["name"].as_str().unwrap_or_default();
        let arn = ids::arn(&caller.region, &caller.account, name);
        let tags = tags::checked(&request.tags, &arn)?;
        let _naming = self.naming.lock().await;
        if self.find(caller, name).await?.is_some() {
            return Err(in_use(caller, name).into());
        }
        let mut structure = self.checked_structure(caller, request.pipeline, None).await?;
        self.check_pipelines_max(caller).await?;
        structure.version = 1;
        let number = Number::new(random()?);
        self.claim(caller, &structure.name, number, tags::put(&arn, &tags)?).await?;
        let birth = Birth {
            number: number.0,
            account: caller.account.clone(),
            region: caller.region.clone(),
            structure,
            execution: number.id(random()?),
            by: caller.arn(),
        };
        self.create_entity(caller, number, &birth).await?;
        write(&Changed { pipeline: birth.structure.mask(), tags: tags::listed(&tags) })
    }

    async fn check_pipelines_max(&self, caller: &Caller) -> Result<(), Failure> {
        let catalog = self.engine.catalog();
        let page = catalog.list(&caller.scope, table::PIPELINES, b"", None, PIPELINES_MAX).await?;
        if page.rows.len() < PIPELINES_MAX {
            return Ok(());
        }
        let message = format!(
            "The account '{}' has reached its limit of {PIPELINES_MAX} pipelines in this region.",
            caller.account
        );
        Err(Refusal::new(Code::LimitExceededException, message).into())
    }

    /// The name's row, before the pipeline itself: a crash in between leaves a row that leads
    /// nowhere, and not a pipeline that runs without a name.
    async fn claim(
        &self,
        caller: &Caller,
        name: &str,
        number: Number,
        tags: Edit,
    ) -> Result<(), Failure> {
        let (table, key) = (table::PIPELINES, name.as_bytes().to_vec());
        let row = self.engine.catalog().get(&caller.scope, table, &key).await?;
        let check = match row {
            Some(value) => Check::Equals { table, key: key.clone(), value },
            None => Check::Absent { table, key: key.clone() },
        };
        let value = record::encode(&Named { number: number.0 })?.into();
        let edits = [Edit::Put { table, key, value }, tags];
        if rows::change(&self.engine, caller, &[check], &edits).await? {
            return Ok(());
        }
        Err(in_use(caller, name).into())
    }

    async fn create_entity(
        &self,
        caller: &Caller,
        number: Number,
        birth: &Birth,
    ) -> Result<(), Failure> {
        let text = serde_json::to_string(birth)
            .map_err(|error| Fault::new(format!("could not write a pipeline: {error}")))?;
        let request = StartRequest {
            kind: KIND,
            scope: caller.scope.clone(),
            parent: "".into(),
            definition: Definition::new("{}"),
            start: Start {
                arn: ids::entity_arn(&caller.region, &caller.account, number),
                definition_arn: String::new(),
                name: birth.structure.name.clone(),
                role_arn: birth.structure.role_arn.clone(),
                input: Payload::new(text),
                attributes: Vec::new(),
            },
            reply_to: None,
            durability: Durability::Durable,
        };
        match self.engine.start(request).await {
            Ok(_) => Ok(()),
            Err(StartError::Fault(fault)) => Err(fault.into()),
            Err(other) => Err(Fault::new(other.to_string()).into()),
        }
    }

    pub(super) async fn update_pipeline(&self, caller: &Caller, request: UpdatePipeline) -> Answer {
        let name = request.pipeline["name"].as_str().unwrap_or_default().to_owned();
        let _naming = self.naming.lock().await;
        let entity = self.find(caller, &name).await?;
        let entity = entity.ok_or_else(|| tags::no_pipeline(caller, &name))?;
        let before = self.version_of(&entity, None).await?;
        let before = before.ok_or_else(|| Fault::new("a pipeline has no version"))?.structure;
        let mut structure = self.checked_structure(caller, request.pipeline, Some(&before)).await?;
        structure.version = before.version + 1;
        let told =
            self.signal((caller, &name), entity.id, Signal::Update(structure.into())).await?;
        told.map_err(|why| Fault::new(format!("a pipeline refused an update: {why}")))?;
        let entity: Entity = self.entity(caller, &name).await?;
        let after = self.version_of(&entity, None).await?;
        let after = after.ok_or_else(|| Fault::new("a pipeline has no version"))?.structure;
        write(&Changed { pipeline: after.mask(), tags: Vec::new() })
    }

    /// The pipeline goes before its name, so that a crash in between leaves a row that leads
    /// nowhere. Of a pipeline that is not there, AWS deletes it all the same.
    pub(super) async fn delete_pipeline(&self, caller: &Caller, request: DeletePipeline) -> Answer {
        let name = request.name;
        let _naming = self.naming.lock().await;
        if let Some(entity) = self.find(caller, &name).await? {
            let told = self.signal((caller, &name), entity.id, Signal::Delete).await?;
            told.map_err(|why| Fault::new(format!("a pipeline refused to go: {why}")))?;
        }
        let arn = ids::arn(&caller.region, &caller.account, &name);
        let key = name.into_bytes();
        let edits = [Edit::Delete { table: table::PIPELINES, key }, tags::delete(&arn)];
        rows::change(&self.engine, caller, &[], &edits).await?;
        nothing()
    }
}

fn in_use(caller: &Caller, name: &str) -> Refusal {
    let message =
        format!("A pipeline with the name '{name}' already exists in account '{}'", caller.account);
    Refusal::new(Code::PipelineNameInUseException, message)
}
