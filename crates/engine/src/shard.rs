//! A shard: the executions that hash onto it, and the batch they are writing.
//!
//! ```text
//!  recover ─▶ ┌▶ take(letter), fire(now) ─▶ seal ─▶ (store) ─▶ committed ─▶ actions
//!             └─────────────────────────────┘
//! ```
//!
//! The production runner and the simulator both drive it by these calls. It starts no task, reads
//! no clock and draws no randomness itself.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use trackway_core::{ExecutionId, Timestamp};
use trackway_store::{Batch, Store};

use crate::definitions::Definitions;
use crate::desk::{Chance, Desk, Open, Registry};
use crate::kind::Kinds;
use crate::limits::{BATCH_BYTES_MAX, COSTLY_FOLD_EVENTS, IDLE_MAX, LETTERS_PER_BATCH_MAX};
use crate::live::Live;
use crate::reader::Reader;
use crate::timers::Timers;
use crate::{Action, Builder, Fault, Letter, Tokens};

/// A bug planted by hand, for the tests of the simulator. A release has none: without the feature
/// `planted` each question below is a constant no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Planted {
    /// No bug.
    #[default]
    Nothing,
    /// Effects and replies leave before their batch is durable.
    #[cfg(feature = "planted")]
    ActBeforeCommit,
    /// A letter's row outlives the turn that took it.
    #[cfg(feature = "planted")]
    LetterNotConsumed,
    /// Summaries and lists stay as they were at the start.
    #[cfg(feature = "planted")]
    SummaryNotWritten,
    /// The rows of the kinds' views aren't written.
    #[cfg(feature = "planted")]
    RowNotWritten,
    /// A change is made again by whoever reports it again.
    #[cfg(feature = "planted")]
    ReportTwice,
}

impl Planted {
    #[cfg(feature = "planted")]
    fn is(self, other: Self) -> bool {
        self == other
    }

    pub(crate) fn acts_early(self) -> bool {
        #[cfg(feature = "planted")]
        return self.is(Self::ActBeforeCommit);
        #[cfg(not(feature = "planted"))]
        false
    }

    pub(crate) fn keeps_letters(self) -> bool {
        #[cfg(feature = "planted")]
        return self.is(Self::LetterNotConsumed);
        #[cfg(not(feature = "planted"))]
        false
    }

    pub(crate) fn skips_summaries(self) -> bool {
        #[cfg(feature = "planted")]
        return self.is(Self::SummaryNotWritten);
        #[cfg(not(feature = "planted"))]
        false
    }

    pub(crate) fn skips_rows(self) -> bool {
        #[cfg(feature = "planted")]
        return self.is(Self::RowNotWritten);
        #[cfg(not(feature = "planted"))]
        false
    }

    pub(crate) fn reports_twice(self) -> bool {
        #[cfg(feature = "planted")]
        return self.is(Self::ReportTwice);
        #[cfg(not(feature = "planted"))]
        false
    }
}

/// What a shard is made of; see [`Builder::shard`].
pub(crate) struct Parts {
    pub(crate) number: u16,
    pub(crate) shards: u16,
    pub(crate) tokens: Tokens,
    pub(crate) chance: Box<dyn Chance>,
}

/// The executions that hash onto one number, owned by one task.
pub struct Shard {
    pub(crate) kinds: Kinds,
    pub(crate) reader: Reader,
    pub(crate) live: HashMap<ExecutionId, Box<Live>>,
    pub(crate) definitions: Definitions,
    pub(crate) desk: Desk,
    in_flight: VecDeque<Sealed>,
    /// Idle executions that may leave memory, with the batch after which they went idle.
    idle: VecDeque<(ExecutionId, u64)>,
    figures: Figures,
}

/// What a shard has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Turns taken.
    pub turns: u64,
    /// Batches handed to the store.
    pub batches: u64,
    /// Executions folded from the store.
    pub folds: u64,
    /// Turns that panicked and journals that can't be read.
    pub parked: u64,
}

/// A batch on its way.
struct Sealed {
    number: u64,
    actions: Vec<Action>,
    touched: Vec<ExecutionId>,
    timers: Vec<(crate::keys::TimerKey, bool)>,
    definitions: Vec<(u8, [u8; 32])>,
}

impl Shard {
    pub(crate) fn new(builder: &Builder, store: Arc<dyn Store>, parts: Parts) -> Self {
        let desk = Desk {
            number: parts.number,
            shards: parts.shards,
            polled: builder.polled_names().into(),
            tokens: parts.tokens,
            chance: parts.chance,
            registry: Registry {
                catalog: builder.catalog(Arc::clone(&store), parts.shards),
                exists: builder.exists_question(),
            },
            open: Open::default(),
            at_once: Vec::new(),
            timers: Timers::unread(),
            waiters: HashMap::new(),
            elsewhere: std::collections::HashSet::new(),
            deferred: HashMap::new(),
            awaits_world: 0,
            order: 0,
            batch: 1,
            planted: builder.planted_bug(),
        };
        Self {
            kinds: builder.kinds().clone(),
            reader: Reader(store),
            live: HashMap::new(),
            definitions: Definitions::default(),
            desk,
            in_flight: VecDeque::new(),
            idle: VecDeque::new(),
            figures: Figures::default(),
        }
    }

