//! The state of a command, and how each event changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::fanout::{Fanout, Quantity, Rate};
use trackway_core::{Machine, Payload, Rows, Summary, Timestamp, Turn};

use crate::event::{Event, EventKind};
use crate::report::PluginReport;
use crate::request::Request;
use crate::signal::{Refusal, Signal};
use crate::status::{CommandStatus, Details, InvocationStatus};
use crate::{decide, view};

/// The machine of one command.
#[derive(Debug, Default)]
pub struct CommandRun {
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) request: Arc<Request>,
    pub(crate) nodes: Vec<Node>,
    /// Places of the nodes, by id.
    places: BTreeMap<Arc<str>, u32>,
    pub(crate) fanout: Option<Fanout>,
    details: Details,
    is_started: bool,
    /// Whether a node has received it.
    is_delivered: bool,
    pub(crate) cancel_asked: bool,
    pub(crate) is_stopped: bool,
    counts: Tally,
    sample: Option<Sample>,
    failure: String,
    /// Uploads that have not ended, by their numbers.
    pub(crate) uploads: BTreeSet<u32>,
    pub(crate) uploads_asked: u32,
    requested: Timestamp,
    closed: Option<Timestamp>,
}

/// One node of the command.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: Arc<str>,
    pub(crate) status: InvocationStatus,
    pub(crate) delivered: Option<Timestamp>,
    pub(crate) ended: Option<Timestamp>,
    pub(crate) response_code: i32,
    /// It has heard that it is to stop.
    pub(crate) cancel_heard: bool,
}

/// How many invocations ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) success: u32,
    pub(crate) errors: u32,
    pub(crate) delivery_timed_out: u32,
    pub(crate) cancelled: u32,
    pub(crate) terminated: u32,
    pub(crate) void: u32,
}

impl Tally {
    fn add(&mut self, status: InvocationStatus) {
        let count = match status {
            InvocationStatus::Success => &mut self.success,
            InvocationStatus::DeliveryTimedOut => &mut self.delivery_timed_out,
            InvocationStatus::Cancelled => &mut self.cancelled,
            InvocationStatus::Terminated => &mut self.terminated,
            status if status.is_error() => &mut self.errors,
            status if status.is_void() => &mut self.void,
            _ => return,
        };
        *count += 1;
    }

    pub(crate) fn ended(&self) -> u32 {
        self.success
            + self.errors
            + self.delivery_timed_out
            + self.cancelled
            + self.terminated
            + self.void
    }
}

/// A command's counts, as its API object has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// `TargetCount`.
    pub targets: u32,
    /// `CompletedCount`: ended, in whatever way.
    pub completed: u32,
    /// `ErrorCount`: failed, or took too long.
    pub errors: u32,
    /// `DeliveryTimedOutCount`.
    pub delivery_timed_out: u32,
}

/// What a report shows of the nodes' output: of the first that failed, else of the first.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    is_success: bool,
    pub(crate) response_code: i32,
    pub(crate) output: String,
}

/// The list columns of a command: what filters look at and what changes. What doesn't change stands
/// in [`view::REQUEST`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// `DocumentName`.
    pub document_name: String,
    /// `StatusDetails`.
    pub details: Details,
    /// Its counts.
    pub counts: Counts,
}

impl Columns {
    /// Reads a summary's columns; none if they are something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}

impl CommandRun {
    /// What was asked for.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Its `StatusDetails`; the status follows from it.
    #[must_use]
    pub fn details(&self) -> Details {
        match self.details {
            Details::Pending | Details::InProgress if self.cancel_asked => Details::Cancelling,
            Details::Pending if self.is_delivered => Details::InProgress,
            details => details,
        }
    }

