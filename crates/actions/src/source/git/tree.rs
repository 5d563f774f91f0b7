//! A commit as an artifact: its files, or a clone with its history.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use super::mirror::Mirror;
use super::program::{GitError, Program};
use super::{Commit, TREE_BYTES_MAX};
use crate::artifact::blocking;
use crate::artifact::pack::{self, PackError, Selection, Writer};
use crate::artifact::unpack::ENTRIES_MAX;

/// How long making a clone may take.
const CLONE_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of a link.
const LINK_BYTES_MAX: u64 = 4096;

/// One file of a commit.
struct Entry {
    mode: u32,
    id: String,
    name: String,
}

impl Mirror {
    /// Writes the files of a commit as a zip file, as they are in the repository: no line ends are
    /// changed, no filter runs. Submodules are left out, as AWS does.
    pub(crate) async fn zip(&self, commit: &Commit, to: File) -> Result<(), GitError> {
        let list = ["ls-tree", "-r", "-z", "--full-tree", &commit.id];
        let list = self.ask(&list, CLONE_TIMEOUT).await?;
        let lines = list.split(|byte| *byte == 0).filter(|line| !line.is_empty());
        let entries: Result<Vec<_>, _> = lines.map(read_entry).collect();
        let mut entries: Vec<Entry> = entries?.into_iter().flatten().collect();
        if entries.len() > ENTRIES_MAX {
            return Err(GitError::Failed(format!("the commit has more than {ENTRIES_MAX} files")));
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        let (program, folder) = (self.program().clone(), self.folder.clone());
        let write = move || write(&program, &folder, &entries, to);
        blocking(write).await.map_err(|error| GitError::Io(error.message))?
    }

    /// Writes a clone with all its history, checked out at a commit, as a zip file. It knows its
    /// origin, but nobody's password. `work` is an empty folder.
    pub(crate) async fn zip_clone(
        &self,
        (commit, branch): (&Commit, &str),
        work: &Path,
        mut to: File,
    ) -> Result<(), GitError> {
        let (from, clone) = (self.folder.to_string_lossy(), work.to_string_lossy());
        let limits = (CLONE_TIMEOUT, ANSWER_BYTES_MAX);
        let run = async |folder: Option<&Path>, arguments: &[&str]| {
            self.program().run_in(folder, arguments, limits).await
        };
        let arguments = ["clone", "--quiet", "--no-checkout", "--no-hardlinks", "--template="];
        run(None, &[&arguments[..], &["--", &from, &clone]].concat()).await?;
        run(Some(work), &["checkout", "--quiet", "-B", branch, &commit.id, "--"]).await?;
        run(Some(work), &["remote", "set-url", "origin", "--", &self.origin()]).await?;
        let work = work.to_owned();
        let pack = move || pack::pack(&mut to, &work, &Selection::default());
        let packed = blocking(pack).await.map_err(|error| GitError::Io(error.message))?;
        packed.map_err(failed)
    }
}

/// `100644 blob ID\tNAME`; none of what is no file.
fn read_entry(line: &[u8]) -> Result<Option<Entry>, GitError> {
    let line = std::str::from_utf8(line).map_err(|_| {
        let line = String::from_utf8_lossy(line);
        let name = line.split_once('\t').map_or(&*line, |(_, name)| name);
        GitError::Failed(format!("the name of the file {name:?} is not UTF-8"))
    })?;
    let read = || {
        let (facts, name) = line.split_once('\t')?;
        let mut facts = facts.split(' ');
        let mode = u32::from_str_radix(facts.next()?, 8).ok()?;
        let is_blob = facts.next()? == "blob";
        let id = facts.next()?.to_owned();
        is_blob.then(|| Entry { mode, id, name: name.to_owned() })
    };
    Ok(read())
}

fn write(program: &Program, folder: &Path, entries: &[Entry], to: File) -> Result<(), GitError> {
    let mut files = Files::open(program, folder)?;
    let mut writer = Writer::new(io::BufWriter::new(to));
    let mut left = TREE_BYTES_MAX;
    for entry in entries {
        let size = files.next(&entry.id)?;
        left = left.checked_sub(size).ok_or_else(|| {
            GitError::Failed(format!(
                "the files of the commit are more than {TREE_BYTES_MAX} bytes"
            ))
        })?;
        let mut content = (&mut files.output).take(size);
        if entry.mode & 0o170_000 == 0o120_000 && size <= LINK_BYTES_MAX {
            let mut target = Vec::new();
            content.read_to_end(&mut target)?;
            match String::from_utf8(target) {
                Ok(target) => writer.link(&entry.name, &target),
                Err(target) => writer.file(&entry.name, false, &mut target.as_bytes()),
            }
        } else {
            writer.file(&entry.name, entry.mode & 0o111 != 0, &mut content)
        }
        .map_err(failed)?;
        files.end()?;
    }
    writer.finish().map_err(failed)
}

fn failed(error: PackError) -> GitError {
    GitError::Io(error.to_string())
}

/// `git cat-file --batch`: the content of one file after another.
struct Files {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Files {
    fn open(program: &Program, folder: &Path) -> Result<Self, GitError> {
        let mut command = program.command(&["cat-file", "--batch"])?;
        command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| GitError::NoGit(error.to_string()))?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(input), Some(output)) => {
                Ok(Self { child, input, output: BufReader::new(output) })
            }
            _ => Err(GitError::Io("git has no pipes".to_owned())),
        }
    }

    /// Asks for a file: its size. Its content is read next, and then [`Files::end`].
    fn next(&mut self, id: &str) -> Result<u64, GitError> {
        self.input.write_all(format!("{id}\n").as_bytes())?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let mut parts = line.trim_end().split(' ').skip(1);
        match (parts.next(), parts.next().and_then(|size| size.parse().ok())) {
            (Some("blob"), Some(size)) => Ok(size),
            _ => Err(GitError::Failed(format!("git has no file {id}: {}", line.trim_end()))),
        }
    }

    /// The line end behind a file.
    fn end(&mut self) -> Result<(), GitError> {
        let mut end = [0];
        self.output.read_exact(&mut end)?;
        if end == *b"\n" { Ok(()) } else { Err(GitError::Io("git lost its place".to_owned())) }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // It ends by itself when its input does; after a failure it may be in the middle of a file.
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}
