//! The words for how a target, a run and an association stand, and how the first add up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a target of a run, or a run as a whole, stands. The numbers are stored, and only rise while
/// a run goes on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[repr(u8)]
pub enum Status {
    /// Not begun.
    #[default]
    Pending = 1,
    /// Under way.
    InProgress = 2,
    /// Well.
    Success = 3,
    /// Not well.
    Failed = 4,
    /// It took too long, or the next run began.
    TimedOut = 5,
    /// It was stopped.
    Cancelled = 6,
    /// It was passed over.
    Skipped = 7,
}

impl Status {
    /// Every status, by number.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::InProgress,
        Self::Success,
        Self::Failed,
        Self::TimedOut,
        Self::Cancelled,
        Self::Skipped,
    ];

    /// AWS's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "InProgress",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
            Self::Skipped => "Skipped",
        }
    }

    /// The status with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// The status with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| *status as u8 == number)
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }

    /// Whether it counts against `MaxErrors`.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut)
    }

    /// What a finished child says of its target.
    #[must_use]
    pub fn of_child(status: &str, details: &str) -> Self {
        match (status, details) {
            // The document isn't for the node's platform.
            (_, "InvalidPlatform") => Self::Skipped,
            ("Success" | "CompletedWithSuccess", _) => Self::Success,
            ("TimedOut", _) => Self::TimedOut,
            ("Cancelled" | "Cancelling", _) => Self::Cancelled,
            _ => Self::Failed,
        }
    }
}

/// How many targets have which status; none is listed that no target has.
pub type Counts = BTreeMap<Status, u32>;

/// What a run comes to whose targets came to this. None at all are all well: there was nothing to
/// do.
#[must_use]
pub fn aggregate(counts: &Counts) -> Status {
    let has = |status| counts.contains_key(&status);
    if has(Status::Failed) || has(Status::TimedOut) {
        Status::Failed
    } else if has(Status::Cancelled) {
        Status::Cancelled
    } else if has(Status::Skipped) && !has(Status::Success) {
        Status::Skipped
    } else {
        Status::Success
    }
}

/// What becomes of the targets that have not begun when too many others have failed.
pub const AFTER_TOO_MANY_ERRORS: Status = Status::Skipped;

/// `ResourceCountByStatus`, as AWS writes it: `{Failed=1, Success=2}`, by name.
#[must_use]
pub fn count_text(counts: &Counts) -> String {
    let mut words: Vec<String> =
        counts.iter().map(|(status, count)| format!("{}={count}", status.name())).collect();
    words.sort();
    format!("{{{}}}", words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_as_aws_does() {
        let counts = |rows: &[(Status, u32)]| rows.iter().copied().collect::<Counts>();
        for (rows, text, status) in [
            (&[][..], "{}", Status::Success),
            (&[(Status::Success, 1)], "{Success=1}", Status::Success),
            (&[(Status::Success, 2), (Status::Failed, 1)], "{Failed=1, Success=2}", Status::Failed),
            (&[(Status::TimedOut, 1)], "{TimedOut=1}", Status::Failed),
            (
                &[(Status::Success, 1), (Status::Skipped, 1)],
                "{Skipped=1, Success=1}",
                Status::Success,
            ),
            (&[(Status::Skipped, 2)], "{Skipped=2}", Status::Skipped),
            (
                &[(Status::Success, 1), (Status::Cancelled, 1)],
                "{Cancelled=1, Success=1}",
                Status::Cancelled,
            ),
        ] {
            assert_eq!(count_text(&counts(rows)), text);
            assert_eq!(aggregate(&counts(rows)), status, "{text}");
        }
    }

    #[test]
    fn names_and_numbers_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.name()), Some(status));
            assert_eq!(Status::from_number(status as u8), Some(status));
        }
        assert_eq!(Status::from_name("Done"), None);
        assert_eq!(Status::from_number(0), None);
    }
}
