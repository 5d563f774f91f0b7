//! The statuses of commands and invocations, and how invocations add up.

use serde::{Deserialize, Serialize};

/// A command's coarse status. The numbers are stored and only rise while a command goes on, so that
/// a list that is read status by status misses none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(u8)]
pub enum CommandStatus {
    /// No node has received it yet.
    #[default]
    Pending = 1,
    /// A node has received it, and not all have done with it.
    InProgress = 2,
    /// It is being cancelled.
    Cancelling = 3,
    /// It ended well.
    Success = 4,
    /// It was cancelled.
    Cancelled = 5,
    /// Too many nodes failed, or not all did well.
    Failed = 6,
    /// Too many nodes were not reached in time.
    TimedOut = 7,
}

impl CommandStatus {
    /// Every status, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::InProgress,
        Self::Cancelling,
        Self::Success,
        Self::Cancelled,
        Self::Failed,
        Self::TimedOut,
    ];

    /// AWS's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Cancelled => "Cancelled",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
        }
    }

    /// The status of this number, if there is one.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as u8 == number)
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        self >= Self::Success
    }
}

/// A command's `StatusDetails`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum Details {
    /// As the status.
    #[default]
    Pending,
    /// As the status.
    InProgress,
    /// As the status.
    Cancelling,
    /// As the status.
    Success,
    /// The targets name no node.
    NoInstancesInTag,
    /// As the status.
    Cancelled,
    /// More nodes failed than may.
    Failed,
    /// Not all nodes did well, but no more failed than may.
    Incomplete,
    /// More nodes were not reached in time than may.
    DeliveryTimedOut,
    /// The targets could not be resolved.
    InvalidTarget,
}

impl Details {
    /// AWS's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::NoInstancesInTag => "NoInstancesInTag",
            Self::Cancelled => "Cancelled",
            Self::Failed | Self::InvalidTarget => "Failed",
            Self::Incomplete => "Incomplete",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
        }
    }

    /// The coarse status. AWS's documentation names none for `Incomplete`; `Failed` keeps a caller
    /// that looks at it from taking a half for the whole.
    #[must_use]
    pub fn status(self) -> CommandStatus {
        match self {
            Self::Pending => CommandStatus::Pending,
            Self::InProgress => CommandStatus::InProgress,
            Self::Cancelling => CommandStatus::Cancelling,
            Self::Success | Self::NoInstancesInTag => CommandStatus::Success,
            Self::Cancelled => CommandStatus::Cancelled,
            Self::Failed | Self::Incomplete | Self::InvalidTarget => CommandStatus::Failed,
            Self::DeliveryTimedOut => CommandStatus::TimedOut,
        }
    }
}

/// An invocation's `StatusDetails`; its status follows from it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum InvocationStatus {
    /// The node has not received it.
    #[default]
    Pending,
    /// The node has it.
    InProgress,
    /// The node is asked to stop it.
    Cancelling,
    /// It ran and ended with 0.
    Success,
    /// It ran and did not.
    Failed,
    /// It took longer than it may.
    ExecutionTimedOut,
    /// The node was not reached in time.
    DeliveryTimedOut,
    /// It was cancelled.
    Cancelled,
    /// Too many other nodes had failed before its turn came.
    Terminated,
    /// The node is gone.
    Undeliverable,
    /// The document is not for the node's platform.
    InvalidPlatform,
    /// The node refused.
    AccessDenied,
}

impl InvocationStatus {
    /// Every status.
    pub const ALL: [Self; 12] = [
        Self::Pending,
        Self::InProgress,
        Self::Cancelling,
        Self::Success,
        Self::Failed,
        Self::ExecutionTimedOut,
        Self::DeliveryTimedOut,
        Self::Cancelled,
        Self::Terminated,
        Self::Undeliverable,
        Self::InvalidPlatform,
        Self::AccessDenied,
    ];

    /// AWS's `StatusDetails`.
    #[must_use]
    pub fn details(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::ExecutionTimedOut => "ExecutionTimedOut",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Cancelled => "Cancelled",
            Self::Terminated => "Terminated",
            Self::Undeliverable => "Undeliverable",
            Self::InvalidPlatform => "InvalidPlatform",
            Self::AccessDenied => "AccessDenied",
        }
    }

    /// AWS's `Status`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Cancelling => "Cancelling",
            Self::Success => "Success",
            Self::Failed | Self::Undeliverable | Self::InvalidPlatform | Self::AccessDenied => {
                "Failed"
            }
            Self::ExecutionTimedOut | Self::DeliveryTimedOut => "TimedOut",
            Self::Cancelled | Self::Terminated => "Cancelled",
        }
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Cancelling)
    }

    /// Whether it counts against `MaxErrors`.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(self, Self::Failed | Self::ExecutionTimedOut)
    }

    /// Whether it says nothing of how the command went: the node could not be asked at all.
    #[must_use]
    pub fn is_void(self) -> bool {
        matches!(self, Self::Undeliverable | Self::InvalidPlatform | Self::AccessDenied)
    }
}
