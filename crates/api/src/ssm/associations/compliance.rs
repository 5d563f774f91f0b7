//! Compliance: what associations found, and what callers put.
//!
//! An association that isn't `MANUAL` has an item for each node that it ran on: a view of its runs,
//! kept nowhere else. What PutComplianceItems says is a row of the catalog for each item.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_association::association::VIEW_NODES;
use trackway_association::run::VIEW_TARGETS;
use trackway_association::status::Status;
use trackway_engine::{Edit, Fault, Order, RowQuery};

use super::{Found, RESULTS_DEFAULT, epoch};
use crate::Caller;
use crate::answer::{nothing, write};
use crate::ssm::refusal::{Code, Failure, Refusal};
use crate::ssm::{Answer, Ssm, moment, table};

/// Rows of the catalog read at once.
const ROWS_AT_ONCE: usize = 500;
/// Nodes whose items are looked at before more are read.
const NODES_AT_ONCE: usize = 100;
/// The filter key, and the member of `ExecutionSummary`, that is a time.
const EXECUTION_TIME: &str = "ExecutionTime";
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
    #[serde(default)]
    resource_types: Vec<String>,
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
        let of_times = ["EQUAL", "NOT_EQUAL", "LESS_THAN", "GREATER_THAN"];
        let operator = self.operator.as_deref().unwrap_or("EQUAL");
        let is_known = match self.key.as_str() {
            EXECUTION_TIME => {
                of_times.contains(&operator)
                    && self.values.iter().all(|value| moment::read(value).is_some())
            }
            key => known.contains(&key) && operators.contains(&operator),
        };
        if is_known {
            return Ok(());
        }
        let message = format!("The filter {} with the type {operator} is not valid.", self.key);
        Err(Refusal::new(Code::InvalidFilter, message))
    }

    fn holds(&self, item: &Value) -> bool {
        if self.key == EXECUTION_TIME {
            return self.holds_of(&item["ExecutionSummary"][EXECUTION_TIME]);
        }
        let value = item[&self.key].as_str().unwrap_or_default();
        match self.operator.as_deref() {
            Some("NOT_EQUAL") => !self.values.iter().any(|wanted| wanted == value),
            Some("BEGIN_WITH") => self.values.iter().any(|wanted| value.starts_with(wanted)),
            _ => self.values.iter().any(|wanted| wanted == value),
        }
    }

    /// Of times; an item's has been checked by the model.
    fn holds_of(&self, time: &Value) -> bool {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of our era fit")]
        let is = (time.as_f64().unwrap_or_default() * 1000.0).round() as i64;
        let mut wanted =
            self.values.iter().filter_map(|value| moment::read(value)).map(|at| at.as_millis());
        match self.operator.as_deref() {
            Some("NOT_EQUAL") => wanted.all(|at| is != at),
            Some("LESS_THAN") => wanted.any(|at| is < at),
            Some("GREATER_THAN") => wanted.any(|at| is > at),
            _ => wanted.any(|at| is == at),
        }
    }
}

/// An item and its key, by which pages go on.
type Keyed = (Vec<u8>, Value);

impl ListItems {
    /// Which list it is, for its tokens.
    fn told(&self) -> String {
        let which = (&self.filters, &self.resource_ids, &self.resource_types);
        serde_json::to_string(&which).unwrap_or_default()
    }

    fn wants(&self, item: &Value) -> bool {
        let is_one_of = |member: &str, asked: &[String]| {
            asked.is_empty() || asked.iter().any(|text| item[member] == text.as_str())
        };
        is_one_of("ResourceId", &self.resource_ids)
            && is_one_of("ResourceType", &self.resource_types)
            && self.filters.iter().all(|filter| filter.holds(item))
    }

