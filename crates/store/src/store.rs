//! The contract every backend keeps.

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::{Batch, CommitError, Fault, Order, Range, Report, Stats};

/// A boxed future, so that [`Store`] is object safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A key and its value.
pub type Row = (Bytes, Bytes);

/// Ordered bytes, committed atomically and durably. A backend has no other logic.
///
/// What an implementor must keep; the conformance suite in `tests/` checks it, and
/// `docs/store.md` draws it:
///
/// - **Order.** A batch takes its place in the total order *when `commit` is called*, not when its
///   future is first polled. Futures resolve in that order. Dropping the future doesn't take the
///   batch back.
/// - **Atomicity.** All operations of a batch happen, in their order, or none.
/// - **Preconditions** of a batch see every batch before it in the order, durable or not yet, and
///   nothing after. A batch whose precondition fails changes nothing, and those after it go on.
/// - **Durability.** When `commit` resolves to `Ok`, the batch survives whatever the backend
///   promises to survive (its `Durability`).
/// - **Reads** see every batch acknowledged before the read began; they may see one that is durable
///   and whose acknowledgement is on its way; they never see a batch that isn't durable, nor a
///   part of one.
/// - **Faults are sticky.** When a backend can't tell what reached the disk, that call and every
///   later one fails with [`FaultKind::Poisoned`](crate::FaultKind::Poisoned) until the store is
///   opened again.
pub trait Store: Send + Sync {
    /// Commits `batch`, in the order of calls; see the contract above.
    ///
    /// An empty batch keeps its place and resolves when all before it are durable, so it serves as
    /// a barrier.
    ///
    /// # Errors
    ///
    /// [`CommitError::PreconditionFailed`] with the index of the first precondition that doesn't
    /// hold: nothing was changed. [`CommitError::Fault`]: the batch may or may not be there after
    /// the store is opened again, entirely or not at all; except for
    /// [`FaultKind::Invalid`](crate::FaultKind::Invalid), which changes nothing.
    fn commit(&self, batch: Batch) -> BoxFuture<'static, Result<(), CommitError>>;

    /// Resolves when the store takes another batch without piling up a queue.
    ///
    /// A caller that submits a batch before its previous one resolved awaits this first: this is
    /// where a backend slows its callers down smoothly. `commit` itself never refuses a batch for
    /// lack of room.
    ///
    /// # Errors
    ///
    /// When the store is poisoned or closed.
    fn ready(&self) -> BoxFuture<'_, Result<(), Fault>>;

    /// Reads one value.
    ///
    /// # Errors
    ///
    /// A fault; [`FaultKind::Corrupt`](crate::FaultKind::Corrupt) when what is on disk isn't what
    /// was written.
    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>, Fault>>;

    /// Reads up to `limit` rows of `range` in `order`, from one consistent snapshot.
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    fn scan(
        &self,
        range: Range,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Fault>>;

    /// The same reads without a future, for a backend in this process; `None` elsewhere.
    fn local(&self) -> Option<&dyn Local> {
        None
    }

    /// Walks every row and checks everything that can be checked.
    ///
    /// What is wrong with the data is in [`Report::problems`], not in the error.
    ///
    /// # Errors
    ///
    /// When the store can't be walked at all.
    fn verify(&self) -> BoxFuture<'_, Result<Report, Fault>>;

    /// Figures for metrics. Cheap; may be a moment old.
    fn stats(&self) -> Stats;
}

/// Reads that answer on the caller's thread within microseconds (memory), or at worst a few disk
/// reads (embedded). They see what [`Store::get`] and [`Store::scan`] see.
pub trait Local: Send + Sync {
    /// Reads one value; see [`Store::get`].
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    fn get_now(&self, key: &[u8]) -> Result<Option<Bytes>, Fault>;

    /// Reads rows; see [`Store::scan`].
    ///
    /// # Errors
    ///
    /// As [`Store::get`].
    fn scan_now(&self, range: &Range, order: Order, limit: usize) -> Result<Vec<Row>, Fault>;
}
