//! DescribeAutomationStepExecutions: pages of a view, filtered by what each row begins with.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::Timestamp;
use trackway_engine::{Fault, Order, RowPage, RowQuery};
use trackway_runbook::automation::rows::{STEPS, pending_place, started_key};
use trackway_runbook::automation::{ActionKind, Front, Header, Status, StepRow, uuid_text};

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
    Id(Vec<[u8; 16]>),
    Name(Vec<String>),
    Action(Vec<ActionKind>),
    ParentId(Vec<[u8; 16]>),
    ParentIteration(Vec<u32>),
    /// As JSON text, and as it was given.
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
            "StepExecutionId" => Filter::Id(self.ids()),
            "StepName" => Filter::Name(values()),
            "Action" => {
                // An action of another name is none that a step here has.
                let named = |text: &String| {
                    let action = ActionKind::from_name(text);
                    (action.name() == text).then_some(action)
                };
                Filter::Action(self.values.iter().filter_map(named).collect())
            }
            "ParentStepExecutionId" => Filter::ParentId(self.ids()),
            "ParentStepIteration" => {
                let number = |text: &String| {
                    text.parse::<u32>().map_err(|_| {
                        let message = format!("The filter value {text} is not a number.");
                        Refusal::new(Code::InvalidFilterValue, message)
                    })
                };
                Filter::ParentIteration(self.values.iter().map(number).collect::<Result<_, _>>()?)
            }
            "ParentStepIteratorValue" => {
                let quoted = self.values.iter().map(|text| Value::from(text.as_str()).to_string());
                Filter::ParentValue(quoted.chain(values()).collect())
            }
            _ => return Err(Refusal::bare(Code::InvalidFilterKey)),
        })
    }

    /// Those values that are ids of steps: no step has any other.
    fn ids(&self) -> Vec<[u8; 16]> {
        self.values.iter().filter_map(|text| uuid_of(text)).collect()
    }
}

/// The id that is shown as this text.
fn uuid_of(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(|char| *char != '-').collect();
    let id = u128::from_str_radix(&digits, 16).ok()?.to_be_bytes();
    (uuid_text(&id) == text).then_some(id)
}

impl Filter {
    /// As far as the front of a row tells.
    fn fits_front(&self, step: &Front) -> bool {
        match self {
            Self::Status(statuses) => statuses.contains(&step.status),
            Self::Id(ids) => ids.contains(&step.id),
            Self::Action(actions) => actions.contains(&step.action),
            _ => true,
        }
    }

    /// As far as the rest tells.
    fn fits(&self, step: &Header<'_>) -> bool {
        let started = step.started.map(Timestamp::as_millis);
        let has = |values: &[String], text: &str| values.iter().any(|value| value == text);
        match self {
            Self::StartedBefore(times) => {
                started.is_some_and(|at| times.iter().any(|time| at < *time))
            }
            Self::StartedAfter(times) => {
                started.is_some_and(|at| times.iter().any(|time| at > *time))
            }
            Self::Status(_) | Self::Id(_) | Self::Action(_) => true,
            Self::Name(values) => has(values, &step.name),
            Self::ParentId(ids) => {
                step.parent.as_ref().is_some_and(|parent| ids.contains(&parent.id))
            }
            Self::ParentIteration(values) => {
                step.parent.as_ref().is_some_and(|parent| values.contains(&parent.iteration))
            }
            Self::ParentValue(values) => step
                .parent
                .as_ref()
                .and_then(|parent| parent.iterator_value.as_deref())
                .is_some_and(|shown| has(values, shown)),
        }
    }
}

/// The keys between which the rows lie that filters by time leave.
#[derive(Default)]
struct Span {
    /// The first of them.
    from: Option<Vec<u8>>,
    /// Behind the last of them.
    to: Option<Vec<u8>>,
}

impl Span {
    fn of(filters: &[Filter]) -> Self {
        let mut span = Self::default();
        let key = |at: i64| started_key(Timestamp(at), 0);
        for filter in filters {
            // One of several times has to fit: the one that leaves most.
            match filter {
                Filter::StartedAfter(times) => {
                    span.from = times.iter().min().map(|at| key(at.saturating_add(1)));
                }
                Filter::StartedBefore(times) => span.to = times.iter().max().map(|at| key(*at)),
                _ => {}
            }
        }
        span
    }

    fn holds(&self, key: &[u8]) -> bool {
        let is_bound = self.from.is_some() || self.to.is_some();
        (!is_bound || pending_place(key).is_none())
            && self.from.as_ref().is_none_or(|from| key >= from.as_slice())
            && self.to.as_ref().is_none_or(|to| key < to.as_slice())
    }

