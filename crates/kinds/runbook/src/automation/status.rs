//! Statuses: one enumeration for executions and steps.

use serde::{Deserialize, Serialize};

/// Status of an execution or a step, with the number that summaries and rows bear.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(u8)]
#[expect(missing_docs, reason = "named as the API names them")]
pub enum Status {
    /// Not yet started.
    #[default]
    Pending = 0,
    InProgress = 1,
    Waiting = 2,
    Success = 3,
    TimedOut = 4,
    Cancelling = 5,
    Cancelled = 6,
    Failed = 7,
}

impl Status {
    /// Every status that this machine gives.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::InProgress,
        Self::Waiting,
        Self::Success,
        Self::TimedOut,
        Self::Cancelling,
        Self::Cancelled,
        Self::Failed,
    ];

    /// AWS's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Waiting => "Waiting",
            Self::Success => "Success",
            Self::TimedOut => "TimedOut",
            Self::Cancelling => "Cancelling",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
        }
    }

    /// The status with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The status with this AWS name; none for names of Change Manager.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::TimedOut | Self::Cancelled | Self::Failed)
    }
}
