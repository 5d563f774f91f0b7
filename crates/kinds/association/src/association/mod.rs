//! An association: its versions, its schedule, its runs.

mod decide;
mod event;
mod fold;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::{Command, EffectId, Input, Machine, Rows, Summary, TimerId, Timestamp, Turn};

pub use event::{Event, EventKind, Trigger};
pub use view::{Columns, LastNodeRun, VIEW_NODES, VIEW_VERSIONS, Version, coarse, version_key};

use crate::spec::Spec;
use crate::status::{Counts, Status};

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 4;
/// The summary's status of an association that is there.
pub const ACTIVE: u8 = 1;
/// The summary's status of one that was deleted.
pub const DELETED: u8 = 2;

/// What an association is started with, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Birth {
    /// Its id.
    pub association_id: String,
    /// Its first version.
    pub spec: Spec,
}

/// What the world may ask of an association.
#[derive(Clone, Debug, PartialEq)]
pub enum Signal {
    /// UpdateAssociation: the next version.
    Update {
        /// What it says now.
        spec: Box<Spec>,
        /// The version that the caller takes for the latest, if it says so.
        expected: Option<u32>,
    },
    /// StartAssociationsOnce.
    Start,
    /// Its document, or a parameter that it refers to, has changed.
    Changed,
    /// A node that it targets came, or came back after it had missed a run.
    Node {
        /// Which.
        node: String,
        /// What the node had come to in the last run, if it was part of it.
        replaces: Option<Status>,
    },
    /// UpdateAssociationStatus; JSON.
    SetStatus(String),
    /// DeleteAssociation.
    Delete,
}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was deleted.
    #[error("the association was deleted")]
    Deleted,
    /// It has as many versions as it may.
    #[error("the association has as many versions as it may")]
    TooManyVersions,
    /// There is a later version than the caller thinks.
    #[error("the version is not the latest")]
    NotTheLatest,
}

/// The state of an association.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Association {
    id: String,
    arn: String,
    status: u8,
    created: Timestamp,
    updated: Timestamp,
    closed: Option<Timestamp>,
    version: u32,
    spec: Arc<Spec>,
    /// The slot that is armed.
    armed: Option<(TimerId, Timestamp)>,
    effects: BTreeMap<EffectId, Awaited>,
    effects_len: u32,
    timers_len: u32,
    /// It is to run when no run is going on any more.
    postponed: Option<Trigger>,
    /// What the last run over all targets came to, and the runs on single nodes since.
    result: Option<Status>,
    counts: Counts,
    /// What single nodes came to since then.
    nodes: BTreeMap<String, Status>,
    latest_run: Option<(u128, Timestamp)>,
    last_execution: Option<Timestamp>,
    last_success: Option<Timestamp>,
    legacy_status: Option<String>,
}

/// What an effect is awaited for.
#[derive(Clone, Debug, PartialEq)]
enum Awaited {
    /// The answer of the calendars.
    Gate(Trigger),
    /// The end of a run.
    Run(Running),
    /// That a run was told to stop.
    Stop,
}

/// A run that goes on.
#[derive(Clone, Debug, PartialEq)]
struct Running {
    run: u128,
    trigger: Trigger,
    /// It starts no more targets; the next version waits for it.
    is_draining: bool,
}

impl Association {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its latest version's number.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What its latest version says.
    #[must_use]
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The slot that it runs at next.
    #[must_use]
    pub fn next_slot(&self) -> Option<Timestamp> {
        self.armed.map(|(_, slot)| slot)
    }

    fn runs(&self) -> impl Iterator<Item = (EffectId, &Running)> {
        self.effects.iter().filter_map(|(effect, awaited)| match awaited {
            Awaited::Run(running) => Some((*effect, running)),
            _ => None,
        })
    }

    fn emit(&mut self, kind: EventKind, turn: &mut Turn<'_, Self>) {
        turn.emit(self, Event { kind, payload: None });
    }
}

impl Machine for Association {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(_text: &str) -> Result<(), String> {
        Ok(())
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
            Input::Fired(timer) => self.fired(timer, turn),
            Input::Signal(signal) => return self.signal(signal, turn),
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary {
            status: self.status,
            started: self.created,
            closed: self.closed,
            columns: Columns::of(self).encode(),
        }
    }
}

/// The command that ends it.
fn close() -> Command {
    Command::Close { report: b"{}".to_vec() }
}
