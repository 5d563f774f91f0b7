//! The journal as AWS's history: each visible event becomes one `HistoryEvent`.
//!
//! JSON is written straight into the answer's bytes: a page of a thousand events is a loop over
//! this and nothing else. Names, resources and ARNs come from the definition.

use trackway_core::{Payload, Timestamp};

use crate::definition::{Definition, Resource, StateId, StateKind};
use crate::event::{Event, EventKind, Failure, Started, TaskOptions};

/// How a history is shown.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The region that the execution runs in, the fourth part of its ARN.
    pub region: &'a str,
    /// `includeExecutionData`: whether inputs, outputs and parameters are shown.
    pub include_execution_data: bool,
}

/// Appends one event's JSON object. A hidden event appends nothing: then the answer is `false`.
pub fn write_event(
    out: &mut Vec<u8>,
    def: &Definition,
    event: &Event,
    at: Timestamp,
    view: &View<'_>,
) -> bool {
    if !event.is_visible() {
        return false;
    }
    let shown = Shown::of(def, event);
    out.extend_from_slice(b"{\"timestamp\":");
    write_time(out, at);
    out.extend_from_slice(b",\"type\":\"");
    shown.write_type(out);
    out.extend_from_slice(b"\",\"id\":");
    write_number(out, event.id.into());
    out.extend_from_slice(b",\"previousEventId\":");
    write_number(out, event.previous.into());
    if let Some(details) = shown.details {
        out.extend_from_slice(b",\"");
        out.extend_from_slice(details.as_bytes());
        out.extend_from_slice(b"EventDetails\":{");
        let mut members = Members { out, is_first: true, view };
        members.details(def, event);
        out.push(b'}');
    }
    out.push(b'}');
    true
}

/// The type of a history event and the name of its details, `…EventDetails`.
struct Shown {
    prefix: &'static str,
    suffix: &'static str,
    details: Option<&'static str>,
}

impl Shown {
    fn of(def: &Definition, event: &Event) -> Self {
        let named = |prefix, suffix, details| Self { prefix, suffix, details: Some(details) };
        let bare = |prefix, suffix| Self { prefix, suffix, details: None };
        let family = |state: &StateId| Family::of(def, *state);
        match &event.kind {
            EventKind::Started(_) => named("Execution", "Started", "executionStarted"),
            EventKind::StateEntered(state) => {
                named(type_name(def, *state), "StateEntered", "stateEntered")
            }
            EventKind::StateExited(state) => {
                named(type_name(def, *state), "StateExited", "stateExited")
            }
            EventKind::StateAborted(state) => bare(type_name(def, *state), "StateAborted"),
            EventKind::Scheduled { state, .. } => family(state).shown("Scheduled"),
            EventKind::Begun(state) => family(state).shown("Started"),
            EventKind::Taken { state, .. } => family(state).shown("Started"),
            EventKind::Submitted(state) => family(state).shown("Submitted"),
            EventKind::Succeeded(state) => family(state).shown("Succeeded"),
            EventKind::Failed(state, _) => family(state).shown("Failed"),
            EventKind::TimedOut(state, _) => family(state).shown("TimedOut"),
            EventKind::ParallelStarted { .. } => bare("Parallel", "StateStarted"),
            EventKind::ParallelSucceeded(_) => bare("Parallel", "StateSucceeded"),
            EventKind::ParallelFailed(_) => bare("Parallel", "StateFailed"),
            EventKind::MapStarted { .. } => named("Map", "StateStarted", "mapStateStarted"),
            EventKind::MapSucceeded(_) => bare("Map", "StateSucceeded"),
            EventKind::MapFailed(_) => bare("Map", "StateFailed"),
            EventKind::IterationStarted { .. } => {
                named("MapIteration", "Started", "mapIterationStarted")
            }
            EventKind::IterationSucceeded(..) => {
                named("MapIteration", "Succeeded", "mapIterationSucceeded")
            }
            EventKind::IterationFailed(..) => named("MapIteration", "Failed", "mapIterationFailed"),
            EventKind::IterationAborted(..) => {
                named("MapIteration", "Aborted", "mapIterationAborted")
            }
            EventKind::ExecutionSucceeded => named("Execution", "Succeeded", "executionSucceeded"),
            EventKind::ExecutionFailed(_) => named("Execution", "Failed", "executionFailed"),
            EventKind::ExecutionTimedOut(_) => named("Execution", "TimedOut", "executionTimedOut"),
            EventKind::ExecutionAborted(_) => named("Execution", "Aborted", "executionAborted"),
            EventKind::WaitSet { .. }
            | EventKind::RetryScheduled { .. }
            | EventKind::Heartbeat(_)
            | EventKind::AnsweredEarly
            | EventKind::FailedEarly(_)
            | EventKind::ClosedEarly(_)
            | EventKind::BranchEnded
            | EventKind::ChildrenDropped
            | EventKind::DeadlineSet(_)
            | EventKind::ReportsJson => bare("", ""),
        }
    }

