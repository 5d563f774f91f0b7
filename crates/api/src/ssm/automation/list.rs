//! DescribeAutomationExecutions: newest first, filtered on the way.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Cursor, Fault, ListQuery, ListRow};
use trackway_runbook::automation::{Columns, Status};

use super::get::described;
use super::steps::{FilterOf, check_keys};
use super::{AUTOMATION_KIND, columns, identity, moment, status_named};
use crate::Caller;
use crate::answer::write;
use crate::page::{read_cursor, write_cursor};
use crate::ssm::refusal::{Code, Failure, Refusal};
use crate::ssm::{Answer, Ssm, tags};

/// Items of a page unless fewer are asked for.
const ITEMS_MAX: usize = 50;
/// Rows that are read at once while matching ones are looked for.
const ROWS_AT_ONCE: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeExecutions {
    #[serde(default)]
    filters: Vec<FilterOf>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// A filter that was understood: one of its values has to fit.
enum Filter {
    NamePrefix(Vec<String>),
    Status(Vec<Status>),
    Id(Vec<String>),
    Parent(Vec<String>),
    Action(Vec<String>),
    StartedBefore(i64),
    StartedAfter(i64),
    TagKey(Vec<String>),
    /// What every execution here is, or none.
    Every(bool),
}

impl FilterOf {
    fn parse_for_executions(&self) -> Result<Filter, Refusal> {
        let values = || self.values.clone();
        let times = || self.values.iter().map(|text| moment(text)).collect::<Result<Vec<_>, _>>();
        Ok(match self.key.as_str() {
            "DocumentNamePrefix" => Filter::NamePrefix(values()),
            "ExecutionStatus" => {
                let found: Vec<Option<Status>> =
                    self.values.iter().map(|text| status_named(text)).collect::<Result<_, _>>()?;
                Filter::Status(found.into_iter().flatten().collect())
            }
            "ExecutionId" => Filter::Id(values()),
            "ParentExecutionId" => Filter::Parent(values()),
            "CurrentAction" => Filter::Action(values()),
            // One of several has to fit: the one that leaves most.
            "StartTimeBefore" => {
                Filter::StartedBefore(times()?.into_iter().max().unwrap_or(i64::MAX))
            }
            "StartTimeAfter" => {
                Filter::StartedAfter(times()?.into_iter().min().unwrap_or(i64::MIN))
            }
            "TagKey" => Filter::TagKey(values()),
            "AutomationType" => {
                let odd = |value: &&String| !matches!(value.as_str(), "Local" | "CrossAccount");
                if let Some(odd) = self.values.iter().find(odd) {
                    let message = format!("The filter value {odd} is not an automation type.");
                    return Err(Refusal::new(Code::InvalidFilterValue, message));
                }
                Filter::Every(self.values.iter().any(|value| value == "Local"))
            }
            // Nothing here comes from Change Manager, OpsCenter or a resource group.
            "AutomationSubtype" | "OpsItemId" | "TargetResourceGroup" => Filter::Every(false),
            _ => return Err(Refusal::bare(Code::InvalidFilterKey)),
        })
    }
}

impl Filter {
    fn fits(&self, row: &ListRow, columns: &Columns, tags: &tags::Tags) -> bool {
        let has = |values: &[String], text: &str| values.iter().any(|value| value == text);
        let started = row.summary.started.as_millis();
        match self {
            Self::NamePrefix(values) => {
                values.iter().any(|value| columns.with.document_name.starts_with(value))
            }
            Self::Status(statuses) => {
                statuses.iter().any(|status| *status as u8 == row.summary.status)
            }
            Self::Id(values) => has(values, &row.name),
            Self::Parent(values) => {
                columns.with.parent_execution_id.as_deref().is_some_and(|id| has(values, id))
            }
            Self::Action(values) => {
                columns.current.as_ref().is_some_and(|(_, action)| has(values, action.name()))
            }
            Self::StartedBefore(time) => started < *time,
            Self::StartedAfter(time) => started > *time,
            Self::TagKey(values) => values.iter().any(|key| tags.contains_key(key)),
            Self::Every(fits) => *fits,
        }
    }
}

impl Ssm {
    pub(super) async fn describe_executions(
        &self,
        caller: &Caller,
        request: DescribeExecutions,
    ) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Described {
            automation_execution_metadata_list: Vec<Map<String, Value>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        check_keys(&request.filters)?;
        let parsed = request.filters.iter().map(FilterOf::parse_for_executions);
        let filters: Vec<Filter> = parsed.collect::<Result<_, _>>()?;
        let told = serde_json::to_string(&request.filters).unwrap_or_default();
        let request_bound = ["DescribeAutomationExecutions", told.as_str()];
        let bound = self.bound(caller, &request_bound);
        let place = request.next_token.as_deref().filter(|token| !token.is_empty());
        let place = place.map(|token| bound.unseal::<Code>(token)).transpose()?;
        let invalid_token = <Code as crate::refusal::ErrorCode>::invalid_page_token;
        let after = match place {
            Some(place) => Some(read_cursor(&place).ok_or_else(invalid_token)?),
            None => None,
        };
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let (automation_execution_metadata_list, next) =
            self.list_executions(caller, &filters, after, limit).await?;
        let next_token = next.map(|next| bound.seal(&write_cursor(next)));
        write(&Described { automation_execution_metadata_list, next_token })
    }

    /// The executions that all filters fit after a place, and the place of the last one if more
    /// follow.
    async fn list_executions(
        &self,
        caller: &Caller,
        filters: &[Filter],
        after: Option<Cursor>,
        limit: usize,
    ) -> Result<(Vec<Map<String, Value>>, Option<Cursor>), Failure> {
        let Some(window) = self.window(caller, filters).await? else {
            return Ok((Vec::new(), None));
        };
        let reads_tags = filters.iter().any(|filter| matches!(filter, Filter::TagKey(_)));
        let mut found = Vec::new();
        let mut last = None;
        let mut query = ListQuery {
            kind: AUTOMATION_KIND,
            scope: caller.scope.to_string(),
            parent: String::new(),
            status: only_status(filters),
            after: after.or_else(|| window.first_place()),
            // Without a filter one read is a page, and shows whether there is another.
            limit: if filters.is_empty() { limit.saturating_add(1) } else { ROWS_AT_ONCE },
        };
        loop {
            let page = self.engine.list(&query).await?;
            for row in &page.rows {
                if row.summary.started.as_millis() < window.oldest {
                    return Ok((found, None));
                }
                let columns = columns(&row.summary.columns, &row.name)?;
                let tags = match reads_tags {
                    true => self.tags_of(caller, tags::ResourceType::Automation, &row.name).await?,
                    false => tags::Tags::new(),
                };
                if !filters.iter().all(|filter| filter.fits(row, &columns, &tags)) {
                    continue;
                }
                if found.len() == limit {
                    return Ok((found, last));
                }
                let mut shown = described(&row.name, &row.summary, &columns);
                shown.insert("LogFile".to_owned(), json!(""));
                shown.insert("AutomationType".to_owned(), json!("Local"));
                found.push(shown);
                last = Some(Cursor { started: row.summary.started, id: row.id });
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok((found, None)),
            }
        }
    }
}

/// The status that the list can be read by.
fn only_status(filters: &[Filter]) -> Option<u8> {
    filters.iter().find_map(|filter| match filter {
        Filter::Status(statuses) => match statuses.as_slice() {
            [status] => Some(*status as u8),
            _ => None,
        },
        _ => None,
    })
}

/// Between which moments the executions started that filters leave, both included.
struct Window {
    oldest: i64,
    newest: i64,
}

impl Window {
    /// Where the list begins: after all that began later.
    fn first_place(&self) -> Option<Cursor> {
        let later = self.newest.checked_add(1)?;
        Some(Cursor { started: Timestamp(later), id: ExecutionId([0xff; 16]) })
    }
}

impl Ssm {
    /// None if there is no such execution at all.
    async fn window(&self, caller: &Caller, filters: &[Filter]) -> Result<Option<Window>, Fault> {
        let mut window = Window { oldest: i64::MIN, newest: i64::MAX };
        for filter in filters {
            match filter {
                Filter::StartedBefore(time) => {
                    window.newest = window.newest.min(time.saturating_sub(1));
                }
                Filter::StartedAfter(time) => {
                    window.oldest = window.oldest.max(time.saturating_add(1));
                }
                Filter::Every(false) => return Ok(None),
                Filter::Id(ids) => {
                    let starts: Vec<i64> =
                        self.starts(caller, ids).await?.into_iter().flatten().collect();
                    let (Some(oldest), Some(newest)) = (starts.iter().min(), starts.iter().max())
                    else {
                        return Ok(None);
                    };
                    window.oldest = window.oldest.max(*oldest);
                    window.newest = window.newest.min(*newest);
                }
                Filter::Parent(ids) => {
                    // A child starts after its parent. One that is forgotten tells nothing.
                    let starts: Option<Vec<i64>> =
                        self.starts(caller, ids).await?.into_iter().collect();
                    if let Some(oldest) = starts.and_then(|starts| starts.into_iter().min()) {
                        window.oldest = window.oldest.max(oldest);
                    }
                }
                _ => {}
            }
        }
        Ok(Some(window))
    }

    /// When executions started; none for one that is not there.
    async fn starts(&self, caller: &Caller, ids: &[String]) -> Result<Vec<Option<i64>>, Fault> {
        let mut starts = Vec::with_capacity(ids.len());
        for id in ids {
            let record = self.engine.record(identity(caller, id)).await?;
            let record = record.filter(|record| record.kind == AUTOMATION_KIND);
            starts.push(record.map(|record| record.summary.started.as_millis()));
        }
        Ok(starts)
    }
}
