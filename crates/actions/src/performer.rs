//! Performs the queue `action`.

use std::pin::Pin;
use std::sync::Arc;

use trackway_core::{Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};
use trackway_performers::aws::Scope;
use trackway_pipeline::request::ActionCall;

use crate::runners::{Run, Tools, runner_for};

/// Performs actions and rules of pipelines.
#[derive(Clone)]
pub struct ActionPerformer(Arc<Tools>);

impl ActionPerformer {
    /// A performer with these tools.
    #[must_use]
    pub fn new(tools: Arc<Tools>) -> Self {
        Self(tools)
    }
}

impl Performer for ActionPerformer {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let tools = Arc::clone(&self.0);
        Box::pin(async move { Performed::Finished(perform(&tools, &work).await) })
    }
}

async fn perform(tools: &Arc<Tools>, work: &Work) -> Outcome {
    let failed = |cause: String| Outcome::Failed { error: "JobFailed".to_owned(), cause };
    let call: ActionCall = match serde_json::from_str(&work.request) {
        Ok(call) => call,
        Err(error) => return failed(format!("the action's request can't be read: {error}")),
    };
    let Some((account, region)) = work.scope.split_once('/') else {
        return failed("the action belongs to no account".to_owned());
    };
    let scope = Scope { account: account.to_owned(), region: region.to_owned() };
    let run = Run { tools: Arc::clone(tools), scope, call };
    let answer = runner_for(&run).await;
    match serde_json::to_string(&answer) {
        Ok(text) => Outcome::Succeeded(Payload::new(text)),
        Err(error) => failed(format!("the action's answer can't be written: {error}")),
    }
}
