//! GetExecutionHistory, and what DescribeExecution takes from the journal's two ends.

use serde::Deserialize;
use trackway_asl::history::{View, write_event};
use trackway_asl::{Event, EventKind, Execution, Failure as Why};
use trackway_core::Payload;
use trackway_engine::{Entry, Fault, Page, Record};

use super::refusal::Failure;
use super::{Answer, StepFunctions, page};
use crate::Caller;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetExecutionHistory {
    execution_arn: String,
    #[serde(default)]
    reverse_order: bool,
    #[serde(default = "yes")]
    include_execution_data: bool,
    #[serde(flatten)]
    page: page::Request,
}

fn yes() -> bool {
    true
}

/// The first and the last event of an execution, as a description shows them.
#[derive(Default)]
pub(super) struct Ends {
    pub(super) input: Option<Payload>,
    pub(super) output: Option<Payload>,
    pub(super) error: Option<String>,
    pub(super) cause: Option<String>,
    /// The role that it was started with.
    pub(super) role_arn: String,
}

/// A page of the journal: its visible events, and the number of the next one.
struct Visible {
    entries: Vec<Entry<Event>>,
    next: Option<u32>,
}

impl StepFunctions {
    pub(super) async fn get_execution_history(
        &self,
        caller: &Caller,
        request: GetExecutionHistory,
    ) -> Answer {
        let record = self.execution_record(caller, &request.execution_arn).await?;
        let order = if request.reverse_order { "reverse" } else { "forward" };
        let bound = ["GetExecutionHistory", &request.execution_arn, order];
        let place = match &request.page.next_token {
            Some(token) => {
                let place = self.unseal(caller, &bound, token)?;
                let place: [u8; 4] = place.try_into().map_err(|_| page::invalid_token())?;
                Some(u32::from_be_bytes(place))
            }
            None => None,
        };
        let visible =
            self.visible(&record, request.reverse_order, place, request.page.limit()).await?;
        let def = self.parsed_definition(caller, &record.definition_hash).await?;
        let view =
            View { region: &caller.region, include_execution_data: request.include_execution_data };
        let mut out = Vec::with_capacity(64 + visible.entries.len() * 256);
        out.extend_from_slice(b"{\"events\":[");
        for (number, entry) in visible.entries.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            write_event(&mut out, &def, &entry.event, entry.at, &view);
        }
        out.push(b']');
        if let Some(next) = visible.next {
            let token = self.seal(caller, &bound, &next.to_be_bytes());
            out.extend_from_slice(b",\"nextToken\":\"");
            // Our tokens are URL-safe base64: nothing to escape.
            out.extend_from_slice(token.as_bytes());
            out.push(b'"');
        }
        out.push(b'}');
        Ok(out)
    }

    /// Up to `limit` visible events from `place` on, in either order.
    async fn visible(
        &self,
        record: &Record,
        reverse: bool,
        place: Option<u32>,
        limit: usize,
    ) -> Result<Visible, Failure> {
        let mut entries: Vec<Entry<Event>> = Vec::with_capacity(limit + 1);
        // `before` is exclusive, a place is the event itself.
        let mut from = match (reverse, place) {
            (true, place) => place.map_or(u32::MAX, |number| number.saturating_add(1)),
            (false, place) => place.unwrap_or(0),
        };
        loop {
            let wanted = limit + 1 - entries.len();
            let page = if reverse {
                Page::Backward { before: from, limit: wanted }
            } else {
                Page::Forward { from, limit: wanted }
            };
            let more = self.engine.journal::<Execution>(record.id, page).await?;
            let is_last = more.len() < wanted;
            if let Some(last) = more.last() {
                from = if reverse { last.number } else { last.number + 1 };
            }
            entries.extend(more.into_iter().filter(|entry| entry.event.is_visible()));
            if is_last || entries.len() > limit {
                break;
            }
        }
        let next = (entries.len() > limit).then(|| entries.pop()).flatten();
        Ok(Visible { entries, next: next.map(|entry| entry.number) })
    }

    /// What the journal's first and last events tell.
    pub(super) async fn ends_of(&self, record: &Record) -> Result<Ends, Fault> {
        let first = Page::Forward { from: 0, limit: 1 };
        let first = self.engine.journal::<Execution>(record.id, first).await?;
        let mut ends = Ends::default();
        if let Some(Entry { event, .. }) = first.into_iter().next() {
            ends.input = event.payload;
            if let EventKind::Started(started) = event.kind {
                ends.role_arn = started.role_arn;
            }
        }
        if !record.closed {
            return Ok(ends);
        }
        let last = Page::Backward { before: u32::MAX, limit: 1 };
        let last = self.engine.journal::<Execution>(record.id, last).await?;
        let Some(Entry { event, .. }) = last.into_iter().next() else {
            return Ok(ends);
        };
        match event.kind {
            EventKind::ExecutionSucceeded => ends.output = event.payload,
            EventKind::ExecutionFailed(why)
            | EventKind::ExecutionTimedOut(why)
            | EventKind::ExecutionAborted(why) => {
                let Why { error, cause } = *why;
                ends.error = error;
                ends.cause = cause;
            }
            _ => {}
        }
        Ok(ends)
    }
}
