//! Runs a definition by a script, one input a line, and shows what came of it.
//!
//! | line | input |
//! |---|---|
//! | `start JSON` | the start, with this input |
//! | `done N JSON` | effect N succeeded |
//! | `fail N ERROR CAUSE` | effect N failed |
//! | `closed N JSON` | the child of effect N succeeded with this output |
//! | `closed N failed ERROR` | the child of effect N failed |
//! | `fire N` | timer N is due |
//! | `stop ERROR CAUSE` | StopExecution |
//! | `taken N WORKER`, `beat N`, `success N JSON`, `failure N ERROR` | by a worker or a token |
//! | `wait S` | S seconds pass |
//!
//! Events are shown as `id<previous Type payload details`, hidden ones without an id; commands
//! after `>`. After each input the state is compared with the fold of the whole journal, read back
//! from its segments.

use std::fmt::Write as _;

use serde_json::Value;
use trackway_asl::definition::{Definition, MachineType, parse, to_aws_message};
use trackway_asl::history::{View, write_event};
use trackway_asl::{Event, Execution, Failure, Refusal, Report, Signal, Status};
use trackway_core::{
    Command, EffectId, Environment, Input, Machine, Outcome, Payload, Start, TimerId, Timestamp,
    Turn, segment,
};

/// When scripts begin: 2024-01-01T00:00:00Z.
pub(crate) const BEGIN: Timestamp = Timestamp(1_704_067_200_000);

struct World(u64);

impl Environment for World {
    fn random(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.0 >> 11
    }

    fn task_token(&mut self, effect: EffectId) -> String {
        format!("token-{}", effect.0)
    }
}

/// An execution, its journal and what it asked for.
pub(crate) struct Bench {
    pub(crate) def: Definition,
    pub(crate) execution: Execution,
    pub(crate) journal: Vec<(Timestamp, Event)>,
    pub(crate) commands: Vec<Command>,
    pub(crate) now: Timestamp,
    world: World,
}

impl Bench {
    /// A bench for a definition.
    pub(crate) fn new(definition: &str) -> Self {
        let def = parse(definition, MachineType::Standard)
            .unwrap_or_else(|problems| panic!("{}", to_aws_message(&problems)));
        Self {
            def,
            execution: Execution::default(),
            journal: Vec::new(),
            commands: Vec::new(),
            now: BEGIN,
            world: World(1),
        }
    }

    /// One turn: its events and commands, after a look at the fold.
    pub(crate) fn take(
        &mut self,
        input: Input<Signal>,
    ) -> Result<(Vec<Event>, Vec<Command>), Refusal> {
        let mut turn = Turn::new(self.now, &mut self.world);
        let before = self.execution.clone();
        let decided = self.execution.handle(&self.def, input, &mut turn);
        let (events, commands) = turn.finish();
        if let Err(refusal) = decided {
            assert!(events.is_empty() && commands.is_empty(), "a refusal changes nothing");
            assert_eq!(before, self.execution, "a refusal changes nothing");
            return Err(refusal);
        }
        let bytes = segment::encode(self.now, &events).expect("events have an encoding");
        let (at, read) = segment::decode::<Event>(&bytes).expect("a segment can be read");
        assert_eq!(read, events, "events come back as they were");
        self.journal.extend(read.into_iter().map(|event| (at, event)));
        assert_eq!(self.folded(), self.execution, "the state is the fold of the journal");
        self.commands.extend(commands.iter().cloned());
        Ok((events, commands))
    }

    fn folded(&self) -> Execution {
        let mut execution = Execution::default();
        self.journal.iter().for_each(|(at, event)| execution.evolve(event, *at));
        execution
    }
}

/// A start with this input.
pub(crate) fn start(input: &str) -> Input<Signal> {
    Input::Start(Start {
        arn: "arn:aws:states:us-east-1:000000000000:execution:m:x".to_owned(),
        definition_arn: "arn:aws:states:us-east-1:000000000000:stateMachine:m".to_owned(),
        name: "x".to_owned(),
        role_arn: "arn:aws:iam::000000000000:role/r".to_owned(),
        input: Payload::new(input),
        attributes: Vec::new(),
    })
}

