//! One execution in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use trackway_core::{EffectId, ExecutionId, ReplyTo, TimerId, Timestamp};

use crate::keys::{Owner, TimerKey};
use crate::kind::{AnyMachine, Parsed};
use crate::limits::{SNAPSHOT_BYTES_PER_EVENT, SNAPSHOT_EVENTS, TIMER_SOON_MS};
use crate::records::{Progress, Tail};
use crate::{Fault, Record, records};

/// An execution whose machine is folded and ready for a turn.
pub(crate) struct Live {
    pub(crate) machine: Box<dyn AnyMachine>,
    pub(crate) definition: Parsed,
    pub(crate) kind: u8,
    pub(crate) owner: Owner,
    pub(crate) reply_to: Option<ReplyTo>,
    pub(crate) volatile: bool,
    pub(crate) tail: Tail,
    /// As in the record, but for the timers: those are in `timers`.
    pub(crate) progress: Progress,
    pub(crate) effects: BTreeMap<EffectId, Slot>,
    pub(crate) timers: BTreeMap<TimerId, Armed>,
    pub(crate) snapshot: SnapshotMark,
    /// The last batch that has rows of it.
    pub(crate) batch: u64,
}

/// What is known of the stored snapshot of an execution's state.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotMark {
    /// Whether its row is there.
    pub(crate) is_stored: bool,
    /// The length of the journal from which on the next one is due.
    pub(crate) due: u32,
}

impl Default for SnapshotMark {
    fn default() -> Self {
        Self { is_stored: false, due: SNAPSHOT_EVENTS }
    }
}

impl SnapshotMark {
    /// Of an execution whose last `tail` events, of so many, had to be folded.
    pub(crate) fn folded(is_stored: bool, length: u32, tail: u32) -> Self {
        Self { is_stored, due: (length - tail).saturating_add(SNAPSHOT_EVENTS) }
    }

    /// One of so many bytes was made of so many events.
    pub(crate) fn made(&mut self, length: u32, bytes: usize) {
        let events = u32::try_from(bytes / SNAPSHOT_BYTES_PER_EVENT).unwrap_or(u32::MAX);
        self.due = length.saturating_add(events.max(SNAPSHOT_EVENTS));
    }

    /// The kind makes none.
    pub(crate) fn never(&mut self) {
        self.due = u32::MAX;
    }
}

/// An effect that is awaited.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) queue: Arc<str>,
    pub(crate) state: SlotState,
}

/// What is being done about an awaited effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotState {
    /// A performer has it, or will have.
    Performing,
    /// Its outcome comes by letter.
    Elsewhere,
    /// It is offered to those who poll.
    Offered,
    /// It is neither performed nor offered; see [`trackway_core::Command::Hold`].
    Held,
}

impl Slot {
    /// Whether the outside world has to move before this effect ends.
    pub(crate) fn awaits_world(&self) -> bool {
        match self.state {
            SlotState::Performing | SlotState::Elsewhere => false,
            SlotState::Offered => true,
            SlotState::Held => !is_answered_inside(&self.queue),
        }
    }
}

/// Whether a held effect of this queue is answered by another execution of this engine: so says
/// the last part of the queue's name. Only a skipping clock cares.
pub(crate) fn is_answered_inside(queue: &str) -> bool {
    queue.rsplit('/').next() == Some(INSIDE)
}

const INSIDE: &str = "child";

/// A timer that is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Armed {
    pub(crate) due: Timestamp,
    /// Whether it has a row of its own because its execution's record was full.
    pub(crate) spilled: bool,
}

impl Live {
    pub(crate) fn record(&self, id: ExecutionId) -> Result<Record, Fault> {
        records::show_record(id, &self.progress, &self.tail)
    }

    /// The value of its record's row.
    pub(crate) fn record_row(&mut self) -> bytes::Bytes {
        let inline = self.timers.iter().filter(|(_, armed)| !armed.spilled);
        self.progress.timers.clear();
        self.progress.timers.extend(inline.map(|(timer, armed)| (timer.0, armed.due.0)));
        self.tail.record(&self.progress)
    }

    pub(crate) fn timer_key(&self, id: ExecutionId, timer: TimerId) -> Option<TimerKey> {
        let armed = self.timers.get(&timer)?;
        Some(TimerKey { due: armed.due, execution: id, timer })
    }

    /// Whether nothing will happen to it soon, so that its rows are enough.
    pub(crate) fn may_leave(&self, now: Timestamp) -> bool {
        let is_busy = self.effects.values().any(|slot| slot.state == SlotState::Performing);
        let soon = now + TIMER_SOON_MS;
        !self.volatile && !is_busy && !self.timers.values().any(|armed| armed.due <= soon)
    }
}
