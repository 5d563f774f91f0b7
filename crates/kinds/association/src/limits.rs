//! Every limit of State Manager, in one table. Source: the service's quotas and API reference.

/// Versions of one association.
pub const VERSIONS_MAX: u32 = 1000;
/// Associations of one account and region.
pub const ASSOCIATIONS_MAX: usize = 2000;
/// How many targets run at once where `MaxConcurrency` isn't given.
pub const MAX_CONCURRENCY_DEFAULT: &str = "50";
/// How many targets may fail where `MaxErrors` isn't given.
pub const MAX_ERRORS_DEFAULT: &str = "100%";
/// Targets that one turn of a run starts; the rest follows in turns of their own.
pub const STARTS_PER_TURN_MAX: u32 = 256;
/// How often a run that has alarms looks at them.
pub const ALARM_POLL_SECONDS: u64 = 60;
