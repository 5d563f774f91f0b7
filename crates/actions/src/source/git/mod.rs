//! Git repositories, through the `git` program.
//!
//! ```text
//!   remote ── ls-remote ─▶ Refs            what a round of the watcher looks at
//!      │
//!      └──── fetch ─▶ mirror in the folder ─▶ Commit ─┬─▶ its tree as a zip file
//!            one at a time per repository             └─▶ a clone with its history as a zip file
//! ```
//!
//! Why the program and not a library is said in decision 0011. What it may do is limited in
//! [`program`].

mod mirror;
mod program;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use mirror::Mirror;
pub use program::GitError;
use program::Program;

/// How long a look at a repository's refs may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a list of refs.
const REFS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of the files of one commit, as AWS limits them.
pub const TREE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A repository: a URL, or a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remote(String);

impl Remote {
    /// The remote that a configuration names; a folder is relative to the configuration's.
    #[must_use]
    pub fn new(text: &str, config_folder: &Path) -> Self {
        let is_url = text.contains("://");
        // git's short form of an SSH URL: a host, and no slash before the colon.
        let is_short = text.split_once(':').is_some_and(|(host, _)| !host.contains('/'));
        if is_url || is_short {
            return Self(text.to_owned());
        }
        let path = config_folder.join(text);
        Self(std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned())
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// Without what may be a password.
impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
                let host = authority.rsplit('@').next().unwrap_or_default();
                write!(f, "{scheme}://{host}/{path}")
            }
            None => f.write_str(&self.0),
        }
    }
}

/// The branches and tags of a repository, `refs/heads/main` by the commit that each is at.
pub type Refs = BTreeMap<String, String>;

/// What is known of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: String,
    /// When its author wrote it, seconds of the epoch.
    pub authored: i64,
    /// When it was committed, seconds of the epoch.
    pub committed: i64,
    /// Its author's name.
    pub author: String,
    /// Its whole message.
    pub message: String,
}

/// The git program with a folder for mirrors.
#[derive(Clone, Debug)]
pub struct Git {
    program: Program,
    folder: PathBuf,
}

impl Git {
    /// Git with its files in this folder.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { program: Program::new(folder.join("gitconfig")), folder }
    }

    /// The branches and tags that a repository has now. A tag of its own means its commit.
    ///
    /// # Errors
    /// The repository can't be asked.
    pub async fn refs(&self, remote: &Remote) -> Result<Refs, GitError> {
        let arguments = ["ls-remote", "--quiet", "--heads", "--tags", "--", remote.as_str()];
        let run = self.program.run(&arguments, LOOK_TIMEOUT, REFS_BYTES_MAX);
        let text = run.await.map_err(|why| why.of(remote))?;
        Ok(read_refs(&String::from_utf8_lossy(&text)))
    }

    /// The mirror of a repository as it is now.
    ///
    /// # Errors
    /// The repository can't be fetched.
    pub(crate) async fn mirror(&self, remote: &Remote) -> Result<Mirror, GitError> {
        Mirror::fetched(&self.program, &self.folder, remote).await
    }

    /// The mirror of a repository as it is, or was when it was fetched last; fetched if it has not
    /// got this commit.
    ///
    /// # Errors
    /// The repository can't be fetched.
    pub(crate) async fn mirror_with(
        &self,
        remote: &Remote,
        commit: &str,
    ) -> Result<Mirror, GitError> {
        let mirror = Mirror::new(&self.program, &self.folder, remote);
        if mirror.has(commit).await { Ok(mirror) } else { self.mirror(remote).await }
    }
}

/// Lines of `ls-remote`. A tag with a message is followed by the commit that it means, `^{}`.
fn read_refs(text: &str) -> Refs {
    let mut refs = Refs::new();
    for line in text.lines() {
        let Some((id, name)) = line.split_once('\t') else { continue };
        let name = name.strip_suffix("^{}").unwrap_or(name);
        refs.insert(name.to_owned(), id.to_owned());
    }
    refs
}

#[cfg(test)]
pub(crate) mod tests;
