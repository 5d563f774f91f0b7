//! DescribeInstanceAssociationsStatus, DescribeEffectiveInstanceAssociations.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use trackway_association::association::{LastNodeRun, VIEW_NODES};
use trackway_association::run::{self, TargetRow, VIEW_TARGETS};
use trackway_association::spec::DocumentKind;
use trackway_association::status::Status;
use trackway_engine::Cursor;

use super::{Found, RESULTS_DEFAULT, epoch, run_columns};
use crate::Caller;
use crate::answer::write;
use crate::page::{read_cursor, write_cursor};
use crate::ssm::refusal::Failure;
use crate::ssm::tags::{ResourceType, Tags};
use crate::ssm::{Answer, Ssm};

/// The most that a page of DescribeEffectiveInstanceAssociations has.
const EFFECTIVE_MAX: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfInstance {
    instance_id: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// What an association last came to on a node.
pub(super) struct OnNode {
    pub(super) run: run::Columns,
    pub(super) row: TargetRow,
}

impl Ssm {
    /// What an association last came to on a node: in its latest run, or in one on this node alone
    /// since then.
    pub(super) async fn on_node(
        &self,
        found: &Found,
        node: &str,
    ) -> Result<Option<OnNode>, Failure> {
        let row = self.engine.row(found.id(), VIEW_NODES, node.as_bytes()).await?;
        let alone: Option<LastNodeRun> = row.and_then(|row| serde_json::from_slice(&row).ok());
        let latest_ms = found.columns.latest_run_ms.unwrap_or_default();
        let alone = alone.filter(|alone| alone.started_ms >= latest_ms);
        let runs = alone.map(|alone| alone.execution_id).into_iter();
        for run in runs.chain(found.columns.latest_run.clone()) {
            let id = found.run(&run);
            let row = self.engine.row(id, VIEW_TARGETS, node.as_bytes()).await?;
            if let Some(row) = row.and_then(|row| TargetRow::decode(&row))
                && row.kind == DocumentKind::Command
                && let Some(record) = self.engine.record(id).await?
            {
                let run = run_columns(&record.summary.columns)?;
                return Ok(Some(OnNode { run, row }));
            }
        }
        Ok(None)
    }

    pub(super) async fn describe_instance_associations_status(
        &self,
        caller: &Caller,
        request: OfInstance,
    ) -> Answer {
        self.check_node(caller, &request.instance_id).await?;
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let asked = ("DescribeInstanceAssociationsStatus", limit);
        let (shown, next) = self.of_node(caller, &request, asked).await?;
        let mut infos = Vec::new();
        for found in &shown {
            let on_node = self.on_node(found, &request.instance_id).await?;
            infos.push(status_info(caller, found, &request.instance_id, on_node.as_ref()));
        }
        let mut answer = json!({ "InstanceAssociationStatusInfos": infos });
        if let Some(token) = next {
            answer["NextToken"] = Value::from(token);
        }
        write(&answer)
    }

    pub(super) async fn describe_effective_instance_associations(
        &self,
        caller: &Caller,
        request: OfInstance,
    ) -> Answer {
        self.check_node(caller, &request.instance_id).await?;
        let limit = request.max_results.unwrap_or(EFFECTIVE_MAX);
        let asked = ("DescribeEffectiveInstanceAssociations", limit);
        let (shown, next) = self.of_node(caller, &request, asked).await?;
        let mut items = Vec::new();
        for found in &shown {
            let spec = &found.columns.spec;
            let version = Some(spec.document_version.as_str());
            // A document that is gone has no content.
            let document = self.resolve_document(caller, &spec.name, version).await.ok();
            let mut item = json!({
                "AssociationId": found.columns.association_id,
                "InstanceId": request.instance_id,
                "AssociationVersion": found.columns.version.to_string(),
            });
            if let Some(document) = document {
                item["Content"] = Value::from(&**document.content.text());
            }
            items.push(item);
        }
        let mut answer = json!({ "Associations": items });
        if let Some(token) = next {
            answer["NextToken"] = Value::from(token);
        }
        write(&answer)
    }

    /// A page of the associations that are about a node, newest first, and the next page's token.
    async fn of_node(
        &self,
        caller: &Caller,
        request: &OfInstance,
        (operation, limit): (&str, usize),
    ) -> Result<(Vec<Found>, Option<String>), Failure> {
        let bound_to = [operation, &request.instance_id];
        let bound = self.bound(caller, &bound_to);
        let place = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let mut after: Option<Cursor> = place.as_deref().and_then(read_cursor);
        let node = &request.instance_id;
        let tags = self.tags_of(caller, ResourceType::ManagedInstance, node).await?;
        let (mut shown, mut last) = (Vec::new(), after);
        loop {
            let (rows, more) = self.associations_after(caller, after).await?;
            for (cursor, found) in rows {
                after = Some(cursor);
                if !self.is_about(&found, node, &tags).await? {
                    continue;
                }
                if shown.len() == limit {
                    let token = last.map(|last| bound.seal(&write_cursor(last)));
                    return Ok((shown, token));
                }
                shown.push(found);
                last = Some(cursor);
            }
            if !more {
                return Ok((shown, None));
            }
        }
    }

    /// Whether an association targets a node, or ran on it last.
    async fn is_about(&self, found: &Found, node: &str, tags: &Tags) -> Result<bool, Failure> {
        if found.is_automation() || found.means(node, tags) {
            return Ok(!found.is_automation());
        }
        Ok(self.on_node(found, node).await?.is_some())
    }
}

/// `InstanceAssociationStatusInfo`.
fn status_info(caller: &Caller, found: &Found, node: &str, on_node: Option<&OnNode>) -> Value {
    let columns = &found.columns;
    let mut out = Map::new();
    let mut put = |name: &str, value: Value| out.insert(name.to_owned(), value);
    put("AssociationId", json!(columns.association_id));
    put("Name", json!(columns.spec.name));
    put("InstanceId", json!(node));
    if let Some(name) = &columns.spec.association_name {
        put("AssociationName", json!(name));
    }
    let Some(OnNode { run, row }) = on_node else {
        put("DocumentVersion", json!(columns.spec.document_version));
        put("AssociationVersion", json!(columns.version.to_string()));
        put("Status", json!("Pending"));
        put("DetailedStatus", json!("Associated"));
        return Value::Object(out);
    };
    put("DocumentVersion", json!(run.document_version));
    put("AssociationVersion", json!(run.association_version.to_string()));
    if let Some(millis) = row.last_execution_ms {
        put("ExecutionDate", epoch(millis));
    }
    put("Status", json!(row.status.name()));
    put("DetailedStatus", json!(row.details.as_deref().unwrap_or(row.status.name())));
    if row.status.is_final() {
        put("ExecutionSummary", json!(summary(row.status)));
    }
    if let Some(url) = output_url(caller, columns.spec.output_location.as_ref()) {
        put("OutputUrl", json!({ "S3OutputUrl": { "OutputUrl": url } }));
    }
    Value::Object(out)
}

/// `ExecutionSummary`: the document counts as one plugin, which it mostly has.
fn summary(status: Status) -> String {
    let is = |wanted: Status| u8::from(status == wanted);
    let (success, failed) = (is(Status::Success), is(Status::Failed));
    let (timed_out, skipped) = (is(Status::TimedOut), is(Status::Skipped));
    let processed = success + failed + timed_out + skipped;
    format!(
        "{processed} out of 1 plugin processed, {success} success, {failed} failed, {timed_out} timedout, {skipped} skipped. "
    )
}

fn output_url(caller: &Caller, location: Option<&Value>) -> Option<String> {
    let location = location?.get("S3Location")?;
    let bucket = location["OutputS3BucketName"].as_str()?;
    let region = location["OutputS3Region"].as_str().unwrap_or(&caller.region);
    let prefix = location["OutputS3KeyPrefix"].as_str().unwrap_or_default();
    Some(format!("https://s3.{region}.amazonaws.com/{bucket}/{prefix}"))
}
