//! Automation: runbooks, run by scripts of inputs.

mod actions;
mod bench;
mod corpus;
mod flow;
mod properties;
mod rates;
mod sample;
mod signals;
