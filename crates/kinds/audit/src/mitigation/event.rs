//! What the journal of a mitigation task holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Journaled, Payload};

use super::Item;
use super::request::ItemResult;
use crate::audit::TaskStatus;
use crate::check::Check;

/// One event of a mitigation task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// Its JSON text, where it has one.
    #[serde(skip)]
    pub payload: Option<Payload>,
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

/// What happened. Variants are appended, never changed or moved: their order is the encoding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// It began; the payload is its [`super::Birth`].
    Started,
    /// It is asked what the target comes to.
    PlanAsked(EffectId),
    /// This much of the target is known.
    Planned {
        /// Who found out.
        effect: EffectId,
        /// The next chunk; none if this is empty.
        items: Vec<Item>,
        /// Findings that the target leaves out.
        skipped: BTreeMap<Check, u64>,
    },
    /// The next chunk is being applied.
    ApplyAsked(EffectId),
    /// It is applied.
    Applied {
        /// Who did it.
        effect: EffectId,
        /// What became of its items.
        results: Vec<ItemResult>,
    },
    /// It was canceled. What is being applied ends as it does.
    Canceled,
    /// An effect could not be carried out at all: a fault of ours. Nothing further begins.
    Broken {
        /// Which.
        effect: EffectId,
        /// What happened.
        why: String,
    },
    /// All is done, and it came to this.
    Ended(TaskStatus),
    /// It was canceled before, and nothing is under way any more.
    Settled,
}
