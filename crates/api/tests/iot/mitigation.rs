//! Mitigation actions, the tasks that apply them to findings and violations, and what became of each.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use trackway_audit::audit::{self, Audit, TaskType};
use trackway_audit::check::{Check, Reason};
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::mitigation::{self, Mitigation};
use trackway_audit::request::{CheckConfig, Flaw, Scan, Scanned};
use trackway_audit::resource::{Info, Resource};
use trackway_core::{Outcome, Payload, Start, Timestamp};
use trackway_engine::{Definition, Durability, Performed, Performer, StartRequest, Work};
use trackway_registry::record::{self, Certificate, CertificateId, CertificateStatus};
use trackway_registry::sns::{Publisher, Publishing};
use trackway_registry::violations::{Verification, Violation};
use trackway_registry::{Mitigations, Registry, table};

use crate::house::{ACCOUNT, House, REGION, and, each};

const AUDIT: AuditNumber = AuditNumber(7);
const AGE: Check = Check::DeviceCertificateAge;
const AGE_NAME: &str = "DEVICE_CERTIFICATE_AGE_CHECK";
const ROLE: &str = "arn:aws:iam::123456789012:role/R";
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:topic";

/// Finds so many old certificates: of the first, things know; of those after the third, nobody.
struct Finds(u8);

impl Performer for Finds {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let scan: Scan = serde_json::from_str(&work.request).unwrap();
        let flaws = (0..self.0).map(|number| Flaw {
            resource: Resource::DeviceCertificate(CertificateId([number; 32]).text()),
            info: Info::new(),
            code: Reason::PastAgeThreshold,
            reason: "It is old.".to_owned(),
            related: Vec::new(),
            suppressed: number == 2,
        });
        let flaws = if scan.check == AGE { flaws.collect() } else { Vec::new() };
        let scanned = Scanned { flaws, ..Scanned::default() };
        let text = serde_json::to_string(&scanned).unwrap();
        Box::pin(async move { Performed::Finished(Outcome::Succeeded(Payload::new(text))) })
    }
}

/// A topic that takes a message when a test lets it, and tells that it was asked to.
struct Gate {
    open: Arc<Semaphore>,
    asked: Arc<Semaphore>,
}

impl Publisher for Gate {
    fn publish(&self, _scope: Arc<str>, _topic_arn: String, _message: String) -> Publishing {
        let gate = Arc::clone(&self.open);
        self.asked.add_permits(1);
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            Ok(())
        })
    }
}

struct Yard {
    house: House,
    gate: Arc<Semaphore>,
    asked: Arc<Semaphore>,
}

impl Yard {
    /// With an audit that found four certificates; the third finding is suppressed, the fourth
    /// certificate is gone. The actions `update`, `publish` and `join`, and the group G.
    async fn open() -> Self {
        let (gate, asked) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let topic = Gate { open: Arc::clone(&gate), asked: Arc::clone(&asked) };
        let mitigations = Mitigations::new(Arc::new(topic));
        let house = House::open_with(|builder| {
            builder
                .kind::<Audit>(audit::KIND, "audit")
                .kind::<Mitigation>(mitigation::KIND, "mitigation")
                .performer("audit", Arc::new(Finds(4)))
                .performer("mitigation", Arc::new(mitigations.clone()))
        })
        .await;
        mitigations.serve(Registry::new(house.engine.clone()));
        // A clock that begins at the epoch has no days before it.
        house.engine.advance(1_800_000_000_000);
        for number in 0..3 {
            house.certificate(number).await;
        }
        house.ask("CreateThingGroup", json!({ "thingGroupName": "G" })).await;
        house.ask("CreateThing", json!({ "thingName": "T" })).await;
        let yard = Self { house, gate, asked };
        yard.audit(AUDIT).await;
        yard.action(
            "update",
            json!({ "updateDeviceCertificateParams": { "action": "DEACTIVATE" } }),
        )
        .await;
        yard.action("publish", json!({ "publishFindingToSnsParams": { "topicArn": TOPIC } })).await;
        let join = json!({ "addThingsToThingGroupParams": { "thingGroupNames": ["G"] } });
        yard.action("join", join).await;
        yard
    }

