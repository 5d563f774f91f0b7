//! The rows of an execution's views, and the columns of its summary.
//!
//! | view | key | row |
//! |---|---|---|
//! | [`STEPS`] | started: 0, milliseconds (8 bytes), sequence (4 bytes) | [`StepRow`] |
//! | | pending: 1, place in the document (2 bytes) | |
//! | [`CHILDREN`] | a target's place (4 bytes) | [`ChildRow`]: a rate control's child |
//! | [`DETAILS`] | `parameters` | every parameter, a JSON object of typed values |
//! | | `variables` | every variable, likewise |
//!
//! Numbers in keys are big-endian, so steps ascend by start, and those that wait follow in the
//! document's order. A main step that runs again, after a jump backwards, replaces its row; each
//! pass of a loop has rows of its own. A rate control has a row for each target whose child has
//! started: named by the target, of the action aws:executeAutomation.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_core::{Payload, Rows, Summary, Timestamp};

use super::action::ActionKind;
use super::event::{Event, EventKind, StepOptions};
use super::failure::Failure;
use super::fold::members;
use super::start::{StartedWith, Target, TriggeredAlarm};
use super::state::{Automation, Fan, Record, uuid_text};
use super::status::Status;
use super::value::{as_encodings, as_lists};

/// The view of step executions.
pub const STEPS: u8 = 1;
/// The view of a rate control's children.
pub const CHILDREN: u8 = 2;
/// The view of what only GetAutomationExecution shows.
pub const DETAILS: u8 = 3;
/// Key of the parameters in [`DETAILS`].
pub const PARAMETERS: &[u8] = b"parameters";
/// Key of the variables in [`DETAILS`].
pub const VARIABLES: &[u8] = b"variables";

const VERSION: u8 = 1;

/// What filters look at: the beginning of a [`StepRow`]'s bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header<'a> {
    /// `StepStatus`.
    pub status: Status,
    /// `Action`.
    pub action: ActionKind,
    /// `StepExecutionId`; see [`uuid_text`].
    pub id: [u8; 16],
    /// `ExecutionStartTime`; none while it is pending.
    pub started: Option<Timestamp>,
    /// `ExecutionEndTime`.
    pub ended: Option<Timestamp>,
    /// `StepName`.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// `ParentStepDetails`, for a loop's steps.
    #[serde(borrow)]
    pub parent: Option<Parent<'a>>,
    /// Its place in the document: of a main step the same whether it has started or not.
    pub place: u16,
}

/// What a [`Header`] begins with: enough to pass over most rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// `StepStatus`.
    pub status: Status,
    /// `Action`.
    pub action: ActionKind,
    /// `StepExecutionId`; see [`uuid_text`].
    pub id: [u8; 16],
}

/// `ParentStepDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent<'a> {
    /// `StepExecutionId` of the loop.
    pub id: [u8; 16],
    /// `Iteration`, from 1.
    pub iteration: u32,
    /// `StepName` of the loop.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// `IteratorValue`: JSON text.
    #[serde(borrow)]
    pub iterator_value: Option<Cow<'a, str>>,
}

/// One step execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepRow {
    /// What filters look at.
    pub header: Header<'static>,
    /// All the rest.
    pub body: Body,
}

/// What only a [`StepRow`] that is shown needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The resolved inputs, a JSON object of their values.
    pub inputs: Option<Payload>,
    /// The outputs, likewise.
    pub outputs: Option<Payload>,
    /// `ResponseCode`.
    pub response_code: Option<String>,
    /// `FailureMessage` and `FailureDetails`.
    pub failure: Option<Box<Failure>>,
    /// What the document says of it.
    pub options: Option<Box<StepOptions>>,
    /// `Targets`.
    pub targets: Vec<Target>,
}

