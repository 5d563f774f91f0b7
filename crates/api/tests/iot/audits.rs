//! How audits are set, started, cancelled and described, and what of requests about them is refused.

use std::sync::Arc;

use serde_json::{Value, json};
use trackway_audit::check::Check;
use trackway_audit::ids::AuditNumber;
use trackway_audit::request::{CheckError, Flaw, SCAN_QUEUE, START_QUEUE, Scan, Scanned};
use trackway_audit::resource::{Info, Resource};
use trackway_audit::{Audit, Schedule, audit, schedule};
use trackway_core::{Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};
use trackway_store::BoxFuture;

use crate::house::{ACCOUNT, House};

const ROLE: &str = "arn:aws:iam::123456789012:role/audit";
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:audits";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const LOGGING: &str = "LOGGING_DISABLED_CHECK";
const POLICY: &str = "IOT_POLICY_OVERLY_PERMISSIVE_CHECK";
const AGE: &str = "DEVICE_CERTIFICATE_AGE_CHECK";
const SHARED: &str = "DEVICE_CERTIFICATE_SHARED_CHECK";
const EXPIRING: &str = "DEVICE_CERTIFICATE_EXPIRING_CHECK";
const CA_EXPIRING: &str = "CA_CERTIFICATE_EXPIRING_CHECK";

/// Answers scans: the logging check finds the account, the policy check nothing, the shared check
/// fails, and the age check never ends.
struct Scans;

impl Performer for Scans {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        let Ok(scan) = serde_json::from_str::<Scan>(&work.request) else {
            return Box::pin(std::future::pending());
        };
        let flaw = Flaw {
            resource: Resource::Account(ACCOUNT.to_owned()),
            info: Info::new(),
            code: Check::LoggingDisabled.reasons()[0],
            reason: "Logging is disabled.".to_owned(),
            related: Vec::new(),
            suppressed: false,
        };
        let error = CheckError {
            code: "INSUFFICIENT_PERMISSIONS".to_owned(),
            message: "Nothing is known of connections".to_owned(),
        };
        let answer = match scan.check {
            Check::DeviceCertificateAge => return Box::pin(std::future::pending()),
            Check::LoggingDisabled => {
                Scanned { examined: 1, non_compliant: 1, flaws: vec![flaw], ..Scanned::default() }
            }
            Check::DeviceCertificateShared => Scanned { error: Some(error), ..Scanned::default() },
            _ => Scanned { examined: 7, ..Scanned::default() },
        };
        let answer = Payload::new(json!(answer).to_string());
        Box::pin(async { Performed::Finished(Outcome::Succeeded(answer)) })
    }
}

async fn house() -> House {
    House::open_with(|builder| {
        builder
            .kind::<Audit>(audit::KIND, "audit")
            .kind::<Schedule>(schedule::KIND, "scheduled audit")
            .performer(SCAN_QUEUE, Arc::new(Scans))
            .performer(START_QUEUE, Arc::new(Scans))
    })
    .await
}

/// A house in which these checks are enabled.
async fn configured() -> House {
    let house = house().await;
    let enabled = json!({ "enabled": true });
    let checks = json!({ LOGGING: enabled, POLICY: enabled, AGE: enabled, SHARED: enabled });
    let request = json!({ "roleArn": ROLE, "auditCheckConfigurations": checks });
    assert_eq!(house.ask("UpdateAccountAuditConfiguration", request).await, json!({}));
    house
}

async fn start(house: &House, checks: &[&str]) -> String {
    let request = json!({ "targetCheckNames": checks });
    let answer = house.ask("StartOnDemandAuditTask", request).await;
    answer["taskId"].as_str().unwrap().to_owned()
}

/// The audit once it has ended.
async fn ended(house: &House, id: &str) -> Value {
    loop {
        let audit = house.ask("DescribeAuditTask", json!({ "taskId": id })).await;
        if audit["taskStatus"] != "IN_PROGRESS" {
            return audit;
        }
        tokio::task::yield_now().await;
    }
}

/// Sends each request of a table; all are to be refused with this code.
async fn refused(house: &House, code: &str, rows: impl IntoIterator<Item = (&str, Value)>) {
    for (operation, input) in rows {
        let answer = house.refused(operation, input.clone()).await;
        assert!(answer.starts_with(&format!("{code}: ")), "{operation} {input}: {answer}");
    }
}

#[tokio::test]
async fn every_check_is_described_before_anything_is_configured() {
    let house = house().await;
    let described = house.ask("DescribeAccountAuditConfiguration", json!({})).await;
    let checks: serde_json::Map<String, Value> = Check::ALL
        .iter()
        .map(|check| (check.name().to_owned(), json!({ "enabled": false })))
        .collect();
    assert_eq!(checks.len(), 17);
    assert_eq!(described, json!({ "auditCheckConfigurations": checks }));
}

