//! `[pipeline]` and `[codebuild]` of `trackway.toml`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// `[pipeline]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineConfig {
    /// Seconds between two looks at the sources that are watched; 0 looks only when an event comes.
    pub poll_seconds: f64,
    /// Days for which action executions are kept, from their start; 0 is for ever.
    pub history_days: u64,
    /// Where artifacts lie.
    pub artifacts: ArtifactsIn,
    /// `FullRepositoryId`, `OWNER/REPO` of GitHub, or CodeCommit's `RepositoryName`: a git remote,
    /// a URL or a folder relative to the file.
    pub repositories: BTreeMap<String, String>,
    /// Buckets that are folders here, relative to the file: S3 sources and deployments use them
    /// instead of S3.
    pub buckets: BTreeMap<String, PathBuf>,
    /// Action types of AWS that workers of one's own perform, as `Category/Provider`: their jobs
    /// are offered to `PollForJobs`.
    pub workers: Vec<String>,
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            poll_seconds: 30.0,
            history_days: trackway_pipeline::limits::HISTORY_DAYS,
            artifacts: ArtifactsIn::default(),
            repositories: BTreeMap::new(),
            buckets: BTreeMap::new(),
            workers: Vec::new(),
        }
    }
}

/// Where artifacts lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactsIn {
    /// In S3 where an endpoint or real credentials are configured and the bucket is there, else
    /// here.
    #[default]
    Auto,
    /// Here: `artifacts` in the data directory.
    Local,
    /// In S3.
    S3,
}

/// `[codebuild]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CodeBuildConfig {
    /// `[codebuild.projects.NAME]`.
    pub projects: BTreeMap<String, Project>,
    /// Builds, and Commands, that run here at once; others wait. As many as there are processors.
    pub concurrency: Option<usize>,
}

/// `[codebuild.projects.NAME]`: how a project's builds run here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Project {
    /// Its buildspec runs here, in the sandbox; otherwise CodeBuild at the endpoint builds it.
    pub local: bool,
    /// The buildspec: a path relative to the source, an object of S3 by its ARN, or its text;
    /// `buildspec.yml`.
    pub buildspec: Option<String>,
    /// Environment variables of the project.
    pub environment: BTreeMap<String, String>,
    /// Minutes that a build may take; 60, and at most 480.
    pub timeout_minutes: Option<u64>,
}
