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

/// Minutes that an action may take, unless it says so itself.
#[must_use]
pub fn action_minutes(owner: &str, category: &str, provider: &str) -> u64 {
    const HOUR: u64 = 60;
    const DAY: u64 = 24 * HOUR;
    match (owner, category, provider) {
        ("Custom", _, _) => DAY,
        (_, "Approval", _) => 7 * DAY,
        (_, _, "CloudFormation" | "CloudFormationStackSet" | "CloudFormationStackInstances") => {
            3 * DAY
        }
        (_, _, "CodeBuild") => 8 * HOUR,
        (_, _, "CodeDeploy" | "CodeDeployToECS") => 5 * DAY,
        (_, _, "Lambda" | "LambdaInvoke") => DAY,
        (_, "Deploy", "S3") => 90,
        (_, _, "StepFunctions") => 7 * DAY,
        _ => HOUR,
    }
}
/// Pipelines of an account in a region.
pub const PIPELINES_MAX: usize = 1000;
/// Custom action types of an account in a region.
pub const CUSTOM_TYPES_MAX: usize = 50;
