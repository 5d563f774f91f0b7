//! Managed nodes: what a node of its own process and one within the server are both made of.

use std::path::Path;
use std::sync::Arc;

use http::Response;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use trackway_api::{Api, Caller};
use trackway_command::protocol::Call;
use trackway_performers::aws::{AwsCaller, Scope};
use trackway_performers::node::{
    Answered, AwsSources, Boxed, Facts, Journal, Link, Node, NodeConfig, Sandboxed, WORKERS_DEFAULT,
};
use trackway_performers::plugin::{Fetch, Runner};
use trackway_performers::sandbox::Sandbox;

use crate::config::{Config, HostedNode};

/// What runs commands: the sandbox, with documents and objects by calls of AWS.
pub(crate) fn runner(
    config: &Config,
    sandbox: Sandbox,
    (caller, scope): (AwsCaller, Scope),
) -> Result<Sandboxed, String> {
    let fetch = Fetch::new(config.sandbox.private_downloads).map_err(|error| error.to_string())?;
    let sources = Arc::new(AwsSources::new(caller, scope));
    let documents = Arc::clone(&sources);
    Ok(Sandboxed(Runner::new(sandbox, fetch).documents(documents).objects(sources)))
}

/// What a node says of itself goes to standard error.
pub(crate) fn tell(name: &str) -> impl Fn(&str) + Send + Sync + 'static {
    let name = name.to_owned();
    move |what| eprintln!("node {name}: {what}")
}

/// Opens a node's state folder.
pub(crate) fn journal(folder: &Path) -> Result<Journal, String> {
    Journal::open(folder)
        .map_err(|error| format!("could not use the state folder {}: {error}", folder.display()))
}

/// The calls of the node within the server, without HTTP.
struct Within {
    api: Arc<Api>,
    caller: Caller,
}

impl Link for Within {
    fn call<'a>(
        &'a self,
        call: Call,
        token: Option<&'a str>,
        body: Vec<u8>,
    ) -> Boxed<'a, Result<Answered, String>> {
        Box::pin(async move {
            let answer = self.api.node_call(&self.caller, call.name(), token, &body).await;
            let (head, body) = Response::into_parts(answer);
            Ok(Answered { status: head.status.as_u16(), body })
        })
    }
}

/// The node within the server.
pub(crate) struct Hosted {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Hosted {
    /// Starts the node that the configuration asks for, if it does.
    pub(crate) fn configured(
        config: &Config,
        folder: &Path,
        (api, scope): (&Arc<Api>, &Scope),
        (sandbox, caller): (Sandbox, AwsCaller),
    ) -> Result<Option<Self>, String> {
        let Some(node) = &config.node else { return Ok(None) };
        let runner = runner(config, sandbox, (caller, scope.clone()))?;
        Self::start(node, folder, (Arc::clone(api), scope), runner).map(Some)
    }

    /// Starts it. Its state lies in `folder`, beside what else the server's sandboxes keep.
    fn start(
        config: &HostedNode,
        folder: &Path,
        (api, scope): (Arc<Api>, &Scope),
        runner: Sandboxed,
    ) -> Result<Self, String> {
        let state = folder.join("node");
        let journal = journal(&state)?;
        let node_config = NodeConfig {
            name: config.name.clone(),
            tags: config.tags.clone(),
            state,
            workers: config.workers.unwrap_or(WORKERS_DEFAULT),
            activation: None,
        };
        let facts = (Facts::of_this_machine(None), env!("CARGO_PKG_VERSION"));
        let link = Within { api, caller: Caller::new(&scope.account, &scope.region) };
        let parts = (Arc::new(link) as Arc<dyn Link>, Arc::new(runner) as _);
        let node = Node::new(node_config, facts, journal, parts, tell(&config.name));
        let (stop, stopped) = oneshot::channel();
        let say = tell(&config.name);
        let task = tokio::spawn(async move {
            let stopped = async {
                let _or_dropped = stopped.await;
            };
            if let Err(error) = node.run(stopped).await {
                say(&error.to_string());
            }
        });
        Ok(Self { stop, task })
    }

    /// Ends it, and what it runs.
    pub(crate) async fn stop(self) {
        let _has_ended = self.stop.send(());
        let _ended = self.task.await;
    }
}
