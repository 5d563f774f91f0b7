//! Every value of the store, in one place. `docs/store-layout.md` draws them.
//!
//! A value starts with its version, then postcard. Segments are [`trackway_core::segment`]'s,
//! behind one byte that says whether they are compressed.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use trackway_core::{ExecutionId, Outcome, ReplyTo, Start, Summary, Timestamp};

use crate::limits::{COMPRESS_BYTES_MIN, SEGMENT_BYTES_MAX};
use crate::{Fault, ListRow, Record};

const VERSION: u8 = 1;

fn encode<T: Serialize>(value: &T, room: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(room);
    out.push(VERSION);
    extend(out, value)
}

fn extend<T: Serialize>(out: Vec<u8>, value: &T) -> Vec<u8> {
    postcard::to_extend(value, out).expect("invariant: a record's parts are plain data")
}

fn decode<'b, T: Deserialize<'b>>(
    bytes: &'b [u8],
    what: &'static str,
) -> Result<(T, &'b [u8]), Fault> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => {
            postcard::take_from_bytes(rest).map_err(|_| Fault::new(format!("{what} is damaged")))
        }
        Some((version, _)) => {
            Err(Fault::new(format!("{what} has version {version}, this one reads {VERSION}")))
        }
        None => Err(Fault::new(format!("{what} is empty"))),
    }
}

/// What changes in a record from turn to turn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) summary: Summary,
    pub(crate) journal_len: u32,
    pub(crate) last_at: Timestamp,
    pub(crate) closed: bool,
    pub(crate) parked: Option<String>,
    /// Timers within the record: number and due time.
    pub(crate) timers: Vec<(u32, i64)>,
    /// How many timers have rows of their own.
    pub(crate) spilled: u32,
    /// How many rows the outbox has for it.
    pub(crate) outbox: u32,
    /// How many effects are held.
    pub(crate) held: u32,
}

/// What lists show beside the summary. Fixed at the start. The ARN is kept without what its parent
/// and its name tell already, since it stands in three rows of every execution.
#[derive(Serialize, Deserialize)]
struct Shown<'a> {
    /// How many bytes of the parent the ARN begins with.
    parent_head: u16,
    /// The rest of it, but for the name where it ends with that.
    arn_rest: &'a str,
    ends_with_name: bool,
    name: &'a str,
    /// None where it equals the parent.
    definition_arn: Option<&'a str>,
}

/// What else is fixed at the start.
#[derive(Serialize, Deserialize)]
struct Fixed<'a> {
    kind: u8,
    scope: &'a str,
    parent: &'a str,
    attributes: &'a [u8],
    definition_hash: [u8; 32],
    input_hash: [u8; 16],
    reply_to: Option<ReplyTo>,
}

/// The part of a record that never changes, encoded once: a turn copies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    bytes: Box<[u8]>,
    shown_len: usize,
}

/// What the engine itself wants of a [`Tail`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fixtures<'a> {
    pub(crate) kind: u8,
    pub(crate) scope: &'a str,
    pub(crate) parent: &'a str,
    pub(crate) definition_hash: [u8; 32],
    pub(crate) reply_to: Option<ReplyTo>,
}

/// What a record holds of how its execution began.
pub(crate) struct Origin<'a> {
    pub(crate) kind: u8,
    pub(crate) scope: &'a str,
    pub(crate) parent: &'a str,
    pub(crate) start: &'a Start,
    pub(crate) definition_hash: [u8; 32],
    pub(crate) input_hash: [u8; 16],
    pub(crate) reply_to: Option<ReplyTo>,
}

impl Tail {
    pub(crate) fn new(origin: &Origin<'_>) -> Self {
        let Origin { start, parent, .. } = *origin;
        let without_name = start.arn.strip_suffix(&start.name);
        let rest = without_name.unwrap_or(&start.arn);
        let parent_head = shared_len(parent, rest);
        let shown = Shown {
            parent_head,
            arn_rest: &rest[usize::from(parent_head)..],
            ends_with_name: without_name.is_some(),
            name: &start.name,
            definition_arn: (start.definition_arn != parent).then_some(&*start.definition_arn),
        };
        let fixed = Fixed {
            kind: origin.kind,
            scope: origin.scope,
            parent,
            attributes: &start.attributes,
            definition_hash: origin.definition_hash,
            input_hash: origin.input_hash,
            reply_to: origin.reply_to,
        };
        let bytes = extend(Vec::with_capacity(384), &shown);
        let shown_len = bytes.len();
        Self { bytes: extend(bytes, &fixed).into_boxed_slice(), shown_len }
    }

    fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let shown_len = bytes.len() - take::<Shown<'_>>(bytes)?.1.len();
        let tail = Self { bytes: bytes.into(), shown_len };
        tail.fixed()?;
        Ok(tail)
    }

    fn shown(&self) -> Result<Shown<'_>, Fault> {
        Ok(take(&self.bytes)?.0)
    }

    fn fixed(&self) -> Result<Fixed<'_>, Fault> {
        Ok(take(&self.bytes[self.shown_len..])?.0)
    }

    pub(crate) fn fixtures(&self) -> Result<Fixtures<'_>, Fault> {
        let Fixed { kind, scope, parent, definition_hash, reply_to, .. } = self.fixed()?;
        Ok(Fixtures { kind, scope, parent, definition_hash, reply_to })
    }

    /// The record's value with this progress.
    pub(crate) fn record(&self, progress: &Progress) -> Bytes {
        let mut out = encode(progress, 96 + self.bytes.len() + progress.summary.columns.len());
        out.extend_from_slice(&self.bytes);
        out.into()
    }

    /// The value of a list row with this summary.
    pub(crate) fn list_row(&self, summary: &Summary) -> Bytes {
        let mut out = encode(summary, 40 + self.shown_len + summary.columns.len());
        out.extend_from_slice(&self.bytes[..self.shown_len]);
        out.into()
    }
}

fn take<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<(T, &'b [u8]), Fault> {
    postcard::take_from_bytes(bytes).map_err(|_| Fault::new("an execution record is damaged"))
}

/// Reads a record's value.
pub(crate) fn read_record(bytes: &[u8]) -> Result<(Progress, Tail), Fault> {
    let (progress, rest) = decode(bytes, "an execution record")?;
    Ok((progress, Tail::read(rest)?))
}

/// The record as callers see it.
pub(crate) fn show_record(
    id: ExecutionId,
    progress: &Progress,
    tail: &Tail,
) -> Result<Record, Fault> {
    let (shown, fixed) = (tail.shown()?, tail.fixed()?);
    Ok(Record {
        id,
        kind: fixed.kind,
        arn: arn_of(&shown, fixed.parent)?,
        name: shown.name.to_owned(),
        scope: fixed.scope.to_owned(),
        parent: fixed.parent.to_owned(),
        definition_arn: shown.definition_arn.unwrap_or(fixed.parent).to_owned(),
        attributes: fixed.attributes.to_vec(),
        definition_hash: fixed.definition_hash,
        input_hash: fixed.input_hash,
        reply_to: fixed.reply_to,
        summary: progress.summary.clone(),
        journal_len: progress.journal_len,
        closed: progress.closed,
        parked: progress.parked.clone(),
    })
}

/// How many bytes both texts begin with, up to a character's end.
fn shared_len(one: &str, other: &str) -> u16 {
    let same = one.bytes().zip(other.bytes()).take(u16::MAX.into());
    let mut length = same.take_while(|(one, other)| one == other).count();
    while !other.is_char_boundary(length) {
        length -= 1;
    }
    length as u16
}

fn arn_of(shown: &Shown<'_>, parent: &str) -> Result<String, Fault> {
    let damaged = || Fault::new("an execution record doesn't fit its parent");
    let head = parent.get(..usize::from(shown.parent_head)).ok_or_else(damaged)?;
    let name = if shown.ends_with_name { shown.name } else { "" };
    Ok([head, shown.arn_rest, name].concat())
}

/// Reads the value of a list row.
pub(crate) fn read_list_row(id: ExecutionId, parent: &str, bytes: &[u8]) -> Result<ListRow, Fault> {
    let (summary, rest) = decode(bytes, "a list row")?;
    let shown: Shown<'_> = take(rest)?.0;
    Ok(ListRow {
        id,
        arn: arn_of(&shown, parent)?,
        name: shown.name.to_owned(),
        definition_arn: shown.definition_arn.unwrap_or(parent).to_owned(),
        summary,
    })
}

/// An effect to perform or offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutboxRow<'a> {
    /// Its place among all: offers go out in this order after a restart.
    pub(crate) order: u64,
    pub(crate) queue: &'a str,
    pub(crate) request: &'a str,
}

impl<'a> OutboxRow<'a> {
    pub(crate) fn encode(&self) -> Bytes {
        encode(self, 16 + self.queue.len() + self.request.len()).into()
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        Ok(decode(bytes, "an outbox row")?.0)
    }
}

/// An effect that is awaited, and neither performed nor offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeldRow<'a> {
    pub(crate) queue: &'a str,
}

impl<'a> HeldRow<'a> {
    pub(crate) fn encode(&self) -> Bytes {
        encode(self, 4 + self.queue.len()).into()
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        Ok(decode(bytes, "a held effect's row")?.0)
    }
}

/// A child's report on its way to its parent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LetterRow<'a> {
    /// The child.
    pub(crate) from: ExecutionId,
    pub(crate) report: &'a [u8],
}

impl<'a> LetterRow<'a> {
    pub(crate) fn encode(&self) -> Bytes {
        encode(self, 24 + self.report.len()).into()
    }

    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        Ok(decode(bytes, "a letter")?.0)
    }
}

/// How an effect ended, reported together with a change of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OutcomeRow(pub(crate) Outcome);

impl OutcomeRow {
    pub(crate) fn encode(&self) -> Bytes {
        encode(self, 64).into()
    }

    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        Ok(decode(bytes, "a reported outcome")?.0)
    }
}

