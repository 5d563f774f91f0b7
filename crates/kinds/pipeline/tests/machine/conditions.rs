//! Conditions of stages by scripts.

use serde_json::{Value, json};
use trackway_core::{Input, Timestamp, uuid};
use trackway_pipeline::signal::{ConditionKind, JobResult, Refusal, Signal};
use trackway_pipeline::views::{LATEST_RULES_OF_EXECUTION, RULES, RULES_OF_EXECUTION};

use super::bench::{BEGIN, BY, Bench, action, execution};

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A rule; all but `VariableCheck` and `DeploymentWindow` are performed.
fn rule(name: &str, provider: &str, configuration: Value) -> Value {
    let type_id =
        json!({ "category": "Rule", "owner": "AWS", "provider": provider, "version": "1" });
    json!({ "name": name, "ruleTypeId": type_id, "configuration": configuration })
}

/// A rule that holds if the pipeline's variable `go` is `yes`.
fn go() -> Value {
    let check = json!({ "Variable": "#{variables.go}", "Operator": "EQ", "Value": "yes" });
    rule("Go", "VariableCheck", check)
}

fn alarm(name: &str) -> Value {
    rule(name, "CloudWatchAlarm", json!({ "AlarmName": "a" }))
}

fn condition(result: &str, rules: &[Value]) -> Value {
    json!({ "conditions": [{ "result": result, "rules": rules }] })
}

/// A source, a stage with these conditions and the actions `Ship` and `Tell`, and a last stage.
fn pipeline(mode: &str, conditions: Value) -> Value {
    let mut deploy = json!({
        "name": "Deploy",
        "actions": [action("Ship", "AWS/Deploy/CodeDeploy", 1), action("Tell", "AWS/Deploy/S3", 1)],
    });
    for (key, value) in conditions.as_object().unwrap() {
        deploy[key] = value.clone();
    }
    json!({
        "pipelineType": "V2",
        "executionMode": mode,
        "variables": [{ "name": "go", "defaultValue": "no" }],
        "stages": [
            { "name": "Source", "actions": [action("Fetch", "AWS/Source/S3", 1)] },
            deploy,
            { "name": "After", "actions": [action("Check", "AWS/Test/CodeBuild", 1)] },
        ],
    })
}

/// A pipeline whose first execution has come to the stage with these conditions; `go` is `no`.
fn at_deploy(conditions: Value) -> Bench {
    let mut bench = Bench::new(&pipeline("SUPERSEDED", conditions));
    bench.done(0, "Fetch");
    bench
}

/// An execution with this `go` comes to the stage.
fn next(bench: &mut Bench, go: &str) -> u64 {
    let run = bench.try_start(json!({ "go": go })).unwrap();
    bench.done(run, "Fetch");
    run
}

fn override_it(bench: &mut Bench, run: u64, condition: ConditionKind) -> Result<(), Refusal> {
    let stage = "Deploy".to_owned();
    let by = BY.to_owned();
    bench.signal(Signal::Override { stage, execution: execution(run), condition, by })
}

fn stop(bench: &mut Bench, run: u64, abandon: bool) {
    let by = BY.to_owned();
    let signal = Signal::Stop { execution: execution(run), abandon, reason: None, by };
    bench.signal(signal).unwrap();
}

fn retry(bench: &mut Bench, run: u64, all_actions: bool) -> Result<(), Refusal> {
    let (stage, by) = ("Deploy".to_owned(), BY.to_owned());
    bench.signal(Signal::Retry { stage, execution: execution(run), all_actions, by })
}

/// Fires the one timer that is due at this time; the clock says `now`.
fn fire(bench: &mut Bench, due: Timestamp, now: Timestamp) {
    let timer = bench.timers.iter().find(|(_, at)| **at == due).map(|(timer, _)| *timer);
    let timer = timer.unwrap_or_else(|| panic!("no timer at {due:?}: {:?}", bench.timers));
    bench.now = now;
    bench.take(Input::Fired(timer)).unwrap();
}

