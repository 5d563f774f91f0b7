//! The rule CloudWatchAlarm: whether an alarm is in a state that it should not be in.
//!
//! Before a stage is entered, and after one failed, the rule succeeds as soon as the alarm is in none
//! of `AlarmStates` (`ALARM` unless given), and fails if it still is after `WaitTime` minutes. After a
//! stage succeeded the rule keeps watch: it fails as soon as the alarm is in one of them, and succeeds
//! after `WaitTime` minutes without. AWS documents the first; of the second it says that a stage is
//! rolled back "if a CloudWatch alarm goes into ALARM state within 60 minutes".

use std::time::Duration;

use serde_json::json;
use trackway_pipeline::request::Details;
use trackway_pipeline::signal::ConditionKind;

use crate::elsewhere::{Answer, Failure, Pace, Running, done, list, settle, text};
use crate::runners::Run;

/// The states that an alarm has.
const STATES: [&str; 3] = ["ALARM", "OK", "INSUFFICIENT_DATA"];

/// Runs the rule.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    let name = run.required("AlarmName")?;
    let bad = states(run.setting("AlarmStates").unwrap_or("ALARM"))?;
    let deadline = run.call.started.saturating_add(wait_ms(run)?);
    let keeps_watch = run.call.condition == Some(ConditionKind::OnSuccess);
    let mut pace = Pace::default();
    loop {
        let input =
            json!({ "AlarmNames": [name], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] });
        let seen = pace.bear(run.service("cloudwatch").call("DescribeAlarms", input).await)?;
        let is_late = jiff::Timestamp::now().as_millisecond() >= deadline;
        if let Some(seen) = seen {
            let both = [list(&seen, "MetricAlarms"), list(&seen, "CompositeAlarms")];
            let alarm = both.into_iter().flatten().next();
            let alarm =
                alarm.ok_or_else(|| Failure::job(format!("The alarm {name} does not exist.")))?;
            let state = text(alarm, "StateValue");
            if let Some(answer) = judged(name, state, (bad.contains(&state), keeps_watch, is_late))
            {
                return answer;
            }
        }
        until(deadline, &mut pace).await;
    }
}

/// What the alarm's state comes to: whether it is a bad one, whether the rule keeps watch, and whether
/// its time is up.
fn judged(
    name: &str,
    state: &str,
    (is_bad, keeps_watch, is_late): (bool, bool, bool),
) -> Option<Answer> {
    let summary = format!("The alarm {name} is in state {state}.");
    let details = Details { summary: Some(summary.clone()), ..Details::default() };
    match (is_bad, keeps_watch, is_late) {
        (true, true, _) | (true, false, true) => Some(Err(Failure::job(summary).with(details))),
        (false, false, _) | (false, true, true) => Some(Ok(done(details))),
        (true, false, false) | (false, true, false) => None,
    }
}

/// Until the next look, but not longer than the rule has.
async fn until(deadline: i64, pace: &mut Pace) {
    let left = deadline.saturating_sub(jiff::Timestamp::now().as_millisecond());
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(0).max(1));
    // Out of time is time for the last look.
    let _is_late = tokio::time::timeout(left, pace.wait()).await;
}

fn states(written: &str) -> Result<Vec<&str>, Failure> {
    let states: Vec<&str> = written.split(',').map(str::trim).collect();
    match states.iter().find(|state| !STATES.contains(state)) {
        None => Ok(states),
        Some(other) => Err(Failure::configuration(format!(
            "AlarmStates has {other:?}, which is none of ALARM, OK and INSUFFICIENT_DATA."
        ))),
    }
}

/// `WaitTime`, in milliseconds.
fn wait_ms(run: &Run) -> Result<i64, Failure> {
    let Some(written) = run.setting("WaitTime") else { return Ok(0) };
    let minutes: Option<u32> = written.parse().ok();
    minutes.map(|minutes| i64::from(minutes) * 60_000).ok_or_else(|| {
        Failure::configuration(format!("WaitTime is {written:?}, but must be a number of minutes."))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_waited_for_or_watched() {
        let of = |is_bad, keeps_watch, is_late| {
            judged("a", "S", (is_bad, keeps_watch, is_late)).map(|answer| answer.is_ok())
        };
        assert_eq!(of(false, false, false), Some(true));
        assert_eq!(of(true, false, false), None);
        assert_eq!(of(true, false, true), Some(false));
        assert_eq!(of(true, true, false), Some(false));
        assert_eq!(of(false, true, false), None);
        assert_eq!(of(false, true, true), Some(true));
    }

    #[test]
    fn states_are_those_of_alarms() {
        assert_eq!(states("ALARM, OK").unwrap(), ["ALARM", "OK"]);
        assert!(states("Alarm").is_err());
    }
}
