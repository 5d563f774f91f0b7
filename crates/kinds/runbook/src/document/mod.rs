//! Documents: what a text says, and everything that is wrong with it.

mod problem;
pub mod reference;
mod runbook;

pub use problem::{Exception, Problem, Problems};
pub use runbook::{
    Action, Branch, Choice, Condition, Iterators, Loop, NextStep, OnCancel, OnFailure, Operator,
    Output, OutputReference, Parameter, ParameterType, Runbook, Step, Test, Variable,
};
