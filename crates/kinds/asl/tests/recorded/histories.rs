//! Whether our history is the recorded one.

use serde_json::Value;

use crate::compare::Comparer;

/// Compares two histories event by event. Where the recording has no ids, branches ran side by
/// side and the events stand sorted: there the same events have to be there, in any order.
pub(crate) fn events_differ(
    aws: &[Value],
    ours: &[Value],
    comparer: &mut Comparer,
) -> Option<String> {
    let mut ours = ours.iter().peekable();
    let mut place = 0;
    while place < aws.len() {
        let length = aws[place..].iter().take_while(|event| !event["id"].is_number()).count();
        if length == 0 {
            let Some(found) = ours.next() else {
                return Some(format!("event {}: ours ends before {}", place + 1, aws[place]));
            };
            if let Some(difference) = comparer.difference(&aws[place], found) {
                return Some(format!("event {}{difference}", place + 1));
            }
            place += 1;
            continue;
        }
        let block: Vec<&Value> = ours.by_ref().take(length).collect();
        if let Some(difference) = blocks_differ(&aws[place..place + length], &block, comparer) {
            return Some(format!("events from {}: {difference}", place + 1));
        }
        place += length;
        // The recording leaves out how the state that held the branches ended.
        let is_left_out = |event: &&Value| {
            let kind = event["type"].as_str().unwrap_or_default();
            ["ParallelStateSucceeded", "ParallelStateFailed"].contains(&kind)
        };
        if !aws.get(place).is_some_and(|event| is_left_out(&event)) {
            ours.next_if(is_left_out);
        }
    }
    ours.next().map(|event| format!("ours goes on with {event}"))
}

fn blocks_differ(aws: &[Value], ours: &[&Value], comparer: &mut Comparer) -> Option<String> {
    let mut left: Vec<Value> = ours.iter().map(|event| without_ids(event)).collect();
    for expected in aws {
        let expected = without_ids(expected);
        let found = left.iter().position(|event| comparer.difference(&expected, event).is_none());
        match found {
            Some(place) => left.remove(place),
            None => {
                let same = left.iter().find(|event| event["type"] == expected["type"]);
                return Some(format!("AWS has {expected}; ours {same:?}"));
            }
        };
    }
    None
}

fn without_ids(event: &Value) -> Value {
    let mut event = event.clone();
    if let Some(members) = event.as_object_mut() {
        members.remove("id");
        members.remove("previousEventId");
    }
    event
}
