//! What became of each task in a recorded history.

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;
use trackway_asl::Failure;
use trackway_core::{Outcome, Payload};

use crate::case::as_text;

/// How a recorded task went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorded {
    /// Whether a worker took it, and its name.
    pub(crate) taken: Option<Option<String>>,
    /// What the call that began it answered.
    pub(crate) submitted: Option<String>,
    /// None if the recording ends before.
    pub(crate) end: Option<End>,
}

/// How it ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    Succeeded(Value),
    Failed(Failure),
    TimedOut,
}

/// A task that failed. One whose result was too large for AWS gets one that is too large for us.
pub(crate) fn failed(failure: Failure) -> Outcome {
    if failure.error.as_deref() == Some("States.DataLimitExceeded") {
        return Outcome::Succeeded(Payload::new(format!("\"{}\"", "é".repeat(150_000))));
    }
    Outcome::Failed {
        error: failure.error.unwrap_or_default(),
        cause: failure.cause.unwrap_or_default(),
    }
}

/// The recorded tasks by the name of their state, in order.
pub(crate) fn outcomes(events: &[Value]) -> BTreeMap<String, VecDeque<Recorded>> {
    let mut found: BTreeMap<String, VecDeque<Recorded>> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        let kind = event["type"].as_str().unwrap_or_default();
        if !kind.ends_with("Scheduled") {
            continue;
        }
        let nth = events[..place].iter().filter(|e| e["type"] == event["type"]).count();
        let name = state_name(events, event, nth);
        found.entry(name).or_default().push_back(chain(events, event, nth));
    }
    found
}

/// The state that a scheduled event belongs to: up the chain, or where the ids are gone, the one
/// in the same place of its kind.
fn state_name(events: &[Value], scheduled: &Value, nth: usize) -> String {
    let mut at = scheduled;
    loop {
        let entered = &at["stateEnteredEventDetails"]["name"];
        if let Some(name) = entered.as_str() {
            return name.to_owned();
        }
        let above = &at["previousEventId"];
        let Some(previous) = events.iter().find(|e| above != 0 && e["id"] == *above) else {
            break;
        };
        at = previous;
    }
    let mut entered = events.iter().filter(|event| event["type"] == "TaskStateEntered");
    let name = entered.nth(nth).map(|event| &event["stateEnteredEventDetails"]["name"]);
    name.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn chain(events: &[Value], scheduled: &Value, nth: usize) -> Recorded {
    let mut recorded = Recorded::default();
    let mut at = scheduled;
    if !scheduled["id"].is_number() {
        let family = scheduled["type"].as_str().unwrap_or_default().trim_end_matches("Scheduled");
        for ending in ["Succeeded", "Failed", "TimedOut"] {
            let kind = format!("{family}{ending}");
            if let Some(event) = events.iter().filter(|e| e["type"] == *kind).nth(nth) {
                note(event, &mut recorded);
                return recorded;
            }
        }
        return recorded;
    }
    while let Some(next) = events.iter().find(|event| event["previousEventId"] == at["id"]) {
        if !note(next, &mut recorded) {
            break;
        }
        at = next;
    }
    recorded
}

/// Notes what an event tells of a task; says whether more may follow.
fn note(event: &Value, recorded: &mut Recorded) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    let details = event.as_object().and_then(|event| {
        event.iter().find(|(name, _)| name.ends_with("EventDetails")).map(|(_, details)| details)
    });
    let empty = Value::Null;
    let details = details.unwrap_or(&empty);
    match kind {
        "ActivityStarted" => {
            recorded.taken = Some(details["workerName"].as_str().map(str::to_owned));
        }
        "TaskStarted" | "LambdaFunctionStarted" => {}
        "TaskSubmitted" => recorded.submitted = Some(as_text(&details["output"])),
        "TaskSucceeded" | "LambdaFunctionSucceeded" | "ActivitySucceeded" => {
            recorded.end = Some(End::Succeeded(details["output"].clone()));
        }
        "TaskFailed" | "LambdaFunctionFailed" | "ActivityFailed" => {
            let text = |name: &str| match &details[name] {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                // A function's own error is the text that its runtime wrote; only a Task's is compact.
                other if kind == "LambdaFunctionFailed" => Some(spaced(other)),
                other => Some(other.to_string()),
            };
            let failure = Failure { error: text("error"), cause: text("cause") };
            recorded.end = Some(End::Failed(failure));
        }
        "TaskTimedOut" | "LambdaFunctionTimedOut" | "ActivityTimedOut" => {
            recorded.end = Some(End::TimedOut);
        }
        _ => return false,
    }
    recorded.end.is_none()
}

/// JSON with blanks, as the recorded functions' runtime writes it.
fn spaced(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{}: {}", Value::from(name.as_str()), spaced(value))
            };
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::Array(elements) => {
            format!("[{}]", elements.iter().map(spaced).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
