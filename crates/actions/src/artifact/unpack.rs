//! What may come out of a zip file, and how.
//!
//! An archive may come from anybody. So every entry stays within the folder, there are no two of one
//! name, and what it grows to is limited by what is written, not by what the archive says of itself.
//! Links are made after all files, and only those that stay within the folder; what another link
//! points to is written as a file that holds it, as git does where there are no links. Of a file's
//! mode only whether it can be executed is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zip::ZipArchive;
use zip::read::ZipFile;
use zip::result::ZipError;

/// Entries of one archive.
pub const ENTRIES_MAX: usize = 200_000;
/// Bytes that one archive may grow to.
pub const BYTES_MAX: u64 = 20 * 1024 * 1024 * 1024;
/// How many times its own size an archive may grow to, once it has grown past [`FREE_BYTES`].
pub const RATIO_MAX: u64 = 200;
/// Bytes that any archive may grow to.
pub const FREE_BYTES: u64 = 128 * 1024 * 1024;
/// Bytes of an entry's name.
pub const NAME_BYTES_MAX: usize = 4096;
/// Bytes of what a link points to.
const TARGET_BYTES_MAX: u64 = 4096;

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// It can't be read as one.
    #[error("it is no zip file that can be read: {0}")]
    NoZip(String),
    /// An entry may not be unpacked.
    #[error("the entry {0:?} {1}")]
    Refused(String, &'static str),
    /// It has too many entries.
    #[error("it has more than {ENTRIES_MAX} entries")]
    TooMany,
    /// It grows too large.
    #[error("it grows to more than {0} bytes")]
    TooLarge(u64),
    /// The disk said no.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<ZipError> for UnpackError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => Self::Io(error),
            error => Self::NoZip(error.to_string()),
        }
    }
}

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Link,
}

/// Unpacks a zip file into a folder, which is empty or not there yet. After a failure the folder
/// holds a part of it.
///
/// # Errors
/// It is no zip file, an entry may not be unpacked, or it is too large.
pub fn unpack(file: &Path, into: &Path) -> Result<(), UnpackError> {
    let file = File::open(file)?;
    let packed = file.metadata()?.len();
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    if archive.len() > ENTRIES_MAX {
        return Err(UnpackError::TooMany);
    }
    if archive.has_duplicate_names() {
        return Err(UnpackError::NoZip("two entries have the same name".to_owned()));
    }
    let plan = plan(&mut archive)?;
    let most = BYTES_MAX.min(packed.saturating_mul(RATIO_MAX).max(FREE_BYTES));
    let mut writing = Writing { into, most, left: most, links: BTreeMap::new() };
    fs::create_dir_all(into)?;
    for (name, (index, kind)) in &plan {
        let mut entry = archive.by_index(*index)?;
        writing.write(name, *kind, &mut entry)?;
    }
    writing.link()
}

/// Every entry by its name, which is looked at before anything is written.
fn plan<R: Read + io::Seek>(
    archive: &mut ZipArchive<R>,
) -> Result<BTreeMap<String, (usize, Kind)>, UnpackError> {
    let mut plan = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index)?;
        let name = entry.name()?.into_owned();
        let refused = |why| UnpackError::Refused(name.clone(), why);
        if entry.encrypted() {
            return Err(refused("is encrypted"));
        }
        let kind = kind(&entry).ok_or_else(|| refused("is neither file, folder nor link"))?;
        let Some(place) = place(&name).map_err(refused)? else { continue };
        if plan.insert(place, (index, kind)).is_some() {
            return Err(refused("is there twice"));
        }
    }
    let not_folders: BTreeSet<&str> = plan
        .iter()
        .filter(|(_, (_, kind))| *kind != Kind::Folder)
        .map(|(name, _)| name.as_str())
        .collect();
    for name in plan.keys() {
        let mut above = name.as_str();
        while let Some((folder, _)) = above.rsplit_once('/') {
            if not_folders.contains(folder) {
                return Err(UnpackError::Refused(name.clone(), "lies below what is no folder"));
            }
            above = folder;
        }
    }
    Ok(plan)
}

