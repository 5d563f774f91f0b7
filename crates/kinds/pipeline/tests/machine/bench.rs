//! A pipeline on a bench: its journal, what it asked for, its rows. After each input the state is
//! compared with the fold of the whole journal and with its own snapshot, and so are the rows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trackway_core::{
    Command, EffectId, Environment, Input, Machine, Outcome, Payload, RowKey, Rows, Start, TimerId,
    Timestamp, Turn, segment, uuid,
};
use trackway_pipeline::Pipeline;
use trackway_pipeline::ids::Number;
use trackway_pipeline::pipeline::{Event, EventKind, Form};
use trackway_pipeline::request::{ActionCall, Job};
use trackway_pipeline::signal::{Birth, Refusal, Signal, StartRun};
use trackway_pipeline::structure::Structure;
use trackway_pipeline::views::{ACTIONS, EXECUTION};

/// When scripts begin: 2026-11-21T10:00:00Z.
pub(crate) const BEGIN: Timestamp = Timestamp(1_795_255_200_000);
/// The pipeline's number.
pub(crate) const NUMBER: Number = Number(7);
/// Who asks.
pub(crate) const BY: &str = "arn:aws:iam::123456789012:user/ada";

/// Counts instead of chance.
struct World(u64);

impl Environment for World {
    fn random(&mut self) -> u64 {
        self.0 += 1;
        self.0
    }

    fn task_token(&mut self, _effect: EffectId) -> String {
        String::new()
    }
}

pub(crate) struct Bench {
    pub(crate) machine: Pipeline,
    pub(crate) journal: Vec<(Timestamp, Event)>,
    pub(crate) rows: BTreeMap<RowKey, Vec<u8>>,
    /// Effects that are awaited, with queue and request.
    pub(crate) effects: BTreeMap<EffectId, (String, Payload)>,
    pub(crate) held: BTreeSet<EffectId>,
    pub(crate) timers: BTreeMap<TimerId, Timestamp>,
    pub(crate) is_closed: bool,
    pub(crate) now: Timestamp,
    pub(crate) runs: u64,
    world: World,
    used: BTreeSet<EffectId>,
}

/// The id of the n-th execution.
pub(crate) fn execution(run: u64) -> u128 {
    NUMBER.id(0xe_0000 + run)
}

impl Bench {
    /// A pipeline with this structure, its first execution under way.
    pub(crate) fn new(structure: &Value) -> Self {
        let mut bench = Self {
            machine: Pipeline::default(),
            journal: Vec::new(),
            rows: BTreeMap::new(),
            effects: BTreeMap::new(),
            held: BTreeSet::new(),
            timers: BTreeMap::new(),
            is_closed: false,
            now: BEGIN,
            runs: 1,
            world: World(0),
            used: BTreeSet::new(),
        };
        let birth = Birth {
            number: NUMBER.0,
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            structure: self::structure(structure),
            execution: execution(0),
            by: BY.to_owned(),
        };
        let input = serde_json::to_string(&birth).unwrap();
        bench.take(start(&input)).unwrap();
        bench
    }

