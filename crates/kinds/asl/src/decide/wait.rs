//! Wait: goes on when a timer is due.

use serde_json::Value;
use trackway_core::Timestamp;

use super::data::{Doc, Trouble};
use super::{Decide, Step};
use crate::definition::{State, Wait};
use crate::event::{EventKind, FrameId};
use crate::jsonpath::Path;

/// The longest that a state waits: AWS ends an execution after a year, but takes delays up to the
/// seconds that fit in 31 bits.
const DELAY_SECONDS_MAX: i64 = i32::MAX as i64;

impl Decide<'_, '_> {
    pub(super) fn wait(
        &mut self,
        frame: FrameId,
        state: &State,
        wait: &Wait,
    ) -> Result<Step, Trouble> {
        let input = self.filtered(frame, state)?;
        let until = self.due(frame, &input, wait)?;
        if until - self.turn.now() > DELAY_SECONDS_MAX.saturating_mul(1000) {
            return Err(Trouble::runtime("Wait state delay is too long."));
        }
        if until <= self.turn.now() {
            return Ok(Step::Result(input));
        }
        let timer = self.new_timer();
        self.emit(frame, EventKind::WaitSet { timer, until }, None);
        self.wake(timer, until);
        Ok(Step::Block)
    }

    fn due(&mut self, frame: FrameId, input: &Doc, wait: &Wait) -> Result<Timestamp, Trouble> {
        match wait {
            Wait::Seconds(seconds) => Ok(self.turn.now().plus_seconds(*seconds)),
            Wait::Timestamp(text) => parse(text).ok_or_else(|| {
                Trouble::runtime(format!("The Timestamp parameter is not a valid time: {text}"))
            }),
            Wait::SecondsPath(path) => {
                let value = self.lookup(frame, input, path, "SecondsPath")?;
                let seconds = seconds(&value, path.source())?;
                Ok(self.turn.now().plus_seconds(seconds))
            }
            Wait::TimestampPath(path) => {
                let value = self.lookup(frame, input, path, "TimestampPath")?;
                value.as_str().and_then(parse).ok_or_else(|| {
                    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    Trouble::runtime(format!(
                        "The TimestampPath parameter does not reference a valid ISO-8601 extended \
                         offset date-time format string: {} == {shown}",
                        path.source()
                    ))
                })
            }
        }
    }

    fn lookup(
        &mut self,
        frame: FrameId,
        input: &Doc,
        path: &Path,
        field: &str,
    ) -> Result<Value, Trouble> {
        let value = input.value()?;
        let found = self
            .with_scope(frame, value, None, |scope| Ok(scope.read(path)?.into_owned()));
        found.map_err(|_| {
            let path = path.source();
            Trouble::runtime(format!("The {field} parameter does not reference an input value: {path}"))
        })
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

fn seconds(value: &Value, path: &str) -> Result<u64, Trouble> {
    if let Some(seconds) = value.as_u64() {
        return Ok(seconds);
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let parsed = text.parse::<i64>().map_err(|_| {
        Trouble::runtime(format!(
            "The SecondsPath parameter cannot be parsed as a long value: {path} == {text}"
        ))
    })?;
    u64::try_from(parsed).map_err(|_| {
        Trouble::runtime(format!(
            "The SecondsPath parameter references a negative value: {path} == {text}"
        ))
    })
}

/// A moment in the extended ISO-8601 form with an offset, the only one that AWS takes.
fn parse(text: &str) -> Option<Timestamp> {
    let has_t = text.as_bytes().get(10) == Some(&b'T');
    let time: jiff::Timestamp = if has_t { text.parse().ok()? } else { return None };
    // jiff takes `2016-12-05T21` and bracketed zones as well.
    let is_extended = text.as_bytes().get(16) == Some(&b':') && !text.contains('[');
    is_extended.then(|| Timestamp(time.as_millisecond()))
}
