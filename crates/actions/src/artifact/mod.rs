//! Artifacts: zip files between actions.
//!
//! ```text
//!   put, pack ─▶ which place? ─┬─▶ local  objects by sha-256, a reference a bucket and key
//!                              └─▶ s3     the pipeline's own bucket, in parts
//!   get, unpack ◀─ where it was put (the reference says), else where it would be put
//! ```
//!
//! An artifact is a file and never wholly in memory. When [`Artifacts::put`] returns it is durable.
//! What may come out of an archive is said in [`unpack`], what goes into one in [`pack`].

pub use trackway_pipeline::glob;
mod local;
pub mod pack;
mod s3;
pub mod unpack;

use std::fs::File;
use std::path::{Path, PathBuf};

use trackway_performers::aws::{AwsCaller, AwsError, Scope};
use trackway_pipeline::request::Artifact;

use crate::config::ArtifactsIn;
use local::Local;
pub use local::hex;
pub(crate) use local::name_of;
pub use local::{Held, Place};
pub use pack::Selection;
use s3::Bucket;
pub use s3::OURS;
pub(crate) use s3::{Object, Trouble};

/// Why an artifact could not be read or written: `errorDetails`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArtifactError {
    /// `errorDetails.code`.
    pub code: &'static str,
    /// `errorDetails.message`.
    pub message: String,
}

impl ArtifactError {
    /// The work went wrong.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { code: "JobFailed", message: message.into() }
    }

    fn of(artifact: &Artifact, verb: &str, why: impl std::fmt::Display) -> Self {
        Self::new(format!("could not {verb} the artifact {}: {why}", artifact.name))
    }

    fn aws(artifact: &Artifact, verb: &str, error: &AwsError) -> Self {
        let denied = matches!(error.code.as_str(), "AccessDenied" | "403" | "Forbidden");
        let code = if denied { "PermissionError" } else { "JobFailed" };
        let Artifact { bucket, key, .. } = artifact;
        Self {
            code,
            ..Self::of(artifact, verb, format_args!("s3://{bucket}/{key}: {}", told(error)))
        }
    }

    fn missing(artifact: &Artifact) -> Self {
        let Artifact { bucket, key, .. } = artifact;
        Self::of(artifact, "read", format_args!("there is no object {key} in the bucket {bucket}"))
    }
}

/// An AWS error in words. S3's HEAD has no body, so no message.
pub(crate) fn told(error: &AwsError) -> String {
    if error.message.is_empty() { error.code.clone() } else { error.to_string() }
}

/// Where artifacts lie.
#[derive(Clone)]
pub struct Artifacts {
    local: Local,
    caller: AwsCaller,
    place: ArtifactsIn,
}