impl StepRow {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let bytes = postcard::to_extend(&self.header, vec![VERSION]).unwrap_or_default();
        postcard::to_extend(&self.body, bytes).unwrap_or_default()
    }

    /// Reads what [`Self::encode`] wrote; none if it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (header, rest) = split(bytes)?;
        let body = postcard::from_bytes(rest).ok()?;
        Some(Self { header: header.into_owned(), body })
    }

    /// What filters look at, without reading the rest.
    #[must_use]
    pub fn header(bytes: &[u8]) -> Option<Header<'_>> {
        Some(split(bytes)?.0)
    }

    /// What its header begins with, without reading any more.
    #[must_use]
    pub fn front(bytes: &[u8]) -> Option<Front> {
        let (&VERSION, rest) = bytes.split_first()? else { return None };
        let ((status, action), rest) = postcard::take_from_bytes(rest).ok()?;
        Some(Front { status, action, id: *rest.first_chunk()? })
    }

    /// The `StepExecution` that the API shows; times are seconds.
    #[must_use]
    pub fn describe(&self) -> Value {
        let (header, body) = (&self.header, &self.body);
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| {
            shown.insert(name.to_owned(), value);
        };
        put("StepName", json!(header.name));
        put("Action", json!(header.action.name()));
        describe_options(body.options.as_deref(), &mut put);
        for (name, at) in
            [("ExecutionStartTime", header.started), ("ExecutionEndTime", header.ended)]
        {
            at.into_iter().for_each(|at| put(name, seconds(at)));
        }
        put("StepStatus", json!(header.status.name()));
        body.response_code.iter().for_each(|code| put("ResponseCode", json!(code)));
        put("Inputs", Value::Object(as_encodings(&members(body.inputs.as_ref()))));
        if header.started.is_some() {
            put("Outputs", Value::Object(as_lists(&members(body.outputs.as_ref()))));
        }
        if let Some(failure) = &body.failure {
            put("FailureMessage", json!(failure.message));
            put("FailureDetails", failure.describe());
        }
        put("StepExecutionId", json!(uuid_text(&header.id)));
        put("OverriddenParameters", json!({}));
        if !body.targets.is_empty() {
            put("Targets", json!(body.targets));
        }
        header.parent.iter().for_each(|parent| put("ParentStepDetails", parent.describe()));
        Value::Object(shown)
    }
}

fn split(bytes: &[u8]) -> Option<(Header<'_>, &[u8])> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => postcard::take_from_bytes(rest).ok(),
        _ => None,
    }
}

fn describe_options(options: Option<&StepOptions>, put: &mut impl FnMut(&str, Value)) {
    let Some(options) = options else { return };
    options.timeout_seconds.iter().for_each(|seconds| put("TimeoutSeconds", json!(seconds)));
    options.on_failure.iter().for_each(|way| put("OnFailure", json!(way)));
    options.max_attempts.iter().for_each(|attempts| put("MaxAttempts", json!(attempts)));
    options.is_end.iter().for_each(|is_end| put("IsEnd", json!(is_end)));
    options.next_step.iter().for_each(|next| put("NextStep", json!(next)));
    options.is_critical.iter().for_each(|critical| put("IsCritical", json!(critical)));
    if !options.valid_next_steps.is_empty() {
        put("ValidNextSteps", json!(options.valid_next_steps));
    }
}

/// A time as the API's JSON has it: seconds with parts.
fn seconds(at: Timestamp) -> Value {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of this era fit")]
    let seconds = at.as_millis() as f64 / 1000.0;
    json!(seconds)
}

impl Header<'_> {
    /// The same, on its own.
    #[must_use]
    pub fn into_owned(self) -> Header<'static> {
        let own = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        Header {
            status: self.status,
            action: self.action,
            id: self.id,
            started: self.started,
            ended: self.ended,
            place: self.place,
            name: own(self.name),
            parent: self.parent.map(|parent| Parent {
                id: parent.id,
                iteration: parent.iteration,
                name: own(parent.name),
                iterator_value: parent.iterator_value.map(own),
            }),
        }
    }
}

