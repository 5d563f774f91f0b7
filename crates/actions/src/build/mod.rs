//! Builds: buildspecs and commands in the sandbox, CodeBuild elsewhere.
//!
//! ```text
//!                 ┌─ remote   CodeBuild's API: start once, then watch
//!   CodeBuild ────┤
//!                 └─ local ───┐ spec, environment
//!   Commands ─────── compute ─┤
//!                             ▼
//!                     session ─ driver.sh, shell.sh ─▶ sandbox
//!                        │ workshop: its folders
//!                        ├▶ logs (mask)    output: artifacts, variables    reports
//! ```
//!
//! Which of the two it is says `[codebuild.projects.NAME]`. It must not know how artifacts are kept
//! nor what a sandbox is made of; it decides nothing about retries of the action.

mod builds;
mod compute;
mod environment;
mod identity;
pub mod limits;
mod local;
pub mod logs;
mod mask;
mod output;
mod remote;
mod reports;
mod session;
mod spec;
mod told;
mod workshop;

use std::pin::Pin;

use trackway_pipeline::request::ActionAnswer;

pub use builds::Builds;

use crate::runners::{Run, failed};

/// Carries out CodeBuild actions (Build and Test), and rules.
#[must_use]
pub fn code_build(run: Run) -> Pin<Box<dyn Future<Output = ActionAnswer> + Send>> {
    Box::pin(async move {
        let Some(name) = run.setting("ProjectName") else {
            return failed("ConfigurationError", "the action's configuration has no ProjectName");
        };
        let is_batch = run.setting("BatchEnabled");
        if is_batch.is_some_and(|word| word.eq_ignore_ascii_case("true")) {
            return failed(
                "ConfigurationError",
                "BatchEnabled is true, and batches of builds are not supported; set it to false",
            );
        }
        match run.tools.codebuild.projects.get(name) {
            Some(project) if project.local => local::perform(&run, name, project).await,
            _ => remote::perform(&run, name).await,
        }
    })
}

/// Carries out Commands: of the category Compute, and rules.
#[must_use]
pub fn commands(run: Run) -> Pin<Box<dyn Future<Output = ActionAnswer> + Send>> {
    Box::pin(async move { compute::perform(&run).await })
}
