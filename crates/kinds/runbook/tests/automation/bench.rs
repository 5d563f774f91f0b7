//! Runs a runbook by a script, one input a line, and shows what came of it.
//!
//! | line | input |
//! |---|---|
//! | `start JSON` | the start, with these parameters |
//! | `done N JSON` | effect N succeeded |
//! | `fail N CODE MESSAGE` | effect N failed with this AWS error |
//! | `error N ERROR CAUSE` | effect N failed otherwise |
//! | `closed N JSON` | the child of effect N closed with this report |
//! | `fire N` | timer N is due |
//! | `cancel`, `complete` | StopAutomationExecution |
//! | `signal TYPE JSON BY` | SendAutomationSignal |
//! | `wait S` | S seconds pass |
//!
//! Commands are shown after `>`, then the status; at the end the rows of the steps. After each
//! input the state and the rows are compared with those of the whole journal, read back from its
//! segments.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use trackway_core::{
    Command, EffectId, Environment, Input, Machine, Outcome, Payload, RowKey, Rows, Start, TimerId,
    Timestamp, Turn, segment,
};
use trackway_runbook::automation::rows::STEPS;
use trackway_runbook::automation::{
    Automation, Columns, Definition, Event, Refusal, Signal, SignalType, StartedWith, Status,
    StepRow, StopType, envelope,
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

/// An execution, its journal, its rows and what it asked for.
pub(crate) struct Bench {
    pub(crate) def: Definition,
    pub(crate) with: StartedWith,
    pub(crate) execution: Automation,
    pub(crate) journal: Vec<(Timestamp, Event)>,
    pub(crate) rows: BTreeMap<RowKey, Vec<u8>>,
    pub(crate) commands: Vec<Command>,
    pub(crate) now: Timestamp,
    /// How many rows the last turn wrote.
    pub(crate) last_rows: usize,
    /// Whether looks are left to the test.
    pub(crate) unchecked: bool,
    world: World,
}

impl Bench {
    /// A bench for a runbook in YAML; only its steps and what comes after them is given.
    pub(crate) fn new(runbook: &str, with: StartedWith) -> Self {
        let text = if runbook.contains("schemaVersion") {
            runbook.to_owned()
        } else {
            format!("schemaVersion: '0.3'\n{runbook}")
        };
        let def = Automation::parse(&envelope(&text, "YAML")).unwrap_or_else(|why| panic!("{why}"));
        Self::of(def, with)
    }

    /// A bench for a definition.
    pub(crate) fn of(def: Definition, with: StartedWith) -> Self {
        let with = StartedWith {
            execution_id: "00000000-0000-4000-8000-000000000000".to_owned(),
            document_name: "Doc".to_owned(),
            document_version: "1".to_owned(),
            executed_by: "arn:aws:iam::111122223333:user/ada".to_owned(),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            ..with
        };
        Self {
            def,
            with,
            execution: Automation::default(),
            journal: Vec::new(),
            rows: BTreeMap::new(),
            commands: Vec::new(),
            now: BEGIN,
            last_rows: 0,
            unchecked: false,
            world: World(1),
        }
    }

    /// The first input.
    pub(crate) fn start(&self, parameters: &Value) -> Input<Signal> {
        Input::Start(Start {
            arn: "arn:aws:ssm:eu-west-1:111122223333:automation-execution/x".to_owned(),
            definition_arn: "arn:aws:ssm:eu-west-1:111122223333:document/Doc".to_owned(),
            name: "x".to_owned(),
            role_arn: String::new(),
            input: Payload::new(json!({ "parameters": parameters }).to_string()),
            attributes: self.with.encode(),
        })
    }

    /// One turn: its commands, after a look at the fold.
    pub(crate) fn take(&mut self, input: Input<Signal>) -> Result<Vec<Command>, Refusal> {
        let mut turn = Turn::new(self.now, &mut self.world);
        let before = (!self.unchecked).then(|| self.execution.clone());
        let decided = self.execution.handle(&self.def, input, &mut turn);
        let rows = turn.take_rows();
        let (events, commands) = turn.finish();
        if let Err(refusal) = decided {
            assert!(events.is_empty() && commands.is_empty(), "a refusal changes nothing");
            if let Some(before) = before {
                assert_eq!(before, self.execution, "a refusal changes nothing");
            }
            return Err(refusal);
        }
        let edits = rows.clone().into_edits();
        self.last_rows = edits.len();
        rows.apply_to(&mut self.rows);
        let bytes = segment::encode(self.now, &events).expect("events have an encoding");
        let (at, read) = segment::decode::<Event>(&bytes).expect("a segment can be read");
        assert_eq!(read, events, "events come back as they were");
        self.journal.extend(read.into_iter().map(|event| (at, event)));
        if !self.unchecked {
            self.look();
        }
        self.commands.extend(commands.iter().cloned());
        Ok(commands)
    }

    /// State, rows and summary are those of the journal, and agree.
    pub(crate) fn look(&self) {
        let mut folded = Automation::default();
        let mut rows = BTreeMap::new();
        for (at, event) in &self.journal {
            folded.evolve(event, *at);
            let mut changes = Rows::default();
            folded.project(event, *at, &mut changes);
            changes.apply_to(&mut rows);
        }
        assert_eq!(folded, self.execution, "the state is the fold of the journal");
        assert_eq!(rows, self.rows, "the rows are those of the journal");
        let summary = self.execution.summary();
        assert_eq!(summary, folded.summary());
        assert_eq!(Status::from_number(summary.status), Some(self.execution.status()));
        if summary.status != 0 {
            let columns = Columns::decode(&summary.columns).expect("columns can be read");
            assert_eq!(columns.with, *self.execution.started_with());
        }
        assert_eq!(summary.closed.is_some(), self.execution.status().is_terminal());
        let steps = self.steps();
        if !self.execution.status().is_terminal() {
            return;
        }
        let open = |step: &&StepRow| {
            !step.header.status.is_terminal() && step.header.status != Status::Pending
        };
        let open = steps.iter().find(open);
        let is_rate_control = self.execution.started_with().is_rate_control();
        assert!(is_rate_control || open.is_none(), "a step is left open: {open:?}");
    }

    /// The rows of the steps, in their order.
    pub(crate) fn steps(&self) -> Vec<StepRow> {
        let rows = self.rows.iter().filter(|((view, _), _)| *view == STEPS);
        rows.map(|(_, row)| {
            let row_read = StepRow::decode(row).expect("a row can be read");
            assert_eq!(StepRow::header(row).as_ref(), Some(&row_read.header));
            assert_eq!(&row_read.encode(), row, "a row is written as it was");
            row_read
        })
        .collect()
    }

    /// Whether the last command ends it.
    pub(crate) fn is_closed(&self) -> bool {
        self.execution.status().is_terminal()
    }

    /// The steps as lines: what each shows of itself, ids left out.
    pub(crate) fn show(&self) -> String {
        let mut shown = String::new();
        for step in self.steps() {
            let value = step.describe();
            let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
            write!(shown, "{} {} {}", text("StepName"), text("Action"), text("StepStatus"))
                .expect("text takes it");
            for (name, member) in value.as_object().into_iter().flatten() {
                match name.as_str() {
                    "StepName" | "Action" | "StepStatus" | "StepExecutionId" => continue,
                    "OverriddenParameters" | "ExecutionStartTime" | "ExecutionEndTime" => continue,
                    "FailureDetails" => {
                        let of = |key: &str| member[key].as_str().unwrap_or_default().to_owned();
                        write!(shown, " {}/{}", of("FailureStage"), of("FailureType"))
                            .expect("text takes it");
                    }
                    "ParentStepDetails" => {
                        write!(shown, " {}#{}", member["StepName"], member["Iteration"])
                            .expect("text takes it");
                        if let Some(value) = member.get("IteratorValue") {
                            write!(shown, "={}", value.as_str().unwrap_or_default())
                                .expect("text takes it");
                        }
                    }
                    "Inputs" | "Outputs" if member == &json!({}) => {}
                    "Inputs" => {
                        write!(shown, "\n    in").expect("text takes it");
                        for (name, value) in member.as_object().into_iter().flatten() {
                            write!(shown, " {name}={}", value.as_str().unwrap_or("?"))
                                .expect("text takes it");
                        }
                    }
                    "Outputs" => write!(shown, "\n    out {member}").expect("text takes it"),
                    "FailureMessage" => {
                        let message = member.as_str().unwrap_or_default();
                        let end = " Please refer to Automation Service Troubleshooting Guide for more diagnosis details.";
                        let message = message.strip_suffix(end).unwrap_or(message);
                        write!(shown, "\n    \"{message}\"").expect("text takes it");
                    }
                    _ => write!(shown, " {name}={member}").expect("text takes it"),
                }
            }
            shown.push('\n');
        }
        shown
    }
}

/// Runs a script; gives what came of it, line by line.
pub(crate) fn run(runbook: &str, script: &str) -> String {
    run_with(StartedWith::default(), runbook, script)
}

/// The same, started otherwise.
pub(crate) fn run_with(with: StartedWith, runbook: &str, script: &str) -> String {
    let mut bench = Bench::new(runbook, with);
    let mut shown = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(shown, "{line}").expect("text takes it");
        let Some(input) = read(line, &mut bench) else { continue };
        let asked = bench.now;
        match bench.take(input) {
            Ok(commands) => {
                commands.iter().for_each(|command| show_command(&mut shown, command, asked));
                writeln!(shown, "  {}", bench.execution.status().name()).expect("text takes it");
            }
            Err(refusal) => writeln!(shown, "  refused: {refusal}").expect("text takes it"),
        }
    }
    shown.push_str(&bench.show());
    shown
}

