//! What a store tells about itself.

use std::collections::BTreeMap;

/// What [`Store::verify`](crate::Store::verify) found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows and bytes by family, the first byte of the key.
    pub families: BTreeMap<u8, FamilyTotals>,
    /// The number of the last commit: groups for the embedded backend, batches for memory.
    pub last_sequence: u64,
    /// Everything that is wrong, one sentence each; empty when all is well.
    pub problems: Vec<String>,
}

impl Report {
    /// Counts one row.
    pub(crate) fn count(&mut self, key: &[u8], value: &[u8]) {
        let totals = self.families.entry(key.first().copied().unwrap_or(0)).or_default();
        totals.rows += 1;
        totals.bytes += (key.len() + value.len()) as u64;
    }
}

/// What a family holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FamilyTotals {
    /// Rows.
    pub rows: u64,
    /// Bytes of keys and values, before any overhead.
    pub bytes: u64,
}

/// Figures for metrics. Those a backend doesn't have are zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// The number of the last commit acknowledged.
    pub last_sequence: u64,
    /// Batches waiting for their commit.
    pub batches_queued: u64,
    /// Bytes of those batches.
    pub bytes_queued: u64,
    /// Batches committed since the store was opened.
    pub batches_committed: u64,
    /// Groups committed since the store was opened; each costs one sync.
    pub groups_committed: u64,
    /// Microseconds that admission made committers wait since the store was opened.
    pub admission_delay_us: u64,
    /// Bytes on disk, everything included.
    pub disk_bytes: u64,
    /// Bytes of the write-ahead journals among them.
    pub journal_bytes: u64,
    /// Write-ahead journals on disk.
    pub journals: u64,
    /// Bytes in memory that aren't in tables yet.
    pub memtable_bytes: u64,
    /// Full memtables waiting for their flush.
    pub flushes_pending: u64,
    /// Bytes of the block cache in use.
    pub cache_bytes: u64,
    /// Tables on disk.
    pub tables: u64,
    /// Sorted runs in level 0; each makes reads slower.
    pub level0_runs: u64,
    /// Compactions running.
    pub compactions_active: u64,
}
