//! What tasks over findings and tasks over violations have in common: how they begin, end early and
//! are found.

use serde::Deserialize;
use trackway_audit::action::Action;
use trackway_audit::audit::TaskStatus;
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::mitigation::{
    Birth, Columns, Details, KIND, Mitigation, Refusal as TaskRefusal, Signal, Surface, VIEW_ITEMS,
    VIEW_TASK, finding_item_key,
};
use trackway_core::{ExecutionId, Payload, Start, Timestamp};
use trackway_engine::{
    Cursor, Definition, Durability, Fault, ListQuery, ListRow, Record, SignalError, StartError,
    StartRequest, Started,
};
use trackway_registry::{Txn, record, table};

use super::audited::{LOOKS_MAX, invalid, up_to};
use super::refusal::{Failure, Refusal};
use super::{Answer, Code, Iot};
use crate::Caller;
use crate::answer::nothing;

/// Tasks in progress in an account and region, of one surface. Source: Device Defender quotas.
const TASKS_MAX: usize = 10;
/// Tokens that a new one looks at, whether their tasks are still there.
const TOKENS_AT_ONCE: usize = 4;
/// Tasks that are read at once.
const TASKS_AT_ONCE: usize = 256;

/// A request about one task.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfTask {
    pub(super) task_id: String,
}

/// A task, as far as its own rows tell.
pub(super) struct Task {
    pub(super) id: ExecutionId,
    pub(super) birth: Birth,
    pub(super) details: Details,
}

/// A task that is to begin, by its caller's words.
pub(super) struct Wanted<'a> {
    pub(super) surface: Surface,
    pub(super) task_id: &'a str,
    pub(super) token: &'a str,
}

/// Which tasks a list shows: those that began at `from` or later, and ended at `to` or before; one
/// in progress counts as if it ended now, and so does one that begins then.
pub(super) struct Period {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// What the tasks of a list are to be about: an id that names nothing is about nothing.
#[derive(Default)]
pub(super) struct About {
    pub(super) audit: Option<Option<AuditNumber>>,
    pub(super) finding: Option<Option<FindingRef>>,
}

impl Period {
    fn has(&self, row: &ListRow) -> bool {
        row.summary.closed.unwrap_or(row.summary.started) <= self.to
    }
}

/// The refusal of a task that isn't there.
pub(super) fn not_found(task_id: &str) -> Refusal {
    // The wording is ours.
    let message = format!("The mitigation actions task {task_id} does not exist");
    Refusal::new(Code::ResourceNotFoundException, message)
}

fn already_exists(message: impl Into<String>) -> Failure {
    Refusal::new(Code::TaskAlreadyExistsException, message).into()
}

/// Whether this task was started with this token; it is a refusal if it was with another one.
fn is_same(wanted: &Wanted<'_>, known: &Record) -> Result<(), Failure> {
    if known.attributes == wanted.token.as_bytes() {
        return Ok(());
    }
    // The wording is ours.
    Err(already_exists(format!("The task {} exists already", wanted.task_id)))
}

/// The execution of a task.
pub(super) fn execution_of(caller: &Caller, surface: Surface, task_id: &str) -> ExecutionId {
    ExecutionId::of(&surface.arn(&caller.account, &caller.region, task_id))
}

impl Iot {
    /// Whether this very request has started a task before.
    ///
    /// # Errors
    /// Its id or its token is another task's.
    pub(super) async fn has_begun(
        &self,
        caller: &Caller,
        wanted: &Wanted<'_>,
    ) -> Result<bool, Failure> {
        let id = execution_of(caller, wanted.surface, wanted.task_id);
        if let Some(known) = self.engine.record(id).await? {
            return is_same(wanted, &known).map(|()| true);
        }
        let catalog = self.registry.catalog();
        let row = catalog.get(&caller.scope, table::CLIENT_TOKENS, &token_key(wanted)).await?;
        let Some(row) = row else { return Ok(false) };
        let other: String = record::decode(&row)?;
        // A task that never came to be, or is forgotten, has no token.
        let other_id = execution_of(caller, wanted.surface, &other);
        let known = self.engine.record(other_id).await?;
        if known.is_some_and(|known| known.attributes == wanted.token.as_bytes()) {
            // The wording is ours.
            let message = format!("The client request token was used for the task {other}");
            return Err(already_exists(message));
        }
        Ok(false)
    }

