//! What a node must not forget: who it is, and how far each command came.
//!
//! ```text
//! STATE/lock        held while the node runs
//! STATE/node.json   id and token
//! STATE/runs/ID     one command: received (with its plan), started, finished (with its report)
//! STATE/done/ID     an empty file: reported, and not to be run again
//! STATE/work/ID/    the files of a run
//! ```
//!
//! A file is written beside, synced and renamed, so that it is there whole or not at all.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use trackway_command::NodeReport;
use trackway_command::protocol::{Registered, RunCommand};

/// Commands of which is remembered that they are done.
const DONE_MAX: usize = 10_000;

/// How far a command came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "state")]
pub(super) enum Progress {
    /// It is here, and has not begun.
    Received {
        /// What to do.
        run: Box<RunCommand>,
    },
    /// It has begun.
    #[serde(rename_all = "camelCase")]
    Started {
        /// The plugin of its first step, for a report if nothing else is known.
        plugin: String,
    },
    /// It has ended, and the server may not know.
    Finished {
        /// How.
        report: Box<NodeReport>,
    },
}

/// A node's state folder. It is locked: nobody else uses it meanwhile.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    _lock: File,
}

impl Journal {
    /// Opens a state folder; makes it if it is not there.
    ///
    /// # Errors
    /// It can't be written, or another node uses it.
    pub fn open(folder: &Path) -> io::Result<Self> {
        for part in ["runs", "done", "work"] {
            fs::create_dir_all(folder.join(part))?;
        }
        let lock = File::create(folder.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another node uses this state folder"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let journal = Self { folder: folder.to_owned(), _lock: lock };
        journal.forget_old()?;
        Ok(journal)
    }

    /// Forgets which commands are done, but for the newest ones.
    fn forget_old(&self) -> io::Result<()> {
        let mut done: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
        for entry in fs::read_dir(self.folder.join("done"))? {
            let entry = entry?;
            done.push((entry.metadata()?.modified()?, entry.path()));
        }
        done.sort();
        let old = done.len().saturating_sub(DONE_MAX);
        done.iter().take(old).try_for_each(|(_, path)| fs::remove_file(path))
    }

    pub(super) fn identity(&self) -> Option<Registered> {
        read(&self.folder.join("node.json"))
    }

    pub(super) fn keep_identity(&self, identity: &Registered) -> io::Result<()> {
        self.write(&self.folder.join("node.json"), identity)
    }

    /// All commands that are not done, with how far they came. One that can't be read was cut while
    /// it was first written: the server still has it.
    pub(super) fn pending(&self) -> io::Result<Vec<(String, Progress)>> {
        let mut pending = Vec::new();
        for entry in fs::read_dir(self.folder.join("runs"))? {
            let entry = entry?;
            let Ok(id) = entry.file_name().into_string() else { continue };
            match read(&entry.path()) {
                Some(progress) if is_plain(&id) => pending.push((id, progress)),
                _ => fs::remove_file(entry.path())?,
            }
        }
        pending.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(pending)
    }

    /// Whether a command was here before.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.run_file(id).exists() || self.done_file(id).exists()
    }

    pub(super) fn put(&self, id: &str, progress: &Progress) -> io::Result<()> {
        if !is_plain(id) {
            return Err(io::Error::other(format!("{id:?} is no command's id")));
        }
        self.write(&self.run_file(id), progress)
    }

    /// The server knows how it ended, or doesn't want it to be run.
    pub(super) fn done(&self, id: &str) -> io::Result<()> {
        File::create(self.done_file(id))?.sync_all()?;
        sync_folder(&self.folder.join("done"))?;
        match fs::remove_file(self.run_file(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The folder of a run's files.
    pub(super) fn work(&self, id: &str) -> PathBuf {
        self.folder.join("work").join(id)
    }

    fn run_file(&self, id: &str) -> PathBuf {
        self.folder.join("runs").join(id)
    }

    fn done_file(&self, id: &str) -> PathBuf {
        self.folder.join("done").join(id)
    }

    fn write(&self, path: &Path, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_vec(value)?;
        let beside = self
            .folder
            .join(format!("{}.new", path.file_name().unwrap_or_default().to_string_lossy()));
        let mut file = private(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        sync_folder(path.parent().unwrap_or(&self.folder))
    }
}

/// A file that only its owner reads: plans hold parameters, the identity a token.
fn private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Whether an id is a plain file name.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn what_was_written_is_there_when_the_folder_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.identity(), None);
        let identity = Registered { id: "mi-1".into(), token: "t".into() };
        journal.keep_identity(&identity).unwrap();
        let started = Progress::Started { plugin: "aws:runShellScript".into() };
        journal.put(ID, &started).unwrap();
        fs::write(folder.path().join("runs/99999999"), "{\"state\":\"rec").unwrap();
        drop(journal);
        let journal = Journal::open(folder.path()).unwrap();
        assert_eq!(journal.identity(), Some(identity));
        assert_eq!(journal.pending().unwrap(), [(ID.to_owned(), started)]);
        assert!(journal.knows(ID));
        journal.done(ID).unwrap();
        journal.done(ID).unwrap();
        assert!(journal.knows(ID));
        assert_eq!(journal.pending().unwrap(), []);
    }

    #[test]
    fn a_folder_has_one_node() {
        let folder = tempfile::tempdir().unwrap();
        let _journal = Journal::open(folder.path()).unwrap();
        let error = Journal::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains("another node"), "{error}");
    }

    #[test]
    fn an_id_is_no_path() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(folder.path()).unwrap();
        for id in ["", "../x", "a/b", "."] {
            assert!(journal.put(id, &Progress::Started { plugin: String::new() }).is_err(), "{id}");
        }
    }
}
