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
//! ([`trackway_engine::Builder::verify`]); everything a caller was told is true; the rows of the
//! catalog are those of the reference run ([`Scenario::tell_row`]). A performer that changes them
//! is a future that runs inside the process ([`Does::Run`]), and so are users ([`Deed`]): each of
//! their commits takes its turn among all others, can be crashed at, and loses if something was
//! changed first. Where the outcome depends on who comes first ([`Scenario::races`]), what must hold
//! of every run is checked instead ([`Scenario::problems`]).
//!
//! What is played: scripts of the toy kind ([`toys`]), machines written for it ([`asl`], [`runbook`],
//! [`command`], [`association`], [`pipeline`], [`audit`]), random registries of IoT, which the real
//! scans and mitigations work on and real users ([`registry`]), the examples ([`examples`]), and in
//! `tests/sim/recorded.rs` every recorded case of AWS that is about what is built, its calls answered
//! as they were (`TRACKWAY_CONFORMANCE` says where the cases are). Every scenario meets every single
//! fate, and 60 random ones: `TRACKWAY_SIM_RUNS` asks for more.
//!
//! A crash may move times and the order in which branches go on. So a call is known by its place
//! ([`calls`]), the world outside keeps its own time, and histories are compared branch by branch,
//! without tokens and times ([`tale`]).
//!
//! It knows the engine's driving interface, and kinds only through a [`Scenario`]. A failure prints
//! one line to replay it: `./x sim SCENARIO@FATE`; a number alone is a random fate for all of them.

mod dice;
mod fate;
mod jobs;
mod outside;
mod run;
mod scenario;
mod world;

pub mod asl;
pub mod association;
pub mod audit;
pub mod calls;
pub mod command;
pub mod examples;
pub mod pipeline;
pub mod registry;
pub mod runbook;
#[expect(dead_code, reason = "runbooks that go round for ever are not played")]
#[path = "../../kinds/runbook/tests/automation/sample.rs"]
mod sample;
pub mod tale;
pub mod toys;

pub use dice::Dice;
pub use fate::Fate;
pub use jobs::Running;
pub use run::{Failure, Outcome, calm, check, check_fate, check_random, replay};
pub use scenario::{Act, Deed, Does, Reaction, Scenario, Seen, Told, journal};
