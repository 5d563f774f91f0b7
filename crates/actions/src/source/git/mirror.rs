//! The mirror of a repository: a bare one of our own, fetched into.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::program::{GitError, Program};
use super::{Commit, LOOK_TIMEOUT, Remote};
use crate::artifact::name_of;

/// How long fetching may take; the first time everything comes.
const FETCH_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long a question to the mirror may take.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of an answer of the mirror, such as the names of changed files.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Who fetches into a mirror, by its folder. Two servers have two folders.
static FETCHING: LazyLock<Mutex<HashMap<PathBuf, Weak<tokio::sync::Mutex<()>>>>> =
    LazyLock::new(Mutex::default);

/// The mirror of one repository.
#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    program: Program,
    remote: Remote,
    pub(super) folder: PathBuf,
}

impl Mirror {
    /// The mirror, whether it is there yet or not.
    pub(super) fn new(program: &Program, folder: &Path, remote: &Remote) -> Self {
        let folder = folder.join(name_of(&[remote.as_str()]));
        Self { program: program.clone(), remote: remote.clone(), folder }
    }

    /// The mirror, as the repository is now.
    pub(super) async fn fetched(
        program: &Program,
        folder: &Path,
        remote: &Remote,
    ) -> Result<Self, GitError> {
        let mirror = Self::new(program, folder, remote);
        let lock = lock_of(&mirror.folder);
        let _locked = lock.lock().await;
        if !mirror.folder.join("HEAD").is_file() {
            mirror.make().await?;
        }
        let fetch = [
            "fetch",
            "--quiet",
            "--prune",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--",
            remote.as_str(),
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        ];
        mirror.ask(&fetch, FETCH_TIMEOUT).await.map_err(|why| why.of(remote))?;
        Ok(mirror)
    }

    /// Makes it anew. What a crash left half made goes first.
    async fn make(&self) -> Result<(), GitError> {
        if self.folder.exists() {
            tokio::fs::remove_dir_all(&self.folder).await?;
        }
        let path = self.folder.to_string_lossy();
        let init = ["init", "--quiet", "--bare", "--template=", "--", &path];
        self.program.run(&init, LOCAL_TIMEOUT, ANSWER_BYTES_MAX).await?;
        Ok(())
    }

    /// Whether this commit is here already.
    pub(super) async fn has(&self, commit: &str) -> bool {
        self.folder.join("HEAD").is_file()
            && is_id(commit)
            && self
                .ask(&["cat-file", "-e", &format!("{commit}^{{commit}}")], LOCAL_TIMEOUT)
                .await
                .is_ok()
    }

