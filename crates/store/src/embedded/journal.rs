//! Reads fjall's journals before fjall does.
//!
//! Where a journal is damaged, fjall cuts it and goes on: it can't tell a torn end, which nobody
//! was promised, from a damaged middle, which everybody was. This can, because links must follow
//! one another, and because a batch that is whole behind the damage shows that the damage isn't
//! the end. It changes nothing in the files except to cut off a torn end, which fjall in some
//! cases refuses to do (a last batch with a wrong checksum).

use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::chain::{Link, missing};
use super::directory::io_fault;
use super::head::Mark;
use super::journal_format::{Found, JournalBatch, NO_BATCH, read_batch};
use crate::Fault;

const BUFFER_BYTES: usize = 256 * 1024;

/// What the journals hold.
#[derive(Debug, Default)]
pub(super) struct Journals {
    /// The last link in them.
    pub(super) tip: Option<Link>,
    /// Everything that is wrong, one sentence each. A torn end isn't.
    pub(super) problems: Vec<String>,
    /// Where the first damage begins, and the journals behind it.
    pub(super) damage: Option<Damage>,
    number: u64,
}

/// A journal that is whole only up to a place.
#[derive(Debug)]
pub(super) struct Damage {
    path: PathBuf,
    offset: u64,
    behind: Vec<PathBuf>,
    is_torn_end: bool,
}

/// Where a journal stops being whole, and why.
struct Stop {
    offset: u64,
    what: &'static str,
}

/// Reads all journals of `folder`, oldest first. Changes nothing.
pub(super) fn read(folder: &Path, head: Mark) -> Result<Journals, Fault> {
    let paths = journal_paths(folder)?;
    let mut journals = Journals::default();
    for (index, path) in paths.iter().enumerate() {
        if let Some(stop) = journals.read_file(path)? {
            let later = whole_batch_after(path, stop.offset)?;
            journals.judge(&stop, later, &paths[index..], head);
            break;
        }
    }
    Ok(journals)
}

/// Cuts off a torn end, so that fjall finds whole batches only.
pub(super) fn cut_torn_end(journals: &Journals) -> Result<(), Fault> {
    match &journals.damage {
        Some(damage) if damage.is_torn_end => truncate(&damage.path, damage.offset),
        Some(_) | None => Ok(()),
    }
}

/// Cuts at the damage whatever it is, and moves the journals behind it aside. The damaged journal
/// is copied first.
pub(super) fn cut_damage(journals: &Journals) -> Result<(), Fault> {
    let Some(damage) = &journals.damage else { return Ok(()) };
    let aside = damage.path.with_extension("jnl.damaged");
    fs::copy(&damage.path, &aside)
        .map_err(|error| io_fault("could not copy", &damage.path, &error))?;
    truncate(&damage.path, damage.offset)?;
    damage.behind.iter().try_for_each(|path| {
        fs::rename(path, path.with_extension("jnl.damaged"))
            .map_err(|error| io_fault("could not rename", path, &error))
    })
}

impl Journals {
    /// Reads one file; tells where it stops being whole, and why.
    fn read_file(&mut self, path: &Path) -> Result<Option<Stop>, Fault> {
        let failed = |error| io_fault("could not read", path, &error);
        let file = File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut reader = BufReader::with_capacity(BUFFER_BYTES, file);
        let mut offset = 0;
        loop {
            match read_batch(&mut reader, length - offset).map_err(failed)? {
                Found::Batch(batch) => {
                    self.follow(&batch, path, offset);
                    offset += batch.bytes;
                }
                Found::End => return Ok(None),
                Found::Zero if only_zeros(&mut reader).map_err(failed)? => return Ok(None),
                Found::Zero => return Ok(Some(Stop { offset, what: NO_BATCH })),
                Found::Broken(what) => return Ok(Some(Stop { offset, what })),
            }
        }
    }

    /// Takes the next batch: it must be what was written, and follow the one before.
    fn follow(&mut self, batch: &JournalBatch, path: &Path, offset: u64) {
        let JournalBatch { link, is_base, number, .. } = *batch;
        let place = || format!("in journal {} at byte {offset}", path.display());
        if batch.computed != link.checksum {
            self.problems.push(format!(
                "commit {} isn't what was written, {}",
                link.sequence,
                place()
            ));
        }
        if let Some(before) = self.tip.filter(|_| !is_base) {
            let expected = before.sequence + 1;
            if link.sequence > expected {
                self.problems.push(format!(
                    "{}, {}",
                    missing(expected, link.sequence - 1),
                    place()
                ));
            } else if link.sequence < expected || link.previous != before.checksum {
                self.problems.push(format!(
                    "commit {} doesn't follow commit {}, {}",
                    link.sequence,
                    before.sequence,
                    place()
                ));
            } else if number <= self.number {
                self.problems.push(format!(
                    "commit {} is out of order, {}",
                    link.sequence,
                    place()
                ));
            }
        }
        self.tip = Some(link);
        self.number = number;
    }

    /// Decides whether damage is a torn end or a loss. `paths` are its journal and those behind;
    /// `later` is a whole batch behind the damage in the same journal.
    fn judge(&mut self, stop: &Stop, later: Option<u64>, paths: &[PathBuf], head: Mark) {
        let Some((path, behind)) = paths.split_first() else { return };
        let last = self.tip.map_or(0, |tip| tip.sequence);
        // Batches that were never synced reach the disk in any order.
        let is_torn_end =
            behind.is_empty() && (later.is_none() || (head.buffered && last >= head.sequence));
        if !is_torn_end {
            let tail = match later {
                Some(later) => format!("commit {later} behind it is whole"),
                None => format!("{} journals are behind it", behind.len()),
            };
            self.problems.push(format!(
                "journal {} is damaged at byte {}, after commit {last}: {}, and {tail}",
                path.display(),
                stop.offset,
                stop.what
            ));
        }
        self.damage = Some(Damage {
            path: path.clone(),
            offset: stop.offset,
            behind: behind.to_vec(),
            is_torn_end,
        });
    }
}

fn journal_paths(folder: &Path) -> Result<Vec<PathBuf>, Fault> {
    let failed = |error| io_fault("could not read", folder, &error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let number = name.and_then(|name| name.strip_suffix(".jnl")?.parse::<u64>().ok());
        if let Some(number) = number {
            paths.push((number, path));
        }
    }
    paths.sort();
    Ok(paths.into_iter().map(|(_, path)| path).collect())
}

fn only_zeros(reader: &mut impl Read) -> std::io::Result<bool> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(true),
            read if buffer[..read].iter().all(|byte| *byte == 0) => {}
            _ => return Ok(false),
        }
    }
}

/// Looks for a whole batch anywhere after `offset`; its number.
fn whole_batch_after(path: &Path, offset: u64) -> Result<Option<u64>, Fault> {
    let mut rest = Vec::new();
    let mut read = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        file.read_to_end(&mut rest)
    };
    read().map_err(|error| io_fault("could not read", path, &error))?;
    for at in 1..rest.len() {
        let mut slice = &rest[at..];
        let remaining = slice.len() as u64;
        // Reading from memory can't fail.
        if rest[at] == 1
            && let Ok(Found::Batch(batch)) = read_batch(&mut slice, remaining)
        {
            return Ok(Some(batch.link.sequence));
        }
    }
    Ok(None)
}

fn truncate(path: &Path, length: u64) -> Result<(), Fault> {
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|file| {
            file.set_len(length)?;
            file.sync_all()
        })
        .map_err(|error| io_fault("could not cut", path, &error))
}
