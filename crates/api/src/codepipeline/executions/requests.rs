//! The requests of this group, as the model has them.

use serde::Deserialize;
use trackway_pipeline::request::SourceRevision;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Start {
    pub(super) name: String,
    #[serde(default)]
    pub(super) variables: Vec<Variable>,
    pub(super) client_request_token: Option<String>,
    #[serde(default)]
    pub(super) source_revisions: Vec<SourceRevision>,
}

#[derive(Deserialize)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stop {
    pub(super) pipeline_name: String,
    pub(super) pipeline_execution_id: String,
    #[serde(default)]
    pub(super) abandon: bool,
    pub(super) reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Retry {
    pub(super) pipeline_name: String,
    pub(super) stage_name: String,
    pub(super) pipeline_execution_id: String,
    pub(super) retry_mode: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rollback {
    pub(super) pipeline_name: String,
    pub(super) stage_name: String,
    pub(super) target_pipeline_execution_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Override {
    pub(super) pipeline_name: String,
    pub(super) stage_name: String,
    pub(super) pipeline_execution_id: String,
    pub(super) condition_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutRevision {
    pub(super) pipeline_name: String,
    pub(super) stage_name: String,
    pub(super) action_name: String,
    pub(super) action_revision: Revision,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Revision {
    pub(super) revision_id: String,
    pub(super) revision_change_id: String,
    /// Seconds of the epoch.
    pub(super) created: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    pub(super) pipeline_name: String,
    pub(super) pipeline_execution_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    pub(super) pipeline_name: String,
    pub(super) max_results: Option<usize>,
    pub(super) next_token: Option<String>,
    #[serde(default)]
    pub(super) filter: Filter,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Filter {
    pub(super) succeeded_in_stage: Option<SucceededInStage>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SucceededInStage {
    pub(super) stage_name: Option<String>,
}
