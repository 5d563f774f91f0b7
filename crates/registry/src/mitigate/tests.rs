#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use trackway_audit::action::{Action, ActionParams};
use trackway_audit::audit::{self, Audit, TaskStatus, TaskType};
use trackway_audit::check::{Check, Reason};
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::mitigation::{
    self, Birth, Counts, Details, Execution, ExecutionStatus as Is, Item, Mitigation, Row, Surface,
    Target, VIEW_ITEMS, VIEW_TASK, Violations,
};
use trackway_audit::request::{CheckConfig, Flaw, Scan, Scanned};
use trackway_audit::resource::{Info, Related, Resource};
use trackway_core::{ExecutionId, Outcome, Payload, Start, Timestamp};
use trackway_engine::{
    Definition, Durability, Engine, Performed, Performer, StartRequest, Waited, Work,
};
use trackway_store::Memory;

use super::Mitigations;
use crate::record::{
    CaCertificate, Certificate, CertificateId, CertificateStatus, LoggingV2, Policy, X509,
};
use crate::sns::{NotPublished, Publisher, Publishing};
use crate::violations::{Verification, Violation};
use crate::{Registry, Txn, groups, policies, principals, record, table, things};

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
const ROLE: &str = "arn:aws:iam::000000000000:role/R";
const AUDIT: AuditNumber = AuditNumber(7);
const AGE: Check = Check::DeviceCertificateAge;
const POLICY: Check = Check::PolicyOverlyPermissive;

fn scope() -> Arc<str> {
    format!("{ACCOUNT}/{REGION}").into()
}

/// Finds what a test says.
struct Finds(BTreeMap<Check, Vec<Flaw>>);

impl Performer for Finds {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let scan: Scan = serde_json::from_str(&work.request).unwrap();
        let from: usize = scan.cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let flaws = self.0.get(&scan.check).map_or(&[][..], |flaws| &flaws[from..]);
        let now = &flaws[..flaws.len().min(512)];
        let cursor = (now.len() < flaws.len()).then(|| (from + now.len()).to_string());
        let scanned = Scanned { flaws: now.to_vec(), cursor, ..Scanned::default() };
        let text = serde_json::to_string(&scanned).unwrap();
        Box::pin(async move { Performed::Finished(Outcome::Succeeded(Payload::new(text))) })
    }
}

/// What a topic does: it fails if its name says so, and may let a user in between.
#[derive(Default)]
struct Topics {
    messages: Mutex<Vec<(String, Value)>>,
    between: Mutex<Option<(Registry, [u8; 32])>>,
}

impl Publisher for Topics {
    fn publish(&self, scope: Arc<str>, topic_arn: String, message: String) -> Publishing {
        let fails = topic_arn.ends_with("missing");
        let message = serde_json::from_str(&message).unwrap();
        self.messages.lock().unwrap().push((topic_arn, message));
        let between = self.between.lock().unwrap().take();
        Box::pin(async move {
            if let Some((registry, id)) = between {
                let mut txn = registry.begin(&scope);
                put_certificate(&mut txn, id, 9);
                assert!(txn.commit().await.unwrap());
            }
            let message = "Topic does not exist".to_owned();
            let error = || NotPublished { code: "NotFound".to_owned(), message };
            if fails { Err(error()) } else { Ok(()) }
        })
    }
}

struct House {
    engine: Engine,
    registry: Registry,
    topics: Arc<Topics>,
}

impl House {
    /// An audit that has found this.
    async fn new(found: BTreeMap<Check, Vec<Flaw>>) -> Self {
        let topics = Arc::new(Topics::default());
        let mitigations = Mitigations::new(Arc::clone(&topics) as Arc<dyn Publisher>);
        let checks = found.keys().map(|check| (*check, CheckConfig::default())).collect();
        let engine = Engine::builder()
            .kind::<Audit>(audit::KIND, "audit")
            .kind::<Mitigation>(mitigation::KIND, "mitigation")
            .performer("audit", Arc::new(Finds(found)))
            .performer("mitigation", Arc::new(mitigations.clone()))
            .open(Arc::new(Memory::new()))
            .await
            .unwrap();
        let registry = Registry::new(engine.clone());
        mitigations.serve(registry.clone());
        let house = Self { engine, registry, topics };
        let birth = audit::Birth {
            number: AUDIT,
            account: ACCOUNT.to_owned(),
            task_type: TaskType::OnDemand,
            schedule: None,
            checks,
            topic_arn: None,
        };
        let input = serde_json::to_string(&birth).unwrap();
        house.run(audit::KIND, audit::PARENT, AUDIT.arn(ACCOUNT, REGION), input).await;
        house
    }

