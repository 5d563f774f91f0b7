//! Limits: AWS's quotas, and how long actions may take.

/// `StartPipelineExecution`: executions of a QUEUED or PARALLEL pipeline that run or wait at once.
pub const CONCURRENT_EXECUTIONS_MAX: usize = 50;
/// Bytes of the output variables of one action.
pub const OUTPUT_VARIABLES_BYTES_MAX: usize = 122_880;
/// Bytes of a resolved configuration.
pub const RESOLVED_CONFIGURATION_BYTES_MAX: usize = 100 * 1024;
/// Days for which action executions are listed, from their start.
pub const HISTORY_DAYS: u64 = 365;
/// Pipelines of an account in a region.
pub const PIPELINES_MAX: usize = 1000;
/// Custom action types of an account in a region.
pub const CUSTOM_TYPES_MAX: usize = 50;
