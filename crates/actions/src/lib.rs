//! What the actions and rules of pipelines do.
//!
//! ```text
//!                      ┌─ source/   git repositories, S3 objects
//!   queue `action` ─▶  ├─ build/    buildspecs and commands in the sandbox, CodeBuild elsewhere
//!   ActionCall         ├─ deploy/   S3, CloudFormation, ECS, CodeDeploy, AppConfig
//!   ActionAnswer  ◀─   ├─ invoke/   Lambda, Step Functions, pipelines
//!                      └─ rule/     alarms, functions, commands, builds
//!                             │
//!                             └── artifact/  zip files: here, or in the pipeline's bucket
//! ```
//!
//! One file a provider, and one line of the table in [`runners`]. A runner decides nothing about
//! the pipeline; it must not touch the store, and no command of a user's runs outside the sandbox.

pub mod artifact;
pub mod build;
pub mod config;
pub mod deploy;
mod elsewhere;
pub mod invoke;
mod performer;
pub mod retention;
pub mod rule;
pub mod runners;
pub mod source;

pub use config::{CodeBuildConfig, PipelineConfig};
pub use performer::ActionPerformer;
pub use runners::{Run, Runner, Tools};
