//! Cancelling: the step under way ends, `onCancel` has its way, and all within two minutes.

use serde_json::{Map, Value};
use trackway_core::{Command, EffectId};

use super::work::{object, payload};
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
        match self.stop_of_child() {
            None => self.cancelled_step(),
            Some(call) => {
                let effect = self.new_effect();
                self.emit(EventKind::Told { effect }, None);
                self.tell(effect, call);
                Next::Block
            }
        }
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
        self.close_as(Status::Cancelled, None)
    }

    /// Whether the step under way is a child that was told to stop and has not yet.
    pub(super) fn is_stopping_child(&self) -> bool {
        self.state.cancelling.is_some()
            && self.state.current().is_some_and(|record| record.status == Status::Cancelling)
    }

    /// Gives up the child of the step under way, if it has one.
    pub(super) fn part_with_child(&mut self) {
        if let Some(call) = self.stop_of_child() {
            let effect = self.new_effect();
            self.emit(EventKind::Parting { effect }, None);
            self.tell(effect, call);
        }
    }

    /// The call that stops the child of the step under way; none if it has no child.
    fn stop_of_child(&self) -> Option<AwsCall> {
        let record = self.state.current()?;
        let ready = self.def.ready(record.place)?;
        let id = uuid_text(&self.state.child_id(record.work.effect?.0));
        match ready.action {
            ActionKind::ExecuteAutomation => Some(stop_automation(&id)),
            ActionKind::RunCommand => {
                let input = object([("CommandId", Value::from(id))]);
                Some(plain_call("ssm", "CancelCommand", input))
            }
            ActionKind::ExecuteStateMachine => {
                let inputs = members(Some(&record.inputs));
                let name = inputs.get("name").and_then(Value::as_str).unwrap_or(&id);
                let machine = inputs.get("stateMachineArn").and_then(Value::as_str);
                let arn = machine.unwrap_or_default();
                let arn = arn.replacen(":stateMachine:", ":execution:", 1);
                let input = object([("executionArn", Value::from(format!("{arn}:{name}")))]);
                Some(plain_call("stepfunctions", "StopExecution", input))
            }
            _ => None,
        }
    }

    /// Makes a call of the execution's own whose result does not matter.
    pub(super) fn tell(&mut self, effect: EffectId, call: AwsCall) {
        let queue = request::AWS.to_owned();
        let call = AwsCall { scope: self.state.started.with.scope(), ..call };
        self.turn.command(Command::Run { effect, queue, request: payload(&call) });
    }

    /// A call that the end waits for is over.
    pub(super) fn parted(&mut self, effect: EffectId) -> Next {
        self.emit(EventKind::Parted { effect }, None);
        match self.state.leaving.clone() {
            Some((status, message)) if self.state.parting.is_empty() => {
                self.finish_as(status, message)
            }
            _ => Next::Block,
        }
    }
}

/// What stops a child Automation.
pub(super) fn stop_automation(id: &str) -> AwsCall {
    let input = object([("AutomationExecutionId", Value::from(id)), ("Type", "Cancel".into())]);
    plain_call("ssm", "StopAutomationExecution", input)
}

/// A call in the execution's own name.
fn plain_call(service: &str, operation: &str, input: Map<String, Value>) -> AwsCall {
    AwsCall {
        service: service.to_owned(),
        operation: operation.to_owned(),
        input,
        region: None,
        role_arn: None,
        scope: None,
    }
}