/// The status of a condition, and of its rules by name.
fn state(bench: &Bench, member: &str) -> (String, Vec<(String, String)>) {
    let stage = bench.stage("Deploy");
    let state = &stage[format!("{member}ConditionState")];
    if state.is_null() {
        return (String::new(), Vec::new());
    }
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let one = &state["conditionStates"][0];
    assert_eq!(state["latestExecution"]["status"], one["latestExecution"]["status"]);
    let rules = one["ruleStates"].as_array().unwrap().iter();
    let rules = rules
        .map(|rule| (text(&rule["ruleName"]), text(&rule["latestExecution"]["status"])))
        .collect();
    (text(&state["latestExecution"]["status"]), rules)
}

fn stage_status(bench: &Bench) -> Value {
    bench.stage("Deploy")["latestExecution"]["status"].clone()
}

/// `RuleExecutionDetail`s, the newest first.
fn rules(bench: &Bench) -> Vec<Value> {
    let rows = bench.rows.iter().filter(|((view, _), _)| *view == RULES);
    rows.map(|(_, row)| serde_json::from_slice(row).unwrap()).collect()
}

fn count(bench: &Bench, view: u8) -> usize {
    bench.rows.keys().filter(|(it, _)| *it == view).count()
}

fn is_running(bench: &Bench, run: u64, name: &str) -> bool {
    bench.find(run, name).is_some()
}

fn finish(bench: &mut Bench, run: u64) {
    bench.done(run, "Ship");
    bench.done(run, "Tell");
}

fn status(status: &str) -> Value {
    Value::String(status.to_owned())
}

#[test]
fn an_entry_condition_that_holds_lets_the_execution_in() {
    let mut bench = at_deploy(json!({ "beforeEntry": condition("FAIL", &[go()]) }));
    let run = next(&mut bench, "yes");
    assert!(is_running(&bench, run, "Ship") && is_running(&bench, run, "Tell"));
    let (condition, rules_of) = state(&bench, "beforeEntry");
    assert_eq!(condition, "Succeeded");
    assert_eq!(rules_of, [("Go".to_owned(), "Succeeded".to_owned())]);
    let row = &rules(&bench)[0];
    assert_eq!(row["pipelineExecutionId"], uuid::text(execution(run)));
    assert_eq!((&row["stageName"], &row["ruleName"]), (&json!("Deploy"), &json!("Go")));
    assert_eq!((&row["status"], &row["pipelineVersion"]), (&json!("Succeeded"), &json!(1)));
    let expected = json!({
        "ruleTypeId": { "category": "Rule", "owner": "AWS", "provider": "VariableCheck", "version": "1" },
        "configuration": { "Variable": "#{variables.go}", "Operator": "EQ", "Value": "yes" },
        "resolvedConfiguration": { "Variable": "yes", "Operator": "EQ", "Value": "yes" },
        "region": "us-east-1",
        "inputArtifacts": [],
    });
    assert_eq!(row["input"], expected);
    let summary = json!({ "externalExecutionSummary": "'yes' equals 'yes'" });
    assert_eq!(row["output"], json!({ "executionResult": summary }));
    bench.check_fold();
}

#[test]
fn an_entry_condition_that_does_not_hold_fails_the_stage_until_it_is_overridden() {
    let mut bench = at_deploy(json!({ "beforeEntry": condition("FAIL", &[go()]) }));
    assert_eq!(bench.status(0), "Failed");
    assert_eq!(stage_status(&bench), status("Failed"));
    assert_eq!(state(&bench, "beforeEntry").0, "Failed");
    assert_eq!(bench.details().len(), 1, "no action of the stage has started");
    let error = json!({ "code": "JobFailed", "message": "'no' does not equal 'yes'" });
    assert_eq!(rules(&bench)[0]["output"]["executionResult"]["errorDetails"], error);
    override_it(&mut bench, 0, ConditionKind::BeforeEntry).unwrap();
    assert_eq!(bench.status(0), "InProgress");
    assert_eq!(stage_status(&bench), status("InProgress"));
    assert_eq!(state(&bench, "beforeEntry").0, "Overridden");
    let state = bench.stage("Deploy")["beforeEntryConditionState"]["latestExecution"].clone();
    assert_eq!(state["summary"], format!("Overridden by {BY}"));
    bench.check_fold();
    // It has the stage for itself again.
    let other = next(&mut bench, "yes");
    assert!(!is_running(&bench, other, "Ship"));
    finish(&mut bench, 0);
    bench.done(0, "Check");
    assert_eq!(bench.status(0), "Succeeded");
    assert!(is_running(&bench, other, "Ship"));
    bench.check_fold();
}

