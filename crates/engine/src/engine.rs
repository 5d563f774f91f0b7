//! The engine as callers see it.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use trackway_core::{ExecutionId, Machine, Timestamp};
use trackway_store::{Batch, CommitError, Store};

use crate::builder::Builder;
use crate::desk::Chance;
use crate::limits::OFFERS_PER_LOOK;
use crate::queues::Lease;
use crate::reader::Reader;
use crate::runner::Runner;
use crate::shard::Parts;
use crate::shared::Shared;
use crate::{
    Catalog, Definition, Entry, Fault, Letter, ListPage, ListQuery, Look, Offer, Page, Record,
    RowPage, RowQuery, Shard, SignalError, StartError, StartReply, StartRequest, Started, Tokens,
    Waited, Work, keys, load, records, retention, trim,
};

/// A running engine. Clones are handles on the same one.
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

/// Figures for metrics, over all shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineStats {
    /// Turns taken since the engine was opened.
    pub turns: u64,
    /// Batches handed to the store.
    pub batches: u64,
    /// Executions folded from the store.
    pub folds: u64,
    /// Turns that panicked and journals that couldn't be read.
    pub parked: u64,
    /// Executions in memory.
    pub live: u64,
    /// Timers in memory.
    pub timers: u64,
    /// Effects that are offered to pollers or held.
    pub awaits_world: i64,
}

impl Engine {
    /// Begins to make an engine.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Starts an execution, unless one of its ARN exists.
    ///
    /// # Errors
    /// A definition that can't be read, an unknown kind, or a fault.
    pub async fn start(&self, request: StartRequest) -> Result<Started, StartError> {
        let (reply, answer) = oneshot::channel();
        self.send_start(request, StartReply::Started(reply));
        answer.await.unwrap_or_else(|_| Err(self.fault().into()))
    }

    /// Starts an execution and waits until it closes.
    ///
    /// # Errors
    /// As [`Engine::start`]; also when the execution is parked.
    pub async fn start_and_wait(&self, request: StartRequest) -> Result<Waited, StartError> {
        let (reply, answer) = oneshot::channel();
        self.send_start(request, StartReply::Ended(reply));
        answer.await.unwrap_or_else(|_| Err(self.fault().into()))
    }

    fn send_start(&self, request: StartRequest, reply: StartReply) {
        let id = ExecutionId::of(&request.start.arn);
        self.shared.send(id, Letter::Start { id, request: Box::new(request), reply });
    }

    /// Gives an execution a signal: its turn is taken and committed when this returns.
    ///
    /// # Errors
    /// No such execution of this kind, it has closed, the machine refused, or a fault.
    pub async fn signal<M: Machine>(
        &self,
        id: ExecutionId,
        signal: M::Signal,
    ) -> Result<(), SignalError<M::Refusal>> {
        let (reply, answer) = oneshot::channel();
        let machine = TypeId::of::<M>();
        let signal = Box::new(signal) as Box<dyn Any + Send>;
        self.shared.send(id, Letter::Signal { id, machine, signal, reply });
        let answer = answer.await.unwrap_or_else(|_| Err(self.fault().into()));
        answer.map_err(|error| match error {
            SignalError::NotFound => SignalError::NotFound,
            SignalError::Closed => SignalError::Closed,
            SignalError::Fault(fault) => SignalError::Fault(fault),
            SignalError::Refused(refusal) => match refusal.downcast::<M::Refusal>() {
                Ok(refusal) => SignalError::Refused(*refusal),
                Err(_) => SignalError::Fault(Fault::new("a refusal of another kind")),
            },
        })
    }

    /// Waits for work of a polled queue. Dropping the future, or the lease, loses no work.
    ///
    /// # Errors
    /// The engine stopped.
    pub async fn take(&self, queue: &str) -> Result<Lease, Fault> {
        let mut stop = self.shared.watch_stop();
        loop {
            let parcel = tokio::select! {
                parcel = self.shared.queues.take(queue) => parcel,
                _ = stop.wait_for(Option::is_some) => None,
            };
            let Some(parcel) = parcel else { return Err(self.fault()) };
            match self.work_of(parcel.offer()).await? {
                Some(work) => return Ok(Lease::new(work, parcel)),
                // Its machine has done with it meanwhile.
                None => drop(parcel.keep()),
            }
        }
    }

