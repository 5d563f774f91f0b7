//! ListAssociations, ListAssociationVersions.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_association::association::{Columns, VIEW_VERSIONS, Version};
use trackway_core::Timestamp;
use trackway_engine::{Cursor, Fault, Order, RowQuery};

use super::RESULTS_DEFAULT;
use super::describe::{item, overview, version};
use crate::Caller;
use crate::answer::write;
use crate::page::{read_cursor, write_cursor};
use crate::ssm::documents;
use crate::ssm::refusal::{Refusal, invalid};
use crate::ssm::{Answer, Ssm, moment};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListAssociations {
    #[serde(default)]
    association_filter_list: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct Filter {
    key: String,
    value: String,
}

/// A filter that was understood.
enum Condition {
    Node(String),
    Document(String),
    Id(String),
    Status(String),
    Before(Timestamp),
    After(Timestamp),
    Name(String),
    ResourceGroup(String),
    /// No association is of it.
    Never,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListVersions {
    association_id: String,
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Filter {
    fn condition(self, caller: &Caller) -> Result<Condition, Refusal> {
        let Self { key, value } = self;
        let time = |value: &str| {
            moment::read(value)
                .ok_or_else(|| invalid(format!("{value:?} is not a time: give ISO 8601.")))
        };
        Ok(match key.as_str() {
            "InstanceId" => Condition::Node(value),
            "Name" => Condition::Document(documents::name_of(caller, &value).unwrap_or(value)),
            "AssociationId" => Condition::Id(value.to_ascii_lowercase()),
            "AssociationStatusName" => Condition::Status(value),
            "LastExecutedBefore" => Condition::Before(time(&value)?),
            "LastExecutedAfter" => Condition::After(time(&value)?),
            "AssociationName" => Condition::Name(value),
            "ResourceGroupName" => Condition::ResourceGroup(value),
            _ => Condition::Never,
        })
    }
}

impl Condition {
    fn holds(&self, columns: &Columns, caller: &Caller) -> bool {
        let spec = &columns.spec;
        let targets = |key: &str, value: &String| {
            spec.targets.iter().any(|target| target.key == key && target.values.contains(value))
        };
        let last = columns.last_execution_ms;
        match self {
            Self::Node(node) => targets("InstanceIds", node),
            Self::Document(name) => {
                spec.name == *name || documents::name_of(caller, &spec.name).as_ref() == Some(name)
            }
            Self::Id(id) => columns.association_id == *id,
            Self::Status(status) => columns.status == *status,
            Self::Before(at) => last.is_some_and(|last| last < at.as_millis()),
            Self::After(at) => last.is_some_and(|last| last > at.as_millis()),
            Self::Name(name) => spec.association_name.as_ref() == Some(name),
            Self::ResourceGroup(name) => targets("resource-groups:Name", name),
            Self::Never => false,
        }
    }
}

impl Ssm {
    pub(super) async fn list_associations(
        &self,
        caller: &Caller,
        request: ListAssociations,
    ) -> Answer {
        let told = serde_json::to_string(&request.association_filter_list).unwrap_or_default();
        let bound_to = ["ListAssociations", told.as_str()];
        let bound = self.bound(caller, &bound_to);
        let place = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let mut after: Option<Cursor> = place.as_deref().and_then(read_cursor);
        let filters = request.association_filter_list.into_iter();
        let conditions: Vec<Condition> =
            filters.map(|filter| filter.condition(caller)).collect::<Result<_, _>>()?;
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let mut shown = Vec::new();
        let mut next = None;
        let mut last = after;
        'pages: loop {
            let (rows, more) = self.associations_after(caller, after).await?;
            for (cursor, found) in rows {
                after = Some(cursor);
                if !conditions.iter().all(|condition| condition.holds(&found.columns, caller)) {
                    continue;
                }
                if shown.len() == limit {
                    next = last;
                    break 'pages;
                }
                let running = match found.columns.is_running {
                    true => self.latest_run(&found).await?,
                    false => None,
                };
                shown.push(item(&found.columns, overview(&found.columns, running.as_ref())));
                last = Some(cursor);
            }
            if !more {
                break;
            }
        }
        let mut answer = json!({ "Associations": shown });
        if let Some(cursor) = next {
            answer["NextToken"] = Value::from(bound.seal(&write_cursor(cursor)));
        }
        write(&answer)
    }

    /// Oldest first, as the numbers go.
    pub(super) async fn list_association_versions(
        &self,
        caller: &Caller,
        request: ListVersions,
    ) -> Answer {
        let found = self.association(caller, &request.association_id).await?;
        let id = &found.columns.association_id;
        let bound_to = ["ListAssociationVersions", id];
        let bound = self.bound(caller, &bound_to);
        let after = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let query = RowQuery { prefix: Vec::new(), after, order: Order::Ascending, limit };
        let page = self.engine.rows(found.id(), VIEW_VERSIONS, query).await?;
        let shown = page.rows.iter().map(|(key, row)| {
            let number = key.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
            let row: Option<Version> = serde_json::from_slice(row).ok();
            let damaged = || Fault::new("a version of an association is damaged");
            let (number, row) = number.zip(row).ok_or_else(damaged)?;
            Ok(version(id, number, &row))
        });
        let shown: Vec<Value> = shown.collect::<Result<_, Fault>>()?;
        let mut answer = json!({ "AssociationVersions": shown });
        if let Some((key, _)) = page.rows.last().filter(|_| page.more) {
            answer["NextToken"] = Value::from(bound.seal(key));
        }
        write(&answer)
    }
}
