//! DescribeAssociationExecutions, DescribeAssociationExecutionTargets.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_association::run::{self, KIND, TargetRow, VIEW_TARGETS};
use trackway_association::spec::DocumentKind;
use trackway_association::status::{Status, count_text};
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Cursor, Fault, ListQuery, Order, RowQuery};

use super::{Found, RESULTS_DEFAULT, epoch, run_columns};
use crate::Caller;
use crate::answer::write;
use crate::page::{read_cursor, write_cursor};
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Answer, Ssm, moment};

/// Runs read at once.
const ROWS_AT_ONCE: usize = 200;
/// How long a run that is about to start is waited for: this long, so often.
const LOOK_AGAIN: Duration = Duration::from_millis(5);
const LOOKS_MAX: u32 = 200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeExecutions {
    association_id: String,
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Filter {
    pub(super) key: String,
    pub(super) value: String,
    #[serde(rename = "Type")]
    pub(super) operator: String,
}

/// What the filters come to: all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    ids: Vec<String>,
    statuses: Vec<String>,
    /// Created later than this.
    after: Option<Timestamp>,
    /// Created earlier than this.
    before: Option<Timestamp>,
    at: Vec<Timestamp>,
}

impl Conditions {
    /// # Errors
    /// An operator that a key doesn't have, or a value that is no time.
    pub(super) fn parse(filters: &[Filter]) -> Result<Self, Refusal> {
        let mut all = Self::default();
        for Filter { key, value, operator } in filters {
            match (key.as_str(), operator.as_str()) {
                ("ExecutionId", "EQUAL") => all.ids.push(value.to_ascii_lowercase()),
                ("Status", "EQUAL") => all.statuses.push(value.clone()),
                ("CreatedTime", operator) => {
                    let time = moment::read(value).ok_or_else(|| {
                        invalid(format!("{value:?} is not a time: give ISO 8601, in UTC."))
                    })?;
                    match operator {
                        "LESS_THAN" => all.before = all.before.min(Some(time)).or(Some(time)),
                        "GREATER_THAN" => all.after = all.after.max(Some(time)),
                        _ => all.at.push(time),
                    }
                }
                (key, operator) => {
                    return Err(invalid(format!(
                        "The filter {key} takes the type EQUAL, not {operator}."
                    )));
                }
            }
        }
        Ok(all)
    }

    pub(super) fn hold(&self, run: &run::Columns, created: Timestamp) -> bool {
        self.ids.iter().all(|id| run.execution_id == *id)
            && self.statuses.iter().all(|status| run.status.name() == status)
            && self.after.is_none_or(|after| created > after)
            && self.before.is_none_or(|before| created < before)
            && self.at.iter().all(|at| created == *at)
    }

    /// The only status that can hold, if there is one: lists are kept by it.
    fn status(&self) -> Option<Status> {
        self.statuses.first().and_then(|status| Status::from_name(status))
    }

    /// No run is older than this.
    fn oldest(&self) -> Option<Timestamp> {
        let at = self.at.iter().map(|at| *at + -1).max();
        self.after.max(at)
    }

    /// Where to begin: after everything that is newer than what is wanted.
    fn newest(&self) -> Option<Cursor> {
        let at = self.at.iter().map(|at| *at + 1).min();
        let before = match (self.before, at) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        // The last of those that were created just then.
        before.map(|started| Cursor { started, id: ExecutionId([0xff; 16]) })
    }
}

impl Ssm {
    pub(super) async fn describe_association_executions(
        &self,
        caller: &Caller,
        request: DescribeExecutions,
    ) -> Answer {
        let found = self.association(caller, &request.association_id).await?;
        let conditions = Conditions::parse(&request.filters)?;
        let told = serde_json::to_string(&request.filters).unwrap_or_default();
        let bound_to = ["DescribeAssociationExecutions", &found.arn, told.as_str()];
        let bound = self.bound(caller, &bound_to);
        let place = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let after = place.as_deref().and_then(read_cursor);
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        self.wait_for_latest(&found).await?;
        let (shown, next) =
            self.association_runs(caller, &found, (&conditions, after, limit)).await?;
        let mut answer = json!({ "AssociationExecutions": shown });
        if let Some(cursor) = next {
            answer["NextToken"] = Value::from(bound.seal(&write_cursor(cursor)));
        }
        write(&answer)
    }

