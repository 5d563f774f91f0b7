//! Every limit of this room, beside AWS's quota.

/// Audits on demand that may be in progress at once. Source: Device Defender quotas.
pub const ON_DEMAND_AUDITS_MAX: usize = 10;
/// Scheduled audits of an account. Source: Device Defender quotas.
pub const SCHEDULED_AUDITS_MAX: usize = 5;
/// For how long audits, findings and tasks are kept, in milliseconds: 90 days.
/// Source: `ListAuditTasks`.
pub const RETENTION_MS: i64 = 90 * 24 * 60 * 60 * 1000;
/// Findings that one scan reports at most, so that no turn becomes long.
pub const FINDINGS_PER_SCAN_MAX: usize = 512;
/// Resources that one scan looks at most.
pub const RESOURCES_PER_SCAN_MAX: usize = 8192;
/// Related resources that are shown with a finding. Source: `DescribeAuditFinding`.
pub const RELATED_SHOWN_MAX: usize = 10;
