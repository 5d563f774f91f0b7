//! What a mitigation task asks for, and what it is answered: JSON, on [`MITIGATION_QUEUE`].
//!
//! [`MITIGATION_QUEUE`]: crate::request::MITIGATION_QUEUE

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Item;
use crate::check::Check;

/// What to do. Whose birth it is about is known by the work's execution: it is a row of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Look what the target comes to, from a place on.
    Plan {
        /// Where the plan before this one stopped; none for the first.
        cursor: Option<String>,
    },
    /// Apply the actions to the items of a chunk, which is a row of the task.
    Apply {
        /// Which.
        chunk: u32,
    },
}

/// What a plan came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// To what actions are applied, in order; they become a chunk.
    pub items: Vec<Item>,
    /// How many findings of mapped checks the target leaves out.
    pub skipped: BTreeMap<Check, u64>,
    /// Where the next plan goes on; none when all is looked at.
    pub cursor: Option<String>,
}

/// What a chunk came to: its items in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Each of them.
    pub results: Vec<ItemResult>,
}

/// What was done about an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResult {
    /// Which.
    pub item: Item,
    /// What its actions came to, in order, up to the first that failed, or the last that had begun
    /// when the task was canceled.
    pub done: Vec<Done>,
}

impl ItemResult {
    /// Whether an action failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.done.last().is_some_and(|last| last.error.is_some())
    }
}

/// What an action came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    /// When it began, in milliseconds of the epoch.
    pub started: i64,
    /// When it ended.
    pub ended: i64,
    /// Why it failed.
    pub error: Option<ActionError>,
}

/// Why an action failed: as the operation that it stands for would fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionError {
    /// The code, such as `ResourceNotFoundException`.
    pub code: String,
    /// The text.
    pub message: String,
}