    /// Its counts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            targets: self.nodes.len() as u32,
            completed: self.counts.ended(),
            errors: self.counts.errors,
            delivery_timed_out: self.counts.delivery_timed_out,
        }
    }

    /// Its nodes and how they stand, in the order in which they are sent to.
    pub fn invocations(&self) -> impl Iterator<Item = (&str, InvocationStatus)> {
        self.nodes.iter().map(|node| (&*node.id, node.status))
    }

    /// How many nodes it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether it has no nodes, or doesn't know them yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How one node stands.
    #[must_use]
    pub fn invocation(&self, node: &str) -> Option<InvocationStatus> {
        self.place(node).map(|place| self.nodes[place as usize].status)
    }

    pub(crate) fn place(&self, node: &str) -> Option<u32> {
        self.places.get(node).copied()
    }

    pub(crate) fn node(&self, place: u32) -> Option<&Node> {
        self.nodes.get(place as usize)
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.counts
    }

    pub(crate) fn sample(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }

    pub(crate) fn failure(&self) -> &str {
        &self.failure
    }

    pub(crate) fn is_running(&self) -> bool {
        self.is_started && self.closed.is_none()
    }

    /// The place of the first node that has not been sent to.
    pub(crate) fn dispatched(&self) -> u32 {
        self.fanout.as_ref().map_or(0, Fanout::started)
    }

    fn accept(&mut self, account: &str, region: &str, text: Option<&Payload>, at: Timestamp) {
        let request = text.and_then(|text| serde_json::from_str::<Request>(text).ok());
        self.request = Arc::new(request.unwrap_or_default());
        (self.account, self.region) = (account.to_owned(), region.to_owned());
        self.arn = crate::request::arn(account, region, &self.request.command_id);
        self.requested = at;
        self.is_started = true;
    }

    fn resolve(&mut self, text: Option<&Payload>) {
        let ids: Vec<Arc<str>> =
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        for id in ids {
            self.places.insert(Arc::clone(&id), self.nodes.len() as u32);
            let status = InvocationStatus::Pending;
            self.nodes.push(Node {
                id,
                status,
                delivered: None,
                ended: None,
                response_code: -1,
                cancel_heard: false,
            });
        }
        let quantity = |text: &str, default| text.parse().unwrap_or(default);
        let rate = Rate {
            max_concurrency: quantity(&self.request.max_concurrency, Quantity::Count(50)),
            max_errors: quantity(&self.request.max_errors, Quantity::Count(0)),
            ramp: false,
        };
        self.fanout = Some(Fanout::new(self.nodes.len() as u32, rate));
    }

    fn dispatch(&mut self, count: u32) {
        let Some(fanout) = &mut self.fanout else { return };
        for _ in 0..count {
            let place = fanout.started() as usize;
            fanout.start();
            if self.nodes.get(place).is_some_and(|node| node.status.is_final()) {
                fanout.end(true);
            }
        }
    }

    /// Ends an invocation; the first end counts.
    fn end(&mut self, place: u32, status: InvocationStatus, at: Timestamp) -> bool {
        let dispatched = self.dispatched();
        let Some(node) = self.nodes.get_mut(place as usize) else { return false };
        if node.status.is_final() {
            return false;
        }
        node.status = status;
        node.ended = Some(at);
        self.counts.add(status);
        if let Some(fanout) = self.fanout.as_mut().filter(|_| place < dispatched) {
            // What is no error frees its place and counts for nothing else.
            fanout.end(!status.is_error());
        }
        true
    }

    fn report(
        &mut self,
        place: u32,
        (status, code): (InvocationStatus, i32),
        event: &Event,
        at: Timestamp,
    ) {
        self.is_delivered = true;
        if !self.end(place, status, at) {
            return;
        }
        if let Some(node) = self.nodes.get_mut(place as usize) {
            node.delivered.get_or_insert(at);
            node.response_code = code;
        }
        let is_success = status == InvocationStatus::Success;
        if self.sample.as_ref().is_some_and(|sample| is_success || !sample.is_success) {
            return;
        }
        let text = event.payload.as_ref();
        let plugins: Vec<PluginReport> =
            text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let telling = plugins.iter().find(|plugin| plugin.response_code != 0);
        let output = telling.or(plugins.last()).map(PluginReport::output).unwrap_or_default();
        self.sample = Some(Sample { is_success, response_code: code, output });
    }

    fn stop(&mut self, status: InvocationStatus, at: Timestamp) {
        for place in self.dispatched()..self.nodes.len() as u32 {
            self.end(place, status, at);
        }
        if let Some(fanout) = &mut self.fanout {
            fanout.stop();
        }
        self.is_stopped = true;
    }
}

impl Machine for CommandRun {
    /// The document's text. It means nothing here: a server reads it for the nodes.
    type Definition = Arc<str>;
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(text: &str) -> Result<Self::Definition, String> {
        Ok(text.into())
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        let text = event.payload.as_ref();
        match &event.kind {
            EventKind::Accepted { account, region } => self.accept(account, region, text, at),
            EventKind::Resolved => self.resolve(text),
            EventKind::NotResolved { error, cause } => {
                self.failure = if cause.is_empty() { error } else { cause }.clone();
            }
            EventKind::Dispatched { count } => self.dispatch(*count),
            EventKind::Delivered { node } => {
                self.is_delivered = true;
                if let Some(node) = self.nodes.get_mut(*node as usize) {
                    node.delivered = Some(at);
                    if node.status == InvocationStatus::Pending {
                        node.status = InvocationStatus::InProgress;
                    }
                }
            }
            EventKind::Reported { node, status, response_code } => {
                self.report(*node, (*status, *response_code), event, at);
            }
            EventKind::Ended { node, status } => {
                self.end(*node, *status, at);
            }
            EventKind::CancelSent { node } => {
                if let Some(node) = self.nodes.get_mut(*node as usize) {
                    node.status = InvocationStatus::Cancelling;
                }
            }
            EventKind::CancelHeard { node } => {
                if let Some(node) = self.nodes.get_mut(*node as usize) {
                    node.cancel_heard = true;
                }
            }
            EventKind::CancelAsked => self.cancel_asked = true,
            EventKind::Stopped { why } => self.stop(why.status(), at),
            EventKind::UploadsAsked { count } => {
                let last = self.uploads_asked.saturating_add(*count);
                self.uploads.extend(self.uploads_asked..last);
                self.uploads_asked = last;
            }
            EventKind::Uploaded { number, .. } => {
                self.uploads.remove(number);
            }
            EventKind::Closed { details } => {
                self.details = *details;
                self.closed = Some(at);
            }
        }
    }

    fn project(&self, event: &Event, _at: Timestamp, rows: &mut Rows) {
        view::project(self, event, rows);
    }

    fn handle(
        &mut self,
        _document: &Arc<str>,
        input: trackway_core::Input<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        decide::handle(self, input, turn)
    }

    fn summary(&self) -> Summary {
        if !self.is_started {
            return Summary::default();
        }
        let details = self.details();
        let columns = Columns {
            document_name: self.request.document_name.clone(),
            details,
            counts: self.counts(),
        };
        let status: CommandStatus = details.status();
        Summary {
            status: status as u8,
            started: self.requested,
            closed: self.closed,
            columns: postcard::to_stdvec(&columns).unwrap_or_default(),
        }
    }
}
