//! What all shards' tasks and all callers share.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, watch};
use trackway_core::{ExecutionId, Timestamp};
use trackway_store::Store;

use crate::builder::Outside;
use crate::clock::{Clock, Time};
use crate::desk::shard_of;
use crate::queues::Queues;
use crate::reader::Reader;
use crate::{Catalog, Fault, Letter, Performer, Tokens};

/// One engine, seen from anywhere.
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) reader: Reader,
    pub(crate) catalog: Catalog,
    pub(crate) tokens: Tokens,
    pub(crate) queues: Arc<Queues>,
    pub(crate) time: Time,
    pub(crate) outside: Outside,
    pub(crate) boards: Vec<Board>,
    mail: Vec<mpsc::UnboundedSender<Letter>>,
    stopped: watch::Sender<Option<Fault>>,
    closing: AtomicBool,
    /// What keeps a skipping clock from jumping: letters, batches and performers under way.
    busy: AtomicI64,
    jump: Mutex<()>,
}

/// What a shard's task tells the others.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// When its first timer is due, in milliseconds; `i64::MAX` for none.
    pub(crate) next_due: AtomicI64,
    pub(crate) awaits_world: AtomicI64,
    pub(crate) live: AtomicU64,
    pub(crate) turns: AtomicU64,
    pub(crate) batches: AtomicU64,
    pub(crate) folds: AtomicU64,
    pub(crate) parked: AtomicU64,
    pub(crate) timers: AtomicU64,
}

/// A thing under way that keeps a skipping clock from jumping.
pub(crate) struct Busy(Arc<Shared>);

impl Busy {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        shared.add_busy(1);
        Self(shared.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.add_busy(-1);
        // The shards may all have asked before this was done with, and wait.
        self.0.skip();
    }
}

impl Shared {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        outside: Outside,
        tokens: Tokens,
        stored_time: Option<Timestamp>,
        mail: Vec<mpsc::UnboundedSender<Letter>>,
    ) -> Self {
        let planted = outside.planted;
        let board = |_: &_| Board { next_due: i64::MIN.into(), ..Board::default() };
        Self {
            reader: Reader(store.clone()),
            catalog: Catalog::new(store.clone(), mail.len() as u16, planted),
            store,
            tokens,
            queues: Arc::default(),
            time: Time::new(outside.clock, stored_time),
            outside,
            boards: mail.iter().map(board).collect(),
            mail,
            stopped: watch::Sender::new(None),
            closing: AtomicBool::new(false),
            busy: AtomicI64::new(0),
            jump: Mutex::new(()),
        }
    }

    pub(crate) fn shards(&self) -> u16 {
        self.mail.len() as u16
    }

    /// Puts a letter into the mailbox of the shard that owns the execution.
    pub(crate) fn send(&self, to: ExecutionId, letter: Letter) {
        self.send_to(shard_of(to, self.shards()), letter);
    }

    pub(crate) fn send_to(&self, shard: u16, letter: Letter) {
        self.add_busy(1);
        // A shard that is gone has stopped the engine: whoever waits hears of it.
        drop(self.mail[usize::from(shard)].send(letter));
    }

    pub(crate) fn tick(&self) {
        (0..self.shards()).for_each(|shard| self.send_to(shard, Letter::Tick));
    }

    pub(crate) fn performer(&self, queue: &str) -> Option<&Arc<dyn Performer>> {
        let name = queue.split('/').next().unwrap_or(queue);
        let found = self.outside.performers.iter().find(|(known, _)| known == name);
        found.map(|(_, performer)| performer)
    }

    pub(crate) fn problem(&self, problem: &str) {
        (self.outside.on_problem)(problem);
    }

    /// Stops the engine, loudly: nothing is acknowledged after this.
    pub(crate) fn stop(&self, fault: Fault) {
        let is_first = self.stopped.send_if_modified(|stopped| {
            let is_first = stopped.is_none();
            stopped.get_or_insert_with(|| fault.clone());
            is_first
        });
        if is_first && !self.is_closing() {
            self.problem(&format!("the engine stops: {fault}"));
        }
    }

    pub(crate) fn fault(&self) -> Fault {
        self.stopped.borrow().clone().unwrap_or_else(|| Fault::new("the engine has stopped"))
    }

    pub(crate) fn watch_stop(&self) -> watch::Receiver<Option<Fault>> {
        self.stopped.subscribe()
    }

    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
        self.tick();
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }

    fn skips(&self) -> bool {
        self.time.mode() == Clock::Skip
    }

    pub(crate) fn add_busy(&self, count: i64) {
        if self.skips() {
            self.busy.fetch_add(count, Ordering::SeqCst);
        }
    }

    /// Jumps to the next timer if nothing else can happen. A shard asks when it is about to wait, and
    /// so does whatever was under way outside the shards when it is done.
    pub(crate) fn skip(&self) {
        if !self.skips() || self.busy.load(Ordering::SeqCst) != 0 {
            return;
        }
        let _one_at_a_time = self.jump.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = |of: fn(&Board) -> &AtomicI64| {
            self.boards.iter().map(|board| of(board).load(Ordering::SeqCst)).sum::<i64>()
        };
        let due = self.boards.iter().map(|board| board.next_due.load(Ordering::SeqCst)).min();
        let is_quiet = sum(|board| &board.awaits_world) == 0;
        let now = self.time.now();
        // Whatever became busy meanwhile has set its board after it was counted.
        if let Some(due) = due.filter(|due| *due < i64::MAX && *due > now.0)
            && is_quiet
            && self.busy.load(Ordering::SeqCst) == 0
        {
            self.time.advance(due - now.0);
            self.tick();
        }
    }
}
