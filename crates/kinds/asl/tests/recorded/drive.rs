//! Runs an execution without an engine: virtual time, and outcomes from the recording.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;
use trackway_asl::call::{ACTIVITY, CallPattern, LAMBDA, SERVICE, STATES, ServiceCall, StartCall};
use trackway_asl::definition::{Definition, MachineType, parse, to_aws_message};
use trackway_asl::history::{View, write_event};
use trackway_asl::{Event, EventKind, Execution, Failure, Report, Signal, Status};
use trackway_core::{
    Command, EffectId, Environment, Input, Machine, Outcome, Payload, Start, TimerId, Timestamp,
    Turn, segment,
};

use crate::case::as_text;

/// When the requests of the cases were noted: timestamps in them lie around it.
const START: Timestamp = Timestamp(1_795_239_000_000);

/// How a recorded task went.
#[derive(Debug, Default)]
struct Recorded {
    taken: Option<Option<String>>,
    submitted: Option<String>,
    end: Option<End>,
}

#[derive(Debug)]
enum End {
    Succeeded(Value),
    Failed(Failure),
    TimedOut,
}

/// What the world is to the machine.
struct World {
    random: u64,
}

impl Environment for World {
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.random >> 11
    }

    fn task_token(&mut self, effect: EffectId) -> String {
        format!("token-{}", effect.0)
    }
}

/// An execution that is driven by hand.
pub(crate) struct Driver {
    def: Definition,
    execution: Execution,
    world: World,
    now: Timestamp,
    events: Vec<(Timestamp, Event)>,
    timers: BTreeSet<(Timestamp, TimerId)>,
    outcomes: BTreeMap<String, VecDeque<Recorded>>,
    visible: usize,
}

/// Runs a definition against a recorded history; gives our history.
pub(crate) fn run(definition: &str, input: &str, recorded: &[Value]) -> Result<Vec<Value>, String> {
    let def =
        parse(definition, MachineType::Standard).map_err(|problems| to_aws_message(&problems))?;
    let mut driver = Driver {
        def,
        execution: Execution::default(),
        world: World { random: 7 },
        now: START,
        events: Vec::new(),
        timers: BTreeSet::new(),
        outcomes: outcomes(recorded),
        visible: 0,
    };
    driver.start(input);
    driver.finish(recorded);
    driver.check_fold()?;
    Ok(driver.history())
}

impl Driver {
    fn start(&mut self, input: &str) {
        let arn = "arn:aws:states:us-east-1:000000000000";
        self.take(Input::Start(Start {
            arn: format!("{arn}:execution:machine:run"),
            definition_arn: format!("{arn}:stateMachine:machine"),
            name: "run".to_owned(),
            role_arn: "arn:aws:iam::000000000000:role/test".to_owned(),
            input: Payload::new(input),
            attributes: Vec::new(),
        }));
    }

    /// Fires timers until the execution closes or the recording ends.
    fn finish(&mut self, recorded: &[Value]) {
        while self.execution.status() == Status::Running {
            let last = recorded.get(self.visible).and_then(|event| event["type"].as_str());
            match last {
                None => return,
                Some("ExecutionAborted") => {
                    self.take(Input::Signal(Signal::Stop(Failure::default())));
                }
                Some(_) => {
                    let Some((at, timer)) = self.timers.pop_first() else { return };
                    self.now = self.now.max(at);
                    self.take(Input::Fired(timer));
                }
            }
        }
    }

    /// One turn, and whatever its commands lead to.
    fn take(&mut self, input: Input<Signal>) {
        let mut queue = VecDeque::from([input]);
        while let Some(input) = queue.pop_front() {
            self.now = self.now + 1;
            let mut turn = Turn::new(self.now, &mut self.world);
            if self.execution.handle(&self.def, input, &mut turn).is_err() {
                continue;
            }
            let (events, commands) = turn.finish();
            self.visible += events.iter().filter(|event| event.is_visible()).count();
            let bytes = segment::encode(self.now, &events).expect("events have an encoding");
            let (at, events) = segment::decode::<Event>(&bytes).expect("it can be read again");
            self.events.extend(events.into_iter().map(|event| (at, event)));
            for command in commands {
                match command {
                    Command::Run { effect, queue: of, request } => {
                        queue.extend(self.perform(effect, &of, &request));
                    }
                    Command::Wake { timer, at } => {
                        self.timers.insert((at, timer));
                    }
                    Command::Disarm(timer) => self.timers.retain(|(_, armed)| *armed != timer),
                    Command::Cancel(_) | Command::Hold(_) | Command::Close { .. } => {}
                }
            }
        }
    }

    /// The name of the state that this effect works for, and the effect that answers it.
    fn scheduled(&self, effect: EffectId) -> Option<(String, Option<EffectId>)> {
        self.events.iter().rev().find_map(|(_, event)| match &event.kind {
            EventKind::Scheduled { state, effect: of, options } if *of == effect => {
                let name = self.def.state(*state)?.name.to_string();
                Some((name, options.as_ref().and_then(|options| options.answer)))
            }
            _ => None,
        })
    }

