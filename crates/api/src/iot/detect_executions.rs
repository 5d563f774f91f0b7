//! ListDetectMitigationActionsExecutions: what became of violations, of one task or of all of a time.
//!
//! The order is: tasks, newest first; in each, violations by id; of each, its actions in order. A
//! task that isn't asked for by name costs one read if it has nothing to show.

use serde::Deserialize;
use serde_json::{Value, json};
use trackway_audit::mitigation::{
    ExecutionStatus, Row, Shown, Surface, VIEW_BY_THING, VIEW_ITEMS, thing_prefix,
};
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Cursor, Fault, Order, RowQuery};

use super::audited::{invalid, period};
use super::lists::Paging;
use super::mitigation::{Period, Task, execution_of, tasks_of};
use super::refusal::Refusal;
use super::{Answer, Code, Iot};
use crate::Caller;
use crate::answer::{Epoch, write};
use crate::page::{Bound, read_cursor, write_cursor};
use crate::refusal::ErrorCode;

/// Violations that are read at once.
const ROWS_AT_ONCE: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    task_id: Option<String>,
    violation_id: Option<String>,
    thing_name: Option<String>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    #[serde(flatten)]
    paging: Paging,
}

/// What the last one shown was: the next page begins after it.
struct Place {
    task: Cursor,
    action: u8,
    violation: Vec<u8>,
}

impl Place {
    fn write(&self) -> Vec<u8> {
        let mut place = write_cursor(self.task);
        place.push(self.action);
        place.extend_from_slice(&self.violation);
        place
    }

    fn read(place: &[u8]) -> Option<Self> {
        let (task, rest) = place.split_at_checked(24)?;
        let (action, violation) = rest.split_first()?;
        Some(Self { task: read_cursor(task)?, action: *action, violation: violation.to_vec() })
    }
}

/// A page in the making.
struct Page<'a> {
    request: &'a List,
    /// Executions that began, or were skipped, in this time.
    times: Option<(Timestamp, Timestamp)>,
    limit: usize,
    items: Vec<Value>,
    last: Option<Place>,
    /// Whether one more was found than the page holds.
    more: bool,
}

/// Which executions: those of a task, or those of a time.
fn times(request: &List) -> Result<Option<(Timestamp, Timestamp)>, Refusal> {
    match (&request.task_id, request.start_time, request.end_time) {
        (Some(_), None, None) => Ok(None),
        (None, Some(start), Some(end)) => Ok(Some(period(start, end)?)),
        // Source: `startTime`; the wording is ours.
        _ => Err(invalid("Either a taskId, or a startTime and an endTime must be given")),
    }
}

pub(super) async fn list(service: &Iot, caller: &Caller, request: List) -> Answer {
    let times = times(&request)?;
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let (task, violation) = (part(&request.task_id), part(&request.violation_id));
    let (thing, period) = (part(&request.thing_name), format!("{times:?}"));
    let parts = ["ListDetectMitigationActionsExecutions", &task, &violation, &thing, &period];
    let bound = Bound { engine: &service.engine, caller, request: &parts };
    let after = request.paging.after(bound)?;
    let after = after.map(|place| Place::read(&place).ok_or_else(Code::invalid_page_token));
    let after = after.transpose()?;
    let limit = request.paging.limit();
    let mut page =
        Page { request: &request, times, limit, items: Vec::new(), last: None, more: false };
    match times {
        None => {
            let id = execution_of(caller, Surface::Detect, &task);
            page.add_task(service, id, after.as_ref()).await?;
        }
        Some((from, to)) => page.add_tasks(service, caller, (from, to), after).await?,
    }
    let mut answer = json!({ "actionsExecutions": page.items });
    if let Some(last) = page.last.filter(|_| page.more) {
        answer["nextToken"] = json!(bound.seal(&last.write()));
    }
    write(&answer)
}

