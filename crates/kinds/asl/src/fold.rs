//! The fold: how each event changes the state. It never fails, decides nothing and reads no clock.

use std::sync::Arc;

use trackway_core::{EffectId, Payload, TimerId, Timestamp};

use crate::definition::StateId;
use crate::event::{Event, EventKind, Failure, FrameId, Started, TaskOptions};
use crate::state::{Branches, Early, Execution, Frame, Items, Phase, Status, TaskRun};

impl Execution {
    /// Folds one event.
    pub(crate) fn fold(&mut self, event: &Event, at: Timestamp) {
        if event.id > 0 {
            self.events = event.id;
        }
        if self.fold_execution(event, at) || self.fold_branches(event) {
            return;
        }
        self.fold_frame(event, at);
    }

    /// Events of the execution as a whole.
    fn fold_execution(&mut self, event: &Event, at: Timestamp) -> bool {
        match &event.kind {
            EventKind::Started(started) => {
                self.status = Status::Running;
                self.is_express = started.is_express();
                self.started = Arc::new(Started::clone(started));
                self.input = event.payload.clone().unwrap_or_default();
                self.started_at = at;
                let root = Frame::new(None, 0, self.input.clone());
                self.frames.insert(FrameId::ROOT, root);
                self.next_frame = 1;
            }
            EventKind::DeadlineSet(timer) => {
                self.deadline = Some(*timer);
                self.next_timer = self.next_timer.max(timer.0 + 1);
            }
            EventKind::ReportsJson => self.reports_json = true,
            EventKind::ExecutionSucceeded => {
                self.output = event.payload.clone();
                self.close(Status::Succeeded, &Failure::default(), at);
            }
            EventKind::ExecutionFailed(failure) => self.close(Status::Failed, failure, at),
            EventKind::ExecutionTimedOut(failure) => self.close(Status::TimedOut, failure, at),
            EventKind::ExecutionAborted(failure) => self.close(Status::Aborted, failure, at),
            _ => return false,
        }
        true
    }

    fn close(&mut self, status: Status, failure: &Failure, at: Timestamp) {
        self.status = status;
        self.failure = failure.clone();
        self.closed_at = Some(at);
        self.deadline = None;
        self.frames.clear();
        self.effects.clear();
        self.timers.clear();
    }

