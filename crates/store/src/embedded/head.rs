//! `HEAD`: a side file that remembers the last commit that was acknowledged.
//!
//! It is written after each sync of the journal and before its callers hear of it, but synced only
//! now and then, so it costs a write to the page cache. It therefore never runs ahead of the
//! journal; after the death of the process it is exact; after a loss of power it may lag behind by
//! what the operating system hadn't written yet.
//!
//! ```text
//!  two slots of 32 bytes, written in turn:  sequence(u64) link(u64) flags(u64) checksum(u64)
//! ```

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_64;

use super::chain::Link;
use crate::{Fault, FaultKind};

/// Groups between two syncs of the file: what a loss of power may hide, at worst.
const SYNC_EVERY: u64 = 1_024;

const SLOT_BYTES: usize = 32;

/// Set while the journal isn't synced, so that its end may be torn anywhere.
const FLAG_BUFFERED: u64 = 1;

/// What the file says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The number of the last commit acknowledged.
    pub(super) sequence: u64,
    /// Its link.
    pub(super) checksum: u64,
    /// Whether commits after it may have been acknowledged without a sync.
    pub(super) buffered: bool,
}

impl Mark {
    /// The mark of a link.
    pub(super) fn of(link: &Link, buffered: bool) -> Self {
        Self { sequence: link.sequence, checksum: link.checksum, buffered }
    }

    fn encode(self) -> [u8; SLOT_BYTES] {
        let flags = if self.buffered { FLAG_BUFFERED } else { 0 };
        let mut slot = [0; SLOT_BYTES];
        slot[..8].copy_from_slice(&self.sequence.to_be_bytes());
        slot[8..16].copy_from_slice(&self.checksum.to_be_bytes());
        slot[16..24].copy_from_slice(&flags.to_be_bytes());
        let checksum = xxh3_64(&slot[..24]);
        slot[24..].copy_from_slice(&checksum.to_be_bytes());
        slot
    }

    fn decode(slot: &[u8]) -> Option<Self> {
        let number = |at: usize| slot.get(at..at + 8)?.try_into().ok().map(u64::from_be_bytes);
        if number(24)? != xxh3_64(&slot[..24]) {
            return None;
        }
        let buffered = number(16)? & FLAG_BUFFERED != 0;
        Some(Self { sequence: number(0)?, checksum: number(8)?, buffered })
    }
}

/// The open file.
#[derive(Debug)]
pub(super) struct Head {
    file: File,
    path: PathBuf,
    writes: u64,
}

impl Head {
    /// Makes the file, with nothing acknowledged, and syncs it.
    pub(super) fn create(path: &Path) -> Result<(), Fault> {
        let slots = [Mark::default().encode(), Mark::default().encode()].concat();
        let write = || {
            let mut file = File::create(path)?;
            file.write_all(&slots)?;
            file.sync_all()
        };
        write().map_err(|error| failed("could not create", path, &error))
    }

    /// Reads what the file says.
    pub(super) fn read(path: &Path) -> Result<Mark, Fault> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .map_err(|error| failed("could not read", path, &error))?;
        bytes
            .chunks(SLOT_BYTES)
            .take(2)
            .filter_map(Mark::decode)
            .max_by_key(|mark| mark.sequence)
            .ok_or_else(|| {
                Fault::new(
                    FaultKind::Corrupt,
                    format!("{} is damaged; {}", path.display(), super::open::REMEDY),
                )
            })
    }

    /// Opens the file to write marks, and writes `mark` into both slots, synced.
    pub(super) fn open(path: &Path, mark: Mark) -> Result<Self, Fault> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| failed("could not open", path, &error))?;
        let mut head = Self { file, path: path.to_owned(), writes: 0 };
        head.write(mark)?;
        head.write(mark)?;
        head.sync()?;
        Ok(head)
    }

    /// Remembers `mark`; syncs now and then.
    pub(super) fn write(&mut self, mark: Mark) -> Result<(), Fault> {
        let slot = (self.writes % 2) * SLOT_BYTES as u64;
        self.writes += 1;
        let written =
            self.file.seek(SeekFrom::Start(slot)).and_then(|_| self.file.write_all(&mark.encode()));
        written.map_err(|error| failed("could not write", &self.path, &error))?;
        if self.writes.is_multiple_of(SYNC_EVERY) { self.sync() } else { Ok(()) }
    }

    /// Syncs the file.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        self.file.sync_data().map_err(|error| failed("could not sync", &self.path, &error))
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Fault {
    Fault::unavailable(format!("{what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_survives_one_damaged_slot_and_tells_two() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("HEAD");
        let mark = |sequence| Mark { sequence, checksum: 9, buffered: false };
        Head::create(&path).unwrap();
        let mut head = Head::open(&path, mark(1)).unwrap();
        head.write(mark(2)).unwrap();
        head.write(mark(3)).unwrap();
        assert_eq!(Head::read(&path).unwrap(), mark(3));

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Head::read(&path).unwrap(), mark(2));
        bytes[8] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(Head::read(&path).unwrap_err().kind(), FaultKind::Corrupt);
    }
}
