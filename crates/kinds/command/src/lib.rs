//! Run Command: one command on many nodes, as a pure machine.
//!
//! A [`CommandRun`] is the [`trackway_core::Machine`] of one command. It takes the nodes it was
//! given, or has its targets resolved, and sends itself to them at its rate: one effect a node, on
//! that node's own polled queue. What the node reports ends the invocation; when all have ended, so
//! has the command.
//!
//! ```text
//!  Start ──▶ targets? ──▶ Dispatched ──▶ Delivered ──▶ Reported ─┐
//!                          │   │ delivery timer   │ execution timer  ├─▶ Ended ──▶ Report
//!                          │   └▶ DeliveryTimedOut└▶ ExecutionTimedOut┤
//!                          └ too many errors, cancel ─▶ Stopped ──────┘
//!
//!  Event ──▶ fold ──▶ CommandRun ──▶ Summary, Columns       view 1: an invocation a node
//!        └──▶ view ──────────────────────────────────▶      view 2: its plugins with their output
//!                                                           view 3: the request
//! ```
//!
//! This room knows what a command is, how its invocations add up, and the words that a server and
//! its nodes exchange ([`protocol`]). It must not know what a document says, who a node is, what
//! time it is, nor how an API call looks.

pub mod limits;
pub mod protocol;
pub mod request;
pub mod view;

mod decide;
mod event;
mod report;
mod signal;
mod state;
mod status;

pub use event::{Event, EventKind, Why};
pub use report::{NodeReport, PluginReport, Report, ReportedInvocation};
pub use signal::{Refusal, Signal};
pub use state::{Columns, CommandRun, Counts};
pub use status::{CommandStatus, Details, InvocationStatus};

/// The tag under which the engine knows this kind.
pub const KIND: u8 = 3;
