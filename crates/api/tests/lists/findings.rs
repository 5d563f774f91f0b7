//! ListAuditFindings, ListRelatedResourcesForAuditFinding, ListAuditTasks, and what they lead to.

use serde_json::{Value, json};
use trackway_audit::audit::TaskType;
use trackway_audit::check::Check;
use trackway_core::Timestamp;

use crate::audits::{Found, Task, Yard, resources};
use crate::paging::{IOT, OURS, text};
use crate::tape::{Tape, random};

const DAY_MS: usize = 24 * 60 * 60 * 1000;

#[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

async fn yard(tape: &mut Tape) -> Yard {
    let mut yard = Yard::open().await;
    for _ in 0..3 + tape.below(8) {
        yard.audit(tape).await;
        let pause = tape.one(&[0, 1, 5, DAY_MS, 25 * DAY_MS]);
        yard.house.engine.advance(i64::try_from(pause).unwrap());
    }
    yard
}

/// A period that covers some of the audits.
fn period(yard: &Yard, tape: &mut Tape) -> (Timestamp, Timestamp) {
    let mut ends = [0; 2].map(|_| {
        let task = &yard.tasks[tape.below(yard.tasks.len())];
        task.started + tape.one(&[-1, 0, 1, 2])
    });
    ends.sort();
    if tape.chance(30) {
        ends[1] = yard.now() + 1;
    }
    (ends[0], ends[1])
}

/// A request for findings, and those it wants.
fn asked(yard: &Yard, tape: &mut Tape) -> (Value, Vec<String>) {
    let check = tape.chance(50).then(|| tape.one(Check::ALL));
    let check =
        check.map(|check| if tape.chance(80) { Check::PolicyOverlyPermissive } else { check });
    let resource = tape
        .chance(50)
        .then(|| tape.one(&resources(check.unwrap_or(Check::DeviceCertificateShared))));
    let suppressed = tape.chance(50).then(|| tape.chance(50));
    let mut request = json!({});
    if let Some(check) = check {
        request["checkName"] = json!(check.name());
    }
    if let Some(resource) = &resource {
        request["resourceIdentifier"] = resource.to_identifier();
    }
    if let Some(suppressed) = suppressed {
        request["listSuppressedFindings"] = json!(suppressed);
    }
    let fits = |found: &Found| {
        check.is_none_or(|check| found.of.check == check)
            && resource.as_ref().is_none_or(|resource| found.flaw.resource == *resource)
            && suppressed.is_none_or(|suppressed| found.flaw.suppressed == suppressed)
    };
    let shown = |task: &&Task| task.started >= yard.horizon();
    let tasks = yard.tasks.iter().filter(shown);
    let expected: Vec<&Found> = if tape.chance(50) {
        let id = &yard.tasks[tape.below(yard.tasks.len())].id;
        request["taskId"] = json!(id);
        tasks.filter(|task| task.id == *id).flat_map(|task| &task.found).collect()
    } else {
        let (start, end) = period(yard, tape);
        request["startTime"] = json!(seconds(start));
        request["endTime"] = json!(seconds(end));
        let within =
            |found: &&Found| start <= found.at && found.at <= end && found.at >= yard.horizon();
        let begun = tasks.filter(|task| task.started <= end);
        begun.flat_map(|task| &task.found).filter(within).collect()
    };
    let expected = expected.into_iter().filter(|found| fits(found));
    (request, expected.map(|found| found.of.id()).collect())
}

#[test]
fn findings_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let mut yard = yard(tape).await;
        let mut list = yard.list("ListAuditFindings", "findings", |row| text(row, "findingId"));
        for round in 0..14 {
            let (request, expected) = asked(&yard, tape);
            let size = tape.size(1, 250);
            list.other = match request.get("checkName") {
                Some(_) => json!({ "checkName": "CONFLICTING_CLIENT_IDS_CHECK" }),
                None => json!({ "checkName": "LOGGING_DISABLED_CHECK" }),
            };
            if round % 4 < 3 {
                list.holds(&request, size, &expected).await;
                continue;
            }
            list.holds_while(&request, size, &expected, async || yard.audit(tape).await).await;
        }
    });
}

