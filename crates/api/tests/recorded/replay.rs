//! Sends a case's requests in their order, with our names in the place of that run's.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use trackway_asl::Failure;
use trackway_core::ExecutionId;
use trackway_engine::Clock;

use crate::answers::has_ended;
use crate::case::{Case, History};
use crate::house::{Answer, House};
use crate::script::Script;
use crate::starts::starts;

/// Looks without any change after which nothing goes on.
const IDLE_LOOKS: u32 = 6;
/// How often time is moved on before an execution counts as one that never ends.
const ADVANCES_MAX: u32 = 120;

/// A case being replayed.
struct Replay<'a> {
    case: &'a Case,
    house: House,
    script: Script,
    /// For each start, by the place of its request: the history, and the input as it was sent.
    starts: BTreeMap<usize, (usize, String)>,
    /// Execution ARNs of that run, and ours.
    names: Vec<(String, String)>,
    /// Our executions.
    started: Vec<String>,
    /// Those that no name of that run has met.
    unnamed: Vec<String>,
    page_token: Option<String>,
    /// Whether time may go on by itself.
    moves_on: bool,
}

/// Sends every request; gives our answers.
pub(crate) async fn replay(case: &Case) -> Vec<Answer> {
    let histories = case.histories();
    // An execution that was stopped, or was looked at while it waited, waits for ever here.
    let moves_on = histories.iter().all(ran_out);
    let clock = if moves_on { Clock::Skip } else { Clock::Manual };
    let house = House::open(clock, BTreeMap::new()).await;
    let (engine, client) = (house.engine.clone(), house.client.clone());
    let script = Script::new(engine, client, &histories, failure_of(case));
    let starts = starts(&histories, &case.started());
    let mut replay = Replay {
        case,
        house,
        script,
        starts,
        names: Vec::new(),
        started: Vec::new(),
        unnamed: Vec::new(),
        page_token: None,
        moves_on,
    };
    let mut answers = Vec::new();
    for place in 0..case.requests.len() {
        answers.push(replay.request(place).await);
    }
    replay.house.engine.shutdown().await;
    answers
}

/// Whether an execution came to its end by itself.
fn ran_out(history: &History) -> bool {
    let is_abort = |event: &Value| event["type"] == "ExecutionAborted";
    has_ended(&history.events) && !history.events.last().is_some_and(is_abort)
}

/// How a function failed, where only the end of a synchronous execution was recorded.
fn failure_of(case: &Case) -> Option<Failure> {
    let output = case
        .aws
        .values()
        .find_map(|answer| answer.get("billingDetails").and_then(|_| answer.get("output")))?;
    let text = |name: &str| output[name].as_str().map(str::to_owned);
    Some(Failure { error: Some(text("Error")?), cause: Some(text("Cause")?) })
}

