//! The API on an engine in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use trackway_api::{Api, Caller, ssm};
use trackway_association::{Association, AssociationRun};
use trackway_core::Outcome;
use trackway_engine::{Clock, Engine, Performed, Performer, Work};
use trackway_store::{BoxFuture, Memory};

/// A document of a schema that takes `Targets`.
pub(crate) const COMMAND: &str = r#"{"schemaVersion":"2.2","parameters":{"commands":{"type":"StringList"}},
    "mainSteps":[{"action":"aws:runShellScript","name":"runShell","inputs":{"runCommand":"{{ commands }}"}}]}"#;
/// One of the legacy schema.
const OLD: &str = r#"{"schemaVersion":"1.2","description":"old","parameters":{"commands":{"type":"StringList"}},
    "runtimeConfig":{"aws:runShellScript":{"properties":[{"runCommand":"{{ commands }}"}]}}}"#;
/// A runbook.
const RUNBOOK: &str = r#"{"schemaVersion":"0.3","parameters":{"Id":{"type":"String"}},
    "mainSteps":[{"action":"aws:sleep","name":"s","inputs":{"Duration":"PT0S"}}]}"#;

/// How often a test looks before it gives up.
const PATIENCE: u32 = 20_000;

pub(crate) struct House {
    pub(crate) engine: Engine,
    pub(crate) api: Arc<Api>,
}

/// Ends a command as the name of its node says; it knows the ids that nodes were given.
#[derive(Clone, Default)]
struct Toy(Arc<std::sync::Mutex<BTreeMap<String, String>>>);

impl Performer for Toy {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        let request: Value = serde_json::from_str(&work.request).unwrap();
        let node = request["input"]["InstanceIds"][0].as_str().unwrap().to_owned();
        let name = self.0.lock().unwrap().get(&node).cloned().unwrap_or_default();
        Box::pin(async move {
            let status = match name.split('-').next() {
                Some("good") => "Success",
                Some("late") => "TimedOut",
                Some("never") => std::future::pending().await,
                _ => "Failed",
            };
            let report = json!({ "Status": status, "StatusDetails": status }).to_string();
            Performed::Finished(Outcome::Closed { report: report.into_bytes() })
        })
    }
}

/// The names of nodes by their ids, for [`Toy`].
static NAMES: std::sync::OnceLock<Toy> = std::sync::OnceLock::new();

impl House {
    pub(crate) async fn open(clock: Clock) -> Self {
        let toy = NAMES.get_or_init(Toy::default).clone();
        let associations = ssm::Associations::default();
        let targets = ssm::Targets::default();
        let engine = Engine::builder()
            .kind::<Association>(ssm::ASSOCIATION_KIND, "association")
            .kind::<AssociationRun>(ssm::ASSOCIATION_RUN_KIND, "association run")
            .performer("association", Arc::new(associations.clone()))
            .performer("targets", Arc::new(targets.clone()))
            .performer("command", Arc::new(toy))
            .polled("node")
            .clock(clock)
            .open(Arc::new(Memory::new()))
            .await
            .unwrap();
        let api = Arc::new(Api::new(engine.clone(), BTreeMap::new()));
        associations.serve(&api);
        targets.serve(&api);
        api.on_node_event(associations.node_events());
        let house = Self { engine, api };
        house.document("Doc", "Command", "JSON", COMMAND).await;
        house.document("Old", "Command", "JSON", OLD).await;
        house.document("Runbook", "Automation", "JSON", RUNBOOK).await;
        house
    }

    pub(crate) async fn document(&self, name: &str, kind: &str, format: &str, content: &str) {
        let request = json!({
            "Name": name,
            "DocumentType": kind,
            "DocumentFormat": format,
            "Content": content,
        });
        self.ask("CreateDocument", &request).await;
    }