    async fn audit(&self, number: AuditNumber) {
        let birth = audit::Birth {
            number,
            account: ACCOUNT.to_owned(),
            task_type: TaskType::OnDemand,
            schedule: None,
            checks: vec![(AGE, CheckConfig::default())],
            topic_arn: None,
        };
        let request = StartRequest {
            kind: audit::KIND,
            scope: format!("{ACCOUNT}/{REGION}").into(),
            parent: audit::PARENT.into(),
            definition: Definition::new(""),
            start: Start {
                arn: number.arn(ACCOUNT, REGION),
                definition_arn: String::new(),
                name: number.task_id(),
                role_arn: String::new(),
                input: Payload::new(serde_json::to_string(&birth).unwrap()),
                attributes: Vec::new(),
            },
            reply_to: None,
            durability: Durability::Durable,
        };
        self.house.engine.start_and_wait(request).await.unwrap();
    }

    async fn action(&self, name: &str, params: Value) -> Value {
        self.house.ask("CreateMitigationAction", action(name, params)).await
    }

    async fn start(&self, task: &str, actions: &[&str]) -> Value {
        self.house.ask("StartAuditMitigationActionsTask", start(task, actions)).await
    }

    async fn described(&self, task: &str) -> Value {
        self.house.ask("DescribeAuditMitigationActionsTask", json!({ "taskId": task })).await
    }