    /// Takes what is ready now of a polled queue, without waiting: in its order, at most `max`, and
    /// only what is wanted. The rest stays where it is, for others to take also while this looks.
    ///
    /// # Errors
    /// The engine stopped, or the store can't be read.
    pub async fn take_ready(
        &self,
        queue: &str,
        max: usize,
        want: impl Fn(&Work) -> bool,
    ) -> Result<Vec<Lease>, Fault> {
        if self.shared.watch_stop().borrow().is_some() {
            return Err(self.fault());
        }
        let queues = &self.shared.queues;
        let mut leases = Vec::new();
        let mut from = 0;
        while leases.len() < max {
            let looked_at = queues.look(queue, from, OFFERS_PER_LOOK);
            let Some(last) = looked_at.last() else { break };
            from = last.place + 1;
            for seen in &looked_at {
                let known = seen.work.clone();
                let work = match known {
                    Some(work) => work,
                    None => match self.work_of(&seen.offer).await? {
                        Some(work) => Arc::new(work),
                        // Its machine has done with it meanwhile.
                        None => continue,
                    },
                };
                if !want(&work) {
                    queues.remember(seen, &work);
                } else if let Some(parcel) = queues.claim(seen) {
                    leases.push(Lease::new(Arc::unwrap_or_clone(work), parcel));
                }
                if leases.len() == max {
                    break;
                }
            }
        }
        Ok(leases)
    }

    /// What an offer is about; none when it is done with.
    async fn work_of(&self, offer: &Offer) -> Result<Option<Work>, Fault> {
        let Offer { execution, effect, .. } = *offer;
        if let Some(request) = offer.request.clone() {
            let queue = offer.queue.to_string();
            let scope = "".into();
            return Ok(Some(Work { execution, effect, queue, request, scope, attempt: 1 }));
        }
        let shard = crate::desk::shard_of(execution, self.shared.shards());
        load::stored_work(&self.shared.reader, shard, execution, effect).await
    }

