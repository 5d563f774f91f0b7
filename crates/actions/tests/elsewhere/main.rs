//! Deployments, invocations and rules against an AWS of a few lines: what is asked of it, and what an
//! action comes to.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod cloudformation;
mod deploys;
mod house;
mod invokes;