impl Parent<'_> {
    fn describe(&self) -> Value {
        let mut shown = json!({
            "StepExecutionId": uuid_text(&self.id),
            "StepName": self.name,
            "Action": ActionKind::Loop.name(),
            "Iteration": self.iteration,
        });
        if let (Some(value), Some(shown)) = (&self.iterator_value, shown.as_object_mut()) {
            shown.insert("IteratorValue".to_owned(), json!(value));
        }
        shown
    }
}

/// One child of a rate control.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildRow {
    /// Its `AutomationExecutionId`; see [`uuid_text`].
    pub id: [u8; 16],
    /// What it is for: a target, or a target map as JSON.
    pub target: String,
    /// Its status.
    pub status: Status,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

impl ChildRow {
    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// Reads what [`Self::encode`] wrote; none if it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}

/// `TargetsSummary`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "named as the API names them")]
pub struct TargetsSummary {
    pub total_count: u32,
    pub started_count: u32,
    pub completed_count: u32,
    pub successful_count: u32,
    pub failed_count: u32,
}

/// `ProgressCounters`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "named as the API names them")]
pub struct ProgressCounters {
    pub total_steps: u32,
    pub success_steps: u32,
    pub failed_steps: u32,
    pub cancelled_steps: u32,
    pub timed_out_steps: u32,
}

/// The columns of a summary: what lists show of an execution beside its status and times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// What it was started with.
    pub with: StartedWith,
    /// `CurrentStepName` and `CurrentAction`.
    pub current: Option<(String, ActionKind)>,
    /// `FailureMessage`.
    pub failure_message: Option<String>,
    /// `Outputs`: a JSON object of lists of texts.
    pub outputs: Option<Payload>,
    /// `ResolvedTargets.ParameterValues`, the first of them.
    pub resolved_targets: Vec<String>,
    /// `ResolvedTargets.Truncated`.
    pub truncated: bool,
    /// `TargetsSummary`; only of a rate control.
    pub targets_summary: Option<TargetsSummary>,
    /// `ProgressCounters`; only of a rate control, whose steps are its targets.
    pub progress: Option<ProgressCounters>,
    /// `TriggeredAlarms`.
    pub triggered_alarms: Vec<TriggeredAlarm>,
}

/// [`Columns`] by reference, so that making them copies nothing.
#[derive(Serialize)]
struct ColumnsRef<'a> {
    with: &'a StartedWith,
    current: Option<(&'a str, ActionKind)>,
    failure_message: Option<&'a str>,
    outputs: Option<&'a Payload>,
    resolved_targets: &'a [String],
    truncated: bool,
    targets_summary: Option<TargetsSummary>,
    progress: Option<ProgressCounters>,
    triggered_alarms: &'a [TriggeredAlarm],
}

impl Columns {
    /// Reads the columns of a [`Summary`]; none if they are something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}

impl Automation {
    /// The row that lists show.
    pub(crate) fn row(&self) -> Summary {
        let fan = self.fan.as_deref();
        let current = self.is_running().then(|| self.shown_step()).flatten();
        let columns = ColumnsRef {
            with: &self.started.with,
            current,
            failure_message: self.message.as_deref(),
            outputs: self.outputs.as_ref(),
            resolved_targets: fan.map_or(&[], |fan| &fan.resolved),
            truncated: fan.is_some_and(|fan| fan.progress.total() as usize > fan.resolved.len()),
            targets_summary: fan.map(Fan::summary),
            progress: fan.map(Fan::counters),
            triggered_alarms: &self.triggered,
        };
        Summary {
            status: self.status as u8,
            started: self.started_at,
            closed: self.closed_at,
            columns: postcard::to_extend(&columns, vec![VERSION]).unwrap_or_default(),
        }
    }

    /// The step that it is at.
    fn shown_step(&self) -> Option<(&str, ActionKind)> {
        let place = match (self.current(), self.awaiting) {
            (Some(record), _) => record.place,
            (None, Some(place)) => place,
            (None, None) => self.main.as_ref()?.place,
        };
        let outline = self.started.outline.get(usize::from(place))?;
        Some((&outline.name, outline.action))
    }