    async fn run(&self, kind: u8, parent: &str, arn: String, input: String) {
        let start = Start {
            arn,
            definition_arn: String::new(),
            name: String::new(),
            role_arn: String::new(),
            input: Payload::new(input),
            attributes: Vec::new(),
        };
        let request = StartRequest {
            kind,
            scope: scope(),
            parent: parent.into(),
            definition: Definition::new(""),
            start,
            reply_to: None,
            durability: Durability::Durable,
        };
        let waited = self.engine.start_and_wait(request).await.unwrap();
        assert!(matches!(waited, Waited::Ended(_)), "{waited:?}");
    }

    /// Runs a task to its end.
    async fn mitigate(&self, task_id: &str, target: Target, mapping: &[(Check, &[u8])]) -> Details {
        let mapping = mapping.iter().map(|(check, places)| (*check, places.to_vec())).collect();
        let birth = Birth { task_id: task_id.to_owned(), target, mapping, actions: actions() };
        self.mitigate_as(&birth, Surface::Audit).await
    }

    async fn mitigate_as(&self, birth: &Birth, surface: Surface) -> Details {
        let arn = surface.arn(ACCOUNT, REGION, &birth.task_id);
        let id = ExecutionId::of(&arn);
        let input = serde_json::to_string(birth).unwrap();
        self.run(mitigation::KIND, surface.parent(), arn, input).await;
        let row = self.engine.row(id, VIEW_TASK, Details::KEY).await.unwrap().unwrap();
        Details::read(&row).unwrap()
    }

    /// What became of an item; nothing if the task doesn't know it.
    async fn executions(&self, surface: Surface, task_id: &str, item: &Item) -> Vec<Execution> {
        let id = ExecutionId::of(&surface.arn(ACCOUNT, REGION, task_id));
        let row = async |view, key: &[u8]| self.engine.row(id, view, key).await.unwrap();
        let Some(of_item) = row(VIEW_ITEMS, &item.key()).await else { return Vec::new() };
        let details = Details::read(&row(VIEW_TASK, Details::KEY).await.unwrap()).unwrap();
        let birth = Birth::read(&row(VIEW_TASK, Birth::KEY).await.unwrap()).unwrap();
        let shown = details.executions(&birth, item.check(), &Row::read(&of_item).unwrap());
        shown.into_iter().map(|shown| shown.execution).collect()
    }

    async fn statuses(&self, task_id: &str, check: Check, place: u32) -> Vec<Is> {
        let executions = self.executions(Surface::Audit, task_id, &item(check, place)).await;
        executions.iter().map(|execution| execution.status).collect()
    }

    async fn error(&self, task_id: &str, check: Check, place: u32) -> (String, String) {
        let executions = self.executions(Surface::Audit, task_id, &item(check, place)).await;
        let error = executions.into_iter().find_map(|execution| execution.error).unwrap();
        (error.code, error.message)
    }

    async fn change(&self, change: impl AsyncFn(&mut Txn)) {
        let mut txn = self.registry.begin(&scope());
        change(&mut txn).await;
        assert!(txn.commit().await.unwrap());
    }

    async fn certificate(&self, number: u32) -> Certificate {
        self.read(table::CERTIFICATES, &certificate_key(number)).await
    }

    async fn read<T: serde::de::DeserializeOwned>(&self, table: u8, key: &[u8]) -> T {
        let row = self.registry.catalog().get(&scope(), table, key).await.unwrap();
        record::decode(&row.unwrap()).unwrap()
    }

    async fn things_in(&self, group: &str) -> Vec<String> {
        let mut txn = self.registry.begin(&scope());
        let prefix = record::prefix(&[group]);
        let keys = txn.keys(table::GROUP_THINGS, &prefix, None, 10_000).await.unwrap();
        keys.into_iter().map(|key| String::from_utf8(key).unwrap()).collect()
    }
}