    /// Begins the first page where the rows do. The bound itself is the key of no row that fits.
    fn narrowed(&self, mut query: RowQuery) -> RowQuery {
        let before_from = || {
            // The last key there can be before the first that fits.
            let from = self.from.as_ref()?;
            let at = i64::from_be_bytes(*from.get(1..9)?.first_chunk()?);
            Some(started_key(Timestamp(at.checked_sub(1)?), u32::MAX))
        };
        if query.after.is_none() {
            query.after = match query.order {
                Order::Ascending => before_from(),
                Order::Descending => self.to.clone(),
            };
        }
        query
    }
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

/// A place between two pages. Steps start while pages are read, and their rows move then, from
/// those that wait to the end of those that have started: so the next page begins behind the last
/// that had started, and passes over what was shown.
#[derive(Default, Serialize, Deserialize)]
struct Place {
    /// The row to go on after, if any.
    after: Option<Vec<u8>>,
    /// Ascending: of the steps that wait, the last that was passed.
    waiting: Option<u16>,
    /// The main steps that were shown: a bit for each place in the document.
    shown: Vec<u8>,
}

impl Place {
    fn read(place: &[u8]) -> Result<Self, Refusal> {
        postcard::from_bytes(place)
            .map_err(|_| <Code as crate::refusal::ErrorCode>::invalid_page_token())
    }

    fn write(&self) -> Result<Vec<u8>, Fault> {
        postcard::to_stdvec(self)
            .map_err(|error| Fault::new(format!("could not write a place: {error}")))
    }

    fn was_shown(&self, step: &Header<'_>) -> bool {
        let byte = self.shown.get(usize::from(step.place / 8));
        step.parent.is_none() && byte.is_some_and(|byte| byte & (1 << (step.place % 8)) != 0)
    }

    fn show(&mut self, step: &Header<'_>) {
        if step.parent.is_some() {
            return;
        }
        let byte = usize::from(step.place / 8);
        if self.shown.len() <= byte {
            self.shown.resize(byte + 1, 0);
        }
        self.shown[byte] |= 1 << (step.place % 8);
    }

    /// The place behind a page; `last_started` is the last row of a step that has started which was
    /// looked at for it.
    fn behind(mut self, page: &RowPage, order: Order, last_started: Vec<u8>) -> Self {
        for (_, row) in &page.rows {
            StepRow::header(row).iter().for_each(|step| self.show(step));
        }
        let Some((last, _)) = page.rows.last() else { return self };
        match (pending_place(last), order) {
            (Some(place), Order::Ascending) => {
                self.waiting = Some(place);
                if !last_started.is_empty() {
                    self.after = Some(last_started);
                }
            }
            _ => self.after = Some(last.to_vec()),
        }
        self
    }
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
        let direction = if request.reverse_order { "reverse" } else { "forward" };
        let request_bound = ["DescribeAutomationStepExecutions", id.as_str(), direction, &told];
        let bound = self.bound(caller, &request_bound);
        let token = request.next_token.as_deref().filter(|token| !token.is_empty());
        let place = token.map(|token| Place::read(&bound.unseal::<Code>(token)?)).transpose()?;
        let place = place.unwrap_or_default();
        let order = if request.reverse_order { Order::Descending } else { Order::Ascending };
        let limit = request.max_results.unwrap_or(ITEMS_MAX);
        let span = Span::of(&filters);
        let query = span.narrowed(RowQuery {
            prefix: Vec::new(),
            after: place.after.clone(),
            order,
            limit,
        });
        let mut last_started: Vec<u8> = Vec::new();
        let wanted = |key: &[u8], row: &[u8]| {
            match pending_place(key) {
                Some(waiting) if place.waiting.is_some_and(|passed| waiting <= passed) => {
                    return false;
                }
                Some(_) => {}
                None => key.clone_into(&mut last_started),
            }
            if !span.holds(key) {
                return false;
            }
            // A row that can't be read is not passed over: showing it is a fault.
            let is_unfit = |front: Front| filters.iter().any(|filter| !filter.fits_front(&front));
            if StepRow::front(row).is_some_and(is_unfit) {
                return false;
            }
            StepRow::header(row).is_none_or(|step| {
                !place.was_shown(&step) && filters.iter().all(|filter| filter.fits(&step))
            })
        };
        let page = self.engine.rows_where(record.id, STEPS, query, wanted).await?;
        let next_token = match page.more {
            true => Some(bound.seal(&place.behind(&page, order, last_started).write()?)),
            false => None,
        };
        let step_executions =
            page.rows.iter().map(|(_, row)| described(row)).collect::<Result<_, _>>()?;
        write(&Described { step_executions, next_token })
    }
}