    /// The rows that change by an event that was folded.
    pub(crate) fn derive(&self, event: &Event, at: Timestamp, rows: &mut Rows) {
        match &event.kind {
            EventKind::Started(_) | EventKind::Parameters => {
                let text = serde_json::to_vec(&*self.parameters).unwrap_or_default();
                rows.put(DETAILS, PARAMETERS, text);
            }
            EventKind::Variables | EventKind::VariableSet => {
                let text = serde_json::to_vec(&self.variables).unwrap_or_default();
                rows.put(DETAILS, VARIABLES, text);
            }
            EventKind::Listed => self.put_pending(rows),
            EventKind::StepStarted { place, .. } => {
                let started = [&self.child, &self.main]
                    .into_iter()
                    .flatten()
                    .find(|record| record.place == *place);
                let Some(record) = started else { return };
                match record.replaces {
                    Some((at, sequence)) => rows.delete(STEPS, started_key(at, sequence)),
                    None if self.is_listed && record.iteration == 0 => {
                        rows.delete(STEPS, pending_key(*place));
                    }
                    None => {}
                }
                self.put_step(record, rows);
            }
            EventKind::Cancelling { .. }
            | EventKind::Parked
            | EventKind::Decided(_)
            | EventKind::Retried { .. }
            | EventKind::StepEnded { .. } => {
                // The innermost step is the one that changed: a loop's own end comes after its
                // step's, and then that step has no row to change.
                let changed = match (&self.child, &self.main) {
                    (Some(child), Some(main)) if !main.is_running() => [Some(main), Some(child)],
                    (child, main) => [child.as_ref(), main.as_ref()],
                };
                if let Some(record) = changed.into_iter().flatten().next() {
                    self.put_step(record, rows);
                }
            }
            EventKind::ChildStarted | EventKind::ChildEnded { .. } => {
                self.put_child(at, event.payload.as_ref(), rows);
            }
            EventKind::Closed { .. } if !self.is_listed => self.put_pending(rows),
            _ => {}
        }
    }

    /// Rows of the main steps that have not started; a rate control has none.
    fn put_pending(&self, rows: &mut Rows) {
        if self.started.with.is_rate_control() {
            return;
        }
        for (outline, place) in self.started.outline.iter().zip(0_u16..) {
            if outline.parent.is_some() || self.rows.contains_key(&place) {
                continue;
            }
            let header = Header {
                action: outline.action,
                id: self.main_id(place),
                name: Cow::Borrowed(&outline.name),
                place,
                ..Header::default()
            };
            let bytes = postcard::to_extend(&header, vec![VERSION]).unwrap_or_default();
            let row = postcard::to_extend(&Body::default(), bytes).unwrap_or_default();
            rows.put(STEPS, pending_key(place), row);
        }
    }

    fn put_step(&self, record: &Record, rows: &mut Rows) {
        let Some(outline) = self.started.outline.get(usize::from(record.place)) else { return };
        let value = || {
            let value = self.looping.as_ref()?.value()?;
            Some(Cow::Owned(value.to_string()))
        };
        let parent = outline.parent.and_then(|parent| {
            let of = self.started.outline.get(usize::from(parent))?;
            Some(Parent {
                id: self.main_id(parent),
                iteration: record.iteration,
                name: Cow::Borrowed(&of.name),
                iterator_value: value(),
            })
        });
        let header = Header {
            status: record.status,
            action: outline.action,
            id: record.id,
            started: Some(record.started),
            ended: record.ended,
            name: Cow::Borrowed(&outline.name),
            parent,
            place: record.place,
        };
        let body = BodyRef {
            inputs: Some(&record.inputs),
            outputs: record.outputs.as_ref(),
            response_code: record.code.as_deref(),
            failure: record.failure.as_deref(),
            options: record.options.as_deref(),
            targets: &[],
        };
        rows.put(STEPS, started_key(record.started, record.sequence), encode(&header, &body));
    }

