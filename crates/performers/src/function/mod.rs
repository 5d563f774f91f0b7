//! Lambda functions that run here, behind the **Lambda Runtime API** (2018-06-01).
//!
//! A function of `trackway.toml` is a pool of warm processes. Each process has its own loopback port, because
//! `AWS_LAMBDA_RUNTIME_API` is a host and a port without a path; so any official runtime client works unchanged.
//!
//! ```text
//! invoke ── queue (concurrency) ── pool (last used first) ── worker ─┬─ process: bootstrap or the given command
//!                                        │                           ├─ desk: GET next, POST response | error
//!                                  files changed? retire             └─ logs: lines to the sink, a tail per call
//! ```
//!
//! Handlers in Python and Node need nothing installed beside the interpreter: the bootstraps are embedded.
//!
//! It knows processes and the Runtime API. It must not know Step Functions: how an [`Outcome`] becomes an error and
//! a cause of a state is `crate::lambda`. The entry point is [`FunctionHost`].

mod config;
mod desk;
mod host;
mod identity;
mod logs;
mod outcome;
mod pool;
mod process;
mod runtime_api;
mod tree;

pub use config::{ConfigProblem, ConfigProblems, FunctionConfig};
pub use host::FunctionHost;
pub use identity::{FunctionName, Identity};
pub use logs::{LogLine, LogSink, Stream, stderr_sink};
pub use outcome::{Invocation, LogType, Outcome, Reply};
