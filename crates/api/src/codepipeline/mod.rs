//! CodePipeline: each operation of the service, one file a group.
//!
//! A handler gets a request that satisfies the service model, looks at what only the service can
//! know, calls the engine and answers with the model's own member names as JSON text. Codes of
//! refusals stand in `refusal`, tables of the catalog in [`table`].
//!
//! A group lists its operations itself and carries them out itself: here they are only found.

mod artifact_keys;
mod entity;
mod executions;
mod history;
mod jobs;
mod pipelines;
mod refusal;
mod refused;
mod state;
pub mod table;
mod tags;
mod types;
mod watch;
mod webhooks;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Notify;
use trackway_engine::{Engine, Fault};

pub use artifact_keys::{ArtifactCaller, JobArtifacts};
pub use refusal::Code;
pub use trackway_pipeline::KIND;
pub use watch::{Looking, Sources};

use crate::{Caller, Credential};

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
const GROUPS: &[Group] = &[
    executions::GROUP,
    history::GROUP,
    jobs::GROUP,
    pipelines::GROUP,
    state::GROUP,
    tags::GROUP,
    types::GROUP,
    webhooks::GROUP,
];

/// The operations that are built.
pub fn operations() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|group| group.operations.iter().copied())
}

/// What the service is told of the server's configuration.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// For how long executions are listed, from their start; none is for ever.
    pub history: Option<Duration>,
    /// Action types of AWS and third parties whose jobs workers may poll for, as
    /// `Category/Provider`.
    pub workers: Vec<String>,
}

/// The service.
pub(crate) struct CodePipeline {
    engine: Engine,
    settings: OnceLock<Settings>,
    /// Jobs that were handed out and not acknowledged yet.
    desk: jobs::Desk,
    /// Has the watcher of sources look now.
    look: Arc<Notify>,
    /// The buckets of pipelines' artifact stores, as far as they are known.
    stores: watch::Stores,
    /// Held while a pipeline is made, changed or deleted.
    naming: tokio::sync::Mutex<()>,
}

/// An answer: JSON text in the model's member names.
type Answer = crate::answer::Answer<Code>;

impl CodePipeline {
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            settings: OnceLock::new(),
            desk: jobs::Desk::default(),
            look: Arc::default(),
            stores: watch::Stores::default(),
            naming: tokio::sync::Mutex::new(()),
        }
    }

    /// Tells it of the server's configuration; the first word counts.
    pub(crate) fn configure(&self, settings: Settings) {
        let _was_set = self.settings.set(settings);
    }

    /// Watches sources until the engine stops: every so often, or, without a time, only when an
    /// event comes.
    pub(crate) fn watch(
        &self,
        sources: Arc<dyn Sources>,
        every: Option<Duration>,
    ) -> impl Future<Output = ()> + Send + 'static {
        watch::run(self.engine.clone(), sources, every, Arc::clone(&self.look))
    }

    /// Whether a pipeline has this bucket for its artifacts.
    pub(crate) async fn is_artifact_store(&self, bucket: &str) -> Result<bool, Fault> {
        self.stores.has(&self.engine, bucket).await
    }

    /// Whether a request for artifacts is signed as it must be.
    pub(crate) fn admit_to_artifacts(
        &self,
        request: &trackway_wire::request::Request<'_>,
        credentials: &BTreeMap<String, Credential>,
    ) -> Result<ArtifactCaller, trackway_wire::error::Failure> {
        artifact_keys::admit(self.engine.tokens(), request, credentials)
    }

    /// What the credentials of a job open, `ACCOUNT/REGION/ID`; none once it has ended.
    pub(crate) async fn artifacts_of_job(&self, job: &str) -> Result<Option<JobArtifacts>, Fault> {
        jobs::artifacts(self, job).await
    }

    /// Hears what happened to sources. The inner error is what is wrong with the body.
    pub(crate) async fn hear(&self, body: &[u8]) -> Result<Result<Value, String>, Fault> {
        let heard = watch::hear(&self.engine, body).await?;
        if heard.is_ok() {
            self.look.notify_one();
        }
        Ok(heard)
    }

    fn settings(&self) -> &Settings {
        const UNSET: &Settings = &Settings { history: None, workers: Vec::new() };
        self.settings.get().unwrap_or(UNSET)
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
