//! What the catalog keeps of state machines and activities.

use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;

pub(super) use crate::record::{decode, encode};

/// A workflow's type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum MachineType {
    #[default]
    Standard,
    Express,
}

/// A state machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StateMachine {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) machine_type: MachineType,
    pub(super) role_arn: String,
    /// SHA-256 of the definition's text, which the engine keeps.
    pub(super) definition_hash: [u8; 32],
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// None until the first update that changes something, as AWS has it.
    pub(super) revision_id: Option<String>,
    pub(super) tags: Vec<(String, String)>,
}

/// An activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activity {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) created: Timestamp,
    pub(super) tags: Vec<(String, String)>,
}