fn read(line: &str, bench: &mut Bench) -> Option<Input<Signal>> {
    let mut words = line.splitn(3, ' ');
    let word = words.next()?;
    let number = words.next().unwrap_or_default();
    let rest = words.next().unwrap_or_default();
    let effect = EffectId(number.parse().unwrap_or_default());
    let (first, second) = rest.split_once(' ').unwrap_or((rest, ""));
    let finished = |outcome| Input::Finished { effect, outcome };
    Some(match word {
        "wait" => {
            bench.now = bench.now.plus_seconds(number.parse().expect("seconds"));
            return None;
        }
        "start" => {
            let parameters = line.trim_start_matches("start ");
            bench.start(&serde_json::from_str(parameters).expect("parameters are JSON"))
        }
        "done" => finished(Outcome::Succeeded(Payload::new(rest))),
        "fail" => {
            let cause = json!({"service": "s", "operation": "Op", "code": first,
                "message": second, "status": 400});
            finished(Outcome::Failed { error: first.to_owned(), cause: cause.to_string() })
        }
        "error" => finished(Outcome::Failed { error: first.to_owned(), cause: second.to_owned() }),
        "closed" => finished(Outcome::Closed { report: rest.as_bytes().to_vec() }),
        "fire" => Input::Fired(TimerId(effect.0)),
        "cancel" => Input::Signal(Signal::Stop(StopType::Cancel)),
        "complete" => Input::Signal(Signal::Stop(StopType::Complete)),
        "signal" => {
            let kind = SignalType::from_name(number).expect("a signal");
            let payload = if first.is_empty() { "{}" } else { first };
            let payload = serde_json::from_str(payload).expect("a payload is JSON");
            Input::Signal(Signal::Send { kind, payload, by: second.to_owned() })
        }
        other => panic!("no such input: {other}"),
    })
}

fn show_command(out: &mut String, command: &Command, now: Timestamp) {
    match command {
        Command::Run { effect, queue, request } => {
            // Whose call it is, every call says: it is not shown.
            let scope = r#","scope":"111122223333/eu-west-1""#;
            let is_of_someone = matches!(queue.as_str(), "aws" | "webhook");
            assert_eq!(request.as_str().contains(scope), is_of_someone, "{queue}: {request:?}");
            let shown = request.as_str().replace(scope, "");
            writeln!(out, "  > run {} {queue} {shown}", effect.0)
        }
        Command::Cancel(effect) => writeln!(out, "  > drop {}", effect.0),
        Command::Hold(effect) => writeln!(out, "  > hold {}", effect.0),
        Command::Wake { timer, at } => {
            writeln!(out, "  > wake {} in {} s", timer.0, (*at - now) / 1000)
        }
        Command::Disarm(timer) => writeln!(out, "  > disarm {}", timer.0),
        Command::Close { report } => {
            let mut report: Value = serde_json::from_slice(report).expect("a report is JSON");
            report.as_object_mut().expect("an object").remove("AutomationExecutionId");
            writeln!(out, "  > close {report}")
        }
    }
    .expect("text takes it");
}
