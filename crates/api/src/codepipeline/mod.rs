//! CodePipeline: each operation of the service, one file a group.
//!
//! A handler gets a request that satisfies the service model, looks at what only the service can
//! know, calls the engine and answers with the model's own member names as JSON text. Codes of
//! refusals stand in `refusal`, tables of the catalog in [`table`].
//!
//! A group lists its operations itself and carries them out itself: here they are only found.

mod entity;
mod pipelines;
mod refusal;
pub mod table;
mod tags;
mod types;

use std::pin::Pin;

use serde_json::Value;
use trackway_engine::Engine;

pub use refusal::Code;
pub use trackway_pipeline::KIND;

use crate::Caller;

/// A group of operations.
struct Group {
    /// Those that are built, by the model's names.
    operations: &'static [&'static str],
    /// Carries one of them out; the input satisfies the model.
    call: for<'a> fn(&'a CodePipeline, &'a str, &'a Caller, Value) -> Working<'a>,
}

/// An answer that is being made.
type Working<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Every group. An operation that is in none is not built.
const GROUPS: &[Group] = &[pipelines::GROUP, tags::GROUP, types::GROUP];

/// The operations that are built.
pub fn operations() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.operations.iter().copied())
}

/// The service.
pub(crate) struct CodePipeline {
    engine: Engine,
    /// Held while a pipeline is made, changed or deleted.
    naming: tokio::sync::Mutex<()>,
}

/// An answer: JSON text in the model's member names.
type Answer = crate::answer::Answer<Code>;

impl CodePipeline {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, naming: tokio::sync::Mutex::new(()) }
    }

    /// Carries out one operation; `input` satisfies the model. None if it is not built.
    pub(crate) async fn call(
        &self,
        operation: &str,
        caller: &Caller,
        input: Value,
    ) -> Option<Answer> {
        let group = GROUPS.iter().find(|group| group.operations.contains(&operation))?;
        Some((group.call)(self, operation, caller, input).await)
    }
}
