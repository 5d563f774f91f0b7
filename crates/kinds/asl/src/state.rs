//! The state of an execution: what a fold of its journal comes to.
//!
//! ```text
//! Execution ── frames ─┬─ ROOT ─ Phase::Task │ Wait │ Backoff │ Branches
//!                      ├─ branch or iteration (parent: ROOT) ─ Phase …
//!                      └─ …
//! ```
//!
//! Between turns every frame waits for something: a task, a timer, or the frames below it. What it
//! waits for is found by effect or by timer without a search. Only `fold` changes it.

use std::collections::BTreeMap;
use std::sync::Arc;

use trackway_core::{EffectId, Payload, Summary, TimerId, Timestamp};

use crate::definition::StateId;
use crate::event::{Failure, FrameId, Started};
use crate::limits::{EVENTS_MAX, EXPRESS_EVENTS_MAX};

/// Status of an execution, with the number that its [`Summary`] bears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// Not yet started.
    #[default]
    New = 0,
    /// Under way.
    Running = 1,
    /// Ended well.
    Succeeded = 2,
    /// Ended by an error.
    Failed = 3,
    /// Ended by the machine's `TimeoutSeconds`.
    TimedOut = 4,
    /// Stopped from outside.
    Aborted = 5,
}

impl Status {
    /// AWS's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }

    /// The status with this number; none if there is no such number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        [Self::New, Self::Running, Self::Succeeded, Self::Failed, Self::TimedOut, Self::Aborted]
            .into_iter()
            .find(|status| *status as u8 == number)
    }

    /// The status with this AWS name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Running, Self::Succeeded, Self::Failed, Self::TimedOut, Self::Aborted]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// One execution of a state machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Execution {
    pub(crate) status: Status,
    pub(crate) started: Arc<Started>,
    pub(crate) input: Payload,
    pub(crate) started_at: Timestamp,
    pub(crate) closed_at: Option<Timestamp>,
    pub(crate) output: Option<Payload>,
    pub(crate) failure: Failure,
    pub(crate) frames: BTreeMap<FrameId, Frame>,
    pub(crate) effects: BTreeMap<EffectId, FrameId>,
    pub(crate) timers: BTreeMap<TimerId, FrameId>,
    pub(crate) deadline: Option<TimerId>,
    /// How many visible events there are: the last `id`.
    pub(crate) events: u32,
    /// What its ARN says, which each event asks for.
    pub(crate) is_express: bool,
    /// Whether its report is JSON text.
    pub(crate) reports_json: bool,
    pub(crate) next_frame: u32,
    pub(crate) next_effect: u32,
    pub(crate) next_timer: u32,
}

/// One thread of control.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    /// The frame above, and this one's place in it.
    pub(crate) parent: Option<(FrameId, u32)>,
    /// The event that the next one follows.
    pub(crate) last: u32,
    pub(crate) state: StateId,
    /// The event that entered the state, and when.
    pub(crate) entered: u32,
    pub(crate) entered_at: Timestamp,
    /// The state's raw input; once it has exited, its output.
    pub(crate) input: Payload,
    /// Retries made for each retrier that was used, and in all.
    pub(crate) retries: Vec<(u16, u32)>,
    pub(crate) retry_count: u32,
    pub(crate) phase: Phase,
}

/// What a frame waits for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Phase {
    /// Nothing: it is being decided on, or it has ended.
    #[default]
    Idle,
    /// A Wait state's timer.
    Wait(TimerId),
    /// A retry's timer.
    Backoff(TimerId),
    /// A task.
    Task(Box<TaskRun>),
    /// The frames below it.
    Branches(Box<Branches>),
}

/// A task under way.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskRun {
    /// The call.
    pub(crate) effect: EffectId,
    /// The job's end or the token's answer, where the task waits for one.
    pub(crate) answer: Option<EffectId>,
    /// The timeout in seconds, and its timer. An activity's is counted from when it is taken.
    pub(crate) timeout: Option<(u64, TimerId)>,
    /// The heartbeat's length in seconds, and its timer.
    pub(crate) heartbeat: Option<(u64, TimerId)>,
    /// A worker took it.
    pub(crate) taken: bool,
    /// The call that began the job has returned.
    pub(crate) submitted: bool,
    /// What came before that call returned.
    pub(crate) early: Option<Early>,
}

/// An answer that came before the call that asked for it returned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Early {
    Succeeded(Payload),
    Failed(Failure),
    Closed(Vec<u8>),
}

/// Frames under way below a Parallel or a Map.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Branches {
    /// The event that started them.
    pub(crate) started: u32,
    /// What each came to, by its place.
    pub(crate) results: Vec<Option<Payload>>,
    pub(crate) ended: u32,
    pub(crate) running: u32,
    /// The items of a Map and where the next one to start is.
    pub(crate) items: Items,
    pub(crate) next: u32,
    pub(crate) concurrency: u32,
}

