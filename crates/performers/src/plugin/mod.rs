//! Runs the steps of a Command document on this node, in the sandbox.
//!
//! ```text
//!   Plan ─▶ Runner ─┬─▶ shell       aws:runShellScript, aws:runPowerShellScript
//!                   ├─▶ download    aws:downloadContent ─▶ fetch (HTTP), ObjectStore (S3)
//!                   ├─▶ document    aws:runDocument ─▶ Documents, then a plan within the plan
//!                   └─▶ inventory   aws:softwareInventory
//!   StepResult ◀── text (what is kept of the output)
//! ```
//!
//! A plan ([`trackway_runbook::plan`]) is what is left of a document when its references are substituted and it is
//! decided which steps are skipped here. The order of steps and the texts are those of AWS's agent. This module must
//! not know how documents are written, nor who asked.

mod document;
mod download;
mod fetch;
mod inventory;
mod run;
mod shell;
mod text;

use std::pin::Pin;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trackway_runbook::plan::Plan;

pub use fetch::{Fetch, FetchError};
pub use run::Runner;

/// A future that is boxed, as a trait's method gives it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a step, or a whole plan, ended. Later ones weigh more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// It did not run.
    Skipped,
    /// It did what it should.
    Success,
    /// It did not.
    Failed,
    /// It was called off.
    Cancelled,
    /// It ran for too long.
    TimedOut,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepResult {
    /// The step's name.
    pub name: String,
    /// Its plugin.
    pub action: String,
    /// How it ended.
    pub status: Status,
    /// The exit code of its script; 137 when it was killed.
    pub response_code: i32,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// When it was over.
    pub ended_ms: i64,
    /// Standard output, at most 24,000 characters.
    pub stdout: String,
    /// Standard error, at most 8,000 characters.
    pub stderr: String,
    /// Both, at most 2,500 characters.
    pub output: String,
    /// Where the output lies below the folder of the run, and below a prefix in S3:
    /// `awsrunShellScript/0.awsrunShellScript`.
    pub output_folder: String,
    /// What `aws:softwareInventory` found, by the name of the inventory type.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub inventory: Map<String, Value>,
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The gravest status of a step.
    pub status: Status,
    /// Every step, in order.
    pub steps: Vec<StepResult>,
}

/// Where documents come from that a document names.
pub trait Documents: Send + Sync {
    /// The content of a document, by its name or ARN; absent is the default version.
    ///
    /// # Errors
    /// Why there is none, as it is shown to the user.
    fn content<'a>(
        &'a self,
        name: &'a str,
        version: Option<&'a str>,
    ) -> Boxed<'a, Result<String, String>>;

    /// What a document's content means with these parameters.
    ///
    /// # Errors
    /// What is wrong with the document or its parameters, as it is shown to the user.
    fn plan(&self, content: &str, parameters: &Map<String, Value>) -> Result<Plan, String>;
}

/// Where objects come from that a document names.
pub trait ObjectStore: Send + Sync {
    /// The keys of a bucket that begin with a prefix, at most as many as are downloaded.
    ///
    /// # Errors
    /// What the service said.
    fn list<'a>(&'a self, object: &'a ObjectPath) -> Boxed<'a, Result<Vec<String>, String>>;

    /// An object, by its whole key.
    ///
    /// # Errors
    /// What the service said.
    fn get<'a>(&'a self, object: &'a ObjectPath) -> Boxed<'a, Result<Bytes, String>>;
}

/// An object, or a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectPath {
    /// The bucket's name.
    pub bucket: String,
    /// The key or prefix.
    pub key: String,
    /// Where the bucket is, if the URL says so.
    pub region: Option<String>,
}
