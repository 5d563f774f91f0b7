//! What lives without an end sheds its oldest history, in small steps.
//!
//! ```text
//!   before   j0 ── j1 ── j2 ── j3 ── …        rows of j0 and j1
//!   a step             base(j0, j1)  ── j2 ── j3 ── …   those that stay
//! ```
//!
//! A step folds some of the oldest segments and commits, as one batch: the state that they come to,
//! as the journal's new base; the segments' removal; and that of the rows they wrote which belong
//! to a moment that is kept no longer. So a journal folds to the same state before and after, and a
//! crash between two steps leaves nothing half done. No shard takes part: the batch requires that
//! the segments, the base and those rows are what was read, and is tried again later otherwise.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use trackway_core::{ExecutionId, RowKey, Rows, Timestamp};
use trackway_store::{Batch, CommitError, Order, Range, Store};

use crate::Fault;
use crate::fold::fold_one;
use crate::keys::{self, family};
use crate::kind::{AnyMachine, Kind, Kinds};
use crate::limits::{
    RETENTION_RECORDS_PER_STEP, TRIM_SLACK_MS, TRIM_STEP_SECONDS, TRIMMED_ROWS_PER_STEP,
    TRIMMED_SEGMENTS_PER_STEP,
};
use crate::reader::{Reader, following};
use crate::records::read_record;
use crate::shared::Shared;
use crate::states::{StoredState, base_row, beginning};
use crate::turn::guard;
use crate::views::has_expired;

/// Sweeps until the engine stops.
pub(crate) async fn sweep(shared: Arc<Shared>, kinds: Kinds, keep: Duration) {
    let mut stop = shared.watch_stop();
    let keep_ms = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
    let mut range = Range::prefix(vec![family::RECORD]);
    // Told once, not at every look.
    let mut told = BTreeSet::new();
    let scissors = Scissors { reader: &shared.reader, store: &shared.store };
    loop {
        tokio::select! {
            _ = stop.wait_for(Option::is_some) => return,
            () = tokio::time::sleep(Duration::from_secs(TRIM_STEP_SECONDS)) => {}
        }
        let horizon = Timestamp(shared.time.now().0.saturating_sub(keep_ms));
        let page = match page(&shared.reader, &kinds, &mut range).await {
            Ok(page) => page,
            Err(fault) => {
                shared.problem(&format!("the trimming of histories failed: {fault}"));
                continue;
            }
        };
        for (id, kind) in page {
            let trimmed = scissors.trim(kind.as_ref(), id, horizon, TRIM_SLACK_MS).await;
            if let Err(fault) = trimmed
                && told.insert(id)
            {
                shared.problem(&format!("execution {id} could not be trimmed: {fault}"));
            }
        }
    }
}

/// Trims every history up to that moment. Returns how many events have left.
pub(crate) async fn everything(
    kinds: &Kinds,
    store: Arc<dyn Store>,
    horizon: Timestamp,
) -> Result<u64, Fault> {
    let reader = Reader(store.clone());
    let scissors = Scissors { reader: &reader, store: &store };
    let whole = Range::prefix(vec![family::RECORD]);
    let mut range = whole.clone();
    let mut left = 0;
    loop {
        for (id, kind) in page(&reader, kinds, &mut range).await? {
            left += scissors.trim(kind.as_ref(), id, horizon, 0).await?;
        }
        if range == whole {
            return Ok(left);
        }
    }
}

/// The executions of one page of records that may have too much history. The range moves on, and
/// starts over at its end.
async fn page(
    reader: &Reader,
    kinds: &Kinds,
    range: &mut Range,
) -> Result<Vec<(ExecutionId, Arc<dyn Kind>)>, Fault> {
    let limit = RETENTION_RECORDS_PER_STEP;
    let rows = reader.scan(range.clone(), Order::Ascending, limit).await?;
    match rows.last() {
        Some((last, _)) if rows.len() == limit => range.from = following(last),
        _ => *range = Range::prefix(vec![family::RECORD]),
    }
    let mut found = Vec::new();
    for (key, value) in &rows {
        let (progress, tail) = read_record(value)?;
        let Some(id) = keys::record_id(key) else { continue };
        let Some(kind) = kinds.get(tail.fixtures()?.kind) else { continue };
        if kind.is_trimmed() && !progress.closed && progress.parked.is_none() {
            found.push((id, kind.clone()));
        }
    }
    Ok(found)
}

