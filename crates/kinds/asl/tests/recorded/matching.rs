//! Which execution a recorded history is of.

use serde_json::Value;

use crate::case::{History, Started};

/// The execution that a history is of: the first unused one that starts in its first state with an
/// input of the same shape.
pub(crate) fn matching(history: &History, started: &[Started], used: &[bool]) -> Option<usize> {
    let first = &history.events.get(1)?["stateEnteredEventDetails"]["name"];
    let input = &history.events.first()?["executionStartedEventDetails"]["input"];
    let starts_there = |started: &Started| {
        serde_json::from_str::<Value>(&started.definition)
            .is_ok_and(|definition| definition["StartAt"] == *first)
    };
    let mut candidates: Vec<usize> =
        (0..started.len()).filter(|&place| starts_there(&started[place])).collect();
    // A history may be asked for twice.
    if candidates.iter().any(|&place| !used[place]) {
        candidates.retain(|&place| !used[place]);
    }
    let fits = |&&place: &&usize| same_shape(input, &started[place].input);
    candidates.iter().find(fits).or(candidates.first()).copied()
}

fn same_shape(recorded: &Value, sent: &Value) -> bool {
    match (recorded, sent) {
        (Value::Object(recorded), Value::Object(sent)) => {
            recorded.len() == sent.len()
                && recorded
                    .iter()
                    .all(|(name, value)| sent.get(name).is_some_and(|sent| same_shape(value, sent)))
        }
        (Value::String(text), _) if text.contains('<') || sent.is_string() => {
            text.contains('<') || sent == text
        }
        (Value::String(text), sent) => {
            serde_json::from_str::<Value>(text).is_ok_and(|decoded| decoded == *sent)
        }
        (Value::Object(recorded), Value::Null) => recorded.is_empty(),
        _ => recorded == sent,
    }
}
