//! An audit: its checks one after the other, each scanned chunk by chunk.

mod view;

use serde::{Deserialize, Serialize};
use trackway_core::{Input, Journaled, Machine, Payload, Summary, Timestamp, Turn};

pub use view::{
    CheckDetails, CheckStatus, Columns, Details, Finding, VIEW_BY_RESOURCE, VIEW_DETAILS,
    VIEW_FINDINGS, VIEW_RELATED, by_resource_key, by_resource_prefix, finding_key, read_related,
    related_key,
};

use crate::check::{Check, named};
use crate::ids::AuditNumber;
use crate::request::CheckConfig;

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

/// The state of an audit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Audit {}

/// One event of an audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {}

impl Journaled for Event {
    const VERSION: u8 = 1;

    fn payload(&self) -> Option<&Payload> {
        None
    }

    fn set_payload(&mut self, _payload: Payload) {}
}

impl Machine for Audit {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(_text: &str) -> Result<(), String> {
        Ok(())
    }

    fn evolve(&mut self, _event: &Event, _at: Timestamp) {}

    fn handle(
        &mut self,
        _definition: &(),
        _input: Input<Signal>,
        _turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary::default()
    }
}
