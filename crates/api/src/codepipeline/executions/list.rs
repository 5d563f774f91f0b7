//! ListPipelineExecutions, and the rows of executions.

use serde::Deserialize;
use serde_json::value::RawValue;
use trackway_engine::{Fault, Order, RowQuery};
use trackway_pipeline::pipeline::Columns;
use trackway_pipeline::views;

use super::requests::List;
use crate::Caller;
use crate::codepipeline::history::{ITEMS_MAX, listed, within};
use crate::codepipeline::{Answer, CodePipeline};
use crate::page::Bound;

/// The texts of a row of an execution, [`views::ExecutionRow`], unread.
#[derive(Deserialize)]
pub(super) struct Parts<'a> {
    #[serde(borrow)]
    pub(super) execution: &'a RawValue,
    #[serde(borrow)]
    pub(super) summary: &'a RawValue,
}

/// The texts of a row.
pub(super) fn parts(row: &[u8]) -> Result<Parts<'_>, Fault> {
    read_row(row)
}

/// Reads JSON that the machine wrote.
pub(super) fn read_row<'a, T: Deserialize<'a>>(row: &'a [u8]) -> Result<T, Fault> {
    serde_json::from_slice(row)
        .map_err(|error| Fault::new(format!("could not read an execution's row: {error}")))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    #[serde(default)]
    pipeline_version: u32,
}

impl CodePipeline {
    pub(super) async fn list_executions(&self, caller: &Caller, request: List) -> Answer {
        let entity = self.entity(caller, &request.pipeline_name).await?;
        let stage = request.filter.succeeded_in_stage.and_then(|filter| filter.stage_name);
        let (view, prefix) = match &stage {
            Some(stage) => (views::SUCCEEDED_IN_STAGE, views::of_name(stage)),
            None => (views::EXECUTIONS, Vec::new()),
        };
        let number = format!("{:012x}", entity.number.0);
        let filter = stage.as_ref().map_or(String::new(), |stage| format!("stage {stage}"));
        let request_parts = ["ListPipelineExecutions", number.as_str(), filter.as_str()];
        let bound = Bound { engine: &self.engine, caller, request: &request_parts };
        let after = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let place = prefix.len();
        let query = RowQuery { prefix, after, order: Order::Ascending, limit };
        let mut page = self.engine.rows(entity.id, view, query).await?;
        within(&mut page, place, self.horizon());
        let current = Columns::decode(&entity.record.summary.columns).version;
        let mut items = Vec::with_capacity(page.rows.len());
        for (_, id) in &page.rows {
            let Some(row) = self.engine.row(entity.id, views::EXECUTION, id).await? else {
                continue;
            };
            let row_parts = parts(&row)?;
            if stage.is_some() {
                // Source: the filter's documentation has only executions of the current version.
                // Those that started earlier are of no later one.
                let version: Version = read_row(row_parts.execution.get().as_bytes())?;
                if version.pipeline_version < current {
                    page.more = false;
                    break;
                }
            }
            items.push(row_parts.summary.get().to_owned());
        }
        let last = page.rows.last().filter(|_| page.more);
        let token = last.map(|(key, _)| bound.seal(key));
        Ok(listed("pipelineExecutionSummaries", &items, token))
    }
}
