//! A managed node: registers with a server, takes commands, runs them in the sandbox and reports.
//!
//! ```text
//!   server ◀── Link (HTTP, or within the process) ──▶ agent ──▶ RunPlan (the sandbox)
//!                                                       │
//!                                                    journal: received ─▶ started ─▶ finished
//! ```
//!
//! A command runs once, whatever breaks: it is in the journal before the server hears that it was
//! received, and again before it starts. What was started and not finished when the node died is
//! reported as failed. Results are sent again until the server has answered.

mod agent;
mod facts;
mod journal;
mod link;
mod plan;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;

pub use agent::{Node, NodeError};
pub use facts::Facts;
pub use journal::Journal;
pub use link::{Answered, HttpLink, Link};
pub use plan::Sandboxed;
pub use sources::AwsSources;

use trackway_command::NodeReport;
use trackway_command::protocol::RunCommand;

use crate::sandbox::Cancel;

/// A future that is boxed, as a trait's method gives it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who a node is and how it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeConfig {
    /// Its name; the same name has the same id.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Where it keeps what it must not forget; nobody else uses it meanwhile.
    pub state: PathBuf,
    /// Commands that run at once; further ones wait.
    pub workers: usize,
    /// An activation's id and code, to register with.
    pub activation: Option<(String, String)>,
}

/// Commands that run at once, unless it is configured. Source: the agent's default.
pub const WORKERS_DEFAULT: usize = 5;

/// Runs a command's plan.
pub trait RunPlan: Send + Sync {
    /// Runs it to its end, or until it is called off. `folder` is this run's own.
    fn run<'a>(
        &'a self,
        run: &'a RunCommand,
        folder: &'a Path,
        cancel: &'a Cancel,
    ) -> Boxed<'a, NodeReport>;
}
