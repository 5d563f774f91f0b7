//! Time as an input.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use trackway_core::Timestamp;

/// Where the engine's time comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clock {
    /// The system's clock, but never backwards.
    #[default]
    Real,
    /// The system's clock, which jumps to the next timer whenever nothing else can happen: no
    /// letter, no running effect, and nothing that the outside world has to answer (polled or held
    /// effects).
    Skip,
    /// Stands still, but for [`crate::Engine::advance`].
    Manual,
}

/// A clock that runs.
#[derive(Debug)]
pub(crate) struct Time {
    mode: Clock,
    /// How far ahead of the system's clock it is, in milliseconds; for a manual one, its time.
    offset: AtomicI64,
    last: AtomicI64,
}

impl Time {
    /// A clock that goes on from `stored`, the time that the store's last run came to.
    pub(crate) fn new(mode: Clock, stored: Option<Timestamp>) -> Self {
        let wall = wall();
        let ahead = stored.map_or(0, |stored| (stored.0 - wall).max(0));
        let offset = match mode {
            Clock::Real => 0,
            Clock::Skip => ahead,
            Clock::Manual => wall + ahead,
        };
        Self { mode, offset: AtomicI64::new(offset), last: AtomicI64::new(i64::MIN) }
    }

    pub(crate) fn mode(&self) -> Clock {
        self.mode
    }

    pub(crate) fn now(&self) -> Timestamp {
        let offset = self.offset.load(Ordering::SeqCst);
        let now = match self.mode {
            Clock::Real | Clock::Skip => wall().saturating_add(offset),
            Clock::Manual => offset,
        };
        Timestamp(self.last.fetch_max(now, Ordering::SeqCst).max(now))
    }

    pub(crate) fn advance(&self, millis: i64) {
        self.offset.fetch_add(millis.max(0), Ordering::SeqCst);
    }
}

fn wall() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_stands_still_and_never_goes_back() {
        let time = Time::new(Clock::Manual, Some(Timestamp(i64::MAX / 2)));
        let before = time.now();
        assert_eq!(before, Timestamp(i64::MAX / 2));
        time.advance(50);
        time.advance(-500);
        assert_eq!(time.now() - before, 50);
    }
}
