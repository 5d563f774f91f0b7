//! What an execution's journal holds.
//!
//! Most events are *visible*: each is one event of AWS's history, with its `id` and
//! `previousEventId`. The others are *hidden*: they keep what the history does not show (a retry's
//! timer, a heartbeat, an answer that came early), so that state is a fold of the journal alone.
//!
//! An event names a state by its [`StateId`]; names, resources and ARNs are looked up in the
//! definition when a history is written. A payload (input, output, parameters) is not part of an
//! event's own bytes: [`trackway_core::segment`] keeps it apart, once a turn.

use serde::{Deserialize, Serialize};
use trackway_core::{EffectId, Journaled, Payload, TimerId, Timestamp};

use crate::definition::StateId;

/// One thread of control: the execution itself, a Parallel's branch or a Map's iteration. Never
/// used twice in an execution.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct FrameId(pub u32);

impl FrameId {
    /// The execution's top level.
    pub const ROOT: Self = Self(0);
}

/// One event of an execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The history's `id`; 0 for a hidden event.
    pub id: u32,
    /// The history's `previousEventId`.
    pub previous: u32,
    /// The frame that it happened in.
    pub frame: FrameId,
    /// What happened.
    pub kind: EventKind,
    /// Its JSON text, where it has one.
    #[serde(skip)]
    pub payload: Option<Payload>,
}

impl Event {
    /// Whether the history shows it.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.kind.is_visible()
    }
}

impl Journaled for Event {
    const VERSION: u8 = 1;

    /// What the first event of every execution says, and what tasks are given; what is most common
    /// stands last.
    const DICTIONARY: &'static [u8] =
        b"{\"Payload\":{\"FunctionName\":\"\"ExecutedVersion\":\"$LATEST\
        \"SdkHttpMetadata\":{\"AllHttpHeaders\":{\"StatusCode\":200}States.TaskFailedStates.Timeout\
        arn:aws:lambda:us-east-1:000000000000:function:arn:aws:iam::000000000000:role/\
        arn:aws:states:us-east-1:000000000000:stateMachine:\
        arn:aws:states:us-east-1:000000000000:execution:";

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
    /// `ExecutionStarted`; its payload is the input.
    Started(Box<Started>),
    /// `…StateEntered`; its payload is the raw input.
    StateEntered(StateId),
    /// `…StateExited`; its payload is the output.
    StateExited(StateId),
    /// `TaskScheduled`, `LambdaFunctionScheduled` or `ActivityScheduled`; its payload is what the
    /// work is given.
    Scheduled {
        /// The Task.
        state: StateId,
        /// The effect that does the work.
        effect: EffectId,
        /// What most tasks do without.
        options: Option<Box<TaskOptions>>,
    },
    /// `TaskStarted`, `LambdaFunctionStarted`.
    Begun(StateId),
    /// `ActivityStarted`: a worker took it.
    Taken {
        /// The Task.
        state: StateId,
        /// The worker's name, if it gave one.
        worker: Option<String>,
    },
    /// `TaskSubmitted`: the job is under way, the token is out; its payload is the first response.
    Submitted(StateId),
    /// `TaskSucceeded`, `LambdaFunctionSucceeded`, `ActivitySucceeded`; its payload is the output.
    Succeeded(StateId),
    /// `TaskFailed`, `LambdaFunctionFailed`, `ActivityFailed`.
    Failed(StateId, Box<Failure>),
    /// `TaskTimedOut`, `LambdaFunctionTimedOut`, `ActivityTimedOut`.
    TimedOut(StateId, Box<Failure>),
    /// `TaskStateAborted`, `WaitStateAborted`, `ParallelStateAborted`, `MapStateAborted`: cut by a
    /// failure elsewhere.
    StateAborted(StateId),
    /// `ParallelStateStarted`. Its branches' frames begin here, with the next numbers.
    ParallelStarted {
        /// The Parallel.
        state: StateId,
        /// How many branches.
        branches: u16,
    },
    /// `ParallelStateSucceeded`.
    ParallelSucceeded(StateId),
    /// `ParallelStateFailed`.
    ParallelFailed(StateId),
    /// `MapStateStarted`; its payload is the list of items, as compact JSON.
    MapStarted {
        /// The Map.
        state: StateId,
        /// How many items.
        length: u32,
        /// How many iterations run at once at most; 0 is no limit.
        concurrency: u32,
    },
    /// `MapStateSucceeded`.
    MapSucceeded(StateId),
    /// `MapStateFailed`.
    MapFailed(StateId),
    /// `MapIterationStarted`. The frame is the iteration's, which begins here.
    IterationStarted {
        /// The Map.
        state: StateId,
        /// The frame that the Map is in.
        parent: FrameId,
        /// The item's place.
        index: u32,
    },
    /// `MapIterationSucceeded`. The frame ends here, its last output is the result.
    IterationSucceeded(StateId, u32),
    /// `MapIterationFailed`.
    IterationFailed(StateId, u32),
    /// `MapIterationAborted`.
    IterationAborted(StateId, u32),
    /// `ExecutionSucceeded`; its payload is the output.
    ExecutionSucceeded,
    /// `ExecutionFailed`.
    ExecutionFailed(Box<Failure>),
    /// `ExecutionTimedOut`.
    ExecutionTimedOut(Box<Failure>),
    /// `ExecutionAborted`: stopped from outside.
    ExecutionAborted(Box<Failure>),

