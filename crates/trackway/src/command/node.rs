//! `trackway node`: a managed node of a server, until it is told to stop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use trackway_performers::aws::{AwsCaller, AwsEnvironment, Limits, Scope};
use trackway_performers::node::{Facts, HttpLink, Node, NodeConfig, WORKERS_DEFAULT};
use trackway_performers::sandbox::{self, Launcher, Sandbox};

use super::serve::told_to_stop;
use crate::config::Config;
use crate::node::{journal, runner, tell};

/// The account that calls without credentials act in.
const ACCOUNT_DEFAULT: &str = "000000000000";
const REGION_DEFAULT: &str = "us-east-1";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The server: http://HOST:PORT.
    #[arg(long, env = "TRACKWAY_NODE_SERVER", value_name = "URL")]
    server: String,
    /// The node's name; the same name comes back with the same id.
    #[arg(long, env = "TRACKWAY_NODE_NAME")]
    name: String,
    /// Its tags: KEY=VALUE,KEY=VALUE.
    #[arg(long, default_value = "", value_name = "K=V,K=V")]
    tags: String,
    /// Configuration file, for `[sandbox]`
    /// [default: trackway.toml in the working folder, if it is there].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for what it must not forget
    /// [default: trackway/node-NAME in $XDG_STATE_HOME, else in ~/.local/state].
    #[arg(long, env = "TRACKWAY_NODE_STATE", value_name = "DIR")]
    state: Option<PathBuf>,
    /// The region to register in [default: AWS_REGION, else us-east-1].
    #[arg(long)]
    region: Option<String>,
    /// Commands that run at once; further ones wait.
    #[arg(long, default_value_t = WORKERS_DEFAULT)]
    workers: usize,
    /// An activation to register with: ID:CODE.
    #[arg(long, env = "TRACKWAY_NODE_ACTIVATION", value_name = "ID:CODE")]
    activation: Option<String>,
}

pub(crate) async fn run(args: Args) -> Result<ExitCode, String> {
    let config = Config::load(args.config.as_deref())?;
    let variables = std::env::vars().chain([
        // Documents that a document names are the server's.
        ("AWS_ENDPOINT_URL_SSM".to_owned(), args.server.clone()),
    ]);
    let environment = AwsEnvironment::new(variables);
    let region = args.region.clone().or(environment.region().map(str::to_owned));
    let region = region.unwrap_or_else(|| REGION_DEFAULT.to_owned());
    let state = match &args.state {
        Some(state) => state.clone(),
        None => default_state(&args.name)?,
    };
    let state = std::path::absolute(&state).unwrap_or(state);
    let journal = journal(&state)?;
    let link = HttpLink::of_environment(&args.server, &region, &environment)?;
    let facts = Facts::of_this_machine(Some(&link.authority()));
    let scope = Scope { account: ACCOUNT_DEFAULT.to_owned(), region };
    let caller = AwsCaller::new(environment, Limits::default());
    let runner = runner(&config, sandbox(&config, &state)?, (caller, scope))?;
    let node_config = NodeConfig {
        tags: tags(&args.tags)?,
        state,
        workers: args.workers,
        activation: activation(args.activation.as_deref())?,
        name: args.name.clone(),
    };
    let facts = (facts, env!("CARGO_PKG_VERSION"));
    let parts = (Arc::new(link) as _, Arc::new(runner) as _);
    let node = Node::new(node_config, facts, journal, parts, tell(&args.name));
    node.run(told_to_stop()).await.map_err(|error| error.to_string())?;
    Ok(ExitCode::SUCCESS)
}

/// The sandbox. The node's own state is not seen in it, nor what it is configured with.
fn sandbox(config: &Config, state: &Path) -> Result<Sandbox, String> {
    let mut private = sandbox::usual_secrets(|name| std::env::var_os(name));
    let here = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    private.push(state.to_owned());
    private.extend(config.file.as_deref().map(here));
    private.extend(config.server.data.as_deref().map(here));
    Sandbox::new(config.sandbox.clone(), &config.folder, &private, Launcher::this_program())
        .map_err(|problem| problem.to_string())
}

fn default_state(name: &str) -> Result<PathBuf, String> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = match (variable("XDG_STATE_HOME"), variable("HOME")) {
        (Some(state), _) => PathBuf::from(state),
        (None, Some(home)) => PathBuf::from(home).join(".local/state"),
        (None, None) => return Err("there is no home folder; give --state DIR".to_owned()),
    };
    let keep = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = name.chars().map(keep).collect();
    Ok(base.join("trackway").join(format!("node-{name}")))
}

fn tags(text: &str) -> Result<BTreeMap<String, String>, String> {
    let tag = |pair: &str| {
        let (key, value) = pair
            .split_once('=')
            .ok_or_else(|| format!("could not read the tag {pair:?}; give KEY=VALUE,KEY=VALUE"))?;
        Ok((key.trim().to_owned(), value.trim().to_owned()))
    };
    text.split(',').filter(|pair| !pair.trim().is_empty()).map(tag).collect()
}

fn activation(text: Option<&str>) -> Result<Option<(String, String)>, String> {
    let Some(text) = text else { return Ok(None) };
    let (id, code) =
        text.split_once(':').ok_or_else(|| "give the activation as ID:CODE".to_owned())?;
    Ok(Some((id.to_owned(), code.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_pairs() {
        assert_eq!(tags("").unwrap(), BTreeMap::new());
        let two =
            BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "x=y".to_owned())]);
        assert_eq!(tags("a=1, b=x=y,").unwrap(), two);
        assert!(tags("a").unwrap_err().contains("KEY=VALUE"));
    }
}
