//! ListCommands and ListCommandInvocations: newest first, filters tested on the way.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use trackway_command::view::{self, Invocation};
use trackway_command::{Columns, CommandStatus, InvocationStatus};
use trackway_core::{ExecutionId, Timestamp};
use trackway_engine::{Cursor, Fault, ListQuery, ListRow, RowQuery};

use super::invocation::{Shown, invocation};
use super::{Command, check_command_id, id_of, moment, scope, shown, status_of};
use crate::Caller;
use crate::answer::write;
use crate::page::{read_cursor, write_cursor};
use crate::refusal::ErrorCode;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::ssm::{Answer, COMMAND_KIND, Ssm};

/// Items on a page when no number is asked for. Source: `MaxResults`, the most there are.
const RESULTS_DEFAULT: usize = 50;
/// Filters that a request may have. Source: `CommandFilterList`.
const FILTERS_MAX: usize = 5;
/// Commands read at once.
const COMMANDS_AT_ONCE: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListRequest {
    command_id: Option<String>,
    instance_id: Option<String>,
    #[serde(default)]
    filters: Vec<Filter>,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    details: bool,
}

#[derive(Clone, Deserialize, Serialize)]
struct Filter {
    key: String,
    value: String,
}

/// Which list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    Commands,
    Invocations,
}

/// The filters of a request, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Only commands after this moment.
    after: Option<Timestamp>,
    /// Only commands before this moment.
    before: Option<Timestamp>,
    statuses: Vec<String>,
    /// Whether it has ended.
    is_complete: Option<bool>,
    document: Option<String>,
    instance: Option<String>,
    /// Filters that can't all hold.
    is_contradiction: bool,
}

/// Values of the Status filter. Source: CommandFilter.
const COMMAND_STATUSES: &[&str] = &[
    "Pending",
    "InProgress",
    "Success",
    "Cancelled",
    "Failed",
    "TimedOut",
    "Cancelling",
    "AccessDenied",
    "DeliveryTimedOut",
    "ExecutionTimedOut",
    "Incomplete",
    "NoInstancesInTag",
    "LimitExceeded",
];
const INVOCATION_STATUSES: &[&str] = &[
    "Pending",
    "InProgress",
    "Delayed",
    "Success",
    "Cancelled",
    "Failed",
    "TimedOut",
    "Cancelling",
    "AccessDenied",
    "DeliveryTimedOut",
    "ExecutionTimedOut",
    "Undeliverable",
    "InvalidPlatform",
    "Terminated",
];

impl Wanted {
    fn read(of: Of, filters: &[Filter], instance: Option<String>) -> Result<Self, Failure> {
        if filters.len() > FILTERS_MAX {
            return Err(invalid(format!("There are more than {FILTERS_MAX} filters.")).into());
        }
        let mut wanted = Self { instance, ..Self::default() };
        for Filter { key, value } in filters {
            wanted.add(of, key, value)?;
        }
        Ok(wanted)
    }

    fn add(&mut self, of: Of, key: &str, value: &str) -> Result<(), Failure> {
        match (key, of) {
            ("InvokedAfter", _) => {
                let moment = moment(value)?;
                self.after = Some(self.after.map_or(moment, |known| known.max(moment)));
            }
            ("InvokedBefore", _) => {
                let moment = moment(value)?;
                self.before = Some(self.before.map_or(moment, |known| known.min(moment)));
            }
            ("Status", of) => {
                let known = match of {
                    Of::Commands => COMMAND_STATUSES,
                    Of::Invocations => INVOCATION_STATUSES,
                };
                if !known.contains(&value) {
                    return Err(bad_value(key, value).into());
                }
                self.statuses.push(value.to_owned());
            }
            ("ExecutionStage", Of::Commands) => {
                let is_complete = match value {
                    "Complete" => true,
                    "Executing" => false,
                    _ => return Err(bad_value(key, value).into()),
                };
                self.is_contradiction |= self.is_complete.is_some_and(|known| known != is_complete);
                self.is_complete = Some(is_complete);
            }
            ("DocumentName", _) => {
                self.is_contradiction |=
                    self.document.as_deref().is_some_and(|known| known != value);
                self.document = Some(value.to_owned());
            }
            _ => {
                let message = format!("The filter key {key} is not valid for this list.");
                return Err(Refusal::new(Code::InvalidFilterKey, message).into());
            }
        }
        Ok(())
    }

    /// Whether nothing that started then or before is wanted.
    fn is_past(&self, started: Timestamp) -> bool {
        self.is_contradiction || self.after.is_some_and(|after| started <= after)
    }

    /// What holds of a command whatever is listed of it.
    fn takes(&self, started: Timestamp, document: &str) -> bool {
        !self.is_past(started)
            && self.before.is_none_or(|before| started < before)
            && self.document.as_deref().is_none_or(|name| name == document)
    }

