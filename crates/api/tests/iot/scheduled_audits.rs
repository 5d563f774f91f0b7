//! Scheduled audits: what is said of them, what of requests is refused, and when they take place.

use std::sync::Arc;

use serde_json::{Value, json};
use trackway_api::iot::AuditStarter;
use trackway_audit::request::{SCAN_QUEUE, START_QUEUE, Scanned};
use trackway_audit::{Audit, Schedule, audit, schedule};
use trackway_core::{Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};
use trackway_store::BoxFuture;

use crate::house::{House, each};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const LOGGING: &str = "LOGGING_DISABLED_CHECK";
const POLICY: &str = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK";

/// Finds nothing.
struct Scans;

impl Performer for Scans {
    fn perform(&self, _work: Work) -> BoxFuture<'static, Performed> {
        let answer = Payload::new(json!(Scanned::default()).to_string());
        Box::pin(async { Performed::Finished(Outcome::Succeeded(answer)) })
    }
}

/// A house in which two checks are enabled and schedules start audits.
async fn house() -> House {
    let starter = AuditStarter::default();
    let house = House::open_with(|builder| {
        builder
            .kind::<Audit>(audit::KIND, "audit")
            .kind::<Schedule>(schedule::KIND, "scheduled audit")
            .performer(SCAN_QUEUE, Arc::new(Scans))
            .performer(START_QUEUE, Arc::new(starter.clone()))
    })
    .await;
    starter.serve(house.api());
    let enabled = json!({ "enabled": true });
    let checks = json!({ LOGGING: enabled, POLICY: enabled });
    let role = "arn:aws:iam::123456789012:role/audit";
    let request = json!({ "roleArn": role, "auditCheckConfigurations": checks });
    house.ask("UpdateAccountAuditConfiguration", request).await;
    house
}

fn daily(name: &str) -> Value {
    json!({ "scheduledAuditName": name, "frequency": "DAILY", "targetCheckNames": [LOGGING] })
}

fn named(name: &str) -> Value {
    json!({ "scheduledAuditName": name })
}

