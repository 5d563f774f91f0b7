//! What lists show of an audit: its details, its findings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use trackway_core::Timestamp;

use super::{TaskStatus, TaskType};
use crate::check::{Check, Reason, named};
use crate::request::CheckError;
use crate::resource::{Info, Related, Resource};
use crate::row::read;

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