    /// The commit that a branch or tag (`refs/heads/main`) is at.
    pub(crate) async fn at(&self, name: &str) -> Result<Commit, GitError> {
        let shown = name.strip_prefix("refs/heads/").unwrap_or(name);
        let missing =
            || GitError::NotFound(format!("No Branch [{shown}] found for provided repository"));
        // `main~1` is a commit, but no branch's name.
        if !name.starts_with("refs/") || !is_ref(name) {
            return Err(missing());
        }
        let wanted = format!("{name}^{{commit}}");
        let parse = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted];
        let id = match self.ask(&parse, LOCAL_TIMEOUT).await {
            Err(GitError::Failed(_)) => return Err(missing()),
            id => text(&id?),
        };
        self.commit(&id).await
    }

    /// A commit by its id, or the beginning of it. One that no branch leads to any more is asked for.
    pub(crate) async fn commit(&self, id: &str) -> Result<Commit, GitError> {
        let missing =
            || GitError::NotFound(format!("the repository {} has no commit {id}", self.remote));
        if !is_id(id) {
            return Err(missing());
        }
        let is_whole = id.len() >= 40;
        if is_whole && !self.has(id).await {
            let lock = lock_of(&self.folder);
            let _locked = lock.lock().await;
            let fetch = [
                "fetch",
                "--quiet",
                "--no-tags",
                "--no-write-fetch-head",
                "--",
                self.remote.as_str(),
                id,
            ];
            self.ask(&fetch, FETCH_TIMEOUT).await.map_err(|_| missing())?;
        }
        let format = "--format=%H%x00%at%x00%ct%x00%an%x00%B";
        let wanted = format!("{id}^{{commit}}");
        let show = [
            "show",
            "--no-patch",
            "--no-show-signature",
            "--encoding=UTF-8",
            format,
            "--end-of-options",
            &wanted,
        ];
        let shown = self.ask(&show, LOCAL_TIMEOUT).await.map_err(|_| missing())?;
        read_commit(&String::from_utf8_lossy(&shown)).ok_or_else(missing)
    }

    /// The names of the files that differ between two commits; all of `to` if there is none before.
    pub(crate) async fn changed(
        &self,
        from: Option<&str>,
        to: &str,
    ) -> Result<Vec<String>, GitError> {
        let from = match from.filter(|from| is_id(from)) {
            Some(from) if self.has(from).await => Some(from),
            _ => None,
        };
        if !is_id(to) {
            return Err(GitError::NotFound(format!("{to} is no commit")));
        }
        let differing = ["diff-tree", "-r", "-z", "--name-only", "--no-renames"];
        let list = match from {
            Some(from) => [&differing[..], &[from, to]].concat(),
            None => vec!["ls-tree", "-r", "-z", "--name-only", "--full-tree", to],
        };
        let list = self.ask(&list, LOCAL_TIMEOUT).await?;
        let list = String::from_utf8_lossy(&list);
        Ok(list.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// The branches that have this commit.
    pub(crate) async fn branches_with(&self, commit: &str) -> Result<Vec<String>, GitError> {
        if !is_id(commit) {
            return Ok(Vec::new());
        }
        let list =
            ["for-each-ref", "--format=%(refname:lstrip=2)", "--contains", commit, "refs/heads"];
        let list = self.ask(&list, LOOK_TIMEOUT).await?;
        Ok(String::from_utf8_lossy(&list).lines().map(str::to_owned).collect())
    }

    /// Runs git in the mirror.
    pub(super) async fn ask(
        &self,
        arguments: &[&str],
        timeout: Duration,
    ) -> Result<Vec<u8>, GitError> {
        self.program.run_in(Some(&self.folder), arguments, (timeout, ANSWER_BYTES_MAX)).await
    }

    /// The program, for what asks it otherwise.
    pub(super) fn program(&self) -> &Program {
        &self.program
    }

    /// Where it comes from, without what may be a password.
    pub(crate) fn origin(&self) -> String {
        self.remote.to_string()
    }
}

/// Whoever holds it fetches into this mirror.
fn lock_of(folder: &Path) -> Arc<tokio::sync::Mutex<()>> {
    let mut all = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, lock| lock.strong_count() > 0);
    if let Some(lock) = all.get(folder).and_then(Weak::upgrade) {
        return lock;
    }
    let lock = Arc::default();
    all.insert(folder.to_owned(), Arc::downgrade(&lock));
    lock
}

/// Whether it may be a commit's id, or the beginning of one; so it is no option and no path either.
pub(crate) fn is_id(text: &str) -> bool {
    (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether it has nothing that git reads as more than a name. Source: git-check-ref-format(1).
fn is_ref(name: &str) -> bool {
    let means_more = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    !name.contains(means_more) && !name.contains("..") && !name.contains("@{")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}

fn read_commit(shown: &str) -> Option<Commit> {
    let mut parts = shown.splitn(5, '\0');
    let mut next = || parts.next();
    Some(Commit {
        id: next()?.to_owned(),
        authored: next()?.parse().ok()?,
        committed: next()?.parse().ok()?,
        author: next()?.to_owned(),
        message: next()?.trim_end().to_owned(),
    })
}
