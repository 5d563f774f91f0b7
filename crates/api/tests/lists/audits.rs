//! A yard of audits: the machine runs, and scans that are made up answer it.

use serde_json::{Value, json};
use trackway_audit::audit::{Birth, KIND, PARENT, TaskType};
use trackway_audit::check::Check;
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::limits::RETENTION_MS;
use trackway_audit::request::{CheckConfig, CheckError, Flaw, SCAN_QUEUE, Scan, Scanned};
use trackway_audit::resource::{Info, Related, Resource};
use trackway_core::{ExecutionId, Outcome, Payload, Start, Timestamp};
use trackway_engine::{Clock, Definition, Durability, StartRequest};

use crate::house::{Call, House};
use crate::paging::{Client, IOT, List, OURS, text};
use crate::tape::Tape;

const ROLE: &str = "arn:aws:iam::000000000000:role/audit";
/// The checks of the audits.
const CHECKS: [Check; 3] =
    [Check::PolicyOverlyPermissive, Check::DeviceCertificateShared, Check::LoggingDisabled];

/// A finding as the model knows it.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) of: FindingRef,
    pub(crate) at: Timestamp,
    pub(crate) flaw: Flaw,
}

/// An audit as the model knows it.
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) number: AuditNumber,
    pub(crate) started: Timestamp,
    pub(crate) kind: TaskType,
    pub(crate) status: &'static str,
    pub(crate) found: Vec<Found>,
}

impl Task {
    fn new(id: &str, kind: TaskType, started: Timestamp) -> Self {
        let number = AuditNumber::of_task(id).unwrap();
        let id = id.to_owned();
        Self { id, number, started, kind, status: "IN_PROGRESS", found: Vec::new() }
    }

    /// As the engine's lists order audits: newest first.
    fn place(&self) -> (i64, ExecutionId) {
        let arn = self.number.arn(OURS, "us-east-1");
        (-self.started.as_millis(), ExecutionId::of(&arn))
    }
}

/// What a naive model knows.
pub(crate) struct Yard {
    pub(crate) house: House,
    pub(crate) client: Client,
    pub(crate) tasks: Vec<Task>,
    /// The next scan.
    asked: Option<Call>,
    /// Scans that nobody answers.
    waiting: Vec<Call>,
    next: u32,
}

