//! The interpreter: what follows from an input.
//!
//! ```text
//!             ┌──────────────────── next state ◀──────────────────────┐
//!             ▼                                                       │
//!   Enter ─▶ Run ─▶ Result ─▶ (selector, ResultPath, OutputPath) ─▶ Exit ─▶ End of its level
//!             │ │                                                    ▲
//!             │ └─▶ Fail ─▶ retry: Block until a timer │ catch: ─────┘ │ the state above fails
//!             └─▶ Block: a task, a timer, frames below
//! ```
//!
//! A turn takes one frame from step to step until it blocks, then the next frame that can go on.
//! Frames that a Parallel or a Map starts line up behind. Each step is in the file of its state
//! type; what they share is in `data` (documents and paths) and `failure`.

mod answer;
mod choice;
mod data;
mod ending;
mod failure;
mod map;
mod parallel;
mod pass;
mod start;
mod task;
mod wait;

use std::collections::VecDeque;

use trackway_core::{
    Command, EffectId, Input, Machine, Payload, Summary, TimerId, Timestamp, Turn,
};

use crate::definition::{self, Definition, MachineType, Next, State, StateId, StateKind};
use crate::event::{Event, EventKind, FrameId};
use crate::retry::Fault;
use crate::signal::{Refusal, Signal};
use crate::state::{Execution, Frame, Phase};
use data::Doc;

impl Machine for Execution {
    type Definition = Definition;
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(text: &str) -> Result<Definition, String> {
        definition::parse(text, MachineType::Standard)
            .map_err(|problems| definition::to_aws_message(&problems))
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        self.fold(event, at);
    }

    fn handle(
        &mut self,
        def: &Definition,
        input: Input<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let mut decide = Decide {
            def,
            execution: self,
            turn,
            ready: VecDeque::new(),
            latest: None,
            map_input: None,
            is_full: false,
        };
        match input {
            Input::Start(start) => decide.start(start),
            Input::Finished { effect, outcome } => decide.finished(effect, outcome),
            Input::Fired(timer) => decide.fired(timer),
            Input::Signal(signal) => decide.signal(signal)?,
        }
        decide.run();
        if decide.is_full {
            decide.exhausted();
        }
        Ok(())
    }

    fn summary(&self) -> Summary {
        self.row()
    }
}

/// One turn's deciding.
struct Decide<'a, 't> {
    def: &'a Definition,
    execution: &'a mut Execution,
    turn: &'a mut Turn<'t, Execution>,
    /// Frames that can go on, and where.
    ready: VecDeque<(FrameId, Step)>,
    /// The raw input of the state that was last worked on, which may have been read already.
    latest: Option<(FrameId, Doc)>,
    /// The filtered input of the Map that was last worked on, and when it was entered.
    map_input: Option<(FrameId, u32, Doc)>,
    /// An event found no room in the history: nothing follows but the end.
    is_full: bool,
}

/// Where a frame goes on.
enum Step {
    /// Into a state with this input.
    Enter(StateId, Doc),
    /// With the state's work: it has been entered, or is tried again.
    Run,
    /// With the result of the state's work.
    Result(Doc),
    /// Out of the state with this output.
    Exit(Doc, Next),
    /// The state did not succeed.
    Fail(Fault),
    /// The last state of its level has exited.
    End,
    /// Not now.
    Block,
}

