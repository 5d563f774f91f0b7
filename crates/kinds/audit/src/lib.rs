//! Device Defender: what an audit looks for, and audits, schedules and mitigation tasks as pure
//! machines.
//!
//! ```text
//!  schedule ──start──▶ Audit ──scan(check, cursor)──▶ the registry, chunk by chunk
//!                        │                                  evaluate: does this comply?
//!                        ▼
//!                  findings (rows) ◀──plan── Mitigation ──apply──▶ the registry, SNS
//!                                                │
//!                                                ▼
//!                                        executions (rows)
//! ```
//!
//! Three machines: [`Audit`] runs the checks of one task, [`Schedule`] starts one again and again,
//! [`Mitigation`] applies actions to findings (or, for Detect, to violations). [`evaluate`] has the
//! judgement itself: whether a certificate, a policy, a role or a connection complies.
//!
//! This room must not know where certificates and policies are kept, what time it is, nor how an
//! API call looks: facts come in as plain data, and [`request`] is all that the machines ask.

pub mod action;
pub mod audit;
pub mod check;
pub mod evaluate;
pub mod ids;
pub mod limits;
pub mod mitigation;
pub mod request;
pub mod resource;
mod row;
pub mod schedule;

pub use audit::Audit;
pub use mitigation::Mitigation;
pub use schedule::Schedule;
