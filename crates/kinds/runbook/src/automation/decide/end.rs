//! How an execution ends.

use serde_json::{Map, Value, json};
use trackway_core::{Command, Payload};

use super::{Decide, Next};
use crate::automation::event::EventKind;
use crate::automation::failure::Failure;
use crate::automation::report::Report;
use crate::automation::scope::{NO_OUTPUT, Scope};
use crate::automation::status::Status;
use crate::automation::value::as_list;
use crate::document::reference::Lookup as _;
use crate::document::reference::Reference;

impl Decide<'_, '_> {
    /// All steps are done: a critical one that failed decides.
    pub(super) fn finish(&mut self) -> Next {
        let (status, message) = self.state.forced.clone().unwrap_or((Status::Success, None));
        self.finish_as(status, message)
    }

    /// Ends the execution; one that is being cancelled ends cancelled. Calls that tell children to
    /// stop come first: with the end they would be dropped.
    pub(super) fn finish_as(&mut self, status: Status, message: Option<String>) -> Next {
        let status = if self.state.cancelling.is_some() { Status::Cancelled } else { status };
        if self.state.parting.is_empty() {
            return self.close_as(status, message);
        }
        self.emit(EventKind::Leaving { status, message }, None);
        Next::Block
    }

    pub(super) fn close_as(&mut self, status: Status, message: Option<String>) -> Next {
        let outputs = self.document_outputs();
        let text = Payload::new(Value::Object(outputs.clone()).to_string());
        self.emit(EventKind::Closed { status, message: message.clone() }, Some(text));
        let report = Report {
            automation_execution_id: self.state.started.with.execution_id.clone(),
            automation_execution_status: status.name().to_owned(),
            outputs: Value::Object(outputs),
            failure_message: message,
        };
        self.turn.command(Command::Close { report: report.encode() });
        Next::Block
    }

    /// Ends an execution that failed outside its steps.
    pub(super) fn give_up(&mut self, failure: Failure) -> Next {
        self.finish_as(Status::Failed, Some(failure.message))
    }

    /// The outputs that the document declares, as lists of texts.
    fn document_outputs(&self) -> Map<String, Value> {
        let mut outputs = Map::new();
        if self.state.started.with.is_rate_control() {
            return outputs;
        }
        let scope = self.scope(None);
        for output in &self.def.runbook().outputs {
            let value = Reference::parse(&output.text)
                .and_then(|reference| self.output(&scope, &reference));
            let list = value.map_or_else(|| vec![NO_OUTPUT.to_owned()], |value| as_list(&value));
            outputs.insert(output.text.clone(), json!(list));
        }
        outputs
    }

    /// An output, if the step that makes it succeeded.
    fn output(&self, scope: &Scope<'_>, reference: &Reference) -> Option<Value> {
        if let Reference::Output { step, path } = reference {
            let place = self.def.place(step, None)?;
            let place = match path.as_slice() {
                [child, _] => self.def.child(place, child)?,
                _ => place,
            };
            let (_, succeeded) = self.state.results.get(&place)?;
            if !succeeded {
                return None;
            }
        }
        scope.lookup(reference)
    }
}
