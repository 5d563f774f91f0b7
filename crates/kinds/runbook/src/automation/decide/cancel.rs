//! Cancelling: the step under way ends, `onCancel` has its way, and all within two minutes.

use serde_json::{Map, Value};
use trackway_core::{Command, Payload};

use super::work::object;
use super::{Decide, Next};
use crate::automation::action::ActionKind;
use crate::automation::definition::Ready;
use crate::automation::event::EventKind;
use crate::automation::fold::members;
use crate::automation::limits::CANCEL_SECONDS;
use crate::automation::state::{Record, uuid_text};
use crate::automation::status::Status;
use crate::document::OnCancel;
use crate::request::{self, AwsCall};

impl Decide<'_, '_> {
    /// Cancels the execution. One that is being cancelled goes on with that.
    pub(super) fn cancel(&mut self) -> Next {
        if self.state.cancelling.is_some() {
            return Next::Block;
        }
        let outstanding = self.state.fetching.map(|(effect, _)| effect);
        let outstanding = outstanding.into_iter().chain(self.state.resolving);
        let outstanding = outstanding.chain(self.state.alarm_asked);
        let commands: Vec<Command> = outstanding.map(Command::Cancel).collect();
        commands.into_iter().for_each(|command| self.turn.command(command));
        let timer = self.new_timer();
        let waits = self.state.yielded.map(|(timer, _)| timer).into_iter();
        let disarmed: Vec<_> = waits.chain(self.state.alarm_timer).map(Command::Disarm).collect();
        disarmed.into_iter().for_each(|command| self.turn.command(command));
        self.emit(EventKind::Cancelling { timer }, None);
        let at = self.turn.now().plus_seconds(CANCEL_SECONDS);
        self.turn.command(Command::Wake { timer, at });
        if self.state.fan.is_some() {
            return self.stop_rate_control();
        }
        if self.state.current().is_none() {
            return Next::Finish;
        }
        if self.tell_child_to_stop() { Next::Block } else { self.cancelled_step() }
    }

    /// The step under way is over, and the loop around it; what `onCancel` says follows.
    pub(super) fn cancelled_step(&mut self) -> Next {
        let is_loops = self.state.child.as_ref().is_some_and(Record::is_running);
        self.end_cancelled();
        if is_loops {
            self.end_cancelled();
        }
        match self.state.main.as_ref().and_then(|main| self.def.ready(main.place)) {
            Some(ready) => self.after_stop(ready),
            None => Next::Finish,
        }
    }

    pub(super) fn end_cancelled(&mut self) {
        self.end_step(Status::Cancelled, None, Map::new(), None);
    }

    /// After a step that was stopped: `onCancel`.
    pub(super) fn after_stop(&mut self, ready: &Ready) -> Next {
        // The loop around a step that was stopped.
        while self.state.current().is_some() {
            self.end_cancelled();
        }
        let place = match &ready.step.on_cancel {
            Some(OnCancel::Step(name)) if ready.parent.is_none() => self.def.place(name, None),
            _ => None,
        };
        match place {
            Some(place) => Next::Enter(place),
            None => self.finish_as(Status::Cancelled, None),
        }
    }

    /// Two minutes are over.
    pub(super) fn cancel_overdue(&mut self) -> Next {
        while self.state.current().is_some() {
            self.end_cancelled();
        }
        Next::Finish
    }

    /// Whether the step under way is a child that was told to stop and has not yet.
    pub(super) fn is_stopping_child(&self) -> bool {
        self.state.cancelling.is_some()
            && self.state.current().is_some_and(|record| record.status == Status::Cancelling)
    }

    /// Asks the child of the step under way to stop; whether there is one.
    pub(super) fn tell_child_to_stop(&mut self) -> bool {
        let Some(record) = self.state.current() else { return false };
        let Some(effect) = record.work.effect else { return false };
        let Some(ready) = self.def.ready(record.place) else { return false };
        let id = uuid_text(&self.state.child_id(effect.0));
        let text = |text: &str| Value::from(text);
        let (service, operation, input) = match ready.action {
            ActionKind::ExecuteAutomation => ("ssm", "StopAutomationExecution", stop_input(&id)),
            ActionKind::RunCommand => ("ssm", "CancelCommand", object([("CommandId", text(&id))])),
            ActionKind::ExecuteStateMachine => {
                let inputs = members(Some(&record.inputs));
                let name = inputs.get("name").and_then(Value::as_str).unwrap_or(&id);
                let machine = inputs.get("stateMachineArn").and_then(Value::as_str);
                let machine = machine.unwrap_or_default();
                let arn = machine.replacen(":stateMachine:", ":execution:", 1);
                let arn = format!("{arn}:{name}");
                ("stepfunctions", "StopExecution", object([("executionArn", text(&arn))]))
            }
            _ => return false,
        };
        self.tell(service, operation, input);
        true
    }

    /// Makes a call whose outcome nobody waits for.
    pub(super) fn tell(&mut self, service: &str, operation: &str, input: Map<String, Value>) {
        let call = AwsCall {
            service: service.to_owned(),
            operation: operation.to_owned(),
            input,
            region: None,
            role_arn: None,
        };
        let effect = self.new_effect();
        self.emit(EventKind::Told { effect }, None);
        let request = serde_json::to_string(&call).map(Payload::new).unwrap_or_default();
        self.turn.command(Command::Run { effect, queue: request::AWS.to_owned(), request });
    }
}

/// What stops a child Automation.
pub(super) fn stop_input(id: &str) -> Map<String, Value> {
    object([("AutomationExecutionId", Value::from(id)), ("Type", Value::from("Cancel"))])
}
