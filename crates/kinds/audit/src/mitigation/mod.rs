//! A mitigation task: actions applied to findings of audits, or to violations of Detect.
//!
//! ```text
//!            ┌─plan(cursor)─▶ chunk 0, chunk 1, …      what the target comes to, a chunk a row
//!   birth ───┤
//!            └─apply(chunk)─▶ results, chunk by chunk   at most one at a time, in order
//! ```
//!
//! Planning and applying go on side by side. What a chunk holds is in its row and in the journal,
//! never in the state: a task over many findings is as small as one over few. The changes of a chunk
//! and the letter that reports them are one commit, so a chunk is applied once.
//!
//! What ends early leaves rows behind that say nothing but their chunk. What such an item came to
//! follows from how the task ended ([`Details`]), so that cancelling is one turn, however many
//! findings there are. A chunk that is being applied when its task is canceled begins no further
//! action; what has begun ends as it does, and its rows tell how.

mod decide;
mod event;
mod fold;
pub mod request;
#[cfg(test)]
mod tests;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Input, Machine, Outcome, Rows, Summary, Timestamp, Turn};

pub use event::{Event, EventKind};
pub use view::{
    ActionCounts, Applying, Columns, Counts, Details, Execution, ExecutionStatus, Row, Shown,
    Stage, VIEW_BY_THING, VIEW_CHUNKS, VIEW_ITEMS, VIEW_TASK, chunk_key, finding_item_key,
    read_chunk, thing_prefix,
};

use crate::action::Action;
use crate::check::{Check, Reason};
use crate::ids::{AuditNumber, FindingRef};
use crate::row;

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 8;
/// What tasks are about. Each has tasks of its own, with ids of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// Findings of audits.
    Audit,
    /// Violations of security profiles.
    Detect,
}

impl Surface {
    /// What lists group its tasks under.
    #[must_use]
    pub fn parent(self) -> &'static str {
        match self {
            Self::Audit => "mitigations",
            Self::Detect => "detect mitigations",
        }
    }

    /// The ARN under which the engine knows a task; AWS has none for it.
    #[must_use]
    pub fn arn(self, account: &str, region: &str, task_id: &str) -> String {
        let of = match self {
            Self::Audit => "audit",
            Self::Detect => "detect",
        };
        format!("arn:aws:iot:{region}:{account}:{of}mitigationtask/{task_id}")
    }
}

/// What a task is started with, as JSON; pinned for its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Birth {
    /// Its id, which its caller chose.
    pub task_id: String,
    /// What it is applied to.
    pub target: Target,
    /// By check, what is done about its findings, in this order: places in `actions`. Empty for
    /// violations, about each of which all actions are done.
    pub mapping: BTreeMap<Check, Vec<u8>>,
    /// The actions as they were when the task began.
    pub actions: Vec<Action>,
}

impl Birth {
    /// What is done about this item, in order.
    pub fn actions_of(&self, check: Option<Check>) -> impl Iterator<Item = &Action> {
        let places: Vec<u8> = match check {
            Some(check) => self.mapping.get(&check).cloned().unwrap_or_default(),
            None => (0..=u8::MAX).take(self.actions.len()).collect(),
        };
        places.into_iter().filter_map(|place| self.actions.get(usize::from(place)))
    }
}

/// What a task is applied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The findings of an audit.
    Audit {
        /// Which.
        audit: AuditNumber,
        /// Only those of these checks and for these reasons.
        reasons: Option<BTreeMap<Check, Vec<Reason>>>,
    },
    /// Some findings.
    Findings(Vec<FindingRef>),
    /// Violations.
    Violations(Violations),
}

/// Which violations. Source: `DetectMitigationActionsTaskTarget` and what goes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violations {
    /// These.
    pub ids: Vec<String>,
    /// Those of this security profile.
    pub profile: Option<String>,
    /// And of this behavior of it.
    pub behavior: Option<String>,
    /// Those that happened from then to then, in milliseconds of the epoch, both included.
    pub range: Option<(i64, i64)>,
    /// Only those that go on.
    pub only_active: bool,
    /// Also those whose alerts are suppressed.
    pub with_suppressed: bool,
}

/// One thing that actions are applied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// A finding.
    Finding(FindingRef),
    /// A violation.
    Violation {
        /// Its id.
        id: String,
        /// Whose it is.
        thing: String,
    },
}

impl Item {
    /// The check that found it; none for a violation.
    #[must_use]
    pub fn check(&self) -> Option<Check> {
        match self {
            Self::Finding(finding) => Some(finding.check),
            Self::Violation { .. } => None,
        }
    }
}

/// What the world may ask of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// CancelAuditMitigationActionsTask, CancelDetectMitigationActionsTask.
    Cancel,
}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not in progress.
    #[error("the task has ended")]
    Ended,
}

/// The state of a mitigation task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Mitigation {
    birth: Option<Arc<Birth>>,
    details: Details,
    /// The effect that looks what the target comes to.
    planning: Option<EffectId>,
    /// The effect that applies a chunk.
    applying: Option<EffectId>,
    /// Chunks that are planned.
    planned: u32,
    /// Chunks that are applied.
    applied: u32,
    effects: u32,
}

impl Machine for Mitigation {
    type Definition = ();
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(_text: &str) -> Result<(), String> {
        Ok(())
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        self.fold(event, at);
    }

    fn project(&self, event: &Event, _at: Timestamp, rows: &mut Rows) {
        view::project(self, event, rows);
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Some(row::write(self))
    }

    fn restore(bytes: &[u8]) -> Option<Self> {
        row::read(bytes)
    }

    fn handle(
        &mut self,
        _definition: &(),
        input: Input<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        match input {
            Input::Start(start) => self.begin(start.input, turn),
            Input::Finished { effect, outcome } => self.finished(effect, &outcome, turn),
            Input::Fired(_) => {}
            Input::Signal(Signal::Cancel) => return self.cancel(turn),
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary {
            status: self.details.status.number(),
            started: self.details.started,
            closed: self.details.ended,
            columns: self.birth.as_deref().map(Columns::of).unwrap_or_default(),
        }
    }
}

/// The text of an outcome that is none of ours, for the journal.
fn why(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed { error, cause } => format!("{error}: {cause}"),
        Outcome::Succeeded(_) => "the answer can't be read".to_owned(),
        Outcome::Closed { .. } => "a child answered".to_owned(),
    }
}
