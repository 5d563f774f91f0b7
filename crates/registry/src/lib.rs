//! IoT's registry: things, certificates, policies and what else an audit looks at.
//!
//! ```text
//!   API ──▶ an operation, in a Txn ──▶ catalog          users and mitigation tasks change the
//!                 ▲                                     registry by the same functions
//!   mitigation ───┘ with the letter that reports it
//!   audit ──▶ scan, chunk by chunk ──▶ judged by `trackway_audit::evaluate`
//! ```
//!
//! Records lie in the engine's catalog ([`table`] says where, [`record`] how). An operation reads
//! and writes through a [`Txn`], which holds only if nothing that was read has changed meanwhile.
//!
//! This room must not know how a request looks on the wire, nor what a task's machine decides.

pub mod arn;
pub mod billing_groups;
pub mod ca_certificates;
pub mod certificates;
pub mod config;
pub mod evidence;
pub mod groups;
pub mod logging;
mod mitigate;
pub mod notify;
pub mod page;
pub mod policies;
pub mod principals;
pub mod record;
pub mod refusal;
pub mod role_aliases;
pub mod scan;
pub mod security_profiles;
pub mod sns;
pub mod table;
pub mod tags;
pub mod text;
pub mod things;
mod txn;
pub mod violations;
pub mod x509;

pub use mitigate::Mitigations;
pub use refusal::{Code, Failure, Refusal};
pub use txn::{Registry, Txn};