impl Yard {
    pub(crate) async fn open() -> Self {
        let house = House::open(Clock::Manual, std::collections::BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let checks: serde_json::Map<String, Value> = Check::ALL
            .iter()
            .map(|check| (check.name().to_owned(), json!({ "enabled": true })))
            .collect();
        let request = json!({ "roleArn": ROLE, "auditCheckConfigurations": checks });
        client.iot("UpdateAccountAuditConfiguration", request).await;
        Self { house, client, tasks: Vec::new(), asked: None, waiting: Vec::new(), next: 0 }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.house.engine.now()
    }

    pub(crate) fn horizon(&self) -> Timestamp {
        self.now() + -RETENTION_MS
    }

    /// Runs an audit in some way: to its end, mostly.
    pub(crate) async fn audit(&mut self, tape: &mut Tape) {
        let checks = tape.some(&CHECKS, 3);
        let kind = tape.one(&[TaskType::OnDemand, TaskType::Scheduled]);
        let started = self.now();
        let id = match kind {
            TaskType::OnDemand => self.on_demand(&checks).await,
            TaskType::Scheduled => self.scheduled(checks).await,
        };
        let mut task = Task::new(&id, kind, started);
        let end = tape.below(10);
        loop {
            if self.is_over(&id).await {
                break;
            }
            let Some(call) = self.asked.take() else {
                tokio::task::yield_now().await;
                self.asked = self.house.calls.try_recv().ok();
                continue;
            };
            assert_eq!(call.work.queue, SCAN_QUEUE);
            if end == 0 && self.waiting.len() < 5 {
                self.waiting.push(call);
                break;
            }
            if end == 1 {
                self.client.iot("CancelAuditTask", json!({ "taskId": id })).await;
                task.status = "CANCELED";
                break;
            }
            let scan: Scan = serde_json::from_str(&call.work.request).unwrap();
            let answer = if end == 2 { failed() } else { self.scanned(tape, &scan) };
            self.remember(&mut task, scan.check, &answer);
            call.end(Outcome::Succeeded(Payload::new(json!(answer).to_string())));
            self.taken(&id).await;
            self.house.engine.advance(i64::try_from(tape.below(3)).unwrap());
        }
        if task.status == "IN_PROGRESS" && self.is_over(&id).await {
            task.status = if end == 2 { "FAILED" } else { "COMPLETED" };
        }
        self.tasks.push(task);
        self.tasks.sort_by_key(Task::place);
    }

    async fn on_demand(&self, checks: &[Check]) -> String {
        let names: Vec<&str> = checks.iter().map(|check| check.name()).collect();
        let request = json!({ "targetCheckNames": names });
        text(&self.client.iot("StartOnDemandAuditTask", request).await, "taskId")
    }

    /// As a schedule starts it.
    async fn scheduled(&mut self, checks: Vec<Check>) -> String {
        self.next += 1;
        let number = AuditNumber(u64::from(self.next) << 32 | 0x5eed);
        let birth = Birth {
            number,
            account: OURS.to_owned(),
            task_type: TaskType::Scheduled,
            schedule: Some("nightly".to_owned()),
            checks: checks.into_iter().map(|check| (check, CheckConfig::default())).collect(),
            topic_arn: None,
        };
        let start = Start {
            arn: number.arn(OURS, "us-east-1"),
            definition_arn: String::new(),
            name: number.task_id(),
            role_arn: String::new(),
            input: Payload::new(json!(birth).to_string()),
            attributes: Vec::new(),
        };
        let request = StartRequest {
            kind: KIND,
            scope: format!("{OURS}/us-east-1").into(),
            parent: PARENT.into(),
            definition: Definition::new(""),
            start,
            reply_to: None,
            durability: Durability::Durable,
        };
        self.house.engine.start(request).await.unwrap();
        number.task_id()
    }

    async fn is_over(&self, id: &str) -> bool {
        let described = self.client.iot("DescribeAuditTask", json!({ "taskId": id })).await;
        described["taskStatus"] != "IN_PROGRESS"
    }

    /// Waits until the answer to a scan has been taken: the audit asks again, or has ended.
    async fn taken(&mut self, id: &str) {
        while self.asked.is_none() && !self.is_over(id).await {
            tokio::task::yield_now().await;
            self.asked = self.house.calls.try_recv().ok();
        }
    }

    /// A made-up answer to a scan.
    fn scanned(&mut self, tape: &mut Tape, scan: &Scan) -> Scanned {
        let round: u32 = scan.cursor.as_ref().map_or(0, |cursor| cursor.parse().unwrap());
        let flaws: Vec<Flaw> = (0..tape.below(5)).map(|_| self.flaw(tape, scan.check)).collect();
        let suppressed = flaws.iter().filter(|flaw| flaw.suppressed).count() as u64;
        Scanned {
            examined: flaws.len() as u64 + 1,
            non_compliant: flaws.len() as u64 - suppressed,
            suppressed,
            flaws,
            cursor: (tape.chance(50) && round < 4).then(|| (round + 1).to_string()),
            ..Scanned::default()
        }
    }

    fn flaw(&mut self, tape: &mut Tape, check: Check) -> Flaw {
        self.next += 1;
        let related = (0..tape.one(&[0, 1, 3, 14])).map(|number| Related {
            resource: Resource::Client(format!("client-{}-{number}", self.next)),
            info: Info::from([("CONNECTION_TIME".to_owned(), number.to_string())]),
        });
        Flaw {
            resource: tape.one(&resources(check)),
            info: Info::new(),
            code: check.reasons()[0],
            reason: format!("reason {}", self.next),
            related: related.collect(),
            suppressed: tape.chance(30),
        }
    }

    fn remember(&self, task: &mut Task, check: Check, answer: &Scanned) {
        let of_check = |found: &&Found| found.of.check == check;
        let first = task.found.iter().filter(of_check).count();
        for (place, flaw) in (u32::try_from(first).unwrap()..).zip(&answer.flaws) {
            let of = FindingRef { audit: task.number, check, place };
            task.found.push(Found { of, at: self.now(), flaw: flaw.clone() });
        }
        task.found.sort_by_key(|found| (found.of.check.number(), found.of.place));
    }

    pub(crate) fn list(
        &self,
        operation: &'static str,
        member: &'static str,
        id: fn(&Value) -> String,
    ) -> List {
        let (client, other) = (self.client.clone(), Value::Null);
        List { client, words: IOT, operation, member, default: 25, id, other }
    }
}

fn failed() -> Scanned {
    let error =
        CheckError { code: "INSUFFICIENT_PERMISSIONS".to_owned(), message: "no".to_owned() };
    Scanned { error: Some(error), ..Scanned::default() }
}

/// What the findings of a check may be about.
pub(crate) fn resources(check: Check) -> Vec<Resource> {
    let policy = |name: &str, version: &str| Resource::Policy {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    match check {
        Check::PolicyOverlyPermissive => vec![policy("a", "1"), policy("a", "2"), policy("b", "1")],
        Check::LoggingDisabled => vec![Resource::Account(OURS.to_owned())],
        _ => ["0", "1"].map(|digit| Resource::DeviceCertificate(digit.repeat(64))).into(),
    }
}
