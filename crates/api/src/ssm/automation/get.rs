//! GetAutomationExecution, and what lists show of an execution as well.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_core::{Summary, Timestamp};
use trackway_engine::RowQuery;
use trackway_runbook::automation::rows::{DETAILS, PARAMETERS, STEPS, VARIABLES};
use trackway_runbook::automation::{Columns, as_lists};

use super::{columns, status, steps};
use crate::Caller;
use crate::answer::{Epoch, write};
use crate::ssm::{Answer, Ssm};

/// Steps that GetAutomationExecution shows; of more it says that there are.
const STEPS_SHOWN: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetExecution {
    automation_execution_id: String,
}

impl Ssm {
    pub(super) async fn get_execution(&self, caller: &Caller, request: GetExecution) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Got {
            automation_execution: Map<String, Value>,
        }
        let id = &request.automation_execution_id;
        let record = self.execution(caller, id).await?;
        let columns = columns(&record.summary.columns, id)?;
        let mut shown = described(id, &record.summary, &columns);
        for (member, key) in [("Parameters", PARAMETERS), ("Variables", VARIABLES)] {
            let row = self.engine.row(record.id, DETAILS, key).await?;
            let values: Option<Map<String, Value>> =
                row.and_then(|row| serde_json::from_slice(&row).ok());
            if let Some(values) = values.filter(|values| !values.is_empty()) {
                shown.insert(member.to_owned(), Value::Object(as_lists(&values)));
            }
        }
        let page = self.engine.rows(record.id, STEPS, RowQuery::first(STEPS_SHOWN)).await?;
        let steps: Vec<Value> =
            page.rows.iter().map(|(_, row)| steps::described(row)).collect::<Result<_, _>>()?;
        shown.insert("StepExecutions".to_owned(), Value::Array(steps));
        shown.insert("StepExecutionsTruncated".to_owned(), Value::Bool(page.more));
        if let Some(summary) = columns.targets_summary {
            shown.insert("TargetsSummary".to_owned(), json!(summary));
        }
        if let Some(progress) = columns.progress {
            shown.insert("ProgressCounters".to_owned(), json!(progress));
        }
        write(&Got { automation_execution: shown })
    }
}

/// What GetAutomationExecution and DescribeAutomationExecutions both show.
pub(super) fn described(id: &str, summary: &Summary, columns: &Columns) -> Map<String, Value> {
    let with = &columns.with;
    let mut shown = Map::new();
    let mut put = |name: &str, value: Value| {
        shown.insert(name.to_owned(), value);
    };
    let seconds = |at: Timestamp| json!(Epoch(at));
    put("AutomationExecutionId", json!(id));
    put("DocumentName", json!(with.document_name));
    put("DocumentVersion", json!(with.document_version));
    put("ExecutionStartTime", seconds(summary.started));
    summary.closed.into_iter().for_each(|at| put("ExecutionEndTime", seconds(at)));
    put("AutomationExecutionStatus", json!(status(summary.status).name()));
    let outputs = columns.outputs.as_ref().and_then(|text| serde_json::from_str(text).ok());
    put("Outputs", outputs.unwrap_or_else(|| json!({})));
    put("Mode", json!(with.mode.name()));
    put("ExecutedBy", json!(with.executed_by));
    if let Some((step, action)) = &columns.current {
        put("CurrentStepName", json!(step));
        put("CurrentAction", json!(action.name()));
    }
    let mut text = |name: &str, text: &Option<String>| {
        text.iter().for_each(|text| put(name, json!(text)));
    };
    text("FailureMessage", &columns.failure_message);
    text("ParentAutomationExecutionId", &with.parent_execution_id);
    text("TargetParameterName", &with.target_parameter_name);
    text("MaxConcurrency", &with.max_concurrency);
    text("MaxErrors", &with.max_errors);
    text("Target", &with.target);
    text("AssociationId", &with.association_id);
    put("Targets", json!(with.targets));
    if !with.target_maps.is_empty() {
        put("TargetMaps", json!(with.target_maps));
    }
    let resolved = json!({
        "ParameterValues": columns.resolved_targets,
        "Truncated": columns.truncated,
    });
    put("ResolvedTargets", resolved);
    if let Some(alarms) = &with.alarms {
        let named: Vec<Value> = alarms.alarms.iter().map(|name| json!({ "Name": name })).collect();
        let ignore = alarms.ignore_poll_alarm_failure;
        put("AlarmConfiguration", json!({ "IgnorePollAlarmFailure": ignore, "Alarms": named }));
    }
    if !columns.triggered_alarms.is_empty() {
        put("TriggeredAlarms", json!(columns.triggered_alarms));
    }
    shown
}
