//! The one thread that writes, and the queue before it.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};

use super::chain::{Link, LinkBuilder};
use super::group::Group;
use super::head::{Head, Mark};
use super::rows::Rows;
use super::{Durability, admission};
use crate::{Batch, CommitError, Fault, FaultKind, Stats};

/// The most batches in one group.
const GROUP_BATCHES_MAX: usize = 1_024;
/// A group takes no further batch from this size on.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Batches in the queue from which `ready` waits.
const QUEUE_BATCHES_MAX: usize = 4_096;
/// Bytes in the queue from which `ready` waits.
const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often an idle store lets go of what a finished flush has made superfluous.
const REFRESH_EVERY: Duration = Duration::from_millis(500);

type Verdict = Result<(), CommitError>;

/// What callers and the committer share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    queue: Mutex<Queue>,
    filled: Condvar,
    room: Notify,
    fault: OnceLock<Fault>,
    last_sequence: AtomicU64,
    batches: AtomicU64,
    groups: AtomicU64,
    delay_us: AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    pending: VecDeque<Pending>,
    bytes: usize,
    closed: bool,
}

#[derive(Debug)]
struct Pending {
    batch: Batch,
    bytes: usize,
    answer: oneshot::Sender<Verdict>,
}

impl Queue {
    fn has_room(&self) -> bool {
        self.pending.len() < QUEUE_BATCHES_MAX && self.bytes < QUEUE_BYTES_MAX
    }

    /// Takes the next group from the front.
    fn take_group(&mut self) -> Vec<Pending> {
        let mut group = Vec::new();
        let mut bytes = 0;
        while group.len() < GROUP_BATCHES_MAX && bytes < GROUP_BYTES_MAX {
            let Some(pending) = self.pending.pop_front() else { break };
            bytes += pending.bytes;
            group.push(pending);
        }
        self.bytes -= bytes;
        group
    }
}

impl Shared {
    /// Gives a batch its place in the order.
    pub(super) fn submit(&self, batch: Batch) -> Result<oneshot::Receiver<Verdict>, Fault> {
        let (answer, question) = oneshot::channel();
        let bytes = batch.bytes();
        let mut queue = self.lock();
        self.check()?;
        if queue.closed {
            return Err(closed());
        }
        queue.bytes += bytes;
        queue.pending.push_back(Pending { batch, bytes, answer });
        drop(queue);
        self.filled.notify_one();
        Ok(question)
    }

    /// Waits until the queue has room.
    pub(super) async fn ready(&self) -> Result<(), Fault> {
        loop {
            let mut room = pin!(self.room.notified());
            // Before the look at the queue, so that no room made meanwhile is missed.
            room.as_mut().enable();
            self.check()?;
            if self.lock().has_room() {
                return Ok(());
            }
            room.await;
        }
    }

    /// Fails if the store is poisoned.
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.fault.get().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Lets the committer finish what is queued and end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Why a batch was never answered.
    pub(super) fn why_unanswered(&self) -> Fault {
        self.check().err().unwrap_or_else(closed)
    }

    /// The number of the last commit acknowledged.
    pub(super) fn last_sequence(&self) -> u64 {
        self.last_sequence.load(Relaxed)
    }

