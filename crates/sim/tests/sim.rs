//! Every scenario under every fate. `TRACKWAY_SIM_SEED=… cargo test -p trackway-sim` replays one.
//!
//! The recorded cases are found through `TRACKWAY_CONFORMANCE`; without it they are left out.

#[path = "../../kinds/asl/tests/recorded/built.rs"]
mod built;
#[allow(dead_code, reason = "other runners read more of a case")]
#[path = "../../kinds/asl/tests/recorded/case.rs"]
mod case;
#[path = "../../kinds/asl/tests/recorded/drive.rs"]
mod drive;
#[path = "../../kinds/asl/tests/recorded/known.rs"]
mod known;
#[path = "../../kinds/asl/tests/recorded/matching.rs"]
mod matching;
#[path = "../../kinds/asl/tests/recorded/outcomes.rs"]
mod outcomes;
#[path = "sim/recorded.rs"]
mod recorded;
#[path = "../../kinds/asl/tests/recorded/starts.rs"]
mod starts;

use std::time::Instant;

use trackway_engine::Planted;
use trackway_sim::{
    Failure, Scenario, asl, association, audit, calm, check, check_random, command, examples,
    pipeline, registry, replay, runbook, toys,
};

/// Random runs per scenario; `TRACKWAY_SIM_RUNS` asks for more.
const RUNS: u64 = 60;

type Scenarios = Vec<Box<dyn Scenario>>;

/// Every scenario, by where it comes from.
fn groups() -> Vec<(&'static str, Scenarios)> {
    let mut groups = vec![
        ("toys", toys::all()),
        ("asl", asl::all()),
        ("examples", examples::all()),
        ("runbook", runbook::all()),
        ("associations", association::all()),
        ("command", command::all()),
        ("registry", registry::all()),
        ("pipeline", pipeline::all()),
        ("audits", audit::all()),
    ];
    match recorded::all() {
        Some(cases) => groups.push(("recorded", cases)),
        None => eprintln!("recorded cases skipped: TRACKWAY_CONFORMANCE is not set"),
    }
    if let Some(only) = asked_for("TRACKWAY_SIM_GROUP") {
        groups.retain(|(group, _)| *group == only);
    }
    groups
}

