//! The machine by scripts, by chance, and against a naive model.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::too_many_lines, reason = "a script stands with what it comes to")]

#[path = "machine/actions.rs"]
mod actions;
#[path = "machine/bench.rs"]
mod bench;
#[path = "machine/conditions.rs"]
mod conditions;
#[path = "machine/executions.rs"]
mod executions;
#[path = "machine/model.rs"]
mod model;
#[path = "machine/naive.rs"]
mod naive;
#[path = "machine/retention.rs"]
mod retention;
