//! What an effect can do: run a function here, call an AWS service, and say what it reported.
//!
//! ```text
//!   engine ─ Work ─▶ task ─┬─▶ hosted_lambda ─▶ function   a declared function, behind the Runtime API
//!                          └─▶ remote_lambda ─┐            Lambda at the configured endpoint
//!   engine ─ Work ─▶ aws::AwsPerformer ───────┴─▶ aws      any operation of any service
//!   engine ◀ Outcome ── lambda (what Step Functions reports of either)
//! ```
//!
//! This room knows processes, HTTP and the requests that machines make. It must not know the store, nor decide what an
//! outcome means for an execution.

pub mod aws;
mod clock;
pub mod function;
pub mod hosted_lambda;
pub mod lambda;
pub mod node;
pub mod plugin;
mod random;
pub mod remote_lambda;
pub mod sandbox;
pub mod script;
pub mod task;
pub mod transport;
pub mod webhook;