fn asked_for(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether one line is replayed and nothing else.
fn is_replay() -> bool {
    asked_for("TRACKWAY_SIM_SEED").is_some()
}

/// Runs a check over every scenario; shows how many runs it took, and all that went wrong.
fn survey(check: impl Fn(&dyn Scenario) -> Result<u64, Failure>) {
    let mut failures = Vec::new();
    for (group, scenarios) in groups() {
        let (began, mut runs) = (Instant::now(), 0);
        for scenario in &scenarios {
            match check(scenario.as_ref()) {
                Ok(more) => runs += more,
                Err(failure) => failures.push(failure.to_string()),
            }
        }
        let (scenarios, took) = (scenarios.len(), began.elapsed().as_secs_f32());
        println!("{group}: {scenarios} scenarios, {runs} runs in {took:.1} s");
    }
    assert!(failures.is_empty(), "{} went wrong:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_scenario_survives_every_fate() {
    let Some(line) = asked_for("TRACKWAY_SIM_SEED") else {
        return survey(|scenario| check(scenario, Planted::Nothing));
    };
    let scenarios: Scenarios = groups().into_iter().flat_map(|(_, scenarios)| scenarios).collect();
    match replay(&scenarios, &line) {
        Ok(runs) => println!("{runs} runs went well"),
        Err(problem) => panic!("{problem}"),
    }
}

#[test]
fn random_crashes_change_nothing() {
    if is_replay() {
        return;
    }
    let runs = asked_for("TRACKWAY_SIM_RUNS").and_then(|runs| runs.parse().ok()).unwrap_or(RUNS);
    survey(|scenario| check_random(scenario, Planted::Nothing, 0..runs));
}

#[test]
fn every_planted_bug_is_caught_with_every_kind() {
    if is_replay() {
        return;
    }
    let bugs = [
        Planted::ActBeforeCommit,
        Planted::LetterNotConsumed,
        Planted::SummaryNotWritten,
        Planted::RowNotWritten,
        Planted::ReportTwice,
    ];
    // Step Functions' lists are all made of summaries.
    let has_rows = |group: &str| !matches!(group, "asl" | "examples" | "recorded");
    // The examples have no children, so no letters to lose.
    for (group, scenarios) in groups().into_iter().filter(|(group, _)| *group != "examples") {
        for bug in bugs {
            if bug == Planted::RowNotWritten && !has_rows(group) {
                continue;
            }
            // Only these change the catalog when they report.
            if bug == Planted::ReportTwice && !matches!(group, "toys" | "registry") {
                continue;
            }
            // These have no children either.
            let is_alone = matches!(group, "command" | "pipeline" | "registry");
            if bug == Planted::LetterNotConsumed && is_alone {
                continue;
            }
            let caught = scenarios.iter().any(|scenario| check(scenario.as_ref(), bug).is_err());
            assert!(caught, "{group}: {bug:?} was not caught");
        }
    }
}

/// Each effect of the toys that count is counted, and those that nobody waits for are not.
#[test]
fn what_is_reported_is_counted_once() {
    let all = toys::all();
    let scenario = all.iter().find(|one| one.name() == "toys/reports").unwrap();
    let outcome = calm(scenario.as_ref()).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(outcome.rows.into_values().collect::<Vec<_>>(), ["13"]);
    let failure = check(scenario.as_ref(), Planted::ReportTwice).unwrap_err();
    assert!(failure.problems[0].contains("row total"), "{failure}");
}

/// A report and the end of its execution may come at the same time: no letter is left behind.
#[test]
fn a_report_that_races_with_the_end_leaves_nothing() {
    for (stop, script) in (0..9).flat_map(|stop| {
        let scripts = ["fan 6 count", "task count; fan 4 count", "task count within 3"];
        scripts.map(|script| (stop, script))
    }) {
        let stops = vec![(stop, "a")];
        let toys = toys::Toys { name: "race", scripts: vec![("a", script)], notes: vec![], stops };
        calm(&toys).unwrap_or_else(|failure| panic!("{script}, stopped at {stop}: {failure}"));
    }
}

/// What commands come to, by the number of their status.
#[test]
fn calm_commands_come_to_what_they_say() {
    let ends = |scenario: &dyn Scenario| {
        let outcome = calm(scenario).unwrap_or_else(|failure| panic!("{failure}"));
        outcome.executions.values().next().map(|(status, _)| *status).unwrap_or_default()
    };
    for (name, status) in [
        ("three", 4),
        ("targets", 6),
        ("nobody", 4),
        ("errors", 6),
        ("lost", 6),
        ("cancelled", 5),
        ("some-cancelled", 6),
        ("bucket", 6),
    ] {
        let all = command::all();
        let scenario = all.iter().find(|one| one.name() == format!("command/{name}"));
        assert_eq!(scenario.map(|one| ends(one.as_ref())), Some(status), "{name}");
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
        .chain(&examples::all())
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
        r#"examples/hello: ExecutionSucceeded {"greeting":"Hello, Ada!"}, ExecutionSucceeded {"greeting":"Hello, world!"}"#,
        r#"examples/order: ExecutionSucceeded {"summary":"Order A-17: 198 EUR, 3 items reserved","shelves":["A1","R2","M3"]}, ExecutionSucceeded {"summary":"Order B-1: 12 EUR, 1 items reserved","shelves":["R1"]}"#,
    ];
    assert_eq!(rows, expected);
}

/// What runs of associations come to, in the order of their effects, where nothing goes wrong.
#[test]
fn calm_associations_come_to_what_they_say() {
    let rows: Vec<String> = association::all()
        .iter()
        .filter(|scenario| !scenario.name().contains("chance"))
        .map(|scenario| {
            let outcome = calm(scenario.as_ref()).unwrap_or_else(|failure| panic!("{failure}"));
            let runs = outcome.executions.iter().filter(|(arn, _)| !arn.starts_with("arn:"));
            let ends = runs.map(|(_, (_, told))| told.last().cloned().unwrap_or_default());
            format!("{}: {}", scenario.name(), ends.collect::<Vec<_>>().join(", "))
        })
        .collect();
    let expected = [
        "associations/once: Ended(Failed)",
        "associations/nothing: Ended(Success)",
        "associations/rate: Ended(Success), Ended(Success), Ended(Success), Ended(Success)",
        "associations/errors: Ended(Failed)",
        "associations/superseded: Ended(TimedOut), Ended(TimedOut), Ended(Cancelled)",
        "associations/updated: Ended(Success), Ended(Failed), Ended(Success)",
        "associations/cut-off: Ended(Cancelled), Ended(Cancelled)",
        "associations/closed: ",
        "associations/alarms: Ended(Cancelled)",
    ];
    assert_eq!(rows, expected);
}

/// What executions of pipelines come to, in the order in which they started.
#[test]
fn calm_pipelines_come_to_what_they_say() {
    let rows: Vec<String> = pipeline::all()
        .iter()
        .filter(|scenario| !scenario.name().contains("chance"))
        .map(|scenario| {
            let outcome = calm(scenario.as_ref()).unwrap_or_else(|failure| panic!("{failure}"));
            let told = outcome.executions.into_values().flat_map(|(_, told)| told);
            let ended = told.filter(|text| text.starts_with("Ended") || text == "Deleted");
            let ends: Vec<_> = ended
                .map(|text| {
                    let status = text.split("status: ").nth(1).unwrap_or("Deleted");
                    status.trim_end_matches(" }").to_owned()
                })
                .collect();
            let name = scenario.name();
            format!("{}: {}", name.trim_start_matches("pipeline/"), ends.join(", "))
        })
        .collect();
    let expected = [
        "build: Succeeded",
        "progress: Succeeded",
        "job: Succeeded",
        "continued-job: Succeeded",
        "function: Succeeded",
        "continued-function: Succeeded",
        "silent-function: Failed",
        "approved: Succeeded",
        "rejected: Failed",
        "expired: Failed",
        "offered: Succeeded",
        "group: Failed",
        "retried: Failed, Succeeded",
        "retried-all: Failed, Succeeded",
        "superseded: Succeeded, Succeeded, Superseded, Succeeded",
        "queued: Succeeded, Succeeded, Succeeded, Succeeded",
        "parallel: Succeeded, Succeeded, Succeeded, Succeeded",
        "stopped: Stopped",
        "abandoned: Stopped, Succeeded",
        "stopped-in-front: Succeeded, Succeeded, Stopped, Stopped",
        "disabled: Superseded, Succeeded",
        "disabled-queue: Succeeded, Succeeded, Succeeded, Succeeded",
        "deleted: Deleted",
        "updated: Succeeded, Succeeded",
        "seen: Succeeded, Succeeded",
        "rolled-back: Succeeded, Succeeded",
        "condition-holds: Succeeded",
        "condition-fails: Failed",
        "condition-skips: Succeeded",
        "condition-times-out: Failed",
        "condition-window: Succeeded",
        "condition-success: Succeeded",
        "condition-no-success: Failed, Failed",
        "condition-entry-overridden: Succeeded",
        "condition-success-overridden: Failed, Succeeded",
        "condition-stopped: Stopped",
        "condition-abandoned: Stopped, Failed",
        "condition-deleted: Deleted",
        "condition-retries: Failed",
        "condition-retries-all: Failed",
        "condition-no-target: Failed",
        "condition-rolls-back: Succeeded, Failed, Failed",
        "condition-failure-holds: Failed",
    ];
    assert_eq!(rows, expected);
}

/// The calm runs of the recorded cases are the ones that are recorded.
#[test]
fn calm_runs_of_recorded_cases_end_as_aws_did() {
    let differ: Vec<String> = recorded::read()
        .unwrap_or_default()
        .iter()
        .filter_map(|case| {
            let outcome = calm(case).unwrap_or_else(|failure| panic!("{failure}"));
            case.difference(&outcome)
        })
        .collect();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn every_example_is_a_scenario() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.sort();
    let known: Vec<_> = examples::ALL.iter().map(|example| example.name).collect();
    assert_eq!(names, known);
}

/// A change that is committed without the precondition on its effect is there twice.
#[test]
fn what_a_mitigation_reports_twice_is_seen_in_the_registry() {
    let all = registry::all();
    let failures = all.iter().filter_map(|scenario| {
        check(scenario.as_ref(), Planted::ReportTwice).err().map(|failure| failure.to_string())
    });
    assert!(failures.into_iter().any(|failure| failure.contains("blank versions of")));
}

/// Registries are not mended by chance: tasks do everything, some of it in vain.
#[test]
fn the_scenarios_of_registries_come_to_everything() {
    let mut told = String::new();
    for scenario in registry::all() {
        let outcome = calm(scenario.as_ref()).unwrap_or_else(|failure| panic!("{failure}"));
        let texts = outcome.executions.into_values().flat_map(|(_, told)| told);
        // Lists of texts within texts.
        told.extend(texts.map(|text| text.replace('\\', "") + "\n"));
    }
    for what in [
        "\"good\", \"good\"",
        "\"good\", \"bad\"",
        "Canceled",
        "Broken",
        "Ended(Completed)",
        "Ended(Failed)",
        "DeviceCertificateExpiring",
        "DeviceCertificateAge, place",
        "CaCertificateExpiring",
        "DeviceCertificateKeyQuality",
        "CaCertificateKeyQuality",
        "PolicyOverlyPermissive",
        "PolicyPotentialMisconfiguration",
        "LoggingDisabled",
        "INSUFFICIENT_PERMISSIONS",
        "suppressed: true",
    ] {
        assert!(told.contains(what), "{what} never happens");
    }
}