    /// Its number, from 0.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.desk.number
    }

    /// Whether the batch being computed takes a further letter.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.desk.open.letters < LETTERS_PER_BATCH_MAX && self.desk.open.bytes < BATCH_BYTES_MAX
    }

    /// Whether there is anything to commit or set free.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.desk.open.is_idle()
    }

    /// How many batches are on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Closes the batch being computed, if there is any, and begins the next. It may be empty: its
    /// replies then wait for the batches before it.
    pub fn seal(&mut self) -> Option<(u64, Batch)> {
        let is_idle = self.desk.open.is_idle();
        let open = std::mem::take(&mut self.desk.open);
        self.figures.turns += open.turns;
        // Also then: what was taken no longer counts against the room, which volatile executions
        // alone would fill for ever.
        if is_idle {
            return None;
        }
        let number = self.desk.batch;
        self.desk.batch += 1;
        let Open { batch, actions, touched, timers, definitions, .. } = open;
        self.figures.batches += 1;
        self.in_flight.push_back(Sealed { number, actions, touched, timers, definitions });
        Some((number, batch))
    }

    /// Hears that this batch, the oldest one on its way, is durable. Returns what to do now.
    pub fn committed(&mut self, number: u64, now: Timestamp) -> Vec<Action> {
        if self.in_flight.front().is_none_or(|sealed| sealed.number != number) {
            return Vec::new();
        }
        let Some(sealed) = self.in_flight.pop_front() else { return Vec::new() };
        for (kind, hash) in sealed.definitions {
            self.definitions.set_stored(kind, hash);
        }
        for id in sealed.touched {
            self.settle(id, number, now);
        }
        self.shrink(now);
        sealed.actions
    }

    /// Lets an execution go, now that its last rows are durable.
    fn settle(&mut self, id: ExecutionId, number: u64, now: Timestamp) {
        let Some(live) = self.live.get(&id).filter(|live| live.batch == number) else { return };
        let is_over = live.progress.closed || live.progress.parked.is_some();
        let may_leave = live.may_leave(now);
        // One that waits for nothing but a timer hears of nobody before that is due: it costs no
        // memory. One that waits for the world may be asked for at any moment, and one with a long
        // life is not folded anew for each of several signals.
        let is_cheap = live.effects.is_empty() && live.progress.journal_len < COSTLY_FOLD_EVENTS;
        if is_over || (may_leave && is_cheap) {
            self.live.remove(&id);
        } else if may_leave {
            self.idle.push_back((id, number));
        }
    }

    fn shrink(&mut self, now: Timestamp) {
        while self.idle.len() > IDLE_MAX {
            let Some((id, number)) = self.idle.pop_front() else { return };
            let live = self.live.get(&id);
            if live.is_some_and(|live| live.batch == number && live.may_leave(now)) {
                self.live.remove(&id);
            }
        }
    }

    /// What volatile executions want done, without waiting for a commit.
    pub fn at_once(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.desk.at_once)
    }

    /// When the first timer is due. Exact after [`Shard::fire`] or [`Shard::recover`].
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.desk.timers.next_due()
    }

    /// How many effects await the outside world: offered to pollers, or held.
    #[must_use]
    pub fn awaits_world(&self) -> i64 {
        self.desk.awaits_world
    }

    /// How many executions are in memory.
    #[must_use]
    pub fn live_len(&self) -> usize {
        self.live.len()
    }

    /// How many timers are in memory.
    #[must_use]
    pub fn timers_len(&self) -> usize {
        self.desk.timers.len()
    }

    /// What it has done.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures
    }

    pub(crate) fn count_fold(&mut self) {
        self.figures.folds += 1;
    }

    pub(crate) fn count_parked(&mut self) {
        self.figures.parked += 1;
    }

    /// Timers set and unset by batches that the store may not show yet, oldest first.
    pub(crate) fn unsettled_timers(&self) -> Vec<(crate::keys::TimerKey, bool)> {
        let sealed = self.in_flight.iter().flat_map(|sealed| &sealed.timers);
        sealed.chain(&self.desk.open.timers).copied().collect()
    }

    /// Forgets everything in memory that hasn't been committed; for [`Shard::reset`].
    pub(crate) fn forget_idle(&mut self) {
        self.idle.clear();
    }

    /// Takes a letter: its turn becomes part of the batch being computed.
    ///
    /// # Errors
    /// The store can't be read; the engine stops.
    pub async fn take(&mut self, letter: Letter, now: Timestamp) -> Result<(), Fault> {
        self.desk.open.letters += 1;
        self.open_letter(letter, now).await
    }
}