    fn write_type(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(self.suffix.as_bytes());
    }
}

/// Which events a Task shows.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Task,
    Lambda,
    Activity,
}

impl Family {
    fn of(def: &Definition, state: StateId) -> Self {
        match resource(def, state) {
            Some(Resource::Lambda { .. }) => Self::Lambda,
            Some(Resource::Activity { .. }) => Self::Activity,
            Some(Resource::Service { .. }) | None => Self::Task,
        }
    }

    fn shown(self, suffix: &'static str) -> Shown {
        let (prefix, table) = match self {
            Self::Task => ("Task", TASK_DETAILS),
            Self::Lambda => ("LambdaFunction", LAMBDA_DETAILS),
            Self::Activity => ("Activity", ACTIVITY_DETAILS),
        };
        let details = table.iter().find(|(of, _)| *of == suffix).map(|(_, details)| *details);
        Shown { prefix, suffix, details }
    }
}

const TASK_DETAILS: &[(&str, &str)] = &[
    ("Scheduled", "taskScheduled"),
    ("Started", "taskStarted"),
    ("Submitted", "taskSubmitted"),
    ("Succeeded", "taskSucceeded"),
    ("Failed", "taskFailed"),
    ("TimedOut", "taskTimedOut"),
];
const LAMBDA_DETAILS: &[(&str, &str)] = &[
    ("Scheduled", "lambdaFunctionScheduled"),
    ("Succeeded", "lambdaFunctionSucceeded"),
    ("Failed", "lambdaFunctionFailed"),
    ("TimedOut", "lambdaFunctionTimedOut"),
];
const ACTIVITY_DETAILS: &[(&str, &str)] = &[
    ("Scheduled", "activityScheduled"),
    ("Started", "activityStarted"),
    ("Succeeded", "activitySucceeded"),
    ("Failed", "activityFailed"),
    ("TimedOut", "activityTimedOut"),
];

fn resource(def: &Definition, state: StateId) -> Option<&Resource> {
    match &def.state(state)?.kind {
        StateKind::Task(task) => Some(&task.resource),
        _ => None,
    }
}

fn type_name(def: &Definition, state: StateId) -> &'static str {
    match def.state(state).map(|state| &state.kind) {
        Some(StateKind::Pass { .. }) | None => "Pass",
        Some(StateKind::Task(_)) => "Task",
        Some(StateKind::Choice { .. }) => "Choice",
        Some(StateKind::Wait(_)) => "Wait",
        Some(StateKind::Succeed) => "Succeed",
        Some(StateKind::Fail { .. }) => "Fail",
        Some(StateKind::Parallel { .. }) => "Parallel",
        Some(StateKind::Map(_)) => "Map",
    }
}

/// Writes the members of one object.
struct Members<'o, 'v> {
    out: &'o mut Vec<u8>,
    is_first: bool,
    view: &'v View<'v>,
}

impl Members<'_, '_> {
    fn details(&mut self, def: &Definition, event: &Event) {
        let payload = event.payload.as_ref();
        match &event.kind {
            EventKind::Started(started) => self.started(started, payload),
            EventKind::StateEntered(state) => {
                self.state_name(def, *state);
                self.data("input", payload);
            }
            EventKind::StateExited(state) => {
                self.state_name(def, *state);
                self.data("output", payload);
            }
            EventKind::Scheduled { state, options, .. } => {
                self.scheduled(def, *state, options.as_deref(), payload);
            }
            EventKind::Begun(state) => self.resource(def, *state),
            EventKind::Taken { worker, .. } => self.optional_text("workerName", worker.as_deref()),
            EventKind::Submitted(state) | EventKind::Succeeded(state) => {
                self.resource(def, *state);
                self.data("output", payload);
            }
            EventKind::Failed(state, failure) | EventKind::TimedOut(state, failure) => {
                self.resource(def, *state);
                self.failure(failure);
            }
            EventKind::MapStarted { length, .. } => self.number("length", (*length).into()),
            EventKind::IterationStarted { state, index, .. }
            | EventKind::IterationSucceeded(state, index)
            | EventKind::IterationFailed(state, index)
            | EventKind::IterationAborted(state, index) => {
                self.state_name(def, *state);
                self.number("index", (*index).into());
            }
            EventKind::ExecutionSucceeded => self.data("output", payload),
            EventKind::ExecutionFailed(failure)
            | EventKind::ExecutionTimedOut(failure)
            | EventKind::ExecutionAborted(failure) => self.failure(failure),
            _ => {}
        }
    }

