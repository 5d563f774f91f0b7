//! A pipeline: its versions, its stages, and the executions that compete for them.

mod call;
mod condition;
mod decide;
mod event;
mod fold;
mod rows;
mod state;
mod text;
mod url;
mod view;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Input, Machine, Rows, Summary, TimerId, Timestamp, Turn};

pub use condition::ConditionStatus;
pub use event::{
    End, Event, EventKind, Form, GateSet, Next, Opening, RevisionPut, Rollback, Stopping,
};
pub use state::{ActStatus, RunStatus, StageStatus};
pub use view::Columns;

use crate::ids::Number;
use crate::request::Revision;
use crate::signal::{Refusal, Signal};
use crate::structure::Structure;

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 6;
/// The summary's status of a pipeline that is there.
pub const ACTIVE: u8 = 1;
/// The summary's status of one that was deleted.
pub const DELETED: u8 = 2;
/// The first byte of a snapshot. Another number whenever the state's form changes. Once a version is
/// released it is read for ever: a trimmed history begins with such a state.
const SNAPSHOT_VERSION: u8 = 2;

/// The state of a pipeline.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pipeline {
    status: u8,
    number: Number,
    account: String,
    region: String,
    created: Timestamp,
    updated: Timestamp,
    closed: Option<Timestamp>,
    /// The latest version.
    version: u32,
    /// The versions that are in use, the latest one among them.
    #[serde(with = "text::structures")]
    structures: BTreeMap<u32, Arc<Structure>>,
    /// Live executions, and those that may be retried, by number.
    runs: BTreeMap<u32, Run>,
    /// The executions that the last event took away; their rows are yet to be written.
    left: Vec<Run>,
    /// The ids of the last executions that were started.
    recent: VecDeque<u128>,
    /// The last jobs that ended.
    ended_jobs: VecDeque<u128>,
    /// Stages by name; a lock outlives an update.
    stages: BTreeMap<String, state::Stage>,
    /// What watchers have seen of the sources.
    seen: BTreeMap<String, String>,
    /// What source actions found last, by stage and action.
    #[serde(with = "text")]
    revisions: Vec<((String, String), Revision)>,
    effects: BTreeMap<EffectId, Awaited>,
    timers: BTreeMap<TimerId, Awaited>,
    effects_len: u32,
    timers_len: u32,
    runs_len: u32,
    acts_len: u32,
}

use state::{Awaited, Run};

impl Pipeline {
    /// What its latest version says.
    #[must_use]
    pub fn structure(&self) -> Arc<Structure> {
        self.structure_of(self.version)
    }

    /// What watchers have seen of its sources, by key ([`Signal::Seen`]).
    #[must_use]
    pub fn seen(&self) -> &BTreeMap<String, String> {
        &self.seen
    }

    /// The revision that a source action found last.
    #[must_use]
    pub fn found_last(&self, action: &str) -> Option<&str> {
        let found = self.revisions.iter().find(|((_, name), _)| name == action);
        found.map(|(_, revision)| revision.id.as_str())
    }

    fn structure_of(&self, version: u32) -> Arc<Structure> {
        self.structures.get(&version).cloned().unwrap_or_default()
    }

    fn run_with(&self, id: u128) -> Option<&Run> {
        self.runs.values().find(|run| run.id == id)
    }

    /// The name of the stage that an execution is in or waits for.
    fn stage_of(&self, run: &Run) -> String {
        let structure = self.structures.get(&run.version);
        let stage = structure.and_then(|structure| structure.stages.get(usize::from(run.stage)));
        stage.map(|stage| stage.name.clone()).unwrap_or_default()
    }

    fn emit(&mut self, kind: EventKind, turn: &mut Turn<'_, Self>) {
        turn.emit(self, Event { kind, payload: None });
    }

    fn emit_with(&mut self, kind: EventKind, payload: &impl Serialize, turn: &mut Turn<'_, Self>) {
        let payload = decide::payload(payload);
        turn.emit(self, Event { kind, payload: Some(payload) });
    }
}

impl Machine for Pipeline {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    const TRIMMED: bool = true;

    fn parse(_text: &str) -> Result<(), String> {
        Ok(())
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, vec![SNAPSHOT_VERSION]).ok()
    }

    fn restore(bytes: &[u8]) -> Option<Self> {
        let (version, bytes) = bytes.split_first()?;
        postcard::from_bytes(bytes).ok().filter(|_| *version == SNAPSHOT_VERSION)
    }

    fn expires(view: u8, key: &[u8], row: &[u8]) -> Option<Timestamp> {
        crate::views::expires(view, key, row)
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        self.fold(event, at);
    }

    fn project(&self, event: &Event, at: Timestamp, rows: &mut Rows) {
        rows::project(self, event, at, rows);
    }

    fn handle(
        &mut self,
        _definition: &(),
        input: Input<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        match input {
            Input::Start(start) => self.begin(start, turn),
            Input::Finished { effect, outcome } => self.finished(effect, &outcome, turn),
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