#[tokio::test]
async fn a_configuration_is_merged_member_by_member() {
    let house = house().await;
    let update = "UpdateAccountAuditConfiguration";
    let check = json!({ LOGGING: { "enabled": true } });
    let first = json!({ "auditCheckConfigurations": check });
    refused(&house, "InvalidRequestException", [(update, first)]).await;
    let age = json!({ "enabled": true, "configuration": { "CERT_AGE_THRESHOLD_IN_DAYS": "400" } });
    let near = json!({ "configuration": { "CERT_EXPIRATION_THRESHOLD_IN_DAYS": "3652" } });
    for request in [
        json!({ "roleArn": ROLE, "auditCheckConfigurations": check }),
        json!({ "auditCheckConfigurations": { AGE: age, EXPIRING: near } }),
        json!({ "auditNotificationTargetConfigurations":
            { "SNS": { "targetArn": TOPIC, "roleArn": ROLE } } }),
        json!({ "auditNotificationTargetConfigurations": { "SNS": { "enabled": true } } }),
        json!({ "auditCheckConfigurations": { AGE: { "enabled": false } } }),
        json!({}),
    ] {
        assert_eq!(house.ask(update, request).await, json!({}));
    }
    let described = house.ask("DescribeAccountAuditConfiguration", json!({})).await;
    assert_eq!(described["roleArn"], ROLE);
    let sns = json!({ "targetArn": TOPIC, "roleArn": ROLE, "enabled": true });
    assert_eq!(described["auditNotificationTargetConfigurations"], json!({ "SNS": sns }));
    let checks = &described["auditCheckConfigurations"];
    assert_eq!(checks[LOGGING], json!({ "enabled": true }));
    let days = json!({ "CERT_AGE_THRESHOLD_IN_DAYS": "400" });
    assert_eq!(checks[AGE], json!({ "enabled": false, "configuration": days }));
    let days = json!({ "CERT_EXPIRATION_THRESHOLD_IN_DAYS": "3652" });
    assert_eq!(checks[EXPIRING], json!({ "enabled": false, "configuration": days }));
    assert_eq!(checks.as_object().unwrap().len(), 17);
}

#[tokio::test]
async fn configurations_that_make_no_sense_are_refused_and_change_nothing() {
    let house = configured().await;
    let before = house.ask("DescribeAccountAuditConfiguration", json!({})).await;
    let check = |name: &str, config: Value| json!({ "auditCheckConfigurations": { name: { "configuration": config } } });
    let target = |kind: &str, target: Value| json!({ "auditNotificationTargetConfigurations": { kind: target } });
    let (age, expiration) = ("CERT_AGE_THRESHOLD_IN_DAYS", "CERT_EXPIRATION_THRESHOLD_IN_DAYS");
    let rows = [
        json!({ "roleArn": "twenty characters and no ARN" }),
        json!({ "roleArn": "arn:aws:iam::123456789012:user/somebody" }),
        json!({ "auditCheckConfigurations": { "NO_CHECK": { "enabled": true } } }),
        json!({ "auditCheckConfigurations": { "logging_disabled_check": { "enabled": true } } }),
        check(AGE, json!({ age: "29" })),
        check(AGE, json!({ age: "3653" })),
        check(AGE, json!({ age: "a year" })),
        check(AGE, json!({ age: "30.5" })),
        check(AGE, json!({ expiration: "30" })),
        check(EXPIRING, json!({ age: "30" })),
        check(EXPIRING, json!({ expiration: "29" })),
        check(CA_EXPIRING, json!({ expiration: "30" })),
        check(LOGGING, json!({ age: "30" })),
        check(AGE, json!({ "ANOTHER": "30" })),
        target("SQS", json!({ "enabled": false })),
        target("SNS", json!({ "enabled": true })),
        target("SNS", json!({ "enabled": true, "targetArn": TOPIC })),
        target("SNS", json!({ "targetArn": "arn:aws:sqs:us-west-2:123456789012:queue" })),
    ];
    let rows = rows.map(|row| ("UpdateAccountAuditConfiguration", row));
    refused(&house, "InvalidRequestException", rows).await;
    assert_eq!(house.ask("DescribeAccountAuditConfiguration", json!({})).await, before);
}

