//! Artifacts in a folder: objects by their content, references by bucket and key.
//!
//! ```text
//!   objects/ab/abcdef…       a file, by its sha-256
//!   references/12/123456…    which object a bucket and key means, or that it lies in S3: JSON
//!   fetched/…                what was fetched from S3; dropped when the server starts
//!   work/…                   files that are being written; dropped when the server starts
//! ```
//!
//! Each file is written beside, synced and renamed, so it is whole or not there.
//!
//! The time of change of a reference or an object says when it was last written or read, to a day:
//! what nobody has needed for as long as the history is kept goes ([`Local::drop_unused`]).

use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{ArtifactError, blocking};
use crate::retention::{age, drop_unused};

/// How long a file that was fetched from S3 stays for others.
const FETCHED_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How old a time of change may be before it is renewed.
const RENEWED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// What a bucket and key means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Where it lies.
    #[serde(flatten)]
    pub place: Place,
    /// When it was put there, milliseconds of the epoch.
    pub put: i64,
}

impl Held {
    /// When it was put there, as HTTP writes dates.
    #[must_use]
    pub fn last_modified(&self) -> String {
        let put = jiff::Timestamp::from_millisecond(self.put).unwrap_or_default();
        put.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

/// Where an artifact lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// Here.
    Local {
        /// Its sha-256 in hexadecimal digits.
        object: String,
        /// Bytes.
        size: u64,
    },
    /// In the bucket in S3.
    S3,
}

/// The folder. Clones mean the same one.
#[derive(Clone)]
pub(super) struct Local {
    folder: Arc<PathBuf>,
    /// Held while an object is renewed or made, and while one is dropped: else one might be dropped
    /// that somebody has just found to be there.
    objects: Arc<Mutex<()>>,
}

impl Local {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder: Arc::new(folder), objects: Arc::default() }
    }

    /// Drops what an earlier process left behind. What can't be dropped is in nobody's way.
    pub(super) fn clear(&self) {
        for folder in ["work", "fetched"] {
            let _left = fs::remove_dir_all(self.folder.join(folder));
        }
    }

    /// The file of an object.
    pub(super) fn object(&self, hash: &str) -> PathBuf {
        self.sharded("objects", hash)
    }

    /// The file of what was fetched from S3 with this ETag.
    pub(super) fn fetched(&self, bucket: &str, key: &str, etag: &str) -> PathBuf {
        self.folder.join("fetched").join(name_of(&[bucket, key, etag]))
    }

    pub(super) fn work_file(&self) -> Result<NamedTempFile, ArtifactError> {
        let folder = self.folder.join("work");
        let file = fs::create_dir_all(&folder).and_then(|()| NamedTempFile::new_in(folder));
        file.map_err(failed)
    }

    /// A folder for work in progress.
    pub(super) fn work_folder(&self) -> Result<tempfile::TempDir, ArtifactError> {
        let folder = self.folder.join("work");
        let made = fs::create_dir_all(&folder).and_then(|()| tempfile::TempDir::new_in(folder));
        made.map_err(failed)
    }

    /// What this key means.
    pub(super) async fn held(
        &self,
        bucket: &str,
        key: &str,
    ) -> Result<Option<Held>, ArtifactError> {
        let (this, reference) = (self.clone(), self.reference(bucket, key));
        blocking(move || {
            let text = match fs::read(&reference) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(failed(error)),
            };
            let held: Held = serde_json::from_slice(&text)
                .map_err(|error| ArtifactError::new(format!("a reference is damaged: {error}")))?;
            renew(&reference);
            if let Place::Local { object, .. } = &held.place {
                let _objects = this.objects.lock().unwrap_or_else(PoisonError::into_inner);
                renew(&this.object(object));
            }
            Ok(Some(held))
        })
        .await?
    }

    /// Drops references and objects that nobody has written or read for that long. Returns how many
    /// files went.
    pub(super) fn drop_unused(&self, after: Duration) -> u64 {
        let after = after.saturating_add(RENEWED_AFTER);
        let of = |kind: &str| {
            let shards = fs::read_dir(self.folder.join(kind)).into_iter().flatten().flatten();
            shards.map(|shard| shard.path())
        };
        let references: u64 = of("references").map(|shard| drop_unused(&shard, after)).sum();
        let objects = of("objects").map(|shard| {
            // No longer than one folder takes.
            let _objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
            drop_unused(&shard, after)
        });
        references + objects.sum::<u64>()
    }

    /// Keeps a copy of a file under this key.
    pub(super) async fn keep(
        &self,
        bucket: &str,
        key: &str,
        file: &Path,
    ) -> Result<(), ArtifactError> {
        let (this, file) = (self.clone(), file.to_owned());
        let (object, size) = blocking(move || this.store(&file)).await??;
        self.refer(bucket, key, Place::Local { object, size }).await
    }

    /// From now on this key means what lies there.
    pub(super) async fn refer(
        &self,
        bucket: &str,
        key: &str,
        place: Place,
    ) -> Result<(), ArtifactError> {
        let put = jiff::Timestamp::now().as_millisecond();
        let held = Held { bucket: bucket.to_owned(), key: key.to_owned(), place, put };
        let (this, to) = (self.clone(), self.reference(bucket, key));
        blocking(move || {
            let mut file = this.work_file()?;
            let text = serde_json::to_vec(&held).map_err(|error| failed(error.into()))?;
            file.write_all(&text).map_err(failed)?;
            persist(file, &to).map_err(failed)
        })
        .await?
    }

    /// Takes a file that was fetched; what was fetched long ago goes.
    pub(super) async fn adopt_fetched(
        &self,
        file: NamedTempFile,
        to: PathBuf,
    ) -> Result<PathBuf, ArtifactError> {
        let folder = self.folder.join("fetched");
        blocking(move || {
            fs::create_dir_all(&folder).map_err(failed)?;
            drop_old(&folder);
            file.persist(&to).map_err(|error| failed(error.error))?;
            Ok(to)
        })
        .await?
    }

    fn reference(&self, bucket: &str, key: &str) -> PathBuf {
        self.sharded("references", &name_of(&[bucket, key]))
    }

    fn sharded(&self, kind: &str, hash: &str) -> PathBuf {
        self.folder.join(kind).join(hash.get(..2).unwrap_or("00")).join(hash)
    }

    /// Keeps a file's content: its sha-256 and its size.
    fn store(&self, from: &Path) -> Result<(String, u64), ArtifactError> {
        let mut from = File::open(from).map_err(failed)?;
        let mut to = self.work_file()?;
        let (mut hash, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; 128 * 1024]);
        loop {
            let count = from.read(&mut buffer).map_err(failed)?;
            let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else { break };
            hash.update(part);
            to.write_all(part).map_err(failed)?;
            size += part.len() as u64;
        }
        let object = hex(&hash.finalize());
        let path = self.object(&object);
        let _objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        // The same content may be there already, whole: it was renamed into place.
        if path.exists() {
            renew(&path);
        } else {
            to.rewind().and_then(|()| persist(to, &path)).map_err(failed)?;
        }
        Ok((object, size))
    }
}

