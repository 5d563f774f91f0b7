//! What the store's tests share.

use std::future::Future;

use bytes::Bytes;
use trackway_store::{Batch, CommitError, Fault, Local, Order, Range, Row, Store};

/// Runs a future on this thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// Commits a batch made by `fill`.
pub(crate) fn commit(store: &dyn Store, fill: impl FnOnce(&mut Batch)) -> Result<(), CommitError> {
    let mut batch = Batch::new();
    fill(&mut batch);
    block_on(store.commit(batch))
}

/// Commits one row.
pub(crate) fn put(
    store: &dyn Store,
    key: impl Into<Bytes>,
    value: impl Into<Bytes>,
) -> Result<(), CommitError> {
    commit(store, |batch| {
        batch.put(key, value);
    })
}

/// All rows.
pub(crate) fn all(store: &dyn Local) -> Result<Vec<Row>, Fault> {
    store.scan_now(&Range::all(), Order::Ascending, usize::MAX)
}

/// Writes `a=1 b=2` as text, for comparing with a line.
pub(crate) fn line(rows: &[Row]) -> String {
    let text = |(key, value): &Row| format!("{}={}", key.escape_ascii(), value.escape_ascii());
    rows.iter().map(text).collect::<Vec<_>>().join(" ")
}
