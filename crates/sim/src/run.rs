//! Runs a scenario under a fate, and compares what it came to with a calm run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use trackway_core::ExecutionId;
use trackway_engine::{Builder, Planted, Reader, VerifyReport};
use trackway_store::Store;

use crate::world::{Counts, World, at_once};
use crate::{Fate, Scenario, Told};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Each execution by ARN: its status, and its journal as the scenario tells it.
    pub executions: BTreeMap<String, (u8, Vec<String>)>,
    /// The rows of the catalog by scope, table and key, as the scenario tells them.
    pub rows: BTreeMap<(String, u8, Vec<u8>), String>,
    counts: Counts,
    verified: VerifyReport,
}

/// A run that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The scenario's name.
    pub scenario: String,
    /// What was to go wrong.
    pub fate: Fate,
    /// What did.
    pub problems: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, fate, problems } = self;
        let more = problems.len().saturating_sub(1);
        let first = problems.first().map_or("nothing", String::as_str);
        write!(f, "{first}")?;
        if more > 0 {
            write!(f, " (and {more} more)")?;
        }
        write!(f, "\n  replay it: ./x sim '{scenario}@{fate}'")
    }
}

/// Plays a scenario calmly.
///
/// # Errors
/// What went wrong.
pub fn calm(scenario: &dyn Scenario) -> Result<Outcome, Failure> {
    run(scenario, Planted::Nothing, Fate::Calm)
}

/// Plays a scenario calmly, then under every fate that hits one commit, result or letter. Returns
/// how many runs that were.
///
/// # Errors
/// The first run that went wrong.
pub fn check(scenario: &dyn Scenario, planted: Planted) -> Result<u64, Failure> {
    let calm = run(scenario, planted, Fate::Calm)?;
    let counts = calm.counts;
    let mut fates = Vec::new();
    for number in 0..counts.commits {
        fates.extend([Fate::CrashBefore(number), Fate::CrashAfter(number)]);
    }
    for number in 0..counts.results {
        fates.extend([Fate::LoseResult(number), Fate::RepeatResult(number)]);
    }
    for number in 0..counts.letters {
        fates.extend([Fate::LoseLetter(number), Fate::RepeatLetter(number)]);
    }
    for fate in &fates {
        compare(scenario, *fate, &calm, &run(scenario, planted, *fate)?)?;
    }
    Ok(1 + fates.len() as u64)
}

/// Plays a scenario calmly and under random fates with these seeds.
///
/// # Errors
/// The first run that went wrong.
pub fn check_random(
    scenario: &dyn Scenario,
    planted: Planted,
    seeds: std::ops::Range<u64>,
) -> Result<u64, Failure> {
    let calm = run(scenario, planted, Fate::Calm)?;
    let mut runs = 1;
    for seed in seeds {
        let fate = Fate::Random(seed);
        compare(scenario, fate, &calm, &run(scenario, planted, fate)?)?;
        runs += 1;
    }
    Ok(runs)
}

/// Plays a scenario calmly and under one fate.
///
/// # Errors
/// What went wrong.
pub fn check_fate(scenario: &dyn Scenario, planted: Planted, fate: Fate) -> Result<(), Failure> {
    let calm = run(scenario, planted, Fate::Calm)?;
    compare(scenario, fate, &calm, &run(scenario, planted, fate)?)
}

/// Replays what a failure printed: `SCENARIO@FATE`, or a seed for all scenarios.
///
/// # Errors
/// What went wrong, as text; also when there is no such scenario or fate.
pub fn replay(scenarios: &[Box<dyn Scenario>], line: &str) -> Result<u64, String> {
    let (name, fate) = match line.rsplit_once('@') {
        Some((name, fate)) => (Some(name), fate.parse()?),
        None => (None, line.parse()?),
    };
    let chosen = scenarios.iter().filter(|it| name.is_none_or(|name| it.name() == name));
    let mut runs = 0;
    for scenario in chosen {
        check_fate(scenario.as_ref(), Planted::Nothing, fate)
            .map_err(|failure| failure.to_string())?;
        runs += 1;
    }
    if runs == 0 { Err(format!("no such scenario: {line}")) } else { Ok(runs) }
}

fn compare(
    scenario: &dyn Scenario,
    fate: Fate,
    calm: &Outcome,
    other: &Outcome,
) -> Result<(), Failure> {
    if scenario.races() || (calm.executions == other.executions && calm.rows == other.rows) {
        return Ok(());
    }
    let keys: BTreeSet<_> = calm.rows.keys().chain(other.rows.keys()).collect();
    let rows = keys.into_iter().filter_map(|key| {
        let (expected, found) = (calm.rows.get(key), other.rows.get(key));
        let (scope, table, key) = (&key.0, key.1, key.2.escape_ascii());
        (expected != found)
            .then(|| format!("row {key} of {scope}, {table} is {found:?} instead of {expected:?}"))
    });
    let problems = calm
        .executions
        .iter()
        .filter(|(arn, told)| other.executions.get(*arn) != Some(*told))
        .map(|(arn, told)| {
            let found = other.executions.get(arn);
            format!("{arn} came to {found:?} instead of {told:?}")
        })
        .chain(
            other
                .executions
                .keys()
                .filter(|arn| !calm.executions.contains_key(*arn))
                .map(|arn| format!("{arn} should not exist")),
        )
        .chain(rows)
        .collect();
    Err(Failure { scenario: scenario.name(), fate, problems })
}

