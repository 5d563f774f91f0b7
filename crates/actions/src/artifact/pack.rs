//! What goes into a zip file.
//!
//! Files in the order of their names, all of one time, executable or not: the same files make the
//! same bytes. A link is packed as a link, never followed. What is neither file nor link is refused:
//! reading a pipe would wait for ever.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::glob;
use super::unpack::{ENTRIES_MAX, NAME_BYTES_MAX};

/// What of a folder is packed. By default everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The folder below the folder whose files are meant, and from which names count; `base-directory`
    /// of a buildspec. May be a pattern: the first folder in order that matches is taken.
    pub base: String,
    /// Patterns of files ([`glob`]), of which one must match; none is all files. `files`.
    pub files: Vec<String>,
    /// Patterns of files that are left out. `exclude-paths`.
    pub exclude: Vec<String>,
    /// Whether all files are packed into one folder. `discard-paths`.
    pub flat: bool,
    /// An artifact without a file is one all the same.
    pub may_be_empty: bool,
}

/// Why nothing is packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The base directory is not there. CodeBuild's words.
    #[error("no matching base directory path found for {0}")]
    NoBase(String),
    /// Nothing is selected. CodeBuild's words.
    #[error("no matching artifact paths found")]
    Nothing,
    /// Two files would have one name.
    #[error("two files are called {0:?} without their folders")]
    SameName(String),
    /// It may not be packed.
    #[error("{0:?} {1}")]
    Refused(String, &'static str),
    /// There are too many files.
    #[error("there are more than {ENTRIES_MAX} files")]
    TooMany,
    /// The disk said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The archive can't be written.
    #[error("the zip file could not be written: {0}")]
    Zip(#[from] ZipError),
}

/// What one entry is made of.
enum Entry {
    File(PathBuf),
    Link(String),
}

/// Packs what is selected of a folder.
///
/// # Errors
/// Nothing is selected, or something can't be packed.
pub fn pack(to: &mut File, folder: &Path, selection: &Selection) -> Result<(), PackError> {
    let entries = entries(folder, selection)?;
    if entries.is_empty() && !selection.may_be_empty {
        return Err(PackError::Nothing);
    }
    let mut writer = Writer::new(io::BufWriter::new(to));
    for (name, entry) in entries {
        match entry {
            Entry::Link(target) => writer.link(&name, &target)?,
            Entry::File(path) => {
                let mut file = File::open(path)?;
                let is_program = file.metadata()?.permissions().mode() & 0o111 != 0;
                writer.file(&name, is_program, &mut file)?;
            }
        }
    }
    writer.finish()
}

/// A zip file that is being written, entry by entry.
pub(crate) struct Writer<W: Write + Seek>(ZipWriter<W>);

impl<W: Write + Seek> Writer<W> {
    pub(crate) fn new(to: W) -> Self {
        Self(ZipWriter::new(to).set_auto_large_file())
    }

    pub(crate) fn file(
        &mut self,
        name: &str,
        is_program: bool,
        content: &mut impl Read,
    ) -> Result<(), PackError> {
        let mode = if is_program { 0o755 } else { 0o644 };
        self.0.start_file(name, options().unix_permissions(mode))?;
        io::copy(content, &mut self.0)?;
        Ok(())
    }

    pub(crate) fn link(&mut self, name: &str, target: &str) -> Result<(), PackError> {
        Ok(self.0.add_symlink(name, target, options().unix_permissions(0o777))?)
    }

    /// Writes the directory of the archive.
    pub(crate) fn finish(self) -> Result<(), PackError> {
        self.0.finish()?.flush()?;
        Ok(())
    }
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default())
}

/// What is to be packed, by its name in the archive.
fn entries(folder: &Path, selection: &Selection) -> Result<BTreeMap<String, Entry>, PackError> {
    let mut all = BTreeMap::new();
    let base = base(folder, &selection.base)?;
    walk(&base, String::new(), &mut |name, entry| {
        if all.len() == ENTRIES_MAX {
            return Err(PackError::TooMany);
        }
        if selection.has(&name) {
            let short = name.rsplit('/').next().unwrap_or_default().to_owned();
            let name = if selection.flat { short } else { name };
            if all.insert(name.clone(), entry).is_some() {
                return Err(PackError::SameName(name));
            }
        }
        Ok(())
    })?;
    Ok(all)
}

impl Selection {
    fn has(&self, name: &str) -> bool {
        let any = |patterns: &[String]| {
            patterns.iter().any(|pattern| glob::matches(plain(pattern), name))
        };
        (self.files.is_empty() || any(&self.files)) && !any(&self.exclude)
    }
}

/// A pattern without what says only "from here".
fn plain(pattern: &str) -> &str {
    pattern.strip_prefix("./").unwrap_or(pattern)
}

/// The base directory, which is within the folder and no link.
fn base(folder: &Path, base: &str) -> Result<PathBuf, PackError> {
    let wanted = plain(base).trim_end_matches('/');
    if wanted.is_empty() || wanted == "." {
        return Ok(folder.to_owned());
    }
    if wanted.starts_with('/') || wanted.split('/').any(|part| part == "..") {
        return Err(PackError::Refused(base.to_owned(), "is no folder of the build"));
    }
    let mut at = vec![folder.to_owned()];
    for part in wanted.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let mut next = Vec::new();
        for folder in at {
            for (name, path, kind) in listed(&folder)? {
                if kind.is_dir() && glob::matches(part, &name) {
                    next.push(path);
                }
            }
        }
        at = next;
    }
    at.into_iter().next().ok_or_else(|| PackError::NoBase(base.to_owned()))
}

/// What a folder holds, by name.
fn listed(folder: &Path) -> Result<Vec<(String, PathBuf, fs::FileType)>, PackError> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string().map_err(|name| {
            PackError::Refused(name.to_string_lossy().into_owned(), "is no name in UTF-8")
        })?;
        all.push((name, entry.path(), entry.file_type()?));
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(all)
}

/// Visits every file and link below a folder. Links are not followed.
fn walk(
    folder: &Path,
    prefix: String,
    visit: &mut impl FnMut(String, Entry) -> Result<(), PackError>,
) -> Result<(), PackError> {
    let mut waiting = vec![(folder.to_owned(), prefix)];
    while let Some((folder, prefix)) = waiting.pop() {
        for (name, path, kind) in listed(&folder)? {
            let name = format!("{prefix}{name}");
            let refused = |why| PackError::Refused(name.clone(), why);
            if name.len() > NAME_BYTES_MAX {
                return Err(refused("has too long a name"));
            }
            if name.contains('\\') {
                return Err(refused("has a backslash in its name"));
            }
            if kind.is_dir() {
                waiting.push((path, format!("{name}/")));
            } else if kind.is_symlink() {
                let target = fs::read_link(path)?.into_os_string().into_string();
                let target = target.map_err(|_| refused("links to no name in UTF-8"))?;
                visit(name, Entry::Link(target))?;
            } else if kind.is_file() {
                visit(name, Entry::File(path))?;
            } else {
                return Err(refused("is neither file nor link"));
            }
        }
    }
    Ok(())
}
