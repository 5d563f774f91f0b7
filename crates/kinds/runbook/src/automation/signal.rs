//! What the world may ask of a running execution, and why it may be refused.

use std::collections::BTreeMap;

/// A request to a running execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// StopAutomationExecution.
    Stop(StopType),
    /// SendAutomationSignal.
    Send {
        /// `SignalType`.
        kind: SignalType,
        /// `Payload`.
        payload: BTreeMap<String, Vec<String>>,
        /// The caller's ARN: of a user, a role, or a session of a role.
        by: String,
    },
}

/// `Type` of StopAutomationExecution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopType {
    /// Stop now.
    Cancel,
    /// Finish the step under way, start no other.
    Complete,
}

/// `SignalType` of SendAutomationSignal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the API names them")]
pub enum SignalType {
    Approve,
    Reject,
    StartStep,
    StopStep,
    Resume,
    Revoke,
}

impl SignalType {
    /// The signal with this AWS name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "Approve" => Self::Approve,
            "Reject" => Self::Reject,
            "StartStep" => Self::StartStep,
            "StopStep" => Self::StopStep,
            "Resume" => Self::Resume,
            "Revoke" => Self::Revoke,
            _ => return None,
        })
    }
}

/// Why a signal was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has ended or has not begun: a stop of it is AWS's InvalidAutomationStatusUpdateException,
    /// another signal its InvalidAutomationSignalException.
    #[error("the execution is not running")]
    NotRunning,
    /// AWS's InvalidAutomationSignalException.
    #[error("{0}")]
    InvalidSignal(String),
    /// AWS's AutomationStepNotFoundException.
    #[error("the execution has no step {0}")]
    StepNotFound(String),
}
