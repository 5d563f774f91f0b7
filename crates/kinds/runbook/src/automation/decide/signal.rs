//! SendAutomationSignal and StopAutomationExecution.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use trackway_core::Payload;

use super::{Decide, Ending, Next, approve};
use crate::automation::action::ActionKind;
use crate::automation::event::{Decision, EventKind};
use crate::automation::failure::Failure;
use crate::automation::signal::{Refusal, Signal, SignalType, StopType};
use crate::automation::state::{Record, uuid_text};
use crate::automation::status::Status;

type Payloads = BTreeMap<String, Vec<String>>;
type Allowed = Result<Next, Refusal>;

impl Decide<'_, '_> {
    pub(super) fn signal(&mut self, signal: Signal) -> Allowed {
        if !self.state.is_running() {
            return Err(Refusal::NotRunning);
        }
        match signal {
            Signal::Stop(StopType::Cancel) => Ok(self.cancel()),
            Signal::Stop(StopType::Complete) => Ok(self.complete()),
            Signal::Send { kind, payload, by } => match kind {
                SignalType::Approve => self.decide(&payload, &by, true),
                SignalType::Reject => self.decide(&payload, &by, false),
                SignalType::StartStep => self.start_step_by(&payload),
                SignalType::StopStep => self.stop_step_by(&payload),
                SignalType::Resume => self.resume(&payload),
                SignalType::Revoke => Err(invalid("there is no access request to revoke")),
            },
        }
    }

    /// Nothing is started any more; what runs may finish.
    fn complete(&mut self) -> Next {
        if self.state.completing || self.state.cancelling.is_some() {
            return Next::Block;
        }
        self.emit(EventKind::Completing, None);
        if self.state.fan.is_some() {
            return self.stop_rate_control();
        }
        let between = self.state.awaiting.is_some() || self.state.yielded.is_some();
        if between && self.state.current().is_none() { Next::Finish } else { Next::Block }
    }

    fn decide(&mut self, payload: &Payloads, by: &str, approved: bool) -> Allowed {
        self.parked(ActionKind::Approve)?;
        let inputs = self.inputs_of_current();
        let Some(approver) = approve::approver_of(&inputs, by) else {
            return Err(invalid(&format!("{by} is not an approver of the step")));
        };
        let Some(record) = self.state.current() else { return Err(Refusal::NotRunning) };
        let known = &record.work.decisions;
        if known.iter().any(|decision| decision.approver == approver) {
            return Err(invalid(&format!("{approver} has decided already")));
        }
        let decision = Decision { approver, approved, comment: value_of(payload, "Comment") };
        let mut decisions = known.clone();
        decisions.push(decision.clone());
        let approvals = decisions.iter().filter(|decision| decision.approved).count() as u64;
        let enough = approvals >= approve::needed(&inputs).unwrap_or(1);
        let status = match (approved, enough) {
            (false, _) => "Rejected",
            (true, true) => "Approved",
            (true, false) => "Waiting",
        };
        let outputs = approve::outputs(&decisions, status);
        let text = Payload::new(Value::Object(outputs.clone()).to_string());
        self.emit(EventKind::Decided(Box::new(decision)), Some(text));
        Ok(match (approved, enough) {
            (false, _) => {
                let failure = Failure::action("Approval was rejected");
                Next::Ended(Ending::Failed { failure, outputs, code: None })
            }
            (true, true) => Next::Ended(Ending::Succeeded { outputs, code: None, jump: None }),
            (true, false) => Next::Block,
        })
    }

    /// The step under way waits for a signal, and its action is this one.
    fn parked(&self, action: ActionKind) -> Result<&Record, Refusal> {
        let waiting = self.state.current().filter(|record| record.status == Status::Waiting);
        let fits = waiting.filter(|record| {
            self.def.ready(record.place).is_some_and(|ready| ready.action == action)
        });
        fits.ok_or_else(|| invalid(&format!("no {} step is waiting", action.name())))
    }

    fn resume(&mut self, payload: &Payloads) -> Allowed {
        let named = value_of(payload, "StepName");
        if let Some(name) = &named {
            self.known(name)?;
        }
        let id = value_of(payload, "StepExecutionId");
        let record = self.parked(ActionKind::Pause)?;
        let name = self.def.ready(record.place).map(|ready| ready.step.name.as_str());
        if named.is_some_and(|named| Some(named.as_str()) != name)
            || id.is_some_and(|id| id != uuid_text(&record.id))
        {
            return Err(invalid("the step is not paused"));
        }
        let outputs = Map::new();
        Ok(Next::Ended(Ending::Succeeded { outputs, code: None, jump: None }))
    }

    fn known(&self, name: &str) -> Result<u16, Refusal> {
        self.def.anywhere(name).ok_or_else(|| Refusal::StepNotFound(name.to_owned()))
    }

    fn start_step_by(&mut self, payload: &Payloads) -> Allowed {
        let named = value_of(payload, "StepName");
        let place = named.as_deref().map(|name| self.known(name)).transpose()?;
        let Some(awaiting) = self.state.awaiting else {
            return Err(invalid("no step is waiting to be started"));
        };
        if place.is_some_and(|place| place != awaiting) {
            return Err(invalid("the step is not the next one"));
        }
        Ok(Next::Begin(awaiting))
    }

    fn stop_step_by(&mut self, payload: &Payloads) -> Allowed {
        let Some(id) = value_of(payload, "StepExecutionId") else {
            return Err(invalid("StepExecutionId is required"));
        };
        let records = [&self.state.child, &self.state.main];
        let named = |record: &&Record| uuid_text(&record.id) == id;
        if !records.into_iter().flatten().any(|record| named(&record)) && !self.is_pending(&id) {
            return Err(Refusal::StepNotFound(id));
        }
        let is_current = self.state.current().is_some_and(|record| named(&record));
        if !self.state.is_interactive() || !is_current || self.state.cancelling.is_some() {
            return Err(invalid("the step can't be stopped"));
        }
        self.part_with_child();
        Ok(Next::Ended(Ending::Cancelled))
    }

    /// Whether a main step that is not under way bears the id.
    fn is_pending(&self, id: &str) -> bool {
        let mut places = (0_u16..).take(self.def.steps.len());
        places.any(|place| uuid_text(&self.state.main_id(place)) == id)
    }
}

fn value_of(payload: &Payloads, name: &str) -> Option<String> {
    payload.get(name)?.first().cloned()
}

fn invalid(why: &str) -> Refusal {
    Refusal::InvalidSignal(why.to_owned())
}
