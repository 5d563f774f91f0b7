//! Which cases are about what is built.

use trackway_asl::definition::{Code, MachineType, parse};

use crate::case::{History, Started};

/// Whether a case has histories, of executions whose definitions are built.
pub(crate) fn is_in_scope(histories: &[History], started: &[Started]) -> bool {
    !histories.is_empty() && !started.is_empty() && !started.iter().any(is_unsupported)
}

fn is_unsupported(started: &Started) -> bool {
    parse(&started.definition, MachineType::Standard).is_err_and(|problems| {
        problems.iter().any(|problem| problem.code == Code::UnsupportedByTrackway)
    })
}
