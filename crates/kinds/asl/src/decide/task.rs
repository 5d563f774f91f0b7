//! Task: work that somebody else does.

use serde_json::Value;
use serde_json::value::RawValue;
use trackway_core::{Command, EffectId, Payload, TimerId};

use super::data::{Chance, Doc, Trouble};
use super::{Decide, Step};
use crate::call::{self, CallPattern, FunctionCall, ServiceCall, StartCall, Style};
use crate::context::Context;
use crate::definition::{Number, Pattern, Resource, State, StateId, StateKind, Task};
use crate::event::{EventKind, Failure, FrameId, TaskOptions};
use crate::limits::PAYLOAD_BYTES_MAX;
use crate::retry::{Fault, FaultKind, TIMEOUT};
use crate::runtime::{Documents, Scope};

impl Decide<'_, '_> {
    /// Hands the work over.
    pub(super) fn task(
        &mut self,
        frame: FrameId,
        state: &State,
        task: &Task,
    ) -> Result<Step, Trouble> {
        let Some(at) = self.execution.frame(frame) else { return Ok(Step::Block) };
        let at = at.state;
        if let Resource::Activity { arn } = &task.resource
            && !self.turn.exists(arn)
        {
            return Err(Trouble::runtime(format!("The activity {arn} does not exist.")));
        }
        let effect = EffectId(self.execution.next_effect);
        let waits = pattern(&task.resource) != Pattern::RequestResponse;
        let answer = waits.then_some(EffectId(effect.0 + 1));
        let input = self.filtered(frame, state)?;
        let parameters = self.parameters(frame, state, task, answer, &input)?;
        let options = TaskOptions { answer, ..self.options(frame, task, &input)? };
        if parameters.len() > PAYLOAD_BYTES_MAX {
            return Err(Trouble::too_large(&state.name));
        }
        let (queue, request) = request(task, &parameters, &options)?;
        let is_activity = matches!(task.resource, Resource::Activity { .. });
        let options = (options != TaskOptions::default()).then(|| Box::new(options));
        self.emit(frame, EventKind::Scheduled { state: at, effect, options }, Some(parameters));
        // AWS counts from when the work has begun: for an activity, when a worker takes it.
        if !is_activity {
            self.emit(frame, EventKind::Begun(at), None);
            self.count_time(frame);
        }
        if let Some(answer) = answer {
            let is_token = pattern(&task.resource) == Pattern::WaitForTaskToken;
            let is_child = queue == call::STATES && !is_token;
            let of = if is_child { call::ANSWER_CHILD } else { call::ANSWER };
            let (queue, request) = (of.to_owned(), Payload::default());
            self.turn.command(Command::Run { effect: answer, queue, request });
            self.turn.command(Command::Hold(answer));
        }
        self.turn.command(Command::Run { effect, queue, request });
        Ok(Step::Block)
    }

    /// Starts the clocks of `TimeoutSeconds` and `HeartbeatSeconds`.
    pub(super) fn count_time(&mut self, frame: FrameId) {
        let Some(task) = self.execution.task(frame) else { return };
        let now = self.turn.now();
        for (seconds, timer) in task.timeout.into_iter().chain(task.heartbeat) {
            self.wake(timer, now.plus_seconds(seconds));
        }
    }

    fn parameters(
        &mut self,
        frame: FrameId,
        state: &State,
        task: &Task,
        answer: Option<EffectId>,
        input: &Doc,
    ) -> Result<Payload, Trouble> {
        let Some(template) = &state.parameters else { return Ok(input.payload()) };
        let waits = pattern(&task.resource) == Pattern::WaitForTaskToken;
        let answer = answer.filter(|_| waits);
        let token = answer.map(|answer| self.turn.task_token(answer));
        let value = input.value()?;
        let context = Context::of(self.def, self.execution, frame).with_token(token);
        let turn = &mut *self.turn;
        let mut random = || turn.random();
        let documents = Documents { input: value, context: &context };
        let mut scope = Scope { documents, randomness: &mut Chance(&mut random) };
        Ok(Doc::from(template.evaluate(&mut scope)?).payload())
    }

