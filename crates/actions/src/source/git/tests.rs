use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::artifact::unpack;

/// A repository with a work tree, in a folder of its own.
pub(crate) struct House {
    pub(crate) home: tempfile::TempDir,
}

impl House {
    pub(crate) fn new() -> Self {
        let house = Self { home: tempfile::tempdir().unwrap() };
        fs::create_dir(house.repository()).unwrap();
        house.git(&["init", "--quiet", "--initial-branch=main"]);
        house
    }

    pub(crate) fn repository(&self) -> std::path::PathBuf {
        self.home.path().join("repository")
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.com"])
            .args(arguments)
            .current_dir(self.repository())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05+01:00")
            .env("GIT_COMMITTER_DATE", "2026-01-02T04:04:05+01:00")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn commit(&self, name: &str, text: &str, message: &str) -> String {
        let path = self.repository().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn parts(&self) -> (Git, Remote) {
        let git = Git::new(self.home.path().join("work/git"));
        (git, Remote::new("repository", self.home.path()))
    }
}

fn read(into: &Path, name: &str) -> String {
    fs::read_to_string(into.join(name)).unwrap()
}

#[test]
fn a_remote_is_a_url_or_a_folder_and_shows_no_password() {
    for (text, shown) in [
        ("https://ann:secret@example.com/a/b.git", "https://example.com/a/b.git"),
        ("ssh://git@example.com/a", "ssh://example.com/a"),
        ("git@example.com:a/b", "git@example.com:a/b"),
        ("a/b", "/srv/x/a/b"),
        ("/a:b/c", "/a:b/c"),
    ] {
        assert_eq!(Remote::new(text, Path::new("/srv/x")).to_string(), shown, "{text}");
    }
}

#[tokio::test]
async fn refs_are_branches_and_tags_by_their_commits() {
    let house = House::new();
    let first = house.commit("a", "1", "One");
    house.git(&["tag", "--annotate", "--message", "x", "v1"]);
    house.git(&["branch", "feature/x"]);
    let second = house.commit("a", "2", "Two");
    let (git, remote) = house.parts();
    let refs = git.refs(&remote).await.unwrap();
    let expected =
        [("refs/heads/feature/x", &first), ("refs/heads/main", &second), ("refs/tags/v1", &first)];
    let expected = expected.map(|(name, id)| (name.to_owned(), id.clone()));
    assert_eq!(refs, Refs::from(expected));
}

#[tokio::test]
async fn a_commit_is_taken_as_it_is_in_the_repository() {
    let house = House::new();
    fs::write(house.repository().join(".gitattributes"), "*.txt eol=crlf\nsecret export-ignore\n")
        .unwrap();
    std::os::unix::fs::symlink("deep/a.txt", house.repository().join("link")).unwrap();
    fs::write(house.repository().join("run.sh"), "#!/bin/sh\n").unwrap();
    house.git(&["add", "--chmod=+x", "run.sh"]);
    house.git(&["add", "--chmod=+x", "--force", "run.sh"]);
    fs::write(house.repository().join("secret"), "kept").unwrap();
    let id = house.commit("deep/a.txt", "one\ntwo\n", "Subject\n\nBody");
    house.commit("later", "x", "Later");
    let (git, remote) = house.parts();
    let mirror = git.mirror(&remote).await.unwrap();
    let commit = mirror.commit(&id[..8]).await.unwrap();
    let expected = Commit {
        id,
        authored: 1_767_319_445,
        committed: 1_767_323_045,
        author: "Ann".to_owned(),
        message: "Subject\n\nBody".to_owned(),
    };
    assert_eq!(commit, expected);
    let file = tempfile::NamedTempFile::new().unwrap();
    mirror.zip(&commit, file.reopen().unwrap()).await.unwrap();
    let into = house.home.path().join("into");
    unpack::unpack(file.path(), &into).unwrap();
    assert_eq!(read(&into, "deep/a.txt"), "one\ntwo\n", "line ends are not changed");
    assert_eq!(read(&into, "link"), "one\ntwo\n");
    assert_eq!(read(&into, "secret"), "kept");
    assert!(!into.join("later").exists() && !into.join(".git").exists());
    let again = tempfile::NamedTempFile::new().unwrap();
    mirror.zip(&commit, again.reopen().unwrap()).await.unwrap();
    assert_eq!(fs::read(file.path()).unwrap(), fs::read(again.path()).unwrap(), "same bytes");
}

#[tokio::test]
async fn a_clone_has_its_history_and_its_branch() {
    let house = House::new();
    let first = house.commit("a", "1", "One");
    house.commit("a", "2", "Two");
    let (git, remote) = house.parts();
    let mirror = git.mirror(&remote).await.unwrap();
    let commit = mirror.commit(&first).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let work = tempfile::tempdir().unwrap();
    mirror.zip_clone((&commit, "main"), work.path(), file.reopen().unwrap()).await.unwrap();
    let into = house.home.path().join("into");
    unpack::unpack(file.path(), &into).unwrap();
    assert_eq!(read(&into, "a"), "1");
    assert_eq!(read(&into, ".git/HEAD").trim(), "ref: refs/heads/main");
    let log = Command::new("git").args(["log", "--format=%s"]).current_dir(&into).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&log.stdout).trim(), "One");
}

