//! `cargo xtask tidy`: the rules of the house that neither rustc nor clippy knows.
//!
//! Each rule is one file under `tidy/`: a pure function from the tracked files to a list of
//! problems. Only this file touches git, cargo and the disk.

mod changelog;
mod layers;
mod markdown;
mod names;
mod purity;
mod sizes;
mod words;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Something that breaks a rule, and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Problem {
    path: String,
    /// 0 means the whole file.
    line: usize,
    what: String,
}

impl Problem {
    fn at(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.into(), line, what: what.into() }
    }

    fn of(path: &str, what: impl Into<String>) -> Self {
        Self::at(path, 0, what)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

/// The files that git tracks or would track, by their path from the root.
#[derive(Default)]
struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The files whose path ends in `suffix`, as text; what is not UTF-8 is passed over.
    fn texts<'a>(&'a self, suffix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(move |(path, _)| path.ends_with(suffix))
            .filter_map(|(path, bytes)| Some((path.as_str(), std::str::from_utf8(bytes).ok()?)))
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.0.contains_key(path) || self.0.keys().any(|file| file.starts_with(&folder))
    }
}

/// Checks the repository that holds this crate and prints what is wrong.
pub(crate) fn run() -> Outcome<()> {
    let root = root();
    let problems = check(&load(&root)?, &cargo_metadata(&root)?)?;
    for problem in &problems {
        println!("{problem}");
    }
    match problems.len() {
        0 => {
            println!("tidy: nothing to say");
            Ok(())
        }
        count => Err(format!("tidy: {count} to put right").into()),
    }
}

fn check(files: &Files, metadata: &str) -> Outcome<Vec<Problem>> {
    let workspace = layers::Workspace::parse(metadata)?;
    let rules = [
        layers::check(files, &workspace),
        purity::check(files, &workspace),
        sizes::check(files),
        words::check(files),
        names::check(files),
        markdown::check(files),
        changelog::check(files),
    ];
    let mut problems: Vec<Problem> = rules.into_iter().flatten().collect();
    problems.sort();
    Ok(problems)
}

fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().expect("invariant: xtask lies in the root folder").to_path_buf()
}

fn load(root: &Path) -> Outcome<Files> {
    let listing = output(
        Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root),
    )?;
    let mut files = Files::default();
    for path in listing.split('\0').filter(|path| !path.is_empty()) {
        let full = root.join(path);
        // A file that was deleted but not yet committed is still listed.
        if full.is_file() {
            files.0.insert(path.into(), std::fs::read(full)?);
        }
    }
    Ok(files)
}

fn cargo_metadata(root: &Path) -> Outcome<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    output(
        Command::new(cargo)
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
            .current_dir(root),
    )
}

fn output(command: &mut Command) -> Outcome<String> {
    let out = command.output().map_err(|error| format!("could not run {command:?}: {error}"))?;
    if !out.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&out.stderr)).into());
    }
    Ok(String::from_utf8(out.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files for a rule's own tests.
    pub(super) fn files(list: &[(&str, &str)]) -> Files {
        Files(list.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect())
    }

    /// A rule's problems, a line each.
    pub(super) fn lines(problems: &[Problem]) -> Vec<String> {
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn this_repository_is_tidy() {
        let root = root();
        let files = load(&root).expect("git lists the files");
        let metadata = cargo_metadata(&root).expect("cargo describes the workspace");
        let problems = check(&files, &metadata).expect("the metadata can be read");
        assert!(problems.is_empty(), "\n{}", lines(&problems).join("\n"));
    }

    #[test]
    fn a_folder_is_there_when_it_holds_a_file() {
        let files = files(&[("docs/README.md", "# Docs\n")]);
        assert!(files.has("docs"));
        assert!(files.has("docs/"));
        assert!(files.has("docs/README.md"));
        assert!(!files.has("doc"));
    }
}