/// A finding as it is to be shown.
fn shown(task: &Task, found: &Found) -> Value {
    let related = found.flaw.related.iter().take(10).map(|related| {
        json!({
            "resourceType": "CLIENT_ID",
            "resourceIdentifier": related.resource.to_identifier(),
            "additionalInfo": related.info,
        })
    });
    let mut shown = json!({
        "findingId": found.of.id(),
        "taskId": task.id,
        "checkName": found.of.check.name(),
        "taskStartTime": seconds(task.started),
        "findingTime": seconds(found.at),
        "severity": found.of.check.severity().name(),
        "nonCompliantResource": {
            "resourceType": found.flaw.resource.type_name(),
            "resourceIdentifier": found.flaw.resource.to_identifier(),
        },
        "relatedResources": related.collect::<Vec<_>>(),
        "reasonForNonCompliance": found.flaw.reason,
        "reasonForNonComplianceCode": found.flaw.code.name(),
        "isSuppressed": found.flaw.suppressed,
    });
    if found.flaw.related.is_empty() {
        shown.as_object_mut().unwrap().remove("relatedResources");
    }
    shown
}

#[test]
fn a_finding_is_shown_with_ten_related_resources_and_lists_them_all() {
    random(8, async |tape| {
        let yard = yard(tape).await;
        let id = |row: &Value| row["resourceIdentifier"].to_string();
        let operation = "ListRelatedResourcesForAuditFinding";
        let mut list = yard.list(operation, "relatedResources", id);
        let all = yard.tasks.iter().flat_map(|task| task.found.iter().map(move |it| (task, it)));
        let all: Vec<(&Task, &Found)> = all.collect();
        for (task, found) in &all {
            let id = found.of.id();
            let request = json!({ "findingId": id });
            if task.started < yard.horizon() {
                for operation in ["DescribeAuditFinding", operation] {
                    let (status, body) = yard.client.ask(&IOT, OURS, operation, &request).await;
                    assert_eq!(
                        (status, &body["__type"]),
                        (404, &json!("ResourceNotFoundException"))
                    );
                }
                continue;
            }
            let described = yard.client.iot("DescribeAuditFinding", request.clone()).await;
            assert_eq!(described, json!({ "finding": shown(task, found) }));
            let related = found.flaw.related.iter();
            let expected: Vec<String> =
                related.map(|related| related.resource.to_identifier().to_string()).collect();
            let living =
                all.iter().find(|(other, it)| other.started >= yard.horizon() && it.of.id() != id);
            list.other = living.map_or(Value::Null, |(_, it)| json!({ "findingId": it.of.id() }));
            if found.of.place < 3 {
                list.holds(&request, tape.size(1, 250), &expected).await;
            }
        }
    });
}

#[test]
fn audits_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let mut yard = yard(tape).await;
        let mut list = yard.list("ListAuditTasks", "tasks", |row| row.to_string());
        for round in 0..14 {
            let (start, end) = period(&yard, tape);
            let start = start.max(yard.horizon());
            let end = end.max(start);
            let kind = tape.chance(50).then(|| tape.one(TaskType::ALL));
            let statuses = ["IN_PROGRESS", "COMPLETED", "FAILED", "CANCELED"];
            let status = tape.chance(50).then(|| tape.one(&statuses));
            let mut request = json!({ "startTime": seconds(start), "endTime": seconds(end) });
            if let Some(kind) = kind {
                request["taskType"] = json!(kind.name());
            }
            if let Some(status) = status {
                request["taskStatus"] = json!(status);
            }
            list.other = match status {
                Some(_) => json!({ "taskStatus": null }),
                None => json!({ "taskStatus": "COMPLETED" }),
            };
            let fits = |task: &&Task| {
                (start..=end).contains(&task.started)
                    && kind.is_none_or(|kind| task.kind == kind)
                    && status.is_none_or(|status| task.status == status)
            };
            let line = |task: &Task| {
                let (status, kind) = (task.status, task.kind.name());
                json!({ "taskId": task.id, "taskStatus": status, "taskType": kind }).to_string()
            };
            let expected: Vec<String> = yard.tasks.iter().filter(fits).map(line).collect();
            let size = tape.size(1, 250);
            if round % 4 < 3 {
                list.holds(&request, size, &expected).await;
                continue;
            }
            list.holds_while(&request, size, &expected, async || yard.audit(tape).await).await;
        }
        let early =
            json!({ "startTime": seconds(yard.horizon() + -1), "endTime": seconds(yard.now()) });
        list.is_refused(OURS, &early, Some("InvalidRequestException")).await;
    });
}