    /// The only nodes that can have what is wanted, if some are named.
    fn nodes(&self) -> Option<BTreeSet<&str>> {
        let names_nodes = |filter: &&Filter| {
            filter.key == "ResourceId" && matches!(filter.operator.as_deref(), None | Some("EQUAL"))
        };
        let ids = match self.filters.iter().find(names_nodes) {
            Some(filter) => &filter.values,
            None if self.resource_ids.is_empty() => return None,
            None => &self.resource_ids,
        };
        Some(ids.iter().map(String::as_str).collect())
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
            for (key, _) in self.table_rows(caller, (table::COMPLIANCE, prefix.as_bytes())).await? {
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
        let names = ("ListComplianceItems", "ComplianceItems");
        self.compliance_page(caller, names, &request, |items| items).await
    }

    pub(super) async fn list_resource_compliance_summaries(
        &self,
        caller: &Caller,
        request: ListItems,
    ) -> Answer {
        let names = ("ListResourceComplianceSummaries", "ResourceComplianceSummaryItems");
        self.compliance_page(caller, names, &request, by_type).await
    }

    pub(super) async fn list_compliance_summaries(
        &self,
        caller: &Caller,
        request: ListItems,
    ) -> Answer {
        request.filters.iter().try_for_each(Filter::check)?;
        let told = request.told();
        let bound_to = ["ListComplianceSummaries", told.as_str()];
        let bound = self.bound(caller, &bound_to);
        let place = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let is_left = |name: &str| place.as_deref().is_none_or(|place| name.as_bytes() > place);
        let types = self.counts_of_types(caller, &request).await?.into_iter();
        let mut left = types.filter(|(name, _)| is_left(name));
        let page: Vec<(String, Tally)> = left.by_ref().take(limit).collect();
        let shown = page.iter().map(|(name, tally)| {
            let mut summary = tally.summary();
            summary["ComplianceType"] = json!(name);
            summary
        });
        let mut answer = json!({ "ComplianceSummaryItems": shown.collect::<Vec<_>>() });
        if let Some((name, _)) = page.last()
            && left.next().is_some()
        {
            answer["NextToken"] = Value::from(bound.seal(name.as_bytes()));
        }
        write(&answer)
    }

    /// How many items of each type are how, of those that the filters fit. What callers put is read
    /// once, and of each association what it targeted: never every association for every node.
    async fn counts_of_types(
        &self,
        caller: &Caller,
        request: &ListItems,
    ) -> Result<BTreeMap<String, Tally>, Failure> {
        let mut types: BTreeMap<String, Tally> = BTreeMap::new();
        let mut count = |item: &Value| {
            if request.wants(item) {
                let name = item["ComplianceType"].as_str().unwrap_or_default();
                types.entry(name.to_owned()).or_default().add(item);
            }
        };
        let nodes = self.table_rows(caller, (table::NODES, b"")).await?;
        let nodes: BTreeSet<Vec<u8>> = nodes.into_iter().map(|(key, _)| key).collect();
        for (key, row) in self.table_rows(caller, (table::COMPLIANCE, b"")).await? {
            if key.split(|byte| *byte == 0).next().is_some_and(|node| nodes.contains(node)) {
                count(&put_item(&row)?);
            }
        }
        for found in self.synced_associations(caller, request).await? {
            for node in self.nodes_of(&found).await?.intersection(&nodes) {
                let node = String::from_utf8_lossy(node);
                if let Some(item) = self.item_of(&found, &node).await? {
                    count(&item);
                }
            }
        }
        Ok(types)
    }

    /// The nodes that an association's latest run had, and those that it ran on alone.
    async fn nodes_of(&self, found: &Found) -> Result<BTreeSet<Vec<u8>>, Fault> {
        let latest = found.columns.latest_run.as_deref().map(|run| (found.run(run), VIEW_TARGETS));
        let mut nodes = BTreeSet::new();
        for (id, view) in latest.into_iter().chain([(found.id(), VIEW_NODES)]) {
            let mut query = RowQuery {
                prefix: Vec::new(),
                after: None,
                order: Order::Ascending,
                limit: ROWS_AT_ONCE,
            };
            loop {
                let page = self.engine.rows(id, view, query.clone()).await?;
                query.after = page.rows.last().map(|(key, _)| key.to_vec());
                nodes.extend(page.rows.into_iter().map(|(key, _)| key.to_vec()));
                if !page.more {
                    break;
                }
            }
        }
        Ok(nodes)
    }

    /// The associations whose items are kept here, unless no item of theirs is wanted.
    async fn synced_associations(
        &self,
        caller: &Caller,
        request: &ListItems,
    ) -> Result<Vec<Found>, Fault> {
        let of_type = json!({ "ComplianceType": "Association" });
        let mut of_types = request.filters.iter().filter(|filter| filter.key == "ComplianceType");
        if !of_types.all(|filter| filter.holds(&of_type)) {
            return Ok(Vec::new());
        }
        let mut all = self.every_association(caller).await?;
        all.retain(|found| found.columns.spec.sync_compliance.as_deref() != Some("MANUAL"));
        Ok(all)
    }

    /// The items of a node that the filters fit, by key: its id, the type and the item's id.
    async fn items_of_node(
        &self,
        caller: &Caller,
        request: &ListItems,
        (associations, node): (&[Found], &str),
    ) -> Result<Vec<Keyed>, Failure> {
        let mut items = BTreeMap::new();
        let prefix = format!("{node}\0");
        for (key, row) in self.table_rows(caller, (table::COMPLIANCE, prefix.as_bytes())).await? {
            items.insert(key, put_item(&row)?);
        }
        for found in associations {
            if let Some(item) = self.item_of(found, node).await? {
                let id = &found.columns.association_id;
                items.insert(format!("{prefix}Association\0{id}").into_bytes(), item);
            }
        }
        Ok(items.into_iter().filter(|(_, item)| request.wants(item)).collect())
    }

    /// Some nodes that may have items, after this one, by id; whether there are more.
    async fn nodes_wanted(
        &self,
        caller: &Caller,
        request: &ListItems,
        after: Option<&[u8]>,
    ) -> Result<(Vec<String>, bool), Fault> {
        if let Some(ids) = request.nodes() {
            let mut known = Vec::new();
            for id in ids.into_iter().filter(|id| after.is_none_or(|after| id.as_bytes() > after)) {
                if self.node(caller, id).await?.is_some() {
                    known.push(id.to_owned());
                }
            }
            return Ok((known, false));
        }
        let catalog = self.engine.catalog();
        let page = catalog.list(&caller.scope, table::NODES, b"", after, NODES_AT_ONCE).await?;
        let ids = page.rows.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned());
        Ok((ids.collect(), page.more))
    }

