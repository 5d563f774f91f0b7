//! Executions that others start: who performs the queues `automation` and `machine`.
//!
//! A child answers its effect when it ends, so the effect is performed elsewhere. Its id stands in
//! the request: a repeat finds the same child.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;
use trackway_asl::{Execution, Failure as Why, Signal as MachineSignal};
use trackway_core::{EffectId, ExecutionId, Outcome, ReplyTo};
use trackway_engine::{Engine, Fault, Performed, Performer, Work};
use trackway_runbook::automation::{Automation, Signal, StopType, as_list};
use trackway_runbook::request::{AUTOMATION, AwsFailure, ChildCall, MACHINE};

use super::identity;
use super::start::{Origin, StartAutomation};
use crate::answer::read;
use crate::refusal::{ErrorCode, Failure as AnyFailure};
use crate::services::Services;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::{Api, Caller};

/// Children of which it is known whom they answer; more are not stopped with their parent's effect.
const CHILDREN_MAX: usize = 100_000;
/// Status of a refusal, as every one of these services has it.
const REFUSED_STATUS: u16 = 400;

/// Performs the queues `automation` and `machine`. Work waits until [`Children::serve`] brings the
/// services, since the engine needs its performers before it is opened.
#[derive(Clone, Default)]
pub struct Children {
    services: Arc<SetOnce<Arc<Services>>>,
    /// By the effect that waits for it: to be stopped when nobody waits any more. Lost with the
    /// process: machines also ask for the stop themselves.
    known: Arc<Mutex<Known>>,
}

type Known = BTreeMap<(ExecutionId, EffectId), (Kind, ExecutionId)>;

#[derive(Clone, Copy)]
enum Kind {
    Automation,
    Machine,
}

/// Why a child could not be started.
struct Refused {
    code: &'static str,
    message: String,
    status: u16,
}

impl<C: ErrorCode> From<AnyFailure<C>> for Refused {
    fn from(failure: AnyFailure<C>) -> Self {
        match failure {
            AnyFailure::Refused(refusal) => Self {
                code: refusal.code.name(),
                message: refusal.message.unwrap_or_default(),
                status: REFUSED_STATUS,
            },
            AnyFailure::Fault(fault) => fault.into(),
        }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        Self { code: "InternalServerError", message: fault.to_string(), status: 500 }
    }
}

impl Children {
    /// From now on these services start children.
    pub fn serve(&self, api: &Api) {
        // Set once by the composition root; a second one would be a mistake of ours.
        let _was_set = self.services.set(Arc::clone(&api.services));
    }

    async fn start(&self, work: &Work) -> Performed {
        let services = self.services.wait().await;
        let (service, operation, started) = if work.queue == MACHINE {
            ("stepfunctions", "StartExecution", start_machine(services, work).await)
        } else {
            ("ssm", "StartAutomationExecution", start_automation(services, work).await)
        };
        match started {
            Ok(child) => {
                let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if known.len() >= CHILDREN_MAX {
                    known.clear();
                }
                known.insert((work.execution, work.effect), child);
                Performed::Elsewhere
            }
            Err(Refused { code, message, status }) => {
                let cause = AwsFailure {
                    service: service.to_owned(),
                    operation: operation.to_owned(),
                    code: code.to_owned(),
                    message,
                    status: Some(status),
                };
                Performed::Finished(Outcome::Failed {
                    error: code.to_owned(),
                    cause: serde_json::to_string(&cause).unwrap_or_default(),
                })
            }
        }
    }
}

impl Performer for Children {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let this = self.clone();
        Box::pin(async move { this.start(&work).await })
    }

    /// Nobody waits for the child any more: it is stopped, as far as possible.
    fn cancel(&self, execution: ExecutionId, effect: EffectId) {
        let child = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.remove(&(execution, effect))
        };
        let (Some((kind, child)), Some(services)) = (child, self.services.get()) else { return };
        let engine = services.ssm.engine.clone();
        tokio::spawn(async move { stop(&engine, kind, child).await });
    }
}

/// Stops a child; one that has ended by itself is as good.
async fn stop(engine: &Engine, kind: Kind, child: ExecutionId) {
    match kind {
        Kind::Automation => {
            let signal = Signal::Stop(StopType::Cancel);
            let _best_effort = engine.signal::<Automation>(child, signal).await;
        }
        Kind::Machine => {
            let signal = MachineSignal::Stop(Why::default());
            let _best_effort = engine.signal::<Execution>(child, signal).await;
        }
    }
}

/// Reads what is asked for, and who asks.
async fn asked(services: &Services, work: &Work) -> Result<(ChildCall, Caller), Failure> {
    let call: ChildCall = serde_json::from_str(&work.request)
        .map_err(|error| invalid(format!("The request can't be read: {error}")))?;
    let record = services.ssm.engine.record(work.execution).await?;
    let record = record.ok_or_else(|| Fault::new("the execution that starts a child is gone"))?;
    let (account, region) = record.scope.split_once('/').unwrap_or((&record.scope, ""));
    Ok((call, Caller::new(account, region)))
}

async fn start_automation(
    services: &Services,
    work: &Work,
) -> Result<(Kind, ExecutionId), Refused> {
    let (call, caller) = asked(services, work).await?;
    let told = |name: &str| call.origin.get(name).and_then(Value::as_str).map(str::to_owned);
    let reply_to = ReplyTo { execution: work.execution, effect: work.effect };
    let origin = Origin {
        parent_execution_id: told("ParentAutomationExecutionId"),
        target: told("Target"),
        association_id: told("AssociationId"),
        executed_by: told("ExecutedBy"),
        reply_to: Some(reply_to),
    };
    let request: StartAutomation = read(Value::Object(as_lists_of_texts(call.input)))
        .map_err(|failure: Failure| Refused::from(failure))?;
    let started = services.ssm.start_as(&caller, &call.id, request, origin).await?;
    if let trackway_engine::Started::Existing { record, .. } = started
        && record.reply_to != Some(reply_to)
    {
        let message = format!("An automation execution with ID {} exists already.", call.id);
        let refusal = Refusal::new(Code::AutomationExecutionLimitExceededException, message);
        return Err(Failure::from(refusal).into());
    }
    Ok((Kind::Automation, identity(&caller, &call.id)))
}

/// The input of a start with every parameter as a list of texts: a runbook may write it otherwise.
fn as_lists_of_texts(mut input: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(parameters)) = input.get_mut("Parameters") {
        for value in parameters.values_mut() {
            *value = json!(as_list(value));
        }
    }
    input
}

async fn start_machine(services: &Services, work: &Work) -> Result<(Kind, ExecutionId), Refused> {
    let (call, _) = asked(services, work).await?;
    let text = |name: &str| call.input.get(name).and_then(Value::as_str);
    let machine = text("stateMachineArn").unwrap_or_default();
    let name = text("name").unwrap_or(&call.id);
    // AWS takes the input as a text; a runbook may give it as a map.
    let input = match call.input.get("input") {
        None | Some(Value::Null) => "{}".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let by = (work.execution, work.effect);
    let child = services.step_functions.start_child(by, machine, name, input).await?;
    Ok((Kind::Machine, child))
}

/// The queues that [`Children`] performs.
pub const QUEUES: [&str; 2] = [AUTOMATION, MACHINE];