#[test]
fn a_stage_is_skipped() {
    let mut bench = at_deploy(json!({ "beforeEntry": condition("SKIP", &[go()]) }));
    assert_eq!(stage_status(&bench), status("Skipped"));
    assert!(is_running(&bench, 0, "Check"));
    let refused = override_it(&mut bench, 0, ConditionKind::BeforeEntry);
    assert!(matches!(refused, Err(Refusal::NotOverridable(_))), "{refused:?}");
    assert!(matches!(retry(&mut bench, 0, true), Err(Refusal::NotRetryable(_))));
    bench.done(0, "Check");
    assert_eq!(bench.status(0), "Succeeded");
    let stages: Vec<_> = bench.details().iter().map(|detail| detail["stageName"].clone()).collect();
    assert_eq!(stages, ["After", "Source"], "a skipped stage has no actions in the lists");
    bench.check_fold();
}

#[test]
fn rules_run_side_by_side_and_all_must_hold() {
    let conditions = json!({
        "beforeEntry": condition("FAIL", &[alarm("A"), alarm("B"), go(), alarm("C")]),
    });
    let mut bench = at_deploy(conditions);
    // One doesn't hold, but the others are waited for.
    assert_eq!(bench.status(0), "InProgress");
    bench.done(0, "B");
    bench.done(0, "A");
    assert_eq!(state(&bench, "beforeEntry").0, "InProgress");
    bench.done(0, "C");
    assert_eq!(bench.status(0), "Failed");
    let (condition, rules_of) = state(&bench, "beforeEntry");
    let expected = [("A", "Succeeded"), ("B", "Succeeded"), ("Go", "Failed"), ("C", "Succeeded")];
    let expected = expected.map(|(name, status)| (name.to_owned(), status.to_owned()));
    assert_eq!((condition.as_str(), rules_of.as_slice()), ("Failed", expected.as_slice()));
    let latest = &bench.stage("Deploy")["beforeEntryConditionState"]["latestExecution"];
    assert_eq!(latest["summary"], "Rules that failed: Go");
    bench.check_fold();
}

#[test]
fn a_condition_whose_rules_could_not_be_checked_is_errored_and_has_its_result() {
    let conditions = || json!({ "beforeEntry": condition("FAIL", &[alarm("A"), alarm("B")]) });
    let failed = |code: &str| json!({ "failed": { "code": code, "message": "no", "details": {} } });
    for (first, second, expected) in [
        ("PermissionError", None, "Errored"),
        ("ConfigurationError", Some("SystemUnavailable"), "Errored"),
        ("ConfigurationError", Some("JobFailed"), "Failed"),
        ("JobFailed", None, "Failed"),
    ] {
        let mut bench = at_deploy(conditions());
        bench.answer(0, "A", failed(first));
        match second {
            Some(code) => bench.answer(0, "B", failed(code)),
            None => bench.done(0, "B"),
        }
        assert_eq!(state(&bench, "beforeEntry").0, expected, "{first} {second:?}");
        assert_eq!(bench.status(0), "Failed");
        override_it(&mut bench, 0, ConditionKind::BeforeEntry).unwrap();
        assert_eq!(bench.status(0), "InProgress");
        bench.check_fold();
    }
}

#[test]
fn a_condition_in_progress_is_overridden() {
    let mut bench = at_deploy(json!({ "beforeEntry": condition("FAIL", &[alarm("A"), go()]) }));
    assert!(is_running(&bench, 0, "A"));
    override_it(&mut bench, 0, ConditionKind::BeforeEntry).unwrap();
    assert!(!is_running(&bench, 0, "A"), "its rules are given up");
    assert!(is_running(&bench, 0, "Ship"));
    let (condition, rules_of) = state(&bench, "beforeEntry");
    assert_eq!(condition, "Overridden");
    assert_eq!(rules_of[0].1, "Abandoned");
    assert_eq!(rules(&bench).iter().filter(|rule| rule["updatedBy"] == BY).count(), 1);
    let again = override_it(&mut bench, 0, ConditionKind::BeforeEntry);
    assert!(matches!(again, Err(Refusal::NotOverridable(_))), "{again:?}");
    bench.check_fold();
}

