//! What follows a failure: a retry, a catcher, or the failure of the state above.

use super::data::{Doc, Trouble, put};
use super::{Decide, Step};
use crate::definition::{Catcher, Next, State, StateId, StateKind};
use crate::event::{EventKind, Failure, FrameId};
use crate::retry::{Fault, FaultKind, delay_ms};
use crate::state::Phase;

impl Decide<'_, '_> {
    /// The step that follows when a state's data did not fit.
    pub(super) fn troubled(&mut self, frame: FrameId, trouble: Trouble) -> Step {
        Step::Fail(match trouble {
            Trouble::Fault(fault) => fault,
            Trouble::Runtime(error) => {
                let name = self.state(frame).map_or("", |state| &*state.name);
                let entered = self.execution.frame(frame).map_or(0, |frame| frame.entered);
                let cause = error.cause_in(name, entered.into());
                Fault::new(error.error, cause)
            }
        })
    }

    /// The state that the frame is in has failed: gives which frame goes on, and where.
    pub(super) fn fail(&mut self, frame: FrameId, fault: Fault) -> Option<(FrameId, Step)> {
        let fault = fault.shortened();
        if fault.kind == FaultKind::Runtime {
            self.fail_execution(frame, fault);
            return None;
        }
        if self.execution.branches(frame).is_some_and(|branches| branches.running > 0) {
            self.drop_below(frame);
        }
        let mut frame = frame;
        let mut from_below = false;
        loop {
            let state = self.state(frame)?;
            if self.retry(frame, state, &fault) {
                return None;
            }
            if from_below {
                self.state_failed(frame, state);
            }
            if let Some(catcher) = state.catch.iter().find(|c| fault.is_in(&c.errors)) {
                return Some((frame, self.caught(frame, catcher, &fault)));
            }
            let Some((parent, index)) = self.execution.frame(frame)?.parent else {
                self.fail_execution(frame, fault);
                return None;
            };
            self.abandon(frame, parent, index);
            frame = parent;
            from_below = true;
        }
    }

    /// Schedules another try, if a retrier takes the failure and has tries left.
    fn retry(&mut self, frame: FrameId, state: &State, fault: &Fault) -> bool {
        let found = state.retry.iter().enumerate().find(|(_, r)| fault.is_in(&r.errors));
        let Some((place, retrier)) = found else { return false };
        let Some(at) = self.execution.frame(frame) else { return false };
        let place = u16::try_from(place).unwrap_or(u16::MAX);
        let retries = at.retries_of(place);
        if u64::from(retries) >= retrier.max_attempts {
            return false;
        }
        let turn = &mut *self.turn;
        let until = turn.now() + delay_ms(retrier, retries, || turn.random());
        let timer = self.new_timer();
        self.emit(frame, EventKind::RetryScheduled { retrier: place, timer, until }, None);
        self.wake(timer, until);
        true
    }

    fn state_failed(&mut self, frame: FrameId, state: &State) {
        let Some(at) = self.execution.frame(frame).map(|frame| frame.state) else { return };
        match &state.kind {
            StateKind::Parallel { .. } => self.emit(frame, EventKind::ParallelFailed(at), None),
            StateKind::Map(_) => self.emit(frame, EventKind::MapFailed(at), None),
            _ => {}
        }
    }

    /// A catcher takes the failure: it becomes the state's result.
    fn caught(&mut self, frame: FrameId, catcher: &Catcher, fault: &Fault) -> Step {
        let Failure { error, cause } = &fault.failure;
        let error = match (cause, fault.kind) {
            // AWS shows a timeout's missing cause as an empty one.
            (None, FaultKind::TimedOut | FaultKind::HeartbeatTimedOut) => {
                serde_json::json!({"Error": error, "Cause": ""})
            }
            _ => serde_json::json!({"Error": error, "Cause": cause}),
        };
        match put(&catcher.result_path, self.raw(frame), Doc::from(error)) {
            Ok(output) => Step::Exit(output, Next::State(catcher.next)),
            // The state's own catchers are done: they would take this one again and again.
            Err(trouble) => match self.troubled(frame, trouble) {
                Step::Fail(fault) => Step::Fail(Fault { kind: FaultKind::Runtime, ..fault }),
                other => other,
            },
        }
    }

    /// Gives up what runs below a state that failed by itself.
    fn drop_below(&mut self, frame: FrameId) {
        for below in self.execution.below(frame) {
            self.release(below, None);
        }
        self.emit(frame, EventKind::ChildrenDropped, None);
    }

    /// A failure leaves its frame: whatever else runs below the same state is cut.
    fn abandon(&mut self, failed: FrameId, parent: FrameId, index: u32) {
        let last = self.execution.frame(failed).map_or(0, |frame| frame.last);
        for frame in self.execution.below(parent) {
            self.cut(frame, failed, last);
        }
        if let Some(map) = self.map_of(parent) {
            self.emit_after(last, parent, EventKind::IterationFailed(map, index), None);
        }
        self.emit_after(last, parent, EventKind::ChildrenDropped, None);
    }

    /// The state that a frame is in, if it is a Map.
    fn map_of(&self, frame: FrameId) -> Option<StateId> {
        let state = self.execution.frame(frame)?.state;
        matches!(self.def.state(state)?.kind, StateKind::Map(_)).then_some(state)
    }

    /// Gives up one frame, and shows which state it was in.
    fn cut(&mut self, frame: FrameId, failed: FrameId, last: u32) {
        let Some(at) = self.execution.frame(frame) else { return };
        let (state, has_entered) = (at.state, at.entered > 0);
        let is_open = has_entered && (frame == failed || !matches!(at.phase, Phase::Idle));
        let iteration = at.parent.and_then(|(parent, index)| Some((self.map_of(parent)?, index)));
        if let (Some((map, index)), true) = (iteration, frame != failed) {
            self.emit_after(last, frame, EventKind::IterationAborted(map, index), None);
        }
        let can_abort = self.def.state(state).is_some_and(|state| match &state.kind {
            StateKind::Task(_) | StateKind::Wait(_) => true,
            StateKind::Parallel { .. } | StateKind::Map(_) => frame != failed,
            _ => false,
        });
        if is_open && can_abort {
            self.emit_after(last, frame, EventKind::StateAborted(state), None);
        }
        self.release(frame, None);
    }
}