    /// Registers a node; its id.
    pub(crate) async fn node(&self, name: &str, tags: &[(&str, &str)]) -> String {
        let tags: BTreeMap<_, _> = tags.iter().copied().collect();
        let request = json!({
            "name": name,
            "tags": tags,
            "platformType": "Linux",
            "platformName": "Test",
            "platformVersion": "1",
            "agentVersion": "1",
            "computerName": name,
            "ipAddress": "127.0.0.1",
        });
        let caller = Caller::new("000000000000", "us-east-1");
        // The toy has to know it before an association runs on it.
        let digest = {
            use sha2::{Digest, Sha256};
            let text = format!("{}\0{name}", caller.scope);
            Sha256::digest(text.as_bytes())
        };
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let foreseen = format!("mi-{}", &hex[..17]);
        NAMES.get().unwrap().0.lock().unwrap().insert(foreseen.clone(), name.to_owned());
        let body = request.to_string();
        let answer = self.api.node_call(&caller, "register", None, body.as_bytes()).await;
        let answer: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(answer["id"], foreseen, "{answer}");
        foreseen
    }

    async fn send(&self, operation: &str, request: &Value) -> (u16, Value) {
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AmazonSSM.{operation}"))
            .body(Bytes::from(request.to_string()))
            .unwrap();
        let response = self.api.answer(request).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
    }

    /// Asks; the status of the answer.
    pub(crate) async fn status(&self, operation: &str, request: &Value) -> u16 {
        self.send(operation, request).await.0
    }

    /// Asks for what is to succeed.
    pub(crate) async fn ask(&self, operation: &str, request: &Value) -> Value {
        let (status, body) = self.send(operation, request).await;
        assert_eq!(status, 200, "{operation} {request}: {body}");
        body
    }

    /// Asks for what is to be refused; the code.
    pub(crate) async fn refused(&self, operation: &str, request: &Value) -> String {
        let (status, body) = self.send(operation, request).await;
        assert_eq!(status, 400, "{operation} {request}: {body}");
        let code = body["__type"].as_str().unwrap();
        code.rsplit('#').next().unwrap().to_owned()
    }

    /// Creates an association; its id.
    pub(crate) async fn create(&self, request: &Value) -> String {
        let answer = self.ask("CreateAssociation", request).await;
        answer["AssociationDescription"]["AssociationId"].as_str().unwrap().to_owned()
    }

    /// Waits until an association is not pending any more; its description.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        for _ in 0..PATIENCE {
            let answer = self.ask("DescribeAssociation", &json!({ "AssociationId": id })).await;
            let description = &answer["AssociationDescription"];
            if description["Overview"]["Status"] != "Pending" {
                return description.clone();
            }
            tokio::task::yield_now().await;
        }
        panic!("{id} does not end: {:?}", self.executions(id).await);
    }

    /// What DescribeInstanceInformation says of a node.
    pub(crate) async fn information(&self, node: &str) -> Value {
        let one = json!({ "Filters": [{ "Key": "InstanceIds", "Values": [node] }] });
        let answer = self.ask("DescribeInstanceInformation", &one).await;
        answer["InstanceInformationList"][0].clone()
    }

    /// Every run of an association, page by page.
    pub(crate) async fn executions(&self, id: &str) -> Vec<Value> {
        self.pages(
            "DescribeAssociationExecutions",
            &json!({ "AssociationId": id }),
            "AssociationExecutions",
        )
        .await
    }

    /// Everything that a list has, page by page.
    pub(crate) async fn pages(&self, operation: &str, request: &Value, member: &str) -> Vec<Value> {
        let (mut request, mut all) = (request.clone(), Vec::new());
        loop {
            let answer = self.ask(operation, &request).await;
            all.extend(answer[member].as_array().unwrap().clone());
            match answer.get("NextToken") {
                Some(token) => request["NextToken"] = token.clone(),
                None => return all,
            }
        }
    }

    /// Waits until the runs of an association are as wanted.
    pub(crate) async fn runs(&self, id: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..PATIENCE {
            let runs = self.executions(id).await;
            if wanted(&runs) {
                return runs;
            }
            tokio::task::yield_now().await;
        }
        panic!("the runs of {id} don't become as wanted: {:?}", self.executions(id).await);
    }

    /// Waits until an association has so many runs, all of which have ended.
    pub(crate) async fn runs_ended(&self, id: &str, count: usize) -> Vec<Value> {
        let has_ended = |run: &Value| run["Status"] != "Pending" && run["Status"] != "InProgress";
        self.runs(id, |runs| runs.len() == count && runs.iter().all(has_ended)).await
    }
}