    fn takes_command(&self, started: Timestamp, columns: &Columns) -> bool {
        let status = columns.details.status();
        self.takes(started, &columns.document_name)
            && self.is_complete.is_none_or(|complete| complete == status.is_final())
            && self
                .statuses
                .iter()
                .all(|name| name == status.name() || name == columns.details.name())
    }

    fn takes_invocation(&self, status: InvocationStatus) -> bool {
        self.statuses.iter().all(|name| name == status.name() || name == status.details())
    }

    /// The only status that a wanted command can have, where the index knows it.
    fn indexed(&self) -> Option<CommandStatus> {
        self.statuses.iter().find_map(|name| status_of(name))
    }
}

fn bad_value(key: &str, value: &str) -> Refusal {
    invalid(format!("The filter value {value} is not valid for the filter key {key}."))
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Commands {
    commands: Vec<Command>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Invocations {
    command_invocations: Vec<Shown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A place in the list of invocations: behind the one that was shown last. What is sent later
/// stands before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    started: Timestamp,
    command: ExecutionId,
    node: Vec<u8>,
}

impl Ssm {
    pub(super) async fn list_commands(&self, caller: &Caller, request: ListRequest) -> Answer {
        let wanted = Wanted::read(Of::Commands, &request.filters, request.instance_id.clone())?;
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let shown_as = bound_to("ListCommands", &request);
        let bound_to = [shown_as.as_str()];
        let bound = self.bound(caller, &bound_to);
        let mut after = match &request.next_token {
            Some(token) => {
                let place = bound.unseal::<Code>(token)?;
                Some(read_cursor(&place).ok_or_else(Code::invalid_page_token)?)
            }
            None => None,
        };
        if let Some(command_id) = &request.command_id {
            return self.one_command(caller, command_id, &wanted).await;
        }
        let mut found: Vec<ListRow> = Vec::new();
        let mut next_token = None;
        'pages: loop {
            let page = self.commands_after(caller, after, wanted.indexed()).await?;
            for row in page.rows {
                if wanted.is_past(row.summary.started) {
                    break 'pages;
                }
                let columns = Columns::decode(&row.summary.columns).unwrap_or_default();
                if !wanted.takes_command(row.summary.started, &columns)
                    || !self.has_instance(row.id, &wanted).await?
                {
                    continue;
                }
                if found.len() == limit {
                    let last = found.last().map(cursor);
                    next_token = last.map(|last| bound.seal(&write_cursor(last)));
                    break 'pages;
                }
                found.push(row);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let mut commands = Vec::with_capacity(found.len());
        for row in found {
            commands.push(shown(&row.summary, self.request_of(row.id).await?));
        }
        write(&Commands { commands, next_token })
    }

    /// The list of one command, or of none: an unknown id is no error, as AWS has it.
    async fn one_command(&self, caller: &Caller, command_id: &str, wanted: &Wanted) -> Answer {
        check_command_id(command_id)?;
        let mut commands = Vec::new();
        if let Some((record, request)) = self.command(caller, command_id).await? {
            let columns = Columns::decode(&record.summary.columns).unwrap_or_default();
            if wanted.takes_command(record.summary.started, &columns)
                && self.has_instance(record.id, wanted).await?
            {
                commands.push(shown(&record.summary, request));
            }
        }
        write(&Commands { commands, next_token: None })
    }

    async fn commands_after(
        &self,
        caller: &Caller,
        after: Option<Cursor>,
        status: Option<CommandStatus>,
    ) -> Result<trackway_engine::ListPage, Fault> {
        let query = ListQuery {
            kind: COMMAND_KIND,
            scope: scope(caller).to_string(),
            parent: String::new(),
            status: status.map(|status| status as u8),
            after,
            limit: COMMANDS_AT_ONCE,
        };
        self.engine.list(&query).await
    }

    async fn has_instance(&self, id: ExecutionId, wanted: &Wanted) -> Result<bool, Fault> {
        match &wanted.instance {
            Some(node) => {
                Ok(self.engine.row(id, view::INVOCATIONS, node.as_bytes()).await?.is_some())
            }
            None => Ok(true),
        }
    }

    pub(super) async fn list_command_invocations(
        &self,
        caller: &Caller,
        request: ListRequest,
    ) -> Answer {
        let wanted = Wanted::read(Of::Invocations, &request.filters, request.instance_id.clone())?;
        let shown_as = bound_to("ListCommandInvocations", &request);
        let bound_to = [shown_as.as_str()];
        let bound = self.bound(caller, &bound_to);
        let place: Option<Place> = match &request.next_token {
            Some(token) => Some(
                postcard::from_bytes(&bound.unseal::<Code>(token)?)
                    .map_err(|_| <Code as crate::refusal::ErrorCode>::invalid_page_token())?,
            ),
            None => None,
        };
        let limit = request.max_results.unwrap_or(RESULTS_DEFAULT);
        let (found, last, next) = (Vec::new(), None, None);
        let mut page = Page { limit, details: request.details, found, last, next };
        match &request.command_id {
            Some(command_id) => {
                check_command_id(command_id)?;
                let id = id_of(caller, command_id);
                let record = self.engine.record(id).await?;
                if let Some(record) = record.filter(|record| record.kind == COMMAND_KIND) {
                    let columns = Columns::decode(&record.summary.columns).unwrap_or_default();
                    let started = record.summary.started;
                    if wanted.takes(started, &columns.document_name) {
                        let after = (&wanted, place.map(|place| place.node));
                        self.invocations_of(caller, (id, started), after, &mut page).await?;
                    }
                }
            }
            None => self.invocations_of_all(caller, place, &wanted, &mut page).await?,
        }
        let next_token = match page.next {
            Some(place) => {
                let place = postcard::to_stdvec(&place)
                    .map_err(|error| Fault::new(format!("could not write a place: {error}")))?;
                Some(bound.seal(&place))
            }
            None => None,
        };
        write(&Invocations { command_invocations: page.found, next_token })
    }

    async fn invocations_of_all(
        &self,
        caller: &Caller,
        place: Option<Place>,
        wanted: &Wanted,
        page: &mut Page,
    ) -> Result<(), Failure> {
        let mut after = None;
        if let Some(Place { started, command, node }) = place {
            // What is left of the command that the last page ended in.
            self.invocations_of(caller, (command, started), (wanted, Some(node)), page).await?;
            after = Some(Cursor { started, id: command });
        }
        while page.next.is_none() {
            let commands = self.commands_after(caller, after, None).await?;
            for row in commands.rows {
                let started = row.summary.started;
                if wanted.is_past(started) {
                    return Ok(());
                }
                let columns = Columns::decode(&row.summary.columns).unwrap_or_default();
                if wanted.takes(started, &columns.document_name) {
                    self.invocations_of(caller, (row.id, started), (wanted, None), page).await?;
                    if page.next.is_some() {
                        return Ok(());
                    }
                }
            }
            after = commands.next;
            if after.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Adds the invocations of one command that are wanted, until the page is full and one more is
    /// known to follow.
    async fn invocations_of(
        &self,
        caller: &Caller,
        (id, started): (ExecutionId, Timestamp),
        (wanted, after): (&Wanted, Option<Vec<u8>>),
        page: &mut Page,
    ) -> Result<(), Failure> {
        let takes = |row: &[u8]| {
            Invocation::decode(row).is_some_and(|row| wanted.takes_invocation(row.status))
        };
        let room = page.limit - page.found.len();
        let rows: Vec<(Bytes, Bytes)> = match &wanted.instance {
            Some(node) => {
                let is_shown = after.as_deref().is_some_and(|after| after >= node.as_bytes());
                let row = self.engine.row(id, view::INVOCATIONS, node.as_bytes()).await?;
                let row = row.filter(|row| !is_shown && takes(row));
                row.map(|row| (Bytes::copy_from_slice(node.as_bytes()), row)).into_iter().collect()
            }
            None => {
                let query = RowQuery { after, ..RowQuery::first(room + 1) };
                let all = |_: &[u8], row: &[u8]| takes(row);
                self.engine.rows_where(id, view::INVOCATIONS, query, all).await?.rows
            }
        };
        if rows.is_empty() {
            return Ok(());
        }
        if room == 0 {
            // Full before this command: the next page begins with it.
            page.next = page.last.take();
            return Ok(());
        }
        let request = self.request_of(id).await?;
        let more = rows.len() > room;
        for (node, row) in rows.into_iter().take(room) {
            let row = Invocation::decode(&row).unwrap_or_default();
            let plugins = match page.details {
                true => self.engine.row(id, view::PLUGINS, &node).await?,
                false => None,
            };
            let name = String::from_utf8_lossy(&node).into_owned();
            let known = self.node(caller, &name).await?;
            let details = page.details.then_some(plugins.as_deref());
            let of = (&request, caller.region.as_str());
            page.found.push(invocation(of, started, (name, known), (&row, details)));
            page.last = Some(Place { started, command: id, node: node.to_vec() });
        }
        if more {
            page.next = page.last.take();
        }
        Ok(())
    }
}

/// A page of invocations that is being filled.
struct Page {
    limit: usize,
    details: bool,
    found: Vec<Shown>,
    /// The place of the last that was found.
    last: Option<Place>,
    /// The same when more follow.
    next: Option<Place>,
}

/// What a page token is good for.
fn bound_to(operation: &str, request: &ListRequest) -> String {
    let filters = serde_json::to_string(&request.filters).unwrap_or_default();
    let or_none = |text: &Option<String>| text.clone().unwrap_or_default();
    let (command, instance) = (or_none(&request.command_id), or_none(&request.instance_id));
    format!("{operation}\0{command}\0{instance}\0{filters}")
}

fn cursor(row: &ListRow) -> Cursor {
    Cursor { started: row.summary.started, id: row.id }
}
