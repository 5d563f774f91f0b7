//! Executions: how they begin, what holds them back, what an update and an end do to them.

use serde_json::{Value, json};
use trackway_core::{Machine, uuid};
use trackway_pipeline::pipeline::{ACTIVE, Columns, DELETED};
use trackway_pipeline::signal::{JobResult, Refusal, Signal, StartRun};
use trackway_pipeline::structure::{ExecutionMode, PipelineType};
use trackway_pipeline::views::{SUCCEEDED_IN_STAGE, VERSIONS};

use super::bench::{BY, Bench, action, execution, structure};

fn of(mode: &str, stages: &[&str]) -> Value {
    let stage = |(place, name): (usize, &&str)| {
        let kind = if place == 0 { "AWS/Source/S3" } else { "AWS/Build/CodeBuild" };
        json!({ "name": name, "actions": [action(&format!("{name}-1"), kind, 1)] })
    };
    let stages: Vec<_> = stages.iter().enumerate().map(stage).collect();
    json!({ "pipelineType": "V2", "executionMode": mode, "stages": stages })
}

fn with_variables() -> Value {
    let mut value = of("SUPERSEDED", &["Source", "Build"]);
    value["variables"] = json!([{ "name": "A", "defaultValue": "a" }, { "name": "B" }]);
    value
}

fn gate(stage: &str, disabled: Option<&str>, outbound: bool) -> Signal {
    Signal::Transition {
        stage: stage.to_owned(),
        outbound,
        disabled: disabled.map(str::to_owned),
        by: BY.to_owned(),
    }
}

fn update(bench: &mut Bench, value: &Value) {
    bench.signal(Signal::Update(Box::new(structure(value)))).unwrap();
}

fn stop(run: u64, abandon: bool) -> Signal {
    Signal::Stop {
        execution: execution(run),
        abandon,
        reason: Some("enough".to_owned()),
        by: BY.to_owned(),
    }
}

fn retry(bench: &mut Bench, run: u64) -> Result<(), Refusal> {
    bench.signal(Signal::Retry {
        stage: "Source".to_owned(),
        execution: execution(run),
        all_actions: false,
        by: BY.to_owned(),
    })
}