/// A due time, or the clock's.
pub(crate) fn time(at: Timestamp) -> Bytes {
    encode(&at, 11).into()
}

/// Reads what [`time`] wrote.
pub(crate) fn read_time(bytes: &[u8]) -> Result<Timestamp, Fault> {
    Ok(decode(bytes, "a time")?.0)
}

const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// A segment as it is stored: compressed when that makes it smaller.
pub(crate) fn pack(segment: &[u8], dictionary: &[u8]) -> Bytes {
    if segment.len() >= COMPRESS_BYTES_MIN {
        let most = lz4_flex::block::get_maximum_output_size(segment.len());
        let mut out = vec![0; 5 + most];
        out[0] = LZ4;
        out[1..5].copy_from_slice(&(segment.len() as u32).to_le_bytes());
        if let Ok(length) =
            lz4_flex::block::compress_into_with_dict(segment, &mut out[5..], dictionary)
            && length + 5 < segment.len()
        {
            out.truncate(5 + length);
            return out.into();
        }
    }
    let mut out = Vec::with_capacity(1 + segment.len());
    out.push(PLAIN);
    out.extend_from_slice(segment);
    out.into()
}

/// The segment that was stored.
pub(crate) fn unpack<'b>(
    bytes: &'b [u8],
    dictionary: &[u8],
) -> Result<std::borrow::Cow<'b, [u8]>, Fault> {
    match bytes.split_first() {
        Some((&PLAIN, segment)) => Ok(segment.into()),
        Some((&LZ4, rest)) => {
            let (length, packed) =
                rest.split_first_chunk().ok_or_else(|| Fault::new("a journal segment is cut"))?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > SEGMENT_BYTES_MAX || length > packed.len().saturating_mul(256) {
                return Err(Fault::new("a journal segment claims an impossible length"));
            }
            match lz4_flex::block::decompress_with_dict(packed, length, dictionary) {
                Ok(segment) if segment.len() == length => Ok(segment.into()),
                _ => Err(Fault::new("a journal segment can't be unpacked")),
            }
        }
        _ => Err(Fault::new("a journal segment has no known packing")),
    }
}

#[cfg(test)]
mod tests {
    use trackway_core::Payload;

    use super::*;

    fn start(arn: &str, name: &str) -> Start {
        Start {
            arn: arn.into(),
            definition_arn: "machine".into(),
            name: name.into(),
            role_arn: "role".into(),
            input: Payload::new("{}"),
            attributes: vec![1, 2],
        }
    }

    #[test]
    fn a_record_reads_back_as_written() {
        let id = ExecutionId::of("x");
        for (name, parent) in
            [("name", "machine"), ("other", ""), ("", "p"), ("name", "arn:x"), ("e", "arn:name")]
        {
            let start = start("arn:name", name);
            let origin = Origin {
                kind: 3,
                scope: "1/eu",
                parent,
                start: &start,
                definition_hash: [4; 32],
                input_hash: [5; 16],
                reply_to: None,
            };
            let progress = Progress { timers: vec![(1, -1)], journal_len: 9, ..Default::default() };
            let tail = Tail::new(&origin);
            let (progress_read, tail_read) = read_record(&tail.record(&progress)).unwrap();
            assert_eq!((&progress_read, &tail_read), (&progress, &tail));
            let record = show_record(id, &progress, &tail).unwrap();
            assert_eq!((&*record.name, &*record.parent), (name, parent));
            assert_eq!((&*record.definition_arn, &*record.arn), ("machine", "arn:name"));
            let row = read_list_row(id, parent, &tail.list_row(&progress.summary)).unwrap();
            assert_eq!((&*row.name, &*row.definition_arn), (name, "machine"));
        }
    }

    #[test]
    fn a_segment_is_packed_only_when_that_helps() {
        let texts = [vec![], vec![7; 100], vec![7; 100_000], (0..=255).collect::<Vec<u8>>()];
        for segment in texts {
            for dictionary in [&b""[..], &[7; 50]] {
                let packed = pack(&segment, dictionary);
                assert!(packed.len() <= segment.len() + 1);
                assert_eq!(unpack(&packed, dictionary).unwrap(), segment);
            }
        }
    }

    #[test]
    fn letters_of_older_stores_are_read() {
        let stored = [&[1][..], &[7; 16], &[2, 8, 9]].concat();
        let letter = LetterRow { from: ExecutionId([7; 16]), report: &[8, 9] };
        assert_eq!(LetterRow::read(&stored).unwrap(), letter);
        assert_eq!(letter.encode(), stored);
    }

    #[test]
    fn damage_is_a_fault_and_no_panic() {
        assert!(read_record(&[]).is_err());
        assert!(read_record(&[9, 1, 2]).is_err());
        assert!(read_record(&[1, 1, 2]).is_err());
        for bytes in [&[][..], &[2], &[1, 1], &[1, 255, 255, 255, 255, 0], &[1, 9, 0, 0, 0, 1]] {
            assert!(unpack(bytes, b"").is_err());
        }
    }
}
