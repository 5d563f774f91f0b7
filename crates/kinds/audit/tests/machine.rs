//! Audits and scheduled audits, by scripts and by chance.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "machine/audit.rs"]
mod audit;
#[allow(dead_code, reason = "other machines are looked at in more ways")]
#[path = "../../association/tests/machine/bench.rs"]
mod bench;
#[path = "machine/properties.rs"]
mod properties;
#[path = "machine/schedule.rs"]
mod schedule;
