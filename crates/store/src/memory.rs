//! The memory backend: an ordered map under a lock. Nothing survives the process.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::{
    Batch, BoxFuture, CommitError, Fault, Local, Op, Order, Range, Report, Row, Stats, Store,
};

type Rows = BTreeMap<Bytes, Bytes>;

/// A store in memory.
///
/// `commit` applies its batch within the call and its future is ready at once, so a simulation on
/// one thread is deterministic. Clones share their rows.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Default)]
struct State {
    rows: Arc<Rows>,
    last_sequence: u64,
}

/// All rows of a [`Memory`] at one moment. Cheap to take: rows are copied by the next write only.
#[derive(Debug, Clone)]
pub struct MemorySnapshot(State);

impl PartialEq for MemorySnapshot {
    fn eq(&self, other: &Self) -> bool {
        self.0.rows == other.0.rows
    }
}

impl MemorySnapshot {
    /// Goes through the rows, smallest key first.
    pub fn rows(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.0.rows.iter()
    }
}

impl Memory {
    /// Makes an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a snapshot of all rows.
    #[must_use]
    pub fn snapshot(&self) -> MemorySnapshot {
        MemorySnapshot(self.lock().clone())
    }

    /// Puts the rows back to what they were at `snapshot`.
    pub fn restore(&self, snapshot: &MemorySnapshot) {
        *self.lock() = snapshot.0.clone();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic can't leave a batch half applied: `apply` builds on a checked batch and only
        // allocates.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit_now(&self, batch: Batch) -> Result<(), CommitError> {
        batch.check()?;
        let mut state = self.lock();
        for (index, precondition) in batch.preconditions().iter().enumerate() {
            let get = |key: &Bytes| Ok::<_, Fault>(state.rows.get(key).cloned());
            let has_any =
                |range: &Range| Ok(state.rows.range::<[u8], _>(range.bounds()).next().is_some());
            if !precondition.holds(get, has_any)? {
                return Err(CommitError::PreconditionFailed { index });
            }
        }
        if batch.ops().is_empty() {
            return Ok(());
        }
        let rows = Arc::make_mut(&mut state.rows);
        batch.ops().iter().for_each(|op| apply(rows, op));
        state.last_sequence += 1;
        Ok(())
    }
}

fn apply(rows: &mut Rows, op: &Op) {
    match op {
        Op::Put { key, value } => {
            rows.insert(key.clone(), value.clone());
        }
        Op::Delete { key } => {
            rows.remove(key);
        }
        Op::DeleteRange { range } if range.is_empty() => {}
        Op::DeleteRange { range } => {
            let doomed: Vec<Bytes> =
                rows.range::<[u8], _>(range.bounds()).map(|(key, _)| key.clone()).collect();
            doomed.iter().for_each(|key| {
                rows.remove(key);
            });
        }
    }
}

impl Local for Memory {
    fn get_now(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        Ok(self.lock().rows.get(key).cloned())
    }

    fn scan_now(&self, range: &Range, order: Order, limit: usize) -> Result<Vec<Row>, Fault> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        // Under the lock: another handle on the rows would make the next write copy them all.
        let state = self.lock();
        let found = state.rows.range::<[u8], _>(range.bounds());
        let copy = |(key, value): (&Bytes, &Bytes)| (key.clone(), value.clone());
        Ok(match order {
            Order::Ascending => found.take(limit).map(copy).collect(),
            Order::Descending => found.rev().take(limit).map(copy).collect(),
        })
    }
}

impl Store for Memory {
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), CommitError>> {
        Box::pin(ready(self.commit_now(batch)))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(ready(Ok(())))
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>, Fault>> {
        Box::pin(ready(self.get_now(key)))
    }

    fn scan(
        &self,
        range: Range,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Fault>> {
        Box::pin(ready(self.scan_now(&range, order, limit)))
    }

    fn local(&self) -> Option<&dyn Local> {
        Some(self)
    }

    fn verify(&self) -> BoxFuture<'_, Result<Report, Fault>> {
        let state = self.lock().clone();
        let mut report = Report { last_sequence: state.last_sequence, ..Report::default() };
        state.rows.iter().for_each(|(key, value)| report.count(key, value));
        Box::pin(ready(Ok(report)))
    }

    fn stats(&self) -> Stats {
        let last_sequence = self.lock().last_sequence;
        Stats {
            last_sequence,
            batches_committed: last_sequence,
            groups_committed: last_sequence,
            ..Stats::default()
        }
    }
}