    /// One turn.
    pub(crate) fn take(&mut self, input: Input<Signal>) -> Result<(), Refusal> {
        match &input {
            Input::Finished { effect, .. } => drop(self.effects.remove(effect)),
            Input::Fired(timer) => drop(self.timers.remove(timer)),
            _ => {}
        }
        self.now = self.now + 1;
        let before = matches!(input, Input::Signal(_)).then(|| self.machine.clone());
        let mut turn = Turn::new(self.now, &mut self.world);
        let decided = self.machine.handle(&(), input, &mut turn);
        let rows = turn.take_rows();
        let (events, commands) = turn.finish();
        if let Err(refusal) = decided {
            assert!(events.is_empty() && commands.is_empty(), "a refusal changes nothing");
            assert!(before.is_none_or(|before| before == self.machine));
            return Err(refusal);
        }
        let bytes = segment::encode(self.now, &events).unwrap();
        let (at, read) = segment::decode::<Event>(&bytes).unwrap();
        assert_eq!(read, events, "events come back as they were");
        self.journal.extend(read.into_iter().map(|event| (at, event)));
        rows.apply_to(&mut self.rows);
        commands.iter().for_each(|command| self.note(command));
        Ok(())
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> Result<(), Refusal> {
        self.take(Input::Signal(signal))
    }

    fn note(&mut self, command: &Command) {
        match command {
            Command::Run { effect, queue, request } => {
                assert!(self.used.insert(*effect), "an effect is used twice");
                self.effects.insert(*effect, (queue.clone(), request.clone()));
            }
            Command::Cancel(effect) => {
                self.held.remove(effect);
                self.effects.remove(effect);
            }
            Command::Hold(effect) => {
                assert!(self.effects.contains_key(effect), "what is held is awaited");
                self.held.insert(*effect);
            }
            Command::Wake { timer, at } => drop(self.timers.insert(*timer, *at)),
            Command::Disarm(timer) => drop(self.timers.remove(timer)),
            Command::Close { .. } => {
                self.effects.clear();
                self.timers.clear();
                self.is_closed = true;
            }
        }
    }

    /// The state is the fold of the journal and its own snapshot, and the rows are the projection
    /// of the journal.
    pub(crate) fn check_fold(&self) {
        let mut machine = Pipeline::default();
        let mut table = BTreeMap::new();
        for (at, event) in &self.journal {
            machine.evolve(event, *at);
            let mut rows = Rows::default();
            machine.project(event, *at, &mut rows);
            for ((view, key), row) in rows.clone().into_edits() {
                let moment = row.and_then(|row| Pipeline::expires(view, &key, &row));
                assert!(moment <= Some(*at), "a row of view {view} would stay for ever");
            }
            rows.apply_to(&mut table);
        }
        assert_eq!(machine, self.machine, "the state is the fold of the journal");
        assert_eq!(table, self.rows, "the rows follow from the journal");
        self.check_snapshot();
    }

    /// The state is what its snapshot says, and equal states have equal snapshots.
    pub(crate) fn check_snapshot(&self) {
        let snapshot = self.machine.snapshot().unwrap();
        let restored = Pipeline::restore(&snapshot).unwrap();
        assert_eq!(restored, self.machine, "a snapshot comes back as it was");
        assert_eq!(restored.snapshot(), Some(snapshot));
    }

    /// Starts an execution by hand; its place among all.
    pub(crate) fn start(&mut self) -> u64 {
        self.try_start(json!({})).unwrap()
    }

    pub(crate) fn try_start(&mut self, variables: Value) -> Result<u64, Refusal> {
        let run = self.runs;
        self.signal(Signal::Start(Box::new(StartRun {
            execution: execution(run),
            trigger_type: "StartPipelineExecution".to_owned(),
            trigger_detail: BY.to_owned(),
            variables: variables.as_object().cloned().unwrap_or_default(),
            source_revisions: Vec::new(),
        })))?;
        self.runs += 1;
        Ok(run)
    }

    /// The effect that performs an action of an execution.
    pub(crate) fn effect_of(&self, run: u64, action: &str) -> EffectId {
        self.find(run, action).unwrap_or_else(|| panic!("{action} of {run} is not in progress"))
    }

    pub(crate) fn find(&self, run: u64, action: &str) -> Option<EffectId> {
        let id = uuid::text(execution(run));
        let is_it =
            |call: &ActionCall| call.pipeline_execution_id == id && call.action_name == action;
        let found = self.effects.iter().find(|(_, (queue, request))| {
            if queue.starts_with("job/") {
                is_it(&serde_json::from_str::<Job>(request).unwrap().call)
            } else {
                serde_json::from_str(request).is_ok_and(|call| is_it(&call))
            }
        });
        found.map(|(effect, _)| *effect)
    }

    /// What a performer was sent.
    pub(crate) fn call(&self, run: u64, action: &str) -> ActionCall {
        let (_, request) = &self.effects[&self.effect_of(run, action)];
        serde_json::from_str(request).unwrap()
    }

    /// What a worker was sent.
    pub(crate) fn job(&self, run: u64, action: &str) -> Job {
        let (_, request) = &self.effects[&self.effect_of(run, action)];
        serde_json::from_str(request).unwrap()
    }

    /// A performer answers.
    pub(crate) fn answer(&mut self, run: u64, action: &str, answer: Value) {
        let effect = self.effect_of(run, action);
        let outcome = Outcome::Succeeded(Payload::new(answer.to_string()));
        self.take(Input::Finished { effect, outcome }).unwrap();
    }

    pub(crate) fn done(&mut self, run: u64, action: &str) {
        let outputs = self.call(run, action).output_artifacts;
        let names: Vec<_> = outputs.into_iter().map(|output| output.name).collect();
        self.answer(run, action, json!({ "done": { "outputArtifacts": names } }));
    }

    pub(crate) fn failed(&mut self, run: u64, action: &str) {
        let failure = json!({ "code": "JobFailed", "message": "no luck", "details": {} });
        self.answer(run, action, json!({ "failed": failure }));
    }

    /// The tokens of all approvals so far: the execution, the action's place, the token.
    pub(crate) fn tokens(&self) -> Vec<(u64, u16, String)> {
        let token = |event: &Event| match &event.kind {
            EventKind::ActStarted { run, act, form: Form::Approval(token), .. } => {
                Some((u64::from(*run), *act, uuid::text(*token)))
            }
            _ => None,
        };
        self.journal.iter().filter_map(|(_, event)| token(event)).collect()
    }

    /// The row of an execution.
    pub(crate) fn row(&self, run: u64) -> Value {
        let row = &self.rows[&(EXECUTION, execution(run).to_be_bytes().to_vec())];
        serde_json::from_slice(row).unwrap()
    }

    pub(crate) fn status(&self, run: u64) -> String {
        let row = self.row(run);
        assert_eq!(row["execution"]["status"], row["summary"]["status"]);
        row["summary"]["status"].as_str().unwrap().to_owned()
    }

    /// `ActionExecutionDetail`s, the newest first.
    pub(crate) fn details(&self) -> Vec<Value> {
        let rows = self.rows.iter().filter(|((view, _), _)| *view == ACTIONS);
        rows.map(|(_, row)| serde_json::from_slice(row).unwrap()).collect()
    }

    /// A stage of `GetPipelineState`.
    pub(crate) fn stage(&self, name: &str) -> Value {
        let view = self.machine.state_view();
        let stages = view["stageStates"].as_array().unwrap();
        stages.iter().find(|stage| stage["stageName"] == name).unwrap().clone()
    }
}

pub(crate) fn start(input: &str) -> Input<Signal> {
    Input::Start(Start {
        arn: "arn".to_owned(),
        definition_arn: String::new(),
        name: String::new(),
        role_arn: String::new(),
        input: Payload::new(input),
        attributes: Vec::new(),
    })
}

/// A structure, as checked: the defaults are filled in.
pub(crate) fn structure(value: &Value) -> Structure {
    let mut structure: Structure = serde_json::from_value(value.clone()).unwrap();
    if structure.version == 0 {
        structure.version = 1;
    }
    if structure.name.is_empty() {
        "p".clone_into(&mut structure.name);
    }
    structure
}

/// An action of this type, `OWNER/CATEGORY/PROVIDER`.
pub(crate) fn action(name: &str, kind: &str, order: u32) -> Value {
    let parts: Vec<_> = kind.split('/').collect();
    json!({ "name": name, "runOrder": order, "actionTypeId": {
        "owner": parts[0], "category": parts[1], "provider": parts[2], "version": "1",
    } })
}
