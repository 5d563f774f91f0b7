//! A pipeline: its versions, its stages, and the executions that compete for them.

mod event;

use serde_json::{Value, json};
use trackway_core::{Command, Input, Machine, Payload, Rows, Summary, Timestamp, Turn};

pub use event::{Event, EventKind};

use crate::signal::{Birth, Refusal, Signal};
use crate::views::{VERSIONS, VersionRow};

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 6;
/// The summary's status of a pipeline that is there.
pub const ACTIVE: u8 = 1;
/// The summary's status of one that was deleted.
pub const DELETED: u8 = 2;

/// The state of a pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pipeline {
    status: u8,
    birth: Birth,
    created: Timestamp,
    updated: Timestamp,
    closed: Option<Timestamp>,
}

impl Pipeline {
    /// `GetPipelineState`, in the API's form.
    #[must_use]
    pub fn state_view(&self) -> Value {
        json!({ "pipelineName": self.birth.structure.name })
    }
}

impl Machine for Pipeline {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(_text: &str) -> Result<(), String> {
        Ok(())
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        match &event.kind {
            EventKind::Created => {
                let text = event.payload.as_deref().unwrap_or_default();
                self.birth = serde_json::from_str(text).unwrap_or_default();
                self.created = at;
                self.updated = at;
                self.status = ACTIVE;
            }
            EventKind::Updated => {
                let text = event.payload.as_deref().unwrap_or_default();
                self.birth.structure = serde_json::from_str(text).unwrap_or_default();
                self.updated = at;
            }
            EventKind::Deleted => {
                self.status = DELETED;
                self.closed = Some(at);
            }
        }
    }

    fn project(&self, event: &Event, _at: Timestamp, rows: &mut Rows) {
        if event.kind != EventKind::Deleted {
            let structure = self.birth.structure.clone();
            let (created, updated) = (self.created.as_millis(), self.updated.as_millis());
            let key = structure.version.to_be_bytes();
            let row = VersionRow { structure, created, updated };
            rows.put(VERSIONS, key, serde_json::to_vec(&row).unwrap_or_default());
        }
    }

    fn handle(
        &mut self,
        _definition: &(),
        input: Input<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        match input {
            Input::Start(start) => {
                turn.emit(self, Event { kind: EventKind::Created, payload: Some(start.input) });
            }
            Input::Signal(Signal::Update(mut structure)) => {
                structure.version = self.birth.structure.version + 1;
                let text = serde_json::to_string(&structure).unwrap_or_default();
                turn.emit(
                    self,
                    Event { kind: EventKind::Updated, payload: Some(Payload::new(text)) },
                );
            }
            Input::Signal(Signal::Delete) => {
                turn.emit(self, Event { kind: EventKind::Deleted, payload: None });
                turn.command(Command::Close { report: Vec::new() });
            }
            _ => {}
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary {
            status: self.status,
            started: self.created,
            closed: self.closed,
            columns: Columns {
                version: self.birth.structure.version,
                pipeline_type: self.birth.structure.pipeline_type,
                execution_mode: self.birth.structure.execution_mode,
                created: self.created.as_millis(),
                updated: self.updated.as_millis(),
            }
            .encode(),
        }
    }
}

/// What lists of pipelines show: `PipelineSummary`.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Columns {
    /// Its latest version.
    pub version: u32,
    /// `V1` or `V2`.
    pub pipeline_type: crate::structure::PipelineType,
    /// How executions share the stages.
    pub execution_mode: crate::structure::ExecutionMode,
    /// Milliseconds of the epoch.
    pub created: i64,
    /// Milliseconds of the epoch.
    pub updated: i64,
}

impl Columns {
    /// As the summary keeps it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From the summary.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_default()
    }
}
