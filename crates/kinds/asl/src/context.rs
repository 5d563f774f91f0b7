//! The context object, `$$`: what a state may know of the execution that it is in.
//!
//! It is built only when a path asks for it. The execution's input can be large, so paths that
//! name another member get a context without it.

use std::cell::OnceCell;

use serde_json::{Map, Value, json};
use trackway_core::Timestamp;

use crate::definition::{Definition, StateKind};
use crate::event::FrameId;
use crate::jsonpath::Path;
use crate::runtime;
use crate::state::Execution;

/// The context object of one state of one frame.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    def: &'a Definition,
    execution: &'a Execution,
    frame: FrameId,
    token: Option<String>,
    item: Option<(u32, Value)>,
    whole: OnceCell<Value>,
    light: OnceCell<Value>,
}

/// Members of the context object that hold no input, as paths begin with them.
const LIGHT: [&str; 6] = [
    "$$.State",
    "$$.Map.",
    "$$.Task.",
    "$$.Execution.Id",
    "$$.Execution.Name",
    "$$.Execution.StartTime",
];

impl<'a> Context<'a> {
    /// The context object of the state that `frame` is in.
    pub(crate) fn of(def: &'a Definition, execution: &'a Execution, frame: FrameId) -> Self {
        Self {
            def,
            execution,
            frame,
            token: None,
            item: None,
            whole: OnceCell::new(),
            light: OnceCell::new(),
        }
    }

    /// With the token of a task that waits for one.
    pub(crate) fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// With another item of the Map whose selector is evaluated.
    pub(crate) fn set_item(&mut self, index: u32, value: Value) {
        for cell in [&mut self.whole, &mut self.light] {
            if let Some(context) = cell.get_mut() {
                context["Map"] = map_member(index, value.clone());
            }
        }
        self.item = Some((index, value));
    }

    fn build(&self, input: Value) -> Value {
        let started = self.execution.started();
        let name = started.definition_arn.split(':').nth(6).unwrap_or_default();
        let mut members = Map::new();
        let execution = json!({
            "Id": started.arn,
            "Input": input,
            "StartTime": rfc3339(self.execution.started_at()),
            "Name": started.name,
            "RoleArn": started.role_arn,
            "RedriveCount": 0,
        });
        members.insert("Execution".to_owned(), execution);
        let machine = json!({"Id": started.definition_arn, "Name": name});
        members.insert("StateMachine".to_owned(), machine);
        members.insert("State".to_owned(), self.state());
        if let Some((index, value)) = self.item() {
            members.insert("Map".to_owned(), map_member(index, value));
        }
        if let Some(token) = &self.token {
            members.insert("Task".to_owned(), json!({"Token": token}));
        }
        Value::Object(members)
    }

    fn state(&self) -> Value {
        let Some(frame) = self.execution.frame(self.frame) else { return Value::Null };
        let Some(state) = self.def.state(frame.state) else { return Value::Null };
        let mut members = Map::new();
        members.insert("Name".to_owned(), Value::from(&*state.name));
        members.insert("EnteredTime".to_owned(), Value::from(rfc3339(frame.entered_at)));
        if matches!(state.kind, StateKind::Task(_) | StateKind::Parallel { .. } | StateKind::Map(_))
        {
            members.insert("RetryCount".to_owned(), Value::from(frame.retry_count));
        }
        Value::Object(members)
    }

    /// The item at hand: the selector's, or that of the nearest iteration around the frame.
    fn item(&self) -> Option<(u32, Value)> {
        if let Some(item) = &self.item {
            return Some(item.clone());
        }
        let mut frame = self.frame;
        loop {
            let (parent, index) = self.execution.frame(frame)?.parent?;
            let item = self.execution.branches(parent).and_then(|b| b.items.get(index));
            if let Some(item) = item {
                return Some((index, serde_json::from_str(item).unwrap_or_default()));
            }
            frame = parent;
        }
    }
}

impl runtime::Context for Context<'_> {
    fn document(&self, path: &Path) -> &Value {
        if LIGHT.iter().any(|start| path.source().starts_with(start)) {
            self.light.get_or_init(|| self.build(Value::Null))
        } else {
            self.whole.get_or_init(|| {
                self.build(serde_json::from_str(self.execution.input()).unwrap_or_default())
            })
        }
    }
}

fn map_member(index: u32, value: Value) -> Value {
    json!({"Item": {"Index": index, "Value": value}})
}

/// A moment as the context object shows it: `2019-03-26T20:14:13.192Z`.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map(|time| time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_have_three_decimals() {
        assert_eq!(rfc3339(Timestamp(1_553_631_253_192)), "2019-03-26T20:14:13.192Z");
        assert_eq!(rfc3339(Timestamp(0)), "1970-01-01T00:00:00.000Z");
    }
}