/// The audits of schedules that have ended; waits until there are so many.
async fn audits(house: &House, count: usize) -> Vec<Value> {
    loop {
        let now = house.now_seconds();
        let request = json!({
            "startTime": now - 80.0 * 86_400.0, "endTime": now + 1.0,
            "taskType": "SCHEDULED_AUDIT_TASK", "taskStatus": "COMPLETED",
        });
        let tasks = house.pages("ListAuditTasks", request, "tasks").await;
        if tasks.len() >= count {
            return tasks;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_was_said_of_a_scheduled_audit_is_shown() {
    let house = house().await;
    let arn = House::arn("scheduledaudit/b");
    let changed = json!({ "scheduledAuditArn": arn });
    let create = json!({
        "scheduledAuditName": "b", "frequency": "MONTHLY", "dayOfMonth": "LAST",
        "targetCheckNames": [LOGGING, LOGGING], "tags": [{ "Key": "k", "Value": "v" }],
    });
    assert_eq!(house.ask("CreateScheduledAudit", create).await, changed);
    house.ask("CreateScheduledAudit", daily("a")).await;
    let described = json!({
        "scheduledAuditName": "b", "scheduledAuditArn": arn, "frequency": "MONTHLY",
        "dayOfMonth": "LAST", "targetCheckNames": [LOGGING],
    });
    assert_eq!(house.ask("DescribeScheduledAudit", named("b")).await, described);
    let tags = house.ask("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(tags, json!({ "tags": [{ "Key": "k", "Value": "v" }] }));

    let update = json!({
        "scheduledAuditName": "b", "frequency": "WEEKLY", "dayOfWeek": "WED",
        "targetCheckNames": [POLICY, LOGGING],
    });
    assert_eq!(house.ask("UpdateScheduledAudit", update).await, changed);
    let update = json!({ "scheduledAuditName": "b", "frequency": "BIWEEKLY" });
    assert_eq!(house.ask("UpdateScheduledAudit", update).await, changed);
    let described = json!({
        "scheduledAuditName": "b", "scheduledAuditArn": arn, "frequency": "BIWEEKLY",
        "dayOfWeek": "WED", "targetCheckNames": [POLICY, LOGGING],
    });
    assert_eq!(house.ask("DescribeScheduledAudit", named("b")).await, described);
    for size in [1, 2, 25] {
        let input = json!({ "maxResults": size });
        let listed = house.pages("ListScheduledAudits", input, "scheduledAudits").await;
        let expected = [
            json!({ "scheduledAuditName": "a", "frequency": "DAILY",
                "scheduledAuditArn": House::arn("scheduledaudit/a") }),
            json!({ "scheduledAuditName": "b", "frequency": "BIWEEKLY", "dayOfWeek": "WED",
                "scheduledAuditArn": arn }),
        ];
        assert_eq!(listed, expected, "pages of {size}");
    }
}

#[tokio::test]
async fn requests_about_scheduled_audits_that_make_no_sense_are_refused() {
    let house = house().await;
    house.ask("CreateScheduledAudit", daily("a")).await;
    let with = |more: Value| crate::house::and(daily("b"), more);
    let (create, update) = ("CreateScheduledAudit", "UpdateScheduledAudit");
    let rows = [
        (create, with(json!({ "frequency": "WEEKLY" })), "InvalidRequestException"),
        (create, with(json!({ "frequency": "MONTHLY" })), "InvalidRequestException"),
        (create, with(json!({ "dayOfWeek": "MON" })), "InvalidRequestException"),
        (create, with(json!({ "dayOfMonth": "1" })), "InvalidRequestException"),
        (create, with(json!({ "targetCheckNames": [] })), "InvalidRequestException"),
        (create, with(json!({ "targetCheckNames": ["NO_CHECK"] })), "InvalidRequestException"),
        (
            create,
            with(json!({ "targetCheckNames": ["DEVICE_CERTIFICATE_AGE_CHECK"] })),
            "InvalidRequestException",
        ),
        (create, daily("a"), "ResourceAlreadyExistsException"),
        (
            update,
            json!({ "scheduledAuditName": "a", "dayOfWeek": "MON" }),
            "InvalidRequestException",
        ),
        (
            update,
            json!({ "scheduledAuditName": "a", "targetCheckNames": [] }),
            "InvalidRequestException",
        ),
        (update, named("b"), "ResourceNotFoundException"),
        ("DescribeScheduledAudit", named("b"), "ResourceNotFoundException"),
        ("DeleteScheduledAudit", named("b"), "ResourceNotFoundException"),
        ("ListScheduledAudits", json!({ "nextToken": "x" }), "InvalidRequestException"),
    ];
    for (operation, input, code) in rows {
        let answer = house.refused(operation, input.clone()).await;
        assert!(answer.starts_with(&format!("{code}: ")), "{operation} {input}: {answer}");
    }
    for name in ["b", "c", "d", "e"] {
        house.ask(create, daily(name)).await;
    }
    let sixth = house.refused(create, daily("f")).await;
    assert!(sixth.starts_with("LimitExceededException: "), "{sixth}");
    assert_eq!(house.ask("DeleteScheduledAudit", named("c")).await, json!({}));
    house.ask(create, daily("f")).await;
}

#[tokio::test]
async fn audits_start_when_they_are_due_and_a_deleted_name_begins_anew() {
    let house = house().await;
    house.ask("CreateScheduledAudit", daily("a")).await;
    house.engine.advance(DAY_MS / 2);
    house.ask("DeleteScheduledAudit", named("a")).await;
    house.ask("CreateScheduledAudit", daily("a")).await;
    // The slot of the one that was deleted passes; nothing is due yet.
    house.engine.advance(DAY_MS * 3 / 4);
    assert_eq!(audits(&house, 0).await, [] as [Value; 0]);
    house.engine.advance(DAY_MS / 2);
    let first = audits(&house, 1).await;
    // A month without a look at the clock: one audit makes up for it.
    house.engine.advance(30 * DAY_MS);
    let both = audits(&house, 2).await;
    assert_eq!(both.len(), 2);
    assert_eq!(both[1..], first);
    for id in each(&both, "taskId") {
        let described = house.ask("DescribeAuditTask", json!({ "taskId": id })).await;
        assert_eq!(described["taskType"], "SCHEDULED_AUDIT_TASK");
        assert_eq!(described["scheduledAuditName"], "a");
        assert_eq!(described["auditDetails"][LOGGING]["checkRunStatus"], "COMPLETED_COMPLIANT");
    }
}
