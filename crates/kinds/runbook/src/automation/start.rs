//! What an execution is started with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What `Start.attributes` holds: all that StartAutomationExecution was given or found out, but for
/// the parameters, which are `Start.input`: `{"parameters": {NAME: typed value, …}}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedWith {
    /// `AutomationExecutionId`, a UUID.
    pub execution_id: String,
    /// `DocumentName`, as it is shown.
    pub document_name: String,
    /// `DocumentVersion`, the resolved number.
    pub document_version: String,
    /// `ExecutedBy`: the caller's ARN.
    pub executed_by: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// `Mode`.
    pub mode: Mode,
    /// `ParentAutomationExecutionId`.
    pub parent_execution_id: Option<String>,
    /// `Target`: what a rate control's child is for.
    pub target: Option<String>,
    /// `TargetParameterName`. With it or with target maps the execution is a rate control.
    pub target_parameter_name: Option<String>,
    /// `Targets`.
    pub targets: Vec<Target>,
    /// `TargetMaps`.
    pub target_maps: Vec<BTreeMap<String, Vec<String>>>,
    /// `MaxConcurrency`, as given.
    pub max_concurrency: Option<String>,
    /// `MaxErrors`, as given.
    pub max_errors: Option<String>,
    /// `AlarmConfiguration`.
    pub alarms: Option<AlarmConfiguration>,
    /// `AssociationId`.
    pub association_id: Option<String>,
    /// `ClientToken`.
    pub client_token: Option<String>,
}

/// The first byte of encoded [`StartedWith`].
const VERSION: u8 = 1;

impl StartedWith {
    /// Its bytes, for `Start.attributes`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// Reads what [`Self::encode`] wrote; none if it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first() {
            Some((&VERSION, rest)) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }

    /// Whether it runs one child for each target instead of the document's steps.
    #[must_use]
    pub fn is_rate_control(&self) -> bool {
        !self.target_maps.is_empty()
            || (self.target_parameter_name.is_some() && !self.targets.is_empty())
    }

    /// `ACCOUNT/REGION` of the execution: whose its calls are.
    #[must_use]
    pub fn scope(&self) -> Option<String> {
        let is_known = !self.account.is_empty() && !self.region.is_empty();
        is_known.then(|| format!("{}/{}", self.account, self.region))
    }

    /// The partition of its region: `{{ global:AWS_PARTITION }}`.
    #[must_use]
    pub fn partition(&self) -> &'static str {
        match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("us") if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

/// `Mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Steps follow one another by themselves.
    #[default]
    Auto,
    /// Each step waits to be started.
    Interactive,
}

impl Mode {
    /// AWS's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Interactive => "Interactive",
        }
    }
}

/// One of `Targets`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Target {
    /// `Key`.
    pub key: String,
    /// `Values`.
    pub values: Vec<String>,
}

/// `AlarmConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmConfiguration {
    /// `IgnorePollAlarmFailure`.
    pub ignore_poll_alarm_failure: bool,
    /// The names of `Alarms`.
    pub alarms: Vec<String>,
}

/// One of `TriggeredAlarms`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TriggeredAlarm {
    /// `Name`.
    pub name: String,
    /// `State`: `ALARM` or `UNKNOWN`.
    pub state: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_can_be_read() {
        let with = StartedWith {
            execution_id: "x".into(),
            target_maps: vec![BTreeMap::from([("A".to_owned(), vec!["1".to_owned()])])],
            ..StartedWith::default()
        };
        assert_eq!(StartedWith::decode(&with.encode()), Some(with));
        assert_eq!(StartedWith::decode(b""), None);
        assert_eq!(StartedWith::decode(b"\x09abc"), None);
    }

    #[test]
    fn partitions_follow_regions() {
        let of = |region: &str| {
            StartedWith { region: region.into(), ..StartedWith::default() }.partition()
        };
        assert_eq!(of("us-east-1"), "aws");
        assert_eq!(of("cn-north-1"), "aws-cn");
        assert_eq!(of("us-gov-west-1"), "aws-us-gov");
    }
}
