//! An audit: its checks one after the other, each scanned chunk by chunk.

mod decide;
mod event;
mod fold;
mod shown;
mod view;

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Input, Machine, Rows, Summary, Timestamp, Turn};

pub use event::{Chunk, Event, MoreRelated};
pub use shown::{Shown, ShownResource};
pub use view::{
    CheckDetails, CheckStatus, Columns, Details, Finding, VIEW_BY_RESOURCE, VIEW_DETAILS,
    VIEW_FINDINGS, VIEW_RELATED, by_resource_key, by_resource_prefix, finding_key, read_related,
    related_key,
};

use crate::check::{Check, named};
use crate::ids::AuditNumber;
use crate::request::CheckConfig;
use crate::row;

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 7;
/// What lists group audits under.
pub const PARENT: &str = "audits";

named! {
    /// How far a task is: an audit or a mitigation. Source: `AuditTaskStatus`.
    TaskStatus {
        Waiting = "",
        InProgress = "IN_PROGRESS",
        Completed = "COMPLETED",
        Failed = "FAILED",
        Canceled = "CANCELED",
    }
}

impl Default for TaskStatus {
    /// Nothing has begun.
    fn default() -> Self {
        Self::Waiting
    }
}

named! {
    /// What made an audit start. Source: `AuditTaskType`.
    TaskType {
        OnDemand = "ON_DEMAND_AUDIT_TASK",
        Scheduled = "SCHEDULED_AUDIT_TASK",
    }
}

/// What an audit is started with, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// Its number.
    pub number: AuditNumber,
    /// Whose it is, 12 digits.
    pub account: String,
    /// What made it start.
    pub task_type: TaskType,
    /// The scheduled audit that it belongs to.
    #[serde(default)]
    pub schedule: Option<String>,
    /// The checks to run, each once, in their order.
    pub checks: Vec<(Check, CheckConfig)>,
    /// The topic that hears of its end, if notifications are enabled.
    #[serde(default)]
    pub topic_arn: Option<String>,
}

/// What the world may ask of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// CancelAuditTask.
    Cancel,
}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has ended.
    #[error("the audit has ended")]
    Ended,
}

/// The state of an audit: as large as its list of checks, however much it has found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// What it was started with; none before that.
    birth: Option<Birth>,
    status: TaskStatus,
    started: Timestamp,
    closed: Option<Timestamp>,
    /// What the checks have come to, in their order.
    runs: Vec<CheckDetails>,
    /// The place of the check in progress; that of no check when all have ended.
    place: usize,
    /// Where the scan in flight began.
    cursor: Option<String>,
    scan: Option<EffectId>,
    notify: Option<EffectId>,
    effects_len: u32,
    /// Related resources that the latest finding of the check in progress has so far.
    last_related: u32,
}

impl Machine for Audit {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(_text: &str) -> Result<(), String> {
        Ok(())
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Some(row::write(self))
    }

    fn restore(bytes: &[u8]) -> Option<Self> {
        row::read(bytes)
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        self.fold(event, at);
    }

    fn project(&self, event: &Event, at: Timestamp, rows: &mut Rows) {
        view::project(self, event, at, rows);
    }

    fn handle(
        &mut self,
        _definition: &(),
        input: Input<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        match input {
            Input::Start(start) => self.begin(&start, turn),
            Input::Finished { effect, outcome } => self.finished(effect, outcome, turn),
            Input::Fired(_) => {}
            Input::Signal(Signal::Cancel) => return self.cancel(turn),
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary {
            status: self.status.number(),
            started: self.started,
            closed: self.closed,
            columns: view::columns(self),
        }
    }
}
