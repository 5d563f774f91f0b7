//! State Manager: associations, their schedules and their runs, as pure machines.
//!
//! Two machines. An [`Association`] lives long: it owns its versions and its schedule, and starts
//! a [`AssociationRun`] as a child whenever it is to be applied. A run finds its targets, sends the
//! document to them at its rate, and reports.
//!
//! ```text
//!  create, update, slot, signal                 alarms? ─▶ targets? ─▶ fan-out ─▶ rows, report
//!        │                                        │            ▲           │
//!        ▼            effect `association`        │            │           ▼
//!   Association ──▶ calendars? ──▶ start ──▶ AssociationRun    └── child: a command a node,
//!        ▲                                        │                 or one rate-controlled
//!        └───────────── report ───────────────────┘                 automation
//! ```
//!
//! This room knows when an association runs and how the ends of its targets add up. It must not
//! know what a document says, who a node is, what time it is, nor how an API call looks: whoever
//! starts a machine hands in plain, checked data ([`spec`]), and [`request`] is all that it asks.

pub mod association;
pub mod calendar;
pub mod limits;
pub mod request;
pub mod run;
pub mod schedule;
pub mod spec;
pub mod status;

mod ids;

pub use association::Association;
pub use ids::uuid_text;
pub use run::AssociationRun;