impl Page<'_> {
    /// All tasks that may have applied something in a time: those that began before its end, and
    /// didn't end before its beginning.
    async fn add_tasks(
        &mut self,
        service: &Iot,
        caller: &Caller,
        (from, to): (Timestamp, Timestamp),
        after: Option<Place>,
    ) -> Result<(), Fault> {
        let ever = Period { from: Timestamp(0), to: Timestamp(i64::MAX) };
        let until = Period { from: Timestamp(0), to };
        let mut query = tasks_of(caller, Surface::Detect, &until);
        if let Some(after) = &after {
            self.add_task(service, after.task.id, Some(after)).await?;
            query.after = Some(after.task);
        }
        while !self.more {
            let (rows, next) = service.tasks_page(&mut query, &ever).await?;
            for row in rows {
                if self.more {
                    return Ok(());
                }
                if row.summary.closed.is_none_or(|closed| closed >= from) {
                    self.add_task(service, row.id, None).await?;
                }
            }
            let Some(next) = next else { return Ok(()) };
            query.after = Some(next);
        }
        Ok(())
    }

    async fn add_task(
        &mut self,
        service: &Iot,
        id: ExecutionId,
        after: Option<&Place>,
    ) -> Result<(), Fault> {
        let Some(task) = service.task_of(id).await? else { return Ok(()) };
        if let Some(after) = after {
            self.add_violation(service, &task, (&after.violation, usize::from(after.action) + 1))
                .await?;
        }
        let (request, view_items) = (self.request, (VIEW_ITEMS, Vec::new()));
        let (view, prefix) = match (&request.violation_id, &request.thing_name) {
            (Some(violation), _) => {
                let is_next = after.is_none();
                return match is_next {
                    true => self.add_violation(service, &task, (violation.as_bytes(), 0)).await,
                    false => Ok(()),
                };
            }
            (None, Some(thing)) => (VIEW_BY_THING, thing_prefix(thing)),
            (None, None) => view_items,
        };
        let mut last = after.map(|after| [&*prefix, &*after.violation].concat());
        while !self.more {
            let query = RowQuery {
                prefix: prefix.clone(),
                after: last.clone(),
                order: Order::Ascending,
                limit: ROWS_AT_ONCE,
            };
            let page = service.engine.rows(task.id, view, query).await?;
            for (key, _) in &page.rows {
                self.add_violation(service, &task, (&key[prefix.len()..], 0)).await?;
            }
            last = page.rows.last().map(|(key, _)| key.to_vec());
            if !page.more {
                break;
            }
        }
        Ok(())
    }

    /// The actions of a violation, from one on.
    async fn add_violation(
        &mut self,
        service: &Iot,
        task: &Task,
        (violation, from): (&[u8], usize),
    ) -> Result<(), Fault> {
        if self.more {
            return Ok(());
        }
        let row = service.engine.row(task.id, VIEW_ITEMS, violation).await?;
        let Some(row) = row.and_then(|row| Row::read(&row)) else { return Ok(()) };
        let thing = row.thing.as_deref().unwrap_or_default();
        if self.request.thing_name.as_deref().is_some_and(|wanted| wanted != thing) {
            return Ok(());
        }
        let executions = task.details.executions(&task.birth, None, &row);
        for (action, shown) in executions.iter().enumerate().skip(from) {
            let Some(item) = self.shown(task, (violation, thing), shown) else { continue };
            if self.items.len() == self.limit {
                self.more = true;
                return Ok(());
            }
            self.items.push(item);
            self.last = Some(Place {
                task: Cursor { started: task.details.started, id: task.id },
                action: u8::try_from(action).unwrap_or(u8::MAX),
                violation: violation.to_vec(),
            });
        }
        Ok(())
    }

    /// `DetectMitigationActionExecution`; none for one that hasn't begun, as it has no status for
    /// that, or is of another time.
    fn shown(
        &self,
        task: &Task,
        (violation, thing): (&[u8], &str),
        shown: &Shown<'_>,
    ) -> Option<Value> {
        let Shown { action, execution } = shown;
        let status = match execution.status {
            ExecutionStatus::Pending => return None,
            ExecutionStatus::Completed => "SUCCESSFUL",
            // It has no word of its own for what was canceled.
            ExecutionStatus::Canceled => "SKIPPED",
            other => other.name(),
        };
        let at = execution.started.or(execution.ended)?;
        if self.times.is_some_and(|(from, to)| at < from || at > to) {
            return None;
        }
        let mut item = json!({
            "taskId": task.birth.task_id,
            "violationId": String::from_utf8_lossy(violation),
            "actionName": action.name,
            "thingName": thing,
            "status": status,
        });
        if let Some(started) = execution.started {
            item["executionStartDate"] = json!(Epoch(started));
        }
        if let Some(ended) = execution.ended {
            item["executionEndDate"] = json!(Epoch(ended));
        }
        if let Some(error) = &execution.error {
            item["errorCode"] = json!(error.code);
            item["message"] = json!(error.message);
        }
        Some(item)
    }
}
