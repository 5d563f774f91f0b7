//! Rate control: one child for each target.

use serde_json::{Map, Value, json};
use trackway_core::fanout::{Quantity, Rate};
use trackway_core::{Command, EffectId, Outcome, Payload};

use super::cancel::stop_automation;
use super::work::{object, payload};
use super::{Decide, Next};
use crate::automation::event::EventKind;
use crate::automation::failure::Failure;
use crate::automation::limits::{MAX_CONCURRENCY, MAX_ERRORS};
use crate::automation::report::Report;
use crate::automation::start::StartedWith;
use crate::automation::state::uuid_text;
use crate::automation::status::Status;
use crate::automation::value::{as_list, as_lists};
use crate::request::{self, ChildCall, TargetsCall};

/// The target key whose values are the targets themselves.
const PARAMETER_VALUES: &str = "ParameterValues";

impl Decide<'_, '_> {
    /// Finds the targets: from the request where it names them, else by a look-up.
    pub(super) fn start_rate_control(&mut self) -> Next {
        let with = self.state.started.with.clone();
        if !with.target_maps.is_empty() {
            return self.with_targets(&json!(with.target_maps));
        }
        let is_given = |target: &crate::automation::start::Target| target.key == PARAMETER_VALUES;
        if with.targets.iter().all(is_given) {
            let values: Vec<&String> = with.targets.iter().flat_map(|t| &t.values).collect();
            return self.with_targets(&json!(values));
        }
        let call = TargetsCall { targets: json!(with.targets), purpose: "Automation".to_owned() };
        let effect = self.new_effect();
        self.emit(EventKind::Resolving { effect }, None);
        let queue = request::TARGETS.to_owned();
        self.turn.command(Command::Run { effect, queue, request: payload(&call) });
        Next::Block
    }

    /// The look-up has its outcome.
    pub(super) fn resolved(&mut self, outcome: Outcome) -> Next {
        match outcome {
            Outcome::Succeeded(list) => match serde_json::from_str::<Value>(&list) {
                Ok(list @ Value::Array(_)) => self.with_targets(&list),
                _ => self.give_up(Failure::internal("The targets are not a list")),
            },
            Outcome::Failed { error, cause } => self.give_up(Failure::aws(&error, &cause)),
            Outcome::Closed { .. } => Next::Block,
        }
    }

    fn with_targets(&mut self, targets: &Value) -> Next {
        let Ok(rate) = rate(&self.state.started.with) else {
            return self.give_up(Failure::input("MaxConcurrency or MaxErrors can't be read"));
        };
        let first = self.new_effect();
        let text = Payload::new(targets.to_string());
        self.emit(EventKind::Targets { first, rate }, Some(text));
        self.feed()
    }

    /// Starts as many children as may be, and ends if none is left.
    fn feed(&mut self) -> Next {
        while self.state.fan.as_ref().is_some_and(|fan| fan.progress.may_start() > 0) {
            let Some(fan) = &self.state.fan else { break };
            let index = fan.progress.started();
            let effect = EffectId(fan.first.saturating_add(index));
            let request = payload(&self.child_call(index, effect));
            self.emit(EventKind::ChildStarted, None);
            let queue = request::AUTOMATION.to_owned();
            self.turn.command(Command::Run { effect, queue, request });
        }
        match &self.state.fan {
            Some(fan) if fan.progress.is_over() => {
                let exceeded = fan.progress.exceeded() && self.state.cancelling.is_none();
                let failed = fan.progress.failed();
                if exceeded {
                    let message = format!(
                        "{failed} of {} targets failed, which is more than MaxErrors allows.",
                        fan.progress.total()
                    );
                    return self.finish_as(Status::Failed, Some(message));
                }
                self.finish_as(Status::Success, None)
            }
            _ => Next::Block,
        }
    }

    /// What starts the child of a target.
    fn child_call(&self, index: u32, effect: EffectId) -> ChildCall {
        let with = &self.state.started.with;
        let item = self.state.fan.as_ref().and_then(|fan| fan.items.get(index)).unwrap_or("null");
        let item: Value = serde_json::from_str(item).unwrap_or_default();
        let mut parameters = as_lists(&self.state.parameters);
        match (&item, &with.target_parameter_name) {
            (Value::Object(map), _) => {
                for (name, value) in map {
                    parameters.insert(name.clone(), json!(as_list(value)));
                }
            }
            (item, Some(name)) => {
                parameters.insert(name.clone(), json!(as_list(item)));
            }
            _ => {}
        }
        let mut origin = Map::new();
        let mut put = |name: &str, value: &str| {
            origin.insert(name.to_owned(), Value::from(value));
        };
        put("ParentAutomationExecutionId", &with.execution_id);
        put("ExecutedBy", &with.executed_by);
        put("Target", &crate::document::reference::as_text(&item));
        with.association_id.iter().for_each(|id| put("AssociationId", id));
        let input = object([
            ("DocumentName", json!(with.document_name)),
            ("DocumentVersion", json!(with.document_version)),
            ("Parameters", Value::Object(parameters)),
        ]);
        ChildCall { id: uuid_text(&self.state.child_id(effect.0)), input, origin }
    }

    /// The target whose child answers this effect, if it runs.
    pub(super) fn child_of(&self, effect: EffectId) -> Option<u32> {
        let fan = self.state.fan.as_ref()?;
        let index = effect.0.checked_sub(fan.first)?;
        fan.running.contains_key(&index).then_some(index)
    }

    pub(super) fn child_ended(&mut self, index: u32, outcome: &Outcome) -> Next {
        if !self.state.is_running() {
            return Next::Block;
        }
        let (status, why) = match outcome {
            Outcome::Closed { report } => {
                let report = Report::decode(report).unwrap_or_default();
                let status = Status::from_name(&report.automation_execution_status);
                let status = status.filter(|status| status.is_terminal());
                (status.unwrap_or(Status::Failed), report.failure_message)
            }
            Outcome::Succeeded(_) => (Status::Failed, None),
            Outcome::Failed { error, cause } => {
                (Status::Failed, Some(Failure::aws(error, cause).message))
            }
        };
        self.emit(EventKind::ChildEnded { index, status }, why.map(Payload::new));
        self.feed()
    }

    /// Starts no more children. Those that run are told to stop if it is cancelled.
    pub(super) fn stop_rate_control(&mut self) -> Next {
        if self.state.cancelling.is_some() {
            let Some(fan) = &self.state.fan else { return Next::Finish };
            let effects: Vec<u32> =
                fan.running.keys().map(|index| fan.first.saturating_add(*index)).collect();
            for effect in effects {
                let call = stop_automation(&uuid_text(&self.state.child_id(effect)));
                let effect = self.new_effect();
                self.emit(EventKind::Told { effect }, None);
                self.tell(effect, call);
            }
        }
        self.feed()
    }
}

fn rate(with: &StartedWith) -> Result<Rate, trackway_core::fanout::NotAQuantity> {
    let read = |text: &Option<String>, or: &str| text.as_deref().unwrap_or(or).parse::<Quantity>();
    Ok(Rate {
        max_concurrency: read(&with.max_concurrency, MAX_CONCURRENCY)?,
        max_errors: read(&with.max_errors, MAX_ERRORS)?,
        ramp: true,
    })
}
