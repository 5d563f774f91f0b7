//! Every limit of Run Command, in one table.

/// Nodes that SendCommand may name. Source: SendCommand, `InstanceIds`.
pub const INSTANCE_IDS_MAX: usize = 50;
/// Seconds in which a command must reach its node, if nothing else is said. Source: the console's
/// default for "Timeout (seconds)".
pub const TIMEOUT_SECONDS_DEFAULT: u64 = 3600;
/// Seconds that a document's steps may take, if they don't say it.
pub const EXECUTION_TIMEOUT_SECONDS_DEFAULT: u64 = 3600;
/// Characters of standard output that are kept of a plugin. Source: GetCommandInvocation.
pub const STDOUT_CHARS_MAX: usize = 24_000;
/// Characters of standard error that are kept of a plugin. Source: GetCommandInvocation.
pub const STDERR_CHARS_MAX: usize = 8_000;
/// Characters of a plugin's output in ListCommandInvocations. Source: CommandPlugin, `Output`.
pub const OUTPUT_CHARS_MAX: usize = 2_500;
/// Invocations that a report lists; of more it has the counts only.
pub const REPORT_INVOCATIONS_MAX: usize = 50;
/// The rate when nothing is said. Source: SendCommand, `MaxConcurrency`.
pub const MAX_CONCURRENCY_DEFAULT: &str = "50";
/// The errors when nothing is said. Source: SendCommand, `MaxErrors`.
pub const MAX_ERRORS_DEFAULT: &str = "0";
