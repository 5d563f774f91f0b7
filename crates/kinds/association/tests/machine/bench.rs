//! A machine on a bench: its journal, what it asked for, its rows. After each input the state is
//! compared with the fold of the whole journal, read back from its segments, and so are the rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Debug, Write as _};

use trackway_core::{
    Command, EffectId, Environment, Input, Machine, Outcome, Payload, RowKey, Rows, Start, TimerId,
    Timestamp, Turn, segment,
};

/// When scripts begin: 2026-11-21T10:00:00Z.
pub(crate) const BEGIN: Timestamp = Timestamp(1_795_255_200_000);
/// The account and id of every association here.
pub(crate) const ARN: &str = "arn:aws:ssm:us-east-1:000000000000:association/a";

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

pub(crate) struct Bench<M: Machine> {
    pub(crate) machine: M,
    pub(crate) journal: Vec<(Timestamp, M::Event)>,
    pub(crate) rows: BTreeMap<RowKey, Vec<u8>>,
    /// Effects that are awaited, with queue and request.
    pub(crate) effects: BTreeMap<EffectId, (String, Payload)>,
    pub(crate) timers: BTreeMap<TimerId, Timestamp>,
    pub(crate) report: Option<Vec<u8>>,
    pub(crate) now: Timestamp,
    world: World,
    used: BTreeSet<EffectId>,
}

impl<M> Bench<M>
where
    M: Machine<Definition = ()> + Clone + PartialEq + Debug,
    M::Event: PartialEq + Debug,
{
    pub(crate) fn new() -> Self {
        Self {
            machine: M::default(),
            journal: Vec::new(),
            rows: BTreeMap::new(),
            effects: BTreeMap::new(),
            timers: BTreeMap::new(),
            report: None,
            now: BEGIN,
            world: World(0),
            used: BTreeSet::new(),
        }
    }

    /// One turn; shows its events and commands.
    pub(crate) fn take(&mut self, input: Input<M::Signal>) -> String {
        let mut shown = String::new();
        match &input {
            Input::Finished { effect, .. } => drop(self.effects.remove(effect)),
            Input::Fired(timer) => drop(self.timers.remove(timer)),
            _ => {}
        }
        let mut turn = Turn::new(self.now, &mut self.world);
        let before = matches!(input, Input::Signal(_)).then(|| self.machine.clone());
        let decided = self.machine.handle(&(), input, &mut turn);
        let rows = turn.take_rows();
        let (events, commands) = turn.finish();
        if let Err(refusal) = decided {
            assert!(events.is_empty() && commands.is_empty(), "a refusal changes nothing");
            assert!(before.is_none_or(|before| before == self.machine));
            return format!("  refused: {refusal:?}\n");
        }
        let bytes = segment::encode(self.now, &events).unwrap();
        let (at, read) = segment::decode::<M::Event>(&bytes).unwrap();
        assert_eq!(read, events, "events come back as they were");
        for event in &read {
            writeln!(shown, "  {}", event_text(event)).unwrap();
        }
        self.journal.extend(read.into_iter().map(|event| (at, event)));
        rows.apply_to(&mut self.rows);
        for command in commands {
            self.note(&command, &mut shown);
        }
        shown
    }

    fn note(&mut self, command: &Command, shown: &mut String) {
        match command {
            Command::Run { effect, queue, request } => {
                assert!(self.used.insert(*effect), "an effect is used twice");
                self.effects.insert(*effect, (queue.clone(), request.clone()));
                writeln!(shown, "  > run {} {queue} {}", effect.0, request.as_str()).unwrap();
            }
            Command::Cancel(effect) => {
                self.effects.remove(effect);
                writeln!(shown, "  > cancel {}", effect.0).unwrap();
            }
            Command::Hold(_) => panic!("nothing is held"),
            Command::Wake { timer, at } => {
                self.timers.insert(*timer, *at);
                let after = jiff::SignedDuration::from_millis(*at - self.now);
                writeln!(shown, "  > wake {} in {after:#}", timer.0).unwrap();
            }
            Command::Disarm(timer) => {
                self.timers.remove(timer);
                writeln!(shown, "  > disarm {}", timer.0).unwrap();
            }
            Command::Close { report } => {
                let text = String::from_utf8_lossy(report);
                writeln!(shown, "  > close {text}").unwrap();
                self.effects.clear();
                self.timers.clear();
                self.report = Some(report.clone());
            }
        }
    }

    /// The state is the fold of the journal, and the rows are its projection.
    pub(crate) fn check_fold(&self) {
        let mut machine = M::default();
        let mut table = BTreeMap::new();
        for (at, event) in &self.journal {
            machine.evolve(event, *at);
            let mut rows = Rows::default();
            machine.project(event, *at, &mut rows);
            rows.apply_to(&mut table);
        }
        assert_eq!(machine, self.machine, "the state is the fold of the journal");
        assert_eq!(table, self.rows, "the rows follow from the journal");
    }

    /// The rows of one view, as text.
    pub(crate) fn view(&self, view: u8) -> String {
        let rows = self.rows.iter().filter(|((of, _), _)| *of == view);
        rows.map(|((_, key), row)| {
            let (key, row) = (String::from_utf8_lossy(key), String::from_utf8_lossy(row));
            format!("{key:?} {row}\n")
        })
        .collect()
    }
}

fn event_text(event: &impl Debug) -> String {
    let text = format!("{event:?}");
    text.trim_start_matches("Event { kind: ").trim_end_matches(" }").replace(", payload: None", "")
}

pub(crate) fn start<S>(arn: &str, input: &str) -> Input<S> {
    Input::Start(Start {
        arn: arn.to_owned(),
        definition_arn: String::new(),
        name: String::new(),
        role_arn: String::new(),
        input: Payload::new(input),
        attributes: Vec::new(),
    })
}

/// `done N JSON`, `fail N ERROR`, `closed N JSON`, `fire N`: what every script knows. `wait S` lets
/// time pass and is no input.
pub(crate) fn common<S>(line: &str) -> Option<Input<S>> {
    let mut words = line.splitn(3, ' ');
    let (word, number) = (words.next()?, words.next()?.parse().ok()?);
    let rest = words.next().unwrap_or_default().to_owned();
    let effect = EffectId(number);
    let outcome = match word {
        "fire" => return Some(Input::Fired(TimerId(number))),
        "done" => Outcome::Succeeded(Payload::new(rest)),
        "fail" => Outcome::Failed { error: rest, cause: String::new() },
        "closed" => Outcome::Closed { report: rest.into_bytes() },
        _ => return None,
    };
    Some(Input::Finished { effect, outcome })
}
