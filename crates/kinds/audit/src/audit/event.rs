//! The events of an audit.

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Journaled, Payload};

use super::{Birth, TaskStatus};
use crate::check::Check;
use crate::request::{CheckError, Flaw};
use crate::resource::Related;

/// One event of an audit. Appended only: the order is the encoding of postcard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// It began.
    Began {
        /// What it was started with.
        birth: Box<Birth>,
        /// The first scan.
        next: Option<EffectId>,
    },
    /// A scan answered, or failed.
    Scanned {
        /// The scan.
        effect: EffectId,
        /// Its check.
        check: Check,
        /// What it came to.
        chunk: Box<Chunk>,
        /// The scan that follows, of this check or of the next; none when all checks have ended.
        next: Option<EffectId>,
    },
    /// It was cancelled: the checks that have not ended are, too.
    Canceled,
    /// All its checks have ended.
    Ended {
        /// What it came to.
        status: TaskStatus,
        /// The notification of that.
        notify: Option<EffectId>,
    },
    /// The notification was sent, or couldn't be.
    Notified {
        /// The notification.
        effect: EffectId,
        /// Why it was not sent.
        failure: Option<String>,
    },
    /// Nothing follows.
    Closed,
}

/// What one scan came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chunk {
    /// Resources that were looked at.
    pub examined: u64,
    /// Those that don't comply and are not suppressed.
    pub non_compliant: u64,
    /// Those that don't comply and are suppressed.
    pub suppressed: u64,
    /// What was found.
    pub flaws: Vec<Flaw>,
    /// Further related resources of the latest finding before these.
    pub more_related: Option<MoreRelated>,
    /// Where the next scan goes on; none when all is looked at.
    pub cursor: Option<String>,
    /// Why the check can't go on.
    pub error: Option<CheckError>,
}

/// Further related resources of a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MoreRelated {
    /// The number of the first of them, among all of that finding.
    pub first: u32,
    /// They themselves.
    pub related: Vec<Related>,
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    fn payload(&self) -> Option<&Payload> {
        None
    }

    fn set_payload(&mut self, _payload: Payload) {}
}
