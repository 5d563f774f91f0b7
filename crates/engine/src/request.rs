//! What callers hand in and get back.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use trackway_core::{ExecutionId, Payload, ReplyTo, Start, Summary, Timestamp};
use trackway_store::Order;

/// A failure of the engine or its store, opaque to callers: logged, never shown raw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(Arc<str>);

impl Fault {
    /// Makes a fault; `what` is a lowercase fragment that names the thing.
    #[must_use]
    pub fn new(what: impl Into<Arc<str>>) -> Self {
        Self(what.into())
    }

    /// What happened to what.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl From<trackway_store::Fault> for Fault {
    fn from(fault: trackway_store::Fault) -> Self {
        Self::new(fault.to_string())
    }
}

/// A definition's text and its content hash. Make it once per revision and clone it per start.
#[derive(Clone, PartialEq, Eq)]
pub struct Definition {
    hash: [u8; 32],
    text: Arc<str>,
}

impl Definition {
    /// Pins this text; costs one SHA-256 over it.
    #[must_use]
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        Self { hash: Sha256::digest(text.as_bytes()).into(), text }
    }

    /// SHA-256 of the text.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Definition({} bytes)", self.text.len())
    }
}

/// Whether an execution survives the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Journaled; a restart resumes it.
    Durable,
    /// In memory only, gone when it closes (Express workflows): no rows, no wait for a commit.
    Volatile,
}

/// What it takes to start an execution. Its identity is [`ExecutionId::of`] its ARN.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// The tag its kind was registered with.
    pub kind: u8,
    /// Account and region, such as `000000000000/us-east-1`.
    pub scope: Arc<str>,
    /// What lists group it under: the ARN of its state machine; empty for none.
    pub parent: Arc<str>,
    /// What it runs.
    pub definition: Definition,
    /// The machine's first input.
    pub start: Start,
    /// The effect of another execution that hears of this one's end.
    pub reply_to: Option<ReplyTo>,
    /// Whether it survives the process.
    pub durability: Durability,
}

/// What came of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// It began with this request; for a durable execution its first turn is committed.
    New {
        /// The state after its first turn.
        summary: Summary,
    },
    /// An execution of this ARN exists already, running or closed; nothing was changed.
    Existing {
        /// That execution.
        record: Box<Record>,
        /// Whether it was started with the very same input text.
        same_input: bool,
    },
}

/// What came of a start that waits for the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It ran and closed.
    Ended(Ended),
    /// An execution of this ARN exists already; nothing was changed.
    Existing {
        /// That execution.
        record: Box<Record>,
        /// Whether it was started with the very same input text.
        same_input: bool,
    },
}

/// How an execution closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its final status and columns.
    pub summary: Summary,
    /// What it passed to [`trackway_core::Command::Close`], in its kind's encoding.
    pub report: Vec<u8>,
    /// The payload of its last event, if that has one.
    pub last_payload: Option<Payload>,
}

/// Why a start failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The definition can't be read by its kind.
    #[error("could not read the definition: {0}")]
    Definition(String),
    /// No kind is registered under this tag.
    #[error("no kind has the tag {0}")]
    Kind(u8),
    /// The engine failed; the execution may or may not exist after a restart.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Why a signal had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignalError<R> {
    /// No execution has this identity, or it is of another kind.
    #[error("no such execution")]
    NotFound,
    /// The execution has ended.
    #[error("the execution has closed")]
    Closed,
    /// The machine refused; it emitted nothing.
    #[error("the execution refused")]
    Refused(R),
    /// The engine failed, or the execution is parked.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// All that is known of an execution beside its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its identity.
    pub id: ExecutionId,
    /// The tag of its kind.
    pub kind: u8,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Account and region.
    pub scope: String,
    /// What lists group it under.
    pub parent: String,
    /// The ARN of what it runs.
    pub definition_arn: String,
    /// What else its kind was told at the start, in the kind's encoding.
    pub attributes: Vec<u8>,
    /// SHA-256 of its definition's text.
    pub definition_hash: [u8; 32],
    /// The first 16 bytes of SHA-256 of its input text.
    pub input_hash: [u8; 16],
    /// Who hears of its end.
    pub reply_to: Option<ReplyTo>,
    /// Status and list columns; a view of the journal.
    pub summary: Summary,
    /// How many events its journal has.
    pub journal_len: u32,
    /// Whether it has closed: no turn follows.
    pub closed: bool,
    /// Why it is parked: a turn panicked or its journal can't be read. None for all that is well.
    pub parked: Option<String>,
}

/// Which lists: the executions of one kind under one parent, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// The tag of the kind.
    pub kind: u8,
    /// Account and region.
    pub scope: String,
    /// The parent that they were started with.
    pub parent: String,
    /// Only those with this status.
    pub status: Option<u8>,
    /// Only those after this place: the cursor of the page before.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: usize,
}

/// A place in a list: after the execution that started then, with this identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// When the last one shown started.
    pub started: Timestamp,
    /// The last one shown.
    pub id: ExecutionId,
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The rows, newest first.
    pub rows: Vec<ListRow>,
    /// Where the next page goes on; none when this one is the last.
    pub next: Option<Cursor>,
}

/// What a list shows of an execution, without reading anything else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListRow {
    /// Its identity.
    pub id: ExecutionId,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The ARN of what it runs.
    pub definition_arn: String,
    /// Status and list columns.
    pub summary: Summary,
}

/// Which rows of a kind's view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowQuery {
    /// Only those whose keys begin with this.
    pub prefix: Vec<u8>,
    /// Only those after this key, in the direction of the order.
    pub after: Option<Vec<u8>>,
    /// By their keys' bytes.
    pub order: Order,
    /// At most so many.
    pub limit: usize,
}

impl RowQuery {
    /// The first so many rows of a whole view, smallest key first.
    #[must_use]
    pub fn first(limit: usize) -> Self {
        Self { prefix: Vec::new(), after: None, order: Order::Ascending, limit }
    }
}

/// One page of a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowPage {
    /// Keys, as the kind wrote them, and rows.
    pub rows: Vec<(Bytes, Bytes)>,
    /// Whether there are more. The next page begins after the last key of this one.
    pub more: bool,
}

/// Which part of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Up to `limit` events from number `from` on, oldest first.
    Forward {
        /// The number of the first event wanted, from 0.
        from: u32,
        /// At most so many.
        limit: usize,
    },
    /// Up to `limit` events before number `before`, newest first; `u32::MAX` for the end.
    Backward {
        /// The number after the first event wanted.
        before: u32,
        /// At most so many.
        limit: usize,
    },
}

/// One event of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<E> {
    /// Its number, from 0.
    pub number: u32,
    /// When its turn was taken.
    pub at: Timestamp,
    /// What happened.
    pub event: E,
}
