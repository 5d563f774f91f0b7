//! Every key of the store, in one place. `docs/store-layout.md` draws them byte by byte.
//!
//! The first byte is the family. Numbers are big-endian, so that bytes sort as numbers do; a time
//! is shifted to sort from the oldest to the newest, and turned around where lists start with the
//! newest.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trackway_core::{EffectId, ExecutionId, TimerId, Timestamp};
use trackway_store::Range;

use crate::Fault;
use crate::limits::SCOPE_BYTES_MAX;

/// The families: the first byte of every key.
pub mod family {
    /// The store's own facts: secret, shards, clock, format.
    pub const META: u8 = b'm';
    /// Definitions by content hash.
    pub const DEFINITION: u8 = b'd';
    /// Execution records.
    pub const RECORD: u8 = b'e';
    /// Journal segments.
    pub const JOURNAL: u8 = b'j';
    /// Lists by status and start.
    pub const LIST: u8 = b'l';
    /// Timers by due time.
    pub const TIMER: u8 = b't';
    /// Timers that don't fit into their execution's record.
    pub const SPILLED: u8 = b'w';
    /// Effects to perform or offer.
    pub const OUTBOX: u8 = b'o';
    /// Effects that are awaited and neither performed nor offered.
    pub const HELD: u8 = b'h';
    /// Letters on their way to an execution.
    pub const INBOX: u8 = b'i';
    /// The catalog.
    pub const CATALOG: u8 = b'c';
    /// States of executions that run, so that their journals need not be folded: a cache.
    pub const SNAPSHOT: u8 = b's';
    /// States before the first event that a trimmed journal still has.
    pub const BASE: u8 = b'b';
    /// Ended executions of which a part has left already.
    pub const LEAVING: u8 = b'x';
    /// Rows of the kinds' views.
    pub const VIEW: u8 = b'v';
}

/// Who a list belongs to: scope and parent, hashed to a fixed width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner(pub(crate) [u8; 16]);

impl Owner {
    pub(crate) fn of(scope: &str, parent: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update((scope.len() as u64).to_be_bytes());
        hash.update(scope.as_bytes());
        hash.update(parent.as_bytes());
        let mut owner = [0; 16];
        owner.copy_from_slice(&hash.finalize()[..16]);
        Self(owner)
    }
}

struct Key(Vec<u8>);

impl Key {
    fn new(family: u8, length: usize) -> Self {
        let mut bytes = Vec::with_capacity(length);
        bytes.push(family);
        Self(bytes)
    }

