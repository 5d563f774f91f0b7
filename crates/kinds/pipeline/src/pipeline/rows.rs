//! Rows of the lists, made of events.

use serde_json::{Map, Value, json};
use trackway_core::{Rows, Timestamp, uuid};

use super::condition::is_rule;
use super::event::{End, Event, EventKind};
use super::fold::read;
use super::state::{Act, Run};
use super::{Pipeline, url};
use crate::signal::Cargo;
use crate::structure::{Action, ExecutionMode, InputArtifact, MASK};
use crate::views::{
    ACTION_BY_ID, ACTIONS, ACTIONS_OF_EXECUTION, CARGO, DEPLOY_TARGETS, EXECUTION, EXECUTIONS,
    ExecutionRow, LATEST_ACTIONS_OF_EXECUTION, LATEST_RULES_OF_EXECUTION, RULES,
    RULES_OF_EXECUTION, SUCCEEDED_IN_STAGE, TargetsRow, VERSIONS, VersionRow, newest_first,
    of_execution, of_name,
};

pub(super) fn project(pipeline: &Pipeline, event: &Event, at: Timestamp, rows: &mut Rows) {
    match &event.kind {
        EventKind::Created | EventKind::Versioned => version(pipeline, rows),
        EventKind::Started { id } => {
            let Some(run) = pipeline.run_with(*id) else { return };
            let key = newest_first(run.started, run.seq);
            rows.put(EXECUTIONS, key, id.to_be_bytes());
            execution(run, None, rows);
        }
        EventKind::ActStarted { run, act, .. } => {
            let Some(run) = pipeline.runs.get(run) else { return };
            started(pipeline, run, *act, rows);
        }
        EventKind::ActProgressed { run, act, .. } | EventKind::JobOffered { run, act, .. } => {
            let Some(run) = pipeline.runs.get(run) else { return };
            action(pipeline, run, *act, rows);
        }
        EventKind::ActEnded { run, act, .. } => {
            let Some(run) = pipeline.runs.get(run) else { return };
            action(pipeline, run, *act, rows);
            ended(run, *act, &read(event), rows);
            if run.stage == 0 {
                execution(run, None, rows);
            }
        }
        EventKind::Passed { run, is_skipped } => {
            let Some(run) = pipeline.runs.get(run) else { return };
            execution(run, None, rows);
            if !is_skipped {
                succeeded(run, at, rows);
            }
        }
        EventKind::StopAsked { run }
        | EventKind::Retried { run, .. }
        | EventKind::ConditionEnded { run, .. } => {
            let Some(run) = pipeline.runs.get(run) else { return };
            execution(run, None, rows);
        }
        EventKind::Ended { run, .. } => {
            if let Some(run) = pipeline.runs.get(run) {
                execution(run, None, rows);
            }
        }
        _ => {}
    }
    for run in &pipeline.left {
        execution(run, Some(at), rows);
    }
}

fn version(pipeline: &Pipeline, rows: &mut Rows) {
    let row = VersionRow {
        structure: (*pipeline.structure()).clone(),
        created: pipeline.created.0,
        updated: pipeline.updated.0,
    };
    rows.put(VERSIONS, pipeline.version.to_be_bytes(), bytes(&row));
}

/// The execution's rows that a rollback to it looks at.
fn succeeded(run: &Run, at: Timestamp, rows: &mut Rows) {
    let id = run.id.to_be_bytes();
    if let Some(stage) = run.succeeded.last() {
        let key = [of_name(stage).as_slice(), &newest_first(run.started, run.seq)].concat();
        rows.put(SUCCEEDED_IN_STAGE, key, id);
    }
    rows.put(CARGO, id, bytes(&Cargo { passed: Some(at.0), ..run.cargo() }));
}

fn bytes(row: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(row).unwrap_or_default()
}

fn key_of(act: &Act) -> [u8; 12] {
    newest_first(act.started, act.seq)
}

fn started(pipeline: &Pipeline, run: &Run, place: u16, rows: &mut Rows) {
    let Some(inside) = &run.inside else { return };
    let Some(act) = inside.acts.get(&place) else { return };
    let key = key_of(act);
    let (of, latest) = match is_rule(place) {
        true => (RULES_OF_EXECUTION, LATEST_RULES_OF_EXECUTION),
        false => (ACTIONS_OF_EXECUTION, LATEST_ACTIONS_OF_EXECUTION),
    };
    rows.put(of, of_execution(run.id, key), key);
    if let Some((started, seq)) = inside.earlier.get(&place) {
        let earlier = newest_first(*started, *seq);
        rows.delete(latest, of_execution(run.id, earlier));
    }
    rows.put(latest, of_execution(run.id, key), key);
    if !is_rule(place) {
        rows.put(ACTION_BY_ID, act.id.to_be_bytes(), key);
    }
    action(pipeline, run, place, rows);
}

