//! What can go wrong below the engine.

use std::fmt::{self, Display};

/// What sort of fault it is, for whoever decides between trying again and stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The store can't be reached or has been closed; it may come back.
    Unavailable,
    /// What is on disk isn't what was written.
    Corrupt,
    /// Commits are missing that were acknowledged, or later ones build on.
    Gap,
    /// Another process has the data directory open.
    Locked,
    /// The data directory was written by another format of the store.
    Format,
    /// A write or a sync failed before; nothing is known about what reached the disk since.
    Poisoned,
    /// The caller broke a limit of the store (a key too long). Nothing was changed.
    Invalid,
}

/// A failure of the store itself, with its context: never the caller's business, except to carry
/// it up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    what: String,
}

impl Fault {
    /// Makes a fault; `what` is a lowercase fragment that names the thing and the remedy.
    #[must_use]
    pub fn new(kind: FaultKind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into() }
    }

    /// The sort of fault.
    #[must_use]
    pub fn kind(&self) -> FaultKind {
        self.kind
    }

    /// What happened to what.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Self::new(FaultKind::Invalid, what)
    }

    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::new(FaultKind::Unavailable, what)
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            FaultKind::Unavailable => "store unavailable",
            FaultKind::Corrupt => "store corrupt",
            FaultKind::Gap => "commits missing from the store",
            FaultKind::Locked => "store in use",
            FaultKind::Format => "store of another format",
            FaultKind::Poisoned => "store stopped after a failed write",
            FaultKind::Invalid => "store refused a batch",
        };
        write!(f, "{kind}: {}", self.what)
    }
}

impl std::error::Error for Fault {}

/// Why a batch wasn't committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// A precondition doesn't hold; nothing was changed.
    #[error("precondition {index} of the batch doesn't hold")]
    PreconditionFailed {
        /// The place of the first that doesn't hold in [`Batch::preconditions`](crate::Batch::preconditions).
        index: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}
