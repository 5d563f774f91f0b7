//! Holds our answers against the recorded ones.
//!
//! The recording's keys are free names. Which operation an answer is of shows in its members; it
//! has to be equal to one of our answers of that operation that no other recorded answer has met.

use serde_json::{Map, Value, json};

use crate::case::Case;
use crate::compare::Comparer;
use crate::histories::events_differ;
use crate::house::Answer;

/// Operations by members that their answers have, and by one that they have not.
const SHAPES: &[(&str, &[&str], &str)] = &[
    ("CreateStateMachine", &["stateMachineArn", "creationDate"], "name"),
    ("DescribeStateMachine", &["definition", "status"], ""),
    ("DescribeStateMachineForExecution", &["definition", "updateDate"], "status"),
    ("UpdateStateMachine", &["updateDate"], "definition"),
    ("StartSyncExecution", &["billingDetails"], ""),
    ("DescribeExecution", &["executionArn", "status"], "billingDetails"),
    ("StartExecution", &["executionArn", "startDate"], "status"),
    ("StopExecution", &["stopDate"], "executionArn"),
    ("ListExecutions", &["executions"], ""),
    ("ListStateMachines", &["stateMachines"], ""),
    ("ListActivities", &["activities"], ""),
    ("ListTagsForResource", &["tags"], ""),
    ("DescribeActivity", &["activityArn", "name"], ""),
    ("CreateActivity", &["activityArn", "creationDate"], "name"),
];

/// The first difference, if there is one.
pub(crate) fn difference(case: &Case, answers: &[Answer]) -> Option<String> {
    let mut matcher = Matcher {
        comparer: Comparer::new(case.recorded),
        answers,
        used: vec![false; answers.len()],
    };
    if let Some(fault) = answers.iter().find(|answer| answer.status >= 500) {
        return Some(format!("{}: status {} {}", fault.operation, fault.status, fault.body));
    }
    for (key, recorded) in &case.aws {
        let problem = match recorded {
            Value::Array(cases) if key == "cases" => matcher.choices(cases),
            other => matcher.answer(other),
        };
        if let Some(problem) = problem {
            return Some(format!("{key}: {problem}"));
        }
    }
    for history in case.histories() {
        if let Some(problem) = matcher.history(&history.events) {
            return Some(format!("{}: {problem}", history.key));
        }
    }
    None
}

struct Matcher<'a> {
    comparer: Comparer,
    answers: &'a [Answer],
    used: Vec<bool>,
}

impl Matcher<'_> {
    /// Finds one of our answers without a difference; the first difference if there is none.
    fn find(
        &mut self,
        what: &str,
        is_candidate: impl Fn(&Answer) -> bool,
        differ: impl Fn(&mut Comparer, &Answer) -> Option<String>,
    ) -> Option<String> {
        let mut first = None;
        for (place, answer) in self.answers.iter().enumerate() {
            if self.used[place] || !is_candidate(answer) {
                continue;
            }
            let mut comparer = self.comparer.clone();
            match differ(&mut comparer, answer) {
                None => {
                    self.used[place] = true;
                    self.comparer = comparer;
                    return None;
                }
                Some(problem) => first = first.or(Some(problem)),
            }
        }
        Some(first.unwrap_or_else(|| format!("there is no {what} among our answers")))
    }

    fn answer(&mut self, recorded: &Value) -> Option<String> {
        if let Some((error, form)) = error_of(recorded) {
            return self.find(
                "error",
                |answer| answer.code().is_some(),
                |comparer, answer| comparer.difference(error, &form.of(answer)),
            );
        }
        let mut members = recorded.as_object()?.clone();
        let metadata = members.remove("ResponseMetadata");
        let operation = operation_of(&members)?;
        if operation == "StartSyncExecution" {
            members.remove("billingDetails");
        }
        members.extend(metadata.map(|metadata| ("ResponseMetadata".to_owned(), metadata)));
        let recorded = Value::Object(members);
        self.find(
            operation,
            |answer| answer.code().is_none() && is_of(answer, operation),
            |comparer, answer| {
                let mut ours = answer.body.as_object().cloned().unwrap_or_default();
                let billed = ours.remove("billingDetails");
                billed
                    .and_then(|billed| billing_problem(&billed))
                    .or_else(|| comparer.difference(&recorded, &with_status(ours, answer)))
            },
        )
    }

    /// Inputs and outputs of executions, in the order of their histories.
    fn choices(&mut self, cases: &[Value]) -> Option<String> {
        let histories = self.answers.iter().filter(|a| a.operation == "GetExecutionHistory");
        let mut ours = histories.map(|answer| {
            let events = answer.body["events"].as_array().map(Vec::as_slice).unwrap_or_default();
            let first = events.first().map(|e| &e["executionStartedEventDetails"]["input"]);
            let last = events.last().map(|e| &e["executionSucceededEventDetails"]["output"]);
            json!({ "input": first, "output": last })
        });
        for (place, case) in cases.iter().enumerate() {
            let Some(ours) = ours.next() else { return Some(format!("no execution {place}")) };
            let problem = self.comparer.difference(case, &ours);
            if let Some(problem) = problem {
                return Some(format!("[{place}]{problem}"));
            }
        }
        None
    }

    fn history(&mut self, events: &[Value]) -> Option<String> {
        self.find(
            "history",
            |answer| answer.operation == "GetExecutionHistory" && answer.code().is_none(),
            |comparer, answer| {
                let mut ours = answer.body["events"].as_array().cloned().unwrap_or_default();
                if ours.first().is_some_and(|event| event["id"] != 1) {
                    ours.reverse();
                }
                // The recorder did not wait for the end: ours may have gone on.
                if !has_ended(events) {
                    ours.truncate(events.len());
                }
                let events: Vec<Value> = events.iter().cloned().map(without_lengths).collect();
                let ours: Vec<Value> = ours.into_iter().map(without_lengths).collect();
                events_differ(&events, &ours, comparer)
            },
        )
    }
}

