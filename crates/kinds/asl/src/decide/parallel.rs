//! Parallel: branches side by side.

use trackway_core::Payload;

use super::data::{Doc, Trouble, list};
use super::{Decide, Step};
use crate::definition::{Graph, State};
use crate::event::{EventKind, FrameId};

impl Decide<'_, '_> {
    /// Starts every branch with the same input.
    pub(super) fn parallel(
        &mut self,
        frame: FrameId,
        state: &State,
        branches: &[Graph],
    ) -> Result<Step, Trouble> {
        let input = self.given(frame, state)?;
        let Some(at) = self.execution.frame(frame) else { return Ok(Step::Block) };
        let first = self.execution.next_frame;
        let kind = EventKind::ParallelStarted {
            state: at.state,
            branches: u16::try_from(branches.len()).unwrap_or(u16::MAX),
        };
        self.emit(frame, kind, None);
        for (child, branch) in (first..).zip(branches) {
            self.ready.push_back((FrameId(child), Step::Enter(branch.start_at, input.clone())));
        }
        Ok(if branches.is_empty() { self.joined(frame) } else { Step::Block })
    }

    /// One branch has ended; the state goes on after the last one.
    pub(super) fn branch_ended(&mut self, frame: FrameId, parent: FrameId) -> Step {
        self.emit(frame, EventKind::BranchEnded, None);
        if self.execution.branches(parent).is_some_and(|branches| branches.is_done()) {
            self.joined(parent)
        } else {
            Step::Block
        }
    }

    fn joined(&mut self, frame: FrameId) -> Step {
        let Some(at) = self.execution.frame(frame) else { return Step::Block };
        self.emit(frame, EventKind::ParallelSucceeded(at.state), None);
        Step::Result(self.results(frame))
    }

    /// The list of what the frames below came to.
    pub(super) fn results(&self, frame: FrameId) -> Doc {
        let Some(branches) = self.execution.branches(frame) else { return Doc::default() };
        let texts = branches
            .results
            .iter()
            .map(|result| result.as_ref().map_or("null", |result| result.as_str()));
        Doc::from(Payload::new(list(texts)))
    }
}
