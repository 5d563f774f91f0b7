//! The rows of a pipeline: what the lists show, keyed so that each filter is a range.
//!
//! Rows that the API shows hold the JSON of its answer's element, so a page is a concatenation.
//! Times in keys are turned around, so that an ascending scan starts with the newest; `seq` counts
//! the executions of a pipeline (its actions, its rules) from 0 and breaks ties.
//!
//! | view | key | row |
//! |---|---|---|
//! | [`EXECUTIONS`] | [`newest_first`] | the execution's id, 16 bytes |
//! | [`EXECUTION`] | execution id | [`ExecutionRow`] as JSON |
//! | [`SUCCEEDED_IN_STAGE`] | [`of_name`] of the stage | the execution's id, 16 bytes |
//! | [`CARGO`] | execution id | [`crate::signal::Cargo`] as JSON |
//! | [`ACTIONS`] | [`newest_first`] | `ActionExecutionDetail` as JSON |
//! | [`ACTIONS_OF_EXECUTION`] | [`of_execution`] | key in [`ACTIONS`], 12 bytes |
//! | [`LATEST_ACTIONS_OF_EXECUTION`] | [`of_execution`]; gone when a retry runs the action anew | key in [`ACTIONS`] |
//! | [`ACTION_BY_ID`] | action execution id | key in [`ACTIONS`] |
//! | [`RULES`], [`RULES_OF_EXECUTION`], [`LATEST_RULES_OF_EXECUTION`] | as for actions | `RuleExecutionDetail` as JSON |
//! | [`DEPLOY_TARGETS`] | action execution id | [`TargetsRow`] as JSON |
//! | [`VERSIONS`] | version, 4 bytes big-endian | [`VersionRow`] as JSON |

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trackway_core::Timestamp;

use crate::structure::Structure;

/// Executions, newest first.
pub const EXECUTIONS: u8 = 1;
/// Executions by id.
pub const EXECUTION: u8 = 2;
/// Executions that succeeded in a stage, newest first.
pub const SUCCEEDED_IN_STAGE: u8 = 3;
/// What a rollback to an execution takes along.
pub const CARGO: u8 = 4;
/// Action executions, newest first.
pub const ACTIONS: u8 = 5;
/// Action executions of one execution, newest first.
pub const ACTIONS_OF_EXECUTION: u8 = 6;
/// The same, without those that a retry has superseded.
pub const LATEST_ACTIONS_OF_EXECUTION: u8 = 7;
/// Rule executions, newest first.
pub const RULES: u8 = 8;
/// Rule executions of one execution, newest first.
pub const RULES_OF_EXECUTION: u8 = 9;
/// The same, without those that a later one has superseded.
pub const LATEST_RULES_OF_EXECUTION: u8 = 10;
/// Versions of the structure.
pub const VERSIONS: u8 = 11;
/// Action executions by id.
pub const ACTION_BY_ID: u8 = 12;
/// What deploy actions deployed to.
pub const DEPLOY_TARGETS: u8 = 13;

/// An execution, as `GetPipelineExecution` and `ListPipelineExecutions` show it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutionRow {
    /// `PipelineExecution`, all members but `pipelineName`.
    pub execution: Value,
    /// `PipelineExecutionSummary`.
    pub summary: Value,
    /// When it left the state, milliseconds of the epoch: nothing happens to it any more. None for
    /// one that runs, or that may be retried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<i64>,
}

/// What a deploy action deployed to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetsRow {
    /// When the action started, milliseconds of the epoch.
    pub started: i64,
    /// `DeployActionExecutionTarget`s.
    pub targets: Vec<Value>,
}

/// A version of the structure.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionRow {
    /// What it says, secrets real: mask them before they are shown.
    pub structure: Structure,
    /// When the pipeline was created, milliseconds of the epoch.
    pub created: i64,
    /// When this version was made, milliseconds of the epoch.
    pub updated: i64,
}

/// The key of what started then, 12 bytes; it sorts before all that started earlier.
#[must_use]
pub fn newest_first(started: Timestamp, seq: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&(!started.0.max(0).cast_unsigned()).to_be_bytes());
    key[8..].copy_from_slice(&(!seq).to_be_bytes());
    key
}