/// Runs a script; gives what came of it, line by line.
pub(crate) fn run(definition: &str, script: &str) -> String {
    let mut bench = Bench::new(definition);
    let mut shown = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some(input) = read(line, &mut bench.now) else { continue };
        writeln!(shown, "{line}").expect("text takes it");
        let asked = bench.now;
        match bench.take(input) {
            Ok((events, commands)) => {
                events.iter().for_each(|event| show_event(&mut shown, &bench.def, event));
                commands.iter().for_each(|command| show_command(&mut shown, command, asked));
            }
            Err(refusal) => writeln!(shown, "  refused: {refusal}").expect("text takes it"),
        }
    }
    writeln!(shown, "{}", bench.execution.status().name()).expect("text takes it");
    shown
}

fn read(line: &str, now: &mut Timestamp) -> Option<Input<Signal>> {
    let mut words = line.splitn(3, ' ');
    let word = words.next()?;
    let number = words.next().unwrap_or_default();
    let rest = words.next().unwrap_or_default();
    let effect = EffectId(number.parse().unwrap_or_default());
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(match word {
        "wait" => {
            *now = now.plus_seconds(number.parse().expect("seconds"));
            return None;
        }
        "start" => start(line.trim_start_matches("start ")),
        "done" => Input::Finished { effect, outcome: Outcome::Succeeded(Payload::new(rest)) },
        "fail" => {
            let (error, cause) = (first.to_owned(), second.to_owned());
            Input::Finished { effect, outcome: Outcome::Failed { error, cause } }
        }
        "closed" => Input::Finished { effect, outcome: closed(first, second, rest) },
        "fire" => Input::Fired(TimerId(effect.0)),
        "stop" => Input::Signal(Signal::Stop(Failure { error: text(number), cause: text(rest) })),
        "taken" => Input::Signal(Signal::Taken { effect, worker: text(rest) }),
        "beat" => Input::Signal(Signal::Heartbeat { effect }),
        "success" => Input::Signal(Signal::TaskSucceeded { effect, output: Payload::new(rest) }),
        "failure" => {
            let failure = Failure { error: text(rest), cause: None };
            Input::Signal(Signal::TaskFailed { effect, failure })
        }
        other => panic!("no such input: {other}"),
    })
}

fn closed(first: &str, second: &str, rest: &str) -> Outcome {
    let failed = first == "failed";
    let report = Report {
        arn: "arn:child".to_owned(),
        definition_arn: "arn:machine".to_owned(),
        name: "child".to_owned(),
        status: if failed { Status::Failed } else { Status::Succeeded } as u8,
        input: Payload::default(),
        output: (!failed).then(|| Payload::new(rest)),
        failure: Failure { error: failed.then(|| second.to_owned()), cause: None },
        started: BEGIN,
        stopped: BEGIN,
    };
    Outcome::Closed { report: report.encode() }
}

fn show_event(out: &mut String, def: &Definition, event: &Event) {
    let view = View { region: "us-east-1", include_execution_data: false };
    let mut json = Vec::new();
    if !write_event(&mut json, def, event, BEGIN, &view) {
        writeln!(out, "  - {:?}", event.kind).expect("text takes it");
        return;
    }
    let shown: Value = serde_json::from_slice(&json).expect("an event is JSON");
    let kind = shown["type"].as_str().unwrap_or_default();
    write!(out, "  {}<{} {kind}", event.id, event.previous).expect("text takes it");
    let mut members = shown.as_object().into_iter().flatten();
    if let Some((_, details)) = members.find(|(name, _)| name.ends_with("EventDetails")) {
        for (name, value) in details.as_object().into_iter().flatten() {
            if !["resource", "resourceType", "region", "roleArn"].contains(&name.as_str()) {
                write!(out, " {name}={value}").expect("text takes it");
            }
        }
    }
    if let Some(payload) = &event.payload {
        write!(out, " {}", payload.as_str()).expect("text takes it");
    }
    out.push('\n');
}

fn show_command(out: &mut String, command: &Command, now: Timestamp) {
    match command {
        Command::Run { effect, queue, request } => {
            writeln!(out, "  > run {} {queue} {}", effect.0, request.as_str())
                .expect("text takes it");
        }
        Command::Cancel(effect) => writeln!(out, "  > cancel {}", effect.0).expect("text takes it"),
        Command::Hold(effect) => writeln!(out, "  > hold {}", effect.0).expect("text takes it"),
        Command::Wake { timer, at } => {
            writeln!(out, "  > wake {} in {} ms", timer.0, *at - now).expect("text takes it");
        }
        Command::Disarm(timer) => writeln!(out, "  > disarm {}", timer.0).expect("text takes it"),
        Command::Close { .. } => writeln!(out, "  > close").expect("text takes it"),
    }
}
