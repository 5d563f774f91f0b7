//! What lists show of a run, and the rows of its targets.

use serde::{Deserialize, Serialize};
use trackway_core::{Rows, Timestamp};

use super::event::{Event, EventKind};
use super::{AssociationRun, Target};
use crate::ids::uuid_text;
use crate::spec::{AlarmConfiguration, DocumentKind, TriggeredAlarm};
use crate::status::{Counts, Status};

/// The view of a run's targets: resource id to [`TargetRow`], as JSON.
pub const VIEW_TARGETS: u8 = 1;

/// What a list shows of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Columns {
    /// The association's id.
    pub association_id: String,
    /// Which of its versions.
    pub association_version: u32,
    /// Its id.
    pub execution_id: String,
    /// Its status.
    pub status: Status,
    /// How many targets stand how.
    pub counts: Counts,
    /// When something of it happened last, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_execution_ms: Option<i64>,
    /// Its alarms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm_configuration: Option<AlarmConfiguration>,
    /// Those that stopped it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggered_alarms: Vec<TriggeredAlarm>,
    /// The version of the document that it applies.
    pub document_version: String,
    /// Whether its targets are known, or won't be any more.
    pub is_resolved: bool,
}

impl Columns {
    pub(super) fn of(run: &AssociationRun) -> Self {
        let call = &run.input.call;
        Self {
            association_id: call.association_id.clone(),
            association_version: call.association_version,
            execution_id: call.execution_id.clone(),
            status: run.status(),
            counts: run.counts.clone(),
            last_execution_ms: run.last_execution.map(Timestamp::as_millis),
            alarm_configuration: call.spec.alarm_configuration.clone(),
            triggered_alarms: run.triggered.clone(),
            document_version: run.input.document.version.clone(),
            is_resolved: run.fanout.is_some() || run.closed.is_some(),
        }
    }

    /// Its bytes.
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

/// A target, as its row has it. Its id is the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TargetRow {
    /// Its status.
    pub status: Status,
    /// The finer word, where it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// When something of it happened last, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_execution_ms: Option<i64>,
    /// The child that was started for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub child: Option<String>,
    /// What that is.
    pub kind: DocumentKind,
}

impl TargetRow {
    /// Its bytes.
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

pub(super) fn project(run: &AssociationRun, event: &Event, at: Timestamp, rows: &mut Rows) {
    let put = |target: &Target, details: Option<String>, rows: &mut Rows| {
        let has_begun = target.status != Status::Pending;
        let row = TargetRow {
            status: target.status,
            details,
            last_execution_ms: has_begun.then_some(at.as_millis()),
            child: (target.child != 0).then(|| uuid_text(target.child)),
            kind: run.input.document.kind,
        };
        rows.put(VIEW_TARGETS, target.id.as_bytes(), row.encode());
    };
    match &event.kind {
        EventKind::TargetsFound(_) => {
            run.targets.iter().for_each(|target| put(target, None, rows));
        }
        EventKind::TargetStarted { target, .. } => {
            run.targets.get(*target as usize).iter().for_each(|target| put(target, None, rows));
        }
        EventKind::TargetEnded { target, details, .. } => {
            let target = run.targets.get(*target as usize);
            target.iter().for_each(|target| put(target, details.clone(), rows));
        }
        EventKind::RestEnded(_) | EventKind::Stopped(_) => {
            let swept = run.swept.iter().filter_map(|target| run.targets.get(*target as usize));
            swept.for_each(|target| put(target, None, rows));
        }
        _ => {}
    }
}
