//! Executions that others start: who performs the queues `automation` and `machine`.
//!
//! A child answers its effect when it ends, so the effect is performed elsewhere. Its id stands in
//! the request: a repeat finds the same child. A child that nobody waits for any more is stopped by
//! whoever had it started: its machine asks for that by an effect of its own, which a server that
//! did not start the child performs as well.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::SetOnce;
use trackway_core::{Outcome, ReplyTo};
use trackway_engine::{Fault, Performed, Performer, Work};
use trackway_runbook::automation::as_list;
use trackway_runbook::request::{AUTOMATION, AwsFailure, ChildCall, MACHINE};

use super::start::{Origin, StartAutomation};
use crate::answer::read;
use crate::refusal::{ErrorCode, Failure as AnyFailure};
use crate::services::Services;
use crate::ssm::refusal::{Code, Failure, Refusal, invalid};
use crate::{Api, Caller};

/// Status of a refusal, as every one of these services has it.
const REFUSED_STATUS: u16 = 400;

/// Performs the queues `automation` and `machine`. Work waits until [`Children::serve`] brings the
/// services, since the engine needs its performers before it is opened.
#[derive(Clone, Default)]
pub struct Children(Arc<SetOnce<Arc<Services>>>);

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
        let _was_set = self.0.set(Arc::clone(&api.services));
    }

    async fn start(&self, work: &Work) -> Performed {
        let services = self.0.wait().await;
        let (service, operation, started) = if work.queue == MACHINE {
            ("stepfunctions", "StartExecution", start_machine(services, work).await)
        } else {
            ("ssm", "StartAutomationExecution", start_automation(services, work).await)
        };
        match started {
            Ok(()) => Performed::Elsewhere,
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

async fn start_automation(services: &Services, work: &Work) -> Result<(), Refused> {
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
    Ok(())
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

async fn start_machine(services: &Services, work: &Work) -> Result<(), Refused> {
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
    services.step_functions.start_child(by, machine, name, input).await?;
    Ok(())
}

/// The queues that [`Children`] performs.
pub const QUEUES: [&str; 2] = [AUTOMATION, MACHINE];