fn item(check: Check, place: u32) -> Item {
    Item::Finding(FindingRef { audit: AUDIT, check, place })
}

fn all() -> Target {
    Target::Audit { audit: AUDIT, reasons: None }
}

/// 0: device, 1: CA, 2: group G, 3: groups G and missing, 4: policy, 5: logging, 6: topic,
/// 7: missing topic.
fn actions() -> Vec<Action> {
    let groups = |names: &[&str]| ActionParams::AddThingsToThingGroup {
        groups: names.iter().map(|name| (*name).to_owned()).collect(),
        override_dynamic: None,
    };
    let topic = |name: &str| ActionParams::PublishFindingToSns {
        topic_arn: format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}"),
    };
    let params = [
        ActionParams::UpdateDeviceCertificate,
        ActionParams::UpdateCaCertificate,
        groups(&["G"]),
        groups(&["G", "missing"]),
        ActionParams::ReplaceDefaultPolicyVersion,
        ActionParams::EnableIotLogging { role_arn: ROLE.to_owned(), level: "WARN".to_owned() },
        topic("topic"),
        topic("missing"),
    ];
    let action = |(place, params): (usize, ActionParams)| Action {
        name: format!("action-{place}"),
        id: place.to_string(),
        role_arn: ROLE.to_owned(),
        params,
        created: Timestamp(0),
        modified: Timestamp(0),
    };
    params.into_iter().enumerate().map(action).collect()
}

