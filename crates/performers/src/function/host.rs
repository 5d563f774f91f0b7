//! The functions that run here, by name.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;

use super::config::{ConfigProblems, FunctionConfig, validate};
use super::identity::{FunctionName, Identity};
use super::logs::LogSink;
use super::outcome::{Invocation, Outcome};
use super::pool::Pool;
use super::process::Alive;
use crate::random;

/// Runs the declared functions. Clones share the same processes.
#[derive(Clone)]
pub struct FunctionHost {
    inner: Arc<Inner>,
}

struct Inner {
    pools: BTreeMap<String, Arc<Pool>>,
    stopping: watch::Sender<bool>,
    alive: Alive,
}

impl FunctionHost {
    /// Checks the configuration; processes start when they are first needed. `base_dir` is the folder of the
    /// configuration file.
    ///
    /// # Errors
    /// All mistakes in the configuration, each with its function, its key and its remedy.
    pub async fn start(
        config: BTreeMap<String, FunctionConfig>,
        base_dir: &Path,
        identity: &Identity,
        sink: LogSink,
    ) -> Result<Self, ConfigProblems> {
        let (stopping, stop) = watch::channel(false);
        let alive = Alive::new();
        let functions = validate(config, base_dir, identity)?;
        let pool = |function| Pool::new(function, sink.clone(), stop.clone(), alive.clone());
        let pools = functions
            .into_iter()
            .map(|function| (function.name.clone(), Arc::new(pool(function))))
            .collect();
        Ok(Self { inner: Arc::new(Inner { pools, stopping, alive }) })
    }

    /// Whether a function runs here. The reference may be a name, a partial ARN or an ARN; a qualifier is ignored,
    /// because a declared function has one version.
    pub fn has(&self, reference: &str) -> bool {
        self.inner.pools.contains_key(FunctionName::parse(reference).name)
    }

    /// Runs a function and waits for its end. Beyond the function's `concurrency` invocations wait in order.
    ///
    /// Dropping the future withdraws an invocation that still waits; one that runs goes on to its end or its timeout,
    /// as on AWS, and its answer is thrown away.
    pub async fn invoke(&self, invocation: Invocation) -> Outcome {
        match self.inner.pools.get(FunctionName::parse(&invocation.name).name) {
            Some(pool) => pool.invoke(invocation).await,
            None => Outcome::NotFound { request_id: random::uuid() },
        }
    }

    /// Kills every process and returns when all have ended. What still runs or waits ends with
    /// [`Outcome::ShuttingDown`], and so does every later invocation.
    pub async fn shutdown(&self) {
        self.inner.stopping.send_replace(true);
        for pool in self.inner.pools.values() {
            pool.stop();
        }
        self.inner.alive.none_left().await;
    }
}
