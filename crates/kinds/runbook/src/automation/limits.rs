//! Limits, each with AWS's own quota.

/// Seconds that an approval may take if its step does not say; AWS: 7 days.
pub const APPROVE_SECONDS: u64 = 604_800;
/// Seconds that a script may take; AWS: 600.
pub const SCRIPT_SECONDS: u64 = 600;
/// Seconds that aws:waitForAwsResourceProperty waits if its step does not say; AWS: 3,600.
pub const WAIT_PROPERTY_SECONDS: u64 = 3600;
/// Seconds that aws:sleep may last; AWS: 604,799.
pub const SLEEP_SECONDS_MAX: u64 = 604_799;
/// Seconds that the way of `onCancel` may take; AWS: two minutes.
pub const CANCEL_SECONDS: u64 = 120;
/// Passes of a loop; AWS: 100.
pub const ITERATIONS_MAX: u64 = 100;
/// Bytes of a script's `Payload`; AWS: 100 KB.
pub const SCRIPT_PAYLOAD_BYTES_MAX: usize = 100 * 1024;
/// Bytes of a function's `Payload`; AWS: 200 KB.
pub const LAMBDA_PAYLOAD_BYTES_MAX: usize = 200 * 1024;
/// Starts and attempts of steps in one execution. AWS has no such quota, but a jump backwards that
/// never ends has to.
pub const STEPS_MAX: u32 = 25_000;
/// Bytes of all values that a step's references stand for. AWS limits what steps put out; here a
/// variable that holds itself twice, often enough, would fill the memory.
pub const REFERENCES_BYTES_MAX: usize = 1024 * 1024;
/// Steps that one turn may take; then others have theirs.
pub const TURN_STEPS_MAX: u32 = 500;
/// Bytes of inputs that count as one step more in a turn.
pub const STEP_BYTES: usize = 16 * 1024;
/// Seconds between looks at an alarm.
pub const ALARM_SECONDS: u64 = 60;
/// How many resolved targets an execution shows; there may be more.
pub const RESOLVED_TARGETS_SHOWN: u32 = 50;
/// `MaxConcurrency` if it is not given; AWS: 10.
pub const MAX_CONCURRENCY: &str = "10";
/// `MaxErrors` if it is not given.
pub const MAX_ERRORS: &str = "0";

/// Seconds before the next look at a resource: 1, 2, 4, 8, then 15.
#[must_use]
pub fn poll_seconds(polls: u32) -> u64 {
    (1_u64 << polls.min(4)).min(15)
}
