//! Scenarios of conditions: rules end as their names say, like actions.

use serde_json::{Value, json};
use trackway_pipeline::signal::{ConditionKind, Signal};

use super::{BUILD, JOB, Piped, execution, retry, stage, start, stop};

const ALARM: &str = "CloudWatchAlarm";
const FUNCTION: &str = "LambdaInvoke";

fn rule(name: &str, provider: &str) -> Value {
    let type_id =
        json!({ "category": "Rule", "owner": "AWS", "provider": provider, "version": "1" });
    json!({ "name": name, "ruleTypeId": type_id, "timeoutInMinutes": 5 })
}

/// A rule that holds or not.
fn check(holds: bool) -> Value {
    let mut rule = rule("check", "VariableCheck");
    let value = if holds { "a" } else { "b" };
    rule["configuration"] = json!({ "Variable": "a", "Operator": "EQ", "Value": value });
    rule
}

/// A rule that holds from three minutes after the begin on, which is half past five.
fn window() -> Value {
    let mut rule = rule("window", "DeploymentWindow");
    rule["configuration"] = json!({ "Cron": "* 33-59 * ? * *" });
    rule
}

fn condition(result: &str, rules: &[Value]) -> Value {
    json!({ "conditions": [{ "result": result, "rules": rules }] })
}

/// A pipeline whose second stage has this and two actions, of which the second may fail.
fn of(name: &str, member: &str, gate: Value, ends: &str) -> Piped {
    let mut gated = stage("A", &[("good-1", BUILD, 1), (ends, JOB, 1)]);
    gated[member] = gate;
    let last = stage("B", &[("good-3", BUILD, 1)]);
    Piped::new(&format!("condition-{name}"), "QUEUED", json!([gated, last]))
}

fn override_it(condition: ConditionKind) -> Signal {
    let (stage, by) = ("A".to_owned(), "me".to_owned());
    Signal::Override { stage, execution: execution(0), condition, by }
}

/// Every scenario of conditions.
pub(super) fn all() -> Vec<Piped> {
    let rules = || [rule("good-r", ALARM), rule("half-r", ALARM), rule("good-f", FUNCTION)];
    let bad = || [rule("good-r", ALARM), rule("bad-r", ALARM), rule("half-f", FUNCTION)];
    let slow = || [rule("never-r", ALARM), check(true)];
    let entry = "beforeEntry";
    let success = "onSuccess";
    let failure = "onFailure";
    let overridden = |made: Piped, kind| made.then(1, override_it(kind));
    vec![
        of("holds", entry, condition("FAIL", &rules()), "good-2"),
        of("fails", entry, condition("FAIL", &bad()), "good-2"),
        of("skips", entry, condition("SKIP", &[check(false)]), "good-2"),
        of("times-out", entry, condition("FAIL", &slow()), "good-2"),
        of("window", entry, condition("FAIL", &[window(), check(true)]), "good-2"),
        of("success", success, condition("FAIL", &rules()), "good-2"),
        of("no-success", success, condition("FAIL", &bad()), "good-2").then(1, start(1)),
        overridden(
            of("entry-overridden", entry, condition("FAIL", &slow()), "good-2"),
            ConditionKind::BeforeEntry,
        ),
        overridden(
            of("success-overridden", success, condition("FAIL", &bad()), "good-2"),
            ConditionKind::OnSuccess,
        ),
        of("stopped", entry, condition("FAIL", &slow()), "good-2").then(1, stop(0, false)),
        of("abandoned", entry, condition("FAIL", &slow()), "good-2")
            .then(1, stop(0, true))
            .then(2, retry("A", 0, false)),
        of("deleted", entry, condition("FAIL", &slow()), "good-2").then(1, Signal::Delete),
        of("retries", failure, json!({ "result": "RETRY" }), "flaky-2"),
        of(
            "retries-all",
            failure,
            json!({ "result": "RETRY", "retryConfiguration": { "retryMode": "ALL_ACTIONS" } }),
            "bad-2",
        ),
        of("no-target", failure, json!({ "result": "ROLLBACK" }), "flaky-2"),
        of("rolls-back", success, condition("ROLLBACK", &[rule("late-r", ALARM)]), "good-2")
            .then(4, start(1)),
        of("failure-holds", failure, condition("ROLLBACK", &[check(true)]), "bad-2"),
    ]
}
