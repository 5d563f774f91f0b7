//! The batch being computed, and everything a turn's commands touch beside its own execution.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use trackway_core::{EffectId, Environment, ExecutionId, Timestamp};
use trackway_store::Batch;

use crate::builder::Exists;
use crate::keys::{self, TimerKey, family};
use crate::live::Live;
use crate::records;
use crate::shard::Planted;
use crate::timers::Timers;
use crate::{Action, Catalog, StartError, Tokens, Waited};

/// Where a shard's random numbers come from: the operating system, or the simulator's seed.
pub trait Chance: Send {
    /// The next one.
    fn next(&mut self) -> u64;
}

/// What a batch asks for and sets free.
#[derive(Default)]
pub(crate) struct Open {
    pub(crate) batch: Batch,
    pub(crate) bytes: usize,
    pub(crate) letters: usize,
    /// Done once the batch is durable.
    pub(crate) actions: Vec<Action>,
    /// Executions that have turns in it.
    pub(crate) touched: Vec<ExecutionId>,
    /// Timers set and unset by it, in order; a refill can't see them in the store yet.
    pub(crate) timers: Vec<(TimerKey, bool)>,
    /// Definitions whose rows are in it.
    pub(crate) definitions: Vec<(u8, [u8; 32])>,
    /// Whether the clock's row is to be written.
    pub(crate) turns: u64,
}

impl Open {
    pub(crate) fn is_idle(&self) -> bool {
        self.batch.is_empty() && self.actions.is_empty() && self.touched.is_empty()
    }
}

pub(crate) type Waiter = oneshot::Sender<Result<Waited, StartError>>;

/// A shard without its executions.
pub(crate) struct Desk {
    pub(crate) number: u16,
    pub(crate) shards: u16,
    pub(crate) polled: Arc<[String]>,
    pub(crate) tokens: Tokens,
    pub(crate) chance: Box<dyn Chance>,
    pub(crate) registry: Registry,
    pub(crate) open: Open,
    /// What volatile executions want done; it waits for nothing.
    pub(crate) at_once: Vec<Action>,
    pub(crate) timers: Timers,
    pub(crate) waiters: HashMap<ExecutionId, Vec<Waiter>>,
    /// Effects whose performers said that the outcome comes by letter.
    pub(crate) elsewhere: HashSet<(ExecutionId, EffectId)>,
    /// Children's letters that wait for what the performer who started the child says first; with
    /// the report of a volatile child, which has no row.
    pub(crate) deferred: HashMap<(ExecutionId, EffectId), Vec<u8>>,
    /// How many effects await the outside world: offered or held.
    pub(crate) awaits_world: i64,
    /// The place of the next outbox row among all.
    pub(crate) order: u64,
    /// The number of the batch being computed.
    pub(crate) batch: u64,
    pub(crate) planted: Planted,
}

impl Desk {
    pub(crate) fn put(&mut self, key: Bytes, value: Bytes) {
        self.open.bytes += key.len() + value.len();
        self.open.batch.put(key, value);
    }

    pub(crate) fn delete(&mut self, key: Bytes) {
        self.open.bytes += key.len();
        self.open.batch.delete(key);
    }

    /// Has this done: after the commit, or at once for a volatile execution.
    pub(crate) fn act(&mut self, volatile: bool, action: Action) {
        if volatile || self.planted.acts_early() {
            self.at_once.push(action);
        } else {
            self.open.actions.push(action);
        }
    }

    /// Marks that the batch being computed has rows or replies of this execution.
    pub(crate) fn touch(&mut self, id: ExecutionId, live: &mut Live) {
        if live.batch != self.batch && !live.volatile {
            live.batch = self.batch;
            self.open.touched.push(id);
        }
    }

    pub(crate) fn is_polled(&self, queue: &str) -> bool {
        let name = queue.split('/').next().unwrap_or(queue);
        self.polled.iter().any(|polled| polled == name)
    }

    pub(crate) fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    pub(crate) fn arm(&mut self, key: TimerKey, spilled: bool) {
        self.put(key.row(self.number), Bytes::from_static(&[1]));
        if spilled {
            self.put(keys::spilled(key.execution, key.timer), records::time(key.due));
        }
        self.timers.add(key);
        self.open.timers.push((key, true));
    }

    pub(crate) fn disarm(&mut self, key: TimerKey, spilled: bool) {
        self.delete(key.row(self.number));
        if spilled {
            self.delete(keys::spilled(key.execution, key.timer));
        }
        self.timers.remove(&key);
        self.open.timers.push((key, false));
    }

    pub(crate) fn effect_key(&self, held: bool, id: ExecutionId, effect: EffectId) -> Bytes {
        let family = if held { family::HELD } else { family::OUTBOX };
        keys::effect(family, self.number, id, effect)
    }

    /// The key of an outcome that was reported with a change.
    pub(crate) fn outcome_key(&self, id: ExecutionId, effect: EffectId) -> Bytes {
        keys::outcome(self.number, id, effect)
    }

    /// The key of a letter to an execution of any shard.
    pub(crate) fn letter_key(&self, to: ExecutionId, effect: EffectId) -> Bytes {
        keys::effect(family::INBOX, shard_of(to, self.shards), to, effect)
    }
}

/// The shard that owns an execution.
pub(crate) fn shard_of(id: ExecutionId, shards: u16) -> u16 {
    id.shard(u32::from(shards)) as u16
}

/// What a turn of one execution may ask of the world.
pub(crate) struct World<'a> {
    pub(crate) id: ExecutionId,
    pub(crate) chance: &'a mut dyn Chance,
    pub(crate) tokens: &'a Tokens,
    pub(crate) registry: &'a Registry,
}

/// Who knows what is there: a question to the catalog.
#[derive(Clone)]
pub(crate) struct Registry {
    pub(crate) catalog: Catalog,
    pub(crate) exists: Exists,
}

impl Environment for World<'_> {
    fn random(&mut self) -> u64 {
        self.chance.next()
    }

    fn task_token(&mut self, effect: EffectId) -> String {
        self.tokens.task(self.id, effect)
    }

    fn exists(&mut self, arn: &str) -> bool {
        (self.registry.exists)(&self.registry.catalog, arn)
    }
}

/// When a turn of this execution takes place: never before its last one.
pub(crate) fn turn_time(live: &Live, now: Timestamp) -> Timestamp {
    now.max(live.progress.last_at)
}
