//! What comes into a shard, and what it wants done once a batch is durable.

use std::any::{Any, TypeId};
use std::sync::Arc;

use tokio::sync::oneshot;
use trackway_core::{EffectId, ExecutionId, Payload};

use crate::{Performed, SignalError, StartError, StartRequest, Started, Waited, Work};

/// A value of a kind's own type: a signal, or a refusal.
pub type Opaque = Box<dyn Any + Send>;

/// Looks at a machine, if there is one; what it gives tells the caller what was seen.
pub type Look = Box<dyn FnOnce(Option<&dyn Any>) -> Told + Send>;
/// Tells a caller what was seen.
pub type Told = Box<dyn FnOnce() + Send>;

/// What comes into a shard.
pub enum Letter {
    /// Start an execution; `id` is that of its ARN.
    Start {
        /// Its identity.
        id: ExecutionId,
        /// What to start.
        request: Box<StartRequest>,
        /// Who waits, and for what.
        reply: StartReply,
    },
    /// The world asks something of an execution.
    Signal {
        /// The execution.
        id: ExecutionId,
        /// The type of machine that the signal is for.
        machine: TypeId,
        /// The machine's own signal type.
        signal: Opaque,
        /// Who waits for the answer.
        reply: oneshot::Sender<Result<(), SignalError<Opaque>>>,
    },
    /// A performer came to something.
    Performed {
        /// The execution that wanted it.
        id: ExecutionId,
        /// The effect of it.
        effect: EffectId,
        /// What it came to.
        performed: Performed,
    },
    /// A child has closed.
    Closed {
        /// The parent.
        to: ExecutionId,
        /// The parent's effect that started the child.
        effect: EffectId,
        /// The child's report; none to read it from the letter's row.
        report: Option<Vec<u8>>,
    },
    /// Run a parked execution again.
    Unpark {
        /// The execution.
        id: ExecutionId,
        /// Hears whether there was one that was parked.
        reply: oneshot::Sender<bool>,
    },
    /// Look at an execution's machine, if it is in memory.
    Inspect {
        /// The execution.
        id: ExecutionId,
        /// Looks at it.
        look: Look,
    },
    /// Drop all executions of a scope. Only between batches: see [`crate::Shard::reset`].
    Reset {
        /// Account and region.
        scope: Arc<str>,
        /// Hears how many were dropped.
        reply: oneshot::Sender<usize>,
    },
    /// Nothing but a reason to look at the timers: the clock has moved.
    Tick,
}

/// Who waits for a start.
pub enum StartReply {
    /// Until it has begun.
    Started(oneshot::Sender<Result<Started, StartError>>),
    /// Until it has closed.
    Ended(oneshot::Sender<Result<Waited, StartError>>),
}

/// What a shard wants done. All but those of volatile executions wait for their batch.
pub enum Action {
    /// Hand this to its performer.
    Perform(Work),
    /// Offer this to those who poll for it.
    Offer(Offer),
    /// Stop offering this.
    Withdraw {
        /// The queue it was offered in.
        queue: Arc<str>,
        /// The execution.
        execution: ExecutionId,
        /// The effect of it.
        effect: EffectId,
    },
    /// Nobody waits for this effect any more.
    Cancel {
        /// The queue it was sent to.
        queue: Arc<str>,
        /// The execution.
        execution: ExecutionId,
        /// The effect of it.
        effect: EffectId,
    },
    /// Bring this to the shard that owns `to`.
    Deliver {
        /// The execution it is for.
        to: ExecutionId,
        /// The letter.
        letter: Letter,
    },
    /// Answer a caller.
    Reply(Reply),
    /// Tell the operator.
    Problem(String),
}

/// Work that is ready to be polled for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The queue, in full.
    pub queue: Arc<str>,
    /// The execution that wants it.
    pub execution: ExecutionId,
    /// The effect of it.
    pub effect: EffectId,
    /// The request of a volatile execution's effect; others are read from the store when taken.
    pub request: Option<Payload>,
}

/// An answer to a caller, on hold until its batch is durable.
pub enum Reply {
    /// To a start.
    Started(oneshot::Sender<Result<Started, StartError>>, Result<Started, StartError>),
    /// To a start that waits for the end.
    Waited(oneshot::Sender<Result<Waited, StartError>>, Result<Waited, StartError>),
    /// To a signal.
    Signaled(oneshot::Sender<Result<(), SignalError<Opaque>>>, Result<(), SignalError<Opaque>>),
    /// To an unparking.
    Unparked(oneshot::Sender<bool>, bool),
    /// To an inspection.
    Looked(Told),
}

impl Reply {
    /// Sends it. A caller that has gone away doesn't matter.
    pub fn send(self) {
        match self {
            Self::Started(to, answer) => drop(to.send(answer)),
            Self::Waited(to, answer) => drop(to.send(answer)),
            Self::Signaled(to, answer) => drop(to.send(answer)),
            Self::Unparked(to, answer) => drop(to.send(answer)),
            Self::Looked(tell) => tell(),
        }
    }
}

impl StartReply {
    pub(crate) fn error(self, error: StartError) -> Reply {
        match self {
            Self::Started(to) => Reply::Started(to, Err(error)),
            Self::Ended(to) => Reply::Waited(to, Err(error)),
        }
    }

    pub(crate) fn existing(self, record: crate::Record, same_input: bool) -> Reply {
        let record = Box::new(record);
        match self {
            Self::Started(to) => Reply::Started(to, Ok(Started::Existing { record, same_input })),
            Self::Ended(to) => Reply::Waited(to, Ok(Waited::Existing { record, same_input })),
        }
    }
}
