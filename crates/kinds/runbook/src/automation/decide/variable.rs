//! aws:updateVariable.

use serde_json::{Map, Value};
use trackway_core::Payload;

use super::{Decide, Ending, Next};
use crate::automation::event::EventKind;
use crate::automation::failure::Failure;
use crate::automation::value::convert;

impl Decide<'_, '_> {
    pub(super) fn update_variable(&mut self) -> Next {
        let mut inputs = self.inputs_of_current();
        let outputs = Map::new();
        match self.new_value(&mut inputs) {
            Err(failure) => Next::Ended(Ending::Failed { failure, outputs, code: None }),
            Ok((name, value)) => {
                let set = Value::Object(Map::from_iter([(name, value)]));
                self.emit(EventKind::VariableSet, Some(Payload::new(set.to_string())));
                Next::Ended(Ending::Succeeded { outputs, code: None, jump: None })
            }
        }
    }

    /// The variable's name and its new value, of the variable's type.
    fn new_value(&self, inputs: &mut Map<String, Value>) -> Result<(String, Value), Failure> {
        let name = inputs.get("Name").and_then(Value::as_str).unwrap_or_default();
        let name = name.strip_prefix("variable:").unwrap_or(name).to_owned();
        let declared = self.def.runbook().variables.iter().find(|found| found.name == name);
        let Some(declared) = declared else {
            return Err(Failure::input(&format!("There is no variable {name}")));
        };
        let value = inputs.swap_remove("Value").unwrap_or_default();
        let value = convert(value, &declared.kind)
            .map_err(|why| Failure::input(&format!("Variable {name}: {why}")))?;
        Ok((name, value))
    }
}
