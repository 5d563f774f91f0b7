//! One run of an association: its targets and what they come to.

mod alarms;
mod decide;
mod event;
mod fold;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::fanout::Fanout;
use trackway_core::{EffectId, Input as Given, Machine, Rows, Summary, TimerId, Timestamp, Turn};

pub use event::{Event, EventKind, Purpose};
pub use view::{Columns, TargetRow, VIEW_TARGETS};

use crate::request::{RunCall, Stop};
use crate::spec::{Document, DocumentKind, TriggeredAlarm};
use crate::status::{Counts, Status};

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 5;

/// What a run is started with, as JSON: the association's call, completed by who starts it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Input {
    /// What the association asked for.
    pub call: RunCall,
    /// What its document is.
    pub document: Document,
}

/// What the world may ask of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Stop.
    Stop(Stop),
}

/// What a run leaves behind for its association, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Report {
    /// The run's id.
    pub execution_id: String,
    /// How it went.
    pub status: Status,
    /// How many of its targets came to what.
    pub counts: Counts,
    /// For a run on some nodes only, what they came to.
    pub nodes: Vec<(String, Status)>,
}

impl Report {
    /// Its bytes, for `Command::Close`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Self::encode`] wrote; none if it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// The state of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AssociationRun {
    input: Arc<Input>,
    status: Option<Status>,
    created: Timestamp,
    closed: Option<Timestamp>,
    last_execution: Option<Timestamp>,
    targets: Vec<Target>,
    fanout: Option<Fanout>,
    counts: Counts,
    /// The targets that the last event ended together.
    swept: Vec<u32>,
    effects: BTreeMap<EffectId, Awaited>,
    timers: BTreeMap<TimerId, Purpose>,
    effects_len: u32,
    timers_len: u32,
    stopped: Option<Stop>,
    triggered: Vec<TriggeredAlarm>,
}

/// One target.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    id: Box<str>,
    status: Status,
    child: u128,
}

/// What an effect is awaited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Alarms,
    Targets,
    /// The child of a target.
    Child(u32),
    /// That children were asked to stop.
    Cancel,
}

impl AssociationRun {
    /// What it was started with.
    #[must_use]
    pub fn input(&self) -> &Input {
        &self.input
    }

    /// How it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.unwrap_or_default()
    }

    /// How many targets stand how.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn is_automation(&self) -> bool {
        self.input.document.kind == DocumentKind::Automation
    }

    fn emit(&mut self, kind: EventKind, turn: &mut Turn<'_, Self>) {
        turn.emit(self, Event { kind, payload: None });
    }

    fn report(&self) -> Report {
        let nodes = match &self.input.call.nodes {
            Some(_) => self.targets.iter().map(|it| (it.id.to_string(), it.status)).collect(),
            None => Vec::new(),
        };
        Report {
            execution_id: self.input.call.execution_id.clone(),
            status: self.status(),
            counts: self.counts.clone(),
            nodes,
        }
    }
}

impl Machine for AssociationRun {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = std::convert::Infallible;

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
        input: Given<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Self::Refusal> {
        match input {
            Given::Start(start) => self.begin(start.input, turn),
            _ if self.closed.is_some() => {}
            Given::Finished { effect, outcome } => self.finished(effect, outcome, turn),
            Given::Fired(timer) => self.fired(timer, turn),
            Given::Signal(Signal::Stop(how)) => self.stop(how, turn),
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary {
            status: self.status.map_or(0, |status| status as u8),
            started: self.created,
            closed: self.closed,
            columns: Columns::of(self).encode(),
        }
    }
}
