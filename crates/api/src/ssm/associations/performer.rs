//! Performs the queue `association`: starts runs, stops them and their children, asks calendars.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::SetOnce;
use trackway_association::AssociationRun;
use trackway_association::request::{AUTOMATION, Call, RunCall, run_arn};
use trackway_association::run::{Input, KIND, Signal};
use trackway_association::spec::Document;
use trackway_core::{ExecutionId, Outcome, Payload, ReplyTo, Start};
use trackway_engine::{
    Definition, Durability, Fault, Performed, Performer, SignalError, StartError, StartRequest,
    Work,
};

use super::check::kind_of;
use super::events::{NodeNews, node_changed};
use crate::services::Services;
use crate::ssm::Ssm;
use crate::ssm::nodes::{NodeChange, NodeEvent, NodeEvents};
use crate::ssm::refusal::Failure;
use crate::{Api, Caller};

/// Performs the queue `association`. The engine needs its performers before it is opened, this one
/// needs the services: work waits until [`Associations::serve`] brings them.
#[derive(Clone, Default)]
pub struct Associations(Arc<SetOnce<Arc<Services>>>);

impl Associations {
    /// From now on these services answer.
    pub fn serve(&self, api: &Api) {
        // Set once by the composition root; a second one would be a mistake of ours.
        let _was_set = self.0.set(Arc::clone(&api.services));
    }

    /// Hears of nodes that come and go: associations that target one which they have not been
    /// applied to are applied to it.
    #[must_use]
    pub fn node_events(&self) -> NodeEvents {
        let services = Arc::clone(&self.0);
        Arc::new(move |event: NodeEvent| {
            let services = Arc::clone(&services);
            let news = match event.what {
                NodeChange::Registered | NodeChange::TagsChanged => NodeNews::New,
                NodeChange::Online => NodeNews::Back,
                NodeChange::Gone => return,
            };
            tokio::spawn(async move {
                let ssm = &services.wait().await.ssm;
                if let Err(fault) = node_changed(ssm, &event.caller, &event.node_id, news).await {
                    eprintln!("fault in associations of the node {}: {fault}", event.node_id);
                }
            });
        })
    }
}

impl Performer for Associations {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let services = Arc::clone(&self.0);
        Box::pin(async move {
            let ssm = &services.wait().await.ssm;
            ssm.perform_association(&work).await.unwrap_or_else(|fault| {
                eprintln!("fault in an association's effect: {fault}");
                failed("InternalServerError", fault.to_string())
            })
        })
    }
}

fn failed(error: &str, cause: impl Into<String>) -> Performed {
    Performed::Finished(Outcome::Failed { error: error.to_owned(), cause: cause.into() })
}

fn done(answer: &serde_json::Value) -> Performed {
    Performed::Finished(Outcome::Succeeded(Payload::new(answer.to_string())))
}

/// The account and region of an ARN.
fn caller_of(arn: &str) -> Caller {
    let mut parts = arn.split(':').skip(3);
    let region = parts.next().unwrap_or_default();
    Caller::new(parts.next().unwrap_or_default(), region)
}

impl Ssm {
    async fn perform_association(&self, work: &Work) -> Result<Performed, Fault> {
        let call: Call = serde_json::from_str(&work.request).map_err(|error| {
            Fault::new(format!("could not read an association's call: {error}"))
        })?;
        match call {
            Call::Start(call) => self.start_run(*call, work).await,
            Call::StopRun { arn, how } => {
                let id = ExecutionId::of(&arn);
                match self.engine.signal::<AssociationRun>(id, Signal::Stop(how)).await {
                    Err(SignalError::Fault(fault)) => Err(fault),
                    // One that was never started, or has ended, needs no stopping.
                    _ => Ok(done(&json!({}))),
                }
            }
            Call::Cancel { queue, ids } => {
                let caller = self.caller_of_work(work).await?;
                self.cancel_children(&caller, &queue, &ids).await?;
                Ok(done(&json!({})))
            }
            Call::Calendars { names } => {
                let caller = self.caller_of_work(work).await?;
                self.calendars_state(&caller, &names).await
            }
        }
    }

    async fn caller_of_work(&self, work: &Work) -> Result<Caller, Fault> {
        let record = self.engine.record(work.execution).await?;
        Ok(record.map_or_else(|| Caller::new("", ""), |record| caller_of(&record.arn)))
    }

    /// Starts a run, or finds the one that this effect has started before.
    async fn start_run(&self, call: RunCall, work: &Work) -> Result<Performed, Fault> {
        let caller = caller_of(&call.association_arn);
        let (name, version) = (&call.spec.name, call.spec.document_version.as_str());
        let version = Some(version).filter(|version| !version.is_empty());
        let problem = |why: String| Document { problem: Some(why), ..Document::default() };
        let document = match self.resolve_document(&caller, name, version).await {
            Ok(found) => match kind_of(found.document_type) {
                Some(kind) => Document { kind, version: found.version, problem: None },
                None => problem("associations can't run this document".to_owned()),
            },
            Err(Failure::Refused(refusal)) => problem(refusal.text().to_owned()),
            Err(Failure::Fault(fault)) => return Err(fault),
        };
        let arn = run_arn(&call.association_arn, &call.execution_id);
        let (parent, execution_id) = (call.association_arn.clone(), call.execution_id.clone());
        let definition_arn = name.clone();
        let input = serde_json::to_string(&Input { call, document })
            .map_err(|error| Fault::new(format!("could not write a run's input: {error}")))?;
        let request = StartRequest {
            kind: KIND,
            scope: caller.scope.clone(),
            parent: parent.into(),
            definition: Definition::new(""),
            start: Start {
                arn,
                definition_arn,
                name: execution_id,
                role_arn: String::new(),
                input: Payload::new(input),
                attributes: Vec::new(),
            },
            reply_to: Some(ReplyTo { execution: work.execution, effect: work.effect }),
            durability: Durability::Durable,
        };
        match self.engine.start(request).await {
            Ok(_) => Ok(Performed::Elsewhere),
            Err(StartError::Fault(fault)) => Err(fault),
            Err(other) => Err(Fault::new(other.to_string())),
        }
    }

    /// Asks children to stop; those that have ended, or never began, need not.
    async fn cancel_children(
        &self,
        caller: &Caller,
        queue: &str,
        ids: &[String],
    ) -> Result<(), Fault> {
        for id in ids {
            let (operation, input) = match queue {
                AUTOMATION => (
                    "StopAutomationExecution",
                    json!({ "AutomationExecutionId": id, "Type": "Cancel" }),
                ),
                _ => ("CancelCommand", json!({ "CommandId": id })),
            };
            if let Some(Err(Failure::Fault(fault))) = self.call(operation, caller, input).await {
                return Err(fault);
            }
        }
        Ok(())
    }

    async fn calendars_state(&self, caller: &Caller, names: &[String]) -> Result<Performed, Fault> {
        match self.calendars_at(caller, names, self.engine.now()).await {
            Ok(is_open) => Ok(done(&json!({ "State": if is_open { "OPEN" } else { "CLOSED" } }))),
            Err(Failure::Refused(refusal)) => Ok(failed(refusal.code.name(), refusal.text())),
            Err(Failure::Fault(fault)) => Err(fault),
        }
    }
}
