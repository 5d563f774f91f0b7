//! The performer of mitigation tasks: it looks what a target comes to, and applies actions.
//!
//! A chunk of findings is one change of the registry, committed together with the letter that
//! reports it ([`Txn::report`](crate::Txn::report)): after a crash it is either done and reported,
//! or done again. Only what leaves the registry, a message to a topic, may happen twice.

mod action;
mod apply;
mod plan;
mod subject;

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::SetOnce;
use trackway_audit::mitigation::request::Ask;
use trackway_audit::mitigation::{Birth, VIEW_TASK};
use trackway_core::{Outcome, Payload};
use trackway_engine::{Fault, Performed, Performer, Work};

use crate::Registry;
use crate::sns::Publisher;

/// Carries out what mitigation tasks ask for. The engine needs it before it is opened, it needs the
/// registry in that engine: work waits until [`Self::serve`].
#[derive(Clone)]
pub struct Mitigations {
    registry: Arc<SetOnce<Registry>>,
    publisher: Arc<dyn Publisher>,
}

impl Mitigations {
    /// It will publish findings by this.
    #[must_use]
    pub fn new(publisher: Arc<dyn Publisher>) -> Self {
        Self { registry: Arc::default(), publisher }
    }

    /// From now on this registry is changed.
    pub fn serve(&self, registry: Registry) {
        // Set once by the composition root; a second registry would be a mistake of ours.
        let _was_set = self.registry.set(registry);
    }
}

impl Performer for Mitigations {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let this = self.clone();
        Box::pin(async move {
            let registry = this.registry.wait().await.clone();
            let task = Task { registry, publisher: this.publisher, work, is_alone: false };
            task.perform().await.unwrap_or_else(|fault| {
                eprintln!("fault in a mitigation task: {fault}");
                Performed::Finished(Outcome::Failed {
                    error: "InternalFailureException".to_owned(),
                    cause: fault.to_string(),
                })
            })
        })
    }
}

/// One effect of a task.
#[derive(Clone)]
struct Task {
    registry: Registry,
    publisher: Arc<dyn Publisher>,
    work: Work,
    /// Whether all other changes wait for it.
    is_alone: bool,
}

impl Task {
    /// The same, and nobody else changes anything until it is dropped.
    async fn alone(&self) -> Self {
        Self { registry: self.registry.alone().await, is_alone: true, ..self.clone() }
    }

    async fn perform(&self) -> Result<Performed, Fault> {
        let ask = serde_json::from_str(&self.work.request);
        let ask = ask.map_err(|error| Fault::new(format!("a request can't be read: {error}")))?;
        let birth = self.birth().await?;
        match ask {
            Ask::Plan { cursor } => {
                Ok(Performed::Finished(answer(&self.plan(&birth, cursor.as_deref()).await?)?))
            }
            Ask::Apply { chunk } => self.apply(&birth, chunk).await,
        }
    }

    /// What the task was started with.
    async fn birth(&self) -> Result<Birth, Fault> {
        let reader = self.registry.reader();
        let row = reader.row(self.work.execution, VIEW_TASK, Birth::KEY).await?;
        let birth = row.and_then(|row| Birth::read(&row));
        birth.ok_or_else(|| Fault::new("a mitigation task has no birth"))
    }
}

fn answer(answer: &impl serde::Serialize) -> Result<Outcome, Fault> {
    let text = serde_json::to_string(answer)
        .map_err(|error| Fault::new(format!("could not write an answer: {error}")))?;
    Ok(Outcome::Succeeded(Payload::new(text)))
}
