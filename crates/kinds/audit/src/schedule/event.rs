//! The events of a scheduled audit.

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Journaled, Payload, TimerId, Timestamp};

use super::Birth;
use crate::check::Check;
use crate::ids::AuditNumber;
use crate::schedule::Timing;

/// One event of a scheduled audit. Appended only: the order is the encoding of postcard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It was created.
    Created(Box<Birth>),
    /// Its next slot.
    Armed(TimerId, Timestamp),
    /// A slot came, perhaps late: an audit is started.
    Due {
        /// The effect that starts it and hears of its end.
        effect: EffectId,
        /// Its number.
        number: AuditNumber,
    },
    /// An audit ended.
    AuditEnded {
        /// The effect that started it.
        effect: EffectId,
        /// Why it could not be started.
        failure: Option<String>,
    },
    /// It was changed: what it is now.
    Updated {
        /// When it takes place; none if that stays.
        timing: Option<Timing>,
        /// Its checks; none if they stay.
        checks: Option<Vec<Check>>,
    },
    /// It was deleted. Audits that it has started go on.
    Deleted,
    /// Nothing follows.
    Closed,
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    fn payload(&self) -> Option<&Payload> {
        None
    }

    fn set_payload(&mut self, _payload: Payload) {}
}
