//! Choice: the first rule that holds decides where to go.

use super::data::Trouble;
use super::{Decide, Step};
use crate::choice::choose;
use crate::definition::{Next, Rule, State, StateId};
use crate::event::FrameId;

impl Decide<'_, '_> {
    pub(super) fn choice(
        &mut self,
        frame: FrameId,
        state: &State,
        rules: &[Rule],
        default: Option<StateId>,
    ) -> Result<Step, Trouble> {
        let input = self.filtered(frame, state)?;
        let next =
            self.evaluate(frame, input.value()?, |scope| choose(rules, default, scope.documents))?;
        let output = self.filter(frame, &state.output_path, input)?;
        Ok(Step::Exit(output, Next::State(next)))
    }
}
