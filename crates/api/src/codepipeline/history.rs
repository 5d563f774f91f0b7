//! What happened in a pipeline: action and rule executions, and what was deployed to.
//!
//! Every filter is a range of keys ([`views`]), so a page costs the same however deep it lies, and
//! rows hold the JSON of the answer, so a page is a concatenation.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use trackway_core::Timestamp;
use trackway_engine::{Fault, Order, RowPage, RowQuery};
use trackway_pipeline::ids::{self, Number};
use trackway_pipeline::views::{self, TargetsRow};

use super::entity::Entity;
use super::refusal::{Code, Failure, Refusal};
use super::refused::execution_not_found;
use super::{Answer, CodePipeline, Group};
use crate::Caller;
use crate::answer::read;
use crate::page::Bound;
use crate::refusal::ErrorCode;

/// Items of a page at most, and unless fewer are asked for. Source: `maxResults` of these lists.
pub(super) const ITEMS_MAX: usize = 100;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &["ListActionExecutions", "ListDeployActionExecutionTargets", "ListRuleExecutions"],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &CodePipeline, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "ListActionExecutions" => service.list_history(caller, &ACTIONS, read(input)?).await,
        "ListDeployActionExecutionTargets" => service.list_targets(caller, read(input)?).await,
        "ListRuleExecutions" => service.list_history(caller, &RULES, read(input)?).await,
        other => Err(Fault::new(format!("{other} is listed as built but is not")).into()),
    }
}

/// Where a list has its rows.
struct History {
    operation: &'static str,
    member: &'static str,
    /// All, newest first: the rows themselves.
    all: u8,
    /// Those of one execution: keys in `all`.
    of_execution: u8,
    /// Those of one execution that nothing superseded: keys in `all`.
    latest: u8,
}

const ACTIONS: History = History {
    operation: "ListActionExecutions",
    member: "actionExecutionDetails",
    all: views::ACTIONS,
    of_execution: views::ACTIONS_OF_EXECUTION,
    latest: views::LATEST_ACTIONS_OF_EXECUTION,
};