    /// Begins a task.
    pub(super) async fn begin_task(
        &self,
        caller: &Caller,
        wanted: &Wanted<'_>,
        birth: &Birth,
    ) -> Result<(), Failure> {
        // Nobody else's task begins between the look at how many there are and this one.
        let _starting = self.starting.lock().await;
        // It may have begun, or its token been used, while this request waited.
        if self.has_begun(caller, wanted).await? {
            return Ok(());
        }
        self.has_room_for_task(caller, wanted.surface).await?;
        loop {
            let mut txn = self.registry.begin(&caller.scope);
            let task_id = wanted.task_id.to_owned();
            self.forget_tokens(&mut txn, wanted).await?;
            txn.put(table::CLIENT_TOKENS, &token_key(wanted), &task_id)?;
            if txn.commit().await? {
                break;
            }
        }
        let input = serde_json::to_string(birth)
            .map_err(|error| Fault::new(format!("could not write a task's input: {error}")))?;
        let request = StartRequest {
            kind: KIND,
            scope: caller.scope.clone(),
            parent: wanted.surface.parent().into(),
            definition: Definition::new(""),
            start: Start {
                arn: wanted.surface.arn(&caller.account, &caller.region, wanted.task_id),
                definition_arn: String::new(),
                name: wanted.task_id.to_owned(),
                role_arn: String::new(),
                input: Payload::new(input),
                attributes: wanted.token.as_bytes().to_vec(),
            },
            reply_to: None,
            durability: Durability::Durable,
        };
        match self.engine.start(request).await {
            Ok(Started::New { .. }) => Ok(()),
            Ok(Started::Existing { record, .. }) => is_same(wanted, &record),
            Err(StartError::Fault(fault)) => Err(fault.into()),
            Err(other) => Err(Fault::new(other.to_string()).into()),
        }
    }

    /// Forgets the tokens of tasks that are forgotten, among some that stand behind the new one. As
    /// each new token looks at several, those of tasks that are gone don't pile up.
    async fn forget_tokens(&self, txn: &mut Txn, wanted: &Wanted<'_>) -> Result<(), Fault> {
        let prefix = record::prefix(&[wanted.surface.parent()]);
        let (new, table) = (wanted.token.as_bytes(), table::CLIENT_TOKENS);
        let mut tokens = txn.keys(table, &prefix, Some(new), TOKENS_AT_ONCE).await?;
        if tokens.is_empty() {
            tokens = txn.keys(table, &prefix, None, TOKENS_AT_ONCE).await?;
        }
        for token in tokens {
            let key = [&*prefix, &*token].concat();
            let Some(task_id) = txn.get::<String>(table, &key).await? else { continue };
            let id = ExecutionId::of(&wanted.surface.arn(txn.account(), txn.region(), &task_id));
            let known = self.engine.record(id).await?;
            if known.is_none_or(|known| known.attributes != token) {
                txn.delete(table, &key);
            }
        }
        Ok(())
    }

    async fn has_room_for_task(&self, caller: &Caller, surface: Surface) -> Result<(), Failure> {
        let status = Some(TaskStatus::InProgress.number());
        let query = ListQuery { status, limit: TASKS_MAX, ..tasks(caller, surface) };
        if self.engine.list(&query).await?.rows.len() < TASKS_MAX {
            return Ok(());
        }
        // The wording is ours.
        let message = format!("{TASKS_MAX} mitigation actions tasks are in progress");
        Err(Refusal::new(Code::LimitExceededException, message).into())
    }

    /// The actions of these names, once each, in the order in which they are named first.
    ///
    /// # Errors
    /// There is no such action.
    pub(super) async fn actions_named<'a>(
        &self,
        caller: &Caller,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<Action>, Failure> {
        let mut actions: Vec<Action> = Vec::new();
        for name in names {
            if actions.iter().any(|known| known.name == *name) {
                continue;
            }
            let action = self.action(caller, name).await?;
            // The wording is ours.
            let unknown = || invalid(format!("The mitigation action {name} does not exist"));
            actions.push(action.ok_or_else(unknown)?);
        }
        Ok(actions)
    }

    /// A task that is shown. What changes of it is read first: rows that are read afterwards are at
    /// least as new.
    pub(super) async fn task(
        &self,
        caller: &Caller,
        surface: Surface,
        task_id: &str,
    ) -> Result<Option<Task>, Fault> {
        let task = self.task_of(execution_of(caller, surface, task_id)).await?;
        Ok(task.filter(|task| task.details.started >= self.horizon()))
    }

