//! Automation: runbooks, run by scripts of inputs.

mod actions;
mod bench;
mod corpus;
mod flow;
mod properties;
mod rates;
#[expect(unreachable_pub, reason = "the simulation includes it as well")]
mod sample;
mod signals;
