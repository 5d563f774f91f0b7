//! aws:loop: over items, or while a condition holds.

use serde_json::{Map, Value, json};
use trackway_core::Payload;

use super::flow::unresolved;
use super::work::object;
use super::{Decide, Ending, Next};
use crate::automation::definition::Ready;
use crate::automation::event::EventKind;
use crate::automation::failure::Failure;
use crate::automation::limits::ITERATIONS_MAX;
use crate::automation::status::Status;
use crate::automation::value::convert;
use crate::document::{Action, Iterators, ParameterType};

impl Decide<'_, '_> {
    pub(super) fn start_loop(&mut self, ready: &Ready) -> Next {
        let inputs = self.inputs_of_current();
        match items(ready, &inputs) {
            Err(failure) => failed(failure),
            Ok(items) => {
                let text = items.map(|items| Payload::new(Value::Array(items).to_string()));
                self.emit(EventKind::LoopStarted, text);
                Next::Pass
            }
        }
    }

    /// The loop's next pass, if there is one.
    pub(super) fn next_pass(&mut self) -> Next {
        let Some(main) = self.state.running_main() else { return Next::Block };
        let Some(ready) = self.def.ready(main.place) else { return Next::Block };
        let Some(looping) = &self.state.looping else { return Next::Block };
        let done = looping.iteration;
        let goes_on = match &looping.items {
            Some(items) => Ok((done as usize) < items.len()),
            None => self.condition_holds(ready, done),
        };
        match goes_on {
            Err(failure) => failed(failure),
            Ok(true) => {
                self.emit(EventKind::PassStarted, None);
                Next::Enter(ready.children.start)
            }
            Ok(false) => self.loop_done(),
        }
    }

    /// A condition is looked at after each pass; the first one is made in any case.
    fn condition_holds(&self, ready: &Ready, done: u32) -> Result<bool, Failure> {
        if done == 0 {
            return Ok(true);
        }
        let inputs = self.state.running_main().map(|main| &main.inputs);
        if u64::from(done) >= max_iterations(&crate::automation::fold::members(inputs))? {
            return Ok(false);
        }
        let Some(main) = self.state.running_main() else { return Ok(false) };
        // The condition sees the outputs of the loop's steps as they see each other.
        let scope = self.scope(Some(main.place));
        match &ready.condition {
            None => Ok(false),
            Some(rule) => rule.holds(&scope).map_err(|missing| unresolved(&scope, &missing)),
        }
    }

    fn loop_done(&mut self) -> Next {
        let outputs = self.loop_outputs();
        let forced = self.state.looping.as_ref().and_then(|looping| looping.forced.clone());
        match forced {
            None => Next::Ended(Ending::Succeeded { outputs, code: None, jump: None }),
            Some((status, message)) => self.loop_ended_badly(status, message, outputs),
        }
    }

    /// A step of the loop failed, and the loop with it.
    pub(super) fn loop_failed(&mut self, status: Status, message: Option<String>) -> Next {
        let outputs = self.loop_outputs();
        self.loop_ended_badly(status, message, outputs)
    }

    fn loop_ended_badly(
        &mut self,
        status: Status,
        message: Option<String>,
        outputs: Map<String, Value>,
    ) -> Next {
        let message = message.unwrap_or_default();
        let details = vec![("Message".to_owned(), message.clone())];
        let failure = Failure { message, details, ..Failure::default() };
        match status {
            Status::TimedOut => Next::Ended(Ending::TimedOut(failure)),
            _ => Next::Ended(Ending::Failed { failure, outputs, code: None }),
        }
    }

    fn loop_outputs(&self) -> Map<String, Value> {
        let Some(looping) = &self.state.looping else { return Map::new() };
        let mut outputs = object([("CurrentIteration", json!(looping.iteration))]);
        if let Some(value) = looping.value() {
            outputs.insert("CurrentIteratorValue".to_owned(), value.clone());
        }
        outputs
    }
}

/// What a loop goes over; nothing if over a condition.
fn items(ready: &Ready, inputs: &Map<String, Value>) -> Result<Option<Vec<Value>>, Failure> {
    let Action::Loop(found) = &ready.step.action else { return Ok(None) };
    let kind = match &found.over {
        Iterators::While { .. } => return max_iterations(inputs).map(|_| None),
        Iterators::Each { kind, .. } => kind,
    };
    let Some(Value::Array(items)) = inputs.get("Iterators") else {
        return Err(Failure::input("Iterators is not a list"));
    };
    if items.len() as u64 > ITERATIONS_MAX {
        return Err(Failure::input(&format!("A loop has at most {ITERATIONS_MAX} iterations")));
    }
    let read = |item: &Value| convert(item.clone(), kind);
    items.iter().map(read).collect::<Result<_, _>>().map(Some).map_err(|why| Failure::input(&why))
}

fn max_iterations(inputs: &Map<String, Value>) -> Result<u64, Failure> {
    let given = inputs.get("MaxIterations").cloned().unwrap_or_default();
    let number = convert(given, &ParameterType::Integer).ok().and_then(|number| number.as_u64());
    match number {
        Some(number @ 1..=ITERATIONS_MAX) => Ok(number),
        _ => Err(Failure::input(&format!("MaxIterations is not from 1 to {ITERATIONS_MAX}"))),
    }
}

fn failed(failure: Failure) -> Next {
    Next::Ended(Ending::Failed { failure, outputs: Map::new(), code: None })
}