    /// Looks at the machine of a volatile execution, or of a durable one that happens to be in
    /// memory; none if it isn't. What is seen of a durable one is durable when this returns. For
    /// those that aren't in memory see [`Engine::state`].
    ///
    /// # Errors
    /// The engine stopped.
    pub async fn inspect<M: Machine, T: Send + 'static>(
        &self,
        id: ExecutionId,
        look: impl FnOnce(&M) -> T + Send + 'static,
    ) -> Result<Option<T>, Fault> {
        let (reply, answer) = oneshot::channel();
        let look: Look = Box::new(move |machine: Option<&dyn Any>| {
            let seen = machine.and_then(|any| any.downcast_ref::<M>()).map(look);
            Box::new(move || drop(reply.send(seen)))
        });
        self.shared.send(id, Letter::Inspect { id, look });
        answer.await.map_err(|_| self.fault())
    }

    /// Runs a parked execution again. Tells whether there was one.
    ///
    /// # Errors
    /// The engine stopped.
    pub async fn unpark(&self, id: ExecutionId) -> Result<bool, Fault> {
        let (reply, answer) = oneshot::channel();
        self.shared.send(id, Letter::Unpark { id, reply });
        answer.await.map_err(|_| self.fault())
    }

    /// Empties a scope: its executions, running or not, and its catalog. Returns how many
    /// executions there were.
    ///
    /// # Errors
    /// The engine stopped, or the store failed.
    pub async fn reset(&self, scope: &str) -> Result<usize, Fault> {
        let mut dropped = 0;
        for shard in 0..self.shared.shards() {
            let (reply, answer) = oneshot::channel();
            self.shared.send_to(shard, Letter::Reset { scope: scope.into(), reply });
            dropped += answer.await.map_err(|_| self.fault())?;
        }
        let mut batch = Batch::new();
        batch.delete_range(keys::catalog_scope(scope)?);
        commit(&self.shared.store, batch).await?;
        Ok(dropped)
    }

    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.shared.catalog
    }

    /// Task and page tokens.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.shared.tokens
    }

    /// The engine's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.time.now()
    }

    /// Moves the clock forward, whichever it is.
    pub fn advance(&self, millis: i64) {
        self.shared.time.advance(millis);
        self.shared.tick();
    }

    /// Figures for metrics; may be a moment old.
    #[must_use]
    pub fn stats(&self) -> EngineStats {
        let mut stats = EngineStats::default();
        for board in &self.shared.boards {
            stats.turns += board.turns.load(Ordering::Relaxed);
            stats.batches += board.batches.load(Ordering::Relaxed);
            stats.folds += board.folds.load(Ordering::Relaxed);
            stats.parked += board.parked.load(Ordering::Relaxed);
            stats.live += board.live.load(Ordering::Relaxed);
            stats.timers += board.timers.load(Ordering::Relaxed);
            stats.awaits_world += board.awaits_world.load(Ordering::Relaxed);
        }
        stats
    }

    /// Resolves when the engine has stopped: after a fault, or [`Engine::shutdown`].
    pub async fn stopped(&self) -> Fault {
        let mut stop = self.shared.watch_stop();
        let fault = stop.wait_for(Option::is_some).await.ok().and_then(|fault| fault.clone());
        fault.unwrap_or_else(|| self.fault())
    }

    /// Commits what was begun and stops. Effects that run are dropped; a restart performs them
    /// again.
    pub async fn shutdown(&self) {
        self.shared.close();
        self.stopped().await;
    }

    fn fault(&self) -> Fault {
        self.shared.fault()
    }

    /// Reads what is committed, without waiting for any shard.
    #[must_use]
    pub fn reader(&self) -> &Reader {
        &self.shared.reader
    }

    /// See [`Reader::record`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn record(&self, id: ExecutionId) -> Result<Option<Record>, Fault> {
        self.reader().record(id).await
    }

    /// See [`Reader::journal`].
    ///
    /// # Errors
    /// The store failed, or holds a segment that can't be read.
    pub async fn journal<M: Machine>(
        &self,
        id: ExecutionId,
        page: Page,
    ) -> Result<Vec<Entry<M::Event>>, Fault> {
        self.reader().journal::<M>(id, page).await
    }

    /// See [`Reader::state`].
    ///
    /// # Errors
    /// The store failed, or holds a journal that can't be read.
    pub async fn state<M: Machine, T>(
        &self,
        id: ExecutionId,
        look: impl FnOnce(&M) -> T,
    ) -> Result<Option<T>, Fault> {
        self.reader().state(id, look).await
    }

    /// See [`Reader::list`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, query: &ListQuery) -> Result<ListPage, Fault> {
        self.reader().list(query).await
    }

    /// See [`Reader::row`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn row(&self, id: ExecutionId, view: u8, key: &[u8]) -> Result<Option<Bytes>, Fault> {
        self.reader().row(id, view, key).await
    }

    /// See [`Reader::rows`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn rows(&self, id: ExecutionId, view: u8, query: RowQuery) -> Result<RowPage, Fault> {
        self.reader().rows(id, view, query).await
    }

    /// See [`Reader::rows_where`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn rows_where(
        &self,
        id: ExecutionId,
        view: u8,
        query: RowQuery,
        wanted: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<RowPage, Fault> {
        self.reader().rows_where(id, view, query, wanted).await
    }

    /// See [`Reader::definition`].
    ///
    /// # Errors
    /// The store failed.
    pub async fn definition(&self, hash: [u8; 32]) -> Result<Option<Definition>, Fault> {
        self.reader().definition(hash).await
    }
}

/// Random numbers of the operating system, fetched in blocks.
#[derive(Default)]
struct SystemChance {
    block: Vec<u8>,
}