const RULES: History = History {
    operation: "ListRuleExecutions",
    member: "ruleExecutionDetails",
    all: views::RULES,
    of_execution: views::RULES_OF_EXECUTION,
    latest: views::LATEST_RULES_OF_EXECUTION,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListHistory {
    pipeline_name: String,
    #[serde(default)]
    filter: Filter,
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// `ActionExecutionFilter`, and `RuleExecutionFilter`, which is the same.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    pipeline_execution_id: Option<String>,
    latest_in_pipeline_execution: Option<LatestIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LatestIn {
    pipeline_execution_id: String,
    start_time_range: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTargets {
    pipeline_name: Option<String>,
    action_execution_id: String,
    #[serde(default)]
    filters: Vec<TargetFilter>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TargetFilter {
    /// The only name there is says the status.
    values: Vec<String>,
}

/// Which rows a filter leaves.
enum Rows {
    All,
    Of {
        view: u8,
        execution: u128,
    },
    /// Two executions at once: no row is of both.
    None,
}

impl Filter {
    /// The filter in a form that is equal for equal filters.
    fn text(&self) -> String {
        let latest = self.latest_in_pipeline_execution.as_ref();
        let latest = latest
            .map(|latest| format!("{} {}", latest.start_time_range, latest.pipeline_execution_id));
        format!(
            "{} {}",
            self.pipeline_execution_id.as_deref().unwrap_or("-"),
            latest.as_deref().unwrap_or("-"),
        )
    }

    /// The executions that it names.
    fn executions(&self) -> impl Iterator<Item = &str> {
        let latest = self.latest_in_pipeline_execution.as_ref();
        let latest = latest.map(|latest| latest.pipeline_execution_id.as_str());
        self.pipeline_execution_id.as_deref().into_iter().chain(latest)
    }

    fn rows(&self, history: &History) -> Rows {
        let mut named = self.executions().filter_map(ids::read);
        let Some(execution) = named.next() else { return Rows::All };
        if named.any(|other| other != execution) {
            return Rows::None;
        }
        let latest = self.latest_in_pipeline_execution.as_ref();
        let view = match latest.map(|latest| latest.start_time_range.as_str()) {
            Some("Latest") => history.latest,
            _ => history.of_execution,
        };
        Rows::Of { view, execution }
    }
}

impl CodePipeline {
    async fn list_history(
        &self,
        caller: &Caller,
        history: &History,
        request: ListHistory,
    ) -> Answer {
        let entity = self.entity(caller, &request.pipeline_name).await?;
        for execution in request.filter.executions() {
            if !self.has_execution(&entity, execution).await? {
                return Err(execution_not_found(&request.pipeline_name, execution).into());
            }
        }
        let number = format!("{:012x}", entity.number.0);
        let filter = request.filter.text();
        let parts = [history.operation, number.as_str(), filter.as_str()];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let after = request.next_token.as_deref().map(|token| bound.unseal(token)).transpose()?;
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let (page, items) =
            self.history_page(&entity, history, &request.filter, (after, limit)).await?;
        let last = page.rows.last().filter(|_| page.more);
        let token = last.map(|(key, _)| bound.seal(key));
        Ok(listed(history.member, &items, token))
    }

    /// A page of the index that a filter means, and the rows that it leads to.
    async fn history_page(
        &self,
        entity: &Entity,
        history: &History,
        filter: &Filter,
        (after, limit): (Option<Vec<u8>>, usize),
    ) -> Result<(RowPage, Vec<String>), Failure> {
        let (view, prefix) = match filter.rows(history) {
            Rows::None => return Ok((RowPage::default(), Vec::new())),
            Rows::All => (history.all, Vec::new()),
            Rows::Of { view, execution } => (view, execution.to_be_bytes().to_vec()),
        };
        let place = prefix.len();
        let query = RowQuery { prefix, after, order: Order::Ascending, limit };
        let mut page = self.engine.rows(entity.id, view, query).await?;
        within(&mut page, place, self.horizon());
        let mut items = Vec::with_capacity(page.rows.len());
        for (_, row) in &page.rows {
            let row = match view == history.all {
                true => Some(row.clone()),
                false => self.engine.row(entity.id, history.all, row).await?,
            };
            if let Some(row) = row {
                items.push(text_of(&row)?);
            }
        }
        Ok((page, items))
    }

    /// What started before this is not shown any more; none if all is.
    pub(super) fn horizon(&self) -> Option<Timestamp> {
        let history = self.settings().history?;
        let history = i64::try_from(history.as_millis()).unwrap_or(i64::MAX);
        Some(Timestamp(self.engine.now().as_millis().saturating_sub(history)))
    }

    async fn list_targets(&self, caller: &Caller, request: ListTargets) -> Answer {
        let id = &request.action_execution_id;
        let unknown = || {
            let message = format!("The action execution '{id}' cannot be found.");
            Refusal::new(Code::ActionExecutionNotFoundException, message)
        };
        let named = match &request.pipeline_name {
            Some(name) => Some(self.entity(caller, name).await?),
            None => None,
        };
        let action = ids::read(id).ok_or_else(unknown)?;
        if named.as_ref().is_some_and(|entity| entity.number != Number::of(action)) {
            return Err(unknown().into());
        }
        let entity = ids::entity_of(&caller.region, &caller.account, action);
        let key = action.to_be_bytes();
        self.engine.row(entity, views::ACTION_BY_ID, &key).await?.ok_or_else(unknown)?;
        let targets = self.engine.row(entity, views::DEPLOY_TARGETS, &key).await?;
        let TargetsRow { targets, .. } = match targets {
            Some(row) => serde_json::from_slice(&row)
                .map_err(|error| Fault::new(format!("could not read deploy targets: {error}")))?,
            None => TargetsRow::default(),
        };
        let statuses: Vec<&[String]> =
            request.filters.iter().map(|filter| filter.values.as_slice()).collect();
        let fits = |target: &&Value| {
            let status = target["status"].as_str().unwrap_or_default();
            statuses.iter().all(|any| any.is_empty() || any.iter().any(|one| one == status))
        };
        let filter = format!("{statuses:?}");
        let parts = ["ListDeployActionExecutionTargets", id.as_str(), filter.as_str()];
        let bound = Bound { engine: &self.engine, caller, request: &parts };
        let passed = match &request.next_token {
            Some(token) => read_count(&bound.unseal(token)?)?,
            None => 0,
        };
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let fitting: Vec<&Value> = targets.iter().filter(fits).collect();
        let items: Vec<String> =
            fitting.iter().skip(passed).take(limit).map(ToString::to_string).collect();
        let behind = passed.saturating_add(items.len());
        let token = (behind < fitting.len()).then(|| bound.seal(&behind.to_be_bytes()));
        Ok(listed("targets", &items, token))
    }
}

fn read_count(place: &[u8]) -> Result<usize, Refusal> {
    let bytes = place.try_into().map_err(|_| Code::invalid_page_token())?;
    Ok(usize::from_be_bytes(bytes))
}

/// Drops what started before the horizon, which begins `place` bytes into each key.
pub(super) fn within(page: &mut RowPage, place: usize, horizon: Option<Timestamp>) {
    let Some(horizon) = horizon else { return };
    let is_shown = |(key, _): &(Bytes, Bytes)| {
        let started = key.get(place..).and_then(views::started);
        started.is_none_or(|started| started >= horizon)
    };
    // Newest first: whatever follows the first that is too old is older.
    let shown = page.rows.iter().take_while(|row| is_shown(row)).count();
    if shown < page.rows.len() {
        page.rows.truncate(shown);
        page.more = false;
    }
}

fn text_of(row: &[u8]) -> Result<String, Fault> {
    std::str::from_utf8(row)
        .map(str::to_owned)
        .map_err(|_| Fault::new("a row of a pipeline is not text"))
}

/// An answer that lists JSON texts under a member.
pub(super) fn listed(member: &str, items: &[String], token: Option<String>) -> Vec<u8> {
    let mut answer = format!(r#"{{"{member}":[{}]"#, items.join(","));
    if let Some(token) = token {
        // A token is made of letters, digits, `-` and `_`.
        answer.push_str(r#","nextToken":""#);
        answer.push_str(&token);
        answer.push('"');
    }
    answer.push('}');
    answer.into_bytes()
}
