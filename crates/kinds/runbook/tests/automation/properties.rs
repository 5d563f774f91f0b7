//! Any runbook, any inputs in any order: the machine never panics, state and rows are the fold of
//! the journal, what is repeated changes nothing, and it always comes to an end.

use proptest::prelude::*;
use serde_json::{Value, json};
use trackway_core::{Command, EffectId, Input, Outcome, Payload, TimerId, Timestamp};
use trackway_runbook::automation::{Mode, Signal, SignalType, StartedWith, Status, StopType};

use crate::bench::Bench;
use crate::sample::{self, Jumps};

/// The numbers that everything is chosen by.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

/// What the world knows to be outstanding.
#[derive(Default)]
struct Outstanding {
    effects: Vec<(EffectId, String)>,
    timers: Vec<(Timestamp, TimerId)>,
    /// All that ever was.
    old: Vec<EffectId>,
}

impl Outstanding {
    fn note(&mut self, commands: &[Command]) {
        for command in commands {
            match command {
                Command::Run { effect, queue, .. } => {
                    self.effects.push((*effect, queue.clone()));
                    self.old.push(*effect);
                }
                Command::Wake { timer, at } => self.timers.push((*at, *timer)),
                Command::Cancel(effect) => self.effects.retain(|(known, _)| known != effect),
                Command::Disarm(timer) => self.timers.retain(|(_, known)| known != timer),
                Command::Close { .. } => {
                    self.effects.clear();
                    self.timers.clear();
                }
                Command::Hold(_) => {}
            }
        }
        self.timers.sort_unstable();
    }

    /// The next timer that is due; time moves to it.
    fn ring(&mut self, now: &mut Timestamp) -> Option<Input<Signal>> {
        if self.timers.is_empty() {
            return None;
        }
        let (at, timer) = self.timers.remove(0);
        *now = (*now).max(at);
        Some(Input::Fired(timer))
    }

    fn finish(&mut self, numbers: &mut Numbers) -> Option<Input<Signal>> {
        if self.effects.is_empty() {
            return None;
        }
        let at = numbers.below(self.effects.len() as u64) as usize;
        let (effect, queue) = self.effects.remove(at);
        Some(Input::Finished { effect, outcome: outcome(&queue, numbers.below(5)) })
    }
}

fn outcome(queue: &str, choice: u64) -> Outcome {
    let failed = |error: &str| Outcome::Failed { error: error.to_owned(), cause: String::new() };
    let succeeded = |value: Value| Outcome::Succeeded(Payload::new(value.to_string()));
    match (queue, choice) {
        (_, 0) => failed("Boom"),
        (_, 1) => Outcome::Succeeded(Payload::new("nonsense")),
        ("automation", choice) => {
            let status = if choice == 2 { "Failed" } else { "Success" };
            let report = json!({"AutomationExecutionId": "x", "AutomationExecutionStatus": status});
            Outcome::Closed { report: report.to_string().into_bytes() }
        }
        ("command", choice) => {
            let status = if choice == 2 { "Failed" } else { "Success" };
            let report = json!({"CommandId": "x", "Status": status, "ResponseCode": 0});
            Outcome::Closed { report: report.to_string().into_bytes() }
        }
        (_, 2) => succeeded(json!({"O": 0})),
        _ => succeeded(json!({"O": 1})),
    }
}

fn signal(numbers: &mut Numbers) -> Signal {
    let kinds = [
        SignalType::Approve,
        SignalType::Reject,
        SignalType::StartStep,
        SignalType::StopStep,
        SignalType::Resume,
        SignalType::Revoke,
    ];
    let kind = kinds[numbers.below(6) as usize];
    let payload = match numbers.below(4) {
        0 => [("StepName".to_owned(), vec!["s0".to_owned()])].into(),
        1 => [("StepExecutionId".to_owned(), vec!["x".to_owned()])].into(),
        _ => [].into(),
    };
    let by = ["ada", "bob", "eve"][numbers.below(3) as usize];
    Signal::Send { kind, payload, by: format!("arn:aws:iam::111122223333:user/{by}") }
}

/// Whatever a step waits for that only a person can give.
fn nudge(numbers: &mut Numbers) -> Signal {
    let kind = [SignalType::Approve, SignalType::StartStep, SignalType::Resume];
    let kind = kind[numbers.below(3) as usize];
    let by = ["ada", "bob"][numbers.below(2) as usize];
    let by = format!("arn:aws:iam::111122223333:user/{by}");
    Signal::Send { kind, payload: [].into(), by }
}

pub(crate) struct Run {
    pub(crate) bench: Bench,
    outstanding: Outstanding,
}

impl Run {
    pub(crate) fn new(mut bench: Bench) -> Self {
        // A runbook that goes round without waiting takes many steps: looks are left to the test.
        bench.unchecked = true;
        Self { bench, outstanding: Outstanding::default() }
    }

