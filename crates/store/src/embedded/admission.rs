//! Slows commits down smoothly, before fjall stops them.
//!
//! fjall stops writers, by sleeping inside `commit`, when four memtables wait for their flush or
//! level 0 has thirty runs, and there each stop lasts 100 ms and more. Long before that, this makes
//! the committer wait a little for each byte it wrote, so that callers see latency grow and the
//! flush keeps up.

use std::time::Duration;

use super::rows::MEMTABLE_BYTES;

/// Memtable bytes below which nobody waits. A flush in the background is normal.
const MEMTABLES_FREE: u64 = 2 * MEMTABLE_BYTES;
/// Memtable bytes at which the wait is longest; fjall stops at four full ones and the active one.
const MEMTABLES_FULL: u64 = 4 * MEMTABLE_BYTES;
/// Nanoseconds a byte at that point: 2.5 MB/s, slower than any disk flushes.
const MEMTABLE_WAIT_NS: u64 = 400;

/// Runs in level 0 below which nobody waits; compaction starts at four.
const LEVEL0_FREE: u64 = 12;
/// Runs at which the wait is longest; fjall slows down at 20 and stops at 30.
const LEVEL0_FULL: u64 = 20;
/// Nanoseconds a byte at that point: 5 MB/s.
const LEVEL0_WAIT_NS: u64 = 200;

/// The longest single wait; what is left is forgiven.
const WAIT_MAX: Duration = Duration::from_millis(50);

/// How long to wait after writing `bytes`.
pub(super) fn wait(bytes: u64, memtable_bytes: u64, level0_runs: u64) -> Duration {
    let memtables = ramp(memtable_bytes, MEMTABLES_FREE, MEMTABLES_FULL, MEMTABLE_WAIT_NS);
    let level0 = ramp(level0_runs, LEVEL0_FREE, LEVEL0_FULL, LEVEL0_WAIT_NS);
    Duration::from_nanos(bytes.saturating_mul(memtables.max(level0))).min(WAIT_MAX)
}

/// Nothing up to `free`, `most` from `full` on, and the square between.
fn ramp(value: u64, free: u64, full: u64, most: u64) -> u64 {
    let above = value.clamp(free, full) - free;
    let width = full - free;
    most * above / width * above / width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wait_grows_from_nothing_to_its_limit() {
        let us = |memtables, runs| wait(10_000, memtables * MEMTABLE_BYTES / 4, runs).as_micros();
        assert_eq!((us(8, 12), us(10, 0), us(12, 0), us(16, 0)), (0, 250, 1_000, 4_000));
        assert_eq!((us(0, 16), us(0, 20), us(0, 29)), (500, 2_000, 2_000));
        assert_eq!(wait(u64::MAX, u64::MAX, 0), WAIT_MAX);
    }
}