impl Artifacts {
    /// Artifacts in this folder, or in S3. What an earlier process fetched from S3 is dropped.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, caller: AwsCaller, place: ArtifactsIn) -> Self {
        let local = Local::new(folder.into());
        local.clear();
        Self { local, caller, place }
    }

    /// The artifact's file, whole; it is not to be changed.
    ///
    /// # Errors
    /// It is not there, or can't be read.
    pub async fn get(&self, scope: &Scope, artifact: &Artifact) -> Result<PathBuf, ArtifactError> {
        let Artifact { bucket, key, .. } = artifact;
        let held = self.held(bucket, key).await?;
        match held.map(|held| held.place) {
            Some(Place::Local { object, .. }) => Ok(self.local.object(&object)),
            None if self.place == ArtifactsIn::Local => Err(ArtifactError::missing(artifact)),
            Some(Place::S3) | None => self.fetch(scope, artifact).await,
        }
    }

    /// Keeps this file as the artifact. The file itself is left alone.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn put(
        &self,
        scope: &Scope,
        artifact: &Artifact,
        file: &Path,
    ) -> Result<(), ArtifactError> {
        let Artifact { bucket, key, .. } = artifact;
        if self.is_in_s3(scope, artifact).await? {
            self.bucket(scope, artifact).put(file).await?;
            return self.local.refer(bucket, key, Place::S3).await;
        }
        self.local.keep(bucket, key, file).await
    }

    /// Unpacks the artifact, which is a zip file, into this folder, which is empty or not there yet.
    ///
    /// # Errors
    /// It is not there, is no zip file, or holds what may not be unpacked ([`unpack`]).
    pub async fn unpack(
        &self,
        scope: &Scope,
        artifact: &Artifact,
        into: &Path,
    ) -> Result<(), ArtifactError> {
        let (file, into) = (self.get(scope, artifact).await?, into.to_owned());
        let unpacked = blocking(move || unpack::unpack(&file, &into)).await?;
        unpacked.map_err(|why| ArtifactError::of(artifact, "unpack", why))
    }

    /// Packs what is selected of this folder into a zip file, and keeps that as the artifact. The
    /// same files make the same bytes.
    ///
    /// # Errors
    /// Nothing is selected, a file can't be read or may not be packed ([`pack`]), or the artifact
    /// can't be written.
    pub async fn pack(
        &self,
        scope: &Scope,
        artifact: &Artifact,
        folder: &Path,
        selection: &Selection,
    ) -> Result<(), ArtifactError> {
        let (folder, selection) = (folder.to_owned(), selection.clone());
        let mut file = self.work_file()?;
        let packed =
            blocking(move || pack::pack(file.as_file_mut(), &folder, &selection).map(|()| file));
        let file = packed.await?.map_err(|why| ArtifactError::of(artifact, "pack", why))?;
        self.put(scope, artifact, file.path()).await
    }

    /// What lies here (not in S3) under this key, for the endpoint of artifacts.
    ///
    /// # Errors
    /// The reference can't be read.
    pub async fn held(&self, bucket: &str, key: &str) -> Result<Option<Held>, ArtifactError> {
        self.local.held(bucket, key).await
    }

    /// Opens what lies here.
    ///
    /// # Errors
    /// It can't be opened.
    pub fn open(&self, held: &Held) -> Result<File, ArtifactError> {
        let Place::Local { object, .. } = &held.place else {
            return Err(ArtifactError::new("the artifact lies in S3"));
        };
        let path = self.local.object(object);
        File::open(path)
            .map_err(|error| ArtifactError::new(format!("could not open an artifact: {error}")))
    }

    /// Keeps a file here (not in S3) under this key.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn keep(&self, bucket: &str, key: &str, file: &Path) -> Result<(), ArtifactError> {
        self.local.keep(bucket, key, file).await
    }

    /// A file for work in progress; it is gone when it is dropped.
    ///
    /// # Errors
    /// It can't be made.
    pub fn work_file(&self) -> Result<tempfile::NamedTempFile, ArtifactError> {
        self.local.work_file()
    }

    /// A folder for work in progress; it is gone when it is dropped, or when the server starts.
    ///
    /// # Errors
    /// It can't be made.
    pub fn work_folder(&self) -> Result<tempfile::TempDir, ArtifactError> {
        self.local.work_folder()
    }

    /// Drops what lies here (not in S3) and was neither written nor read for that long. Returns how
    /// many files went.
    pub(crate) fn drop_unused(&self, after: std::time::Duration) -> u64 {
        self.local.drop_unused(after)
    }

    /// Whether an artifact of this bucket is to lie in S3.
    async fn is_in_s3(&self, scope: &Scope, artifact: &Artifact) -> Result<bool, ArtifactError> {
        match self.place {
            ArtifactsIn::Local => Ok(false),
            ArtifactsIn::S3 => Ok(true),
            ArtifactsIn::Auto => self.bucket(scope, artifact).is_there().await,
        }
    }

    /// Fetches it from S3, unless that was done before.
    async fn fetch(&self, scope: &Scope, artifact: &Artifact) -> Result<PathBuf, ArtifactError> {
        let bucket = self.bucket(scope, artifact);
        let head = bucket.head().await?;
        let path = self.local.fetched(&artifact.bucket, &artifact.key, &head.etag);
        if tokio::fs::try_exists(&path).await.unwrap_or(false) {
            return Ok(path);
        }
        let file = self.work_file()?;
        bucket.get(&head, file.path()).await?;
        self.local.adopt_fetched(file, path).await
    }

    fn bucket<'a>(&'a self, scope: &'a Scope, artifact: &'a Artifact) -> Bucket<'a> {
        Bucket { caller: &self.caller, scope, artifact }
    }
}

/// Does what blocks, elsewhere.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ArtifactError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| ArtifactError::new(format!("the work was lost: {error}")))
}

#[cfg(test)]
mod tests;