impl<'a> Decide<'a, '_> {
    /// Takes every frame that can go on as far as it goes.
    fn run(&mut self) {
        while let Some((frame, step)) = self.ready.pop_front() {
            self.advance(frame, step);
        }
    }

    /// Takes a frame from step to step until it blocks. Where it ends, the frame above goes on.
    fn advance(&mut self, frame: FrameId, step: Step) {
        let mut at = (frame, step);
        while self.execution.frame(at.0).is_some() && !self.is_full {
            let frame = at.0;
            at = match at.1 {
                Step::Enter(state, input) => {
                    self.emit(frame, EventKind::StateEntered(state), Some(input.payload()));
                    self.latest = Some((frame, input));
                    (frame, Step::Run)
                }
                Step::Run => (frame, self.work(frame)),
                Step::Result(result) => (frame, self.result(frame, result)),
                Step::Exit(output, next) => (frame, self.exit(frame, output, next)),
                Step::Fail(fault) => match self.fail(frame, fault) {
                    Some(next) => next,
                    None => return,
                },
                Step::End => match self.end(frame) {
                    Some(next) => next,
                    None => return,
                },
                Step::Block => return,
            };
        }
    }

    /// Begins the work of the state that the frame is in.
    fn work(&mut self, frame: FrameId) -> Step {
        let Some(state) = self.state(frame) else { return Step::Block };
        let step = match &state.kind {
            StateKind::Pass { result } => self.pass(frame, state, result.as_ref()),
            StateKind::Task(task) => self.task(frame, state, task),
            StateKind::Choice { rules, default } => self.choice(frame, state, rules, *default),
            StateKind::Wait(wait) => self.wait(frame, state, wait),
            StateKind::Succeed => self.pass(frame, state, None),
            StateKind::Fail { error, cause } => {
                self.fail_state(frame, state, error.as_ref(), cause.as_ref())
            }
            StateKind::Parallel { branches } => self.parallel(frame, state, branches),
            StateKind::Map(map) => self.map(frame, state, map),
        };
        step.unwrap_or_else(|trouble| self.troubled(frame, trouble))
    }

    /// Makes the state's output from the result of its work.
    fn result(&mut self, frame: FrameId, result: Doc) -> Step {
        let Some(state) = self.state(frame) else { return Step::Block };
        match self.output(frame, state, result) {
            Ok(output) => Step::Exit(output, state.next),
            Err(trouble) => self.troubled(frame, trouble),
        }
    }

    fn exit(&mut self, frame: FrameId, output: Doc, next: Next) -> Step {
        let Some(at) = self.execution.frame(frame) else { return Step::Block };
        self.emit(frame, EventKind::StateExited(at.state), Some(output.payload()));
        match next {
            Next::State(state) => Step::Enter(state, output),
            Next::End => Step::End,
        }
    }

    /// A frame's last state has exited: gives where the frame above goes on.
    fn end(&mut self, frame: FrameId) -> Option<(FrameId, Step)> {
        let at = self.execution.frame(frame)?;
        let output = at.input.clone();
        let Some((parent, index)) = at.parent else {
            self.emit(frame, EventKind::ExecutionSucceeded, Some(output));
            self.close();
            return None;
        };
        let above = self.execution.frame(parent)?.state;
        let step = match self.def.state(above).map(|state| &state.kind) {
            Some(StateKind::Map(_)) => self.iteration_ended(frame, parent, index),
            _ => self.branch_ended(frame, parent),
        };
        Some((parent, step))
    }

    /// Records an event that follows the frame's last one.
    fn emit(&mut self, frame: FrameId, kind: EventKind, payload: Option<Payload>) {
        let previous = self.execution.frame(frame).map_or(0, |frame| frame.last);
        self.emit_after(previous, frame, kind, payload);
    }

    fn emit_after(
        &mut self,
        previous: u32,
        frame: FrameId,
        kind: EventKind,
        payload: Option<Payload>,
    ) {
        let next = self.execution.events_len() + 1;
        let has_room = kind.is_end() || !kind.is_visible() || next < self.execution.events_max();
        self.is_full |= !has_room;
        if self.is_full && !kind.is_end() {
            return;
        }
        let id = if kind.is_visible() { next } else { 0 };
        self.turn.emit(self.execution, Event { id, previous, frame, kind, payload });
    }

    fn state(&self, frame: FrameId) -> Option<&'a State> {
        self.def.state(self.execution.frame(frame)?.state)
    }

    /// A timer that nobody has used.
    fn new_timer(&self) -> TimerId {
        TimerId(self.execution.next_timer)
    }

    fn wake(&mut self, timer: TimerId, at: Timestamp) {
        self.turn.command(Command::Wake { timer, at });
    }

    /// Gives up what a frame waits for, but for the effect that has just ended. Its events follow.
    fn release(&mut self, frame: FrameId, ended: Option<EffectId>) {
        let Some(Frame { phase, .. }) = self.execution.frame(frame) else { return };
        let commands: Vec<Command> = match phase {
            Phase::Wait(timer) | Phase::Backoff(timer) => vec![Command::Disarm(*timer)],
            Phase::Task(task) => {
                let effects = task.effects().filter(|effect| Some(*effect) != ended);
                task.timers().map(Command::Disarm).chain(effects.map(Command::Cancel)).collect()
            }
            Phase::Idle | Phase::Branches(_) => return,
        };
        for command in commands {
            self.turn.command(command);
        }
    }

    /// The timer that was due is the frame's own or the execution's.
    fn fired(&mut self, timer: TimerId) {
        if self.execution.deadline == Some(timer) {
            return self.deadline();
        }
        let Some(&frame) = self.execution.timers.get(&timer) else { return };
        let step = match self.execution.frame(frame).map(|frame| &frame.phase) {
            Some(Phase::Wait(_)) => self.waited(frame),
            Some(Phase::Backoff(_)) => Step::Run,
            Some(Phase::Task(_)) => self.task_timed_out(frame, timer),
            Some(Phase::Idle | Phase::Branches(_)) | None => return,
        };
        self.ready.push_back((frame, step));
    }

    fn frame_of(&self, effect: EffectId) -> Option<FrameId> {
        self.execution.effects.get(&effect).copied()
    }
}
