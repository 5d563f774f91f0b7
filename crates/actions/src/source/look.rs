//! Looks at sources without taking anything: what a watcher does each round.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use trackway_performers::aws::Scope;

pub use super::git::Refs;
use super::{object, repository};
use crate::artifact::told;
use crate::runners::Tools;

/// Looks at sources with the tools of the actions. Clones share what they remember.
#[derive(Clone)]
pub struct Eye {
    tools: Arc<Tools>,
    files: Arc<Mutex<Files>>,
}

/// Files by path: when they were changed, how large they were, and what they were then.
type Files = HashMap<PathBuf, (SystemTime, u64, String)>;

impl Eye {
    /// Looks with these tools.
    #[must_use]
    pub fn new(tools: Arc<Tools>) -> Self {
        Self { tools, files: Arc::default() }
    }

    /// The branches and tags of a repository of `[pipeline.repositories]`.
    ///
    /// # Errors
    /// It is not configured, or can't be asked.
    pub async fn refs(&self, repository: &str) -> Result<Refs, String> {
        let remote = repository::remote(&self.tools, repository)?;
        repository::git(&self.tools).refs(&remote).await.map_err(|error| error.to_string())
    }

    /// The names of the files that differ between two commits of a repository; all of `to` if there
    /// is none before.
    ///
    /// # Errors
    /// It is not configured, or has no such commit.
    pub async fn changed(
        &self,
        repository: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<Vec<String>, String> {
        let remote = repository::remote(&self.tools, repository)?;
        let mirror = repository::git(&self.tools).mirror_with(&remote, to).await;
        let mirror = mirror.map_err(|error| error.to_string())?;
        mirror.changed(from, to).await.map_err(|error| error.to_string())
    }

    /// The revision of an object; none if it is not there.
    ///
    /// # Errors
    /// The bucket can't be asked.
    pub async fn object(
        &self,
        scope: &Scope,
        bucket: &str,
        key: &str,
    ) -> Result<Option<String>, String> {
        if let Some(folder) = object::folder(&self.tools, bucket) {
            return match object::file(&folder, key) {
                Some(file) => self.file(file).await,
                None => Ok(None),
            };
        }
        let at = object::Place { bucket, key, version: None };
        match at.head(&self.tools, scope).await {
            Ok(head) => Ok(Some(head.revision().to_owned())),
            Err(error) if error.status == 404 => Ok(None),
            Err(error) if error.code == "NoCredentialsError" => Err(object::unconfigured(bucket)),
            Err(error) => Err(format!("could not look at s3://{bucket}/{key}: {}", told(&error))),
        }
    }

    /// A file is read again only when it has another time or size.
    async fn file(&self, path: PathBuf) -> Result<Option<String>, String> {
        let facts = tokio::fs::metadata(&path).await.ok().filter(std::fs::Metadata::is_file);
        let Some(facts) = facts else { return Ok(None) };
        let modified = facts.modified().map_err(|error| error.to_string())?;
        let known = self.files.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
        if let Some((at, size, revision)) = known
            && (at, size) == (modified, facts.len())
        {
            return Ok(Some(revision));
        }
        let Some(head) = object::file_head(&path).await.map_err(|error| error.message)? else {
            return Ok(None);
        };
        let known = (modified, facts.len(), head.etag.clone());
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(path, known);
        Ok(Some(head.etag))
    }
}
