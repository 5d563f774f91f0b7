//! What the rest of AWS did in a recording, done again: calls get the recorded outcomes, and who
//! held a token answers with it.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::{Map, Value, json};
use trackway_asl::call::{SERVICE, ServiceCall};
use trackway_asl::definition::{MachineType, parse};
use trackway_asl::{EventKind, Execution, Failure};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload};
use trackway_engine::{Engine, Page, Work};

use crate::case::{History, as_text};
use crate::house::{Call, Client};
use crate::outcomes::{End, Recorded, failed, outcomes};

/// The outcomes of a case.
pub(crate) struct Script {
    engine: Engine,
    client: Client,
    /// By history, by state.
    outcomes: Vec<BTreeMap<String, VecDeque<Recorded>>>,
    /// The histories of the executions that run.
    histories: HashMap<ExecutionId, usize>,
    /// Requests of those who hold tokens, for when nothing else goes on.
    pub(crate) answers: VecDeque<(&'static str, Value)>,
    /// Every token that was handed out.
    pub(crate) tokens: Vec<String>,
    /// For executions that have no history: how any call fails.
    failure: Option<Failure>,
    /// Calls that never end.
    endless: Vec<Call>,
}

impl Script {
    /// The script of these histories.
    pub(crate) fn new(
        engine: Engine,
        client: Client,
        histories: &[History],
        failure: Option<Failure>,
    ) -> Self {
        Self {
            engine,
            client,
            outcomes: histories.iter().map(|history| outcomes(&history.events)).collect(),
            histories: HashMap::new(),
            answers: VecDeque::new(),
            tokens: Vec::new(),
            failure,
            endless: Vec::new(),
        }
    }

    /// This execution is the one of that history.
    pub(crate) fn bind(&mut self, arn: &str, history: usize) {
        self.histories.insert(ExecutionId::of(arn), history);
    }

    /// Ends a call as the recording tells; one that it does not know never ends.
    pub(crate) async fn perform(&mut self, call: Call) {
        if let Some((operation, request)) = own_call(&call.work) {
            let client = self.client.clone();
            tokio::spawn(async move { call.end(ask(&client, &operation, &request).await) });
            return;
        }
        let found = self.scheduled(&call.work).await;
        let Some((recorded, answer)) = found else {
            match &self.failure {
                Some(failure) => call.end(failed(failure.clone())),
                None => self.endless.push(call),
            }
            return;
        };
        if let (Some(submitted), Some(answer)) = (recorded.submitted, answer) {
            let token = self.engine.tokens().task(call.work.execution, answer);
            self.answers.extend(recorded.end.and_then(|end| request_of(&token, end)));
            self.tokens.push(token);
            return call.end(Outcome::Succeeded(Payload::new(submitted)));
        }
        match recorded.end {
            None | Some(End::TimedOut) => self.endless.push(call),
            Some(End::Succeeded(output)) => {
                call.end(Outcome::Succeeded(Payload::new(as_text(&output))));
            }
            Some(End::Failed(failure)) => call.end(failed(failure)),
        }
    }

    /// The recorded outcome of the state that this work is for, and the effect that answers it.
    async fn scheduled(&mut self, work: &Work) -> Option<(Recorded, Option<EffectId>)> {
        let history = *self.histories.get(&work.execution)?;
        let record = self.engine.record(work.execution).await.expect("a record is read")?;
        let text = self.engine.definition(record.definition_hash).await.expect("it is read")?;
        let def = parse(text.text(), MachineType::Standard).ok()?;
        let all = Page::Forward { from: 0, limit: usize::MAX >> 1 };
        let journal = self.engine.journal::<Execution>(work.execution, all).await;
        let (state, answer) =
            journal.expect("a journal is read").into_iter().rev().find_map(|entry| match entry
                .event
                .kind
            {
                EventKind::Scheduled { state, effect, options } if effect == work.effect => {
                    Some((state, options.and_then(|options| options.answer)))
                }
                _ => None,
            })?;
        let of_state = self.outcomes[history].get_mut(&*def.state(state)?.name)?;
        Some((of_state.pop_front()?, answer))
    }
}

/// The request by which the one who has this token ends the task.
fn request_of(token: &str, end: End) -> Option<(&'static str, Value)> {
    match end {
        End::Succeeded(output) => {
            Some(("SendTaskSuccess", json!({ "taskToken": token, "output": as_text(&output) })))
        }
        End::Failed(Failure { error, cause }) => {
            let mut request = Map::from_iter([("taskToken".to_owned(), Value::from(token))]);
            request.extend(error.map(|error| ("error".to_owned(), Value::from(error))));
            request.extend(cause.map(|cause| ("cause".to_owned(), Value::from(cause))));
            Some(("SendTaskFailure", Value::Object(request)))
        }
        End::TimedOut => None,
    }
}

/// A call of Step Functions itself (`aws-sdk:sfn:ACTION`): the operation and its request.
fn own_call(work: &Work) -> Option<(String, Value)> {
    if work.queue != SERVICE {
        return None;
    }
    let call: ServiceCall = serde_json::from_str(&work.request).ok()?;
    let parameters = serde_json::from_str(call.parameters.get()).ok()?;
    let action = call.action.split('.').next().unwrap_or_default();
    let is_own = call.service == "aws-sdk:sfn";
    is_own.then(|| (renamed(action, char::to_ascii_uppercase), members(parameters, lower)))
}

/// Asks the API, in a task's words.
async fn ask(client: &Client, operation: &str, request: &Value) -> Outcome {
    let answer = client.ask(operation, request).await;
    match answer.code() {
        None => Outcome::Succeeded(Payload::new(members(answer.body, upper).to_string())),
        Some(code) => Outcome::Failed {
            error: format!("Sfn.{code}Exception"),
            cause: format!(
                "{} (Service: Sfn, Status Code: {}, Request ID: none) (SDK Attempt Count: 1)",
                answer.message(),
                answer.status
            ),
        },
    }
}

fn members(object: Value, rename: fn(&str) -> String) -> Value {
    let Value::Object(object) = object else { return object };
    let present = object.into_iter().filter(|(_, value)| !value.is_null());
    present.map(|(name, value)| (rename(&name), value)).collect::<Map<_, _>>().into()
}

fn lower(name: &str) -> String {
    renamed(name, char::to_ascii_lowercase)
}

fn upper(name: &str) -> String {
    renamed(name, char::to_ascii_uppercase)
}

fn renamed(name: &str, first: fn(&char) -> char) -> String {
    let mut rest = name.chars();
    rest.next().map(|c| first(&c)).into_iter().chain(rest).collect()
}
