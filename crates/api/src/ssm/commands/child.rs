//! Commands that others start: who performs the queue `command`.

use std::pin::Pin;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::SetOnce;
use trackway_command::{CommandRun, Signal};
use trackway_core::{EffectId, ExecutionId, Outcome, ReplyTo};
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
#[derive(Clone, Default)]
pub struct Commands {
    services: Arc<SetOnce<Arc<Services>>>,
    /// Children by the effect that waits, to be cancelled with it; of those started or found again
    /// by this process.
    children: Arc<std::sync::Mutex<Children>>,
}

type Children = std::collections::HashMap<(ExecutionId, EffectId), ExecutionId>;

/// Children that are remembered; older ones are forgotten when they have ended long ago.
const CHILDREN_MAX: usize = 100_000;

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
        let _was_set = self.services.set(Arc::clone(&api.services));
    }

    fn remember(&self, work: &Work, child: ExecutionId) {
        let mut children = self.children.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if children.len() >= CHILDREN_MAX {
            children.clear();
        }
        children.insert((work.execution, work.effect), child);
    }

    fn child(&self, execution: ExecutionId, effect: EffectId) -> Option<ExecutionId> {
        let mut children = self.children.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        children.remove(&(execution, effect))
    }
}

impl Performer for Commands {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let services = this.services.wait().await;
            match start(&services.ssm, &work, &this).await {
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

    /// Nobody waits for the command any more: it is cancelled.
    fn cancel(&self, execution: ExecutionId, effect: EffectId) {
        let this = self.clone();
        tokio::spawn(async move {
            let Some(child) = this.child(execution, effect) else { return };
            let services = this.services.wait().await;
            let signal = Signal::Cancel { nodes: None };
            // One that has ended by itself meanwhile is as good.
            let _best_effort = services.ssm.engine.signal::<CommandRun>(child, signal).await;
        });
    }
}

async fn start(ssm: &Ssm, work: &Work, commands: &Commands) -> Result<(), Failure> {
    let asked: Asked = serde_json::from_str(&work.request)
        .map_err(|error| invalid(format!("The request can't be read: {error}")))?;
    let record = ssm.engine.record(work.execution).await?;
    let scope = record.map(|record| record.scope).unwrap_or_default();
    let (account, region) = scope.split_once('/').unwrap_or_default();
    let caller = Caller::new(account, region);
    let id = id_of(&caller, &asked.id);
    commands.remember(work, id);
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
