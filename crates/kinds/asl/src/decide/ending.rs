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
        let failure = match (error, cause) {
            (None | Some(Text::Fixed(_)), None | Some(Text::Fixed(_))) => {
                Failure { error: fixed(error), cause: fixed(cause) }
            }
            _ => {
                let value = input.value()?;
                self.evaluate(frame, value, |scope| {
                    let mut text = |text: Option<&Text>, field| {
                        text.map(|text| text.resolve(field, scope)).transpose()
                    };
                    let (error, cause) = (text(error, "ErrorPath")?, text(cause, "CausePath")?);
                    Ok::<_, Trouble>(Failure { error, cause })
                })?
            }
        };
        Ok(Step::Fail(Fault { failure, kind: FaultKind::Failed }))
    }
}

fn fixed(text: Option<&Text>) -> Option<String> {
    match text {
        Some(Text::Fixed(text)) => Some(text.clone()),
        _ => None,
    }
}