#[tokio::test]
async fn a_configuration_is_deleted_with_its_scheduled_audits_or_not_at_all() {
    let house = configured().await;
    let (delete, update) = ("DeleteAccountAuditConfiguration", "UpdateAccountAuditConfiguration");
    let nightly = json!({
        "scheduledAuditName": "nightly", "frequency": "DAILY", "targetCheckNames": [LOGGING],
    });
    house.ask("CreateScheduledAudit", nightly).await;
    let disabled = json!({ "auditCheckConfigurations": { LOGGING: { "enabled": false } } });
    let no = json!({ "deleteScheduledAudits": false });
    refused(
        &house,
        "InvalidRequestException",
        [(update, disabled), (delete, json!({})), (delete, no)],
    )
    .await;
    let disabled = json!({ "auditCheckConfigurations": { POLICY: { "enabled": false } } });
    house.ask(update, disabled).await;
    let all = json!({ "deleteScheduledAudits": true });
    assert_eq!(house.ask(delete, all.clone()).await, json!({}));
    let listed = house.ask("ListScheduledAudits", json!({})).await;
    assert_eq!(listed, json!({ "scheduledAudits": [] }));
    let described = house.ask("DescribeAccountAuditConfiguration", json!({})).await;
    assert_eq!(described.get("roleArn"), None);
    assert_eq!(described["auditCheckConfigurations"][LOGGING], json!({ "enabled": false }));
    refused(&house, "ResourceNotFoundException", [(delete, all)]).await;
    let started = ("StartOnDemandAuditTask", json!({ "targetCheckNames": [LOGGING] }));
    refused(&house, "InvalidRequestException", [started]).await;
}

#[tokio::test]
async fn an_audit_is_described_with_what_each_check_came_to() {
    let house = configured().await;
    // A check that is named twice runs once.
    let id = start(&house, &[LOGGING, POLICY, LOGGING, SHARED]).await;
    assert!(AuditNumber::of_task(&id).is_some() && id.len() == 32, "{id}");
    let described = ended(&house, &id).await;
    let details = json!({
        LOGGING: {
            "checkRunStatus": "COMPLETED_NON_COMPLIANT", "checkCompliant": false,
            "totalResourcesCount": 1, "nonCompliantResourcesCount": 1,
            "suppressedNonCompliantResourcesCount": 0,
        },
        POLICY: {
            "checkRunStatus": "COMPLETED_COMPLIANT", "checkCompliant": true,
            "totalResourcesCount": 7, "nonCompliantResourcesCount": 0,
            "suppressedNonCompliantResourcesCount": 0,
        },
        SHARED: {
            "checkRunStatus": "FAILED", "errorCode": "INSUFFICIENT_PERMISSIONS",
            "message": "Nothing is known of connections",
        },
    });
    assert_eq!(described["auditDetails"], details);
    assert_eq!(described["taskType"], "ON_DEMAND_AUDIT_TASK");
    assert_eq!(described.get("scheduledAuditName"), None);
    let statistics = json!({
        "totalChecks": 3, "inProgressChecks": 0, "waitingForDataCollectionChecks": 0,
        "compliantChecks": 1, "nonCompliantChecks": 1, "failedChecks": 1, "canceledChecks": 0,
    });
    assert_eq!(described["taskStatistics"], statistics);
    let cancel = ("CancelAuditTask", json!({ "taskId": id }));
    refused(&house, "InvalidRequestException", [cancel]).await;
}

#[tokio::test]
async fn an_audit_in_progress_can_be_cancelled_once_and_what_it_found_stays() {
    let house = configured().await;
    let id = start(&house, &[LOGGING, AGE]).await;
    let task = json!({ "taskId": id });
    assert_eq!(house.ask("CancelAuditTask", task.clone()).await, json!({}));
    let described = ended(&house, &id).await;
    assert_eq!(described["taskStatus"], "CANCELED");
    assert_eq!(described["auditDetails"][AGE], json!({ "checkRunStatus": "CANCELED" }));
    assert_eq!(described["taskStatistics"]["totalChecks"], 2);
    refused(&house, "InvalidRequestException", [("CancelAuditTask", task)]).await;
}

#[tokio::test]
async fn ten_audits_on_demand_run_at_once() {
    let house = configured().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(start(&house, &[AGE]).await);
    }
    let eleventh = || ("StartOnDemandAuditTask", json!({ "targetCheckNames": [AGE] }));
    refused(&house, "LimitExceededException", [eleventh()]).await;
    house.ask("CancelAuditTask", json!({ "taskId": ids[3] })).await;
    start(&house, &[AGE]).await;
    refused(&house, "LimitExceededException", [eleventh()]).await;
}