    /// The rows of the target whose child started or ended last.
    /// The row of the child that was started or has ended; `why` it failed.
    fn put_child(&self, at: Timestamp, why: Option<&Payload>, rows: &mut Rows) {
        let Some(fan) = self.fan.as_deref() else { return };
        let Some((index, since, status)) = fan.last else { return };
        let (target, id) = (fan.items.shown(index), self.child_id(fan.first.saturating_add(index)));
        let ended = status.is_terminal().then_some(at);
        let with = &self.started.with;
        let text = |value: Value| Payload::new(value.to_string());
        let inputs = text(json!({
            "DocumentName": with.document_name,
            "DocumentVersion": with.document_version,
        }));
        let outputs =
            ended.map(|_| text(json!({"ExecutionId": uuid_text(&id), "Status": status.name()})));
        let header = Header {
            status,
            action: ActionKind::ExecuteAutomation,
            id: self.uuid(4, u64::from(index)),
            started: Some(since),
            ended,
            name: Cow::Borrowed(&target),
            parent: None,
            place: 0,
        };
        let failure = why.map(|why| Failure {
            message: why.as_str().to_owned(),
            details: vec![("Message".to_owned(), why.as_str().to_owned())],
            ..Failure::default()
        });
        let targets = [Target { key: "ParameterValues".to_owned(), values: vec![target.clone()] }];
        let body = BodyRef {
            inputs: Some(&inputs),
            outputs: outputs.as_ref(),
            response_code: None,
            failure: failure.as_ref(),
            options: None,
            targets: &targets,
        };
        rows.put(STEPS, started_key(since, index), encode(&header, &body));
        let child = ChildRow { id, target: target.clone(), status, started: since, ended };
        rows.put(CHILDREN, index.to_be_bytes(), child.encode());
    }
}

impl Fan {
    fn counters(&self) -> ProgressCounters {
        let otherwise = self.cancelled + self.timed_out;
        ProgressCounters {
            total_steps: self.progress.total(),
            success_steps: self.progress.succeeded(),
            failed_steps: self.progress.failed().saturating_sub(otherwise),
            cancelled_steps: self.cancelled,
            timed_out_steps: self.timed_out,
        }
    }

    fn summary(&self) -> TargetsSummary {
        let progress = &self.progress;
        TargetsSummary {
            total_count: progress.total(),
            started_count: progress.started(),
            completed_count: progress.succeeded() + progress.failed(),
            successful_count: progress.succeeded(),
            failed_count: progress.failed(),
        }
    }
}

/// [`Body`] by reference.
#[derive(Serialize)]
struct BodyRef<'a> {
    inputs: Option<&'a Payload>,
    outputs: Option<&'a Payload>,
    response_code: Option<&'a str>,
    failure: Option<&'a Failure>,
    options: Option<&'a StepOptions>,
    targets: &'a [Target],
}

fn encode(header: &Header<'_>, body: &BodyRef<'_>) -> Vec<u8> {
    let bytes = postcard::to_extend(header, vec![VERSION]).unwrap_or_default();
    postcard::to_extend(body, bytes).unwrap_or_default()
}

/// Key of a step that has started.
#[must_use]
pub fn started_key(at: Timestamp, sequence: u32) -> Vec<u8> {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    let mut key = Vec::with_capacity(13);
    key.push(0);
    key.extend(millis.to_be_bytes());
    key.extend(sequence.to_be_bytes());
    key
}

/// The place of a step that has not started, by its key; none for one that has.
#[must_use]
pub fn pending_place(key: &[u8]) -> Option<u16> {
    match key {
        [1, high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

/// Key of a step that has not.
#[must_use]
pub fn pending_key(place: u16) -> Vec<u8> {
    let [high, low] = place.to_be_bytes();
    vec![1, high, low]
}
