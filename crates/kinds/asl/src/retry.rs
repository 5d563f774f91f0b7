//! Which errors a retrier or catcher takes, and how long a retry waits.

use crate::definition::Retrier;
use crate::event::Failure;
use crate::limits::{CAUSE_LENGTH_MAX, ERROR_LENGTH_MAX};

/// Why a state did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) failure: Failure,
    pub(crate) kind: FaultKind,
}

/// What kind of failure it is; it decides what catches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The work, a Fail state or a state below failed.
    Failed,
    /// `TimeoutSeconds` ran out.
    TimedOut,
    /// `HeartbeatSeconds` ran out.
    HeartbeatTimedOut,
    /// The definition does not fit the data: nothing catches it.
    Runtime,
}

/// Error name of what the definition and the data do not agree on.
pub(crate) const RUNTIME: &str = "States.Runtime";
/// Error name of time that ran out.
pub(crate) const TIMEOUT: &str = "States.Timeout";
const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
const TASK_FAILED: &str = "States.TaskFailed";
const ALL: &str = "States.ALL";

impl Fault {
    /// A failure with a name and an explanation. The name tells whether it can be caught.
    pub(crate) fn new(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::from(Failure { error: Some(error.into()), cause: Some(cause.into()) })
    }

    /// With error and cause cut to the lengths that AWS allows.
    pub(crate) fn shortened(mut self) -> Self {
        cut(&mut self.failure.error, ERROR_LENGTH_MAX);
        cut(&mut self.failure.cause, CAUSE_LENGTH_MAX);
        self
    }

    /// Whether a list of error names takes this failure.
    pub(crate) fn is_in(&self, errors: &[String]) -> bool {
        self.kind != FaultKind::Runtime && errors.iter().any(|name| self.is_named(name))
    }

    fn is_named(&self, name: &str) -> bool {
        let timed_out = matches!(self.kind, FaultKind::TimedOut | FaultKind::HeartbeatTimedOut);
        let error = self.failure.error.as_deref();
        match name {
            // States.DataLimitExceeded too: recorded, whatever the developer guide says.
            ALL => true,
            TASK_FAILED => !timed_out && error != Some(TIMEOUT),
            HEARTBEAT_TIMEOUT if self.kind == FaultKind::HeartbeatTimedOut => true,
            _ => error == Some(name),
        }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let kind = match failure.error.as_deref() {
            Some(RUNTIME) => FaultKind::Runtime,
            _ => FaultKind::Failed,
        };
        Self { failure, kind }
    }
}

fn cut(text: &mut Option<String>, length_max: usize) {
    let Some(text) = text else { return };
    if let Some((end, _)) = text.char_indices().nth(length_max) {
        text.truncate(end);
    }
}

/// How long the retry after `retries` earlier ones waits, in milliseconds. `random` is used by
/// full jitter only, and then picks a delay between nothing and the whole.
pub(crate) fn delay_ms(retrier: &Retrier, retries: u32, random: impl FnOnce() -> u64) -> i64 {
    let exponent = i32::try_from(retries).unwrap_or(i32::MAX);
    let seconds = retrier.interval_seconds as f64 * retrier.backoff_rate.powi(exponent);
    let seconds_max = retrier.max_delay_seconds.map_or(DELAY_SECONDS_MAX, |max| max as f64);
    let whole = (seconds.min(seconds_max).clamp(0.0, DELAY_SECONDS_MAX) * 1000.0).round() as i64;
    if !retrier.full_jitter {
        return whole;
    }
    let choices = whole.unsigned_abs().saturating_add(1);
    (random() % choices).cast_signed()
}

/// No retry waits longer than AWS's longest interval.
const DELAY_SECONDS_MAX: f64 = 99_999_999.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn timed_out(kind: FaultKind) -> Fault {
        Fault { kind, ..Fault::from(Failure { error: Some(TIMEOUT.to_owned()), cause: None }) }
    }

    #[test]
    fn wildcards_take_what_aws_says() {
        let failed = Fault::new("Boom", "why");
        let nameless = Fault::from(Failure::default());
        let timeout = timed_out(FaultKind::TimedOut);
        let heartbeat = timed_out(FaultKind::HeartbeatTimedOut);
        let runtime = Fault::new(RUNTIME, "why");
        let table = [
            (ALL, [true, true, true, true, false]),
            (TASK_FAILED, [true, true, false, false, false]),
            (TIMEOUT, [false, false, true, true, false]),
            (HEARTBEAT_TIMEOUT, [false, false, false, true, false]),
            (RUNTIME, [false; 5]),
            ("Boom", [true, false, false, false, false]),
        ];
        for (name, expected) in table {
            let found = [&failed, &nameless, &timeout, &heartbeat, &runtime]
                .map(|fault| fault.is_in(&names(&[name])));
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn delays_grow_to_their_maximum_and_jitter_stays_below() {
        let retrier = Retrier {
            errors: names(&[ALL]),
            interval_seconds: 3,
            max_attempts: 9,
            backoff_rate: 2.0,
            max_delay_seconds: Some(20),
            full_jitter: false,
        };
        let delays: Vec<i64> = (0..5).map(|n| delay_ms(&retrier, n, || 0)).collect();
        assert_eq!(delays, [3000, 6000, 12_000, 20_000, 20_000]);
        let jittered = Retrier { full_jitter: true, ..retrier };
        assert_eq!(delay_ms(&jittered, 0, || 3001), 0);
        assert_eq!(delay_ms(&jittered, 0, || 3000), 3000);
        assert!(delay_ms(&jittered, u32::MAX, || u64::MAX) <= 20_000);
    }
}
