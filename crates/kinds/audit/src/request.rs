//! What the machines ask of the world, and what they are answered: JSON.

use serde::{Deserialize, Serialize};

use crate::check::{Check, Reason};
use crate::resource::{Info, Related, Resource};

/// The queue of scans.
pub const SCAN_QUEUE: &str = "audit";
/// The queue of notifications at an audit's end.
pub const NOTIFY_QUEUE: &str = "audit-notify";
/// The queue of audits that a schedule starts.
pub const START_QUEUE: &str = "audit-start";
/// The queue of what mitigation tasks look up and do.
pub const MITIGATION_QUEUE: &str = "mitigation";

/// How a check is set. Source: `AuditCheckConfiguration.configuration`. It is kept as postcard too,
/// which has no member that may be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckConfig {
    /// `CERT_AGE_THRESHOLD_IN_DAYS`.
    #[serde(default)]
    pub age_days: Option<u32>,
    /// `CERT_EXPIRATION_THRESHOLD_IN_DAYS`.
    #[serde(default)]
    pub expiration_days: Option<u32>,
}

/// Look at the next resources of a check. The registry is that of the work's scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// Which check.
    pub check: Check,
    /// How it is set.
    #[serde(default)]
    pub config: CheckConfig,
    /// When the audit began, in milliseconds of the epoch: what is old is old at that moment.
    pub started: i64,
    /// Where the scan before this one stopped; none for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What a scan came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// Resources that were looked at.
    #[serde(default)]
    pub examined: u64,
    /// Those that don't comply and are not suppressed, each counted once.
    #[serde(default)]
    pub non_compliant: u64,
    /// Those that don't comply and are suppressed.
    #[serde(default)]
    pub suppressed: u64,
    /// What was found, in the order of the scan.
    #[serde(default)]
    pub flaws: Vec<Flaw>,
    /// Further related resources of the last finding that the scan before this one reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub related_of_last: Vec<Related>,
    /// Where the next scan goes on; none when all is looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Why the check can't go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CheckError>,
}

/// One finding to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// What doesn't comply.
    pub resource: Resource,
    /// What else is known of it.
    #[serde(default)]
    pub info: Info,
    /// Why, as a code.
    pub code: Reason,
    /// Why, as a text.
    pub reason: String,
    /// What has to do with it.
    #[serde(default)]
    pub related: Vec<Related>,
    /// Whether a suppression holds for it.
    #[serde(default)]
    pub suppressed: bool,
}

/// Why a check failed. Source: `AuditCheckDetails.errorCode`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckError {
    /// `INSUFFICIENT_PERMISSIONS` or `AUDIT_CHECK_DISABLED`; empty, and not shown, where it is
    /// neither.
    pub code: String,
    /// What is missing.
    pub message: String,
}

/// Publish that an audit has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// The topic.
    pub topic_arn: String,
    /// The message, a JSON text.
    pub message: String,
}

/// Start an audit for a schedule. The answer to the effect is the end of that child.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartScheduled {
    /// The schedule's name.
    pub schedule: String,
    /// The number of the audit to be.
    pub number: crate::ids::AuditNumber,
    /// Its checks, by the API's names.
    pub checks: Vec<Check>,
}
