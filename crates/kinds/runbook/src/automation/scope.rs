//! What references stand for, at a step of an execution.

use std::cell::Cell;

use serde_json::{Map, Value};
use trackway_core::Timestamp;

use super::clock;
use super::definition::Definition;
use super::limits::REFERENCES_BYTES_MAX;
use super::state::Automation;
use crate::document::reference::{Lookup, Reference};

/// What the output of a step is worth that has not put it out: AWS's words, seen in recorded
/// executions. A step that refers to it is run all the same, with this text: runbooks in use join
/// branches by referring to the outputs of all of them.
pub(crate) const NO_OUTPUT: &str =
    "No output available yet because the step is not successfully executed";

/// The values that a step sees.
pub(crate) struct Scope<'a> {
    pub(crate) def: &'a Definition,
    pub(crate) state: &'a Automation,
    pub(crate) now: Timestamp,
    /// The loop that the step is in.
    pub(crate) parent: Option<u16>,
    /// How many bytes of values may still be read.
    left: Cell<Option<usize>>,
}

impl Lookup for Scope<'_> {
    fn lookup(&self, reference: &Reference) -> Option<Value> {
        let found = self.find(reference)?;
        let left = self.left.get().and_then(|left| left.checked_sub(size(&found)));
        self.left.set(left);
        left.map(|_| found)
    }
}

/// About as many bytes as the value's text has.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| 1 + size(item)).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| 4 + name.len() + size(value)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
    }
}

impl<'a> Scope<'a> {
    pub(crate) fn new(
        def: &'a Definition,
        state: &'a Automation,
        now: Timestamp,
        parent: Option<u16>,
    ) -> Self {
        Self { def, state, now, parent, left: Cell::new(Some(REFERENCES_BYTES_MAX)) }
    }

    /// Whether more was read than may be; then nothing more is found.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.left.get().is_none()
    }

    fn find(&self, reference: &Reference) -> Option<Value> {
        let with = &self.state.started.with;
        match reference {
            Reference::Parameter(name) => self.state.parameters.get(name).cloned(),
            Reference::Variable(name) => self.state.variables.get(name).cloned(),
            Reference::Global(name) => Some(Value::String(match name.as_str() {
                "DATE" => clock::date(self.now),
                "DATE_TIME" => clock::date_time(self.now),
                "REGION" => with.region.clone(),
                "ACCOUNT_ID" => with.account.clone(),
                "AWS_PARTITION" => with.partition().to_owned(),
                _ => return None,
            })),
            Reference::Automation(name) if name == "EXECUTION_ID" => {
                Some(Value::String(with.execution_id.clone()))
            }
            Reference::Output { step, path } => {
                let none = || self.is_a_step(step).then(|| Value::from(NO_OUTPUT));
                self.output(step, path).or_else(none)
            }
            Reference::Automation(_) | Reference::Ssm(_) | Reference::Unknown(_) => None,
        }
    }

    fn is_a_step(&self, name: &str) -> bool {
        let near = self.parent.and_then(|parent| self.def.child(parent, name));
        near.or_else(|| self.def.place(name, None)).is_some()
    }

    fn output(&self, step: &str, path: &[String]) -> Option<Value> {
        if let Some(place) = self.parent.and_then(|parent| self.def.child(parent, step)) {
            return self.result(place, path);
        }
        let place = self.def.place(step, None)?;
        if let Some(found) = self.pass(place, path) {
            return Some(found);
        }
        match path {
            [_] => self.result(place, path),
            [child, output @ ..] => self.result(self.def.child(place, child)?, output),
            [] => None,
        }
    }

    /// What a loop that is under way tells of its pass.
    fn pass(&self, place: u16, path: &[String]) -> Option<Value> {
        let looping =
            self.state.looping.as_ref().filter(|_| self.state.loop_place() == Some(place))?;
        match path {
            [name] if name == "CurrentIteration" => Some(Value::from(looping.iteration)),
            [name] if name == "CurrentIteratorValue" => looping.value().cloned(),
            _ => None,
        }
    }

    fn result(&self, place: u16, path: &[String]) -> Option<Value> {
        let [name] = path else { return None };
        let (outputs, _) = self.state.results.get(&place)?;
        let mut outputs: Map<String, Value> = serde_json::from_str(outputs).ok()?;
        outputs.swap_remove(name)
    }
}