    /// What is known here for metrics.
    pub(super) fn stats(&self) -> Stats {
        let queue = self.lock();
        Stats {
            last_sequence: self.last_sequence(),
            batches_queued: queue.pending.len() as u64,
            bytes_queued: queue.bytes as u64,
            batches_committed: self.batches.load(Relaxed),
            groups_committed: self.groups.load(Relaxed),
            admission_delay_us: self.delay_us.load(Relaxed),
            ..Stats::default()
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing panics while it holds the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes every later call fail, and answers what is queued.
    fn poison(&self, what: &str) -> Fault {
        let what = format!(
            "{what}; what reached the disk since is unknown: restart, and the store is checked"
        );
        let fault = self.fault.get_or_init(|| Fault::new(FaultKind::Poisoned, what)).clone();
        let mut queue = self.lock();
        queue.bytes = 0;
        let pending = std::mem::take(&mut queue.pending);
        drop(queue);
        pending.into_iter().for_each(|it| answer(it.answer, Err(fault.clone().into())));
        self.room.notify_waiters();
        fault
    }
}

fn closed() -> Fault {
    Fault::unavailable("the store is closed")
}

fn answer(to: oneshot::Sender<Verdict>, verdict: Verdict) {
    // Whoever asked may have stopped waiting; the commit stands all the same.
    drop(to.send(verdict));
}

/// The thread's own state.
pub(super) struct Committer {
    /// What it shares with callers.
    pub(super) shared: Arc<Shared>,
    /// Where it writes.
    pub(super) rows: Arc<Rows>,
    /// Where it remembers what it acknowledged.
    pub(super) head: Head,
    /// The last link.
    pub(super) tip: Link,
    /// When a commit counts as done.
    pub(super) durability: Durability,
}

impl Committer {
    /// Starts the thread.
    pub(super) fn start(self) -> Result<JoinHandle<()>, Fault> {
        self.shared.last_sequence.store(self.tip.sequence, Relaxed);
        std::thread::Builder::new()
            .name("store-commit".into())
            .spawn(move || self.run())
            .map_err(|error| Fault::unavailable(format!("no thread to commit: {error}")))
    }

    fn run(mut self) {
        let last_words = LastWords(Arc::clone(&self.shared));
        let mut stale = true;
        while let Some(group) = self.next_group(&mut stale) {
            self.commit(group);
            stale = true;
        }
        if let Err(fault) = self.shared.check().and_then(|()| self.finish()) {
            self.shared.poison(fault.what());
        }
        std::mem::forget(last_words);
    }

    /// Waits for the next group; `None` when the store is closed and the queue empty.
    fn next_group(&self, stale: &mut bool) -> Option<Vec<Pending>> {
        let mut queue = self.shared.lock();
        loop {
            if !queue.pending.is_empty() {
                let group = queue.take_group();
                drop(queue);
                self.shared.room.notify_waiters();
                return Some(group);
            }
            if queue.closed {
                return None;
            }
            queue = if *stale {
                let waited = self.shared.filled.wait_timeout(queue, REFRESH_EVERY);
                let (queue, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                if timeout.timed_out() {
                    // An old snapshot keeps flushed memtables alive.
                    *stale = self.rows.is_busy();
                    self.rows.refresh();
                }
                queue
            } else {
                self.shared.filled.wait(queue).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    fn commit(&mut self, pending: Vec<Pending>) {
        if let Err(fault) = self.shared.check() {
            let refuse = |it: Pending| answer(it.answer, Err(fault.clone().into()));
            return pending.into_iter().for_each(refuse);
        }
        let mut group = Group::default();
        let judged: Vec<_> =
            pending.into_iter().map(|it| (it.answer, group.add(it.batch, &self.rows))).collect();
        match self.write(&group) {
            Ok(()) => {
                let applied = judged.iter().filter(|(_, verdict)| verdict.is_ok()).count();
                self.shared.batches.fetch_add(applied as u64, Relaxed);
                judged.into_iter().for_each(|(to, verdict)| answer(to, verdict));
                self.slow_down(&group);
            }
            Err(fault) => {
                let fault = self.shared.poison(&fault.to_string());
                judged.into_iter().for_each(|(to, _)| answer(to, Err(fault.clone().into())));
            }
        }
    }

    /// Makes a group durable, with its link, and remembers it.
    fn write(&mut self, group: &Group) -> Result<(), Fault> {
        if group.is_empty() {
            return Ok(());
        }
        let mut link = LinkBuilder::default();
        group.rows().for_each(|(key, value)| link.row(key, value));
        let link = link.finish(self.tip.sequence + 1, self.tip.checksum);
        let (key, value) = (Link::key(link.sequence), link.encode());
        let own = std::iter::once((&key[..], Some(&value[..])));
        self.rows.write(own.chain(group.rows()), self.durability)?;
        if self.durability == Durability::Synced {
            self.head.write(Mark::of(&link, false))?;
        }
        self.tip = link;
        self.shared.last_sequence.store(link.sequence, Relaxed);
        self.shared.groups.fetch_add(1, Relaxed);
        Ok(())
    }

    fn slow_down(&self, group: &Group) {
        let (memtables, runs) = (self.rows.memtable_bytes(), self.rows.level0_runs() as u64);
        let wait = admission::wait(group.bytes(), memtables, runs);
        if !wait.is_zero() {
            std::thread::sleep(wait);
            self.shared.delay_us.fetch_add(wait.as_micros() as u64, Relaxed);
        }
    }

    /// Leaves a store that knows its end exactly.
    fn finish(&mut self) -> Result<(), Fault> {
        self.rows.sync()?;
        self.head.write(Mark::of(&self.tip, false))?;
        self.head.sync()
    }
}

/// Poisons the store if the committer's thread panics.
struct LastWords(Arc<Shared>);

impl Drop for LastWords {
    fn drop(&mut self) {
        self.0.poison("the thread that commits panicked");
    }
}
