//! Fail: ends its level with an error.

use super::data::Trouble;
use super::{Decide, Step};
use crate::definition::{State, Text};
use crate::event::{Failure, FrameId};
use crate::retry::{Fault, FaultKind};

impl Decide<'_, '_> {
    pub(super) fn fail_state(
        &mut self,
        frame: FrameId,
        state: &State,
        error: Option<&Text>,
        cause: Option<&Text>,
    ) -> Result<Step, Trouble> {
        let input = self.filtered(frame, state)?;
        let failure = Failure {
            error: error.map(|text| self.text(frame, &input, text, "ErrorPath")).transpose()?,
            cause: cause.map(|text| self.text(frame, &input, text, "CausePath")).transpose()?,
        };
        Ok(Step::Fail(Fault { failure, kind: FaultKind::Failed }))
    }
}
