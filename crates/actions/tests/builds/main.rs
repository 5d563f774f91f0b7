//! Builds with real processes. Where the kernel refuses namespaces the tests say so and pass.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod commands;
mod elsewhere;
mod endpoint;
mod house;
mod lifetime;
mod outputs;
mod phases;
mod variables;