#[test]
fn what_can_not_be_overridden() {
    let mut bench = at_deploy(json!({ "beforeEntry": condition("FAIL", &[go()]) }));
    let mut of = |stage: &str, execution, condition| {
        let (stage, by) = (stage.to_owned(), BY.to_owned());
        bench.signal(Signal::Override { stage, execution, condition, by })
    };
    let entry = ConditionKind::BeforeEntry;
    assert_eq!(of("Nowhere", execution(0), entry), Err(Refusal::StageNotFound));
    assert_eq!(of("Deploy", 5, entry), Err(Refusal::ExecutionNotFound));
    let refused = of("Source", execution(0), entry);
    assert!(matches!(refused, Err(Refusal::NotOverridable(_))), "{refused:?}");
    let refused = of("Deploy", execution(0), ConditionKind::OnSuccess);
    assert!(matches!(refused, Err(Refusal::NotOverridable(_))), "{refused:?}");
    // A later execution has been in the stage: the earlier one is gone for good.
    let later = next(&mut bench, "yes");
    let refused = override_it(&mut bench, 0, entry);
    assert!(matches!(refused, Err(Refusal::ExecutionNotFound | Refusal::NotLatest)));
    stop(&mut bench, later, false);
    assert!(override_it(&mut bench, later, entry).is_err());
    bench.check_fold();
}

fn window(cron: &str, minutes: Option<u32>) -> Value {
    let mut rule = rule("Window", "DeploymentWindow", json!({ "Cron": cron }));
    if let Some(minutes) = minutes {
        rule["timeoutInMinutes"] = json!(minutes);
    }
    condition("FAIL", &[rule])
}

#[test]
fn a_deployment_window_is_waited_for() {
    // It is ten o'clock.
    let noon = BEGIN + 2 * HOUR;
    let mut bench = at_deploy(json!({ "beforeEntry": window("* * 12 ? * *", Some(24 * 60)) }));
    assert_eq!(state(&bench, "beforeEntry").0, "InProgress");
    assert!(!is_running(&bench, 0, "Ship"));
    bench.check_fold();
    fire(&mut bench, noon, noon);
    assert_eq!(state(&bench, "beforeEntry").0, "Succeeded");
    assert!(is_running(&bench, 0, "Ship"));
    bench.check_fold();
}

#[test]
fn a_window_that_was_missed_is_waited_for_again() {
    let noon = BEGIN + 2 * HOUR;
    let mut bench = at_deploy(json!({ "beforeEntry": window("* * 12 ? * *", Some(3 * 24 * 60)) }));
    // The server was down.
    fire(&mut bench, noon, noon + 5 * HOUR);
    assert_eq!(state(&bench, "beforeEntry").0, "InProgress");
    bench.check_fold();
    fire(&mut bench, noon + 24 * HOUR, noon + 24 * HOUR);
    assert_eq!(state(&bench, "beforeEntry").0, "Succeeded");
    bench.check_fold();
}

#[test]
fn a_window_that_does_not_open_in_time_fails() {
    let mut bench = at_deploy(json!({ "beforeEntry": window("* * 12 ? * *", Some(30)) }));
    let due = *bench.timers.values().next().unwrap();
    assert!(due < BEGIN + HOUR);
    fire(&mut bench, due, due);
    assert_eq!(bench.status(0), "Failed");
    let message = &rules(&bench)[0]["output"]["executionResult"]["errorDetails"]["message"];
    assert_eq!(message, "The rule did not succeed before its timeout.");
    bench.check_fold();
}

