//! What comes back to a Task: outcomes of its effect, and signals that bear its token.
//!
//! ```text
//!             the call: Finished       the answer: Finished │ Closed │ signal
//!  plain     ──────▶ Succeeded
//!  .sync     ──────▶ Submitted ────────────▶ Succeeded │ Failed
//!  token     ──────▶ Submitted ────────────▶ Succeeded │ Failed
//!  activity  Taken ────────────────────────▶ Succeeded │ Failed
//! ```
//!
//! The answer may come before the call returns: then it is kept in the journal until it does.

use serde::de::IgnoredAny;
use trackway_core::{Command, EffectId, Outcome, Payload};

use super::data::{Doc, too_large};
use super::task::pattern;
use super::{Decide, Step};
use crate::definition::{Pattern, Resource};
use crate::event::{EventKind, Failure, FrameId};
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::report::{AsJson, Report};
use crate::retry::{Fault, RUNTIME};
use crate::signal::{Refusal, Signal};
use crate::state::{Early, Status};

impl Decide<'_, '_> {
    /// An effect has an outcome. One that nobody waits for is ignored.
    pub(super) fn finished(&mut self, effect: EffectId, outcome: Outcome) {
        let Some(frame) = self.frame_of(effect) else { return };
        let Some(task) = self.execution.task(frame) else { return };
        let step = if Some(effect) == task.answer {
            self.answered(frame, effect, outcome)
        } else if task.answer.is_some() {
            self.called(frame, effect, outcome)
        } else {
            match outcome {
                Outcome::Succeeded(output) => Some(self.succeeded(frame, output, Some(effect))),
                Outcome::Failed { error, cause } => {
                    Some(self.failed(frame, named(error, cause), Some(effect)))
                }
                Outcome::Closed { .. } => None,
            }
        };
        if let Some(step) = step {
            self.ready.push_back((frame, step));
        }
    }

    /// The call that begins a job or hands out a token has ended.
    fn called(&mut self, frame: FrameId, effect: EffectId, outcome: Outcome) -> Option<Step> {
        match outcome {
            Outcome::Succeeded(output) => self.submitted(frame, effect, output),
            // What was answered before was true, even if nobody knows how the call ended.
            Outcome::Failed { .. } if self.execution.task(frame)?.early.is_some() => {
                Some(self.early(frame, Some(effect)))
            }
            Outcome::Failed { error, cause } => {
                Some(self.failed(frame, named(error, cause), Some(effect)))
            }
            Outcome::Closed { .. } => None,
        }
    }

    /// The job has ended.
    fn answered(&mut self, frame: FrameId, effect: EffectId, outcome: Outcome) -> Option<Step> {
        if self.execution.task(frame)?.submitted {
            return Some(match outcome {
                Outcome::Succeeded(output) => self.succeeded(frame, output, Some(effect)),
                Outcome::Failed { error, cause } => {
                    self.failed(frame, named(error, cause), Some(effect))
                }
                Outcome::Closed { report } => self.child_closed(frame, &report, Some(effect)),
            });
        }
        let (kind, payload) = match outcome {
            Outcome::Succeeded(output) => (EventKind::AnsweredEarly, Some(output)),
            Outcome::Failed { error, cause } => {
                (EventKind::FailedEarly(Box::new(named(error, cause))), None)
            }
            Outcome::Closed { report } => (EventKind::ClosedEarly(report), None),
        };
        self.emit(frame, kind, payload);
        None
    }

    /// The call that began the job has returned.
    fn submitted(&mut self, frame: FrameId, effect: EffectId, output: Payload) -> Option<Step> {
        if let Some(problem) = self.unfit(frame, &output) {
            return Some(self.failed(frame, problem, Some(effect)));
        }
        let at = self.execution.frame(frame)?.state;
        self.emit(frame, EventKind::Submitted(at), Some(output));
        self.execution.task(frame)?.early.is_some().then(|| self.early(frame, None))
    }

    /// Goes on with the answer that came before the call returned.
    pub(super) fn early(&mut self, frame: FrameId, ended: Option<EffectId>) -> Step {
        let Some(early) = self.execution.task(frame).and_then(|task| task.early.clone()) else {
            return Step::Block;
        };
        match early {
            Early::Succeeded(output) => self.succeeded(frame, output, ended),
            Early::Failed(failure) => self.failed(frame, failure, ended),
            Early::Closed(report) => self.child_closed(frame, &report, ended),
        }
    }

    fn child_closed(&mut self, frame: FrameId, report: &[u8], ended: Option<EffectId>) -> Step {
        let Some(report) = Report::decode(report) else {
            let cause = "The report of the child execution can't be read.";
            return self.failed(frame, named(RUNTIME.to_owned(), cause.to_owned()), ended);
        };
        let as_json = self
            .execution
            .frame(frame)
            .and_then(|at| self.task_of(at.state))
            .is_some_and(|task| pattern(&task.resource) == Pattern::Sync2);
        let described = report.describe(if as_json { AsJson::Yes } else { AsJson::No });
        if report.status() == Status::Succeeded {
            return self.succeeded(frame, Doc::from(described).payload(), ended);
        }
        let failure = named("States.TaskFailed".to_owned(), described.to_string());
        self.failed(frame, failure, ended)
    }