/// How a recorder writes an error down.
#[derive(Clone, Copy)]
enum Form {
    /// Code and message, and whether the message stands beside them too.
    Members { message: bool },
    /// The text of the client's exception.
    Text,
    /// That, and the exception's name.
    Exception,
}

impl Form {
    fn of(self, answer: &Answer) -> Value {
        let (code, message) = (answer.code().unwrap_or_default(), answer.message());
        let text = || {
            let operation = &answer.operation;
            format!("An error occurred ({code}) when calling the {operation} operation: {message}")
        };
        match self {
            Self::Text => text().into(),
            Self::Exception => json!({ "exception_typename": code, "exception_value": text() }),
            Self::Members { message: also } => {
                let mut members = answer.body.as_object().cloned().unwrap_or_default();
                members.remove("__type");
                members.remove("Message");
                members.remove("message");
                if also {
                    members.insert("message".to_owned(), message.into());
                }
                let error = json!({ "Code": code, "Message": message });
                members.insert("Error".to_owned(), error);
                with_status(members, answer)
            }
        }
    }
}

/// An answer's members and its status, as the recorder's client shows them.
fn with_status(mut members: Map<String, Value>, answer: &Answer) -> Value {
    let metadata = json!({ "HTTPHeaders": {}, "HTTPStatusCode": answer.status });
    members.insert("ResponseMetadata".to_owned(), metadata);
    Value::Object(members)
}

/// A recorded error, and its form; none for an answer of success.
fn error_of(recorded: &Value) -> Option<(&Value, Form)> {
    match recorded {
        Value::String(text) if text.starts_with("An error occurred") => {
            Some((recorded, Form::Text))
        }
        // What the client refused by itself never came here.
        Value::Object(members) if members.get("exception_typename").is_some_and(is_clients) => None,
        Value::Object(members) if members.contains_key("exception_value") => {
            Some((recorded, Form::Exception))
        }
        Value::Object(members) if members.contains_key("Error") => {
            Some((recorded, Form::Members { message: members.contains_key("message") }))
        }
        _ => None,
    }
}

fn is_clients(exception: &Value) -> bool {
    exception == "ParamValidationError"
}

/// The operation whose answer has these members; none if it is another service's, or no answer
/// but what the client found out by itself.
fn operation_of(members: &Map<String, Value>) -> Option<&'static str> {
    if members.is_empty() {
        return Some("");
    }
    SHAPES.iter().find_map(|(operation, has, has_not)| {
        let fits = has.iter().all(|name| members.contains_key(*name));
        (fits && !members.contains_key(*has_not)).then_some(*operation)
    })
}

/// An answer without members may be of many operations.
fn is_of(answer: &Answer, operation: &str) -> bool {
    answer.operation == operation
        || operation.is_empty() && answer.body.as_object().is_some_and(Map::is_empty)
}

/// How long it took is not the same twice; it is counted in steps of 100 ms.
fn billing_problem(billed: &Value) -> Option<String> {
    let duration = billed["billedDurationInMilliseconds"].as_u64().unwrap_or_default();
    let is_right =
        duration > 0 && duration.is_multiple_of(100) && billed["billedMemoryUsedInMB"] == 64;
    (!is_right).then(|| format!("/billingDetails: ours {billed}"))
}

/// Whether a history is that of an execution that has ended.
pub(crate) fn has_ended(events: &[Value]) -> bool {
    let last = events.last().and_then(|event| event["type"].as_str()).unwrap_or_default();
    last.starts_with("Execution") && last != "ExecutionStarted"
}

/// The length of StartExecution's response varies with the moment in it and with names.
fn without_lengths(value: Value) -> Value {
    match value {
        Value::Object(mut members) => {
            members.remove("Content-Length");
            members.into_iter().map(|(name, value)| (name, without_lengths(value))).collect()
        }
        Value::Array(elements) => elements.into_iter().map(without_lengths).collect(),
        // JSON in a string that holds such headers.
        Value::String(text) if text.contains("Content-Length") => {
            serde_json::from_str(&text).map_or(Value::String(text), without_lengths)
        }
        other => other,
    }
}
