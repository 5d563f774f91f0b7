//! Sources: what a pipeline begins with.
//!
//! | provider | where it is looked for |
//! |---|---|
//! | CodeStarSourceConnection, GitHub, CodeCommit | a git remote of `[pipeline.repositories]` ([`git`]) |
//! | S3 | a folder of `[pipeline.buckets]`, else S3 at the configured endpoint ([`object`]) |
//! | ECR | ECR at the configured endpoint ([`image`]) |
//!
//! Each of them can be looked at without taking anything ([`look`]), which is what a watcher does.

pub mod git;
pub(crate) mod image;
pub mod look;
pub(crate) mod object;
pub(crate) mod repository;

use std::pin::Pin;

use serde_json::{Map, Value};
use trackway_pipeline::request::{ActionAnswer, Artifact, Details, Done, Revision};

use crate::artifact::ArtifactError;
use crate::runners::{Run, failed};

/// Why a source could not be taken: `errorDetails`.
pub(crate) struct SourceError {
    code: &'static str,
    message: String,
}

impl SourceError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<ArtifactError> for SourceError {
    fn from(error: ArtifactError) -> Self {
        Self::new(error.code, error.message)
    }
}

impl From<git::GitError> for SourceError {
    fn from(error: git::GitError) -> Self {
        let code = match &error {
            git::GitError::NotFound(_) => "RevisionUnavailable",
            _ => "JobFailed",
        };
        Self::new(code, error.to_string())
    }
}

/// What was found.
pub(crate) struct Found {
    revision: Revision,
    variables: Vec<(&'static str, String)>,
}

type Answering = Pin<Box<dyn Future<Output = ActionAnswer> + Send>>;

/// The runner of a git repository's providers.
pub(crate) fn run_repository(run: Run) -> Answering {
    Box::pin(async move { answer(&run, repository::take(&run).await) })
}

/// The runner of S3.
pub(crate) fn run_object(run: Run) -> Answering {
    Box::pin(async move { answer(&run, object::take(&run).await) })
}

/// The runner of ECR.
pub(crate) fn run_image(run: Run) -> Answering {
    Box::pin(async move { answer(&run, image::take(&run).await) })
}

fn answer(run: &Run, taken: Result<Found, SourceError>) -> ActionAnswer {
    let Found { revision, variables } = match taken {
        Ok(found) => found,
        Err(SourceError { code, message }) => return failed(code, message),
    };
    let details = Details {
        external_execution_id: Some(revision.id.clone()),
        summary: revision.summary.clone(),
        url: revision.url.clone(),
        ..Details::default()
    };
    let variables = variables.into_iter();
    ActionAnswer::Done(Box::new(Done {
        details,
        output_variables: variables
            .map(|(name, value)| (name.to_owned(), Value::String(value)))
            .collect(),
        output_artifacts: run
            .call
            .output_artifacts
            .iter()
            .take(1)
            .map(|it| it.name.clone())
            .collect(),
        revision: Some(revision),
        ..Done::default()
    }))
}

/// The artifact that a source action writes.
fn output(run: &Run) -> Result<&Artifact, SourceError> {
    run.call.output_artifacts.first().ok_or_else(|| {
        SourceError::new("ConfigurationError", "the source action has no output artifact")
    })
}

/// A value of a configuration; empty if there is none.
pub(crate) fn text<'a>(configuration: &'a Map<String, Value>, key: &str) -> &'a str {
    configuration.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The revision that this action is to take, if it is of this type.
fn wanted<'a>(run: &'a Run, kind: &str) -> Option<&'a str> {
    let wanted = run.call.source_revision.as_ref()?;
    (wanted.revision_type == kind).then_some(wanted.revision_value.as_str())
}

#[cfg(test)]
mod tests;
