//! The whole house without a network: the API on an engine in memory, as the binary wires it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use trackway_api::{Api, Credential, codepipeline, ssm, step_functions};
use trackway_asl::Execution;
use trackway_asl::call::{LAMBDA, SERVICE, STATES};
use trackway_association::{Association, AssociationRun};
use trackway_audit::{Audit, Mitigation, Schedule, audit, mitigation, request, schedule};
use trackway_command::CommandRun;
use trackway_core::Outcome;
use trackway_engine::{Clock, Engine, Performed, Performer, Work};
use trackway_pipeline::Pipeline;
use trackway_runbook::automation::Automation;
use trackway_store::{BoxFuture, Memory};

/// An API and its engine.
pub(crate) struct House {
    /// The engine, to look behind the API.
    pub(crate) engine: Engine,
    /// What clients talk to.
    pub(crate) client: Client,
    /// Calls of functions and services, to be ended by whoever drives the house.
    pub(crate) calls: mpsc::UnboundedReceiver<Call>,
}

/// A call that waits for its outcome.
pub(crate) struct Call {
    /// What is to be done.
    pub(crate) work: Work,
    outcome: oneshot::Sender<Outcome>,
}

impl Call {
    /// Ends the call. One that nobody waits for any more is dropped.
    pub(crate) fn end(self, outcome: Outcome) {
        drop(self.outcome.send(outcome));
    }
}

/// Hands every call to who drives the house.
struct Desk(mpsc::UnboundedSender<Call>);

impl Performer for Desk {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        let (sender, receiver) = oneshot::channel();
        let is_open = self.0.send(Call { work, outcome: sender }).is_ok();
        Box::pin(async move {
            match receiver.await {
                Ok(outcome) if is_open => Performed::Finished(outcome),
                _ => std::future::pending().await,
            }
        })
    }
}

impl House {
    /// A house with nothing in it.
    pub(crate) async fn open(clock: Clock, credentials: BTreeMap<String, Credential>) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let desk: Arc<dyn Performer> = Arc::new(Desk(sender));
        let nested = step_functions::Nested::default();
        let children = ssm::Children::default();
        let (commands, targets) = (ssm::Commands::default(), ssm::Targets::default());
        let associations = ssm::Associations::default();
        let engine = Engine::builder()
            .kind::<Execution>(step_functions::KIND, "stepfunctions")
            .kind::<Automation>(ssm::AUTOMATION_KIND, "automation")
            .kind::<CommandRun>(ssm::COMMAND_KIND, "command")
            .kind::<Association>(ssm::ASSOCIATION_KIND, "association")
            .kind::<AssociationRun>(ssm::ASSOCIATION_RUN_KIND, "association run")
            .kind::<Pipeline>(codepipeline::KIND, "pipeline")
            .kind::<Audit>(audit::KIND, "audit")
            .kind::<Mitigation>(mitigation::KIND, "mitigation")
            .kind::<Schedule>(schedule::KIND, "scheduled audit")
            .performer(request::SCAN_QUEUE, desk.clone())
            .performer(request::NOTIFY_QUEUE, desk.clone())
            .performer(request::START_QUEUE, desk.clone())
            .performer(request::MITIGATION_QUEUE, desk.clone())
            .performer("command", Arc::new(commands.clone()))
            .performer("targets", Arc::new(targets.clone()))
            .performer("association", Arc::new(associations.clone()))
            .performer("automation", Arc::new(children.clone()))
            .performer("machine", Arc::new(children.clone()))
            .performer("action", desk.clone())
            .performer("aws", desk.clone())
            .performer(LAMBDA, desk.clone())
            .performer(SERVICE, desk)
            .performer(STATES, Arc::new(nested.clone()))
            .polled("activity")
            .polled("node")
            .polled("job")
            .exists(trackway_api::step_functions::exists)
            .clock(clock)
            .open(Arc::new(Memory::new()))
            .await
            .expect("an empty store opens");
        nested.serve(engine.clone());
        let api = Api::new(engine.clone(), credentials);
        children.serve(&api);
        commands.serve(&api);
        targets.serve(&api);
        associations.serve(&api);
        let client = Client(Arc::new(api));
        Self { engine, client, calls }
    }
}

/// A client of the API.
#[derive(Clone)]
pub(crate) struct Client(pub(crate) Arc<Api>);

/// What the API said.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The operation that was asked for.
    pub(crate) operation: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Value,
}

impl Answer {
    /// The error's code; none for an answer of success.
    pub(crate) fn code(&self) -> Option<&str> {
        let code = self.body["__type"].as_str().filter(|_| self.status >= 300)?;
        Some(code.rsplit('#').next().unwrap_or(code))
    }

    /// The error's message.
    pub(crate) fn message(&self) -> &str {
        let lower = self.body["message"].as_str();
        lower.or(self.body["Message"].as_str()).unwrap_or_default()
    }
}

impl Client {
    /// Sends any request.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.0.answer(request).await
    }

    /// Sends a request of Step Functions, as an SDK does.
    pub(crate) async fn ask(&self, operation: &str, request: &Value) -> Answer {
        let request = Request::post("/")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
            .body(Bytes::from(request.to_string()))
            .expect("a request");
        let response = self.send(request).await;
        Answer {
            operation: operation.to_owned(),
            status: response.status().as_u16(),
            body: serde_json::from_slice(response.body()).unwrap_or_default(),
        }
    }
}
