//! What goes on inside the process by itself: performers and users that work on the store. Each
//! commit of theirs waits for its turn among the others, so that a crash can come before and after
//! it, and everybody else in between.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use tokio::sync::oneshot;
use trackway_core::Outcome;
use trackway_engine::{Fault, Performed, Work};
use trackway_store::{
    Batch, BoxFuture, CommitError, Fault as StoreFault, Local, Memory, Order, Range, Report, Row,
    Stats, Store,
};

/// Something under way. It is dropped where the process dies.
pub type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A commit that somebody waits for.
pub(crate) struct Asked {
    pub(crate) batch: Batch,
    pub(crate) reply: oneshot::Sender<Result<(), CommitError>>,
}

/// The store as jobs see it: what they read is there at once, what they commit is asked for.
#[derive(Clone)]
pub(crate) struct Gate {
    store: Memory,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Gate {
    pub(crate) fn new(store: Memory) -> Self {
        Self { store, asked: Arc::default() }
    }

    fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for Gate {
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), CommitError>> {
        let (reply, answer) = oneshot::channel();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push(Asked { batch, reply });
        Box::pin(async move {
            match answer.await {
                Ok(answer) => answer,
                // The process dies, and who waits with it.
                Err(_) => std::future::pending().await,
            }
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), StoreFault>> {
        self.store.ready()
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>, StoreFault>> {
        self.store.get(key)
    }

    fn scan(
        &self,
        range: Range,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, StoreFault>> {
        self.store.scan(range, order, limit)
    }

    fn local(&self) -> Option<&dyn Local> {
        self.store.local()
    }

    fn verify(&self) -> BoxFuture<'_, Result<Report, StoreFault>> {
        self.store.verify()
    }

    fn stats(&self) -> Stats {
        self.store.stats()
    }
}

/// Whose job it is.
pub(crate) enum Job {
    /// A performer's.
    Work(Work, Running<Performed>),
    /// A user's: the deed with this number.
    Deed(usize, Running<Result<(), Fault>>),
}

/// How far a job has come.
pub(crate) enum Step {
    /// It waits for these commits.
    Asks(Vec<Asked>),
    Performed(Work, Performed),
    Deed(Result<(), Fault>),
    /// It waits for nothing that could happen.
    Stuck,
    /// There is no such job.
    Gone,
}

/// All jobs of a process.
#[derive(Default)]
pub(crate) struct Jobs {
    jobs: BTreeMap<u64, Job>,
    last: u64,
}

impl Jobs {
    /// A job begins; by its number it goes on.
    pub(crate) fn begin(&mut self, job: Job) -> u64 {
        self.last += 1;
        self.jobs.insert(self.last, job);
        self.last
    }

    /// A job goes on as far as it can.
    pub(crate) fn go_on(&mut self, number: u64, gate: &Gate) -> Step {
        let Some(mut job) = self.jobs.remove(&number) else { return Step::Gone };
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        loop {
            woken.0.store(false, Ordering::Relaxed);
            match &mut job {
                Job::Work(work, running) => {
                    if let Poll::Ready(performed) = running.as_mut().poll(&mut context) {
                        return Step::Performed(work.clone(), performed);
                    }
                }
                Job::Deed(_, running) => {
                    if let Poll::Ready(result) = running.as_mut().poll(&mut context) {
                        return Step::Deed(result);
                    }
                }
            }
            let asked = gate.take();
            if !asked.is_empty() {
                self.jobs.insert(number, job);
                return Step::Asks(asked);
            }
            // One that only let others go first goes on.
            if !woken.0.load(Ordering::Relaxed) {
                return Step::Stuck;
            }
        }
    }

    /// The process dies. The deeds that users begin again.
    pub(crate) fn die(&mut self) -> Vec<usize> {
        let cut_off = std::mem::take(&mut self.jobs).into_values();
        let deeds = cut_off.filter_map(|job| match job {
            Job::Deed(number, _) => Some(number),
            Job::Work(..) => None,
        });
        deeds.collect()
    }
}

/// Whether who waits was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What a performer says when something broke.
#[must_use]
pub(crate) fn broken(fault: &Fault) -> Performed {
    Performed::Finished(Outcome::Failed { error: "Fault".to_owned(), cause: fault.to_string() })
}
