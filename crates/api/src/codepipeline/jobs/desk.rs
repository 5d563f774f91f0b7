//! Jobs in the hands of workers that have not acknowledged them yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use trackway_core::Timestamp;
use trackway_engine::Lease;

/// For how long a worker that polled for a job is waited for, in milliseconds. AWS doesn't say.
const ACKNOWLEDGED_WITHIN_MS: i64 = 60_000;

/// Jobs that were handed out. Lost with the process: then they are offered again at once.
#[derive(Default)]
pub(crate) struct Desk(Mutex<Handed>);

#[derive(Default)]
struct Handed {
    jobs: BTreeMap<u128, (Timestamp, Lease)>,
    /// By when they are to be acknowledged.
    due: BTreeSet<(Timestamp, u128)>,
}

impl Handed {
    fn take(&mut self, job: u128) -> Option<Lease> {
        let (until, lease) = self.jobs.remove(&job)?;
        self.due.remove(&(until, job));
        Some(lease)
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Handed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker has this job, and some time to acknowledge it.
    pub(super) fn hand_out(&self, job: u128, lease: Lease, now: Timestamp) {
        let until = now + ACKNOWLEDGED_WITHIN_MS;
        let mut handed = self.lock();
        // The engine leases work once, so there is no earlier lease of this job.
        handed.jobs.insert(job, (until, lease));
        handed.due.insert((until, job));
    }

    /// The machine knows that a worker has this job.
    pub(super) fn acknowledged(&self, job: u128) {
        let lease = self.lock().take(job);
        if let Some(lease) = lease {
            drop(lease.keep());
        }
    }

    /// Offers again what was not acknowledged in time.
    pub(super) fn give_back(&self, now: Timestamp) {
        loop {
            let lease = {
                let mut handed = self.lock();
                let Some(&(until, job)) = handed.due.first() else { return };
                if until > now {
                    return;
                }
                handed.take(job)
            };
            // Dropped outside the lock: the lease goes back to its queue.
            drop(lease);
        }
    }
}
