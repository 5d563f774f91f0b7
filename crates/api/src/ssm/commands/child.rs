//! Commands that others start: who performs the queue `command`.

use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::SetOnce;
use trackway_core::{Outcome, ReplyTo};
use trackway_engine::{Performed, Performer, Started, Work};

use super::id_of;
use super::send::{Origin, SendCommand, start_failure};
use crate::refusal::Failure as AnyFailure;
use crate::services::Services;
use crate::ssm::Ssm;
use crate::ssm::refusal::{Failure, invalid};
use crate::{Api, Caller};

/// Performs the queue `command`: starts a command that answers the effect when it ends. Work waits
/// until [`Commands::serve`] brings the services.
///
/// A command that nobody waits for any more is stopped by whoever had it started: its machine asks
/// for that by an effect of its own, which a server that did not start the command performs as well.
#[derive(Clone, Default)]
pub struct Commands(Arc<SetOnce<Arc<Services>>>);

/// What is asked: as the kinds write it.
#[derive(Deserialize)]
struct Asked {
    id: String,
    #[serde(default)]
    input: Map<String, Value>,
    #[serde(default)]
    origin: Map<String, Value>,
}

impl Commands {
    /// From now on these services answer.
    pub fn serve(&self, api: &Api) {
        // Set once by the composition root; a second one would be a mistake of ours.
        let _was_set = self.0.set(Arc::clone(&api.services));
    }
}

impl Performer for Commands {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let services = Arc::clone(&self.0);
        Box::pin(async move {
            match start(&services.wait().await.ssm, &work).await {
                Ok(()) => Performed::Elsewhere,
                Err(AnyFailure::Refused(refusal)) => Performed::Finished(Outcome::Failed {
                    error: refusal.code.name().to_owned(),
                    cause: refusal.text().to_owned(),
                }),
                Err(AnyFailure::Fault(fault)) => Performed::Finished(Outcome::Failed {
                    error: "InternalServerError".to_owned(),
                    cause: format!("could not start the command: {fault}"),
                }),
            }
        })
    }
}

async fn start(ssm: &Ssm, work: &Work) -> Result<(), Failure> {
    let asked: Asked = serde_json::from_str(&work.request)
        .map_err(|error| invalid(format!("The request can't be read: {error}")))?;
    let record = ssm.engine.record(work.execution).await?;
    let scope = record.map(|record| record.scope).unwrap_or_default();
    let (account, region) = scope.split_once('/').unwrap_or_default();
    let caller = Caller::new(account, region);
    let id = id_of(&caller, &asked.id);
    // Performed again after a restart: the child is found, whatever became of its nodes since.
    if ssm.engine.record(id).await?.is_some() {
        return Ok(());
    }
    let request: SendCommand = serde_json::from_value(Value::Object(asked.input))
        .map_err(|error| invalid(format!("The request can't be read: {error}")))?;
    let origin = Origin {
        command_id: Some(asked.id),
        reply_to: Some(ReplyTo { execution: work.execution, effect: work.effect }),
        facts: asked.origin,
    };
    let request = ssm.command_start(&caller, request, origin).await?;
    match ssm.engine.start(request).await.map_err(start_failure)? {
        Started::New { .. } | Started::Existing { .. } => Ok(()),
    }
}
