//! What a pipeline's journal holds. An event, once released, is never changed.

use serde::{Deserialize, Serialize};
use trackway_core::{Journaled, Payload};

/// One event of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Its JSON text, where it has one.
    #[serde(skip)]
    pub payload: Option<Payload>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// The pipeline was created. Payload: its [`crate::signal::Birth`].
    Created,
    /// The pipeline has another version. Payload: its [`crate::structure::Structure`].
    Updated,
    /// The pipeline was deleted.
    Deleted,
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    fn set_payload(&mut self, payload: Payload) {
        self.payload = Some(payload);
    }
}
