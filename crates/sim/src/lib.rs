//! The simulator: the whole service on one thread, from one seed, in virtual time.
//!
//! It drives the engine's own shards over a memory store, and plays everything else: the disk that
//! syncs late, performers, children, workers that poll, callers that try again, the clock, and the
//! process that dies.
//!
//! ```text
//!   scenario ──▶ reference run, nothing goes wrong ──▶ what it came to
//!      │                                                    │ must be equal
//!      └───────▶ one run per fate: a crash before or after  ▼
//!                each commit, a result or letter lost or ──▶ what it came to
//!                repeated, random crashes from a seed
//! ```
//!
//! Checked in every run: nothing is set free before its rows are durable; nothing is performed
//! without its event; every result counts at most once; an execution closes once, with its last
//! event; records and lists equal a refold; no letter, timer or effect is left behind
//! ([`trackway_engine::Builder::verify`]); everything a caller was told is true.
//!
//! It knows the engine's driving interface, and kinds only through a [`Scenario`]. A failure prints
//! one line to replay it: `./x sim SCENARIO@FATE`.

mod dice;
mod fate;
mod outside;
mod run;
mod scenario;
mod world;

pub mod asl;
pub mod toys;

pub use dice::Dice;
pub use fate::Fate;
pub use run::{Failure, Outcome, calm, check, check_fate, check_random, replay};
pub use scenario::{Act, Does, Reaction, Scenario, Told, journal};