/// When what has this [`newest_first`] key started.
#[must_use]
pub fn started(key: &[u8]) -> Option<Timestamp> {
    let bytes = key.get(..8)?.try_into().ok()?;
    Some(Timestamp((!u64::from_be_bytes(bytes)).cast_signed()))
}

/// From when on the history that this row is of is kept for a while: when the execution, the action
/// or the rule started. An execution itself stays until that long after it has left the state, and
/// what a rollback to it takes along that long after its last stage. None for rows that stay:
/// versions, and executions that run or may be retried.
///
/// It is never later than the last event that wrote the row, else the row would stay for ever.
#[must_use]
pub fn expires(view: u8, key: &[u8], row: &[u8]) -> Option<Timestamp> {
    let place = match view {
        EXECUTION => return serde_json::from_slice::<Left>(row).ok()?.left.map(Timestamp),
        CARGO => return serde_json::from_slice::<Passed>(row).ok()?.passed.map(Timestamp),
        DEPLOY_TARGETS => return serde_json::from_slice::<Begun>(row).ok()?.started.map(Timestamp),
        SUCCEEDED_IN_STAGE => key.get(1 + usize::from(*key.first()?)..)?,
        EXECUTIONS | ACTIONS | RULES => key,
        ACTIONS_OF_EXECUTION
        | LATEST_ACTIONS_OF_EXECUTION
        | RULES_OF_EXECUTION
        | LATEST_RULES_OF_EXECUTION => key.get(16..)?,
        ACTION_BY_ID => row,
        _ => return None,
    };
    started(place)
}

/// What of an [`ExecutionRow`] says when it expires.
#[derive(Deserialize)]
struct Left {
    left: Option<i64>,
}

/// What of a [`crate::signal::Cargo`] does.
#[derive(Deserialize)]
struct Passed {
    passed: Option<i64>,
}

/// What of a [`TargetsRow`] does.
#[derive(Deserialize)]
struct Begun {
    started: Option<i64>,
}

/// The key of what belongs to an execution: its id, then the [`newest_first`] key.
#[must_use]
pub fn of_execution(execution: u128, place: [u8; 12]) -> Vec<u8> {
    [execution.to_be_bytes().as_slice(), &place].concat()
}

/// The prefix of what belongs to a name; a name's length comes first, so none is another's prefix.
#[must_use]
pub fn of_name(name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap_or(u8::MAX);
    [&[length], name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_expire_by_the_start_of_what_they_are_about_and_executions_once_they_have_left() {
        let at = Timestamp(1_767_225_600_123);
        let place = newest_first(at, 7);
        let within = of_execution(9, place);
        for view in [EXECUTIONS, ACTIONS, RULES] {
            assert_eq!(expires(view, &place, b"{}"), Some(at));
        }
        for view in [
            ACTIONS_OF_EXECUTION,
            LATEST_ACTIONS_OF_EXECUTION,
            RULES_OF_EXECUTION,
            LATEST_RULES_OF_EXECUTION,
        ] {
            assert_eq!(expires(view, &within, &place), Some(at));
            assert_eq!(expires(view, &within[..10], &place), None);
        }
        assert_eq!(expires(ACTION_BY_ID, &[9; 16], &place), Some(at));
        let of_stage = [of_name("Build").as_slice(), &place].concat();
        assert_eq!(expires(SUCCEEDED_IN_STAGE, &of_stage, &[9; 16]), Some(at));
        assert_eq!(expires(SUCCEEDED_IN_STAGE, &of_stage[..9], &[9; 16]), None);
        for (view, member) in [(EXECUTION, "left"), (CARGO, "passed"), (DEPLOY_TARGETS, "started")]
        {
            let row = format!("{{\"{member}\":{},\"more\":[]}}", at.0);
            assert_eq!(expires(view, &[9; 16], row.as_bytes()), Some(at));
            assert_eq!(expires(view, &[9; 16], b"{}"), None);
            assert_eq!(expires(view, &[9; 16], b"damaged"), None);
        }
        assert_eq!(expires(VERSIONS, &[0, 0, 0, 1], b"{}"), None);
    }
}