    fn options(
        &mut self,
        frame: FrameId,
        task: &Task,
        input: &Doc,
    ) -> Result<TaskOptions, Trouble> {
        let timeout = self.seconds(frame, input, task.timeout.as_ref(), "TimeoutSecondsPath")?;
        let heartbeat =
            self.seconds(frame, input, task.heartbeat.as_ref(), "HeartbeatSecondsPath")?;
        let first = self.new_timer();
        let second = TimerId(first.0 + 1);
        let role_arn = match &task.credentials {
            None => None,
            Some(template) => {
                let filled = self.fill(frame, template, input)?;
                filled.value()?.get("RoleArn").and_then(Value::as_str).map(str::to_owned)
            }
        };
        Ok(TaskOptions {
            timeout: timeout.map(|seconds| (seconds, first)),
            heartbeat: heartbeat.map(|seconds| (seconds, second)),
            role_arn,
            answer: None,
        })
    }

    fn seconds(
        &mut self,
        frame: FrameId,
        input: &Doc,
        number: Option<&Number>,
        field: &str,
    ) -> Result<Option<u64>, Trouble> {
        let seconds = match number {
            None => return Ok(None),
            Some(Number::Fixed(seconds)) => *seconds,
            Some(number) => {
                let value = input.value()?;
                self.evaluate(frame, value, |scope| number.resolve(field, scope.documents))?
            }
        };
        Ok(u64::try_from(seconds).ok())
    }

    /// `TimeoutSeconds` or `HeartbeatSeconds` ran out. An answer that came before counts.
    pub(super) fn task_timed_out(&mut self, frame: FrameId, timer: TimerId) -> Step {
        let Some(state) = self.execution.frame(frame).map(|frame| frame.state) else {
            return Step::Block;
        };
        let Some(task) = self.execution.task(frame) else { return Step::Block };
        if task.early.is_some() {
            return self.early(frame, None);
        }
        let is_heartbeat = task.heartbeat.is_some_and(|(_, heartbeat)| heartbeat == timer);
        let kind = if is_heartbeat { FaultKind::HeartbeatTimedOut } else { FaultKind::TimedOut };
        let failure = Failure { error: Some(TIMEOUT.to_owned()), cause: None };
        self.release(frame, None);
        self.emit(frame, EventKind::TimedOut(state, Box::new(failure.clone())), None);
        Step::Fail(Fault { failure, kind })
    }

    pub(super) fn task_of(&self, state: StateId) -> Option<&Task> {
        match &self.def.state(state)?.kind {
            StateKind::Task(task) => Some(task),
            _ => None,
        }
    }
}

/// How a resource answers.
pub(super) fn pattern(resource: &Resource) -> Pattern {
    match resource {
        Resource::Service { pattern, .. } => *pattern,
        Resource::Lambda { .. } | Resource::Activity { .. } => Pattern::RequestResponse,
    }
}

/// The queue and the request of a task.
fn request(
    task: &Task,
    parameters: &Payload,
    options: &TaskOptions,
) -> Result<(String, Payload), Trouble> {
    let role_arn = options.role_arn.clone();
    let timeout_seconds = options.timeout.map(|(seconds, _)| seconds);
    let answer = options.answer;
    match &task.resource {
        Resource::Activity { arn } => Ok((call::activity_queue(arn), parameters.clone())),
        Resource::Lambda { arn } => {
            let call = FunctionCall {
                style: Style::Arn,
                function: arn.clone(),
                payload: raw(parameters)?,
                qualifier: None,
                client_context: None,
                invocation_type: None,
                log_type: None,
                role_arn,
                timeout_seconds,
            };
            Ok((call::LAMBDA.to_owned(), write(&call)))
        }
        Resource::Service { service, action, pattern, .. } => {
            let pattern = CallPattern::from(*pattern);
            let base = action.split('.').next().unwrap_or_default();
            match (service.as_str(), base) {
                ("lambda", "invoke") => {
                    let call = invoke(parameters, role_arn, timeout_seconds)?;
                    Ok((call::LAMBDA.to_owned(), write(&call)))
                }
                ("states", "startExecution") => {
                    let call = start_execution(parameters, pattern, role_arn)?;
                    let call = StartCall { answer, ..call };
                    Ok((call::STATES.to_owned(), write(&call)))
                }
                (of, _) => {
                    if of == "apigateway" {
                        check_headers(parameters)?;
                    }
                    let call = ServiceCall {
                        service: service.clone(),
                        action: action.clone(),
                        pattern,
                        answer,
                        parameters: raw(parameters)?,
                        role_arn,
                    };
                    Ok((call::SERVICE.to_owned(), write(&call)))
                }
            }
        }
    }
}

