//! Automation: the machine of one execution of a runbook.
//!
//! ```text
//!  Start, Finished, Fired, Signal                    ┌──▶ rows: StepExecutions, children
//!        │                                           │
//!        ▼          one action a file                │
//!     decide ──▶ branch sleep api script … ──▶ Event ──▶ fold ──▶ Automation
//!        │                                                          ├──▶ Summary (Columns)
//!        ▼                                                          └──▶ Report
//!     Command ──▶ requests of [`crate::request`]
//! ```

mod action;
mod clock;
mod condition;
mod decide;
mod definition;
mod event;
mod failure;
mod fold;
pub mod limits;
mod report;
pub mod rows;
mod scope;
mod selector;
mod selector_filter;
mod signal;
mod start;
mod state;
mod status;
mod value;

pub use action::ActionKind;
pub use definition::{Definition, Outline, envelope};
pub use event::{Decision, Event, EventKind, Started, StepOptions};
pub use failure::{Failure, FailureType, Stage};
pub use report::Report;
pub use rows::{
    ChildRow, Columns, Front, Header, Parent, ProgressCounters, StepRow, TargetsSummary,
};
pub use signal::{Refusal, Signal, SignalType, StopType};
pub use start::{AlarmConfiguration, Mode, StartedWith, Target, TriggeredAlarm};
pub use state::{Automation, uuid_text};
pub use status::Status;
pub use value::{as_encodings, as_list, as_lists};
