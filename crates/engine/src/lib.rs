//! The engine: inbox, turn, commit, outbox. It drives machines of every kind, durably.
//!
//! ```text
//!            start, signal, outcome, timer, letter
//!                          │
//!    ┌─────────────────────▼──────────────────────┐     one task owns a shard: no locks
//!    │ shard   turn ─ turn ─ turn ─ … (in memory) │
//!    └─────────────────────┬──────────────────────┘
//!                     one batch            the next batch is computed while this one syncs
//!                          ▼
//!                        store
//!                          │ durable
//!         ┌────────────────┼──────────────────┐
//!         ▼                ▼                  ▼
//!      replies     effects (performers,   letters to
//!     to callers    polled queues)       other machines
//! ```
//!
//! It knows journals, rows, timers, effects, letters, the catalog. It **must not know** any kind:
//! what an event says, what a status means, what AWS calls anything. Kinds are registered by tag
//! and seen through [`trackway_core::Machine`] only.
//!
//! **Invariants.**
//! - Nothing leaves before its batch is durable: no reply, no effect, no letter.
//! - An input counts once: its turn's batch also deletes the row it came from.
//! - A change of the catalog that is reported with its effect's outcome happens once, with it.
//! - The journal is the truth; record columns, index rows, snapshots and the rows of the kinds'
//!   views equal a refold of it. Of a trimmed journal the base is a part.
//! - A closed execution has no timer, no effect, no letter of its own.
//! - A failed commit stops the engine; nothing after it is acknowledged.
//! - A turn that panics parks its execution, never the process.
//! - The shard reads no clock, draws no randomness and starts no task: time, chance and reads are
//!   arguments, so that the simulator drives the same code.
//!
//! # The public surface
//!
//! ```text
//! Engine::builder() -> Builder
//!   .kind::<M: Machine>(tag: u8, name: &'static str)
//!   .keep(tag: u8, longest: Duration)                // ended executions of a kind
//!   .performer(queue: &str, Arc<dyn Performer>)      // effects whose queue starts with it
//!   .polled(queue: &str)                             // effects that are polled for by take()
//!   .clock(Clock::{Real, Skip, Manual})
//!   .config(Config { shards, retention, history, .. })
//!   .open(Arc<dyn Store>).await -> Result<Engine, Fault>     // in a tokio runtime
//!   .verify(Arc<dyn Store>).await  -> Result<VerifyReport, Fault>    // no engine open
//!   .rebuild(Arc<dyn Store>).await -> Result<RebuildReport, Fault>   // no engine open
//!   .trim(Arc<dyn Store>, Timestamp).await -> Result<u64, Fault>     // as the engine's own sweep
//!
//! engine.start(StartRequest).await            -> Result<Started, StartError>
//! engine.start_and_wait(StartRequest).await   -> Result<Waited, StartError>
//! engine.signal::<M>(id, M::Signal).await     -> Result<(), SignalError<M::Refusal>>
//! engine.take(queue).await                    -> Result<Lease, Fault>   // long poll, cancel-safe
//! engine.take_ready(queue, max, |&Work| -> bool).await -> Result<Vec<Lease>, Fault>   // at once
//! engine.record(id).await                     -> Result<Option<Record>, Fault>
//! engine.journal::<M>(id, Page).await         -> Result<Vec<Entry<M::Event>>, Fault>
//! engine.state::<M, T>(id, |&M| -> T).await   -> Result<Option<T>, Fault>   // folds rows
//! engine.inspect::<M, T>(id, |&M| -> T).await -> Result<Option<T>, Fault>   // in memory only
//! engine.list(&ListQuery).await               -> Result<ListPage, Fault>
//! engine.row(id, view, key).await             -> Result<Option<Bytes>, Fault>    // of a kind's view
//! engine.rows(id, view, RowQuery).await       -> Result<RowPage, Fault>
//! engine.rows_where(id, view, RowQuery, |key, row| -> bool).await -> Result<RowPage, Fault>
//! engine.definition(hash).await               -> Result<Option<Definition>, Fault>
//! engine.catalog()                            -> &Catalog  // get, change, list, report
//! engine.tokens()                             -> &Tokens   // task, resolve, seal, open
//! engine.unpark(id).await / reset(scope).await / advance(millis) / now() / stats()
//! engine.stopped().await / shutdown().await
//! ```

mod request;

mod builder;
mod engine;

mod perform;
mod queues;

mod fold;
mod inbox;
mod letter;
mod live;
mod load;
mod reset;
mod shard;
mod turn;

mod definitions;
mod desk;
mod kind;
mod timers;

mod runner;
mod shared;

mod catalog;
mod clock;
mod queries;
mod refold;
mod retention;
mod states;
mod tokens;
mod trim;
mod verify;
mod views;

pub mod keys;
pub mod limits;
mod reader;
mod records;

#[cfg(feature = "toy")]
pub mod toy;

pub use builder::{Builder, Config, Exists, ShardPlace};
pub use catalog::{Catalog, CatalogError, CatalogPage, Change, Check, Edit};
pub use clock::Clock;
pub use desk::Chance;
pub use engine::{Engine, EngineStats};
pub use letter::{Action, Letter, Look, Offer, Opaque, Reply, StartReply, Told};
pub use load::Recovered;
pub use perform::{Performed, Performer, Work};
pub use queues::Lease;
pub use reader::Reader;
pub use request::{
    Cursor, Definition, Durability, Ended, Entry, Fault, ListPage, ListQuery, ListRow, Page,
    Record, RowPage, RowQuery, SignalError, StartError, StartRequest, Started, Waited,
};
pub use shard::{Figures, Planted, Shard};
pub use tokens::{PageTokenError, Tokens};
pub use trackway_store::Order;
pub use verify::{RebuildReport, VerifyReport};