/// Trims one journal after the other.
struct Scissors<'a> {
    reader: &'a Reader,
    store: &'a Arc<dyn Store>,
}

/// How far a journal has been trimmed.
struct Cut {
    machine: Box<dyn AnyMachine>,
    /// The first event that is left.
    next: u32,
    horizon: Timestamp,
    /// The base row that says so.
    base: Option<Bytes>,
}

impl Scissors<'_> {
    /// Trims a journal if its first event is older than the horizon by more than the slack. Returns
    /// how many events have left.
    async fn trim(
        &self,
        kind: &dyn Kind,
        id: ExecutionId,
        horizon: Timestamp,
        slack_ms: i64,
    ) -> Result<u64, Fault> {
        let first = self.reader.scan(keys::journal(id), Order::Ascending, 1).await?;
        let Some((_, segment)) = first.first() else { return Ok(0) };
        if kind.taken_at(segment)? >= horizon + -slack_ms {
            return Ok(0);
        }
        let base = base_row(self.reader, id).await?;
        let from = beginning(kind, base.as_deref()).map_err(Fault::new)?;
        let horizon = from.horizon.map_or(horizon, |before| before.max(horizon));
        let mut cut = Cut { machine: from.machine, next: from.events, horizon, base };
        while self.step(kind, id, &mut cut).await? {
            self.store.ready().await?;
            tokio::task::yield_now().await;
        }
        Ok(u64::from(cut.next - from.events))
    }

    /// Moves the base forward by some segments. Tells whether there may be more to do.
    async fn step(&self, kind: &dyn Kind, id: ExecutionId, cut: &mut Cut) -> Result<bool, Fault> {
        let range = keys::journal_from(id, cut.next);
        let segments = self.reader.scan(range, Order::Ascending, TRIMMED_SEGMENTS_PER_STEP).await?;
        let mut batch = Batch::new();
        let mut touched = BTreeSet::new();
        let mut next = cut.next;
        let mut last = None;
        for (key, segment) in &segments {
            if kind.taken_at(segment)? >= cut.horizon || touched.len() >= TRIMMED_ROWS_PER_STEP {
                break;
            }
            let mut rows = Rows::default();
            let place = (&key[..], &segment[..]);
            next +=
                fold_one(cut.machine.as_mut(), place, next, Some(&mut rows)).map_err(Fault::new)?;
            touched.extend(rows.into_edits().into_keys());
            batch.delete(key.clone());
            last = Some((key, segment));
        }
        let Some((key, segment)) = last else { return Ok(false) };
        // Another execution of this ARN has other segments.
        batch.require_equals(key.clone(), segment.clone());
        match cut.base.take() {
            Some(base) => batch.require_equals(keys::base(id), base),
            None => batch.require_absent(keys::base(id)),
        };
        self.drop_rows(kind, id, (touched, cut.horizon), &mut batch).await?;
        let state = guard(|| cut.machine.snapshot()).map_err(Fault::new)?;
        let state = state.ok_or_else(|| Fault::new("its kind writes no state"))?;
        let base = StoredState { events: next, horizon: cut.horizon, state };
        let base = base.encode().ok_or_else(|| Fault::new("its state is too large"))?;
        batch.put(keys::base(id), base.clone());
        match self.store.commit(batch).await {
            Ok(()) => {
                (cut.next, cut.base) = (next, Some(base));
                Ok(true)
            }
            // Something has changed since it was read: at the next look.
            Err(CommitError::PreconditionFailed { .. }) => Ok(false),
            Err(CommitError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Drops those of the rows that belong to a moment before the horizon.
    async fn drop_rows(
        &self,
        kind: &dyn Kind,
        id: ExecutionId,
        (touched, horizon): (BTreeSet<RowKey>, Timestamp),
        batch: &mut Batch,
    ) -> Result<(), Fault> {
        for (view, own) in touched {
            let key = keys::row(id, view, &own);
            if let Some(row) = self.reader.get(&key).await?
                && has_expired(kind, view, &own, &row, horizon)
            {
                batch.require_equals(key.clone(), row);
                batch.delete(key);
            }
        }
        Ok(())
    }
}