fn run(scenario: &dyn Scenario, planted: Planted, fate: Fate) -> Result<Outcome, Failure> {
    let builder = scenario.builder().plant(planted);
    let mut world = World::new(scenario, builder.clone(), fate);
    world.run();
    if world.problems.is_empty() {
        world.check_quiet();
    }
    let mut problems = std::mem::take(&mut world.problems);
    if problems.is_empty() {
        match judge(scenario, &builder, &world, &mut problems) {
            Ok((executions, verified)) if problems.is_empty() => {
                let rows = rows(scenario, &world);
                return Ok(Outcome { executions, rows, counts: world.counts, verified });
            }
            Ok(_) => {}
            Err(fault) => problems.push(fault.to_string()),
        }
    }
    Err(Failure { scenario: scenario.name(), fate, problems })
}

type Executions = BTreeMap<String, (u8, Vec<String>)>;

/// What must hold of the store once nothing can happen any more.
fn judge(
    scenario: &dyn Scenario,
    builder: &Builder,
    world: &World<'_>,
    problems: &mut Vec<String>,
) -> Result<(Executions, VerifyReport), trackway_engine::Fault> {
    let store: Arc<dyn Store> = Arc::new(world.store.clone());
    let verified = at_once(builder.verify(store.clone()))?;
    problems.extend(verified.problems.iter().cloned());
    if verified.letters + verified.letters_stale > 0 {
        problems.push("a letter is left behind".to_owned());
    }
    if verified.parked > 0 {
        problems.push("an execution is parked".to_owned());
    }
    let reader = Reader::new(store);
    let mut executions = BTreeMap::new();
    let mut known = BTreeSet::new();
    for id in ids(world) {
        let Some(record) = at_once(reader.record(id))? else { continue };
        let told = scenario.tell(&reader, &record)?;
        check_events(world, id, record.closed, &told, problems);
        let texts = told.into_iter().map(|told| told.text).collect();
        executions.insert(record.arn, (record.summary.status, texts));
        known.insert(id);
    }
    problems.extend(scenario.problems(&world.after())?);
    for id in world.confirmed.difference(&known) {
        problems.push(format!("execution {id} was confirmed and does not exist"));
    }
    Ok((executions, verified))
}

/// What the catalog holds.
fn rows(scenario: &dyn Scenario, world: &World<'_>) -> BTreeMap<(String, u8, Vec<u8>), String> {
    let snapshot = world.store.snapshot();
    let rows = snapshot.rows().filter_map(|(key, value)| {
        let (length, rest) = key.strip_prefix(b"c")?.split_first()?;
        let (scope, rest) = rest.split_at_checked(usize::from(*length))?;
        let (table, key) = rest.split_first()?;
        let told = scenario.tell_row(*table, key, value)?;
        Some(((String::from_utf8_lossy(scope).into_owned(), *table, key.to_vec()), told))
    });
    rows.collect()
}

fn ids(world: &World<'_>) -> Vec<ExecutionId> {
    let snapshot = world.store.snapshot();
    let records = snapshot.rows().filter(|(key, _)| key.first() == Some(&b'e'));
    records.filter_map(|(key, _)| Some(ExecutionId(key.get(1..17)?.try_into().ok()?))).collect()
}

fn check_events(
    world: &World<'_>,
    id: ExecutionId,
    closed: bool,
    told: &[Told],
    problems: &mut Vec<String>,
) {
    let asked: BTreeSet<_> = told.iter().filter_map(|told| told.asks).collect();
    let performed = world.performed.iter().filter(|(execution, _)| *execution == id);
    for (_, effect) in performed.filter(|(_, effect)| !asked.contains(effect)) {
        problems.push(format!("effect {} of {id} was performed without its event", effect.0));
    }
    let mut answered = BTreeSet::new();
    for effect in told.iter().filter_map(|told| told.answers) {
        if !answered.insert(effect) {
            problems.push(format!("the result of effect {} of {id} counted twice", effect.0));
        }
    }
    let ends: Vec<usize> =
        told.iter().enumerate().filter(|(_, told)| told.ends).map(|(place, _)| place).collect();
    let is_right = match ends.as_slice() {
        [] => !closed,
        [place] => closed && place + 1 == told.len(),
        _ => false,
    };
    if !is_right {
        problems.push(format!("execution {id} did not close once, with its last event"));
    }
}
