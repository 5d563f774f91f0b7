//! What the associations of a node come to together: `AssociationOverview` of a managed node.

use serde::Serialize;
use trackway_association::association::coarse;
use trackway_association::run::{KIND, TargetRow, VIEW_TARGETS};
use trackway_association::status::{Counts, Status, aggregate};
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Fault, ListQuery};

use super::Found;
use crate::Caller;
use crate::answer::Epoch;
use crate::ssm::Ssm;
use crate::ssm::refusal::Failure;
use crate::ssm::tags::ResourceType;

/// So many runs of an association are looked through for one that went well on a node, when its
/// latest there did not.
const RUNS_LOOKED_AT: usize = 20;

/// The associations of an account, read once for a page of nodes.
pub(in crate::ssm) struct Known(Vec<One>);

struct One {
    found: Found,
    /// Its newest runs, once a node asked for them.
    runs: Option<Vec<ExecutionId>>,
}

/// What the associations of a node come to.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(in crate::ssm) struct Overview {
    /// `Pending`, `Success` or `Failed`.
    pub(in crate::ssm) association_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_association_execution_date: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_successful_association_execution_date: Option<Epoch>,
    association_overview: Counted,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Counted {
    detailed_status: &'static str,
    instance_association_status_aggregated_count: Counts,
}

impl Ssm {
    /// The associations that nodes may have.
    pub(in crate::ssm) async fn known_associations(&self, caller: &Caller) -> Result<Known, Fault> {
        let all = self.every_association(caller).await?.into_iter();
        let on_nodes = all.filter(|found| !found.is_automation());
        Ok(Known(on_nodes.map(|found| One { found, runs: None }).collect()))
    }

    /// What the associations of a node come to; none if it has none.
    pub(in crate::ssm) async fn overview(
        &self,
        caller: &Caller,
        known: &mut Known,
        node: &str,
    ) -> Result<Option<Overview>, Failure> {
        if known.0.is_empty() {
            return Ok(None);
        }
        let tags = self.tags_of(caller, ResourceType::ManagedInstance, node).await?;
        let mut counts = Counts::new();
        let (mut last, mut last_success) = (None, None);
        for one in &mut known.0 {
            let row = self.on_node(&one.found, node).await?.map(|on_node| on_node.row);
            if row.is_none() && !one.found.means(node, &tags) {
                continue;
            }
            let row = row.unwrap_or_default();
            *counts.entry(row.status).or_default() += 1;
            last = last.max(row.last_execution_ms);
            let success = match row.status {
                Status::Success => row.last_execution_ms,
                _ => self.last_success(caller, one, node).await?,
            };
            last_success = last_success.max(success);
        }
        Ok((!counts.is_empty()).then(|| {
            let status = together(&counts);
            Overview {
                association_status: coarse(status),
                last_association_execution_date: last.map(moment),
                last_successful_association_execution_date: last_success.map(moment),
                association_overview: Counted {
                    detailed_status: status.name(),
                    instance_association_status_aggregated_count: counts,
                },
            }
        }))
    }

    /// When one of an association's newest runs went well on a node.
    async fn last_success(
        &self,
        caller: &Caller,
        one: &mut One,
        node: &str,
    ) -> Result<Option<i64>, Fault> {
        if one.found.columns.last_execution_ms.is_none() {
            return Ok(None);
        }
        if one.runs.is_none() {
            let query = ListQuery {
                kind: KIND,
                scope: caller.scope.to_string(),
                parent: one.found.arn.clone(),
                status: None,
                after: None,
                limit: RUNS_LOOKED_AT,
            };
            let page = self.engine.list(&query).await?;
            one.runs = Some(page.rows.into_iter().map(|row| row.id).collect());
        }
        for run in one.runs.iter().flatten() {
            let row = self.engine.row(*run, VIEW_TARGETS, node.as_bytes()).await?;
            let row = row.and_then(|row| TargetRow::decode(&row));
            if let Some(row) = row.filter(|row| row.status == Status::Success) {
                return Ok(row.last_execution_ms);
            }
        }
        Ok(None)
    }
}

fn moment(millis: i64) -> Epoch {
    Epoch(Timestamp(millis))
}

/// The word for all: what failed is told first, then what is not over.
fn together(counts: &Counts) -> Status {
    let open = [Status::InProgress, Status::Pending];
    let open = open.into_iter().find(|status| counts.contains_key(status));
    match (aggregate(counts), open) {
        (Status::Failed, _) => Status::Failed,
        (_, Some(open)) => open,
        (all, None) => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_before_what_goes_on_and_that_before_what_went_well() {
        use Status::{Failed, InProgress, Pending, Skipped, Success, TimedOut};
        for (statuses, word, status) in [
            (&[Success][..], "Success", "Success"),
            (&[Success, Failed, Pending], "Failed", "Failed"),
            (&[TimedOut], "Failed", "Failed"),
            (&[Success, Pending], "Pending", "Pending"),
            (&[Pending, InProgress], "Pending", "InProgress"),
            (&[Skipped], "Success", "Skipped"),
        ] {
            let counts = statuses.iter().map(|status| (*status, 1)).collect();
            let all = together(&counts);
            assert_eq!((coarse(all), all.name()), (word, status), "{statuses:?}");
        }
    }
}
