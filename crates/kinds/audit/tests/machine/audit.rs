//! What an audit makes of its scans.

use serde_json::{Value, json};
use trackway_audit::Audit;
use trackway_audit::audit::{
    Birth, CheckStatus, Columns, Details, Finding, Refusal, Signal, TaskStatus, TaskType,
    VIEW_BY_RESOURCE, VIEW_DETAILS, VIEW_FINDINGS, VIEW_RELATED, by_resource_key, finding_key,
    related_key,
};
use trackway_audit::check::{Check, Reason};
use trackway_audit::ids::AuditNumber;
use trackway_audit::request::{CheckConfig, Flaw};
use trackway_audit::resource::{Info, Related, Resource};
use trackway_core::{EffectId, Input, Machine, Outcome, Payload};

use crate::bench::{Bench, start};

pub(crate) const EXPIRING: Check = Check::DeviceCertificateExpiring;
pub(crate) const LOGGING: Check = Check::LoggingDisabled;
const NUMBER: AuditNumber = AuditNumber(7);

pub(crate) fn begun(checks: &[Check], topic: Option<&str>) -> Bench<Audit> {
    let birth = Birth {
        number: NUMBER,
        account: "123456789012".to_owned(),
        task_type: TaskType::OnDemand,
        schedule: None,
        checks: checks.iter().map(|check| (*check, CheckConfig::default())).collect(),
        topic_arn: topic.map(str::to_owned),
    };
    let mut bench = Bench::new();
    bench.take(start("a", &json!(birth).to_string()));
    bench
}

/// The effect that is awaited, and what it asks for.
pub(crate) fn asked(bench: &Bench<Audit>) -> (EffectId, String, Value) {
    let (effect, (queue, request)) = bench.effects.iter().next().unwrap();
    (*effect, queue.clone(), serde_json::from_str(request).unwrap())
}

fn answer(bench: &mut Bench<Audit>, outcome: Outcome) {
    let (effect, _, _) = asked(bench);
    bench.now = bench.now.plus_seconds(1);
    bench.take(Input::Finished { effect, outcome });
    bench.check_fold();
}

fn scanned(bench: &mut Bench<Audit>, value: &Value) {
    answer(bench, Outcome::Succeeded(Payload::new(value.to_string())));
}

fn fails(bench: &mut Bench<Audit>) {
    answer(bench, Outcome::Failed { error: "E".to_owned(), cause: "why".to_owned() });
}

pub(crate) fn details(bench: &Bench<Audit>) -> Details {
    Details::read(&bench.rows[&(VIEW_DETAILS, Details::KEY.to_vec())]).unwrap()
}

fn status(bench: &Bench<Audit>) -> TaskStatus {
    assert_eq!(bench.machine.summary().status, details(bench).status.number());
    details(bench).status
}

fn statuses(bench: &Bench<Audit>) -> Vec<CheckStatus> {
    details(bench).checks.values().map(|check| check.status).collect()
}

pub(crate) fn related(number: usize) -> Related {
    Related { resource: Resource::Client(number.to_string()), info: Info::new() }
}

pub(crate) fn flaw(id: &str, related_len: usize, suppressed: bool) -> Flaw {
    Flaw {
        resource: Resource::DeviceCertificate(id.to_owned()),
        info: Info::from([("k".to_owned(), "v".to_owned())]),
        code: Reason::PastExpiration,
        reason: "It has expired.".to_owned(),
        related: (0..related_len).map(related).collect(),
        suppressed,
    }
}

#[test]
fn an_audit_can_be_described_as_soon_as_it_has_begun() {
    let bench = begun(&[EXPIRING, LOGGING], None);
    assert_eq!(status(&bench), TaskStatus::InProgress);
    assert_eq!(statuses(&bench), [CheckStatus::InProgress; 2]);
    let (_, queue, scan) = asked(&bench);
    assert_eq!(queue, "audit");
    assert_eq!(scan["check"], "DEVICE_CERTIFICATE_EXPIRING_CHECK");
    assert_eq!(scan["started"], bench.now.as_millis());
    assert_eq!(scan["cursor"], Value::Null);
}

