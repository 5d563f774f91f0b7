//! The rule types that AWS has built in. Source: "Rule structure reference".

use serde::Serialize;

use super::table::Key::{self, Optional, Required};
use super::table::counts;
use super::{Counts, Property};
use crate::request::TypeId;

/// `RuleType`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleType {
    /// What names it.
    pub id: TypeId,
    /// The keys of its configuration.
    pub rule_configuration_properties: Vec<Property>,
    /// How many input artifacts.
    pub input_artifact_details: Counts,
}

/// Provider, input artifacts, keys.
const RULES: &[(&str, (u32, u32), &[Key])] = &[
    (
        "CloudWatchAlarm",
        (0, 0),
        &[Required("AlarmName"), Optional("AlarmStates"), Optional("WaitTime")],
    ),
    (
        "CodeBuild",
        (0, 5),
        &[
            Required("ProjectName"),
            Optional("PrimarySource"),
            Optional("EnvironmentVariables"),
            Optional("BatchEnabled"),
            Optional("CombineArtifacts"),
            Optional("BuildspecOverride"),
        ],
    ),
    ("Commands", (0, 10), &[]),
    ("DeploymentWindow", (0, 0), &[Required("Cron"), Optional("TimeZone")]),
    ("LambdaInvoke", (0, 5), &[Required("FunctionName"), Optional("UserParameters")]),
    ("VariableCheck", (0, 0), &[Required("Variable"), Required("Operator"), Required("Value")]),
];

/// Every rule type, by provider.
pub fn rule_types() -> impl Iterator<Item = RuleType> {
    RULES.iter().map(|(provider, inputs, keys)| RuleType {
        id: TypeId {
            category: "Rule".to_owned(),
            owner: "AWS".to_owned(),
            provider: (*provider).to_owned(),
            version: "1".to_owned(),
        },
        rule_configuration_properties: keys.iter().map(Key::property).collect(),
        input_artifact_details: counts(*inputs),
    })
}

/// A rule type.
#[must_use]
pub fn find_rule(type_id: &TypeId) -> Option<RuleType> {
    rule_types().find(|known| known.id == *type_id)
}