    /// Waits until a task is as it should be.
    async fn until(&self, task: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        loop {
            let described = self.described(task).await;
            if is_so(&described) {
                return described;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn ended(&self, task: &str) -> Value {
        self.until(task, |task| task["taskStatus"] != "IN_PROGRESS").await
    }

    async fn executions(&self, task: &str, place: u32, more: Value) -> Vec<Value> {
        let input = and(json!({ "taskId": task, "findingId": finding(place) }), more);
        let operation = "ListAuditMitigationActionsExecutions";
        self.house.pages(operation, input, "actionsExecutions").await
    }
}

fn action(name: &str, params: Value) -> Value {
    json!({ "actionName": name, "roleArn": ROLE, "actionParams": params })
}

fn finding(place: u32) -> String {
    FindingRef { audit: AUDIT, check: AGE, place }.id()
}

fn start(task: &str, actions: &[&str]) -> Value {
    json!({ "taskId": task, "target": { "auditTaskId": AUDIT.task_id() },
        "auditCheckToActionsMapping": { AGE_NAME: actions }, "clientRequestToken": task })
}

#[tokio::test]
async fn an_action_is_made_shown_changed_and_deleted() {
    let house = House::open().await;
    let all = [
        (
            "UPDATE_DEVICE_CERTIFICATE",
            json!({ "updateDeviceCertificateParams": { "action": "DEACTIVATE" } }),
        ),
        (
            "UPDATE_CA_CERTIFICATE",
            json!({ "updateCACertificateParams": { "action": "DEACTIVATE" } }),
        ),
        (
            "ADD_THINGS_TO_THING_GROUP",
            json!({ "addThingsToThingGroupParams":
                { "thingGroupNames": ["G", "H"], "overrideDynamicGroups": false } }),
        ),
        (
            "REPLACE_DEFAULT_POLICY_VERSION",
            json!({ "replaceDefaultPolicyVersionParams": { "templateName": "BLANK_POLICY" } }),
        ),
        (
            "ENABLE_IOT_LOGGING",
            json!({ "enableIoTLoggingParams": { "roleArnForLogging": ROLE, "logLevel": "DEBUG" } }),
        ),
        ("PUBLISH_FINDING_TO_SNS", json!({ "publishFindingToSnsParams": { "topicArn": TOPIC } })),
    ];
    for (action_type, params) in &all {
        house.engine.advance(1000);
        let made = house.ask("CreateMitigationAction", action(action_type, params.clone())).await;
        assert_eq!(made["actionArn"], House::arn(&format!("mitigationaction/{action_type}")));
        let mut shown =
            house.ask("DescribeMitigationAction", json!({ "actionName": action_type })).await;
        assert_eq!(shown["creationDate"], shown["lastModifiedDate"]);
        let members = shown.as_object_mut().unwrap();
        members.remove("creationDate").unwrap();
        members.remove("lastModifiedDate").unwrap();
        let expected = json!({ "actionName": action_type, "actionType": action_type,
            "actionArn": made["actionArn"], "actionId": made["actionId"], "roleArn": ROLE,
            "actionParams": params });
        assert_eq!(shown, expected);
    }
    let newest: Vec<Value> = all.iter().rev().map(|(name, _)| json!(name)).collect();
    let list = async |input: Value| {
        let listed = house.pages("ListMitigationActions", input, "actionIdentifiers").await;
        each(&listed, "actionName")
    };
    for size in [1, 2, 6, 250] {
        assert_eq!(list(json!({ "maxResults": size })).await, newest);
    }
    assert_eq!(list(json!({ "actionType": "ENABLE_IOT_LOGGING" })).await, ["ENABLE_IOT_LOGGING"]);

    let name = "ADD_THINGS_TO_THING_GROUP";
    house.engine.advance(1000);
    let other = json!({ "addThingsToThingGroupParams": { "thingGroupNames": ["I"] } });
    let update = json!({ "actionName": name, "actionParams": other });
    let updated = house.ask("UpdateMitigationAction", update).await;
    let shown = house.ask("DescribeMitigationAction", json!({ "actionName": name })).await;
    assert_eq!((&shown["actionParams"], &shown["roleArn"]), (&other, &json!(ROLE)));
    assert_eq!(shown["actionId"], updated["actionId"]);
    assert!(shown["lastModifiedDate"].as_str() > shown["creationDate"].as_str());

    let exists = house.call("CreateMitigationAction", &action(name, other)).await.unwrap_err();
    assert_eq!((exists.code.as_str(), exists.status), ("ResourceAlreadyExistsException", 409));
    for _ in 0..2 {
        assert_eq!(
            house.ask("DeleteMitigationAction", json!({ "actionName": name })).await,
            json!({})
        );
    }
    let gone = house.refused("DescribeMitigationAction", json!({ "actionName": name })).await;
    assert!(gone.starts_with("ResourceNotFoundException: "), "{gone}");
    let gone = house.refused("UpdateMitigationAction", json!({ "actionName": name })).await;
    assert!(gone.starts_with("ResourceNotFoundException: "), "{gone}");
}

#[tokio::test]
async fn what_an_action_may_not_be_is_refused() {
    let house = House::open().await;
    let device = json!({ "updateDeviceCertificateParams": { "action": "DEACTIVATE" } });
    let publish = |arn: &str| json!({ "publishFindingToSnsParams": { "topicArn": arn } });
    let logging = |role: &str, level: &str| json!({ "enableIoTLoggingParams": { "roleArnForLogging": role, "logLevel": level } });
    let groups =
        |names: Vec<String>| json!({ "addThingsToThingGroupParams": { "thingGroupNames": names } });
    let eleven = (0..11).map(|number| format!("G{number}")).collect();
    let inputs = [
        action("a", json!({})),
        action("a", and(device.clone(), publish(TOPIC))),
        action("a", publish("arn:aws:sqs:us-west-2:123456789012:topic")),
        action("a", publish("topic")),
        action("a", logging(ROLE, "DISABLED")),
        action("a", logging("arn:aws:iam::123456789012:user/R", "INFO")),
        action("a", groups(Vec::new())),
        action("a", groups(eleven)),
        and(action("a", device.clone()), json!({ "roleArn": "arn:aws:s3:::no-role-at-all" })),
        and(action("a", device.clone()), json!({ "roleArn": "arn:aws:iam::12345:role/short" })),
    ];
    for input in inputs {
        let refused = house.refused("CreateMitigationAction", input.clone()).await;
        assert!(refused.starts_with("InvalidRequestException: "), "{input}: {refused}");
    }
    house.ask("CreateMitigationAction", action("a", device.clone())).await;
    let update = json!({ "actionName": "a", "actionParams": publish(TOPIC) });
    let refused = house.refused("UpdateMitigationAction", update).await;
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
    for number in 1..100 {
        house.ask("CreateMitigationAction", action(&format!("a{number}"), device.clone())).await;
    }
    let refused = house.call("CreateMitigationAction", &action("b", device)).await.unwrap_err();
    assert_eq!((refused.code.as_str(), refused.status), ("LimitExceededException", 410));
}

#[tokio::test]
async fn a_task_tells_what_became_of_each_finding() {
    let yard = Yard::open().await;
    assert_eq!(yard.start("t", &["update", "join"]).await, json!({ "taskId": "t" }));
    let mut task = yard.ended("t").await;
    let members = task.as_object_mut().unwrap();
    let (began, ended) = (members.remove("startTime").unwrap(), members.remove("endTime").unwrap());
    assert!(began.as_str() <= ended.as_str());
    let definitions = members.remove("actionsDefinition").unwrap();
    assert_eq!(each(definitions.as_array().unwrap(), "name"), ["update", "join"]);
    let expected = json!({
        "taskStatus": "FAILED",
        "target": { "auditTaskId": AUDIT.task_id() },
        "auditCheckToActionsMapping": { AGE_NAME: ["update", "join"] },
        "taskStatistics": { AGE_NAME: { "totalFindingsCount": 3, "failedFindingsCount": 1,
            "succeededFindingsCount": 2, "skippedFindingsCount": 0, "canceledFindingsCount": 0 } },
    });
    assert_eq!(task, expected);

    let done = yard.executions("t", 0, json!({})).await;
    assert_eq!(each(&done, "status"), ["COMPLETED", "COMPLETED"]);
    assert_eq!(each(&done, "actionName"), ["update", "join"]);
    assert_eq!(done[0]["findingId"], json!(finding(0)));
    assert!(done.iter().all(|one| one["startTime"].is_string() && one["endTime"].is_string()));
    assert_eq!(yard.executions("t", 0, json!({ "maxResults": 1 })).await, done);
    let failed = yard.executions("t", 3, json!({})).await;
    assert_eq!(each(&failed, "status"), ["FAILED", "SKIPPED"]);
    assert_eq!(failed[0]["errorCode"], "ResourceNotFoundException");
    assert_eq!(failed[0]["message"], "The specified resource does not exist");
    assert_eq!((&failed[1]["errorCode"], &failed[1]["startTime"]), (&Value::Null, &Value::Null));
    let skipped = yard.executions("t", 3, json!({ "actionStatus": "SKIPPED" })).await;
    assert_eq!(skipped, failed[1..]);
    assert_eq!(
        yard.executions("t", 3, json!({ "actionStatus": "COMPLETED" })).await,
        [Value::Null; 0]
    );
    // Suppressed; never found; no such task.
    for (task, place) in [("t", 2), ("t", 77), ("u", 0)] {
        assert_eq!(yard.executions(task, place, json!({})).await, [Value::Null; 0]);
    }
    let list = "ListAuditMitigationActionsExecutions";
    let refused = yard
        .house
        .refused(
            list,
            json!({ "taskId": "t", "findingId": finding(0),
        "nextToken": "garbage" }),
        )
        .await;
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
    for missing in [json!({ "taskId": "t" }), json!({ "findingId": finding(0) })] {
        let refused = yard.house.refused(list, missing).await;
        assert!(refused.contains("Member must not be null"), "{refused}");
    }
    let registry = Registry::new(yard.house.engine.clone());
    let mut txn = registry.begin(&Arc::from(format!("{ACCOUNT}/{REGION}")));
    let certificate: Option<Certificate> = txn.get(table::CERTIFICATES, &[0; 32]).await.unwrap();
    assert_eq!(certificate.unwrap().status, CertificateStatus::Inactive);
}

#[tokio::test]
async fn the_same_request_is_the_same_task_and_another_one_is_refused() {
    let yard = Yard::open().await;
    yard.start("t", &["update"]).await;
    let task = yard.ended("t").await;
    assert_eq!(yard.start("t", &["update"]).await, json!({ "taskId": "t" }));
    assert_eq!(yard.described("t").await, task);
    let start_it = "StartAuditMitigationActionsTask";
    for other in [
        and(start("t", &["update"]), json!({ "clientRequestToken": "other" })),
        and(start("u", &["update"]), json!({ "clientRequestToken": "t" })),
    ] {
        let error = yard.house.call(start_it, &other).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.status), ("TaskAlreadyExistsException", 400));
    }
    // What is done later to an action doesn't change what was done.
    yard.house.ask("DeleteMitigationAction", json!({ "actionName": "update" })).await;
    assert_eq!(yard.described("t").await, task);
    // An ended task can't be canceled.
    let cancel = "CancelAuditMitigationActionsTask";
    let refused = yard.house.refused(cancel, json!({ "taskId": "t" })).await;
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
    let refused = yard.house.refused(cancel, json!({ "taskId": "none" })).await;
    assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
    let refused =
        yard.house.refused("DescribeAuditMitigationActionsTask", json!({ "taskId": "none" })).await;
    assert!(refused.starts_with("ResourceNotFoundException: "), "{refused}");
}

#[tokio::test]
async fn a_task_over_what_isnt_there_doesnt_begin() {
    let yard = Yard::open().await;
    let audit = AUDIT.task_id();
    let code = "CERTIFICATE_PAST_AGE_THRESHOLD";
    let filter = |check: &str, code: &str| json!({ "auditTaskId": audit, "auditCheckToReasonCodeFilter": { check: [code] } });
    let targets = [
        json!({}),
        json!({ "auditTaskId": "0" }),
        json!({ "auditTaskId": AuditNumber(8).task_id() }),
        json!({ "findingIds": [finding(77)] }),
        json!({ "findingIds": ["f"] }),
        json!({ "findingIds": [finding(0)], "auditTaskId": audit }),
        json!({ "auditCheckToReasonCodeFilter": { AGE_NAME: [code] } }),
        json!({ "findingIds": [finding(0)], "auditCheckToReasonCodeFilter": { AGE_NAME: [code] } }),
        filter("NO_CHECK", code),
        filter(AGE_NAME, "LOGGING_DISABLED"),
        json!({ "auditTaskId": audit, "auditCheckToReasonCodeFilter": {} }),
    ];
    let mappings = [
        json!({}),
        json!({ AGE_NAME: [] }),
        json!({ AGE_NAME: ["none"] }),
        json!({ AGE_NAME: ["update", "join", "update", "join", "update", "join"] }),
        json!({ "NO_CHECK": ["update"] }),
        json!({ "LOGGING_DISABLED_CHECK": ["update"] }),
    ];
    let inputs = targets
        .into_iter()
        .map(|target| json!({ "target": target }))
        .chain(mappings.into_iter().map(|it| json!({ "auditCheckToActionsMapping": it })));
    for input in inputs {
        let input = and(start("t", &["update"]), input);
        let refused = yard.house.refused("StartAuditMitigationActionsTask", input.clone()).await;
        assert!(refused.starts_with("InvalidRequestException: "), "{input}: {refused}");
    }
    // Nothing of it is left in the way.
    let only = json!({ "target": filter(AGE_NAME, code) });
    yard.house.ask("StartAuditMitigationActionsTask", and(start("t", &["publish"]), only)).await;
}

#[tokio::test]
async fn ten_tasks_are_in_progress_at_most_and_a_canceled_one_leaves_room() {
    let yard = Yard::open().await;
    for number in 0..10 {
        yard.start(&format!("t{number}"), &["update", "publish"]).await;
    }
    let start_it = "StartAuditMitigationActionsTask";
    let error = yard.house.call(start_it, &start("more", &["update"])).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("LimitExceededException", 410));

