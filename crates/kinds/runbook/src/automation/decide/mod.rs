//! The interpreter: what follows from an input.
//!
//! ```text
//!             ┌──────────────────────── next step ◀──────────────────────────┐
//!             ▼                                                              │
//!   Enter ─▶ begin (inputs resolved) ─▶ Work ─▶ Then ─┬─ Done ─▶ ended ──────┤
//!     │                                   ▲           ├─ Fail ─▶ attempts ───┤
//!     │ Interactive: Awaiting             │           ├─ Ask  ─▶ an effect   ▼
//!     │ a long turn: Yielded              └─ Answer ◀─┴─ Wait ─▶ a timer   finish
//! ```
//!
//! A turn goes from step to step until it blocks. What an action does is in the file of the action:
//! a function of what it sees and hears. Those that act on the execution itself (branch, loop,
//! updateVariable, approve, pause) are part of the flow.

mod alarm;
mod api;
mod approve;
mod branch;
mod cancel;
mod children;
mod end;
mod flow;
mod image;
mod instances;
mod lambda;
mod looping;
mod rate;
mod script;
mod signal;
mod sleep;
mod stack;
mod start;
mod tags;
mod variable;
mod webhook;
mod work;

use serde_json::{Map, Value};
use trackway_core::{
    Command, EffectId, Input, Machine, Outcome, Payload, Rows, Summary, TimerId, Timestamp, Turn,
};

use super::action::ActionKind;
use super::definition::{self, Definition, Ready};
use super::event::{Event, EventKind};
use super::fold::members;
use super::scope::Scope;
use super::signal::{Refusal, Signal};
use super::state::{Automation, Work, uuid_text};
use crate::automation::failure::Failure;
use work::{Answer, Decided, Then, View};

impl Machine for Automation {
    type Definition = Definition;
    type Event = Event;
    type Signal = Signal;
    type Refusal = Refusal;

    fn parse(text: &str) -> Result<Definition, String> {
        definition::parse(text)
    }

    fn evolve(&mut self, event: &Event, at: Timestamp) {
        self.fold(event, at);
    }

    fn project(&self, event: &Event, at: Timestamp, rows: &mut Rows) {
        self.derive(event, at, rows);
    }

