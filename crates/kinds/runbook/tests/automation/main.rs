//! Automation: runbooks, run by scripts of inputs.

mod actions;
mod bench;
mod flow;
mod rates;
mod signals;