    fn with(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn done(self) -> Bytes {
        Bytes::from(self.0)
    }
}

fn rising(at: Timestamp) -> [u8; 8] {
    (at.0.cast_unsigned() ^ (1 << 63)).to_be_bytes()
}

fn falling(at: Timestamp) -> [u8; 8] {
    (!(at.0.cast_unsigned() ^ (1 << 63))).to_be_bytes()
}

fn read_rising(bytes: [u8; 8]) -> Timestamp {
    Timestamp((u64::from_be_bytes(bytes) ^ (1 << 63)).cast_signed())
}

pub(crate) fn meta(name: &str) -> Bytes {
    Key::new(family::META, 1 + name.len()).with(name.as_bytes()).done()
}

pub(crate) fn definition(hash: &[u8; 32]) -> Bytes {
    Key::new(family::DEFINITION, 33).with(hash).done()
}

pub(crate) fn record(id: ExecutionId) -> Bytes {
    Key::new(family::RECORD, 17).with(&id.0).done()
}

pub(crate) fn record_id(key: &[u8]) -> Option<ExecutionId> {
    Some(ExecutionId(key.get(1..17)?.try_into().ok()?))
}

/// Numbers below this one take three bytes in a segment's key: with them the key of nearly every
/// segment is short enough that a memtable keeps it without an allocation of its own.
const SHORT_NUMBERS: u32 = 1 << 22;
/// What a longer number's four bytes begin with; it sorts behind every short one.
const LONG_NUMBER: u8 = 0xc0;

pub(crate) fn segment(id: ExecutionId, first: u32) -> Bytes {
    let key = Key::new(family::JOURNAL, 22).with(&id.0);
    let number = first.to_be_bytes();
    if first < SHORT_NUMBERS {
        key.with(&number[1..]).done()
    } else {
        key.with(&[LONG_NUMBER]).with(&number).done()
    }
}

pub(crate) fn journal(id: ExecutionId) -> Range {
    Range::prefix(Key::new(family::JOURNAL, 17).with(&id.0).done())
}

/// The number of the first event of the segment at this key.
pub(crate) fn segment_first(key: &[u8]) -> Option<u32> {
    match *key.get(17..)? {
        [a, b, c] => Some(u32::from_be_bytes([0, a, b, c])),
        [LONG_NUMBER, a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
        _ => None,
    }
}

/// The snapshot of an execution's state.
pub(crate) fn snapshot(id: ExecutionId) -> Bytes {
    Key::new(family::SNAPSHOT, 17).with(&id.0).done()
}

/// The state with which an execution's journal begins, once it was trimmed.
pub(crate) fn base(id: ExecutionId) -> Bytes {
    Key::new(family::BASE, 17).with(&id.0).done()
}

/// Says that a part of an ended execution has left already.
pub(crate) fn leaving(id: ExecutionId) -> Bytes {
    Key::new(family::LEAVING, 17).with(&id.0).done()
}

/// The segments from the one that begins with this event on.
pub(crate) fn journal_from(id: ExecutionId, first: u32) -> Range {
    Range { from: segment(id, first), to: journal(id).to }
}

/// The list of those with one status. A list of all is merged from these: a second row for each
/// execution would cost every one of them disk and memory, and a reader next to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) kind: u8,
    pub(crate) owner: Owner,
    pub(crate) status: u8,
}

impl List {
    fn prefix(self) -> Key {
        Key::new(family::LIST, 43).with(&[self.kind]).with(&self.owner.0).with(&[self.status])
    }

    pub(crate) fn row(self, started: Timestamp, id: ExecutionId) -> Bytes {
        self.prefix().with(&falling(started)).with(&id.0).done()
    }

    pub(crate) fn range(self) -> Range {
        Range::prefix(self.prefix().done())
    }

    /// The rows after that one.
    pub(crate) fn after(self, started: Timestamp, id: ExecutionId) -> Range {
        let from = self.prefix().with(&falling(started)).with(&id.0).with(&[0]).done();
        Range { from, to: self.range().to }
    }
}

/// Where the lists of this owner with this status or a higher one are.
pub(crate) fn lists_from(list: List) -> Range {
    let owner = Key::new(family::LIST, 18).with(&[list.kind]).with(&list.owner.0).done();
    Range { from: list.range().from, to: Range::prefix(owner).to }
}

/// The status of a list row.
pub(crate) fn list_status(key: &[u8]) -> Option<u8> {
    key.get(18).copied()
}

/// A list row's place among those of any status: falling start, then id.
pub(crate) fn list_place(key: &[u8]) -> Option<&[u8; 24]> {
    key.last_chunk()
}

/// The execution that a list row is about: the last 16 bytes of its key.
pub(crate) fn list_id(key: &[u8]) -> Option<ExecutionId> {
    Some(ExecutionId(*key.last_chunk::<16>()?))
}

/// A timer's place: by due time, then execution, then number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    pub(crate) due: Timestamp,
    pub(crate) execution: ExecutionId,
    pub(crate) timer: TimerId,
}

impl TimerKey {
    pub(crate) fn row(&self, shard: u16) -> Bytes {
        Key::new(family::TIMER, 31)
            .with(&shard.to_be_bytes())
            .with(&rising(self.due))
            .with(&self.execution.0)
            .with(&self.timer.0.to_be_bytes())
            .done()
    }

