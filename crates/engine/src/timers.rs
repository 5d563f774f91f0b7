//! The next timers due, in memory; the rest are rows.
//!
//! ```text
//!   now        horizon
//!    │ near: all │ rows only
//!    ▼           ▼
//! ───●──●●────●──┊──●───●─────●──────▶ (due, execution, timer)
//! ```
//!
//! **Invariant.** Every durable timer before the horizon is in memory. So the first one in memory
//! is the first of all, and refilling starts at the horizon: rows long deleted are never walked.

use std::collections::BTreeSet;

use trackway_core::Timestamp;

use crate::keys::TimerKey;
use crate::limits::TIMERS_NEAR_MAX;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    near: BTreeSet<TimerKey>,
    /// Timers of volatile executions: they have no rows, so all of them are here.
    volatile: BTreeSet<TimerKey>,
    /// The first place that memory doesn't cover; none when it covers all.
    horizon: Option<TimerKey>,
}

impl Timers {
    /// A shard that has read nothing yet: rows only.
    pub(crate) fn unread() -> Self {
        let horizon = Some(TimerKey {
            due: Timestamp(i64::MIN),
            execution: trackway_core::ExecutionId([0; 16]),
            timer: trackway_core::TimerId(0),
        });
        Self { horizon, ..Self::default() }
    }

    /// Takes a durable timer into memory if it lies before the horizon.
    pub(crate) fn add(&mut self, key: TimerKey) {
        if self.horizon.is_none_or(|horizon| key < horizon) {
            self.near.insert(key);
            if self.near.len() > 2 * TIMERS_NEAR_MAX {
                self.trim();
            }
        }
    }

    fn trim(&mut self) {
        while self.near.len() > TIMERS_NEAR_MAX {
            self.horizon = self.near.pop_last();
        }
    }

    pub(crate) fn add_volatile(&mut self, key: TimerKey) {
        self.volatile.insert(key);
    }

    pub(crate) fn remove(&mut self, key: &TimerKey) {
        if !self.near.remove(key) {
            self.volatile.remove(key);
        }
    }

    /// Where to read on, when memory has run out and rows may be left.
    pub(crate) fn wants_refill(&self) -> Option<TimerKey> {
        if self.near.is_empty() { self.horizon } else { None }
    }

    /// Takes rows read from the horizon on. `is_all` says that no row follows them.
    pub(crate) fn refill(&mut self, rows: &[TimerKey], is_all: bool) {
        self.near.extend(rows);
        self.horizon = match rows.last() {
            Some(last) if !is_all => Some(after(*last)),
            None | Some(_) => None,
        };
    }

    /// When the first timer in memory is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let first = |set: &BTreeSet<TimerKey>| set.first().map(|key| key.due);
        match (first(&self.near), first(&self.volatile)) {
            (Some(near), Some(volatile)) => Some(near.min(volatile)),
            (near, volatile) => near.or(volatile),
        }
    }

    /// Takes out the first timer if it is due.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<TimerKey> {
        let is_due = |set: &BTreeSet<TimerKey>| set.first().is_some_and(|key| key.due <= now);
        let first = match (is_due(&self.near), is_due(&self.volatile)) {
            (true, true) if self.volatile.first() < self.near.first() => &mut self.volatile,
            (true, _) => &mut self.near,
            (false, true) => &mut self.volatile,
            (false, false) => return None,
        };
        first.pop_first()
    }

    pub(crate) fn len(&self) -> usize {
        self.near.len() + self.volatile.len()
    }
}

fn after(mut key: TimerKey) -> TimerKey {
    // At the last number there is, the same timer is read again: memory is a set.
    key.timer.0 = key.timer.0.saturating_add(1);
    key
}

#[cfg(test)]
mod tests {
    use trackway_core::{ExecutionId, TimerId};

    use super::*;

    fn key(due: i64) -> TimerKey {
        TimerKey { due: Timestamp(due), execution: ExecutionId([0; 16]), timer: TimerId(1) }
    }

    #[test]
    fn what_lies_beyond_the_horizon_waits_for_a_refill() {
        let mut timers = Timers::unread();
        assert!(timers.wants_refill().is_some());
        timers.add(key(5));
        assert_eq!(timers.next_due(), None);
        timers.refill(&[key(3), key(5)], false);
        timers.add(key(4));
        timers.add(key(9));
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop_due(Timestamp(100))).collect();
        assert_eq!(fired, [key(3), key(4), key(5)]);
        assert!(timers.wants_refill().is_some_and(|from| from > key(5) && from < key(9)));
        timers.refill(&[key(9)], true);
        timers.add(key(1_000_000));
        assert_eq!(timers.len(), 2);
        assert_eq!(timers.pop_due(Timestamp(8)), None);
        timers.remove(&key(9));
        assert_eq!(timers.next_due(), Some(Timestamp(1_000_000)));
    }

    #[test]
    fn memory_stays_bounded() {
        let mut timers = Timers::default();
        (0..100_000).for_each(|due| timers.add(key(due)));
        assert!(timers.len() <= 2 * TIMERS_NEAR_MAX);
        assert_eq!(timers.next_due(), Some(Timestamp(0)));
        timers.add(key(99_999));
        assert!(timers.len() <= 2 * TIMERS_NEAR_MAX);
    }
}
