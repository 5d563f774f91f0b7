//! The machine against the naive model: random commands in all three modes.

use proptest::prelude::*;
use serde_json::{Value, json};
use trackway_core::uuid;
use trackway_pipeline::signal::{Cargo, JobResult, Signal};
use trackway_pipeline::views::CARGO;

use super::bench::{BY, Bench, action, execution};
use super::naive::{Mode, Naive, Place};

/// A stage's name, and its actions: name, type, run order.
type Declared = (&'static str, &'static [(&'static str, &'static str, u32)]);

/// Stages of the pipeline: one source, a parallel group and a later action, an approval.
const STAGES: [Declared; 3] = [
    ("Source", &[("Fetch", "AWS/Source/S3", 1)]),
    (
        "Build",
        &[
            ("Compile", "AWS/Build/CodeBuild", 1),
            ("Lint", "AWS/Test/CodeBuild", 1),
            ("Pack", "Custom/Build/Mine", 2),
        ],
    ),
    ("Deploy", &[("Ask", "AWS/Approval/Manual", 1), ("Ship", "AWS/Deploy/S3", 2)]),
];

fn structure(mode: Mode) -> Value {
    let stage = |(name, actions): &Declared| {
        let actions: Vec<_> =
            actions.iter().map(|(name, kind, order)| action(name, kind, *order)).collect();
        json!({ "name": name, "actions": actions })
    };
    let mode = match mode {
        Mode::Superseded => "SUPERSEDED",
        Mode::Queued => "QUEUED",
        Mode::Parallel => "PARALLEL",
    };
    let stages: Vec<_> = STAGES.iter().map(stage).collect();
    json!({ "executionMode": mode, "pipelineType": "V2", "stages": stages })
}

#[derive(Clone, Debug)]
enum Do {
    Start,
    /// The n-th action in progress ends.
    Finish(usize, bool),
    Stop(usize, bool),
    Gate(usize, bool),
    Retry(usize, usize, bool),
    RollBack(usize, usize),
}

fn something() -> impl Strategy<Value = Do> {
    prop_oneof![
        3 => Just(Do::Start),
        10 => (any::<usize>(), prop::bool::weighted(0.8)).prop_map(|(n, ok)| Do::Finish(n, ok)),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(n, abandon)| Do::Stop(n, abandon)),
        1 => (0..3usize, any::<bool>()).prop_map(|(stage, open)| Do::Gate(stage, open)),
        2 => (any::<usize>(), 0..3usize, any::<bool>()).prop_map(|(n, s, all)| Do::Retry(n, s, all)),
        1 => (any::<usize>(), 0..3usize).prop_map(|(n, stage)| Do::RollBack(n, stage)),
    ]
}

struct Both {
    bench: Bench,
    naive: Naive,
}

impl Both {
    fn new(mode: Mode) -> Self {
        let stages = STAGES
            .iter()
            .map(|(_, actions)| actions.iter().map(|(name, _, order)| (*name, *order)).collect());
        let mut naive = Naive::new(mode, stages.collect());
        naive.start(0, None);
        Self { bench: Bench::new(&structure(mode)), naive }
    }

    fn act(&mut self, what: &Do) {
        let some = |n: usize, of: usize| n % of.max(1);
        let runs = self.naive.runs.len();
        match *what {
            Do::Start => {
                self.bench.start();
                self.naive.start(0, None);
            }
            Do::Finish(n, is_ok) => {
                let running = self.naive.in_progress();
                let Some((run, action)) = running.get(some(n, running.len())).copied() else {
                    return;
                };
                self.finish(run, action, is_ok);
                self.naive.finish(run, action, is_ok);
            }
            Do::Stop(n, abandon) => {
                let run = some(n, runs);
                let signal = Signal::Stop {
                    execution: execution(run as u64),
                    abandon,
                    reason: None,
                    by: BY.to_owned(),
                };
                let is_done = self.bench.signal(signal).is_ok();
                assert_eq!(is_done, self.naive.stop(run, abandon), "stop {run}");
            }
            Do::Gate(stage, is_open) => {
                let signal = Signal::Transition {
                    stage: STAGES[stage].0.to_owned(),
                    outbound: false,
                    disabled: (!is_open).then(|| "why".to_owned()),
                    by: BY.to_owned(),
                };
                self.bench.signal(signal).unwrap();
                self.naive.set_gate(stage, is_open);
            }
            Do::Retry(n, stage, is_all) => self.retry(some(n, runs), stage, is_all),
            Do::RollBack(n, stage) => self.roll_back(some(n, runs), stage),
        }
    }

    fn finish(&mut self, run: usize, action: &str, is_ok: bool) {
        let number = run as u64;
        if action == "Pack" {
            return self.work(number, is_ok);
        }
        if action != "Ask" {
            return if is_ok {
                self.bench.done(number, action);
            } else {
                self.bench.failed(number, action);
            };
        }
        let tokens = self.bench.tokens();
        let (_, _, token) = tokens.into_iter().rfind(|(it, ..)| *it == number).unwrap();
        let signal = Signal::Approve {
            stage: "Deploy".to_owned(),
            action: action.to_owned(),
            token,
            is_approved: is_ok,
            summary: "so be it".to_owned(),
            by: BY.to_owned(),
        };
        self.bench.signal(signal.clone()).unwrap();
        assert!(self.bench.signal(signal).is_err(), "an approval is decided once");
    }