    fn started(&mut self, started: &Started, payload: Option<&Payload>) {
        self.data("input", payload);
        self.text("roleArn", &started.role_arn);
    }

    fn scheduled(
        &mut self,
        def: &Definition,
        state: StateId,
        options: Option<&TaskOptions>,
        payload: Option<&Payload>,
    ) {
        match resource(def, state) {
            Some(Resource::Lambda { arn } | Resource::Activity { arn }) => {
                self.text("resource", arn);
                self.data("input", payload);
            }
            Some(Resource::Service { .. }) | None => {
                self.resource(def, state);
                self.text("region", self.view.region);
                self.parameters(payload);
            }
        }
        let Some(options) = options else { return };
        if let Some((seconds, _)) = options.timeout {
            self.number("timeoutInSeconds", seconds);
        }
        // A function has no heartbeat: its events have no such member.
        if let (Some((seconds, _)), false) =
            (options.heartbeat, Family::of(def, state) == Family::Lambda)
        {
            self.number("heartbeatInSeconds", seconds);
        }
        if let Some(role_arn) = &options.role_arn {
            self.name("taskCredentials");
            self.out.extend_from_slice(b"{\"roleArn\":");
            write_text(self.out, role_arn);
            self.out.push(b'}');
        }
    }

    /// `resourceType` and `resource`, which the events of a service integration bear.
    fn resource(&mut self, def: &Definition, state: StateId) {
        if let Some(Resource::Service { service, action, .. }) = resource(def, state) {
            self.text("resourceType", service);
            self.text("resource", action);
        }
    }

    fn state_name(&mut self, def: &Definition, state: StateId) {
        self.text("name", def.state(state).map_or("", |state| &state.name));
    }

    /// Input or output with its `…Details`.
    fn data(&mut self, name: &str, payload: Option<&Payload>) {
        if !self.view.include_execution_data {
            return;
        }
        self.text(name, payload.map_or("{}", |payload| payload.as_str()));
        self.out.extend_from_slice(b",\"");
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"Details\":{\"truncated\":false}");
    }

    fn parameters(&mut self, payload: Option<&Payload>) {
        if self.view.include_execution_data {
            self.text("parameters", payload.map_or("{}", |payload| payload.as_str()));
        }
    }

    fn failure(&mut self, failure: &Failure) {
        self.optional_text("error", failure.error.as_deref());
        self.optional_text("cause", failure.cause.as_deref());
    }

    fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        write_text(self.out, text);
    }

    fn number(&mut self, name: &str, number: u64) {
        self.name(name);
        write_number(self.out, number);
    }

    fn name(&mut self, name: &str) {
        self.out.extend_from_slice(if self.is_first { b"\"" } else { b",\"" });
        self.is_first = false;
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}

/// A moment as AWS shows it: seconds with three decimals.
fn write_time(out: &mut Vec<u8>, at: Timestamp) {
    let millis = at.as_millis();
    if millis < 0 {
        out.push(b'-');
    }
    write_number(out, millis.unsigned_abs() / 1000);
    let rest = (millis.unsigned_abs() % 1000) as u16;
    out.push(b'.');
    out.extend([rest / 100, rest / 10 % 10, rest % 10].map(|digit| b'0' + digit as u8));
}

fn write_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0_u8; 20];
    let mut place = digits.len();
    let mut rest = number;
    loop {
        place -= 1;
        digits[place] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[place..]);
}

/// Which bytes a JSON string escapes, and by which letter; `u` is by number.
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = b'u';
        byte += 1;
    }
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[b'\n' as usize] = b'n';
    table[b'\r' as usize] = b'r';
    table[b'\t' as usize] = b't';
    table
};

/// Text as a JSON string. Inputs are JSON texts, so that quotes are frequent.
fn write_text(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + text.len() / 4 + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut written = 0;
    for (place, byte) in bytes.iter().enumerate() {
        let letter = ESCAPES[usize::from(*byte)];
        if letter == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[written..place]);
        out.push(b'\\');
        if letter == *byte {
            // It goes out with what follows.
            written = place;
            continue;
        }
        out.push(letter);
        if letter == b'u' {
            let digit = b"0123456789abcdef"[usize::from(byte & 0xf)];
            out.extend_from_slice(&[b'0', b'0', b'0' + (byte >> 4), digit]);
        }
        written = place + 1;
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_json() {
        let text: String = (0..0x80_u8).map(char::from).chain(['ß', '😀']).collect();
        let mut out = Vec::new();
        write_text(&mut out, &text);
        assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

    #[test]
    fn time_has_three_decimals() {
        let mut out = Vec::new();
        write_time(&mut out, Timestamp(1_550_505_827_019));
        assert_eq!(out, b"1550505827.019");
    }
}
