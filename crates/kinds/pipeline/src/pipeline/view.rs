//! What the API shows of the state: `GetPipelineState`, and the summary's columns.

use serde_json::{Value, json};
use trackway_core::uuid;

use super::rows::{execution_type, put, seconds};
use super::state::{Act, ActStatus, Inside, Run, RunStatus, Stage, StageStatus};
use super::{Pipeline, condition, url};
use crate::structure::{self, Action};

impl Pipeline {
    /// `GetPipelineState`, in the API's form.
    #[must_use]
    pub fn state_view(&self) -> Value {
        let structure = self.structure();
        let none = Stage::default();
        let stages = structure.stages.iter().map(|declared| {
            self.stage_view(declared, self.stages.get(&declared.name).unwrap_or(&none))
        });
        json!({
            "pipelineName": structure.name,
            "pipelineVersion": self.version,
            "stageStates": stages.collect::<Vec<_>>(),
            "created": seconds(self.created),
            "updated": seconds(self.updated),
        })
    }

    fn stage_view(&self, declared: &structure::Stage, stage: &Stage) -> Value {
        let mut view = json!({ "stageName": declared.name });
        let mut waiting = stage
            .waiting
            .iter()
            .filter_map(|run| self.runs.get(run))
            .map(inbound)
            .collect::<Vec<_>>();
        if let Some(first) = waiting.first() {
            view["inboundExecution"] = first.clone();
            view["inboundExecutions"] = Value::Array(std::mem::take(&mut waiting));
        }
        view["inboundTransitionState"] = gate_view(stage);
        let run = stage.latest.and_then(|latest| self.runs.get(&latest));
        // The execution may have gone on, to another stage.
        let here = run.and_then(|run| Some((run, run.inside.as_deref()?)));
        let here = here.filter(|(run, _)| self.stage_of(run) == declared.name);
        let inside = here.map(|(_, inside)| inside).filter(|_| stage.shown.is_none());
        let inside = inside.or(stage.shown.as_deref());
        let actions = declared.actions.iter();
        let found = |action: &Action| {
            let mut acts = inside?.actions().map(|(_, act)| act);
            acts.find(|act| act.name == action.name)
        };
        view["actionStates"] =
            actions.map(|action| self.action_view(declared, action, found(action))).collect();
        if let Some(inside) = inside {
            let is_stopping = here.is_some_and(|(run, _)| run.status == RunStatus::Stopping);
            view["latestExecution"] = latest_view(inside, is_stopping);
            for (name, kind) in condition::STATES {
                if let Some(state) = condition::state_view(declared, inside, kind) {
                    view[name] = state;
                }
            }
            if let Some(retries) = retries_view(inside) {
                view["retryStageMetadata"] = retries;
            }
        }
        view
    }

    fn action_view(&self, stage: &structure::Stage, action: &Action, act: Option<&Act>) -> Value {
        let mut view = json!({ "actionName": action.name });
        let key = (&stage.name, &action.name);
        let known = self.revisions.iter().find(|((stage, action), _)| (stage, action) == key);
        if let Some((_, revision)) = known {
            let change = revision.change_id.as_ref().unwrap_or(&revision.id);
            view["currentRevision"] = json!({
                "revisionId": revision.id,
                "revisionChangeId": change,
                "created": seconds(trackway_core::Timestamp(revision.created.unwrap_or(0))),
            });
            put(&mut view, "revisionUrl", revision.url.as_deref());
        }
        if view.get("revisionUrl").is_none() {
            put(&mut view, "revisionUrl", url::of_revision(action).as_deref());
        }
        if let Some(act) = act {
            view["latestExecution"] = act_view(action, act);
        }
        put(&mut view, "entityUrl", url::of_entity(action).as_deref());
        view
    }
}

/// `StageExecution` of an execution that waits.
fn inbound(run: &Run) -> Value {
    let status = match run.status {
        RunStatus::Stopping => StageStatus::Stopping,
        _ => StageStatus::InProgress,
    };
    json!({
        "pipelineExecutionId": uuid::text(run.id),
        "status": status,
        "type": execution_type(run.is_rollback()),
    })
}

/// `TransitionState`.
fn gate_view(stage: &Stage) -> Value {
    let gate = &stage.gate;
    let mut view = json!({ "enabled": gate.disabled.is_none() });
    if let Some((by, at)) = &gate.changed {
        view["lastChangedBy"] = json!(by);
        view["lastChangedAt"] = seconds(*at);
    }
    put(&mut view, "disabledReason", gate.disabled.as_deref());
    view
}

/// `StageExecution`.
fn latest_view(inside: &Inside, is_stopping: bool) -> Value {
    let status = if is_stopping { StageStatus::Stopping } else { inside.status };
    json!({
        "pipelineExecutionId": uuid::text(inside.execution),
        "status": status,
        "type": execution_type(inside.is_rollback),
    })
}

/// `RetryStageMetadata`, once the stage was retried.
fn retries_view(inside: &Inside) -> Option<Value> {
    let (manual, automatic) = inside.retries;
    if manual + automatic == 0 {
        return None;
    }
    let by_itself = inside.is_auto_retry;
    let trigger = if by_itself { "AutomatedStageRetry" } else { "ManualStageRetry" };
    let mut view = json!({ "latestRetryTrigger": trigger });
    if manual > 0 {
        view["manualStageRetryAttempt"] = json!(manual);
    }
    if automatic > 0 {
        view["autoStageRetryAttempt"] = json!(automatic);
    }
    Some(view)
}

/// `ActionExecution`.
fn act_view(action: &Action, act: &Act) -> Value {
    let mut view = json!({
        "actionExecutionId": uuid::text(act.id),
        "status": act.status,
        "lastStatusChange": seconds(act.updated),
    });
    let details = &act.details;
    put(&mut view, "summary", details.summary.as_deref());
    put(&mut view, "lastUpdatedBy", act.by.as_deref());
    put(&mut view, "externalExecutionId", details.external_execution_id.as_deref());
    let url = url::of_execution(action, act);
    put(&mut view, "externalExecutionUrl", url.as_deref());
    put(&mut view, "logStreamARN", details.log_stream_arn.as_deref());
    if let Some(percent) = details.percent_complete {
        view["percentComplete"] = json!(percent);
    }
    if let Some(token) = act.token.filter(|_| act.status == ActStatus::InProgress) {
        view["token"] = json!(uuid::text(token));
    }
    if let Some((code, message)) = &act.error {
        view["errorDetails"] = json!({ "code": code, "message": message });
    }
    view
}

/// What lists of pipelines show: `PipelineSummary`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Columns {
    /// Its latest version.
    pub version: u32,
    /// `V1` or `V2`.
    pub pipeline_type: structure::PipelineType,
    /// How executions share the stages.
    pub execution_mode: structure::ExecutionMode,
    /// Milliseconds of the epoch.
    pub created: i64,
    /// Milliseconds of the epoch.
    pub updated: i64,
}

impl Columns {
    /// Of this pipeline.
    pub(super) fn of(pipeline: &Pipeline) -> Self {
        let structure = pipeline.structure();
        Self {
            version: pipeline.version,
            pipeline_type: structure.pipeline_type,
            execution_mode: structure.execution_mode,
            created: pipeline.created.0,
            updated: pipeline.updated.0,
        }
    }

    /// As the summary keeps it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From the summary.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}