fn action(pipeline: &Pipeline, run: &Run, place: u16, rows: &mut Rows) {
    let Some(act) = run.inside.as_ref().and_then(|inside| inside.acts.get(&place)) else { return };
    let (view, detail) = match is_rule(place) {
        true => (RULES, rule_detail(pipeline, run, place, act)),
        false => (ACTIONS, detail(pipeline, run, place, act)),
    };
    rows.put(view, key_of(act), bytes(&detail));
}

fn ended(run: &Run, place: u16, end: &End, rows: &mut Rows) {
    let Some(act) = run.inside.as_ref().and_then(|inside| inside.acts.get(&place)) else { return };
    if !end.deploy_targets.is_empty() {
        let row = TargetsRow { started: act.started.0, targets: end.deploy_targets.clone() };
        rows.put(DEPLOY_TARGETS, act.id.to_be_bytes(), bytes(&row));
    }
}

/// `ActionExecutionDetail`.
fn detail(pipeline: &Pipeline, run: &Run, place: u16, act: &Act) -> Value {
    let structure = pipeline.structure_of(run.version);
    let Some(action) = structure.action(run.stage, place) else { return Value::Null };
    let mut detail = json!({
        "pipelineExecutionId": uuid::text(run.id),
        "actionExecutionId": uuid::text(act.id),
        "pipelineVersion": run.version,
        "stageName": pipeline.stage_of(run),
        "actionName": action.name,
        "startTime": seconds(act.started),
        "lastUpdateTime": seconds(act.updated),
        "status": act.status,
        "input": input(pipeline, run, &action, act),
    });
    let outputs = pipeline.outputs_of(&structure, &action, act);
    let written = outputs.iter().filter(|output| act.written.contains(&output.name));
    let artifacts: Vec<_> =
        written.map(|output| artifact(&output.name, &output.bucket, &output.key)).collect();
    let mut result = result(act, url::of_execution(&action, act));
    // Source: `PutApprovalResultInput.token`. The state shows one execution only.
    if let Some(token) = act.token.filter(|_| run.mode == ExecutionMode::Parallel) {
        result["externalExecutionId"] = json!(uuid::text(token));
    }
    detail["output"] = json!({
        "outputArtifacts": artifacts,
        "executionResult": result,
        "outputVariables": act.variables,
    });
    put(&mut detail, "updatedBy", act.by.as_deref());
    detail
}

/// `RuleExecutionDetail`.
fn rule_detail(pipeline: &Pipeline, run: &Run, place: u16, act: &Act) -> Value {
    let structure = pipeline.structure_of(run.version);
    let Some(rule) = structure.action(run.stage, place) else { return Value::Null };
    let mut input = json!({
        "ruleTypeId": rule.action_type_id,
        "configuration": rule.configuration,
        "resolvedConfiguration": act.configuration(&rule),
        "region": pipeline.region_of(&rule),
        "inputArtifacts": artifacts(run, &rule.input_artifacts),
    });
    put(&mut input, "roleArn", rule.role_arn.as_deref());
    let mut result = result(act, act.details.url.clone());
    // The model's `RuleExecutionResult` has no such member.
    result.as_object_mut().map(|result| result.remove("logStreamARN"));
    let mut detail = json!({
        "pipelineExecutionId": uuid::text(run.id),
        "ruleExecutionId": uuid::text(act.id),
        "pipelineVersion": run.version,
        "stageName": pipeline.stage_of(run),
        "ruleName": rule.name,
        "startTime": seconds(act.started),
        "lastUpdateTime": seconds(act.updated),
        "status": act.status,
        "input": input,
        "output": { "executionResult": result },
    });
    put(&mut detail, "updatedBy", act.by.as_deref());
    detail
}

/// `ActionExecutionInput`.
fn input(pipeline: &Pipeline, run: &Run, action: &Action, act: &Act) -> Value {
    let mut input = json!({
        "actionTypeId": action.action_type_id,
        "configuration": masked(action.configuration.clone(), &action.secret),
        "resolvedConfiguration": masked(act.configuration(action), &action.secret),
        "region": pipeline.region_of(action),
        "inputArtifacts": artifacts(run, &action.input_artifacts),
    });
    put(&mut input, "roleArn", action.role_arn.as_deref());
    put(&mut input, "namespace", action.namespace.as_deref());
    input
}