    /// Hidden: a Wait state waits for this timer.
    WaitSet {
        /// The timer.
        timer: TimerId,
        /// When it is due.
        until: Timestamp,
    },
    /// Hidden: the state will be tried again when this timer is due.
    RetryScheduled {
        /// The retrier's place in the state's `Retry`.
        retrier: u16,
        /// The timer.
        timer: TimerId,
        /// When it is due, jitter included.
        until: Timestamp,
    },
    /// Hidden: the worker showed a sign of life; the heartbeat's timer is now this one.
    Heartbeat(TimerId),
    /// Hidden: a token was answered well before the call that handed it out returned; its payload
    /// is the output.
    AnsweredEarly,
    /// Hidden: a token was answered with a failure before the call that handed it out returned.
    FailedEarly(Box<Failure>),
    /// Hidden: the child closed before the call that started it returned.
    ClosedEarly(Vec<u8>),
    /// Hidden: a Parallel's branch has ended, its last output is the result.
    BranchEnded,
    /// Hidden: what ran below this frame's state has been given up; its frames, effects and timers
    /// are gone.
    ChildrenDropped,
    /// Hidden: the machine's `TimeoutSeconds` runs by this timer.
    DeadlineSet(TimerId),
    /// Hidden: whoever started it hears of its end as JSON.
    ReportsJson,
}

impl EventKind {
    /// Whether the execution has ended with it.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::ExecutionSucceeded
                | Self::ExecutionFailed(_)
                | Self::ExecutionTimedOut(_)
                | Self::ExecutionAborted(_)
        )
    }

    /// Whether the history shows it.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        !matches!(
            self,
            Self::WaitSet { .. }
                | Self::RetryScheduled { .. }
                | Self::Heartbeat(_)
                | Self::AnsweredEarly
                | Self::FailedEarly(_)
                | Self::ClosedEarly(_)
                | Self::BranchEnded
                | Self::ChildrenDropped
                | Self::DeadlineSet(_)
                | Self::ReportsJson
        )
    }
}

/// Who runs, and what the context object tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The execution's ARN.
    pub arn: String,
    /// The state machine's ARN.
    pub definition_arn: String,
    /// The execution's name.
    pub name: String,
    /// The role.
    pub role_arn: String,
}

impl Started {
    /// Whether an Express workflow runs: its executions have ARNs of their own kind.
    #[must_use]
    pub fn is_express(&self) -> bool {
        self.arn.split(':').nth(5) == Some("express")
    }
}

/// Options of a scheduled task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskOptions {
    /// `timeoutInSeconds`, and the timer that counts it.
    pub timeout: Option<(u64, TimerId)>,
    /// `heartbeatInSeconds`, and the timer that counts it.
    pub heartbeat: Option<(u64, TimerId)>,
    /// `taskCredentials.roleArn`.
    pub role_arn: Option<String>,
    /// The effect that stands for the job's end or the token's answer. The call that begins it is
    /// an effect of its own: they may end in either order.
    pub answer: Option<EffectId>,
}

/// An error's name and its explanation; both may be missing, as in a Fail state without them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Error name.
    pub error: Option<String>,
    /// Explanation.
    pub cause: Option<String>,
}
