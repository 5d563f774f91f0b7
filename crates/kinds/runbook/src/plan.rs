//! What a node is to do: a Command document with its parameters filled in.
//!
//! A plan is data that travels to a node and is carried out there without the document. It is the
//! room's whole contract with performers: they depend on these types and on nothing else of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The steps of a command on one node, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The steps, those that are skipped too: each is an invocation's plugin.
    pub steps: Vec<PlanStep>,
}

/// One step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanStep {
    /// The plugin's name in the API: the step's name; the action in schema 1.2.
    pub name: String,
    /// The action, such as `aws:runShellScript`.
    pub action: String,
    /// Its inputs with every parameter filled in.
    pub inputs: Map<String, Value>,
    /// After how many seconds it is stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// What its failure means for the steps after it.
    #[serde(default)]
    pub on_failure: After,
    /// What its success means for the steps after it.
    #[serde(default)]
    pub on_success: After,
    /// Whether it runs even where a step before it ended the document.
    #[serde(default)]
    pub finally: bool,
    /// How often it is tried; 1 unless the document says otherwise.
    #[serde(default = "once")]
    pub max_attempts: u32,
    /// Environment variables: `SSM_NAME` of each parameter with `interpolationType: ENV_VAR`.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Why it is skipped, which is a success; none if it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skip_reason: Option<String>,
    /// Why it fails without being run; none if it is to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_reason: Option<String>,
}

fn once() -> u32 {
    1
}

/// What follows a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum After {
    /// The next step.
    #[default]
    Continue,
    /// No further step: they are skipped.
    Exit,
    /// No further step, and the step itself counts as a success.
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
