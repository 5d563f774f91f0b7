//! A history as people read it: one line an event, indented by how deep in Maps and Parallels.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

/// The longest text of a detail, in characters.
const DETAIL_MAX: usize = 100;

/// Renders the events of a history, oldest first.
pub(crate) fn render(events: &[Value]) -> String {
    let start = events.first().map_or(0.0, moment);
    // What follows an event stands so deep; and whether that event began a Map.
    let mut below: BTreeMap<u64, (usize, bool)> = BTreeMap::new();
    let mut text = String::new();
    for event in events {
        let kind = event["type"].as_str().unwrap_or_default();
        let (id, previous) = (number(&event["id"]), number(&event["previousEventId"]));
        let (depth, after_map_start) = below.get(&previous).copied().unwrap_or_default();
        // A later iteration follows an event within an earlier one, and stands beside that one.
        let is_later_iteration = kind == "MapIterationStarted" && !after_map_start;
        let shown = depth.saturating_sub(usize::from(is_later_iteration || ends_branch(kind)));
        let deeper = shown + usize::from(starts_branch(kind));
        below.insert(id, (deeper, kind == "MapStateStarted"));
        let line = format!(
            "{id:>6}  +{:<9}  {}{kind}  {}",
            format!("{:.3}s", moment(event) - start),
            "  ".repeat(shown),
            detail(event)
        );
        let _writing_to_a_string_succeeds = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Renders how an execution ended, as DescribeExecution tells it.
pub(crate) fn outcome(execution: &Value) -> String {
    let mut text = String::new();
    for (label, member) in
        [("status", "status"), ("output", "output"), ("error", "error"), ("cause", "cause")]
    {
        if let Some(value) = execution[member].as_str() {
            let _writing_to_a_string_succeeds = writeln!(text, "{label:<7} {value}");
        }
    }
    text
}

fn starts_branch(kind: &str) -> bool {
    matches!(kind, "MapIterationStarted" | "ParallelStateStarted")
}

fn ends_branch(kind: &str) -> bool {
    matches!(
        kind,
        "MapIterationSucceeded"
            | "MapIterationFailed"
            | "MapIterationAborted"
            | "ParallelStateSucceeded"
            | "ParallelStateFailed"
    )
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn moment(event: &Value) -> f64 {
    event["timestamp"].as_f64().unwrap_or(0.0)
}

/// What the event's details say, the telling parts first.
fn detail(event: &Value) -> String {
    let members = event.as_object().into_iter().flatten();
    let Some((_, details)) = members.into_iter().find(|(name, _)| name.ends_with("EventDetails"))
    else {
        return String::new();
    };
    let mut parts = Vec::new();
    for member in ["name", "index", "length", "workerName", "resourceType", "resource", "error"] {
        match &details[member] {
            Value::Null => {}
            Value::String(text) => parts.push(text.clone()),
            other => parts.push(format!("{member} {other}")),
        }
    }
    for member in ["cause", "input", "output", "parameters"] {
        if let Some(text) = details[member].as_str() {
            parts.push(shortened(text));
        }
    }
    parts.join("  ")
}

fn shortened(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ");
    match line.char_indices().nth(DETAIL_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_timeline_has_one_indented_line_an_event() {
        let events = [
            json!({"id": 1, "previousEventId": 0, "type": "ExecutionStarted", "timestamp": 10.0,
                   "executionStartedEventDetails": {"input": "{}"}}),
            json!({"id": 2, "previousEventId": 0, "type": "MapStateEntered", "timestamp": 10.0,
                   "stateEnteredEventDetails": {"name": "Each", "input": "[1]"}}),
            json!({"id": 3, "previousEventId": 2, "type": "MapStateStarted", "timestamp": 10.0,
                   "mapStateStartedEventDetails": {"length": 1}}),
            json!({"id": 4, "previousEventId": 3, "type": "MapIterationStarted", "timestamp": 10.0,
                   "mapIterationStartedEventDetails": {"name": "Each", "index": 0}}),
            json!({"id": 5, "previousEventId": 4, "type": "PassStateEntered", "timestamp": 10.5,
                   "stateEnteredEventDetails": {"name": "P", "input": "1"}}),
            json!({"id": 6, "previousEventId": 5, "type": "PassStateExited", "timestamp": 10.5}),
            json!({"id": 7, "previousEventId": 6, "type": "MapIterationSucceeded", "timestamp": 10.5}),
            json!({"id": 8, "previousEventId": 6, "type": "MapIterationStarted", "timestamp": 10.5}),
            json!({"id": 9, "previousEventId": 8, "type": "FailStateEntered", "timestamp": 10.5}),
            json!({"id": 10, "previousEventId": 7, "type": "MapStateSucceeded", "timestamp": 10.5}),
        ];
        let lines: Vec<String> = render(&events).lines().map(str::to_owned).collect();
        assert_eq!(lines[1], "     2  +0.000s     MapStateEntered  Each  [1]");
        assert_eq!(lines[4], "     5  +0.500s       PassStateEntered  P  1");
        assert_eq!(lines[6], "     7  +0.500s     MapIterationSucceeded");
        assert_eq!(lines[7], "     8  +0.500s     MapIterationStarted");
        assert_eq!(lines[8], "     9  +0.500s       FailStateEntered");
        assert_eq!(lines[9], "    10  +0.500s     MapStateSucceeded");
    }

    #[test]
    fn a_long_detail_is_cut_at_a_character() {
        let long = "é".repeat(DETAIL_MAX + 1);
        assert_eq!(shortened(&long), format!("{}…", "é".repeat(DETAIL_MAX)));
    }
}
