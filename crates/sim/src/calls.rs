//! Which call of an execution an effect is: told by where it was made, not by when.
//!
//! Branches and iterations go on side by side, so the numbers of frames and effects differ from run
//! to run. A [`Call`] does not.

use std::collections::BTreeMap;

use trackway_asl::definition::StateId;
use trackway_asl::{Event, EventKind, Execution, FrameId};
use trackway_core::{EffectId, ExecutionId, Timestamp};
use trackway_engine::{Fault, Reader};

use crate::journal;

/// The numbers of the branches and iterations that a frame is in, from the top.
pub type Place = Vec<u32>;

/// The places of an execution's frames, learnt event by event.
#[derive(Clone, Debug)]
pub struct Places {
    places: BTreeMap<FrameId, Place>,
    next: u32,
}

impl Default for Places {
    fn default() -> Self {
        Self { places: BTreeMap::from([(FrameId::ROOT, Place::new())]), next: 1 }
    }
}

impl Places {
    /// Learns from the next event; says where it happened.
    pub fn note(&mut self, event: &Event) -> Place {
        match &event.kind {
            EventKind::ParallelStarted { branches, .. } => {
                for branch in 0..u32::from(*branches) {
                    self.add(FrameId(self.next), event.frame, branch);
                }
            }
            EventKind::IterationStarted { parent, index, .. } => {
                self.add(event.frame, *parent, *index);
            }
            _ => {}
        }
        self.of(event.frame)
    }

    fn of(&self, frame: FrameId) -> Place {
        self.places.get(&frame).cloned().unwrap_or_default()
    }

    fn add(&mut self, frame: FrameId, parent: FrameId, number: u32) {
        let mut place = self.of(parent);
        place.push(number);
        self.places.insert(frame, place);
        self.next = frame.0 + 1;
    }
}

/// One call of a Task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Where.
    pub place: Place,
    /// Which Task.
    pub state: StateId,
    /// How often it was called there before.
    pub nth: usize,
}

/// A call, and what its event says of it.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// The call.
    pub call: Call,
    /// When it was made.
    pub at: Timestamp,
    /// The effect that answers it, if that is another one.
    pub answer: Option<EffectId>,
}

/// The call that an effect is, by the events so far.
pub fn find<'e>(
    events: impl IntoIterator<Item = (Timestamp, &'e Event)>,
    effect: EffectId,
) -> Option<Scheduled> {
    let mut places = Places::default();
    let mut before = BTreeMap::new();
    for (at, event) in events {
        let place = places.note(event);
        let EventKind::Scheduled { state, effect: of, options } = &event.kind else { continue };
        let nth: &mut usize = before.entry((place.clone(), *state)).or_default();
        if *of == effect {
            let call = Call { place, state: *state, nth: *nth };
            let answer = options.as_ref().and_then(|options| options.answer);
            return Some(Scheduled { call, at, answer });
        }
        *nth += 1;
    }
    None
}

/// The same, by an execution's journal.
///
/// # Errors
/// The store can't be read.
pub fn find_in(
    reader: &Reader,
    id: ExecutionId,
    effect: EffectId,
) -> Result<Option<Scheduled>, Fault> {
    let entries = journal::<Execution>(reader, id)?;
    Ok(find(entries.iter().map(|entry| (entry.at, &entry.event)), effect))
}