#[test]
fn rules_that_are_performed_time_out() {
    let mut slow = alarm("A");
    slow["timeoutInMinutes"] = json!(5);
    let mut bench = at_deploy(json!({ "beforeEntry": condition("FAIL", &[slow]) }));
    let due = *bench.timers.values().next().unwrap();
    fire(&mut bench, due, due);
    assert_eq!(bench.status(0), "Failed");
    assert!(!is_running(&bench, 0, "A"));
    bench.check_fold();
}

#[test]
fn a_rule_that_refers_to_what_there_is_not_fails() {
    let check = json!({ "Variable": "#{Build.none}", "Operator": "EQ", "Value": "yes" });
    let conditions =
        json!({ "beforeEntry": condition("FAIL", &[rule("R", "VariableCheck", check)]) });
    let bench = at_deploy(conditions);
    assert_eq!(bench.status(0), "Failed");
    let error = &rules(&bench)[0]["output"]["executionResult"]["errorDetails"];
    assert_eq!(error["code"], "InvalidActionConfiguration");
    bench.check_fold();
}

#[test]
fn a_function_ends_its_rule_by_the_job_api() {
    let lambda = || rule("Ask", "LambdaInvoke", json!({ "FunctionName": "f" }));
    let mut bench = at_deploy(json!({ "onSuccess": condition("FAIL", &[lambda()]) }));
    finish(&mut bench, 0);
    let job = bench.call(0, "Ask").job_id;
    bench.answer(0, "Ask", json!({ "handed": {} }));
    let job = trackway_pipeline::ids::read(&job).unwrap();
    assert_eq!(bench.machine.job(job).unwrap().call.type_id.category, "Rule");
    bench.signal(Signal::JobSucceeded { job, result: Box::new(JobResult::default()) }).unwrap();
    assert_eq!(state(&bench, "onSuccess").0, "Succeeded");
    assert!(is_running(&bench, 0, "Check"));
    bench.check_fold();
}

#[test]
fn workers_can_not_perform_rules() {
    let mut bench = at_deploy(json!({ "beforeEntry": condition("FAIL", &[alarm("A")]) }));
    bench.answer(0, "A", json!({ "offer": {} }));
    assert_eq!(bench.status(0), "Failed");
    let error = &rules(&bench)[0]["output"]["executionResult"]["errorDetails"];
    assert_eq!(error["code"], "ConfigurationError");
    bench.check_fold();
}

#[test]
fn a_success_condition_that_does_not_hold_fails_the_stage_until_it_is_overridden() {
    let mut bench = at_deploy(json!({ "onSuccess": condition("FAIL", &[go()]) }));
    finish(&mut bench, 0);
    assert_eq!(bench.status(0), "Failed");
    assert_eq!(stage_status(&bench), status("Failed"));
    assert_eq!(state(&bench, "onSuccess").0, "Failed");
    override_it(&mut bench, 0, ConditionKind::OnSuccess).unwrap();
    assert!(is_running(&bench, 0, "Check"));
    assert_eq!(state(&bench, "onSuccess").0, "Overridden");
    bench.done(0, "Check");
    assert_eq!(bench.status(0), "Succeeded");
    bench.check_fold();
}

#[test]
fn a_stage_retries_itself_once() {
    for (mode, again) in [("FAILED_ACTIONS", 1), ("ALL_ACTIONS", 2)] {
        let on_failure = json!({ "result": "RETRY", "retryConfiguration": { "retryMode": mode } });
        let mut bench = at_deploy(json!({ "onFailure": on_failure }));
        bench.done(0, "Tell");
        bench.failed(0, "Ship");
        assert_eq!(bench.status(0), "InProgress");
        assert!(is_running(&bench, 0, "Ship"), "{mode}");
        assert_eq!(is_running(&bench, 0, "Tell"), again == 2, "{mode}");
        let metadata =
            json!({ "autoStageRetryAttempt": 1, "latestRetryTrigger": "AutomatedStageRetry" });
        assert_eq!(bench.stage("Deploy")["retryStageMetadata"], metadata);
        assert_eq!(bench.details().len(), 3 + again);
        bench.check_fold();
        bench.failed(0, "Ship");
        if again == 2 {
            bench.done(0, "Tell");
        }
        assert_eq!(bench.status(0), "Failed", "{mode}");
        retry(&mut bench, 0, false).unwrap();
        bench.failed(0, "Ship");
        assert_eq!(bench.status(0), "Failed", "{mode}: once is enough");
        let metadata = json!({
            "autoStageRetryAttempt": 1,
            "manualStageRetryAttempt": 1,
            "latestRetryTrigger": "ManualStageRetry",
        });
        assert_eq!(bench.stage("Deploy")["retryStageMetadata"], metadata);
        bench.check_fold();
    }
}