fn invoke(
    parameters: &Payload,
    role_arn: Option<String>,
    timeout_seconds: Option<u64>,
) -> Result<FunctionCall, Trouble> {
    let members = members(parameters, INVOKE)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let function = text("FunctionName").ok_or_else(|| required(parameters, "FunctionName"))?;
    let payload = members.get("Payload").map_or_else(|| "{}".to_owned(), Value::to_string);
    let client_context = members.get("ClientContext").map(|context| match context {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    Ok(FunctionCall {
        style: Style::Invoke,
        function,
        payload: raw(&payload)?,
        qualifier: text("Qualifier"),
        client_context,
        invocation_type: text("InvocationType"),
        log_type: text("LogType"),
        role_arn,
        timeout_seconds,
    })
}

fn start_execution(
    parameters: &Payload,
    pattern: CallPattern,
    role_arn: Option<String>,
) -> Result<StartCall, Trouble> {
    let members = members(parameters, START_EXECUTION)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let state_machine_arn =
        text("StateMachineArn").ok_or_else(|| required(parameters, "StateMachineArn"))?;
    let input = match members.get("Input") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    Ok(StartCall {
        state_machine_arn,
        name: text("Name"),
        input,
        trace_header: text("TraceHeader"),
        pattern,
        answer: None,
        role_arn,
    })
}

/// A field of an integration's parameters, and whether it holds a text.
type Field = (&'static str, bool);

const INVOKE: &[Field] = &[
    ("FunctionName", true),
    ("Payload", false),
    ("ClientContext", false),
    ("InvocationType", true),
    ("LogType", true),
    ("Qualifier", true),
    ("TenantId", true),
    ("DurableExecutionName", true),
];

const START_EXECUTION: &[Field] =
    &[("StateMachineArn", true), ("Input", false), ("Name", true), ("TraceHeader", true)];

/// The parameters' members, if each is one of `fields` and of its type.
fn members(
    parameters: &Payload,
    fields: &[Field],
) -> Result<serde_json::Map<String, Value>, Trouble> {
    let Ok(Value::Object(members)) = serde_json::from_str(parameters) else {
        return Err(unusable(parameters, "[The Parameters must be an object]"));
    };
    let problem =
        |(name, value): (&String, &Value)| match fields.iter().find(|(field, _)| field == name) {
            None => Some(format!("The field \"{name}\" is not supported by Step Functions")),
            Some((_, true)) if !value.is_string() && !value.is_null() => {
                Some(format!("The value for the field '{name}' must be a STRING"))
            }
            Some(_) => None,
        };
    let problems: Vec<String> = members.iter().filter_map(problem).collect();
    if problems.is_empty() {
        Ok(members)
    } else {
        Err(unusable(parameters, &format!("[{}]", problems.join(", "))))
    }
}

/// Each header of an API call is a list of texts.
fn check_headers(parameters: &Payload) -> Result<(), Trouble> {
    let value: Value = serde_json::from_str(parameters).unwrap_or_default();
    let fits = |headers: &Value| {
        headers.as_object().is_some_and(|headers| headers.values().all(Value::is_array))
    };
    match value.get("Headers") {
        Some(headers) if !headers.is_null() && !fits(headers) => {
            let why = "[The value of the field 'Headers' has an invalid format]";
            Err(unusable(parameters, why))
        }
        _ => Ok(()),
    }
}

fn required(parameters: &Payload, field: &str) -> Trouble {
    unusable(parameters, &format!("[The field '{field}' is required but was missing]"))
}

fn unusable(parameters: &Payload, why: &str) -> Trouble {
    Trouble::runtime(format!(
        "The Parameters '{}' could not be used to start the Task: {why}",
        parameters.as_str()
    ))
}

fn raw(text: &str) -> Result<Box<RawValue>, Trouble> {
    RawValue::from_string(text.to_owned())
        .map_err(|error| Trouble::runtime(format!("The data is not valid JSON: {error}")))
}

fn write(call: &impl serde::Serialize) -> Payload {
    serde_json::to_string(call).map(Payload::new).unwrap_or_default()
}
