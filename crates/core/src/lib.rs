//! The words that all rooms share.
//!
//! An execution of any kind is a [`Machine`]: it takes an [`Input`], appends events to its journal
//! through a [`Turn`] and issues [`Command`]s. The journal is the truth; state, history and lists
//! are views of it.
//!
//! ```text
//!   Input ──▶ Machine::handle ──▶ Turn ─┬─▶ events   (journal, one segment a turn)
//!                   ▲                   └─▶ commands (effects, timers, close)
//!                   └── Machine::evolve ◀── each event, at once
//! ```
//!
//! This room is pure. It must not know what an execution does (the kinds), where bytes are kept
//! (the store), nor who drives the machine (the engine).

pub mod cron;
pub mod fanout;
mod ids;
mod machine;
pub mod pattern;
mod payload;
mod rows;
pub mod segment;
mod time;
mod turn;
pub mod uuid;

pub use ids::{EffectId, ExecutionId, TimerId};
pub use machine::{Input, Journaled, Machine, Outcome, ReplyTo, Start, Summary};
pub use payload::Payload;
pub use rows::{RowKey, Rows};
pub use time::Timestamp;
pub use turn::{Command, Environment, Turn};
