//! GetPipeline, ListPipelines.

use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;
use trackway_engine::Fault;
use trackway_pipeline::ids;
use trackway_pipeline::pipeline::Columns;
use trackway_pipeline::structure::{ExecutionMode, PipelineType, Structure};
use trackway_pipeline::views::{VERSIONS, VersionRow};

use super::super::entity::Entity;
use super::super::refusal::{Code, Failure, Refusal};
use super::super::{Answer, CodePipeline, table};
use crate::Caller;
use crate::answer::{Epoch, write};
use crate::page::Bound;

/// Pipelines on a page if no number is asked for, and the most. Source: `MaxPipelines`.
const PAGE: usize = 1000;

#[derive(Deserialize)]
pub(super) struct GetPipeline {
    name: String,
    version: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListPipelines {
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Serialize)]
struct Shown {
    pipeline: Structure,
    metadata: Metadata,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    pipeline_arn: String,
    created: Epoch,
    updated: Epoch,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    pipelines: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// `PipelineSummary`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    name: String,
    version: u32,
    pipeline_type: PipelineType,
    execution_mode: ExecutionMode,
    created: Epoch,
    updated: Epoch,
}

impl CodePipeline {
    pub(super) async fn get_pipeline(&self, caller: &Caller, request: GetPipeline) -> Answer {
        let GetPipeline { name, version } = request;
        let entity = self.entity(caller, &name).await?;
        let row = self.version_of(&entity, version).await?;
        let row = row.ok_or_else(|| no_such_version(caller, &name, version))?;
        write(&Shown {
            metadata: Metadata {
                pipeline_arn: ids::arn(&caller.region, &caller.account, &name),
                created: Epoch(Timestamp(row.created)),
                updated: Epoch(Timestamp(row.updated)),
            },
            pipeline: row.structure.mask(),
        })
    }

    /// A version of a pipeline, or its latest; its secrets are real.
    pub(in super::super) async fn version_of(
        &self,
        entity: &Entity,
        version: Option<u32>,
    ) -> Result<Option<VersionRow>, Fault> {
        let latest = || Columns::decode(&entity.record.summary.columns).version;
        let key = version.unwrap_or_else(latest).to_be_bytes();
        let Some(row) = self.engine.row(entity.id, VERSIONS, &key).await? else { return Ok(None) };
        let row = serde_json::from_slice(&row)
            .map_err(|error| Fault::new(format!("a pipeline's version can't be read: {error}")))?;
        Ok(Some(row))
    }

    pub(super) async fn list_pipelines(&self, caller: &Caller, request: ListPipelines) -> Answer {
        let bound = Bound { engine: &self.engine, caller, request: &["ListPipelines"] };
        let limit = request.max_results.unwrap_or(PAGE);
        let after = request.next_token.map(|token| bound.unseal(&token)).transpose()?;
        let mut pipelines = self.pipelines_after(caller, after, limit + 1).await?;
        let has_more = pipelines.len() > limit;
        pipelines.truncate(limit);
        let next_token = match pipelines.last() {
            Some(last) if has_more => Some(bound.seal(last.name.as_bytes())),
            _ => None,
        };
        write(&Listed { pipelines, next_token })
    }

    /// So many pipelines by name. A row that leads nowhere is passed over.
    async fn pipelines_after(
        &self,
        caller: &Caller,
        mut after: Option<Vec<u8>>,
        limit: usize,
    ) -> Result<Vec<Summary>, Failure> {
        let (catalog, mut found) = (self.engine.catalog(), Vec::new());
        loop {
            let (table, wanted) = (table::PIPELINES, limit - found.len());
            let page = catalog.list(&caller.scope, table, b"", after.as_deref(), wanted).await?;
            for (key, _) in &page.rows {
                let name = String::from_utf8_lossy(key).into_owned();
                let entity = self.find(caller, &name).await?;
                found.extend(entity.map(|entity| summary(name, &entity)));
            }
            match page.rows.last() {
                Some((key, _)) if page.more && found.len() < limit => after = Some(key.to_vec()),
                _ => return Ok(found),
            }
        }
    }
}

fn summary(name: String, entity: &Entity) -> Summary {
    let columns = Columns::decode(&entity.record.summary.columns);
    Summary {
        name,
        version: columns.version,
        pipeline_type: columns.pipeline_type,
        execution_mode: columns.execution_mode,
        created: Epoch(Timestamp(columns.created)),
        updated: Epoch(Timestamp(columns.updated)),
    }
}

fn no_such_version(caller: &Caller, name: &str, version: Option<u32>) -> Refusal {
    let message = format!(
        "Account '{}' does not have a pipeline with name '{name}' and version '{}'",
        caller.account,
        version.unwrap_or_default()
    );
    Refusal::new(Code::PipelineVersionNotFoundException, message)
}
