//! Artifacts: zip files between actions.

use std::path::{Path, PathBuf};

use trackway_performers::aws::{AwsCaller, Scope};
use trackway_pipeline::request::Artifact;

use crate::config::ArtifactsIn;

/// Why an artifact could not be read or written: `errorDetails`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArtifactError {
    /// `errorDetails.code`.
    pub code: &'static str,
    /// `errorDetails.message`.
    pub message: String,
}

/// Where artifacts lie.
#[derive(Clone)]
pub struct Artifacts {
    folder: PathBuf,
    #[expect(dead_code, reason = "S3 comes next")]
    caller: AwsCaller,
    #[expect(dead_code, reason = "S3 comes next")]
    place: ArtifactsIn,
}

impl Artifacts {
    /// Artifacts in this folder, or in S3.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, caller: AwsCaller, place: ArtifactsIn) -> Self {
        Self { folder: folder.into(), caller, place }
    }

    /// The artifact's file, whole; it is not to be changed.
    ///
    /// # Errors
    /// It is not there, or can't be read.
    pub async fn get(&self, _scope: &Scope, artifact: &Artifact) -> Result<PathBuf, ArtifactError> {
        Ok(self.folder.join(&artifact.bucket).join(&artifact.key))
    }

    /// Keeps this file as the artifact.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn put(
        &self,
        _scope: &Scope,
        artifact: &Artifact,
        file: &Path,
    ) -> Result<(), ArtifactError> {
        let failed = |error: std::io::Error| ArtifactError {
            code: "JobFailed",
            message: format!("could not write the artifact {}: {error}", artifact.name),
        };
        let to = self.folder.join(&artifact.bucket).join(&artifact.key);
        if let Some(parent) = to.parent() {
            tokio::fs::create_dir_all(parent).await.map_err(failed)?;
        }
        tokio::fs::copy(file, &to).await.map_err(failed)?;
        Ok(())
    }
}
