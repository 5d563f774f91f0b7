//! Limits: AWS's quotas, and how long actions may take.

/// `StartPipelineExecution`: executions of a QUEUED or PARALLEL pipeline that run or wait at once.
pub const CONCURRENT_EXECUTIONS_MAX: usize = 50;
/// Bytes of the output variables of one action.
pub const OUTPUT_VARIABLES_BYTES_MAX: usize = 122_880;
/// Bytes of a resolved configuration.
pub const RESOLVED_CONFIGURATION_BYTES_MAX: usize = 100 * 1024;
/// Days for which action executions are listed, from their start.
pub const HISTORY_DAYS: u64 = 365;
/// Executions that a pipeline remembers by id, so that a repeated start finds them.
pub const RECENT_MAX: usize = 200;
/// Minutes after which a function that was invoked has to have ended its job or continued it.
pub const HANDED_MINUTES: u64 = 20;
