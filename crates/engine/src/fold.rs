//! From a journal to a state: from the snapshot, or from where the journal begins.

use std::ops::RangeInclusive;

use trackway_core::{ExecutionId, Rows};

use crate::kind::{AnyMachine, Kind};
use crate::limits::SNAPSHOT_EVENTS;
use crate::reader::Reader;
use crate::states::{self, StoredState, beginning};
use crate::turn::guard;
use crate::{Fault, keys};

/// An execution's machine, folded.
pub(crate) struct Folded {
    pub(crate) machine: Box<dyn AnyMachine>,
    /// Whether a row is there that holds a snapshot, good or bad.
    pub(crate) has_snapshot: bool,
    /// How many events were folded since the state that it began with.
    pub(crate) events: u32,
}

/// Folds a journal. `length` is how many events it has: its record's number for those who own the
/// execution; a reader may see further ones that came after the record was read. The inner error is
/// a reason to park the execution.
pub(crate) async fn fold(
    reader: &Reader,
    kind: &dyn Kind,
    id: ExecutionId,
    length: RangeInclusive<u32>,
) -> Result<Result<Folded, String>, Fault> {
    if !kind.is_trimmed() && *length.start() < SNAPSHOT_EVENTS {
        let folded = tail(reader, kind.machine(), id, 0, &length).await?;
        return Ok(folded.map(|(machine, events)| Folded { machine, has_snapshot: false, events }));
    }
    let snapshot = reader.get(&keys::snapshot(id)).await?;
    if let Some(bytes) = &snapshot
        && let Ok(stored) = StoredState::read(bytes)
        && stored.events <= *length.end()
        && let Ok(machine) = stored.restore(kind)
        && let Ok((machine, events)) = tail(reader, machine, id, stored.events, &length).await?
    {
        return Ok(Ok(Folded { machine, has_snapshot: true, events }));
    }
    let has_snapshot = snapshot.is_some();
    let mut base = states::base_row(reader, id).await?;
    loop {
        let folded = match beginning(kind, base.as_deref()) {
            Ok(from) => tail(reader, from.machine, id, from.events, &length).await?,
            Err(reason) => Err(reason),
        };
        let reason = match folded {
            Ok((machine, events)) => return Ok(Ok(Folded { machine, has_snapshot, events })),
            Err(reason) => reason,
        };
        // The journal may have been trimmed while it was read.
        let now = states::base_row(reader, id).await?;
        if now == base {
            return Ok(Err(reason));
        }
        base = now;
    }
}

/// Folds the events from that number on. Returns how many there were.
async fn tail(
    reader: &Reader,
    mut machine: Box<dyn AnyMachine>,
    id: ExecutionId,
    from: u32,
    length: &RangeInclusive<u32>,
) -> Result<Result<(Box<dyn AnyMachine>, u32), String>, Fault> {
    let mut range = keys::journal_from(id, from);
    let mut next = from;
    while let Some(rows) = reader.walk(&mut range).await? {
        for (key, segment) in rows {
            match fold_one(machine.as_mut(), (&key, &segment), next, None) {
                Ok(events) => next += events,
                Err(reason) => return Ok(Err(reason)),
            }
        }
    }
    if length.contains(&next) {
        Ok(Ok((machine, next - from)))
    } else {
        Ok(Err(format!("its journal has {next} events instead of {}", length.start())))
    }
}

/// Folds one segment, which is to begin with event `next`. Returns how many events it has.
pub(crate) fn fold_one(
    machine: &mut dyn AnyMachine,
    (key, segment): (&[u8], &[u8]),
    next: u32,
    rows: Option<&mut Rows>,
) -> Result<u32, String> {
    if keys::segment_first(key) != Some(next) {
        return Err(format!("its journal has a gap before event {next}"));
    }
    match guard(|| machine.fold(segment, rows)) {
        Ok(Ok(events)) => Ok(events),
        Ok(Err(fault)) => Err(format!("at event {next}: {fault}")),
        Err(panic) => Err(format!("folding event {next} panicked: {panic}")),
    }
}
