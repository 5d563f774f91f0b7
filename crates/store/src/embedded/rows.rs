//! Everything that touches fjall: how it is set up, read and written.
//!
//! All families share one keyspace, so that one flush makes the rows of a commit and its link
//! durable together, or neither; the chain would prove nothing otherwise. It also means one
//! memtable instead of one a family.

use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use fjall::config::{BlockSizePolicy, CompressionPolicy, FilterPolicy, FilterPolicyEntry};
use fjall::config::{BloomConstructionPolicy, PinningPolicy};
use fjall::{
    AbstractTree, CompressionType, Database, Keyspace, KeyspaceCreateOptions, LsmError,
    PersistMode, Readable, Snapshot,
};

use super::Durability;
use super::chain::is_reserved;
use crate::{Fault, FaultKind, Order, RESERVED_FAMILY, Range, Row, Stats};

/// A memtable is flushed when it is this large. fjall may hold five of them before it stalls;
/// admission aims at two. Small, because this is memory that a parked execution would pay for.
pub const MEMTABLE_BYTES: u64 = 8 * 1024 * 1024;

/// The cache of table blocks, data, index and filters together.
pub const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// All journals together; fjall's minimum is 64 MiB, and one journal takes that already.
const JOURNAL_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// A table file. Smaller than fjall's 64 MiB, so that one compaction is short and moves little.
const TABLE_BYTES: u64 = 16 * 1024 * 1024;

/// A data block: a few dozen rows of 100 to 700 bytes. What a point read costs in disk reads and
/// cache.
const BLOCK_BYTES: u32 = 4 * 1024;

/// Bits of the bloom filter a key: about one false positive in a hundred.
const FILTER_BITS: f32 = 10.0;

/// Threads that flush and compact. With one, a flush waits for a long compaction and memtables pile
/// up; the second keeps flushing.
const WORKERS: usize = 2;

type Bounds<'a> = (Bound<&'a [u8]>, Bound<&'a [u8]>);

const KEYSPACE: &str = "rows";

/// fjall's database with its one keyspace.
pub(super) struct Rows {
    database: Database,
    keyspace: Keyspace,
    /// What reads see: taken by the committer after a commit is wholly applied. fjall's own newest
    /// snapshot can show a part of a batch, because a flush that ends while a batch is being
    /// applied makes all numbers up to its own visible.
    current: RwLock<Arc<Snapshot>>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").finish_non_exhaustive()
    }
}

impl Rows {
    /// Opens or makes the database in `folder`. `what` names it in faults.
    pub(super) fn open(folder: &Path, cache_bytes: u64) -> Result<Self, Fault> {
        let open = || {
            let database = Database::builder(folder)
                .cache_size(cache_bytes)
                .max_journaling_size(JOURNAL_BYTES_MAX)
                .journal_compression(CompressionType::None)
                .manual_journal_persist(true)
                .worker_threads(WORKERS)
                .open()?;
            let keyspace = database.keyspace(KEYSPACE, keyspace_options)?;
            Ok((database, keyspace))
        };
        // fjall panics on some damage (a folder's name that is no number); that is damage too.
        let opened = std::panic::catch_unwind(open).map_err(|_| {
            Fault::new(
                FaultKind::Corrupt,
                format!("could not make sense of {}; {}", folder.display(), super::open::REMEDY),
            )
        })?;
        let (database, keyspace) = opened.map_err(|error: fjall::Error| {
            describe(&error, &format!("could not open {}", folder.display()))
        })?;
        let current = RwLock::new(Arc::new(database.snapshot()));
        Ok(Self { database, keyspace, current })
    }

