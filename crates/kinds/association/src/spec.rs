//! What an association says: the checked input of CreateAssociation or UpdateAssociation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::schedule::Schedule;
use crate::schedule::rules::{Terms, check};

/// One version of an association. Members are named as in the API; one that was not given is not
/// there. Who makes one has checked it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Spec {
    /// The document's name, or its ARN, as it was given.
    pub name: String,
    /// `$DEFAULT` where it was not given.
    pub document_version: String,
    /// The legacy form's node; [`Spec::targets`] names it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// The document's parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Vec<String>>,
    /// Which nodes; keys in AWS's spelling.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
    /// Days that each slot is late by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_offset: Option<u8>,
    /// Hours after which a run is cut off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<u8>,
    /// Whether only a slot makes it run.
    pub apply_only_at_cron_interval: bool,
    /// `OutputLocation`, as the API has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_location: Option<Value>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association_name: Option<String>,
    /// The parameter of an Automation document that takes the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automation_target_parameter_name: Option<String>,
    /// A number or a percentage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<String>,
    /// A number or a percentage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<String>,
    /// The severity of its compliance items.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliance_severity: Option<String>,
    /// `AUTO` or `MANUAL`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_compliance: Option<String>,
    /// Change Calendar documents: it runs only while they are open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calendar_names: Vec<String>,
    /// `TargetLocations`, as the API has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_locations: Option<Value>,
    /// `TargetMaps`, as the API has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_maps: Option<Value>,
    /// CloudWatch alarms that stop it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm_configuration: Option<AlarmConfiguration>,
    /// `AssociationDispatchAssumeRole`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub association_dispatch_assume_role: Option<String>,
}

/// One condition that nodes are chosen by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Target {
    /// `InstanceIds`, `tag:KEY` and the like.
    pub key: String,
    /// Any of these.
    pub values: Vec<String>,
}

/// CloudWatch alarms, as the API has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AlarmConfiguration {
    /// Whether it goes on when the alarms can't be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_poll_alarm_failure: Option<bool>,
    /// Which.
    pub alarms: Vec<Alarm>,
}

/// One alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Alarm {
    /// Its name.
    pub name: String,
}

/// An alarm that stopped a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TriggeredAlarm {
    /// Its name.
    pub name: String,
    /// `ALARM`, or `UNKNOWN` where it could not be looked at.
    pub state: String,
}

impl Spec {
    /// Its schedule; none if it has none, or one that this version can't read.
    #[must_use]
    pub fn schedule(&self) -> Option<Schedule> {
        check(self.terms()).ok().flatten()
    }

    /// What [`check`] looks at.
    #[must_use]
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            expression: self.schedule_expression.as_deref(),
            offset_days: self.schedule_offset,
            only_at_interval: self.apply_only_at_cron_interval,
            duration_hours: self.duration,
        }
    }

    /// Whether going from `earlier` to this makes it run at once. Source: "About schedules" of the
    /// user guide; a change of the document or of the targets is one too.
    #[must_use]
    pub fn is_to_run_after(&self, earlier: &Self) -> bool {
        let changes = self.name != earlier.name
            || self.document_version != earlier.document_version
            || self.parameters != earlier.parameters
            || self.schedule_expression != earlier.schedule_expression
            || self.output_location != earlier.output_location
            || self.targets != earlier.targets;
        changes && !self.apply_only_at_cron_interval
    }
}

/// What the document is that an association applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DocumentKind {
    /// Run Command carries it to nodes.
    #[default]
    Command,
    /// Automation runs it.
    Automation,
}

/// What was known of the document when a run began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Document {
    /// What it is.
    pub kind: DocumentKind,
    /// The version that `$DEFAULT` or `$LATEST` stood for.
    pub version: String,
    /// Why it can't be run, such as that it was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