    /// The recorded outcome of the next call of this state, as inputs.
    fn perform(&mut self, effect: EffectId, queue: &str, request: &Payload) -> Vec<Input<Signal>> {
        let Some((name, answer)) = self.scheduled(effect) else { return Vec::new() };
        let next = self.outcomes.get_mut(&name).and_then(VecDeque::pop_front);
        let Some(recorded) = next else { return Vec::new() };
        let mut inputs = Vec::new();
        if let Some(worker) = recorded.taken {
            inputs.push(Input::Signal(Signal::Taken { effect, worker }));
        }
        if let Some(submitted) = recorded.submitted {
            let outcome = Outcome::Succeeded(Payload::new(submitted));
            inputs.push(Input::Finished { effect, outcome });
        }
        let effect = answer.unwrap_or(effect);
        let finished = |outcome| Input::Finished { effect, outcome };
        match recorded.end {
            None | Some(End::TimedOut) => {}
            Some(end) if ends_by_signal(queue, request) => {
                inputs.push(Input::Signal(signal(effect, end)));
            }
            Some(end) if queue == STATES && answer.is_some() => inputs.push(finished(closed(end))),
            Some(End::Succeeded(output)) => {
                inputs.push(finished(Outcome::Succeeded(Payload::new(as_text(&output)))));
            }
            Some(End::Failed(failure)) => inputs.push(finished(failed(failure))),
        }
        inputs
    }

    /// The state is the fold of the events that were read back from their segments.
    fn check_fold(&self) -> Result<(), String> {
        let mut folded = Execution::default();
        for (at, event) in &self.events {
            folded.evolve(event, *at);
        }
        if folded == self.execution { Ok(()) } else { Err("the fold differs".to_owned()) }
    }

    fn history(&self) -> Vec<Value> {
        let view = View { region: "us-east-1", include_execution_data: true };
        let mut events = Vec::new();
        for (at, event) in &self.events {
            let mut out = Vec::new();
            if write_event(&mut out, &self.def, event, *at, &view) {
                let text = String::from_utf8_lossy(&out);
                events.push(serde_json::from_str(&text).expect("an event is JSON"));
            }
        }
        events
    }
}

/// Whether a signal ends the task: a worker's, or that of who has the token.
fn ends_by_signal(queue: &str, request: &Payload) -> bool {
    let pattern = match queue {
        STATES => serde_json::from_str::<StartCall>(request).expect("a start call").pattern,
        SERVICE => serde_json::from_str::<ServiceCall>(request).expect("a service call").pattern,
        LAMBDA => return request.contains("\"token-"),
        _ => return queue.starts_with(ACTIVITY),
    };
    pattern == CallPattern::WaitForTaskToken
}

fn signal(effect: EffectId, end: End) -> Signal {
    match end {
        End::Succeeded(output) => {
            Signal::TaskSucceeded { effect, output: Payload::new(as_text(&output)) }
        }
        End::Failed(failure) => Signal::TaskFailed { effect, failure },
        End::TimedOut => Signal::Heartbeat { effect },
    }
}

/// A task that failed. One whose result was too large for AWS gets one that is too large for us.
fn failed(failure: Failure) -> Outcome {
    if failure.error.as_deref() == Some("States.DataLimitExceeded") {
        return Outcome::Succeeded(Payload::new(format!("\"{}\"", "é".repeat(150_000))));
    }
    Outcome::Failed {
        error: failure.error.unwrap_or_default(),
        cause: failure.cause.unwrap_or_default(),
    }
}

/// A child's report, from what AWS made of it.
fn closed(end: End) -> Outcome {
    let (described, succeeded) = match end {
        End::Succeeded(output) => (output, true),
        End::Failed(failure) => {
            let cause = failure.cause.unwrap_or_default();
            (serde_json::from_str(&cause).unwrap_or_default(), false)
        }
        End::TimedOut => return Outcome::Closed { report: Vec::new() },
    };
    let text = |name: &str| described[name].as_str().map(str::to_owned);
    let json = |name: &str| described.get(name).map(|value| Payload::new(as_text(value)));
    let report = Report {
        arn: text("ExecutionArn").unwrap_or_default(),
        definition_arn: text("StateMachineArn").unwrap_or_default(),
        name: text("Name").unwrap_or_default(),
        status: if succeeded { Status::Succeeded } else { Status::Failed } as u8,
        input: json("Input").unwrap_or_default(),
        output: json("Output"),
        failure: Failure { error: text("Error"), cause: text("Cause") },
        started: START,
        stopped: START,
    };
    Outcome::Closed { report: report.encode() }
}

/// The recorded tasks by the name of their state, in order.
fn outcomes(events: &[Value]) -> BTreeMap<String, VecDeque<Recorded>> {
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
