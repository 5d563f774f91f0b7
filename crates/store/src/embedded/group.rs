//! Many batches into one write: what they leave behind, key by key.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::rows::Rows;
use crate::{Batch, CommitError, Fault, Op, Range};

/// What a group of batches changes: the last word on every key.
#[derive(Default)]
pub(super) struct Group {
    changes: BTreeMap<Bytes, Option<Bytes>>,
}

impl Group {
    /// Tells whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes, smallest key first; `None` deletes.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.changes.iter().map(|(key, value)| (key.as_ref(), value.as_deref()))
    }

    /// Bytes of the changes.
    pub(super) fn bytes(&self) -> u64 {
        let bytes = self.rows().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len));
        bytes.sum::<usize>() as u64
    }

    /// Adds a batch after those before it, if its preconditions hold for what they leave behind.
    pub(super) fn add(&mut self, batch: Batch, rows: &Rows) -> Result<(), CommitError> {
        for (index, precondition) in batch.preconditions().iter().enumerate() {
            let holds = precondition
                .holds(|key| self.find(key, rows), |range| self.has_any(range, rows))?;
            if !holds {
                return Err(CommitError::PreconditionFailed { index });
            }
        }
        // Everything that can fail comes before the first change.
        let mut doomed = stored_keys(&batch, rows)?.into_iter();
        for op in batch.into_ops() {
            match op {
                Op::Put { key, value } => drop(self.changes.insert(key, Some(value))),
                Op::Delete { key } => drop(self.changes.insert(key, None)),
                Op::DeleteRange { range } => {
                    self.delete_range(&range, doomed.next().unwrap_or_default());
                }
            }
        }
        Ok(())
    }

    fn find(&self, key: &Bytes, rows: &Rows) -> Result<Option<Bytes>, Fault> {
        match self.changes.get(key) {
            Some(change) => Ok(change.clone()),
            None => rows.get(key),
        }
    }

    /// Whether a key is in the range, which isn't empty.
    fn has_any(&self, range: &Range, rows: &Rows) -> Result<bool, Fault> {
        let mut changed = self.changes.range::<[u8], _>(range.bounds());
        if changed.any(|(_, change)| change.is_some()) {
            return Ok(true);
        }
        rows.any_key(range, |key| !self.changes.contains_key(key))
    }

    fn delete_range(&mut self, range: &Range, stored: Vec<Bytes>) {
        if range.is_empty() {
            return;
        }
        let changed = self.changes.range_mut::<[u8], _>(range.bounds());
        changed.for_each(|(_, change)| *change = None);
        self.changes.extend(stored.into_iter().map(|key| (key, None)));
    }
}

/// The keys on disk in each range that the batch deletes.
fn stored_keys(batch: &Batch, rows: &Rows) -> Result<Vec<Vec<Bytes>>, Fault> {
    let ranges = batch.ops().iter().filter_map(|op| match op {
        Op::DeleteRange { range } => Some(range),
        Op::Put { .. } | Op::Delete { .. } => None,
    });
    ranges.map(|range| rows.keys(range)).collect()
}
