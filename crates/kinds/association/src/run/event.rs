//! What a run's journal holds.

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Journaled, Payload, TimerId};

use crate::request::Stop;
use crate::status::Status;

/// One event of a run.
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
        b"\"Parameters\":{\"commands\":[\"\"ApplyOnlyAtCronInterval\":false},\"Document\":{\"Kind\":\
        \"Command\",\"Version\":\"1\"}}{\"AssociationArn\":\"arn:aws:ssm:us-east-1:000000000000:association/\
        \"AssociationId\":\"\"AssociationVersion\":1,\"ExecutionId\":\"\"Spec\":{\"Name\":\"\
        AWS-RunShellScript\",\"DocumentVersion\":\"$DEFAULT\",\"Targets\":[{\"Key\":\
        \"InstanceIds\",\"Values\":[\"mi-";

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
    /// It began; the payload is its [`super::Input`].
    Started,
    /// It is asked how its alarms are.
    AlarmsAsked(EffectId),
    /// They are not in the way.
    AlarmsQuiet(EffectId),
    /// They stop it; the payload is a list of [`crate::spec::TriggeredAlarm`].
    AlarmsTriggered(EffectId),
    /// A timer was set.
    Armed(TimerId, Purpose),
    /// It went off.
    Fired(TimerId),
    /// It is asked what its targets name.
    TargetsAsked(EffectId),
    /// These are its targets: the payload is a list of texts.
    TargetsFound(Option<EffectId>),
    /// What it targets can't be found out; the payload is why, a JSON text.
    TargetsFailed(EffectId),
    /// A child was started for a target.
    TargetStarted {
        /// Its number.
        target: u32,
        /// The effect that waits for the child.
        effect: EffectId,
        /// The child's id.
        child: u128,
    },
    /// A target has ended.
    TargetEnded {
        /// Its number.
        target: u32,
        /// The effect that waited.
        effect: EffectId,
        /// How.
        status: Status,
        /// The finer word, where it is another one.
        details: Option<String>,
    },
    /// The targets that have not begun won't: too many have failed, or it is to end.
    RestEnded(Status),
    /// It is told to stop; all targets that have not ended end with it, unless it drains.
    Stopped(Stop),
    /// The children that were under way are asked to stop.
    CancelAsked(EffectId),
    /// They have been asked.
    CancelAnswered(EffectId),
    /// It ended.
    Ended(Status),
}

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// The rest of the targets that may start now.
    GoOn,
    /// To look at the alarms again.
    Alarms,
    /// The association's `Duration` is over.
    CutOff,
}
