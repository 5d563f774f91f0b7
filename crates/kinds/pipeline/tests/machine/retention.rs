//! Which rows may leave when their history is trimmed, and what works without them.

use serde_json::{Value, json};
use trackway_core::Machine;
use trackway_pipeline::Pipeline;
use trackway_pipeline::signal::Signal;
use trackway_pipeline::views::EXECUTION;

use super::bench::{BEGIN, BY, Bench, action, execution, structure};

fn of(mode: &str) -> Value {
    let stage = |name: &str, kind: &str| {
        let actions = [action(&format!("{name}-1"), kind, 1)];
        json!({ "name": name, "actions": actions })
    };
    let stages = [stage("Source", "AWS/Source/S3"), stage("Build", "AWS/Build/CodeBuild")];
    json!({ "pipelineType": "V2", "executionMode": mode, "stages": stages })
}

fn failed_in_build(bench: &mut Bench, run: u64) {
    bench.done(run, "Source-1");
    bench.failed(run, "Build-1");
}

fn succeeded(bench: &mut Bench, run: u64) {
    bench.done(run, "Source-1");
    bench.done(run, "Build-1");
}

/// Whether the row of an execution may leave once it is old enough.
fn may_leave(bench: &Bench, run: u64) -> bool {
    let key = execution(run).to_be_bytes();
    let row = &bench.rows[&(EXECUTION, key.to_vec())];
    let moment = Pipeline::expires(EXECUTION, &key, row);
    assert!(moment.is_none_or(|moment| moment > BEGIN && moment <= bench.now));
    moment.is_some()
}

/// What a trimming whose horizon is now would do, as if each row's events had been trimmed.
fn trim(bench: &mut Bench) {
    let horizon = bench.now + 1;
    bench.rows.retain(|(view, key), row| {
        Pipeline::expires(*view, key, row).is_none_or(|moment| moment >= horizon)
    });
}

fn rollback(bench: &Bench, target: u64) -> Signal {
    Signal::Rollback {
        stage: "Build".to_owned(),
        target: execution(target),
        cargo: None,
        execution: execution(bench.runs),
        by: BY.to_owned(),
    }
}

#[test]
fn an_execution_may_leave_once_it_can_neither_run_nor_be_retried() {
    let mut bench = Bench::new(&of("SUPERSEDED"));
    assert!(!may_leave(&bench, 0), "it runs");
    failed_in_build(&mut bench, 0);
    assert!(!may_leave(&bench, 0), "it may be retried");
    let next = bench.start();
    bench.done(next, "Source-1");
    assert!(may_leave(&bench, 0), "another one has entered the stage in which it failed");
    bench.done(next, "Build-1");
    assert!(may_leave(&bench, next));
    let (inside, waits) = (bench.start(), bench.start());
    let newest = bench.start();
    assert!(may_leave(&bench, waits), "it was superseded");
    assert!(!may_leave(&bench, inside) && !may_leave(&bench, newest));
    failed_in_build(&mut bench, inside);
    let mut renamed = of("SUPERSEDED");
    renamed["stages"][1]["name"] = json!("Make");
    bench.signal(Signal::Update(Box::new(structure(&renamed)))).unwrap();
    assert!(may_leave(&bench, inside), "the stage in which it failed is gone");
    bench.check_fold();
}

#[test]
fn of_parallel_executions_that_failed_those_may_leave_that_are_not_kept_for_a_retry() {
    let mut bench = Bench::new(&of("PARALLEL"));
    failed_in_build(&mut bench, 0);
    for _ in 0..60 {
        let run = bench.start();
        failed_in_build(&mut bench, run);
    }
    assert!(may_leave(&bench, 0));
    assert!(!may_leave(&bench, bench.runs - 1));
    bench.check_fold();
}

#[test]
fn what_failed_last_can_be_retried_without_its_history() {
    let mut bench = Bench::new(&of("SUPERSEDED"));
    failed_in_build(&mut bench, 0);
    trim(&mut bench);
    assert_eq!(bench.details(), Vec::<Value>::new());
    assert_eq!(bench.status(0), "Failed");
    let retry = Signal::Retry {
        stage: "Build".to_owned(),
        execution: execution(0),
        all_actions: false,
        by: BY.to_owned(),
    };
    bench.signal(retry).unwrap();
    bench.done(0, "Build-1");
    assert_eq!(bench.status(0), "Succeeded");
}

#[test]
fn what_succeeded_last_in_a_stage_can_be_gone_back_to_without_its_rows() {
    let mut bench = Bench::new(&of("SUPERSEDED"));
    succeeded(&mut bench, 0);
    let last = bench.start();
    succeeded(&mut bench, last);
    trim(&mut bench);
    let next = bench.start();
    failed_in_build(&mut bench, next);
    let lost = rollback(&bench, 0);
    assert!(bench.signal(lost).is_err(), "it was not the last one");
    let back = rollback(&bench, last);
    bench.signal(back).unwrap();
    let run = bench.runs;
    bench.done(run, "Build-1");
    assert_eq!(bench.status(run), "Succeeded");
}