    fn succeeded(&mut self, frame: FrameId, output: Payload, ended: Option<EffectId>) -> Step {
        if let Some(problem) = self.unfit(frame, &output) {
            return self.failed(frame, problem, ended);
        }
        let Some(at) = self.execution.frame(frame).map(|frame| frame.state) else {
            return Step::Block;
        };
        self.release(frame, ended);
        self.emit(frame, EventKind::Succeeded(at), Some(output.clone()));
        Step::Result(Doc::from(output))
    }

    fn failed(&mut self, frame: FrameId, failure: Failure, ended: Option<EffectId>) -> Step {
        let Some(at) = self.execution.frame(frame).map(|frame| frame.state) else {
            return Step::Block;
        };
        self.release(frame, ended);
        let fault = Fault::from(failure).shortened();
        self.emit(frame, EventKind::Failed(at, Box::new(fault.failure.clone())), None);
        Step::Fail(fault)
    }

    /// Why an output can't be taken, if it can't.
    fn unfit(&self, frame: FrameId, output: &Payload) -> Option<Failure> {
        let at = self.execution.frame(frame)?.state;
        let of = match &self.task_of(at)?.resource {
            Resource::Lambda { arn } | Resource::Activity { arn } => arn,
            Resource::Service { service, .. } => service,
        };
        if output.len() > PAYLOAD_BYTES_MAX {
            return Some(too_large(of).failure);
        }
        let error = serde_json::from_str::<IgnoredAny>(output).err()?;
        let cause = format!("The state/task '{of}' returned a result that is not JSON: {error}");
        Some(named(RUNTIME.to_owned(), cause))
    }

    /// The world asks for something.
    pub(super) fn signal(&mut self, signal: Signal) -> Result<(), Refusal> {
        match signal {
            Signal::Stop(failure) => {
                if !self.execution.is_running() {
                    return Err(Refusal::NotRunning);
                }
                self.stop(failure);
            }
            Signal::Taken { effect, worker } => {
                let frame = self.activity(effect)?;
                self.taken(frame, worker);
            }
            Signal::TaskSucceeded { effect, output } => {
                let (frame, is_early) = self.awaiting(effect)?;
                if is_early {
                    self.turn.command(Command::Cancel(effect));
                    self.emit(frame, EventKind::AnsweredEarly, Some(output));
                } else {
                    let step = self.succeeded(frame, output, None);
                    self.ready.push_back((frame, step));
                }
            }
            Signal::TaskFailed { effect, failure } => {
                let (frame, is_early) = self.awaiting(effect)?;
                if is_early {
                    self.turn.command(Command::Cancel(effect));
                    self.emit(frame, EventKind::FailedEarly(Box::new(failure)), None);
                } else {
                    let step = self.failed(frame, failure, None);
                    self.ready.push_back((frame, step));
                }
            }
            Signal::Heartbeat { effect } => {
                let (frame, _) = self.awaiting(effect)?;
                self.beat(frame);
            }
        }
        Ok(())
    }

    /// The frame whose activity task this is, while nobody has taken it.
    fn activity(&self, effect: EffectId) -> Result<FrameId, Refusal> {
        let frame = self.frame_of(effect).ok_or(Refusal::TaskTimedOut)?;
        let is_free = self.execution.task(frame).is_some_and(|task| !task.taken);
        (is_free && self.is_activity(frame)).then_some(frame).ok_or(Refusal::TaskTimedOut)
    }

    /// The frame that waits for this token's answer, and whether it is early to answer.
    fn awaiting(&self, effect: EffectId) -> Result<(FrameId, bool), Refusal> {
        let frame = self.frame_of(effect).ok_or(Refusal::TaskTimedOut)?;
        let task = self.execution.task(frame).ok_or(Refusal::TaskTimedOut)?;
        if self.is_activity(frame) {
            return if task.taken { Ok((frame, false)) } else { Err(Refusal::TaskTimedOut) };
        }
        let state = self.execution.frame(frame).map(|frame| frame.state);
        let waits = state
            .and_then(|state| self.task_of(state))
            .is_some_and(|task| pattern(&task.resource) == Pattern::WaitForTaskToken);
        if !waits || task.answer != Some(effect) {
            return Err(Refusal::TaskTimedOut);
        }
        Ok((frame, !task.submitted))
    }

    fn is_activity(&self, frame: FrameId) -> bool {
        let state = self.execution.frame(frame).map(|frame| frame.state);
        state
            .and_then(|state| self.task_of(state))
            .is_some_and(|task| matches!(task.resource, Resource::Activity { .. }))
    }

    fn taken(&mut self, frame: FrameId, worker: Option<String>) {
        let Some(state) = self.execution.frame(frame).map(|frame| frame.state) else { return };
        if let Some(effect) = self.execution.task(frame).map(|task| task.effect) {
            self.turn.command(Command::Hold(effect));
        }
        self.emit(frame, EventKind::Taken { state, worker }, None);
        self.count_time(frame);
    }

    fn beat(&mut self, frame: FrameId) {
        let Some((seconds, old)) = self.execution.task(frame).and_then(|task| task.heartbeat)
        else {
            return;
        };
        let timer = self.new_timer();
        self.turn.command(Command::Disarm(old));
        self.wake(timer, self.turn.now().plus_seconds(seconds));
        self.emit(frame, EventKind::Heartbeat(timer), None);
    }
}

fn named(error: String, cause: String) -> Failure {
    Failure { error: Some(error), cause: Some(cause) }
}