#[tokio::test]
async fn a_mirror_follows_the_repository_also_when_its_history_is_rewritten() {
    let house = House::new();
    let first = house.commit("a", "1", "One");
    let second = house.commit("b", "2", "Two");
    let (git, remote) = house.parts();
    let mirror = git.mirror(&remote).await.unwrap();
    assert_eq!(mirror.at("refs/heads/main").await.unwrap().id, second);
    assert_eq!(mirror.changed(Some(&first), &second).await.unwrap(), ["b"]);
    assert_eq!(mirror.changed(None, &second).await.unwrap(), ["a", "b"]);
    assert_eq!(mirror.branches_with(&first).await.unwrap(), ["main"]);
    house.git(&["reset", "--quiet", "--hard", &first]);
    house.git(&["branch", "other"]);
    let third = house.commit("c", "3", "Three");
    let mirror = git.mirror(&remote).await.unwrap();
    assert_eq!(mirror.at("refs/heads/main").await.unwrap().id, third);
    // What was seen before is still there, for what was started with it.
    assert_eq!(mirror.commit(&second).await.unwrap().message, "Two");
    assert_eq!(mirror.at("refs/heads/other").await.unwrap().id, first);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let house = House::new();
    house.commit("a", "1", "One");
    let (git, remote) = house.parts();
    let mirror = git.mirror(&remote).await.unwrap();
    let error = mirror.at("refs/heads/none").await.unwrap_err();
    assert_eq!(error.to_string(), "No Branch [none] found for provided repository");
    for name in ["main~0", "main^", "main^{tree}", "main@{0}", "main:a", "main..main", "-x"] {
        let error = mirror.at(&format!("refs/heads/{name}")).await;
        assert!(matches!(error, Err(GitError::NotFound(_))), "{name}");
    }
    for commit in ["0123456789012345678901234567890123456789", "--help", "main", ""] {
        assert!(matches!(mirror.commit(commit).await, Err(GitError::NotFound(_))), "{commit}");
    }
    let nowhere = Remote::new("nowhere", house.home.path());
    let error = git.refs(&nowhere).await.unwrap_err().to_string();
    assert!(error.contains("nowhere can't be read"), "{error}");
}

#[tokio::test]
async fn a_file_whose_name_is_no_text_is_not_left_out_in_silence() {
    use std::os::unix::ffi::OsStrExt;
    let house = House::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(house.repository().join(name), "1").unwrap();
    let commit = house.commit("a", "1", "One");
    let (git, remote) = house.parts();
    let mirror = git.mirror(&remote).await.unwrap();
    let commit = mirror.commit(&commit).await.unwrap();
    let error = mirror.zip(&commit, tempfile::tempfile().unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "the name of the file \"caf\u{fffd}\" is not UTF-8");
}

#[tokio::test]
async fn a_remote_runs_no_program() {
    let house = House::new();
    let git = house.parts().0;
    let mark = house.home.path().join("mark");
    let command = format!("ext::touch {}", mark.display());
    assert!(git.refs(&Remote(command.clone())).await.is_err());
    assert!(git.mirror(&Remote(command)).await.is_err());
    let option = format!("--upload-pack=touch {}", mark.display());
    assert!(git.refs(&Remote(option)).await.is_err());
    assert!(!mark.exists());
}

#[tokio::test]
async fn many_at_once_fetch_one_after_another() {
    let house = House::new();
    let id = house.commit("a", "1", "One");
    let (git, remote) = house.parts();
    let each = (0..8).map(|_| {
        let (git, remote) = (git.clone(), remote.clone());
        tokio::spawn(async move {
            let mirror = git.mirror(&remote).await?;
            mirror.at("refs/heads/main").await
        })
    });
    for one in each.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap().unwrap().id, id);
    }
}
