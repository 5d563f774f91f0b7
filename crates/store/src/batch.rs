//! What one commit asks for.

use bytes::Bytes;

use crate::{Fault, Range};

/// The family that backends keep for themselves: no key of a batch may start with it, and no read
/// shows it.
pub const RESERVED_FAMILY: u8 = 0;

/// The longest key, in bytes. PostgreSQL's index rows set it: a third of a page, less its header.
pub const KEY_BYTES_MAX: usize = 2_048;

/// The largest value, in bytes. Far above any quota of the services (AWS: 256 KiB a payload,
/// 6 MiB a function's answer): it only stops mistakes.
pub const VALUE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Writes `value` at `key`, over whatever was there.
    Put {
        /// Where.
        key: Bytes,
        /// What.
        value: Bytes,
    },
    /// Removes `key`; no error if it isn't there.
    Delete {
        /// Which.
        key: Bytes,
    },
    /// Removes every key of `range`. Costs a read and a tombstone a row in the embedded backend.
    DeleteRange {
        /// Which.
        range: Range,
    },
}

/// What must hold before a batch is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// No value is at `key`.
    Absent {
        /// Which.
        key: Bytes,
    },
    /// Some value is at `key`.
    Present {
        /// Which.
        key: Bytes,
    },
    /// Exactly `value` is at `key`.
    Equals {
        /// Which.
        key: Bytes,
        /// The value expected.
        value: Bytes,
    },
    /// No key lies in `range`.
    Empty {
        /// Which.
        range: Range,
    },
}

impl Precondition {
    /// Tells whether it holds for the rows that `get` and `has_any` know.
    pub(crate) fn holds<E>(
        &self,
        get: impl FnOnce(&Bytes) -> Result<Option<Bytes>, E>,
        has_any: impl FnOnce(&Range) -> Result<bool, E>,
    ) -> Result<bool, E> {
        Ok(match self {
            Self::Absent { key } => get(key)?.is_none(),
            Self::Present { key } => get(key)?.is_some(),
            Self::Equals { key, value } => get(key)?.as_ref() == Some(value),
            Self::Empty { range } => range.is_empty() || !has_any(range)?,
        })
    }

    fn check(&self) -> Result<(), Fault> {
        match self {
            Self::Absent { key } | Self::Present { key } | Self::Equals { key, .. } => {
                check_key(key)
            }
            Self::Empty { .. } => Ok(()),
        }
    }
}

/// Changes that happen together, and what must hold for them to happen.
///
/// Operations apply in their order: a put after a range delete stays. Preconditions are all judged
/// before the first operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    ops: Vec<Op>,
    preconditions: Vec<Precondition>,
}

impl Batch {
    /// Makes an empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a put.
    pub fn put(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        self.push(Op::Put { key: key.into(), value: value.into() })
    }

    /// Adds a delete.
    pub fn delete(&mut self, key: impl Into<Bytes>) -> &mut Self {
        self.push(Op::Delete { key: key.into() })
    }

    /// Adds a range delete.
    pub fn delete_range(&mut self, range: Range) -> &mut Self {
        self.push(Op::DeleteRange { range })
    }

    /// Adds an operation.
    pub fn push(&mut self, op: Op) -> &mut Self {
        self.ops.push(op);
        self
    }

    /// Requires that `key` isn't there.
    pub fn require_absent(&mut self, key: impl Into<Bytes>) -> &mut Self {
        self.require(Precondition::Absent { key: key.into() })
    }

    /// Requires that `key` is there.
    pub fn require_present(&mut self, key: impl Into<Bytes>) -> &mut Self {
        self.require(Precondition::Present { key: key.into() })
    }

    /// Requires that `key` holds exactly `value`.
    pub fn require_equals(&mut self, key: impl Into<Bytes>, value: impl Into<Bytes>) -> &mut Self {
        self.require(Precondition::Equals { key: key.into(), value: value.into() })
    }

    /// Requires that no key is in `range`.
    pub fn require_empty(&mut self, range: Range) -> &mut Self {
        self.require(Precondition::Empty { range })
    }

    /// Adds a precondition.
    pub fn require(&mut self, precondition: Precondition) -> &mut Self {
        self.preconditions.push(precondition);
        self
    }

    /// Adds everything of `other`, after what is here. Its preconditions are then judged before
    /// the operations of both.
    pub fn append(&mut self, other: Self) -> &mut Self {
        self.ops.extend(other.ops);
        self.preconditions.extend(other.preconditions);
        self
    }

    /// The operations, in order.
    #[must_use]
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// Takes the operations out.
    pub(crate) fn into_ops(self) -> Vec<Op> {
        self.ops
    }

    /// The preconditions, in order.
    #[must_use]
    pub fn preconditions(&self) -> &[Precondition] {
        &self.preconditions
    }

    /// Tells whether the batch asks for nothing and changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty() && self.preconditions.is_empty()
    }

    /// The bytes of its keys and values, roughly what it costs to write.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ops.iter().map(op_bytes).sum()
    }

    /// Checks the limits every backend has in common.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        self.preconditions.iter().try_for_each(Precondition::check)?;
        self.ops.iter().try_for_each(|op| match op {
            Op::Put { key, value } => check_key(key).and_then(|()| check_value(key, value)),
            Op::Delete { key } => check_key(key),
            Op::DeleteRange { .. } => Ok(()),
        })
    }
}

fn op_bytes(op: &Op) -> usize {
    match op {
        Op::Put { key, value } => key.len() + value.len(),
        Op::Delete { key } => key.len(),
        Op::DeleteRange { range } => range.from.len() + range.to.as_ref().map_or(0, Bytes::len),
    }
}

fn check_key(key: &[u8]) -> Result<(), Fault> {
    match key.len() {
        0 => Err(Fault::invalid("a key is empty; its first byte must be its family")),
        _ if key[0] == RESERVED_FAMILY => Err(Fault::invalid(format!(
            "the key {} is in the family that the store keeps for itself",
            key.escape_ascii()
        ))),
        1..=KEY_BYTES_MAX => Ok(()),
        length => Err(Fault::invalid(format!(
            "a key has {length} bytes, more than {KEY_BYTES_MAX}: {}…",
            key[..32].escape_ascii()
        ))),
    }
}

fn check_value(key: &[u8], value: &[u8]) -> Result<(), Fault> {
    if value.len() <= VALUE_BYTES_MAX {
        return Ok(());
    }
    Err(Fault::invalid(format!(
        "the value at {} has {} bytes, more than {VALUE_BYTES_MAX}",
        key.escape_ascii(),
        value.len()
    )))
}
