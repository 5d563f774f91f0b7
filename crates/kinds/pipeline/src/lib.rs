//! CodePipeline: a pipeline's structure, and the pipeline as one machine that owns its executions.
//!
//! ```text
//!   CreatePipeline ─▶ Structure ─ checked, defaults filled in (structure/)
//!                        │
//!                        ▼                      queue `action`       performers
//!   signals ─▶ Pipeline (pipeline/) ─ effects ─▶ queue `job/…`   ─▶  workers that poll
//!              stage locks, inbound, runs,      queue `aws`         an approval's topic
//!              actions, rules, jobs
//!                        │
//!                        ▼
//!              rows (views.rs): executions, action executions, rule executions, versions
//! ```
//!
//! One entity is one pipeline with all its executions, since they compete for its stages. What has
//! ended leaves the state and stays in the rows. It never sees a request, a store or a clock; what
//! time and chance chose is in an event.

pub mod glob;
pub mod ids;
pub mod limits;
pub mod pipeline;
pub mod request;
pub mod rule;
pub mod signal;
pub mod structure;
pub mod types;
pub mod variables;
pub mod views;
pub mod watch;

pub use pipeline::{KIND, Pipeline};