    /// A page of what nodes have, node by node; the token is the key of the last that was shown.
    async fn compliance_page(
        &self,
        caller: &Caller,
        (operation, member): (&str, &str),
        request: &ListItems,
        shown_as: fn(Vec<Keyed>) -> Vec<Keyed>,
    ) -> Answer {
        request.filters.iter().try_for_each(Filter::check)?;
        let told = request.told();
        let bound_to = [operation, told.as_str()];
        let bound = self.bound(caller, &bound_to);
        let place = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let place: Vec<u8> = place.unwrap_or_default();
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let associations = self.synced_associations(caller, request).await?;
        // The node of the place may have more to show; others come after it.
        let begun = place.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut nodes: Vec<String> = Vec::new();
        nodes.extend((!begun.is_empty()).then(|| String::from_utf8_lossy(begun).into_owned()));
        let (mut after, mut more) = (begun.to_vec(), true);
        let (mut page, mut last) = (Vec::new(), Vec::new());
        loop {
            for node in &nodes {
                let items = self.items_of_node(caller, request, (&associations, node)).await?;
                for (key, value) in shown_as(items).into_iter().filter(|(key, _)| *key > place) {
                    if page.len() == limit {
                        return write(&json!({ member: page, "NextToken": bound.seal(&last) }));
                    }
                    page.push(value);
                    last = key;
                }
            }
            if !more {
                return write(&json!({ member: page }));
            }
            (nodes, more) = self.nodes_wanted(caller, request, Some(&after)).await?;
            after = nodes.last().map(|node| node.as_bytes().to_vec()).unwrap_or_default();
        }
    }

    /// The item of an association for a node, once it has ended there.
    async fn item_of(&self, found: &Found, node: &str) -> Result<Option<Value>, Failure> {
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
}

/// An item that a caller put.
fn put_item(row: &[u8]) -> Result<Value, Fault> {
    serde_json::from_slice(row)
        .map_err(|error| Fault::new(format!("could not read an item: {error}")))
}

/// A node's items of each type, summed up: `ResourceComplianceSummaryItem`, keyed by node and type.
fn by_type(items: Vec<Keyed>) -> Vec<Keyed> {
    let mut types: BTreeMap<Vec<u8>, Vec<Value>> = BTreeMap::new();
    for (_, item) in items {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let key = format!("{}\0{}", text("ResourceId"), text("ComplianceType"));
        types.entry(key.into_bytes()).or_default().push(item);
    }
    types.into_iter().map(|(key, items)| (key, of_resource(&items))).collect()
}

fn of_resource(items: &[Value]) -> Value {
    let mut tally = Tally::default();
    items.iter().for_each(|item| tally.add(item));
    let mut summary = tally.summary();
    for name in ["ComplianceType", "ResourceId", "ResourceType", "ExecutionSummary"] {
        summary[name] = items[0][name].clone();
    }
    let bad = &tally.0[1];
    let status = if bad.is_empty() { "COMPLIANT" } else { "NON_COMPLIANT" };
    let gravest = SEVERITIES.iter().find(|(word, _)| bad.contains_key(*word));
    summary["Status"] = json!(status);
    summary["OverallSeverity"] = json!(gravest.map_or("UNSPECIFIED", |(word, _)| *word));
    summary
}

/// How many items of each severity are compliant, and how many are not.
#[derive(Default)]
struct Tally([BTreeMap<String, usize>; 2]);

impl Tally {
    fn add(&mut self, item: &Value) {
        let side = usize::from(item["Status"] != "COMPLIANT");
        let severity = item["Severity"].as_str().unwrap_or_default();
        *self.0[side].entry(severity.to_owned()).or_default() += 1;
    }

    /// `CompliantSummary` and `NonCompliantSummary`.
    fn summary(&self) -> Value {
        let count = |of: &BTreeMap<String, usize>, name: &str| {
            let severities: Map<String, Value> = SEVERITIES
                .iter()
                .map(|(word, member)| {
                    let count = of.get(*word).copied().unwrap_or_default();
                    ((*member).to_owned(), json!(count))
                })
                .collect();
            json!({ name: of.values().sum::<usize>(), "SeveritySummary": severities })
        };
        let [well, bad] = &self.0;
        json!({
            "CompliantSummary": count(well, "CompliantCount"),
            "NonCompliantSummary": count(bad, "NonCompliantCount"),
        })
    }
}