    pub(crate) fn take(&mut self, input: Input<Signal>) {
        if let Ok(commands) = self.bench.take(input) {
            self.outstanding.note(&commands);
        }
    }

    /// Something happens.
    fn happen(&mut self, numbers: &mut Numbers) {
        let input = match numbers.below(12) {
            0..=3 => self.outstanding.finish(numbers),
            4..=6 => {
                let mut now = self.bench.now;
                let input = self.outstanding.ring(&mut now);
                self.bench.now = now;
                input
            }
            7 => {
                let old = &self.outstanding.old;
                let effect = old.get(numbers.below(old.len() as u64 + 1) as usize).copied();
                let known = self.outstanding.effects.iter().any(|(e, _)| Some(*e) == effect);
                let effect = effect.filter(|_| !known).unwrap_or(EffectId(9999));
                Some(Input::Finished { effect, outcome: outcome("aws", 3) })
            }
            8 => Some(Input::Fired(TimerId(9999))),
            9 | 10 => Some(Input::Signal(signal(numbers))),
            _ => match numbers.below(8) {
                0 => Some(Input::Signal(Signal::Stop(StopType::Cancel))),
                1 => Some(Input::Signal(Signal::Stop(StopType::Complete))),
                2 => Some(self.bench.start(&json!({"P": "again"}))),
                _ => Some(Input::Signal(nudge(numbers))),
            },
        };
        input.into_iter().for_each(|input| self.take(input));
    }

    /// Every timer fires, in their order.
    pub(crate) fn pass_time(&mut self) {
        let mut now = self.bench.now;
        while let Some(input) = self.outstanding.ring(&mut now) {
            self.bench.now = now;
            self.take(input);
        }
    }

    /// What is asked for is given; whatever waits is let go.
    pub(crate) fn help(&mut self, numbers: &mut Numbers) {
        if let Some(input) = self.outstanding.finish(numbers) {
            return self.take(input);
        }
        let mut now = self.bench.now;
        let before = self.bench.journal.len();
        for _ in 0..12 {
            self.take(Input::Signal(nudge(numbers)));
        }
        if self.bench.journal.len() > before || self.bench.is_closed() {
            return;
        }
        if let Some(input) = self.outstanding.ring(&mut now) {
            self.bench.now = now;
            self.take(input);
        }
    }
}

fn run(seed: u64, length: u32) -> Run {
    let mut numbers = Numbers(seed);
    let jumps = [Jumps::Anywhere, Jumps::Forward][numbers.below(2) as usize];
    let document = sample::runbook(&mut |limit| numbers.below(limit), jumps);
    let mode = if numbers.below(5) == 0 { Mode::Interactive } else { Mode::Auto };
    let with = StartedWith { mode, ..StartedWith::default() };
    let mut run = Run::new(Bench::new(&document.to_string(), with));
    let start = run.bench.start(&json!({}));
    run.take(start);
    for _ in 0..length {
        run.happen(&mut numbers);
        if run.bench.journal.len() < 300 {
            run.bench.look();
        }
    }
    for _ in 0..200 {
        run.help(&mut numbers);
    }
    if !run.bench.is_closed() {
        run.take(Input::Signal(Signal::Stop(StopType::Cancel)));
    }
    // Two minutes, or all the steps that there may be: time alone ends it.
    run.pass_time();
    run
}

/// `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var_os("PROPTEST_CASES").and_then(|cases| cases.into_string().ok());
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn every_run_comes_to_an_end(seed in any::<u64>(), length in 0_u32..40) {
        let run = run(seed, length);
        prop_assert!(run.bench.is_closed(), "{:?}", run.bench.execution);
        // Those that go round for ever leave long journals.
        if run.bench.journal.len() < 5000 {
            run.bench.look();
        }
        let closes = run.bench.commands.iter().filter(|c| matches!(c, Command::Close { .. }));
        prop_assert_eq!(closes.count(), 1);
        let steps = run.bench.steps();
        let ids: std::collections::BTreeSet<[u8; 16]> = steps.iter().map(|s| s.header.id).collect();
        prop_assert_eq!(ids.len(), steps.len(), "every step has its own id");
        let main = steps.iter().filter(|step| step.header.parent.is_none()).count();
        prop_assert_eq!(main, run.bench.def.runbook().steps.len(), "every main step is listed");
        let starts: Vec<Option<Timestamp>> = steps.iter().map(|s| s.header.started).collect();
        let sorted = starts.iter().map(|at| at.unwrap_or(Timestamp(i64::MAX)));
        prop_assert!(sorted.is_sorted(), "started steps first, by start");
        let is_over = |step: &trackway_runbook::automation::StepRow| {
            step.header.status.is_terminal() || step.header.status == Status::Pending
        };
        prop_assert!(steps.iter().all(is_over), "no step is left open");
    }
}
