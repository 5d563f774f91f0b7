//! How an audit begins, whoever wants it: StartOnDemandAuditTask, or a scheduled audit.

use trackway_audit::audit::{Birth, KIND, PARENT};
use trackway_core::{Payload, ReplyTo, Start};
use trackway_engine::{Definition, Durability, Fault, StartError, StartRequest};

use super::Iot;
use super::refusal::Failure;
use crate::Caller;

/// Starts an audit, or finds the one of the same number that was started before: asking twice
/// starts one. `reply_to` hears of its end.
pub(super) async fn start(
    service: &Iot,
    caller: &Caller,
    birth: Birth,
    reply_to: Option<ReplyTo>,
) -> Result<(), Failure> {
    let input = serde_json::to_string(&birth)
        .map_err(|error| Fault::new(format!("could not write an audit's input: {error}")))?;
    let request = StartRequest {
        kind: KIND,
        scope: caller.scope.clone(),
        parent: PARENT.into(),
        definition: Definition::new(""),
        start: Start {
            arn: birth.number.arn(&caller.account, &caller.region),
            definition_arn: String::new(),
            name: birth.number.task_id(),
            role_arn: String::new(),
            input: Payload::new(input),
            attributes: Vec::new(),
        },
        reply_to,
        durability: Durability::Durable,
    };
    match service.engine.start(request).await {
        Ok(_) => Ok(()),
        Err(StartError::Fault(fault)) => Err(fault.into()),
        Err(other) => Err(Fault::new(other.to_string()).into()),
    }
}