    /// Writes `rows` (`None` deletes) atomically, and durably as asked. For one thread only.
    pub(super) fn write<'a>(
        &self,
        rows: impl IntoIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
        durability: Durability,
    ) -> Result<(), Fault> {
        let mode = match durability {
            Durability::Synced => PersistMode::SyncData,
            Durability::Buffered => PersistMode::Buffer,
        };
        let mut batch = self.database.batch().durability(Some(mode));
        for (key, value) in rows {
            match value {
                Some(value) => batch.insert(&self.keyspace, key, value),
                None => batch.remove(&self.keyspace, key),
            }
        }
        let committed =
            batch.commit().map_err(|error| describe(&error, "could not write a commit"));
        self.refresh();
        committed
    }

    /// Lets reads see all that is applied. Only the thread that writes may call it, between writes.
    pub(super) fn refresh(&self) {
        let newest = Arc::new(self.database.snapshot());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = newest;
    }

    /// Tells whether flushes or compactions are going on.
    pub(super) fn is_busy(&self) -> bool {
        self.database.outstanding_flushes() > 0
            || self.keyspace.sealed_memtable_count() > 0
            || self.database.active_compactions() > 0
    }

    /// Makes all that was written durable.
    pub(super) fn sync(&self) -> Result<(), Fault> {
        let synced = self.database.persist(PersistMode::SyncData);
        synced.map_err(|error| describe(&error, "could not sync the journal"))
    }

    /// What reads see now.
    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads one row.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        if key.is_empty() {
            return Ok(None);
        }
        let found = self.snapshot().get(&self.keyspace, key);
        found
            // A copy, because a slice of fjall's keeps its whole block in memory.
            .map(|value| value.map(|value| Bytes::copy_from_slice(&value)))
            .map_err(|error| describe(&error, &format!("could not read {}", key.escape_ascii())))
    }

    /// Reads rows of the families above.
    pub(super) fn scan(
        &self,
        range: &Range,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Row>, Fault> {
        let Some(bounds) = bounds(range) else { return Ok(Vec::new()) };
        let snapshot = self.snapshot();
        let found = snapshot.range::<&[u8], _>(&self.keyspace, bounds);
        let mut rows = Vec::new();
        let mut take = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner().map_err(|error| after(&error, &rows, range))?;
            rows.push((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)));
            Ok(())
        };
        match order {
            Order::Ascending => found.take(limit).try_for_each(&mut take)?,
            Order::Descending => found.rev().take(limit).try_for_each(&mut take)?,
        }
        Ok(rows)
    }

    /// Goes through the keys of a range, in one snapshot.
    pub(super) fn keys(&self, range: &Range) -> Result<Vec<Bytes>, Fault> {
        let Some(bounds) = bounds(range) else { return Ok(Vec::new()) };
        self.snapshot()
            .range::<&[u8], _>(&self.keyspace, bounds)
            .map(|guard| match guard.key() {
                Ok(key) => Ok(Bytes::copy_from_slice(&key)),
                Err(error) => Err(after(&error, &[], range)),
            })
            .collect()
    }

    /// Tells whether a key of the range is one of those, in one snapshot. It reads up to the first.
    pub(super) fn any_key(
        &self,
        range: &Range,
        is_one: impl Fn(&[u8]) -> bool,
    ) -> Result<bool, Fault> {
        let Some(bounds) = bounds(range) else { return Ok(false) };
        for guard in self.snapshot().range::<&[u8], _>(&self.keyspace, bounds) {
            if is_one(&guard.key().map_err(|error| after(&error, &[], range))?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads the rows of the reserved family.
    pub(super) fn reserved(&self) -> Result<Vec<Row>, Fault> {
        self.snapshot()
            .prefix(&self.keyspace, [RESERVED_FAMILY])
            .map(|guard| {
                let (key, value) = guard
                    .into_inner()
                    .map_err(|error| describe(&error, "could not read the chain of commits"))?;
                Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
            })
            .collect()
    }

    /// Calls `visit` with every row of the families above; a row that can't be read ends the walk.
    pub(super) fn walk(&self, mut visit: impl FnMut(&[u8], &[u8])) -> Result<(), Fault> {
        let snapshot = self.snapshot();
        let mut last = Vec::new();
        for guard in snapshot.iter(&self.keyspace) {
            let (key, value) = guard.into_inner().map_err(|error| {
                describe(&error, &format!("could not read the row after {}", last.escape_ascii()))
            })?;
            last.clear();
            last.extend_from_slice(&key);
            if !is_reserved(&key) {
                visit(&key, &value);
            }
        }
        Ok(())
    }

    /// Bytes in memtables, full ones counted as full.
    pub(super) fn memtable_bytes(&self) -> u64 {
        self.keyspace.tree.active_memtable().size()
            + self.keyspace.sealed_memtable_count() as u64 * MEMTABLE_BYTES
    }

    /// Sorted runs in level 0.
    pub(super) fn level0_runs(&self) -> usize {
        self.keyspace.tree.l0_run_count()
    }

    /// Writes memtables into tables and waits for it.
    pub(super) fn flush(&self) -> Result<(), Fault> {
        let flushed = self.keyspace.rotate_memtable_and_wait();
        flushed.map_err(|error| describe(&error, "could not flush"))
    }

    /// Fills in what fjall knows.
    pub(super) fn fill(&self, stats: &mut Stats) {
        stats.disk_bytes = self.database.disk_space().unwrap_or(0);
        stats.journal_bytes = self.database.journal_disk_space().unwrap_or(0);
        stats.journals = self.database.journal_count() as u64;
        stats.memtable_bytes = self.memtable_bytes();
        stats.flushes_pending = self.keyspace.sealed_memtable_count() as u64;
        stats.cache_bytes = self.database.cache_size();
        stats.tables = self.keyspace.table_count() as u64;
        stats.level0_runs = self.level0_runs() as u64;
        stats.compactions_active = self.database.active_compactions() as u64;
    }
}

fn keyspace_options() -> KeyspaceCreateOptions {
    let strategy = fjall::compaction::Leveled::default().with_table_target_size(TABLE_BYTES);
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE_BYTES)
        .manual_journal_persist(true)
        .compaction_strategy(Arc::new(strategy))
        .data_block_size_policy(BlockSizePolicy::all(BLOCK_BYTES))
        // Journal segments come compressed from above.
        .data_block_compression_policy(CompressionPolicy::disabled())
        .filter_policy(FilterPolicy::all(FilterPolicyEntry::Bloom(
            BloomConstructionPolicy::BitsPerKey(FILTER_BITS),
        )))
        // Only level 0 is pinned: what lies below goes through the cache and so stays within it.
        .filter_block_pinning_policy(PinningPolicy::new([true, false]))
        .index_block_pinning_policy(PinningPolicy::new([true, false]))
}

/// The range without the reserved family; `None` if nothing is left.
fn bounds(range: &Range) -> Option<Bounds<'_>> {
    const FIRST: &[u8] = &[RESERVED_FAMILY + 1];
    let from = range.from.as_ref().max(FIRST);
    match &range.to {
        Some(to) if to.as_ref() <= from => None,
        Some(to) => Some((Bound::Included(from), Bound::Excluded(to.as_ref()))),
        None => Some((Bound::Included(from), Bound::Unbounded)),
    }
}

fn after(error: &fjall::Error, rows: &[Row], range: &Range) -> Fault {
    let place = rows.last().map_or(&range.from, |(key, _)| key);
    describe(error, &format!("could not read the row after {}", place.escape_ascii()))
}

/// Turns fjall's error into ours: what the operating system refuses is unavailable, all else that
/// can happen on reading is damage.
fn describe(error: &fjall::Error, what: &str) -> Fault {
    let kind = match error {
        fjall::Error::Io(_) | fjall::Error::Storage(LsmError::Io(_)) => FaultKind::Unavailable,
        fjall::Error::Locked => FaultKind::Locked,
        fjall::Error::InvalidVersion(_) => FaultKind::Format,
        fjall::Error::Poisoned => FaultKind::Poisoned,
        _ => FaultKind::Corrupt,
    };
    let remedy = match kind {
        FaultKind::Corrupt => "; restore the data directory from a backup",
        // fjall doesn't say what failed; most often it is this.
        FaultKind::Poisoned => "; look whether the disk is full",
        _ => "",
    };
    Fault::new(kind, format!("{what}: {error}{remedy}"))
}