    // It waits for the topic: its first action has begun.
    let is_planned = |task: &Value| task["taskStatistics"][AGE_NAME]["totalFindingsCount"] == 3;
    let task = yard.until("t0", is_planned).await;
    assert_eq!(task["taskStatus"], "IN_PROGRESS");
    assert_eq!(task.get("endTime"), None);
    let waits = yard.executions("t0", 0, json!({})).await;
    assert_eq!(each(&waits, "status"), ["IN_PROGRESS", "PENDING"]);
    assert!(waits[0]["startTime"].is_string() && waits[1]["startTime"].is_null());
    assert!(waits.iter().all(|one| one["endTime"].is_null()));

    let cancel = "CancelAuditMitigationActionsTask";
    assert_eq!(yard.house.ask(cancel, json!({ "taskId": "t0" })).await, json!({}));
    let task = yard.described("t0").await;
    assert_eq!((&task["taskStatus"], task["endTime"].is_string()), (&json!("CANCELED"), true));
    let refused = yard.house.refused(cancel, json!({ "taskId": "t0" })).await;
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
    yard.start("more", &["update"]).await;
    yard.ended("more").await;

    // What had begun when it was canceled ends as it does.
    yard.gate.add_permits(1000);
    let has_settled =
        |task: &Value| task["taskStatistics"][AGE_NAME]["succeededFindingsCount"] == 2;
    let task = yard.until("t0", has_settled).await;
    assert_eq!(task["taskStatus"], "CANCELED");
    assert_eq!(each(&yard.executions("t0", 0, json!({})).await, "status"), ["COMPLETED"; 2]);
}

