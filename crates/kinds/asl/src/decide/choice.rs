//! Choice: the first rule that holds decides where to go.

use super::data::Trouble;
use super::{Decide, Step};
use crate::definition::{Filter, Next, Rule, State, StateId};
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
        let value = input.value()?;
        let chosen = self.with_scope(frame, value, None, |scope| {
            for rule in rules {
                if crate::choice::holds(&rule.condition, scope)? {
                    return Ok(Some(rule.next));
                }
            }
            Ok(default)
        })?;
        let next = chosen.ok_or_else(|| Trouble::runtime(NO_CHOICE))?;
        let output = match &state.output_path {
            Filter::Whole => input.payload(),
            filter => self.filter(frame, filter, input)?.payload(),
        };
        Ok(Step::Exit(output, Next::State(next)))
    }
}

const NO_CHOICE: &str = "Failed to transition out of the state. The state does not point to a next state.";
