//! S3: an object, or a file of a folder that stands for a bucket. It passes through unmodified.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use trackway_performers::aws::{AwsCall, AwsError, Scope};
use trackway_pipeline::request::Revision;

use super::{Found, SourceError, output, text, wanted};
use crate::artifact::{Object, Trouble, blocking, hex, told};
use crate::runners::{Run, Tools};

/// What is known of an object before it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) version: Option<String>,
    pub(super) etag: String,
    size: u64,
    modified: Option<i64>,
    /// `codepipeline-artifact-revision-summary` of its metadata.
    summary: Option<String>,
}

impl Head {
    /// Its version, else its ETag.
    pub(super) fn revision(&self) -> &str {
        self.version.as_deref().unwrap_or(&self.etag)
    }
}

/// The folder that stands for a bucket, if one does.
pub(super) fn folder(tools: &Tools, bucket: &str) -> Option<PathBuf> {
    Some(tools.config_folder.join(tools.pipeline.buckets.get(bucket)?))
}

/// The file of a key; none if there is none, or if it is outside, be it over a link: what builds
/// write to may be such a folder.
pub(super) fn file(folder: &Path, key: &str) -> Option<PathBuf> {
    let is_inside = !key.starts_with('/') && key.split('/').all(|part| part != ".." && part != ".");
    if !is_inside {
        return None;
    }
    let (folder, file) = (folder.canonicalize().ok()?, folder.join(key).canonicalize().ok()?);
    // Reading a pipe would wait for a writer.
    (file.starts_with(folder) && file.is_file()).then_some(file)
}

/// Takes the object.
pub(super) async fn take(run: &Run) -> Result<Found, SourceError> {
    let (tools, configuration) = (&run.tools, &run.call.configuration);
    let bucket = text(configuration, "S3Bucket");
    let key = wanted(run, "S3_OBJECT_KEY").unwrap_or_else(|| text(configuration, "S3ObjectKey"));
    let version = wanted(run, "S3_OBJECT_VERSION_ID");
    let artifact = output(run)?;
    let head = if let Some(folder) = folder(tools, bucket) {
        let file = file(&folder, key).ok_or_else(|| missing(bucket, key))?;
        // A copy first: what is read twice could be changed in between.
        let copy = tools.artifacts.work_file()?;
        tokio::fs::copy(&file, copy.path()).await.map_err(|_| missing(bucket, key))?;
        let head = file_head(copy.path()).await?.ok_or_else(|| missing(bucket, key))?;
        if version.is_some_and(|version| version != head.etag) {
            return Err(SourceError::new(
                "RevisionUnavailable",
                format!(
                    "The bucket {bucket} is a folder here, which keeps no earlier versions of {key}."
                ),
            ));
        }
        tools.artifacts.put(&run.scope, artifact, copy.path()).await?;
        head
    } else {
        let at = Place { bucket, key, version };
        let head = at.head(tools, &run.scope).await.map_err(|error| at.error(&error))?;
        let copy = tools.artifacts.work_file()?;
        let input = at.input(head.version.as_deref());
        let call = AwsCall::new("s3", "GetObject", input, run.scope.clone());
        let object = Object::new(&tools.caller, call);
        object.get(head.size, &quoted(&head.etag), copy.path()).await.map_err(|why| match why {
            Trouble::Aws(error) => at.error(&error),
            Trouble::Local(why) => SourceError::new("JobFailed", why),
        })?;
        tools.artifacts.put(&run.scope, artifact, copy.path()).await?;
        head
    };
    Ok(found(run, bucket, key, head))
}

fn found(run: &Run, bucket: &str, key: &str, head: Head) -> Found {
    let mut variables = vec![
        ("BucketName", bucket.to_owned()),
        ("ETag", head.etag.clone()),
        ("ObjectKey", key.to_owned()),
    ];
    if let Some(version) = &head.version {
        variables.push(("VersionId", version.clone()));
    }
    let usual = || format!("Amazon S3 version id: {}", head.revision());
    let revision = Revision {
        id: head.revision().to_owned(),
        change_id: None,
        summary: Some(head.summary.clone().unwrap_or_else(usual)),
        created: head.modified,
        url: Some(format!("https://console.aws.amazon.com/s3/home?region={}#", run.scope.region)),
    };
    Found { revision, variables }
}