/// The id of the execution that is in the stage, which no test chose.
fn in_stage(bench: &Bench) -> String {
    let latest = &bench.stage("Deploy")["latestExecution"];
    latest["pipelineExecutionId"].as_str().unwrap().to_owned()
}

fn row_of(bench: &Bench, id: &str) -> Value {
    let id = trackway_pipeline::ids::read(id).unwrap().to_be_bytes().to_vec();
    serde_json::from_slice(&bench.rows[&(trackway_pipeline::views::EXECUTION, id)]).unwrap()
}

/// Of an execution that no test started.
fn answer(bench: &mut Bench, id: &str, name: &str, answer: &Value) {
    let found = bench.effects.iter().find(|(_, (_, request))| {
        let request: Value = serde_json::from_str(request).unwrap();
        request["pipelineExecutionId"] == id && request["actionName"] == name
    });
    let effect = *found.unwrap().0;
    let text = trackway_core::Payload::new(answer.to_string());
    let outcome = trackway_core::Outcome::Succeeded(text);
    bench.take(Input::Finished { effect, outcome }).unwrap();
}

#[test]
fn a_stage_rolls_itself_back() {
    let success = json!({ "done": { "outputArtifacts": [] } });
    let failure = json!({ "failed": { "code": "JobFailed", "message": "", "details": {} } });
    for conditions in [
        json!({ "onFailure": { "result": "ROLLBACK" } }),
        json!({ "onFailure": condition("ROLLBACK", &[alarm("A")]) }),
        json!({ "onSuccess": condition("ROLLBACK", &[alarm("A")]) }),
    ] {
        let is_on_success = conditions.get("onSuccess").is_some();
        let mut bench = at_deploy(conditions.clone());
        let has_rule = conditions.to_string().contains("AlarmName");
        finish(&mut bench, 0);
        if is_on_success {
            bench.done(0, "A");
        }
        bench.done(0, "Check");
        assert_eq!(bench.status(0), "Succeeded");
        let bad = next(&mut bench, "no");
        let waiting = next(&mut bench, "no");
        if is_on_success {
            finish(&mut bench, bad);
        } else {
            bench.done(bad, "Tell");
            bench.failed(bad, "Ship");
        }
        if has_rule {
            bench.failed(bad, "A");
        }
        assert_eq!(bench.status(bad), "Failed");
        let rollback = in_stage(&bench);
        let row = row_of(&bench, &rollback)["execution"].clone();
        assert_eq!(row["status"], "InProgress");
        assert_eq!(row["executionType"], "ROLLBACK");
        let bad_id = uuid::text(execution(bad));
        let detail = format!(r#"{{"FailedPipelineExecutionId":"{bad_id}"}}"#);
        let trigger = json!({ "triggerType": "AutomatedRollback", "triggerDetail": detail });
        assert_eq!(row["trigger"], trigger);
        let target = uuid::text(execution(0));
        assert_eq!(row["rollbackMetadata"], json!({ "rollbackTargetPipelineExecutionId": target }));
        // Who waited waits on.
        let stage = bench.stage("Deploy");
        assert_eq!(
            stage["inboundExecution"]["pipelineExecutionId"],
            uuid::text(execution(waiting))
        );
        bench.check_fold();
        // A rollback that fails goes back no further.
        answer(&mut bench, &rollback, "Tell", &success);
        answer(&mut bench, &rollback, "Ship", &failure);
        if has_rule && !is_on_success {
            answer(&mut bench, &rollback, "A", &failure);
        }
        assert_eq!(row_of(&bench, &rollback)["summary"]["status"], "Failed");
        assert_eq!(in_stage(&bench), uuid::text(execution(waiting)));
        bench.check_fold();
    }
}

#[test]
fn a_rollback_that_succeeds_runs_one_stage_and_is_no_target_itself() {
    let success = json!({ "done": { "outputArtifacts": [] } });
    let mut bench = at_deploy(json!({ "onFailure": { "result": "ROLLBACK" } }));
    finish(&mut bench, 0);
    bench.done(0, "Check");
    for _ in 0..2 {
        let bad = next(&mut bench, "no");
        bench.done(bad, "Tell");
        bench.failed(bad, "Ship");
        let rollback = in_stage(&bench);
        answer(&mut bench, &rollback, "Tell", &success);
        answer(&mut bench, &rollback, "Ship", &success);
        let row = row_of(&bench, &rollback)["execution"].clone();
        assert_eq!(row["status"], "Succeeded");
        let target = uuid::text(execution(0));
        assert_eq!(row["rollbackMetadata"]["rollbackTargetPipelineExecutionId"], target);
        assert!(bench.effects.is_empty(), "no later stage runs");
    }
    bench.check_fold();
}

#[test]
fn without_a_target_a_stage_only_fails() {
    let mut bench = at_deploy(json!({ "onFailure": { "result": "ROLLBACK" } }));
    bench.done(0, "Tell");
    bench.failed(0, "Ship");
    assert_eq!(bench.status(0), "Failed");
    assert_eq!(in_stage(&bench), uuid::text(execution(0)));
    // Nor is one that ran another version.
    let run = next(&mut bench, "no");
    finish(&mut bench, run);
    bench.done(run, "Check");
    let structure = (*bench.machine.structure()).clone();
    bench.signal(Signal::Update(Box::new(structure))).unwrap();
    let run = next(&mut bench, "no");
    bench.done(run, "Tell");
    bench.failed(run, "Ship");
    assert_eq!(in_stage(&bench), uuid::text(execution(run)));
    assert_eq!(bench.status(run), "Failed");
    bench.check_fold();
}

#[test]
fn a_failure_condition_that_holds_leaves_the_stage_failed() {
    let mut bench = at_deploy(json!({ "onFailure": condition("ROLLBACK", &[alarm("A")]) }));
    finish(&mut bench, 0);
    bench.done(0, "Check");
    let run = next(&mut bench, "no");
    bench.done(run, "Tell");
    bench.failed(run, "Ship");
    assert_eq!(bench.status(run), "InProgress", "the condition is checked first");
    assert_eq!(retry(&mut bench, run, false), Err(Refusal::Conflict));
    bench.done(run, "A");
    assert_eq!(bench.status(run), "Failed");
    assert_eq!(in_stage(&bench), uuid::text(execution(run)));
    assert_eq!(state(&bench, "onFailure").0, "Succeeded");
    bench.check_fold();
}

#[test]
fn a_failed_stage_may_be_skipped() {
    let mut bench = at_deploy(json!({ "onFailure": { "result": "SKIP" } }));
    bench.done(0, "Tell");
    bench.failed(0, "Ship");
    assert_eq!(stage_status(&bench), status("Skipped"));
    bench.done(0, "Check");
    assert_eq!(bench.status(0), "Succeeded");
    bench.check_fold();
}

#[test]
fn a_condition_that_fails_is_no_failure_of_the_actions() {
    let conditions = json!({
        "beforeEntry": condition("FAIL", &[go()]),
        "onFailure": { "result": "RETRY" },
    });
    let bench = at_deploy(conditions);
    assert_eq!(bench.status(0), "Failed");
    assert!(bench.stage("Deploy")["retryStageMetadata"].is_null());
    bench.check_fold();
}

#[test]
fn a_retry_by_hand_checks_conditions_anew() {
    let conditions = json!({
        "beforeEntry": condition("FAIL", &[alarm("In")]),
        "onSuccess": condition("FAIL", &[alarm("Out")]),
    });
    let mut bench = at_deploy(conditions);
    bench.failed(0, "In");
    assert_eq!(bench.status(0), "Failed");
    retry(&mut bench, 0, false).unwrap();
    assert!(is_running(&bench, 0, "In") && !is_running(&bench, 0, "Ship"));
    bench.check_fold();
    bench.done(0, "In");
    bench.done(0, "Tell");
    bench.failed(0, "Ship");
    assert_eq!(bench.status(0), "Failed");
    // It has entered: only what failed runs anew.
    retry(&mut bench, 0, false).unwrap();
    assert!(!is_running(&bench, 0, "In") && is_running(&bench, 0, "Ship"));
    bench.done(0, "Ship");
    bench.failed(0, "Out");
    assert_eq!(bench.status(0), "Failed");
    retry(&mut bench, 0, false).unwrap();
    assert!(is_running(&bench, 0, "Out"), "no action failed, but the condition did");
    bench.failed(0, "Out");
    // The whole stage runs anew, from its door.
    retry(&mut bench, 0, true).unwrap();
    assert!(is_running(&bench, 0, "In") && !is_running(&bench, 0, "Ship"));
    bench.done(0, "In");
    finish(&mut bench, 0);
    bench.done(0, "Out");
    assert!(is_running(&bench, 0, "Check"));
    let all = (count(&bench, RULES), count(&bench, RULES_OF_EXECUTION));
    assert_eq!((all, count(&bench, LATEST_RULES_OF_EXECUTION)), ((6, 6), 2));
    bench.check_fold();
}

#[test]
fn a_stop_waits_for_rules_or_gives_them_up() {
    for (member, abandon) in
        [("beforeEntry", false), ("beforeEntry", true), ("onSuccess", false), ("onSuccess", true)]
    {
        let mut bench = at_deploy(json!({ member: condition("FAIL", &[alarm("A")]) }));
        if member == "onSuccess" {
            finish(&mut bench, 0);
        }
        stop(&mut bench, 0, abandon);
        assert_eq!(is_running(&bench, 0, "A"), !abandon);
        if !abandon {
            assert_eq!(bench.status(0), "Stopping");
            let kind = match member {
                "onSuccess" => ConditionKind::OnSuccess,
                _ => ConditionKind::BeforeEntry,
            };
            assert_eq!(override_it(&mut bench, 0, kind), Err(Refusal::Conflict));
            bench.done(0, "A");
        }
        assert_eq!(bench.status(0), "Stopped", "{member} {abandon}");
        assert_eq!(stage_status(&bench), status("Stopped"));
        let expected = if abandon { "Abandoned" } else { "Succeeded" };
        assert_eq!(state(&bench, member).0, expected);
        bench.check_fold();
        retry(&mut bench, 0, false).unwrap();
        let is_asked_again = member == "onSuccess" || abandon;
        assert_eq!(is_running(&bench, 0, "A"), is_asked_again, "{member} {abandon}");
        bench.check_fold();
    }
}

#[test]
fn deleting_gives_up_conditions() {
    let mut bench = at_deploy(json!({ "beforeEntry": condition("FAIL", &[alarm("A"), go()]) }));
    bench.signal(Signal::Delete).unwrap();
    assert!(bench.is_closed && bench.effects.is_empty() && bench.timers.is_empty());
    bench.check_fold();
}

#[test]
fn executions_in_parallel_have_conditions_of_their_own() {
    let conditions = json!({
        "beforeEntry": condition("FAIL", &[alarm("A")]),
        "onFailure": { "result": "ROLLBACK" },
    });
    let mut bench = Bench::new(&pipeline("PARALLEL", conditions));
    bench.done(0, "Fetch");
    let other = next(&mut bench, "no");
    bench.failed(0, "A");
    assert_eq!((bench.status(0), bench.status(other)), ("Failed".into(), "InProgress".into()));
    override_it(&mut bench, 0, ConditionKind::BeforeEntry).unwrap();
    bench.done(other, "A");
    assert!(is_running(&bench, 0, "Ship") && is_running(&bench, other, "Ship"));
    finish(&mut bench, 0);
    bench.done(other, "Tell");
    bench.failed(other, "Ship");
    assert_eq!(bench.status(other), "Failed", "there are no rollbacks in this mode");
    bench.check_fold();
}