#[test]
fn findings_become_rows_chunk_by_chunk() {
    let mut bench = begun(&[EXPIRING], None);
    let flaws = [flaw("a", 12, false), flaw("b", 2, true)];
    scanned(
        &mut bench,
        &json!({ "examined": 100, "non_compliant": 1, "suppressed": 1, "flaws": flaws,
            "cursor": "next" }),
    );
    assert_eq!(asked(&bench).2["cursor"], "next");
    scanned(
        &mut bench,
        &json!({ "examined": 50, "related_of_last": [related(2), related(3)], "cursor": "more" }),
    );
    let last = [flaw("a", 0, false)];
    scanned(
        &mut bench,
        &json!({ "examined": 7, "non_compliant": 1, "flaws": last, "related_of_last": [related(4)] }),
    );
    let check = details(&bench).checks[&EXPIRING].clone();
    assert_eq!((check.examined, check.non_compliant, check.suppressed), (157, 2, 1));
    assert_eq!((check.findings, check.status), (3, CheckStatus::CompletedNonCompliant));
    let row = |view, key| bench.rows.get(&(view, key));
    let finding = |place| Finding::read(row(VIEW_FINDINGS, finding_key(EXPIRING, place)).unwrap());
    let first = finding(0).unwrap();
    assert_eq!(first.found, bench.now + -2000, "it is found when its chunk comes");
    assert_eq!((first.related.len(), first.suppressed), (10, false), "ten are shown with it");
    assert_eq!(finding(1).unwrap().resource, Resource::DeviceCertificate("b".to_owned()));
    assert_eq!(finding(1).unwrap().info, Info::from([("k".to_owned(), "v".to_owned())]));
    let count = |place| {
        let numbers = 0..20;
        numbers.filter(|n| row(VIEW_RELATED, related_key(EXPIRING, place, *n)).is_some()).count()
    };
    assert_eq!((count(0), count(1), count(2)), (12, 5, 0), "a chunk may go on with the last one");
    let resource = Resource::DeviceCertificate("a".to_owned());
    for (place, is_there) in [(0, true), (1, false), (2, true)] {
        let key = by_resource_key(&resource, EXPIRING, place);
        assert_eq!(row(VIEW_BY_RESOURCE, key).is_some(), is_there, "{place}");
    }
    assert_eq!(Columns::read(&bench.machine.summary().columns).unwrap().findings, 3);
}

#[test]
fn what_all_checks_came_to_is_what_the_audit_came_to() {
    let fine = json!({ "examined": 3 });
    let suppressed = json!({ "examined": 3, "suppressed": 1, "flaws": [flaw("a", 0, true)] });
    let found = json!({ "examined": 3, "non_compliant": 1, "flaws": [flaw("a", 0, false)] });
    let disabled = json!({ "error": { "code": "AUDIT_CHECK_DISABLED", "message": "m" } });
    let rows = [
        (&fine, CheckStatus::CompletedCompliant, TaskStatus::Completed),
        (&suppressed, CheckStatus::CompletedCompliant, TaskStatus::Completed),
        (&found, CheckStatus::CompletedNonCompliant, TaskStatus::Completed),
        (&disabled, CheckStatus::Failed, TaskStatus::Failed),
    ];
    for (first, expected, alone) in rows {
        let mut bench = begun(&[EXPIRING], None);
        scanned(&mut bench, first);
        assert_eq!((statuses(&bench), status(&bench)), (vec![expected], alone), "{first}");
        assert!(bench.report.is_some(), "it has closed");

        let mut bench = begun(&[EXPIRING, LOGGING], None);
        scanned(&mut bench, first);
        assert_eq!(asked(&bench).2["check"], "LOGGING_DISABLED_CHECK", "{first}");
        scanned(&mut bench, &fine);
        assert_eq!(statuses(&bench), [expected, CheckStatus::CompletedCompliant]);
        assert_eq!(status(&bench), TaskStatus::Completed, "one check that did not fail is enough");
    }
}

