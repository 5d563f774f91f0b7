//! One command and what it asks of the world.

use std::collections::{BTreeMap, BTreeSet};

use trackway_command::request::Request;
use trackway_command::view::{self, Invocation};
use trackway_command::{
    Columns, CommandRun, Event, NodeReport, PluginReport, Refusal, Report, Signal,
};
use trackway_core::{
    Command, EffectId, Environment, Input, Machine, Outcome, Payload, RowKey, Start, TimerId,
    Timestamp, Turn, segment,
};

/// What is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) ids: Vec<&'a str>,
    pub(crate) by_tag: bool,
    pub(crate) concurrency: &'a str,
    pub(crate) errors: &'a str,
    pub(crate) bucket: &'a str,
}

pub(crate) fn request<'a>(ids: &[&'a str]) -> Asked<'a> {
    Asked { ids: ids.to_vec(), by_tag: false, concurrency: "50", errors: "0", bucket: "" }
}

pub(crate) fn nodes(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("mi-{number:017x}")).collect()
}

#[derive(Default)]
struct Nobody;

impl Environment for Nobody {
    fn random(&mut self) -> u64 {
        0
    }
    fn task_token(&mut self, _: EffectId) -> String {
        String::new()
    }
}

pub(crate) struct World {
    machine: CommandRun,
    now: Timestamp,
    journal: Vec<Vec<u8>>,
    events: usize,
    effects: BTreeMap<EffectId, (String, Payload)>,
    held: BTreeSet<EffectId>,
    timers: BTreeMap<TimerId, Timestamp>,
    rows: BTreeMap<RowKey, Vec<u8>>,
    report: Option<Report>,
    last_commands: usize,
    last_rows: usize,
}

impl World {
    pub(crate) fn start(asked: Asked<'_>) -> Self {
        let tag = serde_json::json!({"Key": "tag:Env", "Values": ["test"]});
        let request = Request {
            command_id: "11111111-2222-4333-8444-555555555555".into(),
            document_name: "AWS-RunShellScript".into(),
            instance_ids: asked.ids.iter().map(|id| (*id).to_owned()).collect(),
            targets: if asked.by_tag { vec![tag] } else { vec![] },
            timeout_seconds: 600,
            execution_timeout_seconds: 100,
            max_concurrency: asked.concurrency.into(),
            max_errors: asked.errors.into(),
            output_s3_bucket_name: asked.bucket.into(),
            output_s3_key_prefix: "logs".into(),
            ..Request::default()
        };
        let arn = trackway_command::request::arn("000000000000", "us-east-1", &request.command_id);
        let mut world = Self {
            machine: CommandRun::default(),
            now: Timestamp(1_000_000),
            journal: vec![],
            events: 0,
            effects: BTreeMap::new(),
            held: BTreeSet::new(),
            timers: BTreeMap::new(),
            rows: BTreeMap::new(),
            report: None,
            last_commands: 0,
            last_rows: 0,
        };
        let start = Start {
            arn,
            definition_arn: String::new(),
            name: request.command_id.clone(),
            role_arn: String::new(),
            input: Payload::new(serde_json::to_string(&request).unwrap()),
            attributes: vec![],
        };
        world.take(Input::Start(start)).unwrap();
        world
    }

    fn take(&mut self, input: Input<Signal>) -> Result<(), Refusal> {
        self.now = self.now + 1;
        let mut nobody = Nobody;
        let mut turn = Turn::new(self.now, &mut nobody);
        let taken = self.machine.handle(&"{}".into(), input, &mut turn);
        let rows = turn.take_rows();
        let (events, commands) = turn.finish();
        assert!(taken.is_ok() || events.is_empty(), "a refusal emits nothing");
        self.events += events.len();
        if !events.is_empty() {
            self.journal.push(segment::encode(self.now, &events).unwrap());
        }
        let edits = rows.clone().into_edits();
        (self.last_commands, self.last_rows) = (commands.len(), edits.len());
        rows.apply_to(&mut self.rows);
        commands.into_iter().for_each(|command| self.carry_out(command));
        taken
    }

