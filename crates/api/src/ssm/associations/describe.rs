//! What answers show of an association.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use trackway_association::association::{Columns, VIEW_VERSIONS, Version, version_key};
use trackway_association::run;
use trackway_association::spec::Spec;
use trackway_association::status::{Counts, Status};

use super::{Found, epoch, run_columns};
use crate::Caller;
use crate::answer::write;
use crate::ssm::refusal::{Code, Failure, Refusal};
use crate::ssm::{Answer, Ssm};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeAssociation {
    association_id: Option<String>,
    association_version: Option<String>,
    name: Option<String>,
    instance_id: Option<String>,
}

impl Ssm {
    pub(super) async fn describe_association(
        &self,
        caller: &Caller,
        request: DescribeAssociation,
    ) -> Answer {
        let legacy = (request.name.as_deref(), request.instance_id.as_deref());
        let mut found =
            self.association_of(caller, request.association_id.as_deref(), legacy).await?;
        let latest = self.latest_run(&found).await?;
        let overview = overview(&found.columns, latest.as_ref());
        if let Some(wanted) = request.association_version.filter(|version| version != "$LATEST") {
            let version = self.version_of(&found, &wanted).await?;
            found.columns.spec = version.spec;
            found.columns.updated_ms = version.created_ms;
            found.columns.version = wanted.parse().unwrap_or(found.columns.version);
        }
        let triggered = latest.map(|run| run.triggered_alarms).unwrap_or_default();
        let mut description = description(&found.columns, overview);
        if !triggered.is_empty() {
            description.insert("TriggeredAlarms".to_owned(), json!(triggered));
        }
        write(&json!({ "AssociationDescription": description }))
    }

    async fn version_of(&self, found: &Found, version: &str) -> Result<Version, Failure> {
        let refusal = || {
            let message = "The version you specified is not valid. Use ListAssociationVersions to view all versions of an association according to the association ID. Or, use the $LATEST parameter to view the latest version of the association.";
            Refusal::new(Code::InvalidAssociationVersion, message)
        };
        let number: u32 = version.parse().map_err(|_| refusal())?;
        let row = self.engine.row(found.id(), VIEW_VERSIONS, &version_key(number)).await?;
        let version = row.and_then(|row| serde_json::from_slice(&row).ok());
        version.ok_or_else(|| refusal().into())
    }

    /// The latest run over all targets, if there was one.
    pub(super) async fn latest_run(&self, found: &Found) -> Result<Option<run::Columns>, Failure> {
        let Some(run) = &found.columns.latest_run else { return Ok(None) };
        // It may not have been started yet, or be forgotten already.
        let record = self.engine.record(found.run(run)).await?;
        Ok(record.map(|record| run_columns(&record.summary.columns)).transpose()?)
    }
}

/// `Overview`. While a run goes on, its own targets are counted.
pub(super) fn overview(columns: &Columns, latest: Option<&run::Columns>) -> Value {
    let running = latest.filter(|_| columns.is_running);
    let counts = running.map_or(&columns.counts, |run| &run.counts);
    let detailed = match running {
        Some(run) if run.status == Status::InProgress => "InProgress",
        _ => &columns.detailed_status,
    };
    let mut overview = Map::new();
    overview.insert("Status".to_owned(), json!(columns.status));
    overview.insert("DetailedStatus".to_owned(), json!(detailed));
    if !counts.is_empty() {
        overview.insert("AssociationStatusAggregatedCount".to_owned(), counted(counts));
    }
    Value::Object(overview)
}

fn counted(counts: &Counts) -> Value {
    let counts = counts.iter().map(|(status, count)| (status.name().to_owned(), json!(count)));
    Value::Object(counts.collect())
}

/// The overview of an association that was written just now.
pub(super) fn creating() -> Value {
    json!({ "Status": "Pending", "DetailedStatus": "Creating" })
}

/// `AssociationDescription`.
pub(super) fn description(columns: &Columns, overview: Value) -> Map<String, Value> {
    let spec = &columns.spec;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("AssociationId", json!(columns.association_id));
    put("AssociationVersion", json!(columns.version.to_string()));
    put("Date", epoch(columns.created_ms));
    put("LastUpdateAssociationDate", epoch(columns.updated_ms));
    put("Overview", overview);
    if spec.instance_id.is_some() {
        put("Status", legacy_status(columns));
    }
    for (name, millis) in [
        ("LastExecutionDate", columns.last_execution_ms),
        ("LastSuccessfulExecutionDate", columns.last_success_ms),
    ] {
        if let Some(millis) = millis {
            put(name, epoch(millis));
        }
    }
    out.extend(fields(spec));
    out
}

/// What the caller said, by the API's names. The legacy form has its `InstanceId` and, as AWS shows
/// it, a target that says the same.
pub(super) fn fields(spec: &Spec) -> Map<String, Value> {
    match serde_json::to_value(spec) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// The legacy form's `Status`: what UpdateAssociationStatus said, or that it is there.
fn legacy_status(columns: &Columns) -> Value {
    let set = columns.legacy_status.as_deref().and_then(|text| serde_json::from_str(text).ok());
    set.unwrap_or_else(|| {
        json!({
            "Date": epoch(columns.created_ms),
            "Name": "Associated",
            "Message": format!("Associated with {}", columns.spec.name),
        })
    })
}

/// A row of ListAssociations.
pub(super) fn item(columns: &Columns, overview: Value) -> Value {
    let shown = [
        "Name",
        "InstanceId",
        "DocumentVersion",
        "Targets",
        "ScheduleExpression",
        "AssociationName",
        "ScheduleOffset",
        "Duration",
        "TargetMaps",
    ];
    let mut item = fields(&columns.spec);
    item.retain(|name, _| shown.contains(&name.as_str()));
    item.insert("AssociationId".to_owned(), json!(columns.association_id));
    item.insert("AssociationVersion".to_owned(), json!(columns.version.to_string()));
    if let Some(millis) = columns.last_execution_ms {
        item.insert("LastExecutionDate".to_owned(), epoch(millis));
    }
    item.insert("Overview".to_owned(), overview);
    Value::Object(item)
}

/// A row of ListAssociationVersions.
pub(super) fn version(association_id: &str, number: u32, version: &Version) -> Value {
    // A version shows neither its alarms nor its node.
    let mut item = fields(&version.spec);
    item.remove("AlarmConfiguration");
    item.remove("InstanceId");
    item.remove("AutomationTargetParameterName");
    item.insert("AssociationId".to_owned(), json!(association_id));
    item.insert("AssociationVersion".to_owned(), json!(number.to_string()));
    item.insert("CreatedDate".to_owned(), epoch(version.created_ms));
    Value::Object(item)
}
