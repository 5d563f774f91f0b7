//! The chain: every group of commits carries its number and a checksum over itself and the link
//! before it, in a row of the reserved family, written in the same atomic batch.
//!
//! Links sit in a ring of [`RING_SLOTS`] rows, so they take no more room with time. In the journal,
//! where every batch is kept whole, the chain is checked from the first batch to the last; in the
//! tables, the last [`RING_SLOTS`] links must follow one another.
//!
//! ```text
//!  key    00 slot(u16)            slot = sequence mod RING_SLOTS
//!  value  sequence(u64) previous link(u64) link(u64)      all big-endian
//!  key    00 ff ff                the base: links before it may be missing (an accepted loss)
//! ```

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

use crate::RESERVED_FAMILY;

/// How many links are kept as rows: about 200 KiB.
pub(super) const RING_SLOTS: u64 = 4_096;

/// The key of the base.
pub(super) const BASE_KEY: [u8; 3] = [RESERVED_FAMILY, 0xff, 0xff];

const LINK_BYTES: usize = 24;

/// One link of the chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Link {
    /// The number of the group, from 1.
    pub(super) sequence: u64,
    /// The checksum of the link before.
    pub(super) previous: u64,
    /// The checksum over `previous`, `sequence` and the group's rows.
    pub(super) checksum: u64,
}

impl Link {
    /// The key of the row that keeps the link with this number.
    pub(super) fn key(sequence: u64) -> [u8; 3] {
        let slot = (sequence % RING_SLOTS).to_be_bytes();
        [RESERVED_FAMILY, slot[6], slot[7]]
    }

    /// The value of the row.
    pub(super) fn encode(&self) -> [u8; LINK_BYTES] {
        let mut value = [0; LINK_BYTES];
        value[..8].copy_from_slice(&self.sequence.to_be_bytes());
        value[8..16].copy_from_slice(&self.previous.to_be_bytes());
        value[16..].copy_from_slice(&self.checksum.to_be_bytes());
        value
    }

    /// Reads a row's value; `None` if it can't be one.
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let value: &[u8; LINK_BYTES] = value.try_into().ok()?;
        let number = |at: usize| value[at..at + 8].try_into().ok().map(u64::from_be_bytes);
        Some(Self { sequence: number(0)?, previous: number(8)?, checksum: number(16)? })
    }
}

/// Builds a link from the rows of its group, in the order of the journal.
#[derive(Default)]
pub(super) struct LinkBuilder(Xxh3);

impl LinkBuilder {
    /// Adds a row; `None` is a delete.
    pub(super) fn row(&mut self, key: &[u8], value: Option<&[u8]>) {
        let lengths = (key.len() as u64) << 32 | value.map_or(0, |value| value.len() as u64 + 1);
        self.0.update(&lengths.to_be_bytes());
        self.0.update(key);
        self.0.update(value.unwrap_or_default());
    }

    /// Closes the link that follows `previous` with the number `sequence`.
    pub(super) fn finish(mut self, sequence: u64, previous: u64) -> Link {
        self.0.update(&sequence.to_be_bytes());
        self.0.update(&previous.to_be_bytes());
        Link { sequence, previous, checksum: self.0.digest() }
    }
}

/// Tells whether a key belongs to the store itself.
pub(super) fn is_reserved(key: &[u8]) -> bool {
    key.first() == Some(&RESERVED_FAMILY)
}

/// What the ring of links says.
#[derive(Debug, Clone, Default)]
pub(super) struct Ring {
    /// The last link; the default one in an empty store.
    pub(super) tip: Link,
    /// What is wrong, one sentence each.
    pub(super) problems: Vec<String>,
}

