//! Wait: goes on when a timer is due.

use super::data::Trouble;
use super::{Decide, Step};
use crate::definition::{State, Wait};
use crate::event::{EventKind, FrameId};

impl Decide<'_, '_> {
    /// Sets the timer. What is due already goes on at once.
    pub(super) fn wait(
        &mut self,
        frame: FrameId,
        state: &State,
        wait: &Wait,
    ) -> Result<Step, Trouble> {
        let input = self.filtered(frame, state)?;
        let now = self.turn.now();
        let until = match wait {
            Wait::Seconds(seconds) => now.plus_seconds(*seconds),
            Wait::SecondsPath(_) | Wait::Timestamp(_) | Wait::TimestampPath(_) => {
                let value = input.value()?;
                self.evaluate(frame, value, |scope| wait.until(scope.documents, now))?
            }
        };
        if until <= now {
            return Ok(Step::Result(input));
        }
        let timer = self.new_timer();
        self.emit(frame, EventKind::WaitSet { timer, until }, None);
        self.wake(timer, until);
        Ok(Step::Block)
    }

    /// The timer was due.
    pub(super) fn waited(&mut self, frame: FrameId) -> Step {
        let Some(state) = self.state(frame) else { return Step::Block };
        match self.filtered(frame, state) {
            Ok(input) => Step::Result(input),
            Err(trouble) => self.troubled(frame, trouble),
        }
    }
}
