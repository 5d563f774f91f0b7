//! One recorded case: what a test sent to AWS, and what AWS answered.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// A case as the recording has it. Its README says how it was normalised.
pub(crate) struct Case {
    /// File name without its ending.
    pub(crate) name: String,
    /// Requests in the test's order.
    pub(crate) requests: Vec<Value>,
    /// AWS's answers by the test's own keys.
    pub(crate) aws: Map<String, Value>,
    /// Year and month of the recording, as `202311`.
    pub(crate) recorded: u32,
}

/// An execution that a case started.
#[derive(Clone)]
pub(crate) struct Started {
    /// The state machine's definition, as text.
    pub(crate) definition: String,
    /// The input as the request shows it; null if it had none.
    pub(crate) input: Value,
    /// The place of the request that started it.
    pub(crate) place: usize,
}

/// A recorded history.
pub(crate) struct History {
    /// Its key in the answers.
    pub(crate) key: String,
    /// Its events, the oldest first.
    pub(crate) events: Vec<Value>,
}

/// Where the recorded cases are: none if the environment does not say.
pub(crate) fn folder() -> Option<PathBuf> {
    let data = std::env::var_os("TRACKWAY_CONFORMANCE")?;
    Some(Path::new(&data).join("step-functions/cases"))
}

/// Reads all cases of a folder, by name.
pub(crate) fn read_all(folder: &Path) -> Vec<Case> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of cases can be read")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Case {
    let text = std::fs::read_to_string(path).expect("a case can be read");
    let mut case: Value = serde_json::from_str(&text).expect("a case is JSON");
    let requests = match case["requests"].take() {
        Value::Array(requests) => requests,
        _ => Vec::new(),
    };
    let aws = match case["aws"].take() {
        Value::Object(answers) => answers,
        _ => Map::new(),
    };
    Case {
        name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        requests,
        aws,
        recorded: year_and_month(case["aws_recorded"].as_str().unwrap_or_default()),
    }
}

/// `22-03-2024, 21:37:45` as 202403; a case without a date is taken for a new one.
fn year_and_month(text: &str) -> u32 {
    let number = |range: std::ops::Range<usize>| {
        text.get(range).and_then(|digits| digits.parse::<u32>().ok())
    };
    number(6..10).zip(number(3..5)).map_or(999_999, |(year, month)| year * 100 + month)
}

impl Case {
    /// Every execution that the case started on a machine that it created, in order.
    pub(crate) fn started(&self) -> Vec<Started> {
        let mut definitions: Vec<(String, String)> = Vec::new();
        let mut started = Vec::new();
        for (place, request) in self.requests.iter().enumerate() {
            let members = &request["request"];
            let action = request["action"].as_str().unwrap_or_default();
            let definition = || match &members["definition"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            match action {
                "CreateStateMachine" => {
                    let name = members["name"].as_str().unwrap_or_default();
                    definitions.push((name.to_owned(), definition()));
                }
                "UpdateStateMachine" if !members["definition"].is_null() => {
                    let name = machine_name(&members["stateMachineArn"]);
                    definitions.push((name.to_owned(), definition()));
                }
                "StartExecution" | "StartSyncExecution" => {
                    let name = machine_name(&members["stateMachineArn"]);
                    let found = definitions.iter().rev().find(|(of, _)| of == name);
                    if let Some((_, definition)) = found {
                        let (definition, input) = (definition.clone(), members["input"].clone());
                        started.push(Started { definition, input, place });
                    }
                }
                _ => {}
            }
        }
        started
    }

    /// Every history in the answers.
    pub(crate) fn histories(&self) -> Vec<History> {
        let mut found = Vec::new();
        for (key, answer) in &self.aws {
            collect(key, answer, &mut found);
        }
        found
    }
}

fn collect(key: &str, value: &Value, found: &mut Vec<History>) {
    match value {
        Value::Object(members) => {
            let events = members.get("events").and_then(Value::as_array);
            if let Some(events) =
                events.filter(|e| e.first().is_some_and(|e| e["type"].is_string()))
            {
                let mut events = events.clone();
                if events[0]["id"] != 1 {
                    events.reverse();
                }
                found.push(History { key: key.to_owned(), events });
                return;
            }
            members
                .iter()
                .for_each(|(name, value)| collect(&format!("{key}/{name}"), value, found));
        }
        Value::Array(elements) => elements.iter().for_each(|value| collect(key, value, found)),
        _ => {}
    }
}

/// The name in an ARN; some recorders add the name of a set of mocked answers to it.
fn machine_name(arn: &Value) -> &str {
    let last = arn.as_str().and_then(|arn| arn.split(':').nth(6)).unwrap_or_default();
    last.split('#').next().unwrap_or_default()
}

/// The input to run with, as text.
pub(crate) fn input(history: &History, started: &Started) -> String {
    let recorded = &history.events[0]["executionStartedEventDetails"]["input"];
    as_text(&merge(recorded, &started.input))
}

/// The input to run with: the recorded one, which has JSON in strings as it was, but with the
/// request's values where the recording has a placeholder.
pub(crate) fn merge(recorded: &Value, sent: &Value) -> Value {
    match (recorded, sent) {
        (Value::Object(recorded), Value::Object(sent)) => {
            let member = |(name, value): (&String, &Value)| {
                (name.clone(), sent.get(name).map_or(value.clone(), |sent| merge(value, sent)))
            };
            Value::Object(recorded.iter().map(member).collect())
        }
        (Value::Array(recorded), Value::Array(sent)) if recorded.len() == sent.len() => {
            recorded.iter().zip(sent).map(|(recorded, sent)| merge(recorded, sent)).collect()
        }
        (Value::String(text), Value::String(sent))
            if text.contains('<') || ["date", "timestamp"].contains(&text.as_str()) =>
        {
            Value::from(sent.as_str())
        }
        _ => recorded.clone(),
    }
}

/// A member that the recording shows as JSON or as text, as text again.
pub(crate) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) if serde_json::from_str::<Value>(text).is_ok() => text.clone(),
        other => other.to_string(),
    }
}