/// What a file is now; none if it is not there.
pub(super) async fn file_head(path: &Path) -> Result<Option<Head>, SourceError> {
    let path = path.to_owned();
    let read = move || -> std::io::Result<Option<Head>> {
        let mut file = match std::fs::File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let facts = file.metadata()?;
        if !facts.is_file() {
            return Ok(None);
        }
        let (mut hash, mut buffer, mut size) = (Sha256::new(), vec![0; 128 * 1024], 0);
        loop {
            let count = file.read(&mut buffer)?;
            let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
            hash.update(part);
            size += part.len() as u64;
        }
        let since = facts.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let modified = i64::try_from(since.as_millis()).ok();
        // As long as S3's own ETag.
        let etag = hex(&hash.finalize()[..16]);
        Ok(Some(Head { version: None, etag, size, modified, summary: None }))
    };
    let head = blocking(read).await?;
    head.map_err(|error| SourceError::new("JobFailed", format!("could not read a file: {error}")))
}

/// An object of S3.
pub(super) struct Place<'a> {
    pub(super) bucket: &'a str,
    pub(super) key: &'a str,
    pub(super) version: Option<&'a str>,
}

impl Place<'_> {
    fn input(&self, version: Option<&str>) -> Value {
        let mut input = json!({ "Bucket": self.bucket, "Key": self.key });
        if let Some(version) = version {
            input["VersionId"] = version.into();
        }
        input
    }

    pub(super) async fn head(&self, tools: &Tools, scope: &Scope) -> Result<Head, AwsError> {
        let input = self.input(self.version);
        let head =
            tools.caller.call(&AwsCall::new("s3", "HeadObject", input, scope.clone())).await?;
        let text = |name: &str| head[name].as_str();
        let modified: Option<jiff::Timestamp> = text("LastModified").and_then(|at| at.parse().ok());
        // Of a bucket that has no versions S3 says `null`.
        let version = text("VersionId").filter(|version| !version.is_empty() && *version != "null");
        let metadata = &head["Metadata"]["codepipeline-artifact-revision-summary"];
        Ok(Head {
            version: version.map(str::to_owned),
            etag: text("ETag").unwrap_or_default().trim_matches('"').to_owned(),
            size: head["ContentLength"].as_u64().unwrap_or_default(),
            modified: modified.map(jiff::Timestamp::as_millisecond),
            summary: metadata.as_str().map(str::to_owned),
        })
    }

    fn error(&self, error: &AwsError) -> SourceError {
        let Self { bucket, key, .. } = self;
        match error.code.as_str() {
            "NoCredentialsError" => SourceError::new("ConfigurationError", unconfigured(bucket)),
            _ if error.status == 404 => missing(bucket, key),
            _ if error.status == 403 => SourceError::new(
                "PermissionError",
                format!("Access denied to s3://{bucket}/{key}: {}", told(error)),
            ),
            _ => SourceError::new(
                "JobFailed",
                format!("could not read s3://{bucket}/{key}: {}", told(error)),
            ),
        }
    }
}

fn missing(bucket: &str, key: &str) -> SourceError {
    SourceError::new(
        "RevisionUnavailable",
        format!("The object with key '{key}' does not exist in the bucket '{bucket}'."),
    )
}

/// How a bucket can be reached.
pub(super) fn unconfigured(bucket: &str) -> String {
    format!(
        "The bucket {bucket:?} can't be reached from here. Set AWS_ENDPOINT_URL_S3 for an emulator or credentials for AWS itself, or map it to a folder in trackway.toml:\n[pipeline.buckets]\n{bucket:?} = \"path/to/folder\""
    )
}

fn quoted(etag: &str) -> String {
    if etag.is_empty() { String::new() } else { format!("\"{etag}\"") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_key_is_a_file_within_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("bucket");
        std::fs::create_dir_all(folder.join("d")).unwrap();
        std::fs::write(folder.join("d/a.zip"), "a").unwrap();
        std::fs::write(home.path().join("secret"), "s").unwrap();
        symlink("../secret", folder.join("out")).unwrap();
        symlink("d/a.zip", folder.join("in")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        symlink("loop", folder.join("loop")).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
        for (key, is_there) in [
            ("d/a.zip", true),
            ("in", true),
            ("out", false),
            ("up/secret", false),
            ("loop", false),
            ("socket", false),
            ("d", false),
            ("", false),
            ("none", false),
            ("../secret", false),
            ("d/../../secret", false),
            ("/etc/hostname", false),
        ] {
            assert_eq!(file(&folder, key).is_some(), is_there, "{key}");
        }
    }
}
