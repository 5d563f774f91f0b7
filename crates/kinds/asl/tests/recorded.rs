//! The recorded histories of AWS, run again: definitions and inputs of the recording in, each task
//! answered as AWS's was, and the whole history compared.
//!
//! The data is found through `TRACKWAY_CONFORMANCE`; without it nothing is compared.
//! `TRACKWAY_CASE=text` runs only the cases whose name contains the text.

#[path = "recorded/case.rs"]
mod case;
#[path = "recorded/compare.rs"]
mod compare;
#[path = "recorded/drive.rs"]
mod drive;
#[path = "recorded/known.rs"]
mod known;

use case::{Case, History, Started};
use compare::Comparer;
use serde_json::Value;
use trackway_asl::definition::{Code, MachineType, parse};

#[test]
fn recorded_histories_come_out_the_same() {
    let Some(folder) = case::folder() else {
        eprintln!("skipped: TRACKWAY_CONFORMANCE is not set");
        return;
    };
    let only = std::env::var_os("TRACKWAY_CASE").unwrap_or_default();
    let only = only.to_string_lossy();
    let mut passed = 0;
    let mut failed = Vec::new();
    for case in case::read_all(&folder).iter().filter(|case| case.name.contains(&*only)) {
        match check(case) {
            None => {}
            Some(None) => passed += 1,
            Some(Some(difference)) => failed.push((case.name.clone(), difference)),
        }
    }
    println!("passed {passed} of {}", passed + failed.len());
    let mut surprises = 0;
    for (name, difference) in &failed {
        let reason = known::reason(name);
        surprises += usize::from(reason.is_none());
        println!("{} {name}\n    {difference}", reason.unwrap_or("FAILED"));
    }
    assert_eq!(surprises, 0, "cases failed that are not known to");
}

/// Runs every history of a case: none if it is not about what is built, else the first difference.
fn check(case: &Case) -> Option<Option<String>> {
    let histories = case.histories();
    let started = case.started();
    if histories.is_empty() || started.is_empty() || started.iter().any(is_unsupported) {
        return None;
    }
    let mut comparer = Comparer::new(case.recorded);
    let mut used = vec![false; started.len()];
    for history in &histories {
        let Some(place) = matching(history, &started, &used) else {
            return Some(Some(format!("{}: no execution fits", history.key)));
        };
        used[place] = true;
        if let Some(difference) = compare_one(history, &started[place], &mut comparer) {
            return Some(Some(format!("{}: {difference}", history.key)));
        }
    }
    Some(None)
}

fn is_unsupported(started: &Started) -> bool {
    parse(&started.definition, MachineType::Standard).is_err_and(|problems| {
        problems.iter().any(|problem| problem.code == Code::UnsupportedByTrackway)
    })
}

/// The execution that a history is of: the first unused one that starts in its first state with an
/// input of the same shape.
fn matching(history: &History, started: &[Started], used: &[bool]) -> Option<usize> {
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

fn compare_one(history: &History, started: &Started, comparer: &mut Comparer) -> Option<String> {
    let recorded = &history.events[0]["executionStartedEventDetails"]["input"];
    let input = case::as_text(&case::merge(recorded, &started.input));
    match drive::run(&started.definition, &input, &history.events) {
        Ok(ours) => events_differ(&history.events, &ours, comparer),
        Err(problem) => Some(problem),
    }
}

/// Compares two histories event by event. Where the recording has no ids, branches ran side by
/// side and the events stand sorted: there the same events have to be there, in any order.
fn events_differ(aws: &[Value], ours: &[Value], comparer: &mut Comparer) -> Option<String> {
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
