//! aws:sleep.

use serde_json::Map;

use super::work::{Answer, Decided, Then, View};
use crate::automation::clock;
use crate::automation::failure::Failure;
use crate::automation::limits::SLEEP_SECONDS_MAX;
use crate::document::duration_seconds;

pub(super) fn sleep(view: &View<'_>, answer: Answer) -> Decided {
    if !matches!(answer, Answer::Begin) {
        return Ok(Then::Done(Map::new()));
    }
    let until = match (view.text("Duration"), view.text("Timestamp")) {
        (Some(duration), None) => {
            let seconds = duration_seconds(duration)
                .ok_or_else(|| Failure::input(&format!("Duration {duration} can't be read")))?;
            view.now.plus_seconds(seconds)
        }
        (None, Some(moment)) => clock::moment(moment)
            .ok_or_else(|| Failure::input(&format!("Timestamp {moment} can't be read")))?,
        _ => return Err(Failure::input("Either Duration or Timestamp is required")),
    };
    if until > view.now.plus_seconds(SLEEP_SECONDS_MAX) {
        let why = format!("The maximum length of a sleep is {SLEEP_SECONDS_MAX} seconds");
        return Err(Failure::input(&why));
    }
    if until <= view.now {
        return Ok(Then::Done(Map::new()));
    }
    Ok(Then::Wait { until, stage: 1 })
}
