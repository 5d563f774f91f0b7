//! A scheduled audit: it starts an audit whenever it is due.

mod decide;
mod event;
mod timing;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Input, Machine, Summary, TimerId, Timestamp, Turn};

pub use event::Event;
pub use timing::{Days, Frequency, MonthDay, Problem, Timing, Weekday};

use crate::check::Check;
use crate::ids::AuditNumber;
use crate::row;

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 9;
/// The summary's status of a scheduled audit that is there.
pub const ACTIVE: u8 = 1;
/// The summary's status of one that was deleted; it closes when the audits that it has started have
/// ended.
pub const DELETED: u8 = 2;

/// The ARN under which the engine knows the scheduled audit with this number: one that was deleted
/// and one that was created later under its name are two.
#[must_use]
pub fn entity_arn(account: &str, region: &str, number: u64) -> String {
    format!("arn:aws:iot:{region}:{account}:scheduledaudit/{number:016x}")
}

/// What a scheduled audit is started with, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// Its name.
    pub name: String,
    /// When it takes place.
    pub timing: Timing,
    /// The checks of its audits.
    pub checks: Vec<Check>,
}

/// What the world may ask of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// UpdateScheduledAudit: what is not given stays.
    Update {
        /// When it takes place.
        days: Days,
        /// Its checks.
        checks: Option<Vec<Check>>,
    },
    /// DeleteScheduledAudit.
    Delete,
}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was deleted.
    #[error("the scheduled audit was deleted")]
    Deleted,
    /// Frequency and days don't fit together.
    #[error(transparent)]
    Timing(Problem),
}

/// The columns of its summary: all that the API shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// When it takes place.
    pub timing: Timing,
    /// The checks of its audits.
    pub checks: Vec<Check>,
}

impl Columns {
    /// Reads columns that the machine wrote; none if they are damaged.
    #[must_use]
    pub fn read(columns: &[u8]) -> Option<Self> {
        row::read(columns)
    }
}

/// The state of a scheduled audit.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// What it is now; none before it was created.
    birth: Option<Birth>,
    status: u8,
    /// All slots are at its time of day.
    created: Timestamp,
    closed: Option<Timestamp>,
    /// Every second week counts from here: when it was created, or its days were changed last.
    anchor: Timestamp,
    /// The slot that is armed.
    armed: Option<(TimerId, Timestamp)>,
    /// Audits that have not ended, by the effects that started them.
    running: BTreeMap<EffectId, AuditNumber>,
    timers_len: u32,
    effects_len: u32,
}

impl Machine for Schedule {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(_text: &str) -> Result<(), String> {
        Ok(())
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Some(row::write(self))
    }

    fn restore(bytes: &[u8]) -> Option<Self> {
        row::read(bytes)
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Created(birth) => {
                self.birth = Some((**birth).clone());
                self.status = ACTIVE;
                (self.created, self.anchor) = (at, at);
            }
            Event::Armed(timer, slot) => {
                self.armed = Some((*timer, *slot));
                self.timers_len = self.timers_len.max(timer.0.saturating_add(1));
            }
            Event::Due { effect, number } => {
                self.armed = None;
                self.running.insert(*effect, *number);
                self.effects_len = self.effects_len.max(effect.0.saturating_add(1));
            }
            Event::AuditEnded { effect, .. } => {
                self.running.remove(effect);
            }
            Event::Updated { timing, checks } => self.update(*timing, checks.as_deref(), at),
            Event::Deleted => {
                self.status = DELETED;
                self.armed = None;
            }
            Event::Closed => self.closed = Some(at),
        }
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
        let columns = self
            .birth
            .as_ref()
            .map(|birth| Columns { timing: birth.timing, checks: birth.checks.clone() });
        Summary {
            status: self.status,
            started: self.created,
            closed: self.closed,
            columns: columns.map(|columns| row::write(&columns)).unwrap_or_default(),
        }
    }
}
