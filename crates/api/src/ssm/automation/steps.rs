//! DescribeAutomationStepExecutions: pages of a view, filtered by what each row begins with.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_engine::{Fault, Order, RowQuery};
use trackway_runbook::automation::rows::STEPS;
use trackway_runbook::automation::{Header, Status, StepRow, uuid_text};

use super::{moment, status_named};
use crate::Caller;
use crate::answer::write;
use crate::ssm::refusal::{Code, Refusal};
use crate::ssm::{Answer, Ssm};

/// Items of a page unless fewer are asked for.
const ITEMS_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeSteps {
    automation_execution_id: String,
    #[serde(default)]
    filters: Vec<FilterOf>,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    reverse_order: bool,
}

/// A filter as requests have it.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FilterOf {
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

/// A filter that was understood: one of its values has to fit.
enum Filter {
    StartedBefore(Vec<i64>),
    StartedAfter(Vec<i64>),
    Status(Vec<Status>),
    Id(Vec<String>),
    Name(Vec<String>),
    Action(Vec<String>),
    ParentId(Vec<String>),
    ParentIteration(Vec<u32>),
    ParentValue(Vec<String>),
}

impl FilterOf {
    fn parse(&self) -> Result<Filter, Refusal> {
        let values = || self.values.clone();
        let times = || self.values.iter().map(|text| moment(text)).collect::<Result<Vec<i64>, _>>();
        Ok(match self.key.as_str() {
            "StartTimeBefore" => Filter::StartedBefore(times()?),
            "StartTimeAfter" => Filter::StartedAfter(times()?),
            "StepExecutionStatus" => {
                let found: Vec<Option<Status>> =
                    self.values.iter().map(|text| status_named(text)).collect::<Result<_, _>>()?;
                Filter::Status(found.into_iter().flatten().collect())
            }
            "StepExecutionId" => Filter::Id(values()),
            "StepName" => Filter::Name(values()),
            "Action" => Filter::Action(values()),
            "ParentStepExecutionId" => Filter::ParentId(values()),
            "ParentStepIteration" => {
                let number = |text: &String| {
                    text.parse::<u32>().map_err(|_| {
                        let message = format!("The filter value {text} is not a number.");
                        Refusal::new(Code::InvalidFilterValue, message)
                    })
                };
                Filter::ParentIteration(self.values.iter().map(number).collect::<Result<_, _>>()?)
            }
            "ParentStepIteratorValue" => Filter::ParentValue(values()),
            _ => return Err(Refusal::bare(Code::InvalidFilterKey)),
        })
    }
}

impl Filter {
    fn fits(&self, step: &Header<'_>) -> bool {
        let started = step.started.map(trackway_core::Timestamp::as_millis);
        let has = |values: &[String], text: &str| values.iter().any(|value| value == text);
        match self {
            Self::StartedBefore(times) => {
                started.is_some_and(|at| times.iter().any(|time| at < *time))
            }
            Self::StartedAfter(times) => {
                started.is_some_and(|at| times.iter().any(|time| at > *time))
            }
            Self::Status(statuses) => statuses.contains(&step.status),
            Self::Id(values) => has(values, &uuid_text(&step.id)),
            Self::Name(values) => has(values, &step.name),
            Self::Action(values) => has(values, step.action.name()),
            Self::ParentId(values) => {
                step.parent.as_ref().is_some_and(|parent| has(values, &uuid_text(&parent.id)))
            }
            Self::ParentIteration(values) => {
                step.parent.as_ref().is_some_and(|parent| values.contains(&parent.iteration))
            }
            Self::ParentValue(values) => step
                .parent
                .as_ref()
                .and_then(|parent| parent.iterator_value.as_deref())
                .is_some_and(|shown| has(values, shown) || has(values, &bare(shown))),
        }
    }
}

/// A JSON text without its quotes; anything else as it is.
fn bare(json: &str) -> String {
    serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned())
}

/// Checks that no key is filtered by twice.
pub(super) fn check_keys(filters: &[FilterOf]) -> Result<(), Refusal> {
    let is_again = |(place, filter): (usize, &FilterOf)| {
        filters[..place].iter().any(|earlier| earlier.key == filter.key)
    };
    if filters.iter().enumerate().any(is_again) {
        return Err(Refusal::bare(Code::InvalidFilterKey));
    }
    Ok(())
}

/// A row as the API shows it.
pub(super) fn described(row: &[u8]) -> Result<Value, Fault> {
    let step = StepRow::decode(row);
    step.map(|step| step.describe()).ok_or_else(|| Fault::new("could not read a step's row"))
}

impl Ssm {
    pub(super) async fn describe_steps(&self, caller: &Caller, request: DescribeSteps) -> Answer {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Described {
            step_executions: Vec<Value>,
            #[serde(skip_serializing_if = "Option::is_none")]
            next_token: Option<String>,
        }
        check_keys(&request.filters)?;
        let filters: Vec<Filter> =
            request.filters.iter().map(FilterOf::parse).collect::<Result<_, _>>()?;
        let id = &request.automation_execution_id;
        let record = self.execution(caller, id).await?;
        let told = serde_json::to_string(&request.filters).unwrap_or_default();
        let order = if request.reverse_order { "reverse" } else { "forward" };
        let request_bound = ["DescribeAutomationStepExecutions", id.as_str(), order, &told];
        let bound = self.bound(caller, &request_bound);
        let after = request.next_token.as_deref().filter(|token| !token.is_empty());
        let query = RowQuery {
            prefix: Vec::new(),
            after: after.map(|token| bound.unseal::<Code>(token)).transpose()?,
            order: if request.reverse_order { Order::Descending } else { Order::Ascending },
            limit: request.max_results.unwrap_or(ITEMS_MAX),
        };
        let wanted = |_: &[u8], row: &[u8]| {
            // A row that can't be read is not passed over: showing it is a fault.
            StepRow::header(row).is_none_or(|step| filters.iter().all(|filter| filter.fits(&step)))
        };
        let page = self.engine.rows_where(record.id, STEPS, query, wanted).await?;
        let next_token = match page.rows.last() {
            Some((key, _)) if page.more => Some(bound.seal(key)),
            _ => None,
        };
        let step_executions =
            page.rows.iter().map(|(_, row)| described(row)).collect::<Result<_, _>>()?;
        write(&Described { step_executions, next_token })
    }
}