fn certificate_key(number: u32) -> [u8; 32] {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

fn certificate_id(number: u32) -> String {
    CertificateId(certificate_key(number)).text()
}

fn x509() -> X509 {
    X509 {
        not_before: Timestamp(0),
        not_after: Timestamp(1),
        subject: String::new(),
        issuer: String::new(),
        issuer_hash: [0; 16],
        serial: vec![1],
        weakness: None,
    }
}

fn put_certificate(txn: &mut Txn, key: [u8; 32], version: u32) {
    let certificate = Certificate {
        status: CertificateStatus::Active,
        created: Timestamp(0),
        modified: Timestamp(0),
        version,
        x509: x509(),
        ca: None,
        sni_only: true,
        made_here: false,
        previous_owner: None,
        generation_id: String::new(),
        transfer: None,
    };
    txn.put(table::CERTIFICATES, &key, &certificate).unwrap();
}

/// So many certificates, and a group; the things T0, T1 have the first certificate.
async fn fleet(house: &House, certificates: u32) {
    house
        .change(async |txn: &mut Txn| {
            for number in 0..certificates {
                put_certificate(txn, certificate_key(number), 1);
            }
            let group = groups::NewGroup {
                name: "G".to_owned(),
                parent: None,
                description: None,
                attributes: BTreeMap::new(),
                tags: BTreeMap::new(),
            };
            groups::create(txn, group).await.unwrap();
            for thing in ["T0", "T1"] {
                let new = things::NewThing {
                    name: thing.to_owned(),
                    type_name: None,
                    attributes: BTreeMap::new(),
                    billing_group: None,
                };
                things::create(txn, new).await.unwrap();
                let principal = txn.arn(&format!("cert/{}", certificate_id(0)));
                principals::attach(txn, thing, &principal, None).await.unwrap();
            }
        })
        .await;
}

fn flaw(resource: Resource, code: Reason) -> Flaw {
    Flaw {
        resource,
        info: Info::new(),
        code,
        reason: "It is so.".to_owned(),
        related: Vec::new(),
        suppressed: false,
    }
}

fn old(number: u32) -> Flaw {
    flaw(Resource::DeviceCertificate(certificate_id(number)), Reason::PastAgeThreshold)
}

fn wide(name: &str) -> Flaw {
    let (name, version) = (name.to_owned(), "1".to_owned());
    flaw(Resource::Policy { name, version }, Reason::BroadDataPlaneAccess)
}

#[tokio::test]
async fn each_action_does_what_the_operation_does() {
    const CA: Check = Check::CaCertificateExpiring;
    const LOGGING: Check = Check::LoggingDisabled;
    let house = House::new(BTreeMap::from([
        (AGE, vec![old(0)]),
        (CA, vec![flaw(Resource::CaCertificate(certificate_id(9)), Reason::PastExpiration)]),
        (POLICY, vec![wide("P")]),
        (LOGGING, vec![flaw(Resource::Account(ACCOUNT.to_owned()), Reason::LoggingDisabled)]),
    ]))
    .await;
    fleet(&house, 1).await;
    house
        .change(async |txn: &mut Txn| {
            let ca = CaCertificate {
                is_active: true,
                auto_registers: false,
                created: Timestamp(0),
                modified: Timestamp(0),
                version: 1,
                x509: x509(),
                sni_only: false,
                generation_id: String::new(),
                registration: None,
            };
            txn.put(table::CA_CERTIFICATES, &certificate_key(9), &ca).unwrap();
            let wide = r#"{"Version":"2012-10-17","Statement":[]}"#;
            policies::create(txn, "P", wide, &BTreeMap::new()).await.unwrap();
        })
        .await;
    let mapping: &[(Check, &[u8])] =
        &[(AGE, &[0, 2, 6]), (CA, &[1]), (POLICY, &[4]), (LOGGING, &[5])];
    let details = house.mitigate("t", all(), mapping).await;
    assert_eq!(details.status, TaskStatus::Completed, "{details:?}");
    assert_eq!(house.statuses("t", AGE, 0).await, [Is::Completed; 3]);
    assert_eq!(house.certificate(0).await.status, CertificateStatus::Inactive);
    assert_eq!(house.certificate(0).await.version, 2);
    assert_eq!(house.things_in("G").await, ["T0", "T1"]);
    let ca: CaCertificate = house.read(table::CA_CERTIFICATES, &certificate_key(9)).await;
    assert!(!ca.is_active);
    let policy: Policy = house.read(table::POLICIES, b"P").await;
    assert_eq!((policy.default, policy.versions.len()), (2, 2));
    let logging: LoggingV2 = house.read(table::LOGGING, b"v2").await;
    assert_eq!(logging.default_level.as_deref(), Some("WARN"));
    assert_eq!((logging.role_arn.as_deref(), logging.disable_all), (Some(ROLE), false));

    let messages = house.topics.messages.lock().unwrap().clone();
    let [(topic, message)] = messages.as_slice() else { panic!("{messages:?}") };
    assert_eq!(topic, "arn:aws:sns:us-east-1:000000000000:topic");
    assert_eq!(message["findingId"], json!(FindingRef { audit: AUDIT, check: AGE, place: 0 }.id()));
    assert_eq!(message["taskId"], json!(AUDIT.task_id()));
    assert_eq!(message["checkName"], "DEVICE_CERTIFICATE_AGE_CHECK");
    assert_eq!(message["severity"], "LOW");
    assert_eq!(message["reasonForNonComplianceCode"], "CERTIFICATE_PAST_AGE_THRESHOLD");
    let resource = json!({ "resourceType": "DEVICE_CERTIFICATE",
        "resourceIdentifier": { "deviceCertificateId": certificate_id(0) } });
    assert_eq!(message["nonCompliantResource"], resource);
    assert!(message["taskStartTime"].as_f64() <= message["findingTime"].as_f64());
}

#[tokio::test]
async fn an_action_that_fails_leaves_nothing_of_itself_and_all_before_it() {
    let house = House::new(BTreeMap::from([(AGE, vec![old(0), old(1)])])).await;
    fleet(&house, 1).await;
    // The certificate goes INACTIVE; its things would join G, but for the group that isn't there.
    let details = house.mitigate("t", all(), &[(AGE, &[0, 3, 2])]).await;
    assert_eq!(details.status, TaskStatus::Failed);
    assert_eq!(house.statuses("t", AGE, 0).await, [Is::Completed, Is::Failed, Is::Skipped]);
    assert_eq!(house.error("t", AGE, 0).await.0, "ResourceNotFoundException");
    assert_eq!(house.certificate(0).await.status, CertificateStatus::Inactive);
    assert_eq!(house.things_in("G").await, [""; 0]);
    // The other certificate is gone.
    assert_eq!(house.statuses("t", AGE, 1).await, [Is::Failed, Is::Skipped, Is::Skipped]);
    let gone = house.error("t", AGE, 1).await;
    assert_eq!(gone.0, "ResourceNotFoundException");
    assert_eq!(gone.1, "The specified resource does not exist");
    let counts = Counts { total: 2, failed: 2, ..Counts::default() };
    assert_eq!(details.counts().collect::<Vec<_>>(), [(AGE, counts)]);
}

#[tokio::test]
async fn a_policy_with_all_its_versions_keeps_its_default() {
    let house = House::new(BTreeMap::from([(POLICY, vec![wide("P"), wide("Q")])])).await;
    house
        .change(async |txn: &mut Txn| {
            let wide = r#"{"Version":"2012-10-17","Statement":[]}"#;
            for name in ["P", "Q"] {
                policies::create(txn, name, wide, &BTreeMap::new()).await.unwrap();
            }
            for _ in 0..4 {
                policies::create_version(txn, "P", wide, false).await.unwrap();
            }
        })
        .await;
    house.mitigate("t", all(), &[(POLICY, &[4])]).await;
    assert_eq!(house.statuses("t", POLICY, 0).await, [Is::Failed]);
    assert_eq!(house.error("t", POLICY, 0).await.0, "VersionsLimitExceededException");
    let policy: Policy = house.read(table::POLICIES, b"P").await;
    assert_eq!((policy.default, policy.versions.len()), (1, 5));
    assert_eq!(house.statuses("t", POLICY, 1).await, [Is::Completed]);
    let policy: Policy = house.read(table::POLICIES, b"Q").await;
    assert_eq!((policy.default, policy.latest), (2, 2));
}

#[tokio::test]
async fn only_findings_that_the_target_means_are_touched() {
    const EXPIRING: Check = Check::DeviceCertificateExpiring;
    let expiring =
        |number: u32, code: Reason| flaw(Resource::DeviceCertificate(certificate_id(number)), code);
    let suppressed = Flaw { suppressed: true, ..expiring(2, Reason::PastExpiration) };
    let house = House::new(BTreeMap::from([
        (
            EXPIRING,
            vec![
                expiring(0, Reason::PastExpiration),
                expiring(1, Reason::ApproachingExpiration),
                suppressed,
            ],
        ),
        (AGE, vec![old(3), old(4)]),
    ]))
    .await;
    fleet(&house, 5).await;
    let status = async |number| house.certificate(number).await.status;
    let reasons = Some(BTreeMap::from([(EXPIRING, vec![Reason::PastExpiration])]));
    let target = Target::Audit { audit: AUDIT, reasons };
    let details = house.mitigate("filtered", target, &[(EXPIRING, &[0])]).await;
    let counts = Counts { total: 2, succeeded: 1, skipped: 1, ..Counts::default() };
    assert_eq!(details.counts().collect::<Vec<_>>(), [(EXPIRING, counts)]);
    assert_eq!(status(0).await, CertificateStatus::Inactive);
    for untouched in 1..5 {
        assert_eq!(status(untouched).await, CertificateStatus::Active);
    }
    assert_eq!(house.statuses("filtered", EXPIRING, 1).await, []);
    assert_eq!(house.statuses("filtered", EXPIRING, 2).await, []);
    assert_eq!(house.statuses("filtered", AGE, 0).await, []);

    let finding = |check, place| FindingRef { audit: AUDIT, check, place };
    let named = vec![finding(AGE, 1), finding(EXPIRING, 2), finding(EXPIRING, 1)];
    let details = house.mitigate("named", Target::Findings(named), &[(AGE, &[0])]).await;
    let counts = Counts { total: 1, succeeded: 1, ..Counts::default() };
    assert_eq!(details.counts().collect::<Vec<_>>(), [(AGE, counts)]);
    assert_eq!(status(4).await, CertificateStatus::Inactive);
    for untouched in 1..4 {
        assert_eq!(status(untouched).await, CertificateStatus::Active);
    }
}

#[tokio::test]
async fn a_finding_that_cant_be_published_fails_and_a_change_meanwhile_begins_the_chunk_again() {
    let house = House::new(BTreeMap::from([(AGE, vec![old(0), old(1)])])).await;
    fleet(&house, 2).await;
    let details = house.mitigate("fails", all(), &[(AGE, &[7, 0])]).await;
    assert_eq!(details.status, TaskStatus::Failed);
    assert_eq!(house.statuses("fails", AGE, 0).await, [Is::Failed, Is::Skipped]);
    let error = ("NotFound".to_owned(), "Topic does not exist".to_owned());
    assert_eq!(house.error("fails", AGE, 0).await, error);
    assert_eq!(house.certificate(0).await.status, CertificateStatus::Active);
    assert_eq!(house.topics.messages.lock().unwrap().len(), 2);

    // While the finding is published, a user changes the certificate that was looked at before.
    let between = (house.registry.clone(), certificate_key(0));
    *house.topics.between.lock().unwrap() = Some(between);
    let details = house.mitigate("again", all(), &[(AGE, &[0, 6, 2])]).await;
    assert_eq!(details.status, TaskStatus::Completed);
    let certificate = house.certificate(0).await;
    assert_eq!((certificate.status, certificate.version), (CertificateStatus::Inactive, 10));
    assert_eq!(house.topics.messages.lock().unwrap().len(), 4, "each is published once more");
    assert_eq!(house.things_in("G").await, ["T0", "T1"]);
}

#[tokio::test]
async fn an_issuer_stands_for_its_certificates_however_many_there_are() {
    const ISSUER: Check = Check::IntermediateCaRevoked;
    let related = |number| Related {
        resource: Resource::DeviceCertificate(certificate_id(number)),
        info: Info::new(),
    };
    let issuer =
        Resource::Issuer { subject: Some("CN=I".to_owned()), id: None, serial: Some("1".into()) };
    let one = Flaw {
        related: (0..1200).map(related).collect(),
        ..flaw(issuer.clone(), Reason::IntermediateRevokedByIssuer)
    };
    let house = House::new(BTreeMap::from([(AGE, vec![old(0)]), (ISSUER, vec![one])])).await;
    fleet(&house, 1200).await;
    let details = house.mitigate("t", all(), &[(AGE, &[0]), (ISSUER, &[0, 2])]).await;
    assert_eq!(details.status, TaskStatus::Completed);
    for number in [0, 1, 499, 500, 501, 1199] {
        let certificate = house.certificate(number).await;
        assert_eq!((certificate.status, certificate.version), (CertificateStatus::Inactive, 2));
    }
    assert_eq!(house.things_in("G").await, ["T0", "T1"]);
}

#[tokio::test]
async fn an_issuer_action_that_fails_late_tells_how_many_certificates_it_has_changed() {
    const ISSUER: Check = Check::IntermediateCaRevoked;
    let related = |number| Related {
        resource: Resource::DeviceCertificate(certificate_id(number)),
        info: Info::new(),
    };
    let issuer = Resource::Issuer { subject: Some("CN=I".to_owned()), id: None, serial: None };
    let one = Flaw {
        related: (0..1200).map(related).collect(),
        ..flaw(issuer, Reason::IntermediateRevokedByIssuer)
    };
    let house = House::new(BTreeMap::from([(ISSUER, vec![one])])).await;
    fleet(&house, 1100).await;
    house.mitigate("t", all(), &[(ISSUER, &[0, 2])]).await;
    assert_eq!(house.statuses("t", ISSUER, 0).await, [Is::Failed, Is::Skipped]);
    let message = "The specified resource does not exist (1000 certificates were changed before)";
    assert_eq!(house.error("t", ISSUER, 0).await.1, message);
    assert_eq!(house.certificate(999).await.status, CertificateStatus::Inactive);
    assert_eq!(house.certificate(1000).await.status, CertificateStatus::Active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_chunk_gets_through_while_users_never_stop_changing_what_it_changes() {
    let house = House::new(BTreeMap::from([(AGE, (0..400).map(old).collect())])).await;
    fleet(&house, 400).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let users = (0..2_u32).map(|user| {
        let (registry, is_over) = (house.registry.clone(), Arc::clone(&is_over));
        tokio::spawn(async move {
            let mut version = 1;
            while !is_over.load(Ordering::SeqCst) {
                version += 1;
                let mut txn = registry.begin(&scope());
                put_certificate(&mut txn, certificate_key(user), version);
                assert!(txn.commit().await.unwrap());
                tokio::task::yield_now().await;
            }
        })
    });
    let users: Vec<_> = users.collect();
    let task = house.mitigate("t", all(), &[(AGE, &[0, 6])]);
    let details = tokio::time::timeout(Duration::from_secs(30), task).await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    for user in users {
        user.await.unwrap();
    }
    let counts = Counts { total: 400, succeeded: 400, ..Counts::default() };
    assert_eq!(details.counts().collect::<Vec<_>>(), [(AGE, counts)]);
    assert_eq!(house.certificate(399).await.status, CertificateStatus::Inactive);
    assert_eq!(house.topics.messages.lock().unwrap().len(), 400, "each is published once");
}

#[tokio::test]
async fn a_large_task_goes_chunk_by_chunk() {
    let house = House::new(BTreeMap::from([(AGE, (0..1300).map(old).collect())])).await;
    fleet(&house, 1300).await;
    let details = house.mitigate("t", all(), &[(AGE, &[0])]).await;
    let counts = Counts { total: 1300, succeeded: 1300, ..Counts::default() };
    assert_eq!(details.counts().collect::<Vec<_>>(), [(AGE, counts)]);
    for number in [0, 511, 512, 1023, 1024, 1299] {
        assert_eq!(house.statuses("t", AGE, number).await, [Is::Completed]);
        assert_eq!(house.certificate(number).await.status, CertificateStatus::Inactive);
    }
}

#[tokio::test]
async fn things_that_violate_join_groups() {
    let house = House::new(BTreeMap::new()).await;
    fleet(&house, 1).await;
    let violation = |thing: &str, behavior: &str, suppressed, ended| Violation {
        thing: thing.to_owned(),
        profile: "P".to_owned(),
        behavior: behavior.to_owned(),
        behavior_text: "{}".to_owned(),
        criteria: None,
        value: None,
        confidence: None,
        suppressed,
        started: Timestamp(1000),
        last: Timestamp(1000),
        ended,
        verification: Verification::default(),
        verification_description: None,
    };
    let all = [
        ("v-0", violation("T0", "B", false, None)),
        ("v-1", violation("T1", "B", true, None)),
        ("v-2", violation("T1", "B", false, Some(Timestamp(2000)))),
        ("v-3", violation("gone", "C", false, None)),
    ];
    house
        .change(async |txn: &mut Txn| {
            for (id, violation) in &all {
                txn.put(table::VIOLATIONS, id.as_bytes(), violation).unwrap();
                let mut key = record::prefix(&["P", &violation.behavior]);
                key.extend(record::dated(violation.started, id.as_bytes()));
                txn.mark(table::BEHAVIOR_VIOLATIONS, &key);
            }
        })
        .await;
    let run = async |task: &str, wanted: Violations| {
        let birth = Birth {
            task_id: task.to_owned(),
            target: Target::Violations(wanted),
            mapping: BTreeMap::new(),
            actions: vec![actions()[2].clone()],
        };
        house.mitigate_as(&birth, Surface::Detect).await
    };
    let of_b = Violations {
        profile: Some("P".to_owned()),
        behavior: Some("B".to_owned()),
        only_active: true,
        ..Violations::default()
    };
    let details = run("active", of_b).await;
    assert_eq!((details.status, details.action_counts().total), (TaskStatus::Completed, 1));
    assert_eq!(house.things_in("G").await, ["T0"]);

    let early = Violations {
        profile: Some("P".to_owned()),
        range: Some((0, 999)),
        ..Violations::default()
    };
    assert_eq!(run("early", early.clone()).await.action_counts().total, 0);
    // They went on then, but nothing happened to them: no event occurred.
    let between = Violations { range: Some((1001, 1999)), ..early.clone() };
    assert_eq!(run("between", between).await.action_counts().total, 0);
    let end = Violations { range: Some((2000, 2001)), ..early };
    assert_eq!(run("end", end).await.action_counts().total, 1);

    let ids = ["v-1", "v-3"].map(str::to_owned).to_vec();
    let named = Violations { ids, with_suppressed: true, ..Violations::default() };
    let details = run("named", named).await;
    let counts = details.action_counts();
    assert_eq!((details.status, counts.succeeded, counts.failed), (TaskStatus::Failed, 1, 1));
    assert_eq!(house.things_in("G").await, ["T0", "T1"]);
    let gone = Item::Violation { id: "v-3".to_owned(), thing: "gone".to_owned() };
    let executions = house.executions(Surface::Detect, "named", &gone).await;
    assert_eq!(executions[0].error.as_ref().unwrap().code, "ResourceNotFoundException");
}