#[test]
fn a_check_fails_with_a_code_where_there_is_one_and_always_with_a_message() {
    let mut bench = begun(&[EXPIRING, LOGGING, Check::DeviceCertificateAge], None);
    scanned(
        &mut bench,
        &json!({ "examined": 2, "cursor": "c", "flaws": [flaw("a", 0, false)],
            "error": { "code": "INSUFFICIENT_PERMISSIONS", "message": "no CRL" } }),
    );
    fails(&mut bench);
    scanned(&mut bench, &json!("nonsense"));
    let checks = details(&bench).checks;
    let error = |check| checks[&check].error.clone().unwrap();
    assert_eq!(checks[&EXPIRING].findings, 1, "what was found before the error stays");
    assert_eq!(error(EXPIRING).code, "INSUFFICIENT_PERMISSIONS");
    assert_eq!((error(LOGGING).code.as_str(), error(LOGGING).message.as_str()), ("", "E: why"));
    assert!(error(Check::DeviceCertificateAge).message.contains("invalid type"));
    assert_eq!(status(&bench), TaskStatus::Failed);
}

#[test]
fn a_cancelled_audit_keeps_what_it_has_found() {
    let mut bench = begun(&[EXPIRING, Check::DeviceCertificateAge, LOGGING], None);
    scanned(&mut bench, &json!({ "examined": 1 }));
    let flaws = [flaw("a", 0, false)];
    scanned(
        &mut bench,
        &json!({ "examined": 1, "non_compliant": 1, "flaws": flaws, "cursor": "c" }),
    );
    let (scan, _, _) = asked(&bench);
    bench.take(Input::Signal(Signal::Cancel));
    bench.check_fold();
    assert!(bench.effects.is_empty(), "the scan in flight is cancelled");
    let canceled = CheckStatus::Canceled;
    assert_eq!(statuses(&bench), [CheckStatus::CompletedCompliant, canceled, canceled]);
    assert_eq!(status(&bench), TaskStatus::Canceled);
    assert_eq!(details(&bench).checks[&Check::DeviceCertificateAge].non_compliant, 1);
    let again = bench.take(Input::Signal(Signal::Cancel));
    assert!(again.contains(&format!("{:?}", Refusal::Ended)), "{again}");
    let late = Outcome::Succeeded(Payload::new("{}"));
    let late = bench.take(Input::Finished { effect: scan, outcome: late });
    assert_eq!(late, "", "an answer that comes later changes nothing");
}

#[test]
fn the_end_is_published_and_a_failure_to_do_so_changes_nothing() {
    let mut bench = begun(&[EXPIRING], Some("arn:aws:sns:us-east-1:123456789012:t"));
    let flaws = [flaw("a", 0, false), flaw("b", 0, true)];
    scanned(
        &mut bench,
        &json!({ "examined": 9, "non_compliant": 1, "suppressed": 1, "flaws": flaws }),
    );
    assert_eq!(status(&bench), TaskStatus::Completed);
    assert!(bench.report.is_none(), "it waits for the notification");
    let refused = bench.take(Input::Signal(Signal::Cancel));
    assert!(refused.contains("refused"), "there is nothing left to cancel");
    let (_, queue, notify) = asked(&bench);
    assert_eq!(queue, "audit-notify");
    assert_eq!(notify["topic_arn"], "arn:aws:sns:us-east-1:123456789012:t");
    let message: Value = serde_json::from_str(notify["message"].as_str().unwrap()).unwrap();
    assert_eq!(
        message,
        json!({
            "accountId": "123456789012",
            "taskId": NUMBER.task_id(),
            "taskStatus": "COMPLETED",
            "taskType": "ON_DEMAND_AUDIT_TASK",
            "auditDetails": [{
                "checkName": "DEVICE_CERTIFICATE_EXPIRING_CHECK",
                "checkRunStatus": "COMPLETED_NON_COMPLIANT",
                "nonCompliantResourcesCount": 1,
                "totalResourcesCount": 9,
            }],
        })
    );
    let before = details(&bench);
    fails(&mut bench);
    assert_eq!(details(&bench), before);
    assert_eq!(bench.report.as_deref(), Some(&br#"{"taskStatus":"COMPLETED"}"#[..]));
}

#[test]
fn an_audit_without_a_readable_beginning_ends() {
    for (input, status) in [("nonsense", 3), ("{}", 3)] {
        let mut bench = Bench::<Audit>::new();
        bench.take(start("a", input));
        bench.check_fold();
        assert_eq!(bench.machine.summary().status, status);
        assert!(bench.report.is_some());
    }
}
