//! A whole journal folded again: what its state, its rows and its snapshot should be.

use bytes::Bytes;
use trackway_core::{ExecutionId, Rows, Summary, Timestamp};

use crate::fold::fold_one;
use crate::kind::{AnyMachine, Kind, Kinds};
use crate::limits::SNAPSHOT_EVENTS;
use crate::reader::Reader;
use crate::states::{self, StoredState, beginning};
use crate::turn::guard;
use crate::views::Derived;
use crate::{Fault, keys};

/// What all events that a journal still has come to.
pub(crate) struct Refolded {
    machine: Box<dyn AnyMachine>,
    pub(crate) summary: Summary,
    pub(crate) rows: Derived,
    /// The number of the first event that is there.
    pub(crate) first: u32,
    /// How many events there were ever.
    pub(crate) events: u32,
    pub(crate) segments: u64,
    pub(crate) snapshot: SnapshotCheck,
}

/// How a stored snapshot compares with the fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotCheck {
    /// There is none.
    None,
    /// There is one, and what is wrong with it. One that this version can't read is right.
    Stored(Result<(), String>),
}

impl Refolded {
    /// The snapshot of the state after all events; none if nobody would read it.
    pub(crate) fn new_snapshot(&self, is_closed: bool) -> Option<Bytes> {
        if is_closed || self.events - self.first < SNAPSHOT_EVENTS {
            return None;
        }
        let state = guard(|| self.machine.snapshot()).ok().flatten()?;
        StoredState { events: self.events, horizon: Timestamp(i64::MIN), state }.encode()
    }
}

/// A snapshot to compare with.
struct Comparison<'k> {
    kind: &'k dyn Kind,
    stored: StoredState,
}

impl Comparison<'_> {
    /// Whether the machine, folded so far, is in the state that was stored.
    fn check(&self, machine: &dyn AnyMachine) -> Result<(), String> {
        let Ok(restored) = self.stored.restore(self.kind) else { return Ok(()) };
        let (stored, folded) = (guard(|| restored.snapshot()), guard(|| machine.snapshot()));
        if stored == folded { Ok(()) } else { Err("is not the fold of its events".to_owned()) }
    }
}

/// Folds a journal from where it begins. The inner error says why it can't be.
pub(crate) async fn refold(
    kinds: &Kinds,
    reader: &Reader,
    id: ExecutionId,
    kind: u8,
) -> Result<Result<Refolded, String>, Fault> {
    let Some(kind) = kinds.get(kind).map(AsRef::as_ref) else {
        return Ok(Err(format!("no kind has the tag {kind}")));
    };
    let base = states::base_row(reader, id).await?;
    let from = match beginning(kind, base.as_deref()) {
        Ok(from) => from,
        Err(reason) => return Ok(Err(reason)),
    };
    let stored = reader.get(&keys::snapshot(id)).await?.map(|bytes| StoredState::read(&bytes));
    let (mut check, compare) = match stored {
        None => (SnapshotCheck::None, None),
        Some(Err(fault)) => (SnapshotCheck::Stored(Err(format!("can't be read: {fault}"))), None),
        // One that the trimming has overtaken is of no use and does no harm.
        Some(Ok(stored)) if stored.events < from.events => (SnapshotCheck::Stored(Ok(())), None),
        Some(Ok(stored)) => {
            let never = Err("is of events that aren't there".to_owned());
            (SnapshotCheck::Stored(never), Some(Comparison { kind, stored }))
        }
    };
    let mut machine = from.machine;
    let mut rows = Derived { horizon: from.horizon, ..Derived::default() };
    let (mut next, mut segments) = (from.events, 0);
    let mut look = |next: u32, machine: &dyn AnyMachine| {
        if let Some(compare) = compare.as_ref().filter(|it| it.stored.events == next) {
            check = SnapshotCheck::Stored(compare.check(machine));
        }
    };
    look(next, machine.as_ref());
    let mut range = keys::journal(id);
    while let Some(found) = reader.walk(&mut range).await? {
        for (key, segment) in found {
            let mut changed = Rows::default();
            match fold_one(machine.as_mut(), (&key, &segment), next, Some(&mut changed)) {
                Ok(more) => next += more,
                Err(problem) => return Ok(Err(problem)),
            }
            rows.add(changed);
            segments += 1;
            look(next, machine.as_ref());
        }
    }
    let summary = match guard(|| machine.summary()) {
        Ok(summary) => summary,
        Err(panic) => return Ok(Err(panic)),
    };
    let (first, events, snapshot) = (from.events, next, check);
    Ok(Ok(Refolded { machine, summary, rows, first, events, segments, snapshot }))
}
