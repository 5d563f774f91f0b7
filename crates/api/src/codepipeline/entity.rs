//! From a pipeline's name to the execution that it is.

use serde::{Deserialize, Serialize};
use trackway_core::ExecutionId;
use trackway_engine::{Engine, Fault, Record, SignalError};
use trackway_pipeline::Pipeline;
use trackway_pipeline::ids::{Number, entity_arn};
use trackway_pipeline::signal::{Refusal as MachineRefusal, Signal};

use super::refusal::{Code, Failure, Refusal};
use super::{CodePipeline, table};
use crate::{Caller, record};

/// A row of [`table::PIPELINES`]. A pipeline is there if its execution is there and has not closed:
/// a row without one was left behind by a crash, and gives way to a new pipeline of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    /// Its [`Number`].
    pub(super) number: u64,
}

/// A pipeline that is there.
pub(super) struct Entity {
    pub(super) id: ExecutionId,
    pub(super) number: Number,
    /// The engine's record; `summary.columns` are [`trackway_pipeline::pipeline::Columns`].
    pub(super) record: Record,
}

impl CodePipeline {
    /// The pipeline of this name, if there is one.
    pub(super) async fn find(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<Entity>, Failure> {
        let catalog = self.engine.catalog();
        let row = catalog.get(&caller.scope, table::PIPELINES, name.as_bytes()).await?;
        let Some(row) = row else { return Ok(None) };
        let number = Number::new(record::decode::<Named>(&row)?.number);
        Ok(living(&self.engine, caller, number).await?)
    }

    /// The pipeline of this name.
    ///
    /// # Errors
    /// `PipelineNotFoundException`.
    pub(super) async fn entity(&self, caller: &Caller, name: &str) -> Result<Entity, Failure> {
        let found = self.find(caller, name).await?;
        found.ok_or_else(|| not_found(caller, name).into())
    }

    /// Gives a pipeline a signal. What the machine refuses comes back inside: each operation has its
    /// own error for it; of a pipeline that is gone, AWS has one for all.
    pub(super) async fn signal(
        &self,
        (caller, name): (&Caller, &str),
        id: ExecutionId,
        signal: Signal,
    ) -> Result<Result<(), MachineRefusal>, Failure> {
        match self.engine.signal::<Pipeline>(id, signal).await {
            Ok(()) => Ok(Ok(())),
            Err(SignalError::Refused(refusal)) => Ok(Err(refusal)),
            Err(SignalError::NotFound | SignalError::Closed) => Err(not_found(caller, name).into()),
            Err(SignalError::Fault(fault)) => Err(fault.into()),
        }
    }
}

impl CodePipeline {
    /// Looks at a pipeline: in memory where it is, else at its folded journal.
    pub(super) async fn look<T: Send + 'static>(
        &self,
        id: ExecutionId,
        look: impl Fn(&Pipeline) -> T + Clone + Send + 'static,
    ) -> Result<Option<T>, Fault> {
        match self.engine.inspect::<Pipeline, T>(id, look.clone()).await? {
            Some(seen) => Ok(Some(seen)),
            None => self.engine.state::<Pipeline, T>(id, look).await,
        }
    }
}

/// The pipeline of this number, if it has not closed.
pub(super) async fn living(
    engine: &Engine,
    caller: &Caller,
    number: Number,
) -> Result<Option<Entity>, Fault> {
    let id = ExecutionId::of(&entity_arn(&caller.region, &caller.account, number));
    let record = engine.record(id).await?.filter(|record| !record.closed);
    Ok(record.map(|record| Entity { id, number, record }))
}

/// `PipelineNotFoundException`.
pub(super) fn not_found(caller: &Caller, name: &str) -> Refusal {
    let message =
        format!("Account '{}' does not have a pipeline with name '{name}'", caller.account);
    Refusal::new(Code::PipelineNotFoundException, message)
}

/// Random bits, of which numbers and ids are made.
pub(super) fn random() -> Result<u64, Fault> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| Fault::new(format!("could not draw randomness: {error}")))?;
    Ok(u64::from_be_bytes(bytes))
}
