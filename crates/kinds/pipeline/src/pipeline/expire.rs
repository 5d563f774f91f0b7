//! Which moment a row belongs to: rows leave with the history, action executions by their start.

use serde_json::Value;
use trackway_core::Timestamp;

use crate::signal::Cargo;
use crate::views::{
    ACTION_BY_ID, ACTIONS, ACTIONS_OF_EXECUTION, CARGO, DEPLOY_TARGETS, EXECUTION, EXECUTIONS,
    LATEST_ACTIONS_OF_EXECUTION, LATEST_RULES_OF_EXECUTION, RULES, RULES_OF_EXECUTION,
    SUCCEEDED_IN_STAGE, started,
};

/// Bytes of a [`crate::views::newest_first`] key.
const PLACE: usize = 12;

/// When what this row shows has started; none for what stays as long as the pipeline.
pub(super) fn moment(view: u8, key: &[u8], row: &[u8]) -> Option<Timestamp> {
    match view {
        EXECUTIONS | ACTIONS | RULES => started(key),
        SUCCEEDED_IN_STAGE
        | ACTIONS_OF_EXECUTION
        | LATEST_ACTIONS_OF_EXECUTION
        | RULES_OF_EXECUTION
        | LATEST_RULES_OF_EXECUTION => started(key.get(key.len().checked_sub(PLACE)?..)?),
        ACTION_BY_ID => started(row),
        EXECUTION => read(row)?.pointer("/summary/startTime").and_then(seconds),
        CARGO => serde_json::from_slice(row).ok().map(|cargo: Cargo| Timestamp(cargo.started)),
        DEPLOY_TARGETS => read(row)?.pointer("/0/startTime").and_then(seconds),
        _ => None,
    }
}

fn read(row: &[u8]) -> Option<Value> {
    serde_json::from_slice(row).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds")]
fn seconds(value: &Value) -> Option<Timestamp> {
    value.as_f64().map(|seconds| Timestamp((seconds * 1000.0).round() as i64))
}
