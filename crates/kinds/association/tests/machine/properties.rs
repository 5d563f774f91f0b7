//! Any inputs in any order: no panic, the state is the fold of its journal (the bench looks), each
//! slot comes once and in order, counts agree with the rows, and what is stopped ends.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;
use trackway_association::association::{EventKind, Signal};
use trackway_association::request::Stop;
use trackway_association::run::{self, TargetRow, VIEW_TARGETS};
use trackway_association::spec::{Spec, Target};
use trackway_association::status::{Counts, Status};
use trackway_association::{Association, AssociationRun};
use trackway_core::{EffectId, Input, Machine, Outcome, Payload, TimerId};

use crate::bench::{ARN, Bench, start};

/// What happens; numbers choose among what is outstanding, or name something that isn't.
#[derive(Clone, Debug)]
enum Act {
    Succeed(usize, String),
    Fail(usize),
    Close(usize, Status),
    Fire(usize),
    Wait(u32),
    Signal(u8, String),
    Stop(Stop),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let answers =
        vec!["[]", r#"["a"]"#, r#"["a","b","c","d","a"]"#, r#"{"State":"OPEN"}"#, "{}", "1"];
    let answer = prop::sample::select(answers).prop_map(str::to_owned);
    let status = prop::sample::select(Status::ALL.to_vec());
    let node = prop::sample::select(vec!["a", "b", "z"]).prop_map(str::to_owned);
    let stop = prop::sample::select(vec![Stop::TimedOut, Stop::Cancelled, Stop::Drain]);
    let act = prop_oneof![
        5 => (0..6_usize, answer).prop_map(|(n, answer)| Act::Succeed(n, answer)),
        1 => (0..6_usize).prop_map(Act::Fail),
        5 => (0..6_usize, status).prop_map(|(n, status)| Act::Close(n, status)),
        4 => (0..4_usize).prop_map(Act::Fire),
        2 => (0..10_000_u32).prop_map(Act::Wait),
        3 => (0..8_u8, node).prop_map(|(n, node)| Act::Signal(n, node)),
        1 => stop.prop_map(Act::Stop),
    ];
    prop::collection::vec(act, 0..60)
}

fn specs() -> impl Strategy<Value = Spec> {
    let schedule = prop::sample::select(vec![
        None,
        Some("rate(30 minutes)"),
        Some("cron(0 */30 * * * ? *)"),
        Some("at(2026-11-21T10:30:00)"),
    ]);
    let rates = prop::sample::select(vec![None, Some("1"), Some("50%"), Some("3")]);
    (schedule, rates.clone(), rates, any::<bool>(), any::<bool>()).prop_map(
        |(schedule, concurrency, errors, only, calendars)| {
            let only = only && schedule.is_some_and(|text| !text.starts_with("rate"));
            Spec {
                name: "D".to_owned(),
                schedule_expression: schedule.map(str::to_owned),
                apply_only_at_cron_interval: only,
                duration: only.then_some(1),
                max_concurrency: concurrency.map(str::to_owned),
                max_errors: errors.map(str::to_owned),
                calendar_names: calendars.then(|| "C".to_owned()).into_iter().collect(),
                targets: vec![Target { key: "tag:a".to_owned(), values: Vec::new() }],
                ..Spec::default()
            }
        },
    )
}

/// What an act is for a machine: an input, or none when only time passes.
fn input<M>(
    bench: &mut Bench<M>,
    act: &Act,
    signal: impl Fn(&Act) -> Option<M::Signal>,
) -> Option<Input<M::Signal>>
where
    M: Machine<Definition = ()> + Clone + PartialEq + std::fmt::Debug,
    M::Event: PartialEq + std::fmt::Debug,
{
    let effect = |n: usize| bench.effects.keys().nth(n).copied().unwrap_or(EffectId(n as u32));
    let finished = |n: usize, outcome| Some(Input::Finished { effect: effect(n), outcome });
    match act {
        Act::Succeed(n, text) => finished(*n, Outcome::Succeeded(Payload::new(text.as_str()))),
        Act::Fail(n) => {
            finished(*n, Outcome::Failed { error: "E".to_owned(), cause: String::new() })
        }
        Act::Close(n, status) => {
            let counts = json!({ "Status": status, "Counts": { status.name(): 1 } });
            finished(*n, Outcome::Closed { report: counts.to_string().into_bytes() })
        }
        Act::Fire(n) => {
            let (timer, at) = match bench.timers.iter().nth(*n) {
                Some((timer, at)) => (*timer, *at),
                None => (TimerId(9999), bench.now),
            };
            bench.now = bench.now.max(at);
            Some(Input::Fired(timer))
        }
        Act::Wait(seconds) => {
            bench.now = bench.now.plus_seconds(u64::from(*seconds));
            None
        }
        Act::Signal(..) | Act::Stop(_) => signal(act).map(Input::Signal),
    }
}

proptest! {
    #[test]
    fn associations(spec in specs(), updates in specs(), acts in acts()) {
        let mut bench = Bench::<Association>::new();
        let birth = json!({ "AssociationId": "a", "Spec": spec });
        bench.take(start(ARN, &birth.to_string()));
        let signal = |act: &Act| match act {
            Act::Signal(0..=2, node) => {
                Some(Signal::Node { node: node.clone(), replaces: (node == "a").then_some(Status::Failed) })
            }
            Act::Signal(3, _) => Some(Signal::Changed),
            Act::Signal(4, _) => {
                Some(Signal::Update { spec: Box::new(updates.clone()), expected: None })
            }
            Act::Signal(5, _) => Some(Signal::SetStatus("{}".to_owned())),
            Act::Signal(..) => Some(Signal::Start),
            _ => None,
        };
        for act in &acts {
            if let Some(input) = input(&mut bench, act, signal) {
                bench.take(input);
                bench.check_fold();
            }
        }
        let slots: Vec<_> = bench.journal.iter().filter_map(|(at, event)| match event.kind {
            EventKind::SlotReached(_, slot) => Some((slot, *at)),
            _ => None,
        }).collect();
        prop_assert!(slots.windows(2).all(|pair| pair[0].0 < pair[1].0), "each slot comes once");
        prop_assert!(slots.iter().all(|(slot, at)| slot <= at), "no slot comes early");
        bench.take(Input::Signal(Signal::Delete));
        let effects: Vec<_> = bench.effects.keys().copied().collect();
        for effect in effects {
            bench.take(Input::Finished { effect, outcome: Outcome::Succeeded(Payload::default()) });
        }
        bench.check_fold();
        prop_assert!(bench.report.is_some(), "what is deleted ends");
    }

    #[test]
    fn runs(spec in specs(), acts in acts(), automation in any::<bool>()) {
        let mut bench = Bench::<AssociationRun>::new();
        let kind = if automation { "Automation" } else { "Command" };
        let input_text = json!({ "Call": { "Spec": spec }, "Document": { "Kind": kind } });
        bench.take(start("arn:run", &input_text.to_string()));
        let signal = |act: &Act| match act {
            Act::Stop(how) => Some(run::Signal::Stop(*how)),
            _ => None,
        };
        for act in &acts {
            if bench.report.is_some() {
                break;
            }
            if let Some(input) = input(&mut bench, act, signal) {
                bench.take(input);
                bench.check_fold();
                prop_assert_eq!(&counts_of_rows(&bench), bench.machine.counts());
            }
        }
        if bench.report.is_none() {
            bench.take(Input::Signal(run::Signal::Stop(Stop::Cancelled)));
        }
        let effects: Vec<_> = bench.effects.keys().copied().collect();
        for effect in effects {
            bench.take(Input::Finished { effect, outcome: Outcome::Succeeded(Payload::default()) });
        }
        bench.check_fold();
        prop_assert!(bench.report.is_some(), "what is stopped ends");
        prop_assert!(bench.machine.status().is_final());
        prop_assert!(bench.machine.counts().keys().all(|status| status.is_final()));
    }
}

fn counts_of_rows(bench: &Bench<AssociationRun>) -> Counts {
    let mut counts = BTreeMap::new();
    for ((view, _), row) in &bench.rows {
        assert_eq!(*view, VIEW_TARGETS);
        let row = TargetRow::decode(row).expect("a row can be read");
        *counts.entry(row.status).or_default() += 1;
    }
    counts
}
