//! A store that crashes when it is told to, for simulation and crash tests.

use std::fmt;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use crate::{Batch, BoxFuture, CommitError, Fault, Local, Order, Range, Report, Row, Stats, Store};

/// What happens to a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It goes on as usual.
    Apply,
    /// The process dies before the batch is written: it is lost.
    CrashBefore,
    /// The process dies after the batch is durable and before anyone hears of it.
    CrashAfter,
}

type Hook = Box<dyn FnMut(&Batch) -> Decision + Send>;

/// A store around another, with a hook that decides each commit's fate.
///
/// After a crash every call fails until [`Faulty::revive`], like calls into a dead process; what
/// was applied before stays in the store inside.
pub struct Faulty<S> {
    inner: S,
    on_commit: Mutex<Hook>,
    crashed: AtomicBool,
}

impl<S: fmt::Debug> fmt::Debug for Faulty<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty")
            .field("inner", &self.inner)
            .field("crashed", &self.crashed)
            .finish_non_exhaustive()
    }
}

impl<S: Store> Faulty<S> {
    /// Wraps `inner`; `on_commit` is asked at each call of `commit`, in order.
    pub fn new(inner: S, on_commit: impl FnMut(&Batch) -> Decision + Send + 'static) -> Self {
        let on_commit = Mutex::new(Box::new(on_commit) as Hook);
        Self { inner, on_commit, crashed: AtomicBool::new(false) }
    }

    /// Wraps `inner` so that the commit with the number `k` (from 0) meets `decision`.
    pub fn at_commit(inner: S, k: u64, decision: Decision) -> Self {
        let mut count = 0;
        Self::new(inner, move |_| {
            count += 1;
            if count == k + 1 { decision } else { Decision::Apply }
        })
    }

    /// The store inside.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// Takes the store out, as a restarted process would find it.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Tells whether a crash has happened.
    pub fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::SeqCst)
    }

    /// Ends the crash: calls reach the store inside again.
    pub fn revive(&self) {
        self.crashed.store(false, Ordering::SeqCst);
    }

    fn alive(&self) -> Result<(), Fault> {
        if self.has_crashed() { Err(crashed()) } else { Ok(()) }
    }

    fn decide(&self, batch: &Batch) -> Decision {
        let mut hook = self.on_commit.lock().unwrap_or_else(PoisonError::into_inner);
        let decision = hook(batch);
        if decision != Decision::Apply {
            self.crashed.store(true, Ordering::SeqCst);
        }
        decision
    }
}

fn crashed() -> Fault {
    Fault::unavailable("the process has crashed, as the test's script says")
}

impl<S: Store> Store for Faulty<S> {
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), CommitError>> {
        if let Err(fault) = self.alive() {
            return Box::pin(ready(Err(fault.into())));
        }
        match self.decide(&batch) {
            Decision::Apply => self.inner.commit(batch),
            Decision::CrashBefore => Box::pin(ready(Err(crashed().into()))),
            Decision::CrashAfter => {
                let applied = self.inner.commit(batch);
                Box::pin(async move {
                    // Whether it succeeded is what nobody hears of.
                    drop(applied.await);
                    Err(crashed().into())
                })
            }
        }
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        match self.alive() {
            Ok(()) => self.inner.ready(),
            Err(fault) => Box::pin(ready(Err(fault))),
        }
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>, Fault>> {
        match self.alive() {
            Ok(()) => self.inner.get(key),
            Err(fault) => Box::pin(ready(Err(fault))),
        }
    }

    fn scan(
        &self,
        range: Range,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Fault>> {
        match self.alive() {
            Ok(()) => self.inner.scan(range, order, limit),
            Err(fault) => Box::pin(ready(Err(fault))),
        }
    }

    fn local(&self) -> Option<&dyn Local> {
        self.inner.local().map(|_| self as &dyn Local)
    }

    fn verify(&self) -> BoxFuture<'_, Result<Report, Fault>> {
        match self.alive() {
            Ok(()) => self.inner.verify(),
            Err(fault) => Box::pin(ready(Err(fault))),
        }
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }
}

impl<S: Store> Local for Faulty<S> {
    fn get_now(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.alive()?;
        self.inner.local().ok_or_else(crashed)?.get_now(key)
    }

    fn scan_now(&self, range: &Range, order: Order, limit: usize) -> Result<Vec<Row>, Fault> {
        self.alive()?;
        self.inner.local().ok_or_else(crashed)?.scan_now(range, order, limit)
    }
}
