//! Ended executions leave after a while, in small steps.
//!
//! A sweep walks the records again and again, a page a second; no row says what is to go when. So
//! keeping executions for ever, or changing one's mind, costs nothing.

use std::sync::Arc;
use std::time::Duration;

use trackway_core::Timestamp;
use trackway_store::{Batch, Order, Range};

use crate::engine::commit;
use crate::keys::{self, family};
use crate::limits::{
    RETENTION_DROPS_PER_BATCH, RETENTION_RECORDS_PER_STEP, RETENTION_ROWS_PER_BATCH,
    RETENTION_STEP_SECONDS,
};
use crate::reader::{Reader, following};
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
    let mut dropped = 0;
    let mut batch = Batch::new();
    for (key, value) in &rows {
        if drop_old(reader, &mut batch, (key, value), |kind| keeping.horizon(kind, now)).await? {
            dropped += 1;
            if dropped % RETENTION_DROPS_PER_BATCH == 0
                || batch.ops().len() >= RETENTION_ROWS_PER_BATCH
            {
                commit(&shared.store, std::mem::take(&mut batch)).await?;
            }
        }
    }
    if !batch.is_empty() {
        commit(&shared.store, batch).await?;
    }
    Ok(dropped)
}

async fn drop_old(
    reader: &Reader,
    batch: &mut Batch,
    (key, value): (&[u8], &[u8]),
    horizon: impl FnOnce(u8) -> Timestamp,
) -> Result<bool, Fault> {
    let (progress, tail) = read_record(value)?;
    let Some(id) = keys::record_id(key) else { return Ok(false) };
    if !progress.closed || progress.last_at >= horizon(tail.fixtures()?.kind) {
        return Ok(false);
    }
    for key in view_rows(id, &progress, &tail)? {
        batch.delete(key);
    }
    if states::base_row(reader, id).await?.is_some() {
        batch.delete(keys::base(id));
    }
    for mut range in [keys::journal(id), keys::all_rows(id)] {
        while let Some(rows) = reader.walk(&mut range).await? {
            for (key, _) in rows {
                batch.delete(key);
            }
        }
    }
    Ok(true)
}
