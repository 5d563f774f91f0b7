//! Documents: what a text says, and everything that is wrong with it.
//!
//! ```text
//!   text ──▶ text, yaml (JSON values) ──▶ parse ──▶ automation, steps, condition, inputs ──▶ Runbook
//!                                            │                                  check (names, jumps, references)
//!                                            ├──▶ command ──▶ CommandDocument ──▶ planning ──▶ plan::Plan
//!                                            └──▶ Other: kept, not run
//! ```

mod actions;
mod automation;
mod check;
mod command;
mod condition;
mod describe;
mod fields;
mod inputs;
pub mod library;
mod parameter;
pub mod parameters;
mod parse;
mod planning;
mod problem;
pub mod reference;
mod runbook;
mod shell;
mod steps;
mod text;
mod yaml_write;

pub use actions::follows_on_cancel;
pub use command::{CommandDocument, CommandSchema, CommandStep};
pub use describe::{Facts, hash};
pub use inputs::duration_seconds;
pub use parameter::stored_name;
pub use parse::{CONTENT_BYTES_MAX, Document, DocumentType, parse};
pub use planning::Values;
pub use problem::{Exception, Problem, Problems};
pub use runbook::{
    Action, Branch, Choice, Condition, Iterators, Loop, NextStep, OnCancel, OnFailure, Operator,
    Output, OutputReference, Parameter, ParameterType, Runbook, Step, Test, Variable,
};
pub use text::{Format, convert, read, write};
pub use trackway_core::pattern::{matches, pattern};
