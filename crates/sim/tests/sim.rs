//! Every scenario under every fate. `TRACKWAY_SIM_SEED=… cargo test -p trackway-sim` replays one.

use trackway_engine::Planted;
use trackway_sim::{Scenario, check, check_random, replay, toys};

/// Random runs per scenario; `TRACKWAY_SIM_RUNS` asks for more.
const RUNS: u64 = 60;

fn scenarios() -> Vec<Box<dyn Scenario>> {
    toys::all()
}

fn asked_for(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[test]
fn every_scenario_survives_every_fate() {
    if let Some(line) = asked_for("TRACKWAY_SIM_SEED") {
        match replay(&scenarios(), &line) {
            Ok(runs) => println!("{runs} runs went well"),
            Err(problem) => panic!("{problem}"),
        }
        return;
    }
    for scenario in scenarios() {
        match check(scenario.as_ref(), Planted::Nothing) {
            Ok(runs) => println!("{}: {runs} runs", scenario.name()),
            Err(failure) => panic!("{failure}"),
        }
    }
}

#[test]
fn random_crashes_change_nothing() {
    let runs = asked_for("TRACKWAY_SIM_RUNS").and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    for scenario in scenarios() {
        if let Err(failure) = check_random(scenario.as_ref(), Planted::Nothing, 0..runs) {
            panic!("{failure}");
        }
    }
}

#[test]
fn every_planted_bug_is_caught() {
    let bugs = [Planted::ActBeforeCommit, Planted::LetterNotConsumed, Planted::SummaryNotWritten];
    for bug in bugs {
        let caught = scenarios().iter().find_map(|scenario| check(scenario.as_ref(), bug).err());
        let caught = caught.unwrap_or_else(|| panic!("{bug:?} was not caught"));
        println!("{bug:?}: {caught}");
    }
}
