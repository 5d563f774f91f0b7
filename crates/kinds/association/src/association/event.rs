//! What an association's journal holds.

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Journaled, Payload, TimerId, Timestamp};

use crate::request::Stop;
use crate::status::Status;

/// One event of an association.
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

    const DICTIONARY: &'static [u8] =
        b"\"ScheduleExpression\":\"rate(1 hour)cron(0 2 ? * SUN *)\"\"Parameters\":{\"commands\":[\"\
        \"ApplyOnlyAtCronInterval\":false\"Targets\":[{\"Key\":\"tag:\"Values\":[\"\
        {\"Name\":\"AWS-RunShellScript\",\"DocumentVersion\":\"$DEFAULT\",\"Targets\":[{\"Key\":\
        \"InstanceIds\",\"Values\":[\"mi-";

    fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    fn set_payload(&mut self, payload: Payload) {
        self.payload = Some(payload);
    }
}

/// What happened. Variants are appended, never changed or moved: their order is the encoding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EventKind {
    /// It exists.
    Created {
        /// Its id.
        id: String,
        /// Its ARN.
        arn: String,
    },
    /// It has a new version; the payload is its [`crate::spec::Spec`].
    Versioned(u32),
    /// The next slot is known.
    Armed(TimerId, Timestamp),
    /// The schedule no longer holds.
    Disarmed(TimerId),
    /// A slot has come.
    SlotReached(TimerId, Timestamp),
    /// Its calendars were asked before it runs.
    GateAsked(EffectId, Trigger),
    /// They answered: whether they are open.
    GateAnswered(EffectId, bool),
    /// A run was started.
    RunStarted {
        /// The effect that waits for its end.
        effect: EffectId,
        /// The run's id.
        run: u128,
        /// Why it runs.
        trigger: Trigger,
    },
    /// A run was told to stop.
    RunStopped {
        /// The effect that waits for its end.
        run: EffectId,
        /// The effect that tells it.
        effect: EffectId,
        /// How.
        how: Stop,
    },
    /// A run has been told to stop.
    StopAnswered(EffectId),
    /// A run has ended, or could not be started.
    RunEnded {
        /// The effect that waited for it.
        effect: EffectId,
        /// How it went.
        status: Status,
        /// How many of its targets came to what.
        counts: Vec<(Status, u32)>,
        /// For a run on some nodes only, what they came to.
        nodes: Vec<(String, Status)>,
    },
    /// It is to run when the runs that go on have ended.
    Postponed(Trigger),
    /// UpdateAssociationStatus; the payload is the status.
    StatusSet,
    /// It was deleted.
    Deleted,
    /// Nothing of it goes on any more.
    Closed,
}

/// Why an association runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// It was created.
    Created,
    /// It was updated.
    Updated,
    /// Its schedule says so.
    Slot,
    /// StartAssociationsOnce.
    Once,
    /// Its document has changed, or a parameter that it refers to.
    Changed,
    /// A node came, or came back.
    Node {
        /// Which.
        node: String,
        /// What the node had come to before, if it was counted.
        replaces: Option<Status>,
    },
}

impl Trigger {
    /// Whether it is about all targets.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !matches!(self, Self::Node { .. })
    }
}