    pub(super) async fn task_of(&self, id: ExecutionId) -> Result<Option<Task>, Fault> {
        let details = self.engine.row(id, VIEW_TASK, Details::KEY).await?;
        let birth = self.engine.row(id, VIEW_TASK, Birth::KEY).await?;
        let (Some(details), Some(birth)) = (details, birth) else { return Ok(None) };
        match (Details::read(&details), Birth::read(&birth)) {
            (Some(details), Some(birth)) => Ok(Some(Task { id, birth, details })),
            _ => Err(Fault::new("a row of a mitigation task is damaged")),
        }
    }

    pub(super) async fn cancel_task(
        &self,
        caller: &Caller,
        surface: Surface,
        task_id: &str,
    ) -> Answer {
        let id = execution_of(caller, surface, task_id);
        match self.engine.signal::<Mitigation>(id, Signal::Cancel).await {
            Ok(()) => nothing(),
            Err(SignalError::NotFound) => Err(not_found(task_id).into()),
            Err(SignalError::Closed | SignalError::Refused(TaskRefusal::Ended)) => {
                // The wording is ours.
                Err(invalid(format!("The task {task_id} is not in progress")).into())
            }
            Err(SignalError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// A page of the tasks of a period that are about something, and where the next one goes on.
    pub(super) async fn list_tasks(
        &self,
        mut query: ListQuery,
        period: &Period,
        about: &About,
        limit: usize,
    ) -> Result<(Vec<ListRow>, Option<Cursor>), Fault> {
        let (mut tasks, mut last) = (Vec::new(), None);
        loop {
            let (rows, following) = self.tasks_page(&mut query, period).await?;
            let is_empty = rows.is_empty();
            for row in rows {
                if !self.is_about(&row, about).await? {
                    continue;
                }
                if tasks.len() == limit {
                    return Ok((tasks, last));
                }
                last = Some(Cursor { started: row.summary.started, id: row.id });
                tasks.push(row);
            }
            if following.is_none() || is_empty {
                return Ok((tasks, following));
            }
            query.after = following;
        }
    }

    /// Whether a task is about what a list asks for. Source: `auditTaskId` and `findingId` of
    /// ListAuditMitigationActionsTasks.
    async fn is_about(&self, row: &ListRow, about: &About) -> Result<bool, Fault> {
        let columns = Columns::read(&row.summary.columns)
            .ok_or_else(|| Fault::new("the columns of a task are damaged"))?;
        if about.audit.is_some_and(|it| it.is_none_or(|audit| !columns.is_about(audit))) {
            return Ok(false);
        }
        match about.finding {
            None => Ok(true),
            Some(Some(finding)) if columns.is_about(finding.audit) => {
                let key = finding_item_key(finding);
                Ok(self.engine.row(row.id, VIEW_ITEMS, &key).await?.is_some())
            }
            Some(_) => Ok(false),
        }
    }

    /// The tasks of a period from a place on, newest first; what `query` doesn't ask for is left
    /// out. Where the page ends for having looked at enough, it says where to go on.
    pub(super) async fn tasks_page(
        &self,
        query: &mut ListQuery,
        period: &Period,
    ) -> Result<(Vec<ListRow>, Option<Cursor>), Fault> {
        let from = period.from.max(self.horizon());
        let mut looks = 0;
        loop {
            let page = self.engine.list(query).await?;
            looks += page.rows.len();
            let is_last = page.rows.last().is_none_or(|row| row.summary.started < from);
            let mut rows = page.rows;
            rows.retain(|row| row.summary.started >= from && period.has(row));
            let next = page.next.filter(|_| !is_last);
            if !rows.is_empty() || next.is_none() || looks >= LOOKS_MAX {
                return Ok((rows, next));
            }
            query.after = next;
        }
    }
}

/// The list of the tasks of an account.
fn tasks(caller: &Caller, surface: Surface) -> ListQuery {
    ListQuery {
        kind: KIND,
        scope: caller.scope.to_string(),
        parent: surface.parent().to_owned(),
        status: None,
        after: None,
        limit: TASKS_AT_ONCE,
    }
}

/// The list of the tasks of a period, newest first.
pub(super) fn tasks_of(caller: &Caller, surface: Surface, period: &Period) -> ListQuery {
    ListQuery { after: Some(up_to(period.to)), ..tasks(caller, surface) }
}

fn token_key(wanted: &Wanted<'_>) -> Vec<u8> {
    record::key(&[wanted.surface.parent(), wanted.token])
}