fn kind<R: Read>(entry: &ZipFile<'_, R>) -> Option<Kind> {
    let by_name = if entry.is_dir() { Kind::Folder } else { Kind::File };
    match entry.unix_mode().unwrap_or_default() & 0o170_000 {
        0 => Some(by_name),
        0o040_000 => Some(Kind::Folder),
        0o100_000 => Some(by_name),
        0o120_000 if by_name == Kind::File => Some(Kind::Link),
        _ => None,
    }
}

/// Where below the folder an entry of this name lies; none if it is the folder itself.
fn place(name: &str) -> Result<Option<String>, &'static str> {
    if name.len() > NAME_BYTES_MAX {
        return Err("has too long a name");
    }
    if name.starts_with('/') {
        return Err("has an absolute name");
    }
    if name.contains('\0') || name.contains('\\') {
        return Err("has a character in its name that none may have");
    }
    let parts: Vec<&str> =
        name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("would be written outside of the folder");
    }
    Ok((!parts.is_empty()).then(|| parts.join("/")))
}

/// An archive that is being unpacked.
struct Writing<'a> {
    into: &'a Path,
    most: u64,
    /// Bytes that may still be written.
    left: u64,
    /// What the links point to, by their names.
    links: BTreeMap<String, String>,
}

impl Writing<'_> {
    fn write<R: Read>(
        &mut self,
        name: &str,
        kind: Kind,
        entry: &mut ZipFile<'_, R>,
    ) -> Result<(), UnpackError> {
        let to = self.into.join(name);
        if kind == Kind::Folder {
            return Ok(fs::create_dir_all(to)?);
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        if kind == Kind::Link {
            let mut target = String::new();
            let refused = |why| UnpackError::Refused(name.to_owned(), why);
            entry
                .take(TARGET_BYTES_MAX + 1)
                .read_to_string(&mut target)
                .map_err(|_| refused("is a link that can't be read"))?;
            if target.is_empty() || target.len() as u64 > TARGET_BYTES_MAX || target.contains('\0')
            {
                return Err(refused("is a link to nothing that can be"));
            }
            self.links.insert(name.to_owned(), target);
            return Ok(());
        }
        let is_program = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let mode = if is_program { 0o755 } else { 0o644 };
        // Whatever is there already, a link above all, is not written to.
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&to)?;
        let written = copy(&mut entry.take(self.left + 1), &mut file)?;
        self.left = self.left.checked_sub(written).ok_or(UnpackError::TooLarge(self.most))?;
        Ok(())
    }

    /// Makes the links, now that nothing can be written through them.
    fn link(&self) -> Result<(), UnpackError> {
        for (name, target) in &self.links {
            let at = self.into.join(name);
            if stays(name, target, &self.links) {
                std::os::unix::fs::symlink(target, at)?;
            } else {
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o644)
                    .open(at)?
                    .write_all(target.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// As `io::copy`; but what the archive got wrong is the archive's fault, not the disk's.
fn copy(from: &mut impl Read, to: &mut impl Write) -> Result<u64, UnpackError> {
    let (mut buffer, mut written) = (vec![0; 64 * 1024], 0);
    loop {
        let count =
            from.read(&mut buffer).map_err(|error| UnpackError::NoZip(error.to_string()))?;
        let Some(part) = buffer.get(..count).filter(|part| !part.is_empty()) else {
            return Ok(written);
        };
        to.write_all(part)?;
        written += part.len() as u64;
    }
}

/// Whether a link leads to a place within the folder. The way there must not go through another
/// link: behind that, `..` is somewhere else than it looks.
fn stays(name: &str, target: &str, links: &BTreeMap<String, String>) -> bool {
    if target.starts_with('/') {
        return false;
    }
    let mut at: Vec<&str> = name.split('/').collect();
    at.pop();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if links.contains_key(&at.join("/")) {
            return false;
        }
        if part == ".." {
            if at.pop().is_none() {
                return false;
            }
        } else {
            at.push(part);
        }
    }
    true
}