    /// A worker does the job; every other job goes on as another one first.
    fn work(&mut self, run: u64, is_ok: bool) {
        let mut is_again = run.is_multiple_of(2);
        loop {
            let offered = self.bench.job(run, "Pack");
            let job = trackway_pipeline::ids::read(&offered.id).unwrap();
            let nonce = offered.nonce;
            self.bench.signal(Signal::JobAcknowledged { job, nonce }).unwrap();
            if !is_ok {
                let (code, message) = ("JobFailed".to_owned(), "no luck".to_owned());
                let failed = Signal::JobFailed { job, code, message, external_execution_id: None };
                return self.bench.signal(failed).unwrap();
            }
            let continuation_token = is_again.then(|| "half".to_owned());
            let result = Box::new(JobResult { continuation_token, ..JobResult::default() });
            self.bench.signal(Signal::JobSucceeded { job, result }).unwrap();
            if !std::mem::take(&mut is_again) {
                return;
            }
        }
    }

    fn retry(&mut self, run: usize, stage: usize, all_actions: bool) {
        let signal = Signal::Retry {
            stage: STAGES[stage].0.to_owned(),
            execution: execution(run as u64),
            all_actions,
            by: BY.to_owned(),
        };
        let is_done = self.bench.signal(signal).is_ok();
        assert_eq!(is_done, self.naive.retry(run, stage, all_actions), "retry {run} in {stage}");
    }

    fn roll_back(&mut self, target: usize, stage: usize) {
        let key = (CARGO, execution(target as u64).to_be_bytes().to_vec());
        let cargo = self.bench.rows.get(&key);
        let cargo: Option<Box<Cargo>> = cargo.map(|row| serde_json::from_slice(row).unwrap());
        let signal = Signal::Rollback {
            stage: STAGES[stage].0.to_owned(),
            target: execution(target as u64),
            cargo,
            execution: execution(self.bench.runs),
            by: BY.to_owned(),
        };
        let is_done = self.bench.signal(signal).is_ok();
        self.bench.runs += u64::from(is_done);
        assert_eq!(is_done, self.naive.roll_back(target, stage), "roll back to {target}");
    }

    fn compare(&self) {
        let id = |run: usize| uuid::text(execution(run as u64));
        for (run, it) in self.naive.runs.iter().enumerate() {
            assert_eq!(self.bench.status(run as u64), it.status, "execution {run}");
        }
        for (place, (name, actions)) in STAGES.iter().enumerate() {
            let shown = self.bench.stage(name);
            let waiting: Vec<_> = self.naive.queues[place].iter().map(|run| id(*run)).collect();
            let inbound = shown["inboundExecutions"].as_array().cloned().unwrap_or_default();
            let inbound: Vec<_> = inbound
                .iter()
                .map(|it| it["pipelineExecutionId"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(inbound, waiting, "who waits for {name}");
            assert_eq!(shown["inboundTransitionState"]["enabled"], self.naive.is_open[place]);
            let Some(latest) = self.naive.latest[place] else {
                assert_eq!(shown["latestExecution"], Value::Null);
                continue;
            };
            let visit = &self.naive.visits[&(latest, place)];
            let is_here = self.naive.runs[latest].place == Place::Inside(place);
            let is_stopping = is_here && self.naive.runs[latest].status == "Stopping";
            let status = if is_stopping { "Stopping" } else { visit.status };
            assert_eq!(shown["latestExecution"]["pipelineExecutionId"], id(latest), "{name}");
            assert_eq!(shown["latestExecution"]["status"], status, "{name}");
            for (number, (action, ..)) in actions.iter().enumerate() {
                let shown = &shown["actionStates"][number]["latestExecution"]["status"];
                let status = visit.actions.get(action).map_or(Value::Null, |it| json!(it));
                assert_eq!(*shown, status, "{action}");
            }
        }
        let running = self.naive.in_progress();
        for (run, action) in running.iter().filter(|(_, action)| *action != "Ask") {
            assert!(
                self.bench.find(*run as u64, action).is_some(),
                "{action} of {run} is asked for"
            );
        }
        assert_eq!(self.bench.timers.len(), running.len(), "each action in progress has a timer");
    }
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Superseded), Just(Mode::Queued), Just(Mode::Parallel)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn it_does_what_the_naive_model_does(
        mode in mode(),
        script in prop::collection::vec(something(), 1..45),
    ) {
        let mut both = Both::new(mode);
        both.compare();
        for what in &script {
            both.act(what);
            both.compare();
            both.bench.check_snapshot();
        }
        both.bench.check_fold();
    }
}