/// Checks the reserved rows: the last [`RING_SLOTS`] links, from the base on, all there, each in
/// its slot and following the one before.
pub(super) fn check_ring(rows: &[(Bytes, Bytes)]) -> Ring {
    let mut ring = Ring::default();
    let mut links = Vec::with_capacity(rows.len());
    let mut base = 1;
    for (key, value) in rows {
        match Link::decode(value) {
            Some(link) if key[..] == BASE_KEY => base = link.sequence,
            Some(link) if key[..] == Link::key(link.sequence) => links.push(link),
            Some(_) | None => {
                ring.problems.push(format!("the chain's row {} is malformed", key.escape_ascii()));
            }
        }
    }
    links.sort_by_key(|link| link.sequence);
    let Some(tip) = links.last().copied() else { return ring };
    ring.tip = tip;
    let first = base.max((tip.sequence + 1).saturating_sub(RING_SLOTS));
    let mut expected = first;
    let mut before: Option<Link> = None;
    for link in links.iter().filter(|link| link.sequence >= first) {
        if link.sequence != expected {
            ring.problems.push(missing(expected, link.sequence - 1));
        } else if before.is_some_and(|before| before.checksum != link.previous) {
            ring.problems.push(format!("commit {} doesn't follow the one before", link.sequence));
        }
        expected = link.sequence + 1;
        before = Some(*link);
    }
    ring
}

/// Says which commits are missing.
pub(super) fn missing(from: u64, to: u64) -> String {
    if from == to {
        format!("commit {from} is missing")
    } else {
        format!("commits {from} to {to} are missing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(sequences: impl IntoIterator<Item = u64>) -> Vec<(Bytes, Bytes)> {
        let link = |sequence| Link { sequence, previous: sequence - 1, checksum: sequence };
        sequences
            .into_iter()
            .map(|it| (Link::key(it).to_vec().into(), link(it).encode().to_vec().into()))
            .collect()
    }

    #[test]
    fn ring_without_a_gap_is_fine() {
        for last in [1, 2, RING_SLOTS, RING_SLOTS + 1, 3 * RING_SLOTS] {
            let first = (last + 1).saturating_sub(RING_SLOTS).max(1);
            let found = check_ring(&ring(first..=last));
            assert_eq!((found.tip.sequence, found.problems), (last, vec![]));
        }
        assert!(check_ring(&[]).problems.is_empty());
    }

    #[test]
    fn ring_tells_what_is_missing() {
        let check = |rows: Vec<(Bytes, Bytes)>, problem: &str| {
            assert_eq!(check_ring(&rows).problems, [problem]);
        };
        check(ring([1, 2, 4]), "commit 3 is missing");
        check(ring([3, 4]), "commits 1 to 2 are missing");
        let mut wrapped = ring(2..=RING_SLOTS + 1);
        wrapped.remove(10);
        check(wrapped, "commit 12 is missing");
    }

    #[test]
    fn ring_tells_a_link_that_does_not_follow() {
        let mut rows = ring([1, 2, 3]);
        let odd = Link { sequence: 2, previous: 7, checksum: 2 };
        rows[1].1 = odd.encode().to_vec().into();
        assert_eq!(check_ring(&rows).problems, ["commit 2 doesn't follow the one before"]);
    }

    #[test]
    fn base_excuses_what_is_before_it() {
        let mut rows = ring([1, 5, 6]);
        let base = Link { sequence: 5, ..Link::default() };
        rows.push((BASE_KEY.to_vec().into(), base.encode().to_vec().into()));
        assert!(check_ring(&rows).problems.is_empty());
    }

    #[test]
    fn link_depends_on_every_part() {
        let link = |key: &[u8], value: Option<&[u8]>, sequence, previous| {
            let mut builder = LinkBuilder::default();
            builder.row(key, value);
            builder.finish(sequence, previous).checksum
        };
        let one = link(b"k", Some(b"v"), 1, 0);
        for other in [
            link(b"kv", Some(b""), 1, 0),
            link(b"k", Some(b"w"), 1, 0),
            link(b"kv", None, 1, 0),
            link(b"k", Some(b"v"), 2, 0),
            link(b"k", Some(b"v"), 1, 1),
        ] {
            assert_ne!(one, other);
        }
    }
}
