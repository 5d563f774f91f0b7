//! What lists show of an audit: its details, its findings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use trackway_core::{Rows, Timestamp};

use super::event::{Chunk, Event};
use super::{Audit, TaskStatus, TaskType};
use crate::check::{Check, Reason, named};
use crate::limits::RELATED_SHOWN_MAX;
use crate::request::CheckError;
use crate::resource::{Info, Related, Resource};
use crate::row::{read, write};

/// One row, at [`Details::KEY`]: [`Details`].
pub const VIEW_DETAILS: u8 = 1;
/// The findings by check and place: [`Finding`].
pub const VIEW_FINDINGS: u8 = 2;
/// Where the findings about a resource are: keys only.
pub const VIEW_BY_RESOURCE: u8 = 3;
/// The related resources of findings, those that are shown with them too: [`Related`].
pub const VIEW_RELATED: u8 = 4;

named! {
    /// How far a check is. Source: `AuditCheckRunStatus`.
    CheckStatus {
        InProgress = "IN_PROGRESS",
        WaitingForDataCollection = "WAITING_FOR_DATA_COLLECTION",
        Canceled = "CANCELED",
        CompletedCompliant = "COMPLETED_COMPLIANT",
        CompletedNonCompliant = "COMPLETED_NON_COMPLIANT",
        Failed = "FAILED",
    }
}

/// All that DescribeAuditTask shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// How far it is.
    pub status: TaskStatus,
    /// What made it start.
    pub task_type: TaskType,
    /// The scheduled audit that it belongs to.
    pub schedule: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// By check.
    pub checks: BTreeMap<Check, CheckDetails>,
}

impl Details {
    /// The key of its only row.
    pub const KEY: &[u8] = b"d";

    /// Reads a row that the machine wrote; none if it is damaged.
    #[must_use]
    pub fn read(row: &[u8]) -> Option<Self> {
        read(row)
    }
}

/// What a check came to. Source: `AuditCheckDetails`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckDetails {
    /// How far it is.
    pub status: CheckStatus,
    /// Resources looked at.
    pub examined: u64,
    /// Those that don't comply and are not suppressed.
    pub non_compliant: u64,
    /// Those that don't comply and are suppressed.
    pub suppressed: u64,
    /// Findings so far, suppressed ones too.
    pub findings: u32,
    /// Why it failed.
    pub error: Option<CheckError>,
}

/// A finding. What its key and its audit say is not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// When it was found.
    pub found: Timestamp,
    /// What doesn't comply.
    pub resource: Resource,
    /// What else is known of it.
    pub info: Info,
    /// Why, as a code.
    pub code: Reason,
    /// Why, as a text.
    pub reason: String,
    /// Whether a suppression held for it.
    pub suppressed: bool,
    /// The first related resources, as many as are shown.
    pub related: Vec<Related>,
}

impl Finding {
    /// Reads a row that the machine wrote; none if it is damaged.
    #[must_use]
    pub fn read(row: &[u8]) -> Option<Self> {
        read(row)
    }
}

/// The columns of an audit's summary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// What made it start.
    pub task_type: TaskType,
    /// Whether it found anything.
    pub findings: u64,
}

impl Columns {
    /// Reads columns that the machine wrote; none if they are damaged.
    #[must_use]
    pub fn read(columns: &[u8]) -> Option<Self> {
        read(columns)
    }
}

/// Reads a row of [`VIEW_RELATED`] that the machine wrote; none if it is damaged.
#[must_use]
pub fn read_related(row: &[u8]) -> Option<Related> {
    read(row)
}

/// Where a finding's row is.
#[must_use]
pub fn finding_key(check: Check, place: u32) -> Vec<u8> {
    let mut key = vec![check.number()];
    key.extend_from_slice(&place.to_be_bytes());
    key
}

/// Where the row of one of its related resources is; all of them follow [`finding_key`].
#[must_use]
pub fn related_key(check: Check, place: u32, number: u32) -> Vec<u8> {
    let mut key = finding_key(check, place);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Where it stands that a finding is about this resource: after [`by_resource_prefix`], its
/// [`finding_key`].
#[must_use]
pub fn by_resource_key(resource: &Resource, check: Check, place: u32) -> Vec<u8> {
    let mut key = by_resource_prefix(resource);
    key.extend(finding_key(check, place));
    key
}

/// The resource as keys have it: 16 bytes.
#[must_use]
pub fn by_resource_prefix(resource: &Resource) -> Vec<u8> {
    let hash = Sha256::digest(resource.to_identifier().to_string().as_bytes());
    hash[..16].to_vec()
}

/// What an audit's summary shows beside its status.
pub(super) fn columns(audit: &Audit) -> Vec<u8> {
    write(&Columns {
        task_type: audit.birth.as_ref().map_or(TaskType::OnDemand, |birth| birth.task_type),
        findings: audit.runs.iter().map(|run| u64::from(run.findings)).sum(),
    })
}

pub(super) fn project(audit: &Audit, event: &Event, at: Timestamp, rows: &mut Rows) {
    match event {
        Event::Scanned { check, chunk, .. } => project_chunk(audit, *check, chunk, at, rows),
        Event::Began { .. } | Event::Canceled | Event::Ended { .. } => {}
        Event::Notified { .. } | Event::Closed => return,
    }
    let Some(birth) = &audit.birth else { return };
    let checks = birth.checks.iter().map(|(check, _)| *check);
    let details = Details {
        status: audit.status,
        task_type: birth.task_type,
        schedule: birth.schedule.clone(),
        started: audit.started,
        checks: checks.zip(audit.runs.iter().cloned()).collect(),
    };
    rows.put(VIEW_DETAILS, Details::KEY, write(&details));
}

fn project_chunk(audit: &Audit, check: Check, chunk: &Chunk, at: Timestamp, rows: &mut Rows) {
    let first = audit.first_place(check, chunk);
    if let Some(more) = &chunk.more_related
        && let Some(place) = first.checked_sub(1)
    {
        put_related(rows, (check, place), more.first, &more.related);
    }
    for (place, flaw) in (first..).zip(&chunk.flaws) {
        let finding = Finding {
            found: at,
            resource: flaw.resource.clone(),
            info: flaw.info.clone(),
            code: flaw.code,
            reason: flaw.reason.clone(),
            suppressed: flaw.suppressed,
            related: flaw.related.iter().take(RELATED_SHOWN_MAX).cloned().collect(),
        };
        rows.put(VIEW_FINDINGS, finding_key(check, place), write(&finding));
        rows.put(VIEW_BY_RESOURCE, by_resource_key(&flaw.resource, check, place), Vec::new());
        put_related(rows, (check, place), 0, &flaw.related);
    }
}

fn put_related(rows: &mut Rows, (check, place): (Check, u32), first: u32, all: &[Related]) {
    for (number, related) in (first..).zip(all) {
        rows.put(VIEW_RELATED, related_key(check, place, number), write(related));
    }
}
