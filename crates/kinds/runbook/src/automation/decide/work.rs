//! What an action sees, hears and answers: each is a function of these alone.

use serde_json::{Map, Value};
use trackway_core::{Payload, Timestamp};

use crate::automation::definition::Ready;
use crate::automation::failure::Failure;
use crate::automation::limits::poll_seconds;
use crate::automation::start::StartedWith;
use crate::automation::value::{as_flat_list, convert};
use crate::document::ParameterType;
use crate::request::{self, AwsCall, ChildCall};

/// What an action sees.
pub(crate) struct View<'a> {
    pub(crate) ready: &'a Ready,
    pub(crate) inputs: &'a Map<String, Value>,
    pub(crate) with: &'a StartedWith,
    pub(crate) role: Option<&'a str>,
    pub(crate) now: Timestamp,
    /// The id that a child started by the next effect is to have.
    pub(crate) child_id: &'a str,
    pub(crate) timeout_seconds: Option<u64>,
    pub(crate) stage: u8,
    pub(crate) memo: Value,
    pub(crate) polls: u32,
}

/// How often something that was just made may be unknown.
const LOOKS_BEFORE_THERE: u32 = 10;

/// What an action hears.
#[derive(Debug)]
pub(crate) enum Answer {
    /// It begins.
    Begin,
    /// What it asked for.
    Response(Value),
    /// What it asked for failed.
    Failed { error: String, cause: String },
    /// What it waited for is due.
    Due,
}

/// What follows.
#[derive(Debug)]
pub(crate) enum Then {
    /// Ask for an effect.
    Ask { queue: &'static str, request: Payload, stage: u8, memo: Option<Value> },
    /// Wait for a moment.
    Wait { until: Timestamp, stage: u8 },
    /// Wait for a signal.
    Park,
    /// The step succeeded with these outputs.
    Done(Map<String, Value>),
    /// So it did, and the API shows this `ResponseCode`.
    DoneWith(Map<String, Value>, String),
    /// The attempt failed.
    Fail(Failure),
    /// So it did, and there are outputs and a `ResponseCode`.
    FailWith(Failure, Map<String, Value>, Option<String>),
}

pub(crate) type Decided = Result<Then, Failure>;

impl View<'_> {
    /// An input; none if it is absent or null.
    pub(crate) fn input(&self, name: &str) -> Option<&Value> {
        self.inputs.get(name).filter(|value| !value.is_null())
    }

    /// An input that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.input(name).and_then(Value::as_str)
    }

    /// An input that has to be there.
    pub(crate) fn need(&self, name: &str) -> Result<&Value, Failure> {
        self.input(name).ok_or_else(|| Failure::input(&format!("Input {name} is required")))
    }

    /// A text that has to be there.
    pub(crate) fn need_text(&self, name: &str) -> Result<&str, Failure> {
        let value = self.need(name)?;
        value.as_str().ok_or_else(|| Failure::input(&format!("Input {name} is not a String")))
    }

    /// An input that is a list of texts; one text is a list of one, and a list in the list, from a
    /// reference, is part of it.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.input(name).map(as_flat_list).unwrap_or_default()
    }

    /// An input that is a flag.
    pub(crate) fn flag(&self, name: &str) -> bool {
        let flag = self.input(name).cloned().map(|value| convert(value, &ParameterType::Boolean));
        matches!(flag, Some(Ok(Value::Bool(true))))
    }

    /// A member of the memo.
    pub(crate) fn memo(&self, name: &str) -> &Value {
        &self.memo[name]
    }

    /// An AWS call. What it is told are the inputs named, where they are there, and more.
    pub(crate) fn call(
        &self,
        (service, operation): (&str, &str),
        stage: u8,
        input: Map<String, Value>,
        memo: Option<Value>,
    ) -> Then {
        let call = AwsCall {
            service: service.to_owned(),
            operation: operation.to_owned(),
            input,
            region: None,
            role_arn: self.role.map(str::to_owned),
            scope: self.with.scope(),
        };
        Then::Ask { queue: request::AWS, request: payload(&call), stage, memo }
    }

    /// Starts a child.
    pub(crate) fn start_child(&self, queue: &'static str, input: Map<String, Value>) -> Then {
        let mut origin = Map::new();
        let mut put = |name: &str, value: &str| {
            origin.insert(name.to_owned(), Value::from(value));
        };
        put("ParentAutomationExecutionId", &self.with.execution_id);
        put("ParentStepName", &self.ready.step.name);
        put("ExecutedBy", &self.with.executed_by);
        self.role.into_iter().for_each(|role| put("RoleArn", role));
        let call = ChildCall { id: self.child_id.to_owned(), input, origin };
        Then::Ask { queue, request: payload(&call), stage: 1, memo: None }
    }

    /// The inputs of these names, by other names where two are given.
    pub(crate) fn pick(&self, names: &[(&str, &str)]) -> Map<String, Value> {
        let found = names.iter().filter_map(|(from, to)| Some((*to, self.input(from)?)));
        found.map(|(name, value)| (name.to_owned(), value.clone())).collect()
    }

    /// Whether a look failed because what was just made is not known everywhere yet.
    pub(crate) fn is_not_yet_there(&self, error: &str) -> bool {
        error.ends_with("NotFound") && self.polls < LOOKS_BEFORE_THERE
    }

    /// Waits before the next look at a resource.
    pub(crate) fn poll(&self, stage: u8) -> Then {
        Then::Wait { until: self.now.plus_seconds(poll_seconds(self.polls)), stage }
    }
}

/// The JSON text of a request.
pub(crate) fn payload(request: &impl serde::Serialize) -> Payload {
    serde_json::to_string(request).map(Payload::new).unwrap_or_default()
}

/// A JSON object of these members.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