    pub(crate) fn read(key: &[u8]) -> Option<Self> {
        Some(Self {
            due: read_rising(key.get(3..11)?.try_into().ok()?),
            execution: ExecutionId(key.get(11..27)?.try_into().ok()?),
            timer: TimerId(u32::from_be_bytes(key.get(27..31)?.try_into().ok()?)),
        })
    }
}

pub(crate) fn of_shard(family: u8, shard: u16) -> Range {
    Range::prefix(Key::new(family, 3).with(&shard.to_be_bytes()).done())
}

pub(crate) fn spilled(id: ExecutionId, timer: TimerId) -> Bytes {
    Key::new(family::SPILLED, 21).with(&id.0).with(&timer.0.to_be_bytes()).done()
}

pub(crate) fn all_spilled(id: ExecutionId) -> Range {
    Range::prefix(Key::new(family::SPILLED, 17).with(&id.0).done())
}

pub(crate) fn spilled_timer(key: &[u8]) -> Option<TimerId> {
    Some(TimerId(u32::from_be_bytes(key.get(17..21)?.try_into().ok()?)))
}

/// An effect's row in the outbox, among the held ones, or its letter in the inbox.
pub(crate) fn effect(family: u8, shard: u16, id: ExecutionId, effect: EffectId) -> Bytes {
    Key::new(family, 23).with(&shard.to_be_bytes()).with(&id.0).with(&effect.0.to_be_bytes()).done()
}

/// What follows the key of an effect's letter where that is the effect's own outcome, and not the
/// report of a child: an effect may have one of each.
const OUTCOME: u8 = 1;

/// An outcome that was reported with a change, in the inbox.
pub(crate) fn outcome(shard: u16, id: ExecutionId, of: EffectId) -> Bytes {
    let letter = effect(family::INBOX, shard, id, of);
    Key::new(family::INBOX, 24).with(&letter[1..]).with(&[OUTCOME]).done()
}

/// The outbox row of the effect that a letter is for.
pub(crate) fn asked_by(letter: &[u8]) -> Bytes {
    Key::new(family::OUTBOX, 23).with(&letter[1..letter.len().min(23)]).done()
}

/// Whether a letter is the effect's own outcome.
pub(crate) fn is_outcome(key: &[u8]) -> bool {
    key.get(23..) == Some(&[OUTCOME])
}

/// All rows of an execution in one of those three families.
pub(crate) fn effects(family: u8, shard: u16, id: ExecutionId) -> Range {
    Range::prefix(Key::new(family, 19).with(&shard.to_be_bytes()).with(&id.0).done())
}

/// The execution and effect of a key of one of those three families.
pub(crate) fn effect_of(key: &[u8]) -> Option<(ExecutionId, EffectId)> {
    let id = ExecutionId(key.get(3..19)?.try_into().ok()?);
    Some((id, EffectId(u32::from_be_bytes(key.get(19..23)?.try_into().ok()?))))
}

/// How many bytes stand before a view row's own key.
pub(crate) const ROW_PREFIX_LEN: usize = 18;

/// A row of a view.
pub(crate) fn row(id: ExecutionId, view: u8, key: &[u8]) -> Bytes {
    Key::new(family::VIEW, ROW_PREFIX_LEN + key.len()).with(&id.0).with(&[view]).with(key).done()
}

/// The rows of all views of an execution.
pub(crate) fn all_rows(id: ExecutionId) -> Range {
    Range::prefix(Key::new(family::VIEW, 17).with(&id.0).done())
}

/// Which view a row is of, and its own key.
pub(crate) fn row_key(key: &[u8]) -> Option<(u8, &[u8])> {
    key.get(17..).and_then(<[u8]>::split_first).map(|(view, key)| (*view, key))
}

/// The rows of one scope in the catalog.
pub(crate) fn catalog_scope(scope: &str) -> Result<Range, Fault> {
    Ok(Range::prefix(catalog_key(scope)?.done()))
}

/// Every row of the catalog.
pub(crate) fn catalog_everywhere() -> Range {
    Range::prefix(Key::new(family::CATALOG, 1).done())
}