#[tokio::test]
async fn a_canceled_task_begins_nothing_more_of_the_findings_that_it_was_at() {
    let yard = Yard::open().await;
    yard.start("t", &["publish", "update"]).await;
    let messages = yard.asked.acquire_many(3).await.unwrap();
    yard.house.ask("CancelAuditMitigationActionsTask", json!({ "taskId": "t" })).await;
    yard.gate.add_permits(1000);
    for place in [0, 1, 3] {
        let executions = loop {
            let executions = yard.executions("t", place, json!({})).await;
            if executions[0]["status"] != "IN_PROGRESS" {
                break executions;
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(each(&executions, "status"), ["COMPLETED", "CANCELED"]);
        assert!(executions[1]["startTime"].is_null() && executions[1]["endTime"].is_string());
    }
    drop(messages);
    let counts = &yard.described("t").await["taskStatistics"][AGE_NAME];
    assert_eq!(
        (&counts["canceledFindingsCount"], &counts["succeededFindingsCount"]),
        (&json!(3), &json!(0))
    );
    let registry = Registry::new(yard.house.engine.clone());
    let mut txn = registry.begin(&Arc::from(format!("{ACCOUNT}/{REGION}")));
    let kept: Option<Certificate> = txn.get(table::CERTIFICATES, &[0; 32]).await.unwrap();
    assert_eq!(kept.unwrap().status, CertificateStatus::Active);
}

#[tokio::test]
async fn of_two_tasks_with_one_token_at_the_same_time_one_begins() {
    let yard = Yard::open().await;
    let token = json!({ "clientRequestToken": "token" });
    let of = |task| and(start(task, &["publish"]), token.clone());
    let (start_it, one, other) = ("StartAuditMitigationActionsTask", of("one"), of("other"));
    let (one, other) =
        tokio::join!(yard.house.call(start_it, &one), yard.house.call(start_it, &other));
    let refused = if one.is_ok() { other } else { one };
    assert_eq!(refused.unwrap_err().code, "TaskAlreadyExistsException");
}

#[tokio::test]
async fn the_tokens_of_tasks_that_are_gone_are_forgotten_and_those_of_others_are_not() {
    let yard = Yard::open().await;
    yard.start("kept", &["publish"]).await;
    let registry = Registry::new(yard.house.engine.clone());
    let scope: Arc<str> = Arc::from(format!("{ACCOUNT}/{REGION}"));
    let key = |token: &str| record::key(&["mitigations", token]);
    let mut txn = registry.begin(&scope);
    txn.put(table::CLIENT_TOKENS, &key("gone"), &"gone".to_owned()).unwrap();
    assert!(txn.commit().await.unwrap());
    yard.start("a", &["publish"]).await;
    let mut txn = registry.begin(&scope);
    for (token, is_there) in [("gone", false), ("kept", true), ("a", true)] {
        assert_eq!(txn.has(table::CLIENT_TOKENS, &key(token)).await.unwrap(), is_there, "{token}");
    }
}

#[tokio::test]
async fn tasks_are_listed_by_time_status_audit_and_finding() {
    let yard = Yard::open().await;
    yard.audit(AuditNumber(8)).await;
    let at = |yard: &Yard| yard.house.engine.now().as_millis();
    let began = at(&yard);
    let other = FindingRef { audit: AuditNumber(8), check: AGE, place: 0 };
    let targets = [
        json!({ "auditTaskId": AUDIT.task_id() }),
        json!({ "findingIds": [finding(0)] }),
        json!({ "findingIds": [other.id()] }),
        json!({ "auditTaskId": AuditNumber(8).task_id() }),
        json!({ "findingIds": [finding(3), other.id()] }),
    ];
    for (number, target) in targets.iter().enumerate() {
        yard.house.engine.advance(1000);
        let task = number.to_string();
        let input = and(start(&task, &["update"]), json!({ "target": target }));
        yard.house.ask("StartAuditMitigationActionsTask", input).await;
        yard.ended(&task).await;
    }
    yard.house.engine.advance(1000);
    yard.start("waits", &["publish"]).await;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
    let seconds = |after: i64| (began + after) as f64 / 1000.0;
    let between =
        |from: i64, to: i64| json!({ "startTime": seconds(from), "endTime": seconds(to) });
    let ever = between(0, 10_000);
    let cases = [
        (ever.clone(), vec!["waits", "4", "3", "2", "1", "0"]),
        (between(1000, 3000), vec!["2", "1", "0"]),
        (between(1001, 2999), vec!["1"]),
        (between(4001, 9000), vec!["waits", "4"]),
        (and(ever.clone(), json!({ "taskStatus": "IN_PROGRESS" })), vec!["waits"]),
        (and(ever.clone(), json!({ "taskStatus": "FAILED" })), vec!["4", "3", "0"]),
        (and(ever.clone(), json!({ "taskStatus": "COMPLETED" })), vec!["2", "1"]),
        (
            and(ever.clone(), json!({ "auditTaskId": AuditNumber(8).task_id() })),
            vec!["4", "3", "2"],
        ),
        (and(ever.clone(), json!({ "auditTaskId": "unknown" })), vec![]),
        (and(ever.clone(), json!({ "findingId": finding(0) })), vec!["waits", "1", "0"]),
        (and(ever.clone(), json!({ "findingId": finding(2) })), vec![]),
        (and(ever.clone(), json!({ "findingId": "unknown" })), vec![]),
    ];
    yard.until("waits", |task| task["taskStatistics"] != json!({})).await;
    for (filter, expected) in cases {
        for size in [1, 2, 250] {
            let input = and(filter.clone(), json!({ "maxResults": size }));
            let listed = yard.house.pages("ListAuditMitigationActionsTasks", input, "tasks").await;
            assert_eq!(each(&listed, "taskId"), expected, "{filter}");
        }
    }
    let refused = yard.house.refused("ListAuditMitigationActionsTasks", between(1000, 0)).await;
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
}

#[tokio::test]
async fn things_that_violate_are_moved_by_detect_tasks() {
    let yard = Yard::open().await;
    let house = &yard.house;
    let registry = Registry::new(house.engine.clone());
    let mut txn = registry.begin(&Arc::from(format!("{ACCOUNT}/{REGION}")));
    for (id, thing) in [("v-0", "T"), ("v-1", "gone")] {
        let violation = Violation {
            thing: thing.to_owned(),
            profile: "P".to_owned(),
            behavior: "B".to_owned(),
            behavior_text: "{}".to_owned(),
            criteria: None,
            value: None,
            confidence: None,
            suppressed: false,
            started: Timestamp(1000),
            last: Timestamp(1000),
            ended: None,
            verification: Verification::default(),
            verification_description: None,
        };
        txn.put(table::VIOLATIONS, id.as_bytes(), &violation).unwrap();
        let dated = record::dated(violation.started, id.as_bytes());
        let key = [record::prefix(&["P", "B"]), dated].concat();
        txn.mark(table::BEHAVIOR_VIOLATIONS, &key);
    }
    assert!(txn.commit().await.unwrap());
    let criteria = json!({ "comparisonOperator": "greater-than", "value": { "count": 10 } });
    let behavior = json!({ "name": "D", "metric": "aws:num-disconnects", "criteria": criteria });
    let profile = json!({ "securityProfileName": "P", "behaviors": [behavior] });
    house.ask("CreateSecurityProfile", profile).await;

    let start = |task: &str, target: Value, actions: &[&str]| json!({ "taskId": task, "target": target, "actions": actions, "clientRequestToken": task });
    let all = || json!({ "securityProfileName": "P" });
    let start_it = "StartDetectMitigationActionsTask";
    for input in [
        start("t", json!({}), &["join"]),
        start("t", json!({ "behaviorName": "B" }), &["join"]),
        start("t", json!({ "securityProfileName": "P", "behaviorName": "C" }), &["join"]),
        start("t", json!({ "violationIds": ["v-0"], "securityProfileName": "P" }), &["join"]),
        start("t", json!({ "violationIds": ["v-2"] }), &["join"]),
        start("t", json!({ "securityProfileName": "Q" }), &["join"]),
        start("t", all(), &["none"]),
        start("t", all(), &["update"]),
        and(
            start("t", all(), &["join"]),
            json!({ "violationEventOccurrenceRange": { "startTime": 2, "endTime": 1 } }),
        ),
    ] {
        let refused = house.refused(start_it, input.clone()).await;
        assert!(refused.starts_with("InvalidRequestException: "), "{input}: {refused}");
    }
    let join = json!({ "addThingsToThingGroupParams": { "thingGroupNames": ["G"] } });
    yard.action("again", join).await;
    house.ask(start_it, start("t", all(), &["join", "again"])).await;
    let describe = async |task: &str| loop {
        let input = json!({ "taskId": task });
        let described = house.ask("DescribeDetectMitigationActionsTask", input).await;
        if described["taskSummary"]["taskStatus"] != "IN_PROGRESS" {
            break described["taskSummary"].clone();
        }
        tokio::task::yield_now().await;
    };
    let task = describe("t").await;
    assert_eq!(task["taskStatus"], "FAILED");
    let counts = json!({ "actionsExecuted": 2, "actionsSkipped": 1, "actionsFailed": 1 });
    assert_eq!((&task["taskStatistics"], &task["target"]), (&counts, &all()));
    assert_eq!(task["onlyActiveViolationsIncluded"], json!(false));
    house.engine.advance(5000);
    house.ask(start_it, start("u", json!({ "violationIds": ["v-0"] }), &["join"])).await;
    assert_eq!(describe("u").await["taskStatus"], "SUCCESSFUL");
    let members = house.ask("ListThingsInThingGroup", json!({ "thingGroupName": "G" })).await;
    assert_eq!(members["things"], json!(["T"]));

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of our era fit a double")]
    let now = house.engine.now().as_millis() as f64 / 1000.0;
    let times = |from: f64, to: f64| json!({ "startTime": now + from, "endTime": now + to });
    let ever = times(-60.0, 60.0);
    let cases = [
        (json!({ "taskId": "t" }), vec!["t v-0", "t v-0", "t v-1", "t v-1"]),
        (json!({ "taskId": "t", "violationId": "v-1" }), vec!["t v-1", "t v-1"]),
        (json!({ "taskId": "t", "thingName": "T" }), vec!["t v-0", "t v-0"]),
        (ever.clone(), vec!["u v-0", "t v-0", "t v-0", "t v-1", "t v-1"]),
        (times(-60.0, -1.0), vec!["t v-0", "t v-0", "t v-1", "t v-1"]),
        (times(-1.0, 60.0), vec!["u v-0"]),
        (and(ever.clone(), json!({ "violationId": "v-0" })), vec!["u v-0", "t v-0", "t v-0"]),
        (and(ever.clone(), json!({ "thingName": "gone" })), vec!["t v-1", "t v-1"]),
        (json!({ "taskId": "none" }), vec![]),
    ];
    for (filter, expected) in cases {
        for size in [1, 2, 3, 250] {
            let input = and(filter.clone(), json!({ "maxResults": size }));
            let operation = "ListDetectMitigationActionsExecutions";
            let listed = house.pages(operation, input, "actionsExecutions").await;
            let told = listed.iter().map(|one| {
                let text = |member: &str| one[member].as_str().unwrap().to_owned();
                format!("{} {}", text("taskId"), text("violationId"))
            });
            assert_eq!(told.collect::<Vec<_>>(), expected, "{filter}");
        }
    }
    for neither in [json!({}), and(json!({ "taskId": "t" }), ever.clone())] {
        let refused = house.refused("ListDetectMitigationActionsExecutions", neither).await;
        assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
    }
    let input = and(ever, json!({ "maxResults": 1 }));
    let listed = house.pages("ListDetectMitigationActionsTasks", input, "tasks").await;
    assert_eq!(each(&listed, "taskId"), ["u", "t"]);
    let refused =
        house.refused("CancelDetectMitigationActionsTask", json!({ "taskId": "t" })).await;
    assert!(refused.starts_with("InvalidRequestException: "), "{refused}");
}
