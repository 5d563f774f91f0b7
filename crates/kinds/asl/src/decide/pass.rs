//! Pass and Succeed: data goes through.

use serde_json::Value;

use super::data::{Doc, Trouble};
use super::{Decide, Step};
use crate::definition::State;
use crate::event::FrameId;

impl Decide<'_, '_> {
    /// The result is the fixed one, or what the state is given.
    pub(super) fn pass(
        &mut self,
        frame: FrameId,
        state: &State,
        result: Option<&Value>,
    ) -> Result<Step, Trouble> {
        let given = self.given(frame, state)?;
        Ok(Step::Result(result.map_or(given, |result| Doc::from(result.clone()))))
    }
}
