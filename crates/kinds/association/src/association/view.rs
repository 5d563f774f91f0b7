//! What lists show of an association, and the rows of its views.

use serde::{Deserialize, Serialize};
use trackway_core::{Rows, Timestamp};

use super::event::{Event, EventKind, Trigger};
use super::{Association, Awaited};
use crate::ids::uuid_text;
use crate::spec::Spec;
use crate::status::{Counts, Status};

/// The view of its versions: [`version_key`] to [`Version`], as JSON.
pub const VIEW_VERSIONS: u8 = 1;
/// The view of its latest run on each node that it ran on alone: node id to [`LastNodeRun`].
pub const VIEW_NODES: u8 = 2;

/// What a list shows of an association, and a description too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Columns {
    /// Its id.
    pub association_id: String,
    /// Its latest version.
    pub version: u32,
    /// What that says.
    pub spec: Spec,
    /// When it was created, in milliseconds.
    pub created_ms: i64,
    /// When it got its latest version.
    pub updated_ms: i64,
    /// `Overview.Status`.
    pub status: String,
    /// `Overview.DetailedStatus`.
    pub detailed_status: String,
    /// `Overview.AssociationStatusAggregatedCount`, of runs that have ended.
    pub counts: Counts,
    /// When a run ended last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_execution_ms: Option<i64>,
    /// When one ended well last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_success_ms: Option<i64>,
    /// The latest run over all targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_run: Option<String>,
    /// When that began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latest_run_ms: Option<i64>,
    /// Whether that goes on.
    pub is_running: bool,
    /// What UpdateAssociationStatus set, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legacy_status: Option<String>,
}

impl Columns {
    pub(super) fn of(association: &Association) -> Self {
        let (status, detailed_status) = overview(association);
        let latest = association.latest_run;
        let is_latest = |run: u128| latest.is_some_and(|(id, _)| id == run);
        Self {
            association_id: association.id.clone(),
            version: association.version,
            spec: (*association.spec).clone(),
            created_ms: association.created.as_millis(),
            updated_ms: association.updated.as_millis(),
            status: status.to_owned(),
            detailed_status: detailed_status.to_owned(),
            counts: association.counts.clone(),
            last_execution_ms: association.last_execution.map(Timestamp::as_millis),
            last_success_ms: association.last_success.map(Timestamp::as_millis),
            latest_run: latest.map(|(run, _)| uuid_text(run)),
            latest_run_ms: latest.map(|(_, at)| at.as_millis()),
            is_running: association.runs().any(|(_, running)| is_latest(running.run)),
            legacy_status: association.legacy_status.clone(),
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

/// `Overview.Status` and `Overview.DetailedStatus`: pending while it runs or is about to, then what
/// the last run came to.
fn overview(association: &Association) -> (&'static str, &'static str) {
    let is_busy = association.postponed.is_some()
        || association.effects.values().any(|awaited| !matches!(awaited, Awaited::Stop));
    match association.result {
        Some(result) if !is_busy => (coarse(result), result.name()),
        Some(_) => ("Pending", "InProgress"),
        None => ("Pending", "Associated"),
    }
}

/// An association's `Status` has three words only; `DetailedStatus` has the finer one.
#[must_use]
pub fn coarse(status: Status) -> &'static str {
    match status {
        Status::Pending | Status::InProgress => "Pending",
        Status::Success | Status::Skipped => "Success",
        Status::Failed | Status::TimedOut | Status::Cancelled => "Failed",
    }
}

/// A version, as its row has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Version {
    /// What it says.
    pub spec: Spec,
    /// When it was made, in milliseconds.
    pub created_ms: i64,
}

/// The latest run on a node alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LastNodeRun {
    /// The run's id.
    pub execution_id: String,
    /// When it began, in milliseconds.
    pub started_ms: i64,
}

/// The key of a version in [`VIEW_VERSIONS`]: they sort by number.
#[must_use]
pub fn version_key(version: u32) -> [u8; 4] {
    version.to_be_bytes()
}

pub(super) fn project(association: &Association, event: &Event, at: Timestamp, rows: &mut Rows) {
    match &event.kind {
        EventKind::Versioned(version) => {
            let row = Version { spec: (*association.spec).clone(), created_ms: at.as_millis() };
            let row = serde_json::to_vec(&row).unwrap_or_default();
            rows.put(VIEW_VERSIONS, version_key(*version), row);
        }
        EventKind::RunStarted { run, trigger: Trigger::Node { node, .. }, .. } => {
            let row = LastNodeRun { execution_id: uuid_text(*run), started_ms: at.as_millis() };
            let row = serde_json::to_vec(&row).unwrap_or_default();
            rows.put(VIEW_NODES, node.as_bytes(), row);
        }
        _ => {}
    }
}
