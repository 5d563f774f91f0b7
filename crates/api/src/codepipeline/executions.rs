//! Pipeline executions: started, stopped, retried, rolled back, shown, listed.

mod list;
mod requests;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use trackway_engine::Fault;
use trackway_pipeline::ids::{self, Number};
use trackway_pipeline::signal::{Cargo, ConditionKind, Refusal as Why, Signal, StartRun};
use trackway_pipeline::views;

use super::entity::{Entity, random};
use super::refusal::{Failure, invalid};
use super::refused::{
    About, execution_not_found, not_latest, not_overridable, not_retryable, not_stoppable, refused,
};
use super::{Answer, CodePipeline, Group};
use crate::Caller;
use crate::answer::{nothing, read, write};
use requests::{Get, Override, PutRevision, Retry, Rollback, Start, Stop, Variable};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "GetPipelineExecution",
        "ListPipelineExecutions",
        "OverrideStageCondition",
        "PutActionRevision",
        "RetryStageExecution",
        "RollbackStage",
        "StartPipelineExecution",
        "StopPipelineExecution",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &CodePipeline, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "GetPipelineExecution" => service.get_execution(caller, read(input)?).await,
        "ListPipelineExecutions" => service.list_executions(caller, read(input)?).await,
        "OverrideStageCondition" => service.override_condition(caller, read(input)?).await,
        "PutActionRevision" => service.put_revision(caller, read(input)?).await,
        "RetryStageExecution" => service.retry(caller, read(input)?).await,
        "RollbackStage" => service.rollback(caller, read(input)?).await,
        "StartPipelineExecution" => service.start(caller, read(input)?).await,
        "StopPipelineExecution" => service.stop(caller, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

impl CodePipeline {
    async fn start(&self, caller: &Caller, request: Start) -> Answer {
        let entity = self.entity(caller, &request.name).await?;
        let (execution, is_known) = match &request.client_request_token {
            Some(token) => {
                let execution = of_token(entity.number, token);
                // A token that was used long ago finds its execution by the row alone.
                (execution, self.execution_text(&entity, execution).await?.is_some())
            }
            None => (drawn(entity.number)?, false),
        };
        if !is_known {
            let run = StartRun {
                execution,
                trigger_type: "StartPipelineExecution".to_owned(),
                trigger_detail: caller.arn(),
                variables: by_name(request.variables)?,
                source_revisions: request.source_revisions,
            };
            self.begin(caller, &request.name, &entity, run).await?;
        }
        write(&json!({ "pipelineExecutionId": trackway_core::uuid::text(execution) }))
    }

    /// Starts an execution of a pipeline.
    ///
    /// # Errors
    /// What the machine says against it.
    pub(super) async fn begin(
        &self,
        caller: &Caller,
        name: &str,
        entity: &Entity,
        run: StartRun,
    ) -> Result<(), Failure> {
        let signal = Signal::Start(Box::new(run));
        let answer = self.signal((caller, name), entity.id, signal).await?;
        let about = About { pipeline: name, ..About::default() };
        answer.map_err(|why| refused(&why, caller, about).into())
    }

    async fn stop(&self, caller: &Caller, request: Stop) -> Answer {
        let Stop { pipeline_name, pipeline_execution_id, abandon, reason } = request;
        let entity = self.entity(caller, &pipeline_name).await?;
        let about =
            About { pipeline: &pipeline_name, id: &pipeline_execution_id, ..About::default() };
        let execution = own_id(&entity, &pipeline_execution_id).ok_or_else(not_stoppable)?;
        let signal = Signal::Stop { execution, abandon, reason, by: caller.arn() };
        match self.signal((caller, &pipeline_name), entity.id, signal).await? {
            Ok(()) => write(&json!({ "pipelineExecutionId": pipeline_execution_id })),
            // The operation has no other error for what has ended, or never was.
            Err(Why::ExecutionNotFound) => Err(not_stoppable().into()),
            Err(why) => Err(refused(&why, caller, about).into()),
        }
    }

    async fn retry(&self, caller: &Caller, request: Retry) -> Answer {
        let Retry { pipeline_name, stage_name, pipeline_execution_id, retry_mode } = request;
        let entity = self.entity(caller, &pipeline_name).await?;
        let about = About::in_stage(&pipeline_name, &stage_name, &pipeline_execution_id);
        // An id of elsewhere is one that the machine does not know either: it looks at the stage
        // first.
        let execution = ids::read(&pipeline_execution_id).unwrap_or_default();
        let signal = Signal::Retry {
            stage: stage_name.clone(),
            execution,
            all_actions: retry_mode == "ALL_ACTIONS",
            by: caller.arn(),
        };
        match self.signal((caller, &pipeline_name), entity.id, signal).await? {
            Ok(()) => write(&json!({ "pipelineExecutionId": pipeline_execution_id })),
            Err(Why::ExecutionNotFound) => {
                Err(match self.execution_status(&entity, execution).await?.as_deref() {
                    Some("Failed" | "Stopped") => not_latest(),
                    Some(_) => not_retryable("the execution did not fail"),
                    None => not_retryable("the pipeline has no such execution"),
                }
                .into())
            }
            Err(why) => Err(refused(&why, caller, about).into()),
        }
    }

    async fn rollback(&self, caller: &Caller, request: Rollback) -> Answer {
        let Rollback { pipeline_name, stage_name, target_pipeline_execution_id } = request;
        let entity = self.entity(caller, &pipeline_name).await?;
        let about = About::in_stage(&pipeline_name, &stage_name, &target_pipeline_execution_id);
        let target = own_id(&entity, &target_pipeline_execution_id);
        let cargo = match target {
            Some(target) => {
                let key = target.to_be_bytes();
                self.engine.row(entity.id, views::CARGO, &key).await?
            }
            None => None,
        };
        let cargo = cargo
            .map(|row| serde_json::from_slice::<Cargo>(&row))
            .transpose()
            .map_err(|error| Fault::new(format!("could not read an execution's cargo: {error}")))?;
        let execution = drawn(entity.number)?;
        let signal = Signal::Rollback {
            stage: stage_name.clone(),
            target: target.unwrap_or_default(),
            cargo: cargo.map(Box::new),
            execution,
            by: caller.arn(),
        };
        let answer = self.signal((caller, &pipeline_name), entity.id, signal).await?;
        answer.map_err(|why| refused(&why, caller, about))?;
        write(&json!({ "pipelineExecutionId": trackway_core::uuid::text(execution) }))
    }

    async fn override_condition(&self, caller: &Caller, request: Override) -> Answer {
        let Override { pipeline_name, stage_name, pipeline_execution_id, condition_type } = request;
        let entity = self.entity(caller, &pipeline_name).await?;
        let about = About::in_stage(&pipeline_name, &stage_name, &pipeline_execution_id);
        let execution = ids::read(&pipeline_execution_id).unwrap_or_default();
        let signal = Signal::Override {
            stage: stage_name.clone(),
            execution,
            condition: match condition_type.as_str() {
                "BEFORE_ENTRY" => ConditionKind::BeforeEntry,
                _ => ConditionKind::OnSuccess,
            },
            by: caller.arn(),
        };
        match self.signal((caller, &pipeline_name), entity.id, signal).await? {
            Ok(()) => nothing(),
            Err(Why::ExecutionNotFound) => {
                Err(match self.execution_status(&entity, execution).await?.as_deref() {
                    Some("Failed") => not_latest(),
                    Some(_) => not_overridable("no condition holds the execution back"),
                    None => not_overridable("the pipeline has no such execution"),
                }
                .into())
            }
            Err(why) => Err(refused(&why, caller, about).into()),
        }
    }

    async fn put_revision(&self, caller: &Caller, request: PutRevision) -> Answer {
        let PutRevision { pipeline_name, stage_name, action_name, action_revision } = request;
        let entity = self.entity(caller, &pipeline_name).await?;
        let about = About {
            pipeline: &pipeline_name,
            stage: &stage_name,
            action: &action_name,
            ..About::default()
        };
        let execution = drawn(entity.number)?;
        #[expect(clippy::cast_possible_truncation, reason = "a float cast saturates")]
        let created = (action_revision.created * 1000.0).round() as i64;
        let signal = Signal::PutRevision {
            stage: stage_name.clone(),
            action: action_name.clone(),
            revision: action_revision.revision_id,
            change_id: action_revision.revision_change_id,
            created,
            execution,
            by: caller.arn(),
        };
        let answer = self.signal((caller, &pipeline_name), entity.id, signal).await?;
        answer.map_err(|why| refused(&why, caller, about))?;
        let is_new = self.execution_text(&entity, execution).await?.is_some();
        let mut answer = Map::new();
        answer.insert("newRevision".to_owned(), json!(is_new));
        let current = if is_new { Some(execution) } else { self.newest(&entity).await? };
        if let Some(current) = current {
            let id = trackway_core::uuid::text(current);
            answer.insert("pipelineExecutionId".to_owned(), json!(id));
        }
        write(&answer)
    }

    async fn get_execution(&self, caller: &Caller, request: Get) -> Answer {
        let Get { pipeline_name, pipeline_execution_id } = request;
        let entity = self.entity(caller, &pipeline_name).await?;
        let unknown = || execution_not_found(&pipeline_name, &pipeline_execution_id);
        let execution = own_id(&entity, &pipeline_execution_id).ok_or_else(unknown)?;
        let row = self.execution_text(&entity, execution).await?.ok_or_else(unknown)?;
        let shown = list::parts(&row)?.execution.get();
        // The row has all members but the pipeline's name.
        let rest = shown.trim_start().strip_prefix('{').unwrap_or_default();
        let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
        let name = Value::from(pipeline_name);
        Ok(format!(r#"{{"pipelineExecution":{{"pipelineName":{name}{comma}{rest}}}"#).into_bytes())
    }

    /// The row of an execution.
    async fn execution_text(
        &self,
        entity: &Entity,
        execution: u128,
    ) -> Result<Option<bytes::Bytes>, Fault> {
        self.engine.row(entity.id, views::EXECUTION, &execution.to_be_bytes()).await
    }

    /// Whether the pipeline has such an execution.
    pub(super) async fn has_execution(&self, entity: &Entity, id: &str) -> Result<bool, Fault> {
        match own_id(entity, id) {
            Some(execution) => Ok(self.execution_text(entity, execution).await?.is_some()),
            None => Ok(false),
        }
    }

    async fn execution_status(
        &self,
        entity: &Entity,
        execution: u128,
    ) -> Result<Option<String>, Fault> {
        #[derive(serde::Deserialize)]
        struct Status {
            status: String,
        }
        let Some(row) = self.execution_text(entity, execution).await? else { return Ok(None) };
        let status: Status = list::read_row(list::parts(&row)?.summary.get().as_bytes())?;
        Ok(Some(status.status))
    }

    /// The execution that started last.
    async fn newest(&self, entity: &Entity) -> Result<Option<u128>, Fault> {
        let query = trackway_engine::RowQuery::first(1);
        let page = self.engine.rows(entity.id, views::EXECUTIONS, query).await?;
        let row = page.rows.first().and_then(|(_, row)| <[u8; 16]>::try_from(&row[..]).ok());
        Ok(row.map(u128::from_be_bytes))
    }
}

/// An id that this pipeline may have given out.
pub(super) fn own_id(entity: &Entity, text: &str) -> Option<u128> {
    ids::read(text).filter(|id| Number::of(*id) == entity.number)
}

/// The execution that this token starts: the same for the same.
fn of_token(number: Number, token: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    let random = hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    number.id(random)
}

/// A new id of this pipeline.
pub(super) fn drawn(number: Number) -> Result<u128, Fault> {
    Ok(number.id(random()?))
}

/// Values by name, each name once.
fn by_name(variables: Vec<Variable>) -> Result<Map<String, Value>, Failure> {
    let mut values = Map::new();
    for Variable { name, value } in variables {
        if values.contains_key(&name) {
            return Err(invalid(format!("The variable '{name}' is given more than once.")).into());
        }
        values.insert(name, Value::from(value));
    }
    Ok(values)
}