/// A list's text and where its items are in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Items {
    text: Payload,
    places: Vec<(u32, u32)>,
}

impl Items {
    /// Finds the items of a JSON list; text that is none has no items.
    pub(crate) fn of(text: &Payload) -> Self {
        let list = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(text);
        let start = text.as_ptr().addr();
        let place = |item: &&serde_json::value::RawValue| {
            let from = item.get().as_ptr().addr().wrapping_sub(start);
            (from as u32, (from + item.get().len()) as u32)
        };
        let places = list.map(|items| items.iter().map(place).collect()).unwrap_or_default();
        Self { text: text.clone(), places }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// The item at this place.
    pub(crate) fn get(&self, index: u32) -> Option<&str> {
        let (from, to) = *self.places.get(index as usize)?;
        self.text.get(from as usize..to as usize)
    }
}

impl Execution {
    /// Its status.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Who it is.
    #[must_use]
    pub fn started(&self) -> &Started {
        &self.started
    }

    /// Its input, a JSON text.
    #[must_use]
    pub fn input(&self) -> &Payload {
        &self.input
    }

    /// Its output, once it has succeeded.
    #[must_use]
    pub fn output(&self) -> Option<&Payload> {
        self.output.as_ref()
    }

    /// Why it failed, timed out or was stopped.
    #[must_use]
    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    /// When it started.
    #[must_use]
    pub fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When it closed.
    #[must_use]
    pub fn closed_at(&self) -> Option<Timestamp> {
        self.closed_at
    }

    /// How many events its history has.
    #[must_use]
    pub fn events_len(&self) -> u32 {
        self.events
    }

    /// How many events its history may have.
    pub(crate) fn events_max(&self) -> u32 {
        if self.is_express { EXPRESS_EVENTS_MAX } else { EVENTS_MAX }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    pub(crate) fn frame(&self, id: FrameId) -> Option<&Frame> {
        self.frames.get(&id)
    }

    pub(crate) fn task(&self, id: FrameId) -> Option<&TaskRun> {
        match &self.frames.get(&id)?.phase {
            Phase::Task(task) => Some(task),
            _ => None,
        }
    }

    pub(crate) fn branches(&self, id: FrameId) -> Option<&Branches> {
        match &self.frames.get(&id)?.phase {
            Phase::Branches(branches) => Some(branches),
            _ => None,
        }
    }

    /// The row that lists show.
    pub(crate) fn row(&self) -> Summary {
        Summary {
            status: self.status as u8,
            started: self.started_at,
            closed: self.closed_at,
            columns: Vec::new(),
        }
    }

    /// The frames below `above`, at any depth, oldest first. Ids grow downwards.
    pub(crate) fn below(&self, above: FrameId) -> Vec<FrameId> {
        let mut found = vec![];
        for (id, frame) in self.frames.range(above..) {
            let is_below = frame
                .parent
                .is_some_and(|(parent, _)| parent == above || found.binary_search(&parent).is_ok());
            if is_below {
                found.push(*id);
            }
        }
        found
    }
}

impl Frame {
    pub(crate) fn new(parent: Option<(FrameId, u32)>, last: u32, input: Payload) -> Self {
        Self {
            parent,
            last,
            state: StateId(0),
            entered: 0,
            entered_at: Timestamp(0),
            input,
            retries: Vec::new(),
            retry_count: 0,
            phase: Phase::Idle,
        }
    }

    /// How often this retrier was used in this state.
    pub(crate) fn retries_of(&self, retrier: u16) -> u32 {
        self.retries.iter().find(|(place, _)| *place == retrier).map_or(0, |(_, count)| *count)
    }
}

impl Branches {
    /// Whether all of them have ended.
    pub(crate) fn is_done(&self) -> bool {
        self.ended as usize >= self.results.len()
    }

    /// The places of the iterations that may start now.
    pub(crate) fn startable(&self) -> std::ops::Range<u32> {
        let length = u32::try_from(self.results.len()).unwrap_or(u32::MAX);
        let concurrency = if self.concurrency == 0 { u32::MAX } else { self.concurrency };
        let free = concurrency.saturating_sub(self.running);
        self.next..self.next.saturating_add(free).min(length).max(self.next)
    }
}

impl TaskRun {
    /// The effects that are awaited.
    pub(crate) fn effects(&self) -> impl Iterator<Item = EffectId> + use<> {
        let call = (!self.submitted).then_some(self.effect);
        let answer = self.answer.filter(|_| self.early.is_none());
        call.into_iter().chain(answer)
    }

    /// The timers that run for it.
    pub(crate) fn timers(&self) -> impl Iterator<Item = TimerId> + use<> {
        self.timeout.into_iter().chain(self.heartbeat).map(|(_, timer)| timer)
    }
}
