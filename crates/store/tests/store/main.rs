//! The store's tests: one binary, so that it links once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod conformance;
mod crash;
mod damage;
mod differential;
mod support;
