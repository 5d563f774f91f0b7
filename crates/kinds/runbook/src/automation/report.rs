//! What an execution leaves behind for whoever waits for it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The end of an execution, as `Command::Close` carries it: JSON text, by the API's names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report {
    /// `AutomationExecutionId`.
    pub automation_execution_id: String,
    /// `AutomationExecutionStatus`.
    pub automation_execution_status: String,
    /// `Outputs`: lists of texts.
    #[serde(default)]
    pub outputs: Value,
    /// `FailureMessage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
}

impl Report {
    /// Its bytes, for `Command::Close`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Self::encode`] wrote; none if it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}