    /// A run that the association has decided on is started by an effect: it is there in a moment.
    /// Whoever created an association, or told it to run, finds that run.
    async fn wait_for_latest(&self, found: &Found) -> Result<(), Failure> {
        for _ in 0..LOOKS_MAX {
            if !found.columns.is_running || self.latest_run(found).await?.is_some() {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// One page, and where the next begins if there is one.
    async fn association_runs(
        &self,
        caller: &Caller,
        found: &Found,
        (conditions, after, limit): (&Conditions, Option<Cursor>, usize),
    ) -> Result<(Vec<Value>, Option<Cursor>), Failure> {
        let mut shown = Vec::new();
        if let Some(id) = conditions.ids.first() {
            if after.is_none()
                && let Some(record) = self.engine.record(found.run(id)).await?
            {
                let (columns, created) =
                    (run_columns(&record.summary.columns)?, record.summary.started);
                if conditions.hold(&columns, created) {
                    shown.push(execution(&columns, created));
                }
            }
            return Ok((shown, None));
        }
        if !conditions.statuses.is_empty() && conditions.status().is_none() {
            return Ok((shown, None));
        }
        let mut query = ListQuery {
            kind: KIND,
            scope: caller.scope.to_string(),
            parent: found.arn.clone(),
            status: conditions.status().map(|status| status as u8),
            after: after.or_else(|| conditions.newest()),
            limit: ROWS_AT_ONCE.min(limit + 1),
        };
        let mut last = None;
        loop {
            let page = self.engine.list(&query).await?;
            for row in page.rows {
                let created = row.summary.started;
                if conditions.oldest().is_some_and(|oldest| created <= oldest) {
                    return Ok((shown, None));
                }
                let columns = run_columns(&row.summary.columns)?;
                if !conditions.hold(&columns, created) {
                    continue;
                }
                if shown.len() == limit {
                    return Ok((shown, last));
                }
                shown.push(execution(&columns, created));
                last = Some(Cursor { started: created, id: row.id });
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok((shown, None)),
            }
        }
    }
}

/// `AssociationExecution`.
fn execution(run: &run::Columns, created: Timestamp) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("AssociationId", json!(run.association_id));
    put("AssociationVersion", json!(run.association_version.to_string()));
    put("ExecutionId", json!(run.execution_id));
    put("Status", json!(run.status.name()));
    put("DetailedStatus", json!(run.status.name()));
    put("CreatedTime", epoch(created.as_millis()));
    if let Some(millis) = run.last_execution_ms {
        put("LastExecutionDate", epoch(millis));
    }
    put("ResourceCountByStatus", json!(count_text(&run.counts)));
    if let Some(alarms) = &run.alarm_configuration {
        put("AlarmConfiguration", json!(alarms));
    }
    if !run.triggered_alarms.is_empty() {
        put("TriggeredAlarms", json!(run.triggered_alarms));
    }
    Value::Object(out)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeTargets {
    association_id: String,
    execution_id: String,
    #[serde(default)]
    filters: Vec<TargetFilter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct TargetFilter {
    key: String,
    value: String,
}

impl TargetFilter {
    fn holds(&self, id: &str, row: &TargetRow) -> bool {
        match self.key.as_str() {
            "Status" => row.status.name() == self.value,
            "ResourceId" => resource_id(id, row) == self.value,
            "ResourceType" => resource_type(row) == self.value,
            _ => false,
        }
    }
}

impl Ssm {
    pub(super) async fn describe_association_execution_targets(
        &self,
        caller: &Caller,
        request: DescribeTargets,
    ) -> Answer {
        let found = self.association(caller, &request.association_id).await?;
        let id = found.run(&request.execution_id.to_ascii_lowercase());
        let record = self.engine.record(id).await?.filter(|record| record.kind == KIND);
        let record = record.ok_or_else(|| {
            Refusal::new(
                Code::AssociationExecutionDoesNotExist,
                "The specified execution ID does not exist. Verify the ID number and try again.",
            )
        })?;
        let run = run_columns(&record.summary.columns)?;
        let told = serde_json::to_string(&request.filters).unwrap_or_default();
        let bound_to = ["DescribeAssociationExecutionTargets", &record.arn, told.as_str()];
        let bound = self.bound(caller, &bound_to);
        let after = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let query = RowQuery { prefix: Vec::new(), after, order: Order::Ascending, limit };
        let wanted = |key: &[u8], row: &[u8]| {
            let id = String::from_utf8_lossy(key);
            let row = TargetRow::decode(row);
            row.is_some_and(|row| request.filters.iter().all(|filter| filter.holds(&id, &row)))
        };
        let page = self.engine.rows_where(id, VIEW_TARGETS, query, wanted).await?;
        let shown = page.rows.iter().map(|(key, row)| {
            let row =
                TargetRow::decode(row).ok_or_else(|| Fault::new("a run's target is damaged"))?;
            Ok(target(&run, &String::from_utf8_lossy(key), &row))
        });
        let shown: Vec<Value> = shown.collect::<Result<_, Fault>>()?;
        let mut answer = json!({ "AssociationExecutionTargets": shown });
        if let Some((key, _)) = page.rows.last().filter(|_| page.more) {
            answer["NextToken"] = Value::from(bound.seal(key));
        }
        write(&answer)
    }
}

/// A run of an automation has one target: the automation, which has targets of its own.
fn resource_id<'a>(id: &'a str, row: &'a TargetRow) -> &'a str {
    match (row.kind, &row.child) {
        (DocumentKind::Automation, Some(child)) => child,
        _ => id,
    }
}

fn resource_type(row: &TargetRow) -> &'static str {
    match row.kind {
        DocumentKind::Command => "ManagedInstance",
        DocumentKind::Automation => "Automation",
    }
}

/// `AssociationExecutionTarget`.
fn target(run: &run::Columns, id: &str, row: &TargetRow) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("AssociationId", json!(run.association_id));
    put("AssociationVersion", json!(run.association_version.to_string()));
    put("ExecutionId", json!(run.execution_id));
    put("ResourceId", json!(resource_id(id, row)));
    put("ResourceType", json!(resource_type(row)));
    put("Status", json!(row.status.name()));
    put("DetailedStatus", json!(row.details.as_deref().unwrap_or(row.status.name())));
    if let Some(millis) = row.last_execution_ms {
        put("LastExecutionDate", epoch(millis));
    }
    if let Some(child) = &row.child {
        let kind = match row.kind {
            DocumentKind::Command => "RunCommand",
            DocumentKind::Automation => "Automation",
        };
        put("OutputSource", json!({ "OutputSourceId": child, "OutputSourceType": kind }));
    }
    Value::Object(out)
}
