//! Cases that are known to fail, each with its reason.

/// Why this case fails, if that is known.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(start, _)| name.starts_with(start)).map(|(_, reason)| *reason)
}

const KNOWN: &[(&str, &str)] = &[
    (
        "activities.test_activities--test_activity_task_on_deleted",
        "not the machine's: only the server knows which activities there are",
    ),
    (
        "scenarios.test_base_scenarios--test_max_concurrency_path_negative",
        "the recorder looked before the execution had gone on: one event is recorded",
    ),
];