    /// Events by which frames come and go.
    fn fold_branches(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::ParallelStarted { branches, .. } => self.start_branches(event, *branches),
            EventKind::MapStarted { concurrency, .. } => {
                let items = event.payload.as_ref().map(Items::of).unwrap_or_default();
                let branches = Branches {
                    started: event.id,
                    results: vec![None; items.len()],
                    ended: 0,
                    running: 0,
                    items,
                    next: 0,
                    concurrency: *concurrency,
                };
                self.set_phase(event.frame, Phase::Branches(Box::new(branches)));
                self.follow(event.frame, event.id);
            }
            EventKind::IterationStarted { parent, index, .. } => {
                self.next_frame = self.next_frame.max(event.frame.0 + 1);
                let frame = Frame::new(Some((*parent, *index)), event.id, Payload::default());
                self.frames.insert(event.frame, frame);
                if let Some(branches) = self.branches_mut(*parent) {
                    branches.next = index + 1;
                    branches.running += 1;
                }
            }
            EventKind::IterationSucceeded(..) => {
                let parent = self.end_branch(event.frame);
                self.follow(parent, event.id);
            }
            EventKind::BranchEnded => {
                let parent = self.end_branch(event.frame);
                self.follow(parent, event.previous);
            }
            EventKind::ChildrenDropped => {
                self.drop_below(event.frame);
                self.set_phase(event.frame, Phase::Idle);
                self.follow(event.frame, event.previous);
            }
            EventKind::StateAborted(_)
            | EventKind::IterationAborted(..)
            | EventKind::IterationFailed(..)
            | EventKind::ParallelSucceeded(_)
            | EventKind::MapSucceeded(_) => {}
            _ => return false,
        }
        true
    }

    fn start_branches(&mut self, event: &Event, count: u16) {
        let input = self.frames.get(&event.frame).map(|f| f.input.clone()).unwrap_or_default();
        for index in 0..u32::from(count) {
            let frame = Frame::new(Some((event.frame, index)), event.id, input.clone());
            self.frames.insert(FrameId(self.next_frame), frame);
            self.next_frame += 1;
        }
        let branches = Branches {
            started: event.id,
            results: vec![None; usize::from(count)],
            ended: 0,
            running: count.into(),
            items: Items::default(),
            next: count.into(),
            concurrency: 0,
        };
        self.set_phase(event.frame, Phase::Branches(Box::new(branches)));
        self.follow(event.frame, event.id);
    }

    /// Ends a branch or an iteration with its last output; gives the frame above.
    fn end_branch(&mut self, id: FrameId) -> FrameId {
        let Some(frame) = self.frames.remove(&id) else { return id };
        let Some((parent, index)) = frame.parent else { return id };
        if let Some(branches) = self.branches_mut(parent) {
            branches.running = branches.running.saturating_sub(1);
            branches.ended += 1;
            if let Some(result) = branches.results.get_mut(index as usize) {
                *result = Some(frame.input);
            }
        }
        parent
    }

    /// Removes every frame below `above` with what it waits for.
    fn drop_below(&mut self, above: FrameId) {
        for id in self.below(above) {
            self.set_phase(id, Phase::Idle);
            self.frames.remove(&id);
        }
    }

    /// Events within a frame.
    fn fold_frame(&mut self, event: &Event, at: Timestamp) {
        let id = event.frame;
        match &event.kind {
            EventKind::StateEntered(state) => self.enter(event, *state, at),
            EventKind::StateExited(_) => {
                self.set_phase(id, Phase::Idle);
                if let (Some(frame), Some(output)) = (self.frames.get_mut(&id), &event.payload) {
                    frame.input = output.clone();
                }
            }
            EventKind::Scheduled { effect, options, .. } => {
                self.schedule(id, *effect, options.as_deref());
            }
            EventKind::Taken { .. } => {
                self.with_task(id, |task| task.taken = true);
            }
            EventKind::Submitted(_) => {
                if let Some(effect) = self.task(id).map(|task| task.effect) {
                    self.effects.remove(&effect);
                }
                self.with_task(id, |task| task.submitted = true);
            }
            EventKind::AnsweredEarly => {
                self.answered(id);
                let output = event.payload.clone().unwrap_or_default();
                self.with_task(id, |task| task.early = Some(Early::Succeeded(output)));
            }
            EventKind::FailedEarly(failure) => {
                self.answered(id);
                let failure = Failure::clone(failure);
                self.with_task(id, |task| task.early = Some(Early::Failed(failure)));
            }
            EventKind::ClosedEarly(report) => {
                self.answered(id);
                let report = report.clone();
                self.with_task(id, |task| task.early = Some(Early::Closed(report)));
            }
            EventKind::Heartbeat(timer) => self.beat(id, *timer),
            EventKind::Succeeded(_) | EventKind::Failed(..) | EventKind::TimedOut(..) => {
                self.set_phase(id, Phase::Idle);
            }
            EventKind::WaitSet { timer, .. } => self.set_phase(id, Phase::Wait(*timer)),
            EventKind::RetryScheduled { retrier, timer, .. } => {
                self.set_phase(id, Phase::Backoff(*timer));
                self.count_retry(id, *retrier);
                self.follow(id, event.previous);
            }
            _ => {}
        }
        if event.id > 0 {
            self.follow(id, event.id);
        }
    }

    fn enter(&mut self, event: &Event, state: StateId, at: Timestamp) {
        let Some(frame) = self.frames.get_mut(&event.frame) else { return };
        frame.state = state;
        frame.entered = event.id;
        frame.entered_at = at;
        frame.input = event.payload.clone().unwrap_or_default();
        frame.retries.clear();
        frame.retry_count = 0;
    }

    fn schedule(&mut self, id: FrameId, effect: EffectId, options: Option<&TaskOptions>) {
        let task = TaskRun {
            effect,
            answer: options.and_then(|o| o.answer),
            timeout: options.and_then(|o| o.timeout),
            heartbeat: options.and_then(|o| o.heartbeat),
            taken: false,
            submitted: false,
            early: None,
        };
        self.set_phase(id, Phase::Task(Box::new(task)));
    }

    fn with_task(&mut self, id: FrameId, change: impl FnOnce(&mut TaskRun)) {
        if let Some(Frame { phase: Phase::Task(task), .. }) = self.frames.get_mut(&id) {
            change(task);
        }
    }

    /// The answer is there, before the call returned.
    fn answered(&mut self, id: FrameId) {
        if let Some(answer) = self.task(id).and_then(|task| task.answer) {
            self.effects.remove(&answer);
        }
    }

    fn beat(&mut self, id: FrameId, timer: TimerId) {
        let Some(Frame { phase: Phase::Task(task), .. }) = self.frames.get_mut(&id) else { return };
        let Some((_, old)) = &mut task.heartbeat else { return };
        self.timers.remove(old);
        *old = timer;
        self.timers.insert(timer, id);
        self.next_timer = self.next_timer.max(timer.0 + 1);
    }

    fn count_retry(&mut self, id: FrameId, retrier: u16) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        frame.retry_count += 1;
        match frame.retries.iter_mut().find(|(place, _)| *place == retrier) {
            Some((_, count)) => *count += 1,
            None => frame.retries.push((retrier, 1)),
        }
    }

    /// Changes what a frame waits for; what it waited for before is forgotten.
    fn set_phase(&mut self, id: FrameId, phase: Phase) {
        let Some(frame) = self.frames.get_mut(&id) else { return };
        let old = std::mem::replace(&mut frame.phase, phase);
        match &frame.phase {
            Phase::Wait(timer) | Phase::Backoff(timer) => {
                self.timers.insert(*timer, id);
                self.next_timer = self.next_timer.max(timer.0 + 1);
            }
            Phase::Task(task) => {
                for effect in task.effects() {
                    self.effects.insert(effect, id);
                    self.next_effect = self.next_effect.max(effect.0 + 1);
                }
                for timer in task.timers() {
                    self.timers.insert(timer, id);
                    self.next_timer = self.next_timer.max(timer.0 + 1);
                }
            }
            Phase::Idle | Phase::Branches(_) => {}
        }
        match old {
            Phase::Wait(timer) | Phase::Backoff(timer) => {
                self.timers.remove(&timer);
            }
            Phase::Task(task) => {
                task.effects().for_each(|effect| {
                    self.effects.remove(&effect);
                });
                task.timers().for_each(|timer| {
                    self.timers.remove(&timer);
                });
            }
            Phase::Idle | Phase::Branches(_) => {}
        }
    }

    fn follow(&mut self, id: FrameId, event: u32) {
        if let Some(frame) = self.frames.get_mut(&id) {
            frame.last = event;
        }
    }

    fn branches_mut(&mut self, id: FrameId) -> Option<&mut Branches> {
        match &mut self.frames.get_mut(&id)?.phase {
            Phase::Branches(branches) => Some(branches),
            _ => None,
        }
    }
}
