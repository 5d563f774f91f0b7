//! The two machines, by scripts and by chance.

#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::too_many_lines, reason = "a script stands with what it comes to")]

#[path = "machine/association.rs"]
mod association;
#[path = "machine/bench.rs"]
mod bench;
#[path = "machine/properties.rs"]
mod properties;
#[path = "machine/run.rs"]
mod run;