/// Moves a file to where it stays, durable before this returns.
fn persist(file: NamedTempFile, to: &Path) -> io::Result<()> {
    let folder = to.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let is_new = !folder.exists();
    fs::create_dir_all(folder)?;
    file.as_file().sync_all()?;
    file.persist(to).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()?;
    if is_new {
        // The folders themselves are new: `objects/ab`, and `objects` the first time.
        for above in folder.ancestors().skip(1).take(2) {
            File::open(above)?.sync_all()?;
        }
    }
    Ok(())
}

/// Drops files that nobody has needed for long. What can't be dropped now is dropped later.
fn drop_old(folder: &Path) {
    let Ok(files) = fs::read_dir(folder) else { return };
    for file in files.flatten() {
        if age(&file.path()).is_some_and(|age| age > FETCHED_FOR) {
            let _left = fs::remove_file(file.path());
        }
    }
}

/// Somebody needs this file. What can't be renewed keeps its age.
fn renew(path: &Path) {
    if age(path).is_some_and(|age| age > RENEWED_AFTER) {
        let _kept = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
    }
}

/// A file's name for these texts, which may hold anything.
pub(crate) fn name_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// Bytes in lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn failed(error: io::Error) -> ArtifactError {
    ArtifactError::new(format!("could not reach the artifacts' folder: {error}"))
}