    fn carry_out(&mut self, command: Command) {
        assert!(self.report.is_none(), "nothing follows the end");
        match command {
            Command::Run { effect, queue, request } => {
                assert!(self.effects.insert(effect, (queue, request)).is_none());
            }
            Command::Cancel(effect) => {
                self.effects.remove(&effect);
                self.held.remove(&effect);
            }
            Command::Hold(effect) => {
                assert!(self.effects.contains_key(&effect));
                self.held.insert(effect);
            }
            Command::Wake { timer, at } => {
                self.timers.insert(timer, at);
            }
            Command::Disarm(timer) => {
                self.timers.remove(&timer);
            }
            Command::Close { report } => {
                self.effects.clear();
                self.held.clear();
                self.timers.clear();
                self.report = Some(Report::decode(&report).unwrap());
            }
        }
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> Result<(), Refusal> {
        self.take(Input::Signal(signal))
    }

    pub(crate) fn deliver(&mut self, node: &str) -> Result<(), Refusal> {
        self.signal(Signal::Delivered { node: node.to_owned() })
    }

    pub(crate) fn report(&mut self, node: &str, status: &str, response_code: i32) {
        let plugin = PluginReport {
            name: "aws:runShellScript".into(),
            plugin: "aws:runShellScript".into(),
            status: status.into(),
            response_code,
            stdout: format!("said {node}"),
            ..PluginReport::default()
        };
        let report = NodeReport { status: status.into(), response_code, plugins: vec![plugin] };
        let signal = Signal::Reported { node: node.to_owned(), report: Box::new(report) };
        // After the end it is refused.
        let _refused = self.signal(signal);
    }

    pub(crate) fn cancel(&mut self, nodes: Option<&[&str]>) {
        let nodes = nodes.map(|nodes| nodes.iter().map(|node| (*node).to_owned()).collect());
        let _refused = self.signal(Signal::Cancel { nodes });
    }

    pub(crate) fn resolve(&mut self, outcome: Outcome) {
        self.effects.remove(&EffectId(0));
        self.take(Input::Finished { effect: EffectId(0), outcome }).unwrap();
    }

    /// Ends the first upload that is under way; its input.
    pub(crate) fn finish_upload(&mut self, outcome: Outcome) -> Option<String> {
        let (effect, request) = self
            .effects
            .iter()
            .find(|(_, (queue, _))| queue == "aws")
            .map(|(effect, (_, request))| (*effect, request.as_str().to_owned()))?;
        self.effects.remove(&effect);
        self.take(Input::Finished { effect, outcome }).unwrap();
        Some(request)
    }

    fn place(&self, node: &str) -> u32 {
        self.machine.invocations().position(|(id, _)| id == node).unwrap() as u32
    }

    fn fire(&mut self, timer: TimerId) {
        if let Some(at) = self.timers.remove(&timer) {
            self.now = self.now.max(at);
            self.take(Input::Fired(timer)).unwrap();
        }
    }

    pub(crate) fn fire_delivery(&mut self, node: &str) {
        self.fire(TimerId(2 * self.place(node)));
    }

    pub(crate) fn fire_execution(&mut self, node: &str) {
        self.fire(TimerId(2 * self.place(node) + 1));
    }

    pub(crate) fn status(&self) -> String {
        let summary = Machine::summary(&self.machine);
        let columns = Columns::decode(&summary.columns).unwrap();
        let details = columns.details;
        assert_eq!(summary.status, details.status() as u8);
        assert_eq!(columns.counts, self.machine.counts());
        format!("{} {}", details.status().name(), details.name())
    }

    pub(crate) fn invocations(&self) -> String {
        let named = |(id, status): (&str, trackway_command::InvocationStatus)| {
            format!("{id}={}", status.details())
        };
        self.machine.invocations().map(named).collect::<Vec<_>>().join(" ")
    }

    /// What a poll would find.
    pub(crate) fn offered(&self) -> Vec<String> {
        let offered = self.effects.iter().filter(|(effect, (queue, _))| {
            queue.starts_with("node/") && !self.held.contains(effect)
        });
        let mut offered: Vec<String> = offered
            .map(|(_, (queue, request))| {
                let node = queue.rsplit('/').next().unwrap();
                let errand: serde_json::Value = serde_json::from_str(request).unwrap();
                assert!(errand["arn"].as_str().unwrap().starts_with("arn:aws:ssm:us-east-1:"));
                format!("{node} {}", errand["kind"].as_str().unwrap())
            })
            .collect();
        offered.sort();
        offered
    }

    pub(crate) fn request_of(&self, queue: &str) -> String {
        let found = self.effects.values().find(|(name, _)| name == queue);
        found.map(|(_, request)| request.as_str().to_owned()).unwrap_or_default()
    }

    pub(crate) fn timers(&self) -> Vec<String> {
        let ids: Vec<&str> = self.machine.invocations().map(|(id, _)| id).collect();
        let named = |(timer, at): (&TimerId, &Timestamp)| {
            let which = if timer.0 % 2 == 0 { "delivery" } else { "execution" };
            format!("{} {which} +{}", ids[timer.0 as usize / 2], (*at - self.now) / 1000)
        };
        self.timers.iter().map(named).collect()
    }

    pub(crate) fn awaited(&self) -> usize {
        self.effects.len() + self.timers.len()
    }

    pub(crate) fn journal_len(&self) -> usize {
        self.events
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.report.is_some()
    }

    pub(crate) fn closed(&self) -> &Report {
        self.report.as_ref().expect("it has ended")
    }

    pub(crate) fn last_commands(&self) -> usize {
        self.last_commands
    }

    pub(crate) fn last_rows(&self) -> usize {
        self.last_rows
    }

    pub(crate) fn machine(&self) -> &CommandRun {
        &self.machine
    }

    /// The machine and its rows, folded from the journal's bytes alone.
    pub(crate) fn refolded(&self) -> (CommandRun, BTreeMap<RowKey, Vec<u8>>) {
        let (mut machine, mut table) = (CommandRun::default(), BTreeMap::new());
        for bytes in &self.journal {
            let (at, events) = segment::decode::<Event>(bytes).unwrap();
            for event in events {
                machine.evolve(&event, at);
                let mut rows = trackway_core::Rows::default();
                machine.project(&event, at, &mut rows);
                rows.apply_to(&mut table);
            }
        }
        (machine, table)
    }

    /// What must hold at any time.
    pub(crate) fn check(&self) {
        let (machine, rows) = self.refolded();
        assert_eq!(format!("{machine:?}"), format!("{:?}", self.machine), "fold equals live");
        assert_eq!(rows, self.rows, "rows can be made anew");
        let statuses: Vec<_> = self.machine.invocations().map(|(_, status)| status).collect();
        for (id, status) in self.machine.invocations() {
            let row = &self.rows[&(view::INVOCATIONS, id.as_bytes().to_vec())];
            let row = Invocation::decode(row).unwrap();
            assert_eq!(row.status, status);
            assert_eq!(row.ended.is_some(), status.is_final());
        }
        let counts = self.machine.counts();
        let count = |test: &dyn Fn(trackway_command::InvocationStatus) -> bool| {
            statuses.iter().filter(|status| test(**status)).count() as u32
        };
        assert_eq!(counts.targets, statuses.len() as u32);
        assert_eq!(counts.completed, count(&|status| status.is_final()));
        assert_eq!(counts.errors, count(&|status| status.is_error()));
        let is_run = |effect: &EffectId| effect.0 % 2 == 1 && effect.0 < 1 << 31;
        let in_flight = self.effects.keys().filter(|effect| is_run(effect)).count();
        let running = statuses.iter().filter(|status| !status.is_final()).count();
        assert!(in_flight <= running, "{in_flight} effects, {running} running");
        if self.is_closed() {
            assert_eq!(self.awaited(), 0);
            assert_eq!(counts.completed, counts.targets);
        }
    }
}
