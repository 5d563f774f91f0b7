//! How an execution begins: its parameters, its variables, its first step.

use std::sync::Arc;

use serde_json::{Map, Value};
use trackway_core::{Command, Outcome, Payload, Start};

use super::work::{object, payload};
use super::{Decide, Next};
use crate::automation::event::{EventKind, Started};
use crate::automation::failure::Failure;
use crate::automation::start::StartedWith;
use crate::automation::status::Status;
use crate::automation::value::convert;
use crate::document::reference::{Reference, Template};
use crate::request::{self, AwsCall};

impl Decide<'_, '_> {
    pub(super) fn start(&mut self, start: Start) -> Next {
        if self.state.status != Status::Pending {
            return Next::Block;
        }
        let with = StartedWith::decode(&start.attributes).unwrap_or_default();
        let seed = (self.turn.random(), self.turn.random());
        let started = Started {
            arn: start.arn,
            with: Arc::new(with),
            outline: self.def.outline.clone(),
            seed,
        };
        self.emit(EventKind::Started(Box::new(started)), Some(start.input));
        self.begin_alarm();
        self.prepare()
    }

    /// Finds the values that were not given, then goes to the first step.
    pub(super) fn prepare(&mut self) -> Next {
        if let Some(next) = self.fetch() {
            return next;
        }
        if let Err(failure) = self.fill_parameters().and_then(|()| self.fill_variables()) {
            return self.give_up(failure);
        }
        if self.state.started.with.is_rate_control() {
            return self.start_rate_control();
        }
        Next::Enter(0)
    }

    /// Asks for the next default that is in Parameter Store.
    fn fetch(&mut self) -> Option<Next> {
        let defaults = self.def.defaults.iter().zip(0_u16..);
        let mut wanted =
            defaults.filter_map(|(default, at)| Some((at, ssm_name(default.as_ref()?)?)));
        let (parameter, name) = wanted.find(|(at, _)| {
            let name = &self.def.runbook().parameters[usize::from(*at)].name;
            !self.state.parameters.contains_key(name) && !self.state.fetched.contains_key(at)
        })?;
        let input = object([("Name", Value::from(name)), ("WithDecryption", Value::from(true))]);
        let call = AwsCall {
            service: "ssm".to_owned(),
            operation: "GetParameter".to_owned(),
            input,
            region: None,
            role_arn: None,
            scope: self.state.started.with.scope(),
        };
        let effect = self.new_effect();
        self.emit(EventKind::Fetching { effect, parameter }, None);
        let queue = request::AWS.to_owned();
        self.turn.command(Command::Run { effect, queue, request: payload(&call) });
        Some(Next::Block)
    }

    /// Parameter Store has answered.
    pub(super) fn fetched(&mut self, outcome: Outcome) -> Next {
        let Some((_, parameter)) = self.state.fetching else { return Next::Block };
        let found = match &outcome {
            Outcome::Succeeded(response) => serde_json::from_str::<Value>(response).ok(),
            Outcome::Failed { error, cause } => return self.give_up(Failure::aws(error, cause)),
            Outcome::Closed { .. } => None,
        };
        let found = found.and_then(|response| response.pointer("/Parameter/Value").cloned());
        let Some(Value::String(text)) = found else {
            return self.give_up(Failure::input("Parameter Store gave no value"));
        };
        let Some(declared) = self.def.runbook().parameters.get(usize::from(parameter)) else {
            return Next::Block;
        };
        // A StringList of Parameter Store is a text with commas.
        let value = match convert(Value::String(text.clone()), &declared.kind) {
            Ok(value) => value,
            Err(_) if declared.kind.is_list() => {
                text.split(',').map(|item| Value::from(item.trim())).collect()
            }
            Err(why) => {
                let why = format!("Parameter {}: {why}", declared.name);
                return self.give_up(Failure::input(&why));
            }
        };
        self.emit(EventKind::Fetched, Some(Payload::new(value.to_string())));
        self.prepare()
    }

    fn fill_parameters(&mut self) -> Result<(), Failure> {
        let declared = &self.def.runbook().parameters;
        if declared.iter().all(|parameter| self.state.parameters.contains_key(&parameter.name)) {
            return Ok(());
        }
        let mut all = Map::new();
        for ((parameter, default), at) in declared.iter().zip(&self.def.defaults).zip(0_u16..) {
            let given = self.state.parameters.get(&parameter.name).cloned();
            let fetched = || {
                let text = self.state.fetched.get(&at)?;
                serde_json::from_str::<Value>(text).ok()
            };
            let value = match given.or_else(fetched) {
                Some(value) => value,
                None => match default {
                    Some(default) => {
                        let value = default
                            .resolve(&self.scope(None))
                            .map_err(|missing| Failure::unresolved(&missing.0.to_string()))?;
                        convert(value, &parameter.kind).map_err(|why| {
                            Failure::input(&format!("Parameter {}: {why}", parameter.name))
                        })?
                    }
                    // A rate control's children have it; the parent does not.
                    None => continue,
                },
            };
            all.insert(parameter.name.clone(), value);
        }
        let text = Payload::new(Value::Object(all).to_string());
        self.emit(EventKind::Parameters, Some(text));
        Ok(())
    }

    fn fill_variables(&mut self) -> Result<(), Failure> {
        let declared = &self.def.runbook().variables;
        if declared.is_empty() || self.state.started.with.is_rate_control() {
            return Ok(());
        }
        let mut all = Map::new();
        for (variable, default) in declared.iter().zip(&self.def.variables) {
            let Some(default) = default else { continue };
            let value = default
                .resolve(&self.scope(None))
                .map_err(|missing| Failure::unresolved(&missing.0.to_string()))?;
            let value = convert(value, &variable.kind)
                .map_err(|why| Failure::input(&format!("Variable {}: {why}", variable.name)))?;
            all.insert(variable.name.clone(), value);
        }
        let text = Payload::new(Value::Object(all).to_string());
        self.emit(EventKind::Variables, Some(text));
        Ok(())
    }
}

/// The name in Parameter Store of a default that is there.
fn ssm_name(default: &Template) -> Option<&str> {
    match default {
        Template::Whole(Reference::Ssm(name)) => Some(name),
        _ => None,
    }
}
