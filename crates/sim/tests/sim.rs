//! Every scenario under every fate. `TRACKWAY_SIM_SEED=… cargo test -p trackway-sim` replays one.

use trackway_engine::Planted;
use trackway_sim::{Scenario, asl, calm, check, check_random, replay, toys};

/// Random runs per scenario; `TRACKWAY_SIM_RUNS` asks for more.
const RUNS: u64 = 60;

fn scenarios() -> Vec<Box<dyn Scenario>> {
    toys::all().into_iter().chain(asl::all()).collect()
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
fn every_planted_bug_is_caught_with_every_kind() {
    let bugs = [Planted::ActBeforeCommit, Planted::LetterNotConsumed, Planted::SummaryNotWritten];
    for (kind, scenarios) in [("toys", toys::all()), ("asl", asl::all())] {
        for bug in bugs {
            let caught = scenarios.iter().find_map(|scenario| check(scenario.as_ref(), bug).err());
            let caught = caught.unwrap_or_else(|| panic!("{kind}: {bug:?} was not caught"));
            println!("{kind}, {bug:?}: {caught}");
        }
    }
}

/// What is compared with all other runs is itself as it should be.
#[test]
fn calm_runs_end_as_their_definitions_say() {
    let ends = |scenario: &dyn Scenario| {
        let outcome = calm(scenario).unwrap_or_else(|failure| panic!("{failure}"));
        let lasts = outcome.executions.into_values().map(|(_, told)| told.last().cloned());
        let mut lasts: Vec<String> = lasts.map(Option::unwrap_or_default).collect();
        lasts.sort();
        lasts.join(", ")
    };
    let rows: Vec<String> = asl::all()
        .iter()
        .map(|scenario| format!("{}: {}", scenario.name(), ends(scenario.as_ref())))
        .collect();
    let expected = [
        r#"asl/straight: ExecutionSucceeded {"n":3,"a":1,"b":{"done":true}}"#,
        r#"asl/retry: ExecutionSucceeded {"done":true}"#,
        r#"asl/catch: ExecutionSucceeded {"Error":"Bad","Cause":"so"}"#,
        r#"asl/parallel: ExecutionSucceeded [{"done":true},{"done":true},{}]"#,
        r#"asl/map: ExecutionSucceeded [{"done":true},{"done":true},{"done":true},{"done":true},{"done":true}]"#,
        r#"asl/child: ExecutionSucceeded {"child":true}, ExecutionSucceeded {"out":{"child":true}}"#,
        r#"asl/activity: ExecutionSucceeded {"worked":true}"#,
        r#"asl/timeout: ExecutionSucceeded {"done":true}"#,
        r#"asl/token: ExecutionSucceeded {"ok":1}"#,
        r#"asl/stopped: ExecutionAborted(Failure { error: Some("Stop"), cause: None }) "#,
    ];
    assert_eq!(rows, expected);
}