    fn handle(
        &mut self,
        def: &Definition,
        input: Input<Signal>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let mut decide =
            Decide { def, state: self, turn, inputs: None, came: None, rang: None, steps: 0 };
        let next = match input {
            Input::Start(start) => decide.start(start),
            Input::Finished { effect, outcome } => decide.finished(effect, outcome),
            Input::Fired(timer) => decide.fired(timer),
            Input::Signal(signal) => decide.signal(signal)?,
        };
        decide.run(next);
        if decide.state.is_running() && !decide.state.is_listed {
            decide.emit(EventKind::Listed, None);
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
    state: &'a mut Automation,
    turn: &'a mut Turn<'t, Automation>,
    /// The inputs of the step that was begun last, which would have to be read again.
    inputs: Option<(u32, Map<String, Value>)>,
    /// The effect whose outcome is this turn's input.
    came: Option<EffectId>,
    /// The timer that is this turn's input.
    rang: Option<TimerId>,
    /// How many steps this turn has taken.
    steps: u32,
}

/// Where the execution goes on.
enum Next {
    /// With the step at this place.
    Enter(u16),
    /// The same, and nothing holds it up: a signal or a timer let it go.
    Begin(u16),
    /// With the work of the step under way.
    Work(Answer),
    /// With what the step's action said.
    Then(Decided),
    /// The step under way has ended.
    Ended(Ending),
    /// With the next pass of the loop.
    Pass,
    /// To its end.
    Finish,
    /// Not now.
    Block,
}

/// How a step ended.
enum Ending {
    Succeeded { outputs: Map<String, Value>, code: Option<String>, jump: Option<u16> },
    Failed { failure: Failure, outputs: Map<String, Value>, code: Option<String> },
    TimedOut(Failure),
    Cancelled,
}

impl<'a> Decide<'a, '_> {
    /// Goes from step to step until it blocks.
    fn run(&mut self, mut next: Next) {
        while self.state.is_running() {
            next = match next {
                Next::Enter(place) => self.enter(place),
                Next::Begin(place) => self.begin(place),
                Next::Work(answer) => self.work(answer),
                Next::Then(decided) => self.then(decided),
                Next::Ended(ending) => self.ended(ending),
                Next::Pass => self.next_pass(),
                Next::Finish => self.finish(),
                Next::Block => return,
            };
        }
    }

    /// Hands the answer to the action of the step under way.
    fn work(&mut self, answer: Answer) -> Next {
        let Some(record) = self.state.current() else { return Next::Block };
        let Some(ready) = self.def.ready(record.place) else { return Next::Block };
        match ready.action {
            ActionKind::Branch => return self.branch(ready),
            ActionKind::Loop => return self.start_loop(ready),
            ActionKind::UpdateVariable => return self.update_variable(),
            _ => {}
        }
        let inputs = self.inputs_of_current();
        let decided = self.act(ready, &inputs, answer);
        self.inputs = self.state.current().map(|record| (record.sequence, inputs));
        Next::Then(decided)
    }

    fn act(&self, ready: &Ready, inputs: &Map<String, Value>, answer: Answer) -> Decided {
        let Some(record) = self.state.current() else { return Ok(Then::Park) };
        let Work { stage, memo, polls, .. } = &record.work;
        let role = self.role();
        let child_id = match ready.action {
            ActionKind::RunCommand
            | ActionKind::ExecuteAutomation
            | ActionKind::ExecuteStateMachine => {
                uuid_text(&self.state.child_id(self.new_effect().0))
            }
            _ => String::new(),
        };
        let view = View {
            ready,
            inputs,
            with: &self.state.started.with,
            role: role.as_deref(),
            now: self.turn.now(),
            child_id: &child_id,
            timeout_seconds: record.options.as_ref().and_then(|options| options.timeout_seconds),
            stage: *stage,
            memo: memo
                .as_ref()
                .and_then(|memo| serde_json::from_str(memo).ok())
                .unwrap_or_default(),
            polls: *polls,
        };
        match ready.action {
            ActionKind::Approve => approve::approve(&view, answer),
            ActionKind::AssertAwsResourceProperty => api::assert(&view, answer),
            ActionKind::ChangeInstanceState => instances::change_state(&view, answer),
            ActionKind::CopyImage => image::copy(&view, answer),
            ActionKind::CreateImage => image::create(&view, answer),
            ActionKind::CreateStack => stack::create(&view, answer),
            ActionKind::CreateTags => tags::create(&view, answer),
            ActionKind::DeleteImage => image::delete(&view, answer),
            ActionKind::DeleteStack => stack::delete(&view, answer),
            ActionKind::ExecuteAutomation => children::automation(&view, answer),
            ActionKind::ExecuteAwsApi => api::execute(&view, answer),
            ActionKind::ExecuteScript => script::execute(&view, answer),
            ActionKind::ExecuteStateMachine => children::machine(&view, answer),
            ActionKind::InvokeLambdaFunction => lambda::invoke(&view, answer),
            ActionKind::InvokeWebhook => webhook::invoke(&view, answer),
            ActionKind::Pause => Ok(Then::Park),
            ActionKind::RunCommand => children::command(&view, answer),
            ActionKind::RunInstances => instances::run(&view, answer),
            ActionKind::Sleep => sleep::sleep(&view, answer),
            ActionKind::WaitForAwsResourceProperty => api::wait_for(&view, answer),
            ActionKind::Branch
            | ActionKind::Loop
            | ActionKind::UpdateVariable
            | ActionKind::Unknown => {
                Err(Failure::internal(&format!("{} is no action", ready.step.action_name)))
            }
        }
    }

    /// Does what the action said.
    fn then(&mut self, decided: Decided) -> Next {
        match decided.unwrap_or_else(Then::Fail) {
            Then::Ask { queue, request, stage, memo } => {
                let effect = self.new_effect();
                let memo = memo.map(|memo| Payload::new(memo.to_string()));
                self.emit(EventKind::Asked { effect, stage }, memo);
                self.turn.command(Command::Run { effect, queue: queue.to_owned(), request });
                Next::Block
            }
            Then::Wait { until, stage } => {
                let timer = self.new_timer();
                self.emit(EventKind::Waits { timer, stage }, None);
                self.turn.command(Command::Wake { timer, at: until });
                Next::Block
            }
            Then::Park => self.park(),
            Then::Done(outputs) => {
                Next::Ended(Ending::Succeeded { outputs, code: None, jump: None })
            }
            Then::DoneWith(outputs, code) => {
                Next::Ended(Ending::Succeeded { outputs, code: Some(code), jump: None })
            }
            Then::Fail(failure) => {
                Next::Ended(Ending::Failed { failure, outputs: Map::new(), code: None })
            }
            Then::FailWith(failure, outputs, code) => {
                Next::Ended(Ending::Failed { failure, outputs, code })
            }
        }
    }

    /// An effect has its outcome. One that nobody awaits is ignored.
    fn finished(&mut self, effect: EffectId, outcome: Outcome) -> Next {
        self.came = Some(effect);
        if self.state.fetching.is_some_and(|(fetching, _)| fetching == effect) {
            return self.fetched(outcome);
        }
        if self.state.resolving == Some(effect) {
            return self.resolved(outcome);
        }
        if self.state.alarm_asked == Some(effect) {
            return self.alarm_answered(outcome);
        }
        if self.state.parting.contains(&effect) {
            return self.parted(effect);
        }
        if let Some(index) = self.child_of(effect) {
            return self.child_ended(index, &outcome);
        }
        if self.state.current().is_none_or(|record| record.work.effect != Some(effect)) {
            return Next::Block;
        }
        if self.is_stopping_child() {
            return self.cancelled_step();
        }
        Next::Work(answer_of(outcome))
    }

    /// A timer is due. One that nobody awaits is ignored.
    fn fired(&mut self, timer: TimerId) -> Next {
        if !self.state.is_running() {
            return Next::Block;
        }
        self.rang = Some(timer);
        if self.state.cancelling == Some(timer) {
            return self.cancel_overdue();
        }
        if self.state.alarm_timer == Some(timer) {
            self.ask_alarm();
            return Next::Block;
        }
        if let Some((_, place)) = self.state.yielded.filter(|(yielded, _)| *yielded == timer) {
            return Next::Begin(place);
        }
        // A loop's own clock runs while its steps do.
        let is_mains = |record: &super::state::Record| record.work.timeout == Some(timer);
        if self.state.running_main().is_some_and(is_mains) {
            return self.main_timed_out();
        }
        let Some(record) = self.state.current() else { return Next::Block };
        if record.work.timeout == Some(timer) {
            return self.timed_out();
        }
        if record.work.timer == Some(timer) {
            return Next::Work(Answer::Due);
        }
        Next::Block
    }

    fn emit(&mut self, kind: EventKind, payload: Option<Payload>) {
        self.turn.emit(self.state, Event { kind, payload });
    }

    fn new_effect(&self) -> EffectId {
        EffectId(self.state.next_effect)
    }

    fn new_timer(&self) -> TimerId {
        TimerId(self.state.next_timer)
    }

    /// What a step sees; `parent` is the loop that it is in.
    fn scope(&self, parent: Option<u16>) -> Scope<'_> {
        Scope::new(self.def, self.state, self.turn.now(), parent)
    }