fn waiting(bench: &Bench, stage: &str) -> Vec<String> {
    let inbound = bench.stage(stage)["inboundExecutions"].as_array().cloned().unwrap_or_default();
    inbound.iter().map(|it| it["pipelineExecutionId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn variables_have_a_value_or_are_refused() {
    let mut bench = Bench::new(&with_variables());
    for variables in [json!({}), json!({ "B": "b", "C": "c" })] {
        let refused = bench.try_start(variables).unwrap_err();
        assert!(matches!(refused, Refusal::Invalid(_)), "{refused:?}");
    }
    let run = bench.try_start(json!({ "B": "b" })).unwrap();
    assert_eq!(
        bench.row(run)["execution"]["variables"],
        json!([{ "name": "A", "resolvedValue": "a" }, { "name": "B", "resolvedValue": "b" }])
    );
    bench.check_fold();
}

#[test]
fn a_repeated_start_is_left_alone() {
    let mut bench = Bench::new(&of("SUPERSEDED", &["Source", "Build"]));
    bench.start();
    let events = bench.journal.len();
    bench.runs -= 1;
    bench.start();
    assert_eq!(bench.journal.len(), events);
}

#[test]
fn no_more_than_fifty_executions_go_on_at_once() {
    for mode in ["QUEUED", "PARALLEL"] {
        let mut bench = Bench::new(&of(mode, &["Source", "Build"]));
        for _ in 1..50 {
            bench.start();
        }
        assert_eq!(bench.try_start(json!({})), Err(Refusal::TooManyExecutions), "{mode}");
        bench.failed(0, "Source-1");
        let last = bench.start();
        if mode == "PARALLEL" {
            assert_eq!(retry(&mut bench, 0), Err(Refusal::TooManyExecutions));
            bench.signal(stop(last, true)).unwrap();
            retry(&mut bench, 0).unwrap();
            assert_eq!(bench.status(0), "InProgress");
        }
        bench.check_fold();
    }
}

#[test]
fn a_stop_that_is_made_harsher_keeps_its_reason() {
    let mut bench = Bench::new(&of("QUEUED", &["Source", "Build"]));
    bench.signal(stop(0, false)).unwrap();
    let (execution, by) = (execution(0), BY.to_owned());
    bench.signal(Signal::Stop { execution, abandon: true, reason: None, by }).unwrap();
    assert_eq!(bench.status(0), "Stopped");
    assert_eq!(bench.row(0)["summary"]["stopTrigger"], json!({ "reason": "enough" }));
    bench.check_fold();
}

#[test]
fn a_disabled_transition_holds_back_the_newest() {
    let mut bench = Bench::new(&of("SUPERSEDED", &["Source", "Build", "Deploy"]));
    bench.signal(gate("Source", Some("not now"), true)).unwrap();
    let state = bench.stage("Build")["inboundTransitionState"].clone();
    assert_eq!(state["enabled"], false);
    assert_eq!(state["disabledReason"], "not now");
    assert_eq!(state["lastChangedBy"], BY);
    bench.done(0, "Source-1");
    assert_eq!(waiting(&bench, "Build"), [uuid::text(execution(0))]);
    let newest = bench.start();
    bench.done(newest, "Source-1");
    assert_eq!(bench.status(0), "Superseded");
    assert_eq!(waiting(&bench, "Build"), [uuid::text(execution(newest))]);
    bench.signal(gate("Build", None, false)).unwrap();
    assert_eq!(waiting(&bench, "Build"), [""; 0]);
    bench.done(newest, "Build-1");
    bench.done(newest, "Deploy-1");
    assert_eq!(bench.status(newest), "Succeeded");
    assert_eq!(bench.signal(gate("No", None, false)), Err(Refusal::StageNotFound));
    bench.check_fold();
}

#[test]
fn a_stop_waits_for_what_is_in_progress_or_gives_it_up() {
    let mut bench = Bench::new(&of("QUEUED", &["Source", "Build"]));
    let waiting = bench.start();
    bench.signal(stop(waiting, false)).unwrap();
    assert_eq!(bench.status(waiting), "Stopped", "what waits is stopped at once");
    assert_eq!(bench.row(waiting)["summary"]["stopTrigger"], json!({ "reason": "enough" }));
    bench.signal(stop(0, false)).unwrap();
    assert_eq!(bench.status(0), "Stopping");
    assert_eq!(bench.stage("Source")["latestExecution"]["status"], "Stopping");
    assert_eq!(bench.signal(stop(0, false)), Err(Refusal::DuplicatedStop));
    bench.signal(stop(0, true)).unwrap();
    assert_eq!(bench.status(0), "Stopped");
    assert_eq!(bench.details()[0]["status"], "Abandoned");
    assert_eq!(bench.details()[0]["updatedBy"], BY);
    assert!(bench.effects.is_empty() && bench.timers.is_empty());
    assert_eq!(bench.signal(stop(0, true)), Err(Refusal::NotStoppable));
    assert_eq!(bench.signal(stop(99, true)), Err(Refusal::ExecutionNotFound));
    bench.check_fold();
}

#[test]
fn an_execution_goes_on_with_the_version_it_began_with() {
    let mut bench = Bench::new(&of("SUPERSEDED", &["Source", "Build", "Deploy"]));
    update(&mut bench, &of("SUPERSEDED", &["Source", "Ship"]));
    assert_eq!(bench.runs, 1, "an update starts nothing");
    bench.done(0, "Source-1");
    bench.done(0, "Build-1");
    let next = bench.start();
    bench.done(next, "Source-1");
    bench.done(next, "Ship-1");
    bench.done(0, "Deploy-1");
    assert_eq!((bench.status(0), bench.status(next)), ("Succeeded".into(), "Succeeded".into()));
    assert_eq!(bench.row(0)["execution"]["pipelineVersion"], 1);
    assert_eq!(bench.row(next)["execution"]["pipelineVersion"], 2);
    assert_eq!(bench.rows.keys().filter(|(view, _)| *view == VERSIONS).count(), 2);
    assert_eq!(Columns::decode(&bench.machine.summary().columns).version, 2);
    let columns = Columns::decode(&bench.machine.summary().columns);
    assert_eq!(columns.pipeline_type, PipelineType::V2);
    assert_eq!(columns.execution_mode, ExecutionMode::Superseded);
    bench.check_fold();
}

#[test]
fn who_waits_for_a_transition_that_an_update_removes_is_cancelled() {
    let mut bench = Bench::new(&of("QUEUED", &["Source", "Build", "Deploy"]));
    bench.signal(gate("Build", Some("no"), false)).unwrap();
    bench.done(0, "Source-1");
    let second = bench.start();
    bench.done(second, "Source-1");
    update(&mut bench, &of("QUEUED", &["Source", "Ship"]));
    assert_eq!((bench.status(0), bench.status(second)), ("Cancelled".into(), "Cancelled".into()));
    bench.check_fold();
}

#[test]
fn a_stage_that_was_removed_still_lets_one_in_at_a_time() {
    let mut bench = Bench::new(&of("QUEUED", &["Source", "Build"]));
    bench.done(0, "Source-1");
    let second = bench.start();
    bench.done(second, "Source-1");
    update(&mut bench, &of("QUEUED", &["Source", "Ship"]));
    assert!(bench.find(second, "Build-1").is_none());
    bench.done(0, "Build-1");
    bench.done(second, "Build-1");
    assert_eq!((bench.status(0), bench.status(second)), ("Succeeded".into(), "Succeeded".into()));
    bench.check_fold();
}

#[test]
fn a_stage_whose_structure_has_changed_is_not_retried() {
    let mut bench = Bench::new(&of("SUPERSEDED", &["Source", "Build"]));
    bench.done(0, "Source-1");
    bench.failed(0, "Build-1");
    let retry = |stage: &str| Signal::Retry {
        stage: stage.to_owned(),
        execution: execution(0),
        all_actions: true,
        by: BY.to_owned(),
    };
    assert!(matches!(bench.signal(retry("Source")), Err(Refusal::NotRetryable(_))));
    assert_eq!(bench.signal(retry("No")), Err(Refusal::StageNotFound));
    let mut changed = of("SUPERSEDED", &["Source", "Build"]);
    changed["stages"][1]["actions"][0]["configuration"] = json!({ "ProjectName": "other" });
    update(&mut bench, &changed);
    assert!(matches!(bench.signal(retry("Build")), Err(Refusal::NotRetryable(_))));
}

#[test]
fn a_retry_of_what_a_newer_execution_has_passed_finds_nothing() {
    let mut bench = Bench::new(&of("SUPERSEDED", &["Source", "Build"]));
    bench.done(0, "Source-1");
    bench.failed(0, "Build-1");
    let next = bench.start();
    bench.done(next, "Source-1");
    let retry = Signal::Retry {
        stage: "Build".to_owned(),
        execution: execution(0),
        all_actions: false,
        by: BY.to_owned(),
    };
    assert_eq!(bench.signal(retry), Err(Refusal::ExecutionNotFound), "its row says the rest");
}

#[test]
fn a_rollback_runs_one_stage_with_what_its_target_had() {
    let mut made = of("SUPERSEDED", &["Source", "Build", "Deploy"]);
    made["stages"][0]["actions"][0]["outputArtifacts"] = json!([{ "name": "Src" }]);
    made["stages"][0]["actions"][0]["namespace"] = json!("S");
    made["stages"][2]["actions"][0]["inputArtifacts"] = json!([{ "name": "Src" }]);
    made["stages"][2]["actions"][0]["configuration"] = json!({ "V": "#{S.V}" });
    let mut bench = Bench::new(&made);
    let fetched = |v: &str| {
        json!({ "done": { "outputArtifacts": ["Src"], "outputVariables": { "V": v },
            "revision": { "id": v } } })
    };
    bench.answer(0, "Source-1", fetched("v0"));
    bench.done(0, "Build-1");
    let before = bench.call(0, "Deploy-1");
    bench.done(0, "Deploy-1");
    let next = bench.start();
    bench.answer(next, "Source-1", fetched("v1"));
    bench.done(next, "Build-1");
    bench.failed(next, "Deploy-1");
    let rollback = |stage: &str, target: u64, bench: &Bench| {
        let key = (trackway_pipeline::views::CARGO, execution(target).to_be_bytes().to_vec());
        Signal::Rollback {
            stage: stage.to_owned(),
            target: execution(target),
            cargo: bench.rows.get(&key).map(|row| serde_json::from_slice(row).unwrap()),
            execution: execution(bench.runs),
            by: BY.to_owned(),
        }
    };
    let unable = rollback("Deploy", next, &bench);
    assert!(matches!(bench.signal(unable), Err(Refusal::UnableToRollback(_))));
    let unable = rollback("Source", 0, &bench);
    assert!(matches!(bench.signal(unable), Err(Refusal::UnableToRollback(_))));
    let unknown = rollback("Deploy", 77, &bench);
    assert_eq!(bench.signal(unknown), Err(Refusal::ExecutionNotFound));
    let signal = rollback("Deploy", 0, &bench);
    bench.signal(signal).unwrap();
    let run = bench.runs;
    bench.runs += 1;
    let call = bench.call(run, "Deploy-1");
    assert_eq!(call.input_artifacts, before.input_artifacts);
    assert_eq!(call.configuration["V"], "v0");
    bench.done(run, "Deploy-1");
    let row = bench.row(run);
    assert_eq!(row["summary"]["status"], "Succeeded");
    assert_eq!(row["summary"]["executionType"], "ROLLBACK");
    assert_eq!(row["summary"]["trigger"]["triggerType"], "ManualRollback");
    assert_eq!(row["summary"]["sourceRevisions"][0]["revisionId"], "v0");
    let target = uuid::text(execution(0));
    assert_eq!(
        row["execution"]["rollbackMetadata"],
        json!({ "rollbackTargetPipelineExecutionId": target })
    );
    assert_eq!(bench.stage("Deploy")["latestExecution"]["type"], "ROLLBACK");
    let again = rollback("Deploy", run, &bench);
    assert!(matches!(bench.signal(again), Err(Refusal::UnableToRollback(_))));
    update(&mut bench, &of("SUPERSEDED", &["Source", "Build", "Deploy"]));
    let outdated = rollback("Deploy", 0, &bench);
    assert_eq!(bench.signal(outdated), Err(Refusal::Outdated));
    let rows = bench.rows.keys().filter(|(view, _)| *view == SUCCEEDED_IN_STAGE).count();
    assert_eq!(rows, 3 + 2 + 1);
    bench.check_fold();
}

#[test]
fn what_a_watcher_saw_is_known_once() {
    let mut bench = Bench::new(&of("SUPERSEDED", &["Source", "Build"]));
    let start = StartRun {
        execution: execution(1),
        trigger_type: "PollForSourceChanges".to_owned(),
        trigger_detail: "Source-1".to_owned(),
        ..StartRun::default()
    };
    let seen = |before: Option<&str>, now: &str, starts: Vec<StartRun>| Signal::Seen {
        changes: vec![("k".to_owned(), before.map(str::to_owned), Some(now.to_owned()))],
        starts,
    };
    bench.signal(seen(None, "1", Vec::new())).unwrap();
    assert_eq!(bench.signal(seen(None, "2", vec![start.clone()])), Err(Refusal::Stale));
    bench.signal(seen(Some("1"), "2", vec![start])).unwrap();
    assert_eq!(bench.machine.seen()["k"], "2");
    assert_eq!(bench.row(1)["summary"]["trigger"]["triggerType"], "PollForSourceChanges");
    bench.check_fold();
}

#[test]
fn a_revision_that_is_new_starts_an_execution() {
    let mut bench = Bench::new(&of("SUPERSEDED", &["Source", "Build"]));
    let put = |stage: &str, action: &str, revision: &str, run: u64| Signal::PutRevision {
        stage: stage.to_owned(),
        action: action.to_owned(),
        revision: revision.to_owned(),
        change_id: "c".to_owned(),
        created: 1_795_255_200_000,
        execution: execution(run),
        by: BY.to_owned(),
    };
    assert_eq!(bench.signal(put("No", "Source-1", "r", 1)), Err(Refusal::StageNotFound));
    assert_eq!(bench.signal(put("Source", "No", "r", 1)), Err(Refusal::ActionNotFound));
    bench.signal(put("Source", "Source-1", "r", 1)).unwrap();
    assert_eq!(bench.row(1)["summary"]["trigger"]["triggerType"], "PutActionRevision");
    let events = bench.journal.len();
    bench.signal(put("Source", "Source-1", "r", 2)).unwrap();
    assert_eq!(bench.journal.len(), events, "it is known");
    assert_eq!(
        bench.stage("Source")["actionStates"][0]["currentRevision"],
        json!({ "revisionId": "r", "revisionChangeId": "c", "created": 1_795_255_200.0 })
    );
    bench.check_fold();
}

#[test]
fn an_execution_takes_the_revision_that_was_put() {
    let put = |run: u64| Signal::PutRevision {
        stage: "Source".to_owned(),
        action: "Source-1".to_owned(),
        revision: "r".to_owned(),
        change_id: "c".to_owned(),
        created: 1_795_255_200_000,
        execution: execution(run),
        by: BY.to_owned(),
    };
    for (kind, expected) in [
        ("AWS/Source/S3", "S3_OBJECT_VERSION_ID"),
        ("AWS/Source/CodeStarSourceConnection", "COMMIT_ID"),
        ("AWS/Source/CodeCommit", "COMMIT_ID"),
        ("ThirdParty/Source/GitHub", "COMMIT_ID"),
        ("AWS/Source/ECR", "IMAGE_DIGEST"),
    ] {
        let mut made = of("PARALLEL", &["Source", "Build"]);
        made["stages"][0]["actions"][0] = action("Source-1", kind, 1);
        let mut bench = Bench::new(&made);
        bench.signal(put(1)).unwrap();
        let wanted = bench.call(1, "Source-1").source_revision.unwrap();
        assert_eq!(
            (wanted.revision_type.as_str(), wanted.revision_value.as_str()),
            (expected, "r")
        );
        assert_eq!(bench.call(0, "Source-1").source_revision, None);
        bench.check_fold();
    }
}

#[test]
fn a_custom_source_shows_what_its_worker_says_or_else_what_was_put() {
    let mut made = of("PARALLEL", &["Source", "Build"]);
    made["stages"][0]["actions"][0] = action("Source-1", "Custom/Source/Mine", 1);
    made["stages"][0]["actions"][0]["outputArtifacts"] = json!([{ "name": "Src" }]);
    made["stages"][1]["actions"][0] = action("Build-1", "Custom/Build/Mine", 1);
    let mut bench = Bench::new(&made);
    for (run, put, said) in [(1, "r1", None), (2, "r2", Some("r3"))] {
        bench
            .signal(Signal::PutRevision {
                stage: "Source".to_owned(),
                action: "Source-1".to_owned(),
                revision: put.to_owned(),
                change_id: "c".to_owned(),
                created: 1_795_255_200_000,
                execution: execution(run),
                by: BY.to_owned(),
            })
            .unwrap();
        worked(&mut bench, run, "Source-1", said);
        let revision = said.unwrap_or(put);
        let current = &bench.stage("Source")["actionStates"][0]["currentRevision"];
        assert_eq!(current["revisionId"], revision);
        worked(&mut bench, run, "Build-1", Some("built"));
        let row = bench.row(run);
        assert_eq!(row["summary"]["status"], "Succeeded");
        let sources = row["summary"]["sourceRevisions"].as_array().unwrap();
        let shown = sources.iter().map(|it| (&it["actionName"], &it["revisionId"]));
        assert_eq!(shown.collect::<Vec<_>>(), [(&json!("Source-1"), &json!(revision))]);
        let artifacts = row["execution"]["artifactRevisions"].as_array().unwrap();
        let shown = artifacts.iter().map(|it| (&it["name"], &it["revisionId"]));
        assert_eq!(shown.collect::<Vec<_>>(), [(&json!("Src"), &json!(revision))]);
        let built = &bench.stage("Build")["actionStates"][0]["currentRevision"];
        assert_eq!(built["revisionId"], "built");
    }
    bench.check_fold();
}

/// A worker does an action's job, with this current revision.
fn worked(bench: &mut Bench, run: u64, action: &str, revision: Option<&str>) {
    let job = bench.job(run, action);
    let (id, nonce) = (trackway_pipeline::ids::read(&job.id).unwrap(), job.nonce);
    bench.signal(Signal::JobAcknowledged { job: id, nonce }).unwrap();
    let result = JobResult {
        current_revision: revision.map(|id| json!({ "revision": id, "changeIdentifier": "x" })),
        ..JobResult::default()
    };
    bench.signal(Signal::JobSucceeded { job: id, result: Box::new(result) }).unwrap();
}

#[test]
fn a_deleted_pipeline_gives_up_what_runs() {
    let mut bench = Bench::new(&of("PARALLEL", &["Source", "Build"]));
    assert_eq!(bench.machine.summary().status, ACTIVE);
    bench.start();
    bench.signal(Signal::Delete).unwrap();
    assert!(bench.is_closed);
    assert_eq!(bench.machine.summary().status, DELETED);
    assert_eq!(bench.signal(Signal::Delete), Err(Refusal::Deleted));
    bench.check_fold();
}

#[test]
fn the_state_does_not_grow_with_what_has_ended() {
    for mode in ["SUPERSEDED", "QUEUED", "PARALLEL"] {
        let mut bench = Bench::new(&of(mode, &["Source", "Build"]));
        let mut sizes = Vec::new();
        for turn in 0..800_u64 {
            let run = if turn == 0 { 0 } else { bench.start() };
            bench.done(run, "Source-1");
            if turn % 3 == 0 {
                bench.failed(run, "Build-1");
            } else {
                bench.done(run, "Build-1");
            }
            sizes.push(bench.machine.snapshot().unwrap().len());
        }
        let (early, late) = (sizes[400], sizes[798]);
        assert!(late < early + early / 20, "{mode}: {early} bytes, then {late}");
        bench.check_fold();
    }
}

#[test]
fn executions_of_two_modes_share_the_stages() {
    let mut bench = Bench::new(&of("QUEUED", &["Source", "Build"]));
    let queued = bench.start();
    update(&mut bench, &of("SUPERSEDED", &["Source", "Build"]));
    let (third, fourth) = (bench.start(), bench.start());
    assert_eq!(bench.status(queued), "InProgress", "only what may be superseded is");
    assert_eq!(bench.status(third), "Superseded");
    let expected = [queued, fourth].map(|run| uuid::text(execution(run)));
    assert_eq!(waiting(&bench, "Source"), expected);
    update(&mut bench, &of("PARALLEL", &["Source", "Build"]));
    let free = bench.start();
    bench.done(free, "Source-1");
    for run in [0, queued, fourth] {
        bench.done(run, "Source-1");
        bench.done(run, "Build-1");
    }
    bench.done(free, "Build-1");
    for run in [0, queued, fourth, free] {
        assert_eq!(bench.status(run), "Succeeded");
    }
    bench.check_fold();
}

#[test]
fn a_parallel_execution_takes_the_place_of_what_failed_before() {
    let mut bench = Bench::new(&of("QUEUED", &["Source", "Build"]));
    bench.done(0, "Source-1");
    bench.failed(0, "Build-1");
    update(&mut bench, &of("PARALLEL", &["Source", "Build"]));
    let next = bench.start();
    bench.done(next, "Source-1");
    let retry = Signal::Retry {
        stage: "Build".to_owned(),
        execution: execution(0),
        all_actions: false,
        by: BY.to_owned(),
    };
    assert_eq!(bench.signal(retry), Err(Refusal::ExecutionNotFound));
    bench.check_fold();
}