impl Replay<'_> {
    async fn request(&mut self, place: usize) -> Answer {
        let case = self.case;
        let operation = case.requests[place]["action"].as_str().unwrap_or_default();
        let request = self.in_our_names(place, operation);
        match operation {
            "GetExecutionHistory" | "DescribeExecution" | "StopExecution" => {
                let arn = request["executionArn"].as_str().unwrap_or_default().to_owned();
                // Stopping what waits is what stops it.
                let goes_on =
                    self.moves_on && !self.is_by_hand(place) && operation != "StopExecution";
                self.wait(&[arn], goes_on).await;
            }
            "ListExecutions" => {
                let all = self.started.clone();
                self.wait(&all, false).await;
            }
            _ => {}
        }
        let answer = match operation {
            "GetExecutionHistory" => self.whole_history(request).await,
            "StartSyncExecution" => self.ask_meanwhile(operation, &request).await,
            _ => self.house.client.ask(operation, &request).await,
        };
        self.note(place, &answer);
        answer
    }

    /// Whether a later request is what lets the execution go on.
    fn is_by_hand(&self, place: usize) -> bool {
        let later = &self.case.requests[place..];
        later.iter().any(|request| {
            request["action"].as_str().is_some_and(|action| action.starts_with("SendTask"))
        })
    }

    /// Learns names from an answer.
    fn note(&mut self, place: usize, answer: &Answer) {
        if let Some(token) = answer.body["nextToken"].as_str() {
            self.page_token = Some(token.to_owned());
        }
        if answer.operation == "StartExecution"
            && let Some(arn) = answer.body["executionArn"].as_str()
        {
            self.started.push(arn.to_owned());
            self.unnamed.push(arn.to_owned());
            if let Some((history, _)) = self.starts.get(&place) {
                self.script.bind(arn, *history);
            }
        }
    }

    /// The request as a client of ours sends it.
    fn in_our_names(&mut self, place: usize, operation: &str) -> Value {
        let mut request = self.case.requests[place]["request"].clone();
        let start = self.starts.get(&place).map(|(_, input)| input.clone());
        let is_again = self.is_created_again(place);
        let Some(members) = request.as_object_mut() else { return json!({}) };
        for (name, value) in members.iter_mut() {
            match (name.as_str(), value.as_str()) {
                ("executionArn", Some(arn)) => *value = self.execution(arn).into(),
                // Mocked answers are chosen by a suffix that AWS does not know.
                ("stateMachineArn", Some(arn)) => {
                    *value = arn.split('#').next().unwrap_or_default().into();
                }
                ("taskToken", Some(token)) => {
                    let ours = self.script.tokens.last();
                    *value = ours.map_or(token, String::as_str).into();
                }
                ("nextToken", Some(token)) if !is_garbage(token) => {
                    *value = self.page_token.clone().unwrap_or_default().into();
                }
                ("input", Some(_)) => {}
                ("definition", None) if is_again => *value = format!("{value:#}").into(),
                ("definition" | "input" | "output", None) if !value.is_null() => {
                    *value = value.to_string().into();
                }
                _ => {}
            }
        }
        if let ("StartExecution", Some(input)) = (operation, start)
            && members.contains_key("input")
        {
            members.insert("input".to_owned(), input.into());
        }
        request
    }

    /// Whether this creates the machine of an earlier request, and was refused. The definition is
    /// the same as JSON then but not as text, which the recording does not show.
    fn is_created_again(&self, place: usize) -> bool {
        let (earlier, later) = self.case.requests.split_at(place);
        let is_same = |request: &Value| {
            request["action"] == "CreateStateMachine" && request["request"] == later[0]["request"]
        };
        later[0]["refused_by_recorder"] == true && earlier.iter().any(is_same)
    }

    /// Our name of an execution of that run: the first one of its machine that has none yet.
    fn execution(&mut self, theirs: &str) -> String {
        if let Some((_, ours)) = self.names.iter().find(|(name, _)| name == theirs) {
            return ours.clone();
        }
        let machine = |arn: &str| arn.split(':').nth(6).map(str::to_owned);
        let place = self.unnamed.iter().position(|ours| machine(ours) == machine(theirs));
        let ours = place.map_or_else(|| theirs.to_owned(), |place| self.unnamed.remove(place));
        self.names.push((theirs.to_owned(), ours.clone()));
        ours
    }

    /// Lets everything run until these executions have ended or nothing goes on.
    async fn wait(&mut self, arns: &[String], goes_on: bool) {
        let (mut turns, mut idle, mut advances) = (0, 0, 0);
        loop {
            self.perform().await;
            if self.have_closed(arns).await {
                return;
            }
            let now = self.house.engine.stats().turns;
            idle = if now == turns { idle + 1 } else { 0 };
            turns = now;
            tokio::time::sleep(Duration::from_millis(1)).await;
            if idle < IDLE_LOOKS {
                continue;
            }
            idle = 0;
            if goes_on && let Some((operation, request)) = self.script.answers.pop_front() {
                self.house.client.ask(operation, &request).await;
            } else if !goes_on || advances == ADVANCES_MAX {
                return;
            } else {
                // Seconds at first, to meet short timeouts one by one; then ever longer.
                self.house.engine.advance(1000 << (advances / 20).min(20));
                advances += 1;
            }
        }
    }

    async fn perform(&mut self) {
        while let Ok(call) = self.house.calls.try_recv() {
            self.script.perform(call).await;
        }
    }

    async fn have_closed(&self, arns: &[String]) -> bool {
        for arn in arns {
            let record = self.house.engine.record(ExecutionId::of(arn)).await;
            if record.expect("a record can be read").is_some_and(|record| !record.closed) {
                return false;
            }
        }
        true
    }

    /// A request that is answered when an execution has ended.
    async fn ask_meanwhile(&mut self, operation: &str, request: &Value) -> Answer {
        let client = self.house.client.clone();
        let mut asked = std::pin::pin!(client.ask(operation, request));
        loop {
            tokio::select! {
                answer = &mut asked => return answer,
                Some(call) = self.house.calls.recv() => self.script.perform(call).await,
            }
        }
    }

    /// All pages in one, as the recorder's client does.
    async fn whole_history(&mut self, mut request: Value) -> Answer {
        let mut whole = self.house.client.ask("GetExecutionHistory", &request).await;
        while let Some(token) = whole.body["nextToken"].as_str() {
            request["nextToken"] = token.into();
            let next = self.house.client.ask("GetExecutionHistory", &request).await;
            let Value::Object(mut members) = next.body else { break };
            let events = members.remove("events");
            if let (Some(all), Some(Value::Array(more))) =
                (whole.body["events"].as_array_mut(), events)
            {
                all.extend(more);
            }
            whole.body["nextToken"] = members.remove("nextToken").unwrap_or_default();
        }
        if let Some(members) = whole.body.as_object_mut() {
            members.remove("nextToken");
        }
        whole
    }
}

/// A token that was never one.
fn is_garbage(token: &str) -> bool {
    token.chars().all(|c| token.starts_with(c))
}
