//! What the catalog keeps of state machines and activities.
//!
//! A record is its version byte and the postcard of its struct; a struct, once released, is only
//! superseded.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;
use trackway_engine::Fault;

/// The version that is written.
const VERSION: u8 = 1;

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

/// Writes a record.
pub(super) fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, Fault> {
    postcard::to_extend(record, vec![VERSION])
        .map_err(|error| Fault::new(format!("could not encode a catalog record: {error}")))
}

/// Reads a record.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    let broken = |why: String| Fault::new(format!("could not read a catalog record: {why}"));
    match bytes.split_first() {
        Some((&VERSION, body)) => {
            postcard::from_bytes(body).map_err(|error| broken(error.to_string()))
        }
        Some((version, _)) => Err(broken(format!("it has version {version}"))),
        None => Err(broken("it is empty".to_owned())),
    }
}
