//! What the world may ask of a running execution, and why it may be refused.

use trackway_core::{EffectId, Payload};

use crate::event::Failure;

/// A request to a running execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signal {
    /// StopExecution.
    Stop(Failure),
    /// GetActivityTask handed an activity's task to a worker.
    Taken {
        /// The task.
        effect: EffectId,
        /// The worker's name, if it gave one.
        worker: Option<String>,
    },
    /// SendTaskSuccess; the output is JSON text.
    TaskSucceeded {
        /// The task that the token stands for.
        effect: EffectId,
        /// Its output.
        output: Payload,
    },
    /// SendTaskFailure.
    TaskFailed {
        /// The task that the token stands for.
        effect: EffectId,
        /// Why.
        failure: Failure,
    },
    /// SendTaskHeartbeat.
    Heartbeat {
        /// The task that the token stands for.
        effect: EffectId,
    },
}

/// Why a signal was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The execution has ended, or has not begun.
    #[error("the execution is not running")]
    NotRunning,
    /// The task has ended: AWS's `TaskTimedOut`.
    #[error("Task Timed Out: 'Provided task does not exist anymore'")]
    TaskTimedOut,
}