    /// The role that the execution assumes.
    fn role(&self) -> Option<String> {
        let role = self.def.assume_role.as_ref()?.resolve(&self.scope(None)).ok()?;
        role.as_str().map(str::to_owned).filter(|role| !role.is_empty())
    }

    /// The resolved inputs of the step under way.
    fn inputs_of_current(&mut self) -> Map<String, Value> {
        let Some(record) = self.state.current() else { return Map::new() };
        match self.inputs.take() {
            Some((sequence, inputs)) if sequence == record.sequence => inputs,
            _ => members(Some(&record.inputs)),
        }
    }

    /// Gives up what the step under way waits for, but for what has just come.
    fn release(&mut self) {
        let Some(record) = self.state.current() else { return };
        let work = &record.work;
        let effect = work.effect.filter(|effect| Some(*effect) != self.came).map(Command::Cancel);
        let timers = work.timer.into_iter().chain(work.timeout);
        let timers = timers.filter(|timer| Some(*timer) != self.rang).map(Command::Disarm);
        let commands: Vec<Command> = effect.into_iter().chain(timers).collect();
        commands.into_iter().for_each(|command| self.turn.command(command));
    }
}

/// What an action hears of an outcome; a child's report is JSON text.
fn answer_of(outcome: Outcome) -> Answer {
    let read = |bytes: &[u8]| match serde_json::from_slice(bytes) {
        Ok(response) => Answer::Response(response),
        Err(_) if bytes.is_empty() => Answer::Response(Value::Null),
        // Half a character, or more depth than anyone reads: not nothing.
        Err(why) => {
            let cause = format!("The response can't be read: {why}");
            Answer::Failed { error: "InvalidResponse".to_owned(), cause }
        }
    };
    match outcome {
        Outcome::Succeeded(payload) => read(payload.as_str().as_bytes()),
        Outcome::Failed { error, cause } => Answer::Failed { error, cause },
        Outcome::Closed { report } => read(&report),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_that_can_not_be_read_is_a_failure() {
        let answer = |text: &str| answer_of(Outcome::Succeeded(Payload::new(text.to_owned())));
        assert!(matches!(answer(r#"{"Payload":1}"#), Answer::Response(Value::Object(_))));
        assert!(matches!(answer(""), Answer::Response(Value::Null)));
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        for unreadable in [r#"{"Payload":"\ud83d"}"#, &deep, "{"] {
            assert!(matches!(answer(unreadable), Answer::Failed { .. }), "{unreadable}");
        }
    }
}
