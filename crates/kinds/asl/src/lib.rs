//! Step Functions: the Amazon States Language as a pure machine.
//!
//! An [`Execution`] is the [`trackway_core::Machine`] of one execution. It takes an input, decides
//! (`decide`), appends [`Event`]s and issues commands; its state (`state`) is the `fold` of its
//! events, and AWS's history is another view of them ([`history`]).
//!
//! ```text
//!  Start, Finished, Fired, Signal                     ┌──▶ history: GetExecutionHistory
//!        │                                            │
//!        ▼          one state type a file             │
//!     decide ──▶ pass choice wait task parallel … ──▶ Event ──▶ fold ──▶ Execution
//!        │             │           │                               ├──▶ Summary
//!        │         paths,      call: what a                        └──▶ Report
//!        ▼        template       performer is asked
//!     Command
//! ```
//!
//! This room knows the language, the data it works on and the events that AWS shows. It must not
//! know who performs a task, where a journal is kept, what time it is, nor how an API call looks.

pub mod call;
pub mod choice;
pub mod definition;
pub mod history;
pub mod intrinsic;
pub mod json;
pub mod jsonpath;
pub mod limits;
pub mod paths;
pub mod runtime;
pub mod template;
pub mod timestamp;

mod context;
mod decide;
mod event;
mod fold;
mod report;
mod retry;
mod signal;
mod state;

pub use event::{Event, EventKind, Failure, FrameId, Started, TaskOptions};
pub use report::{AsJson, JSON_REPORT, Report};
pub use signal::{Refusal, Signal};
pub use state::{Execution, Status};