impl Chance for SystemChance {
    fn next(&mut self) -> u64 {
        if self.block.len() < 8 {
            self.block = vec![0; 512];
            getrandom::fill(&mut self.block)
                .expect("invariant: the operating system has random numbers");
        }
        let rest = self.block.len() - 8;
        let mut word = [0; 8];
        word.copy_from_slice(&self.block[rest..]);
        self.block.truncate(rest);
        u64::from_le_bytes(word)
    }
}

/// What a store says of itself.
struct Meta {
    secret: [u8; 32],
    shards: u16,
    clock: Option<Timestamp>,
}

pub(crate) async fn open(builder: Builder, store: Arc<dyn Store>) -> Result<Engine, Fault> {
    let config = builder.clone().into_outside().config;
    let meta = read_meta(&store, config.shards.max(1)).await?;
    let tokens = Tokens::new(meta.secret);
    let (mail, boxes): (Vec<_>, Vec<_>) =
        (0..meta.shards).map(|_| mpsc::unbounded_channel()).unzip();
    let outside = builder.clone().into_outside();
    let shared = Arc::new(Shared::new(store.clone(), outside, tokens.clone(), meta.clock, mail));
    let mut runners = Vec::new();
    let mut offers = Vec::new();
    for (number, mail) in (0..meta.shards).zip(boxes) {
        let chance = Box::<SystemChance>::default();
        let parts = Parts { number, shards: meta.shards, tokens: tokens.clone(), chance };
        let shard = Shard::new(&builder, store.clone(), parts);
        let mut runner = Runner::new(shard, mail, shared.clone());
        offers.extend(runner.recover().await?);
        runners.push(runner);
    }
    offers.into_iter().for_each(|offer| shared.queues.offer(offer));
    for runner in runners {
        tokio::spawn(runner.run());
    }
    let keeping = builder.keeping();
    if keeping.ends() {
        tokio::spawn(retention::sweep(shared.clone(), keeping));
    }
    if let Some(keep) = config.history {
        tokio::spawn(trim::sweep(shared.clone(), builder.kinds().clone(), keep));
    }
    Ok(Engine { shared })
}

async fn read_meta(store: &Arc<dyn Store>, shards: u16) -> Result<Meta, Fault> {
    let reader = Reader(store.clone());
    if reader.get(&keys::meta("secret")).await?.is_none() {
        let mut secret = vec![0; 32];
        getrandom::fill(&mut secret)
            .map_err(|error| Fault::new(format!("could not get random numbers: {error}")))?;
        let mut batch = Batch::new();
        batch.put(keys::meta("secret"), secret);
        batch.put(keys::meta("shards"), shards.to_be_bytes().to_vec());
        batch.put(keys::meta("format"), vec![1]);
        commit(store, batch).await?;
    }
    let damaged = |what: &str| Fault::new(format!("the store's row {what} is damaged"));
    let row = async |what: &'static str| reader.get(&keys::meta(what)).await;
    let format = row("format").await?.unwrap_or_default();
    if *format != [1] {
        return Err(Fault::new("the store was written by another version of the engine"));
    }
    let secret = row("secret").await?.unwrap_or_default();
    let shards = row("shards").await?.unwrap_or_default();
    let shards = shards.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
    let clock = row("clock").await?;
    Ok(Meta {
        secret: secret[..].try_into().map_err(|_| damaged("secret"))?,
        shards: shards.filter(|shards| *shards > 0).ok_or_else(|| damaged("shards"))?,
        clock: clock.map(|bytes| records::read_time(&bytes)).transpose()?,
    })
}

pub(crate) async fn commit(store: &Arc<dyn Store>, batch: Batch) -> Result<(), Fault> {
    store.commit(batch).await.map_err(|error| match error {
        CommitError::PreconditionFailed { index } => {
            Fault::new(format!("precondition {index} of the engine's own batch failed"))
        }
        CommitError::Fault(fault) => fault.into(),
    })
}
