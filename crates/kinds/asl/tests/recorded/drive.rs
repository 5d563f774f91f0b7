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
use crate::outcomes::{End, Recorded, failed, outcomes};

/// When the requests of the cases were noted: timestamps in them lie around it.
const START: Timestamp = Timestamp(1_795_239_000_000);

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

/// Hears of every call that is answered: the events so far, its effect and its outcome.
pub(crate) type Hears<'h> = dyn FnMut(&[(Timestamp, Event)], EffectId, &Recorded) + 'h;

/// An execution that is driven by hand.
struct Driver<'h> {
    def: Definition,
    execution: Execution,
    world: World,
    now: Timestamp,
    events: Vec<(Timestamp, Event)>,
    timers: BTreeSet<(Timestamp, TimerId)>,
    outcomes: BTreeMap<String, VecDeque<Recorded>>,
    visible: usize,
    hears: &'h mut Hears<'h>,
}

/// Runs a definition against a recorded history; gives our history.
pub(crate) fn run<'h>(
    definition: &str,
    input: &str,
    recorded: &[Value],
    hears: &'h mut Hears<'h>,
) -> Result<Vec<Value>, String> {
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
        hears,
    };
    driver.start(input);
    driver.finish(recorded);
    driver.check_fold()?;
    Ok(driver.history())
}

impl Driver<'_> {
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
        (self.hears)(&self.events, effect, &recorded);
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

/// How a worker, or who has the token, says how the task ended.
pub(crate) fn signal(effect: EffectId, end: End) -> Signal {
    match end {
        End::Succeeded(output) => {
            Signal::TaskSucceeded { effect, output: Payload::new(as_text(&output)) }
        }
        End::Failed(failure) => Signal::TaskFailed { effect, failure },
        End::TimedOut => Signal::Heartbeat { effect },
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
