//! The layout of a batch in fjall 3's journal, read without fjall.
//!
//! ```text
//!  start  01  items(u32)  fjall's number(u64)                       little-endian throughout
//!  item   02  kind  compression  keyspace(u64)  key length(u16)
//!             value length(u32)  length on disk(u32)  key  value
//!  end    03  xxh3 of the items(u64)  "FJL" 03
//! ```
//!
//! fjall's checksum doesn't cover the start; the chain covers what matters of it.

use std::io::{self, Read};

use xxhash_rust::xxh3::Xxh3;

use super::chain::{BASE_KEY, Link, LinkBuilder, is_reserved};

const TAG_START: u8 = 1;
const TAG_ITEM: u8 = 2;
const TAG_END: u8 = 3;
const KIND_VALUE: u8 = 0;
const KIND_TOMBSTONE: u8 = 1;
const COMPRESSION_NONE: u8 = 0;
const TRAILER: [u8; 4] = [b'F', b'J', b'L', 3];
/// What is wrong where something else is than a batch.
pub(super) const NO_BATCH: &str = "no batch begins there";
const ITEM_HEADER_BYTES: usize = 20;

/// A whole batch, its checksum right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JournalBatch {
    /// fjall's number; grows from batch to batch.
    pub(super) number: u64,
    /// Our link, as written in the batch.
    pub(super) link: Link,
    /// The link's checksum as computed from the batch.
    pub(super) computed: u64,
    /// Whether the batch says that what is before it may be missing.
    pub(super) is_base: bool,
    /// Its length in the file.
    pub(super) bytes: u64,
}

/// What is found where a batch may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// A batch.
    Batch(JournalBatch),
    /// The end of the file.
    End,
    /// A zero, where the rest of the file should be zeros too: room taken in advance.
    Zero,
    /// Neither; what is wrong.
    Broken(&'static str),
}

/// Reads a batch; `remaining` is what the file has left.
///
/// # Errors
///
/// Of the operating system only; a file that ends early is [`Found::Broken`].
pub(super) fn read_batch(reader: &mut impl Read, remaining: u64) -> io::Result<Found> {
    let mut reader = Counted { inner: reader, bytes: 0, remaining };
    match reader.batch() {
        Ok(found) => Ok(found),
        Err(Stop::Broken(what)) => Ok(Found::Broken(what)),
        Err(Stop::Io(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Found::Broken("it ends in the middle of a batch"))
        }
        Err(Stop::Io(error)) => Err(error),
    }
}

enum Stop {
    Broken(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

struct Counted<'a, R> {
    inner: &'a mut R,
    bytes: u64,
    remaining: u64,
}

#[derive(Default)]
struct Items {
    checksum: Xxh3,
    chain: LinkBuilder,
    link: Option<Link>,
    is_base: bool,
    buffer: Vec<u8>,
}

impl<R: Read> Counted<'_, R> {
    fn batch(&mut self) -> Result<Found, Stop> {
        if self.remaining == 0 {
            return Ok(Found::End);
        }
        match self.array::<1>()?[0] {
            0 => return Ok(Found::Zero),
            TAG_START => {}
            _ => return Err(Stop::Broken(NO_BATCH)),
        }
        let count = u32::from_le_bytes(self.array()?);
        let number = u64::from_le_bytes(self.array()?);
        let mut items = Items::default();
        for _ in 0..count {
            self.item(&mut items)?;
        }
        self.end(&items)?;
        let link = items.link.ok_or(Stop::Broken("a batch carries no link of the chain"))?;
        Ok(Found::Batch(JournalBatch {
            number,
            link,
            computed: items.chain.finish(link.sequence, link.previous).checksum,
            is_base: items.is_base,
            bytes: self.bytes,
        }))
    }

    fn item(&mut self, items: &mut Items) -> Result<(), Stop> {
        if self.array::<1>()?[0] != TAG_ITEM {
            return Err(Stop::Broken("a batch has fewer rows than it says"));
        }
        let header: [u8; ITEM_HEADER_BYTES] = self.array()?;
        let kind = header[0];
        if header[1] != COMPRESSION_NONE || !matches!(kind, KIND_VALUE | KIND_TOMBSTONE) {
            return Err(Stop::Broken("a row is of an unknown kind"));
        }
        let key_length = usize::from(u16::from_le_bytes([header[10], header[11]]));
        let value_length = [header[16], header[17], header[18], header[19]];
        let value_length = u32::from_le_bytes(value_length) as usize;
        let length = key_length + value_length;
        if length as u64 > self.remaining - self.bytes {
            return Err(Stop::Broken("a row is longer than the file"));
        }
        items.buffer.resize(length, 0);
        self.fill(&mut items.buffer)?;
        items.checksum.update(&[TAG_ITEM]);
        items.checksum.update(&header);
        items.checksum.update(&items.buffer);
        items.take_row(key_length, kind);
        Ok(())
    }

    fn end(&mut self, items: &Items) -> Result<(), Stop> {
        if self.array::<1>()?[0] != TAG_END {
            return Err(Stop::Broken("a batch has more rows than it says"));
        }
        if u64::from_le_bytes(self.array()?) != items.checksum.digest() {
            return Err(Stop::Broken("a batch's checksum is wrong"));
        }
        if self.array::<4>()? != TRAILER {
            return Err(Stop::Broken("a batch has no end"));
        }
        Ok(())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        let mut array = [0; N];
        self.fill(&mut array)?;
        Ok(array)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), Stop> {
        self.inner.read_exact(buffer)?;
        self.bytes += buffer.len() as u64;
        Ok(())
    }
}

impl Items {
    fn take_row(&mut self, key_length: usize, kind: u8) {
        let (key, value) = self.buffer.split_at(key_length);
        if !is_reserved(key) {
            self.chain.row(key, (kind == KIND_VALUE).then_some(value));
            return;
        }
        if key == BASE_KEY {
            self.is_base = true;
        } else if let Some(link) = Link::decode(value)
            && key == Link::key(link.sequence)
        {
            self.link = Some(link);
        }
    }
}
