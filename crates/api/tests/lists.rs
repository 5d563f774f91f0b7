//! Every list call against a naive model: random data, random filters, random page sizes.
//!
//! A test writes rows through the API and remembers them in a `Vec`; what a call has to list is that
//! `Vec`, filtered and sorted by hand. [`paging`] says what holds of the pages of every list.
//! `PROPTEST_CASES` sets how many cases each test tries.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is a test that fails")]

#[path = "state_manager/house.rs"]
#[expect(dead_code, reason = "its own tests use the rest of it")]
mod association_house;
#[path = "lists/associations.rs"]
mod associations;
#[path = "lists/audits.rs"]
mod audits;
#[path = "lists/automation.rs"]
mod automation;
#[path = "lists/commands.rs"]
mod commands;
#[path = "lists/compliance.rs"]
mod compliance;
#[path = "lists/covered.rs"]
mod covered;
#[path = "lists/declared.rs"]
mod declared;
#[path = "lists/documents.rs"]
mod documents;
#[path = "lists/findings.rs"]
mod findings;
#[path = "recorded/house.rs"]
#[expect(dead_code, reason = "the recorded conversations use the rest of the house")]
mod house;
#[path = "lists/nodes.rs"]
mod nodes;
#[path = "lists/paging.rs"]
mod paging;
#[path = "lists/parameters.rs"]
mod parameters;
#[path = "lists/pipelines.rs"]
mod pipelines;
#[path = "lists/step_functions.rs"]
mod step_functions;
#[path = "lists/suppressions.rs"]
mod suppressions;
#[path = "lists/tags.rs"]
mod tags;
#[path = "lists/tape.rs"]
mod tape;
#[path = "pipelines/yard.rs"]
mod yard;
