//! The store: ordered bytes, kept durably, behind one small trait.
//!
//! It knows keys, values, batches and the disk. It **must not know** what a key or a value means:
//! no execution, no timer, no AWS. Whoever lays out keys lives above; the only thing the store
//! reads in a key is its first byte, the *family*, and only to count rows in reports.
//!
//! Entry points: [`Store`] (the contract), [`Embedded`] (a folder on disk), [`Memory`] (tests, simulation, `trackway dev`),
//! [`Faulty`] (a store that crashes when told to).
//!
//! ```text
//!   caller ── commit(batch) ──▶ takes its place in the order of submission, at the call
//!     │                          │
//!     │                          ▼
//!     │                   preconditions, against every batch before it
//!     │                          │
//!     │                          ▼
//!     │                   one atomic write, made durable
//!     │                          │
//!     ◀── the future resolves ───┘   in the order of submission
//! ```
//!
//! ```
//! use trackway_store::{Batch, Memory, Order, Range, Store};
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let store = Memory::new();
//! let mut batch = Batch::new();
//! batch.require_absent("a/1").put("a/1", "one").put("a/2", "two");
//! store.commit(batch).await?;
//!
//! let rows = store.scan(Range::prefix("a/"), Order::Ascending, 10).await?;
//! assert_eq!(rows.len(), 2);
//! # Ok::<(), trackway_store::CommitError>(())
//! # }).unwrap();
//! ```

mod batch;
mod embedded;
mod fault;
mod faulty;
mod memory;
mod range;
mod report;
mod store;

pub use batch::{Batch, KEY_BYTES_MAX, Op, Precondition, RESERVED_FAMILY, VALUE_BYTES_MAX};
pub use embedded::{
    CACHE_BYTES, Durability, Embedded, FORMAT_FILE, MEMTABLE_BYTES, OnLoss, Options,
};
pub use fault::{CommitError, Fault, FaultKind};
pub use faulty::{Decision, Faulty};
pub use memory::{Memory, MemorySnapshot};
pub use range::{Order, Range};
pub use report::{FamilyTotals, Report, Stats};
pub use store::{BoxFuture, Local, Row, Store};