/// Input artifacts as the API shows them: `ArtifactDetail`.
pub(super) fn artifacts(run: &Run, inputs: &[InputArtifact]) -> Vec<Value> {
    let one = |input: &InputArtifact| {
        let place = run.artifacts.get(&input.name)?;
        Some(artifact(&input.name, &place.bucket, &place.key))
    };
    inputs.iter().filter_map(one).collect()
}

fn artifact(name: &str, bucket: &str, key: &str) -> Value {
    json!({ "name": name, "s3location": { "bucket": bucket, "key": key } })
}

/// `ActionExecutionResult`.
fn result(act: &Act, url: Option<String>) -> Value {
    let mut result = json!({});
    let details = &act.details;
    put(&mut result, "externalExecutionId", details.external_execution_id.as_deref());
    put(&mut result, "externalExecutionSummary", details.summary.as_deref());
    put(&mut result, "externalExecutionUrl", url.as_deref());
    put(&mut result, "logStreamARN", details.log_stream_arn.as_deref());
    if let Some((code, message)) = &act.error {
        result["errorDetails"] = json!({ "code": code, "message": message });
    }
    result
}

/// Secrets are never shown.
pub(super) fn masked(
    mut configuration: Map<String, Value>,
    secret: &[String],
) -> Map<String, Value> {
    for key in secret {
        if let Some(value) = configuration.get_mut(key) {
            *value = Value::String(MASK.to_owned());
        }
    }
    configuration
}

/// Its row; with when it left the state, if it did.
fn execution(run: &Run, left: Option<Timestamp>, rows: &mut Rows) {
    let left = left.map(|at| at.0);
    let row = ExecutionRow { execution: full(run), summary: summary(run), left };
    rows.put(EXECUTION, run.id.to_be_bytes(), bytes(&row));
}

/// What both views of an execution have.
fn common(run: &Run) -> Value {
    let (kind, detail) = &run.trigger;
    let mut view = json!({
        "pipelineExecutionId": uuid::text(run.id),
        "status": run.status,
        "trigger": { "triggerType": kind, "triggerDetail": detail },
        "executionMode": run.mode,
        "executionType": execution_type(run.is_rollback()),
    });
    if let Some(target) = run.target {
        let target = uuid::text(target);
        view["rollbackMetadata"] = json!({ "rollbackTargetPipelineExecutionId": target });
    }
    view
}

/// `ExecutionType`.
pub(super) fn execution_type(is_rollback: bool) -> &'static str {
    if is_rollback { "ROLLBACK" } else { "STANDARD" }
}

/// `PipelineExecution` without the pipeline's name.
fn full(run: &Run) -> Value {
    let mut view = common(run);
    view["pipelineVersion"] = json!(run.version);
    let mut revisions = Vec::new();
    for found in &run.revisions {
        for name in &found.artifacts {
            let revision = &found.revision;
            let mut shown = json!({ "name": name, "revisionId": revision.id });
            put(&mut shown, "revisionChangeIdentifier", revision.change_id.as_deref());
            put(&mut shown, "revisionSummary", revision.summary.as_deref());
            put(&mut shown, "revisionUrl", revision.url.as_deref());
            if let Some(created) = revision.created {
                shown["created"] = seconds(Timestamp(created));
            }
            revisions.push(shown);
        }
    }
    view["artifactRevisions"] = Value::Array(revisions);
    if !run.variables.is_empty() {
        let variables = run.variables.iter();
        let shown = variables.map(|(name, value)| json!({ "name": name, "resolvedValue": value }));
        view["variables"] = shown.collect();
    }
    view
}

/// `PipelineExecutionSummary`. `lastUpdateTime` is "the date and time of the last change to the
/// pipeline execution": when it last started, went through a stage, was stopped, retried, overridden
/// or ended. An action of a later stage that starts or ends is no change of it. `statusSummary` is
/// left out: AWS does not say what it holds.
fn summary(run: &Run) -> Value {
    let mut view = common(run);
    view["startTime"] = seconds(run.started);
    view["lastUpdateTime"] = seconds(run.updated);
    let revisions = run.revisions.iter().map(|found| {
        let mut shown = json!({ "actionName": found.action, "revisionId": found.revision.id });
        put(&mut shown, "revisionSummary", found.revision.summary.as_deref());
        put(&mut shown, "revisionUrl", found.revision.url.as_deref());
        shown
    });
    view["sourceRevisions"] = revisions.collect();
    if let Some(reason) = &run.stop_reason {
        view["stopTrigger"] = json!({ "reason": reason });
    }
    view
}

/// Adds a member if there is one.
pub(super) fn put(to: &mut Value, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        to[name] = json!(text);
    }
}

/// A time as the API's JSON has it: seconds with parts.
pub(super) fn seconds(at: Timestamp) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit")]
    let seconds = at.as_millis() as f64 / 1000.0;
    json!(seconds)
}
