//! Ended executions leave after a while, in small steps.
//!
//! A sweep walks the records again and again, a page a second; no row says what is to go when. So
//! keeping executions for ever, or changing one's mind, costs nothing.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use trackway_core::Timestamp;
use trackway_store::{Batch, Order, Range};

use crate::engine::commit;
use crate::keys::{self, family};
use crate::limits::{
    RETENTION_DROPS_PER_BATCH, RETENTION_RECORDS_PER_STEP, RETENTION_ROWS_PER_BATCH,
    RETENTION_STEP_SECONDS,
};
use crate::reader::following;
use crate::records::read_record;
use crate::reset::view_rows;
use crate::shared::Shared;
use crate::{Fault, states};

/// For how long ended executions are kept.
pub(crate) struct Keeping {
    /// Of whatever kind; none for ever.
    pub(crate) all: Option<Duration>,
    /// Those of kinds that are kept no longer than this.
    pub(crate) of_kinds: Vec<(u8, Duration)>,
}

impl Keeping {
    /// Whether anything leaves at all.
    pub(crate) fn ends(&self) -> bool {
        self.all.is_some() || !self.of_kinds.is_empty()
    }

    /// What of this kind closed before this moment leaves.
    fn horizon(&self, kind: u8, now: Timestamp) -> Timestamp {
        let of_kind = self.of_kinds.iter().filter(|(tag, _)| *tag == kind).map(|(_, keep)| *keep);
        let keep = of_kind.chain(self.all).min();
        let keep = keep.and_then(|keep| i64::try_from(keep.as_millis()).ok());
        Timestamp(keep.map_or(i64::MIN, |keep| now.0.saturating_sub(keep)))
    }
}

/// Sweeps until the engine stops.
pub(crate) async fn sweep(shared: Arc<Shared>, keeping: Keeping) {
    let mut stop = shared.watch_stop();
    let mut range = Range::prefix(vec![family::RECORD]);
    loop {
        let pause = Duration::from_secs(RETENTION_STEP_SECONDS);
        tokio::select! {
            _ = stop.wait_for(Option::is_some) => return,
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(fault) = step(&shared, &mut range, &keeping).await {
            shared.problem(&format!("the retention sweep failed: {fault}"));
        }
    }
}

/// Looks at one page of records and drops those that closed long enough ago. The range moves on,
/// and starts over at its end. Returns how many were dropped.
async fn step(shared: &Shared, range: &mut Range, keeping: &Keeping) -> Result<usize, Fault> {
    let reader = &shared.reader;
    let now = shared.time.now();
    let limit = RETENTION_RECORDS_PER_STEP;
    let rows = reader.scan(range.clone(), Order::Ascending, limit).await?;
    match rows.last() {
        Some((last, _)) if rows.len() == limit => range.from = following(last),
        _ => *range = Range::prefix(vec![family::RECORD]),
    }
    let mut sweep = Sweep { shared, batch: Batch::new() };
    let mut dropped = 0;
    for (key, value) in &rows {
        if sweep.drop_old((key, value), |kind| keeping.horizon(kind, now)).await? {
            dropped += 1;
            if dropped % RETENTION_DROPS_PER_BATCH == 0 {
                sweep.hand_over().await?;
            }
        }
    }
    sweep.hand_over().await?;
    Ok(dropped)
}

/// What leaves, batch by batch.
struct Sweep<'a> {
    shared: &'a Shared,
    batch: Batch,
}

impl Sweep<'_> {
    async fn drop_old(
        &mut self,
        (key, value): (&[u8], &[u8]),
        horizon: impl FnOnce(u8) -> Timestamp,
    ) -> Result<bool, Fault> {
        let (progress, tail) = read_record(value)?;
        let Some(id) = keys::record_id(key) else { return Ok(false) };
        if !progress.closed || progress.last_at >= horizon(tail.fixtures()?.kind) {
            return Ok(false);
        }
        let reader = &self.shared.reader;
        // A sweep before this one may not have come to the end of it.
        let mut is_leaving = reader.get(&keys::leaving(id)).await?.is_some();
        for mut range in [keys::all_rows(id), keys::journal(id)] {
            while let Some(rows) = reader.walk(&mut range).await? {
                for (key, _) in rows {
                    self.batch.delete(key);
                }
                if self.batch.ops().len() >= RETENTION_ROWS_PER_BATCH {
                    is_leaving = true;
                    self.batch.put(keys::leaving(id), Bytes::new());
                    self.hand_over().await?;
                }
            }
        }
        // Last, and at once: as long as anything is left of it, nothing else takes its id.
        for key in view_rows(id, &progress, &tail)? {
            self.batch.delete(key);
        }
        if states::base_row(reader, id).await?.is_some() {
            self.batch.delete(keys::base(id));
        }
        if is_leaving {
            self.batch.delete(keys::leaving(id));
        }
        Ok(true)
    }

    /// Makes what was gathered so far durable.
    async fn hand_over(&mut self) -> Result<(), Fault> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.shared.store.ready().await?;
        commit(&self.shared.store, std::mem::take(&mut self.batch)).await
    }
}
