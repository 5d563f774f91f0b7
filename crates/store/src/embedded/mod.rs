//! The embedded backend: fjall below, and above it what fjall doesn't promise.
//!
//! ```text
//!  commit ─▶ queue ─▶ committer (one thread) ─▶ fjall: journal, fdatasync, memtable
//!   (call)    FIFO     │ admission                      │
//!                      │ group: overlay, preconditions  ▼
//!                      │ chain link ─────────────▶ same batch
//!                      │ HEAD ◀───────────────── after the sync
//!                      └▶ acknowledge, in order
//!  get, scan ─▶ the snapshot taken after the last commit, on the caller's thread
//! ```
//!
//! One module a concern: `directory` (lock, format, layout of the folder), `head` (what was
//! acknowledged last), `chain` (links from commit to commit), `journal` (reads fjall's journals
//! before fjall cuts them), `rows` (everything that touches fjall), `group` (many batches into one
//! write), `committer` (the thread), `admission` (slows down before fjall stalls), `verify`.

mod admission;
mod chain;
mod committer;
mod directory;
mod group;
mod head;
mod journal;
mod journal_format;
mod open;
mod rows;
mod verify;

pub use self::directory::FORMAT_FILE;
pub use self::rows::{CACHE_BYTES, MEMTABLE_BYTES};

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use bytes::Bytes;
use tokio::sync::oneshot;

use self::committer::Shared;
use self::rows::Rows;
use crate::{Batch, BoxFuture, CommitError, Fault, Local, Order, Range, Report, Row, Stats, Store};

/// When a commit counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// After `fdatasync`: it survives the loss of power.
    Synced,
    /// After the operating system has it: it survives the end of this process, not of the machine.
    Buffered,
}

/// What to do with a store in which commits are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnLoss {
    /// Refuse to open it, and say what is missing. The folder is left as it is.
    Refuse,
    /// Go on from what is left. Journals that are cut are copied beside first (`*.damaged`).
    Accept,
}

/// How to open an embedded store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// When a commit counts as done.
    pub durability: Durability,
    /// What to do when commits are missing.
    pub on_loss: OnLoss,
    /// Bytes of the cache of table blocks.
    pub cache_bytes: u64,
}

impl Options {
    /// Synced, refusing loss, with [`CACHE_BYTES`](crate::CACHE_BYTES) of cache.
    #[must_use]
    pub fn new() -> Self {
        Self {
            durability: Durability::Synced,
            on_loss: OnLoss::Refuse,
            cache_bytes: rows::CACHE_BYTES,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

/// A store in a folder of its own, for one process.
///
/// Dropping it commits what is queued and closes it; [`Embedded::close`] also tells whether that
/// went well.
#[derive(Debug)]
pub struct Embedded {
    rows: Arc<Rows>,
    shared: Arc<Shared>,
    committer: Option<JoinHandle<()>>,
    // Last, so that the folder is unlocked when all else is gone.
    directory: Arc<directory::Directory>,
}

impl Embedded {
    /// Opens the store in `folder`, or makes one there.
    ///
    /// Blocks while it reads the journals, at most a few hundred MiB.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Locked`](crate::FaultKind::Locked), [`FaultKind::Format`](crate::FaultKind::Format),
    /// [`FaultKind::Gap`](crate::FaultKind::Gap), [`FaultKind::Corrupt`](crate::FaultKind::Corrupt),
    /// or the operating system's refusal as [`FaultKind::Unavailable`](crate::FaultKind::Unavailable).
    pub fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, Fault> {
        open::open(folder.as_ref(), options)
    }

    /// Commits what is queued, writes down where the store ends and closes it.
    ///
    /// # Errors
    ///
    /// When the store was poisoned, by this or before.
    pub fn close(mut self) -> Result<(), Fault> {
        self.stop();
        self.shared.check()
    }

    /// Writes what is in memory into tables and waits for it: for tests and tools. Commits are
    /// durable without it.
    ///
    /// # Errors
    ///
    /// When the store is poisoned.
    pub fn flush(&self) -> Result<(), Fault> {
        self.shared.check()?;
        self.rows.flush()
    }

    fn stop(&mut self) {
        self.shared.close();
        if let Some(committer) = self.committer.take()
            && committer.join().is_err()
        {
            // The thread has poisoned the store on its way out.
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Local for Embedded {
    fn get_now(&self, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.shared.check()?;
        if chain::is_reserved(key) {
            return Ok(None);
        }
        self.rows.get(key)
    }

    fn scan_now(&self, range: &Range, order: Order, limit: usize) -> Result<Vec<Row>, Fault> {
        self.shared.check()?;
        self.rows.scan(range, order, limit)
    }
}

impl Store for Embedded {
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), CommitError>> {
        match batch.check().and_then(|()| self.shared.submit(batch)) {
            Err(fault) => Box::pin(std::future::ready(Err(fault.into()))),
            Ok(answer) => {
                let shared = Arc::clone(&self.shared);
                Box::pin(async move {
                    answer.await.unwrap_or_else(|_| Err(shared.why_unanswered().into()))
                })
            }
        }
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.shared.ready())
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>, Fault>> {
        Box::pin(async move { self.get_now(key) })
    }

    fn scan(
        &self,
        range: Range,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Fault>> {
        Box::pin(async move { self.scan_now(&range, order, limit) })
    }

    fn local(&self) -> Option<&dyn Local> {
        Some(self)
    }

    fn verify(&self) -> BoxFuture<'_, Result<Report, Fault>> {
        let (answer, question) = oneshot::channel();
        let (rows, directory) = (Arc::clone(&self.rows), Arc::clone(&self.directory));
        let shared = Arc::clone(&self.shared);
        let started = std::thread::Builder::new().name("store-verify".into()).spawn(move || {
            let report = verify::verify(&rows, &directory, &shared);
            // Let go first: whoever has the answer may close the store and open the folder again.
            drop((rows, directory, shared));
            // Nobody may be waiting any more; then the answer is for nobody.
            drop(answer.send(report));
        });
        Box::pin(async move {
            started.map_err(|error| Fault::unavailable(format!("no thread to verify: {error}")))?;
            question.await.map_err(|_| Fault::unavailable("the walk over all rows panicked"))?
        })
    }

    fn stats(&self) -> Stats {
        let mut stats = self.shared.stats();
        self.rows.fill(&mut stats);
        stats
    }
}
