//! Compliance: what associations found, and what callers put.
//!
//! An association that isn't `MANUAL` has an item for each node that it ran on: a view of its runs,
//! kept nowhere else. What PutComplianceItems says is a row of the catalog for each item.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_association::status::Status;
use trackway_engine::{Edit, Fault};

use super::{RESULTS_DEFAULT, epoch};
use crate::Caller;
use crate::answer::{nothing, write};
use crate::ssm::refusal::{Code, Failure, Refusal};
use crate::ssm::{Answer, Ssm, table};

/// Rows of the catalog read at once.
const ROWS_AT_ONCE: usize = 500;
/// Severities, the gravest first, and the members that count them.
const SEVERITIES: [(&str, &str); 6] = [
    ("CRITICAL", "CriticalCount"),
    ("HIGH", "HighCount"),
    ("MEDIUM", "MediumCount"),
    ("LOW", "LowCount"),
    ("INFORMATIONAL", "InformationalCount"),
    ("UNSPECIFIED", "UnspecifiedCount"),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutItems {
    resource_id: String,
    resource_type: String,
    compliance_type: String,
    execution_summary: Value,
    items: Vec<Value>,
    upload_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListItems {
    #[serde(default)]
    filters: Vec<Filter>,
    #[serde(default)]
    resource_ids: Vec<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    #[serde(default)]
    key: String,
    #[serde(default)]
    values: Vec<String>,
    #[serde(rename = "Type")]
    operator: Option<String>,
}

impl Filter {
    fn check(&self) -> Result<(), Refusal> {
        let known =
            ["ComplianceType", "Id", "ResourceId", "ResourceType", "Severity", "Status", "Title"];
        let operators = ["EQUAL", "NOT_EQUAL", "BEGIN_WITH"];
        let operator = self.operator.as_deref().unwrap_or("EQUAL");
        if known.contains(&self.key.as_str()) && operators.contains(&operator) {
            return Ok(());
        }
        let message = format!("The filter {} with the type {operator} is not valid.", self.key);
        Err(Refusal::new(Code::InvalidFilter, message))
    }

    fn holds(&self, item: &Value) -> bool {
        let value = item[&self.key].as_str().unwrap_or_default();
        match self.operator.as_deref() {
            Some("NOT_EQUAL") => !self.values.iter().any(|wanted| wanted == value),
            Some("BEGIN_WITH") => self.values.iter().any(|wanted| value.starts_with(wanted)),
            _ => self.values.iter().any(|wanted| wanted == value),
        }
    }
}

impl Ssm {
    pub(super) async fn put_compliance_items(&self, caller: &Caller, request: PutItems) -> Answer {
        let PutItems { resource_id, resource_type, compliance_type, .. } = &request;
        if resource_type != "ManagedInstance" {
            let message = format!("The resource type {resource_type} is not valid.");
            return Err(Refusal::new(Code::InvalidResourceType, message).into());
        }
        if self.check_node(caller, resource_id).await.is_err() {
            return Err(Refusal::bare(Code::InvalidResourceId).into());
        }
        let prefix = format!("{resource_id}\0{compliance_type}\0");
        let mut edits = Vec::new();
        if request.upload_type.as_deref() != Some("PARTIAL") {
            for (key, _) in self.put_rows(caller, prefix.as_bytes()).await? {
                edits.push(Edit::Delete { table: table::COMPLIANCE, key });
            }
        }
        for (number, item) in request.items.iter().enumerate() {
            let id = item["Id"].as_str().map_or_else(|| number.to_string(), str::to_owned);
            let mut item = item.clone();
            item["Id"] = json!(id);
            item["ComplianceType"] = json!(compliance_type);
            item["ResourceType"] = json!(resource_type);
            item["ResourceId"] = json!(resource_id);
            item["ExecutionSummary"] = request.execution_summary.clone();
            let key = format!("{prefix}{id}").into_bytes();
            let value = item.to_string().into_bytes().into();
            edits.push(Edit::Put { table: table::COMPLIANCE, key, value });
        }
        self.change(caller, &[], &edits).await?;
        nothing()
    }

    pub(super) async fn list_compliance_items(
        &self,
        caller: &Caller,
        request: ListItems,
    ) -> Answer {
        let items = self.compliance_items(caller, &request).await?;
        self.compliance_page(caller, ("ListComplianceItems", "ComplianceItems"), &request, items)
    }

    pub(super) async fn list_resource_compliance_summaries(
        &self,
        caller: &Caller,
        request: ListItems,
    ) -> Answer {
        let items = self.compliance_items(caller, &request).await?;
        let of = |item: &Value| vec![item["ResourceId"].clone(), item["ComplianceType"].clone()];
        let summaries = grouped(&items, of).into_iter().map(|items| {
            let mut summary = summary(&items);
            summary["ComplianceType"] = items[0]["ComplianceType"].clone();
            summary["ResourceId"] = items[0]["ResourceId"].clone();
            summary["ResourceType"] = items[0]["ResourceType"].clone();
            summary["ExecutionSummary"] = items[0]["ExecutionSummary"].clone();
            let bad = items.iter().filter(|item| item["Status"] != "COMPLIANT");
            let bad: Vec<&&Value> = bad.collect();
            let status = if bad.is_empty() { "COMPLIANT" } else { "NON_COMPLIANT" };
            let gravest = SEVERITIES
                .iter()
                .find(|(word, _)| bad.iter().any(|item| item["Severity"] == *word));
            summary["Status"] = json!(status);
            summary["OverallSeverity"] = json!(gravest.map_or("UNSPECIFIED", |(word, _)| *word));
            summary
        });
        let names = ("ListResourceComplianceSummaries", "ResourceComplianceSummaryItems");
        self.compliance_page(caller, names, &request, summaries.collect())
    }

    pub(super) async fn list_compliance_summaries(
        &self,
        caller: &Caller,
        request: ListItems,
    ) -> Answer {
        let items = self.compliance_items(caller, &request).await?;
        let of = |item: &Value| vec![item["ComplianceType"].clone()];
        let summaries = grouped(&items, of).into_iter().map(|items| {
            let mut summary = summary(&items);
            summary["ComplianceType"] = items[0]["ComplianceType"].clone();
            summary
        });
        let names = ("ListComplianceSummaries", "ComplianceSummaryItems");
        self.compliance_page(caller, names, &request, summaries.collect())
    }

    /// Every item that the filters fit, by node, type and id.
    async fn compliance_items(
        &self,
        caller: &Caller,
        request: &ListItems,
    ) -> Result<Vec<Value>, Failure> {
        request.filters.iter().try_for_each(Filter::check)?;
        let mut items = BTreeMap::new();
        for (key, row) in self.put_rows(caller, b"").await? {
            let item: Value = serde_json::from_slice(&row)
                .map_err(|error| Fault::new(format!("could not read an item: {error}")))?;
            items.insert(key, item);
        }
        let nodes = self.table_rows(caller, (table::NODES, b"")).await?;
        for found in self.every_association(caller).await? {
            if found.columns.spec.sync_compliance.as_deref() == Some("MANUAL") {
                continue;
            }
            for (node, _) in &nodes {
                let node = String::from_utf8_lossy(node);
                if let Some(item) = self.item_of(&found, &node).await? {
                    let id = &found.columns.association_id;
                    items.insert(format!("{node}\0Association\0{id}").into_bytes(), item);
                }
            }
        }
        let is_wanted = |item: &Value| {
            let ids = &request.resource_ids;
            let is_asked = ids.is_empty() || ids.iter().any(|id| item["ResourceId"] == id.as_str());
            is_asked && request.filters.iter().all(|filter| filter.holds(item))
        };
        Ok(items.into_values().filter(is_wanted).collect())
    }

    /// The item of an association for a node, once it has ended there.
    async fn item_of(&self, found: &super::Found, node: &str) -> Result<Option<Value>, Failure> {
        let Some(on_node) = self.on_node(found, node).await? else { return Ok(None) };
        let (run, row) = (on_node.run, on_node.row);
        if !row.status.is_final() {
            return Ok(None);
        }
        let spec = &found.columns.spec;
        let is_well = matches!(row.status, Status::Success | Status::Skipped);
        Ok(Some(json!({
            "ComplianceType": "Association",
            "ResourceType": "ManagedInstance",
            "ResourceId": node,
            "Id": found.columns.association_id,
            "Title": spec.association_name.clone().unwrap_or_default(),
            "Status": if is_well { "COMPLIANT" } else { "NON_COMPLIANT" },
            "Severity": spec.compliance_severity.as_deref().unwrap_or("UNSPECIFIED"),
            "ExecutionSummary": {
                "ExecutionTime": epoch(row.last_execution_ms.unwrap_or_default()),
                "ExecutionId": row.child.unwrap_or(run.execution_id),
                "ExecutionType": "Command",
            },
            "Details": { "DocumentName": spec.name, "DocumentVersion": run.document_version },
        })))
    }

    async fn put_rows(
        &self,
        caller: &Caller,
        prefix: &[u8],
    ) -> Result<Vec<(Vec<u8>, bytes::Bytes)>, Fault> {
        self.table_rows(caller, (table::COMPLIANCE, prefix)).await
    }

    async fn table_rows(
        &self,
        caller: &Caller,
        (table, prefix): (u8, &[u8]),
    ) -> Result<Vec<(Vec<u8>, bytes::Bytes)>, Fault> {
        let (mut rows, mut after): (Vec<(Vec<u8>, bytes::Bytes)>, _) = (Vec::new(), None);
        loop {
            let catalog = self.engine.catalog();
            let after_key: Option<&Vec<u8>> = after.as_ref();
            let page = catalog
                .list(&caller.scope, table, prefix, after_key.map(Vec::as_slice), ROWS_AT_ONCE)
                .await?;
            rows.extend(page.rows.into_iter().map(|(key, row)| (key.to_vec(), row)));
            if !page.more {
                return Ok(rows);
            }
            after = rows.last().map(|(key, _)| key.clone());
        }
    }

    /// A page of what was found; the token says how many came before.
    fn compliance_page(
        &self,
        caller: &Caller,
        (operation, member): (&str, &str),
        request: &ListItems,
        all: Vec<Value>,
    ) -> Answer {
        let told = serde_json::to_string(&(&request.filters, &request.resource_ids));
        let told = told.unwrap_or_default();
        let bound_to = [operation, told.as_str()];
        let bound = self.bound(caller, &bound_to);
        let place = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let place = place.as_deref().and_then(|place| place.first_chunk());
        let skip = place.map_or(0, |place| u32::from_be_bytes(*place));
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let left = all.len().saturating_sub(skip as usize);
        let page: Vec<Value> = all.into_iter().skip(skip as usize).take(limit).collect();
        let mut answer = json!({ member: page });
        if left > limit {
            let next = skip.saturating_add(u32::try_from(limit).unwrap_or(u32::MAX));
            answer["NextToken"] = Value::from(bound.seal(&next.to_be_bytes()));
        }
        write(&answer)
    }
}

fn grouped(items: &[Value], of: impl Fn(&Value) -> Vec<Value>) -> Vec<Vec<&Value>> {
    let mut groups: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for item in items {
        groups.entry(Value::from(of(item)).to_string()).or_default().push(item);
    }
    groups.into_values().collect()
}

/// `CompliantSummary` and `NonCompliantSummary`.
fn summary(items: &[&Value]) -> Value {
    let count = |status: &str, name: &str| {
        let of = items.iter().filter(|item| item["Status"] == status);
        let of: Vec<_> = of.collect();
        let severities: Map<String, Value> = SEVERITIES
            .iter()
            .map(|(word, member)| {
                let count = of.iter().filter(|item| item["Severity"] == *word).count();
                ((*member).to_owned(), json!(count))
            })
            .collect();
        json!({ name: of.len(), "SeveritySummary": severities })
    };
    json!({
        "CompliantSummary": count("COMPLIANT", "CompliantCount"),
        "NonCompliantSummary": count("NON_COMPLIANT", "NonCompliantCount"),
    })
}
