//! What a node is to do: a Command document with its parameters filled in.
//!
//! A plan is data that travels to a node and is carried out there without the document. It is the
//! room's whole contract with performers: they depend on these types and on nothing else of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The steps of a command on one node, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The document's schema: `1.2`, `2.0` or `2.2`.
    pub schema_version: String,
    /// The steps, those that are skipped too: each is a plugin of the invocation.
    pub steps: Vec<PlanStep>,
    /// Variables for the scripts: `SSM_NAME` of each parameter with `interpolationType: ENV_VAR`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStep {
    /// The plugin's name in the API: the step's name; the action in schema 1.2.
    pub name: String,
    /// The action, such as `aws:runShellScript`.
    pub action: String,
    /// Its inputs, a map, with every parameter filled in.
    #[serde(default)]
    pub inputs: Value,
    /// After how many seconds it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// What its failure means for the steps after it; none if they go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Whether the document ends when this step succeeds.
    #[serde(default)]
    pub exit_on_success: bool,
    /// Whether it runs even where a step before it ended the document. Only the last step does.
    #[serde(default)]
    pub finally_step: bool,
    /// How often it is tried; once if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Why it is skipped, which is no failure; none if it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_reason: Option<String>,
    /// Why it fails without being run; none if it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_reason: Option<String>,
}

/// What a step's failure means for the steps after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// They are skipped.
    Exit,
    /// They are skipped, and the step counts as a success.
    SuccessAndExit,
}

/// The operating system of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Platform {
    /// `Windows`.
    Windows,
    /// `Linux`.
    Linux,
    /// `MacOS`.
    #[serde(rename = "MacOS")]
    MacOs,
}

impl Platform {
    /// All, in the order in which DescribeDocument lists them.
    pub const ALL: [Platform; 3] = [Platform::Windows, Platform::Linux, Platform::MacOs];

    /// AWS's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Platform::Windows => "Windows",
            Platform::Linux => "Linux",
            Platform::MacOs => "MacOS",
        }
    }

    /// From AWS's word, in any case.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(word))
    }
}