/// Whose row of the catalog this is.
pub(crate) fn catalog_scope_of(key: &[u8]) -> Option<&str> {
    let (length, rest) = key.get(1..)?.split_first()?;
    std::str::from_utf8(rest.get(..usize::from(*length))?).ok()
}

/// A row of the catalog.
pub(crate) fn catalog(scope: &str, table: u8, key: &[u8]) -> Result<Bytes, Fault> {
    Ok(catalog_key(scope)?.with(&[table]).with(key).done())
}

/// How many bytes stand before a catalog row's own key.
pub(crate) fn catalog_prefix_len(scope: &str) -> usize {
    3 + scope.len()
}

fn catalog_key(scope: &str) -> Result<Key, Fault> {
    let length = u8::try_from(scope.len())
        .map_err(|_| Fault::new(format!("a scope exceeds {SCOPE_BYTES_MAX} bytes")))?;
    Ok(Key::new(family::CATALOG, 2 + scope.len()).with(&[length]).with(scope.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_bytes() {
        let times = [i64::MIN, -5, 0, 7, 1_767_225_600_000, i64::MAX].map(Timestamp);
        assert!(times.is_sorted_by_key(|at| rising(*at)));
        assert!(times.into_iter().rev().is_sorted_by_key(falling));
        assert!(times.iter().all(|at| read_rising(rising(*at)) == *at));
    }

    #[test]
    fn a_timer_reads_back_from_its_key() {
        let key = TimerKey {
            due: Timestamp(-3),
            execution: ExecutionId([7; 16]),
            timer: TimerId(u32::MAX),
        };
        assert_eq!(TimerKey::read(&key.row(513)), Some(key));
        assert_eq!(TimerKey::read(b"t"), None);
    }

    #[test]
    fn owners_don_t_run_together() {
        assert_ne!(Owner::of("ab", "c"), Owner::of("a", "bc"));
    }

    #[test]
    fn one_scope_s_catalog_is_not_a_prefix_of_another_s() {
        let short = catalog_scope("1/eu").unwrap();
        assert!(!short.contains(&catalog("1/eu-west-1", 0, b"x").unwrap()));
        assert!(catalog(&"x".repeat(256), 0, b"").is_err());
    }

    #[test]
    fn a_view_row_s_key_reads_back() {
        let id = ExecutionId::of("e");
        for (view, own) in [(0, &b""[..]), (7, b"k"), (255, b"\xff\xff")] {
            let key = row(id, view, own);
            assert_eq!((row_key(&key), record_id(&key)), (Some((view, own)), Some(id)));
            assert!(all_rows(id).contains(&key));
            assert_eq!(&key[ROW_PREFIX_LEN..], own);
        }
        assert_eq!(row_key(&all_rows(id).from), None);
    }

    #[test]
    fn an_outcome_lies_beside_the_child_s_letter() {
        let (id, of) = (ExecutionId::of("e"), EffectId(u32::MAX));
        let (letter, outcome) = (effect(family::INBOX, 513, id, of), outcome(513, id, of));
        for (key, is_own) in [(&letter, false), (&outcome, true)] {
            assert_eq!((effect_of(key), is_outcome(key)), (Some((id, of)), is_own));
            assert!(effects(family::INBOX, 513, id).contains(key));
            assert_eq!(asked_by(key), effect(family::OUTBOX, 513, id, of));
        }
    }

    #[test]
    fn segment_keys_sort_as_their_numbers_do() {
        let id = ExecutionId::of("e");
        let numbers = [0, 1, 255, 256, 25_000, SHORT_NUMBERS - 1, SHORT_NUMBERS, u32::MAX];
        let keys: Vec<_> = numbers.iter().map(|number| segment(id, *number)).collect();
        assert!(keys.is_sorted());
        for (key, number) in keys.iter().zip(numbers) {
            assert_eq!(segment_first(key), Some(number));
            assert!(journal(id).contains(key));
        }
        assert_eq!(keys[5].len(), 20);
    }
}