#[tokio::test]
async fn what_is_asked_of_audits_wrongly_is_refused() {
    let house = configured().await;
    let id = start(&house, &[LOGGING]).await;
    ended(&house, &id).await;
    let now = house.now_seconds();
    let (start, list, findings) = ("StartOnDemandAuditTask", "ListAuditTasks", "ListAuditFindings");
    let resource =
        |resource: Value| (findings, json!({ "taskId": id, "resourceIdentifier": resource }));
    let certificate = "a".repeat(64);
    let arn = format!("arn:aws:iot:us-west-2:{ACCOUNT}:cert/{certificate}");
    let both = json!({ "deviceCertificateId": certificate, "deviceCertificateArn": arn });
    let rows = [
        (start, json!({ "targetCheckNames": [] })),
        (start, json!({ "targetCheckNames": ["NO_CHECK"] })),
        (start, json!({ "targetCheckNames": [LOGGING, CA_EXPIRING] })),
        (list, json!({ "startTime": now, "endTime": now - 1.0 })),
        (list, json!({ "startTime": now - 91.0 * 86400.0, "endTime": now })),
        (list, json!({ "startTime": now, "endTime": now, "nextToken": "x" })),
        (list, json!({ "startTime": now, "endTime": now, "maxResults": 0 })),
        (list, json!({ "startTime": now, "endTime": now, "maxResults": 251 })),
        (list, json!({ "startTime": now, "endTime": now, "taskStatus": "WAITING" })),
        (findings, json!({})),
        (findings, json!({ "startTime": now })),
        (findings, json!({ "endTime": now })),
        (findings, json!({ "taskId": id, "startTime": now })),
        (findings, json!({ "taskId": id, "startTime": now, "endTime": now })),
        (findings, json!({ "startTime": now, "endTime": now - 0.001 })),
        (findings, json!({ "taskId": id, "checkName": "NO_CHECK" })),
        (findings, json!({ "taskId": id, "nextToken": "x" })),
        resource(json!({})),
        resource(both),
        resource(json!({ "deviceCertificateArn": "arn:aws:iot:us-west-2:1:thing/x" })),
        resource(json!({ "policyVersionIdentifier": {} })),
        resource(json!({ "policyVersionIdentifier": { "policyName": "p" } })),
        resource(json!({ "issuerCertificateIdentifier": {} })),
        ("DescribeAuditTask", json!({ "taskId": "x y" })),
    ];
    refused(&house, "InvalidRequestException", rows).await;
    let nobody = "0".repeat(32);
    let gone = [
        ("DescribeAuditTask", json!({ "taskId": nobody })),
        ("DescribeAuditTask", json!({ "taskId": AuditNumber(7).task_id() })),
        ("CancelAuditTask", json!({ "taskId": nobody })),
        ("DescribeAuditFinding", json!({ "findingId": "x" })),
        ("ListRelatedResourcesForAuditFinding", json!({ "findingId": nobody })),
    ];
    refused(&house, "ResourceNotFoundException", gone).await;
    // No error is modelled for an audit that is not there.
    let none = json!({ "findings": [] });
    assert_eq!(house.ask(findings, json!({ "taskId": nobody })).await, none);
    let elsewhere = house.call_as("111122223333", findings, &json!({ "taskId": id })).await;
    assert_eq!(elsewhere.unwrap(), none);
    let task = json!({ "taskId": id });
    let described = house.call_as("111122223333", "DescribeAuditTask", &task).await;
    assert_eq!(described.unwrap_err().code, "ResourceNotFoundException");
}

#[tokio::test]
async fn audits_and_findings_are_shown_for_ninety_days() {
    let house = configured().await;
    let id = start(&house, &[LOGGING]).await;
    ended(&house, &id).await;
    let began = house.now_seconds();
    let task = json!({ "taskId": id });
    let found = house.ask("ListAuditFindings", task.clone()).await;
    let finding = json!({ "findingId": found["findings"][0]["findingId"] });
    assert_eq!(found["findings"].as_array().unwrap().len(), 1);
    house.engine.advance(90 * DAY_MS);
    house.ask("DescribeAuditTask", task.clone()).await;
    house.ask("DescribeAuditFinding", finding.clone()).await;
    house.engine.advance(1);
    let gone = [
        ("DescribeAuditTask", task.clone()),
        ("CancelAuditTask", task.clone()),
        ("DescribeAuditFinding", finding.clone()),
        ("ListRelatedResourcesForAuditFinding", finding),
    ];
    refused(&house, "ResourceNotFoundException", gone).await;
    let period = json!({ "startTime": began - 1.0, "endTime": began + 1.0 });
    for request in [task, period] {
        let listed = house.ask("ListAuditFindings", request).await;
        assert_eq!(listed, json!({ "findings": [] }));
    }
}
