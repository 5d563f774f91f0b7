//! Who is there: signs of life in memory, with a durable one now and then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use trackway_core::Timestamp;
use trackway_engine::Engine;

use super::record::Node;

/// A node that was not heard of for so long has lost its connection.
pub(super) const LOST_AFTER_MS: i64 = 30_000;
/// How often a sign of life is written down.
pub(super) const WRITE_EVERY_MS: i64 = 5 * 60 * 1000;

/// Where a node is: its scope and id.
type Place = (Arc<str>, String);

/// Signs of life of all nodes.
#[derive(Default)]
pub(super) struct Presence {
    nodes: Mutex<HashMap<Place, Signs>>,
}

#[derive(Clone, Debug, Default)]
struct Signs {
    /// Polls that wait.
    polls: u32,
    last: Timestamp,
    written: Timestamp,
    left: bool,
    /// Told when another process takes the node's name.
    replaced: Arc<Notify>,
}

/// What came of a sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// It was not there before, as far as is known.
    pub(super) is_back: bool,
    /// It is time to write it down.
    pub(super) is_due: bool,
}

impl Presence {
    fn lock(&self) -> MutexGuard<'_, HashMap<Place, Signs>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sign of life.
    pub(super) fn seen(&self, scope: &Arc<str>, id: &str, now: Timestamp) -> Seen {
        let mut nodes = self.lock();
        let signs = nodes.entry((Arc::clone(scope), id.to_owned())).or_default();
        let is_back = !signs.is_online(now);
        let is_due = is_back || now - signs.written >= WRITE_EVERY_MS;
        (signs.last, signs.left) = (now, false);
        if is_due {
            signs.written = now;
        }
        Seen { is_back, is_due }
    }

    /// It goes away in good order.
    pub(super) fn left(&self, scope: &Arc<str>, id: &str, now: Timestamp) {
        if let Some(signs) = self.lock().get_mut(&(Arc::clone(scope), id.to_owned())) {
            (signs.last, signs.left) = (now, true);
        }
    }

    /// Another process has its name now: polls that wait are of no use.
    pub(super) fn replaced(&self, scope: &Arc<str>, id: &str) {
        if let Some(signs) = self.lock().get(&(Arc::clone(scope), id.to_owned())) {
            signs.replaced.notify_waiters();
        }
    }

    /// It is no node any more.
    pub(super) fn forget(&self, scope: &Arc<str>, id: &str) {
        if let Some(signs) = self.lock().remove(&(Arc::clone(scope), id.to_owned())) {
            signs.replaced.notify_waiters();
        }
    }

    /// When it was last heard of, and whether it is there.
    pub(super) fn of(&self, scope: &Arc<str>, node: &Node, now: Timestamp) -> (Timestamp, bool) {
        let known = self.lock().get(&(Arc::clone(scope), node.id.clone())).cloned();
        match known {
            Some(signs) if signs.polls > 0 => (now, true),
            Some(signs) => (signs.last.max(node.last_ping), signs.is_online(now)),
            None => {
                let is_online = !node.left && now - node.last_ping <= LOST_AFTER_MS;
                (node.last_ping, is_online)
            }
        }
    }
}

impl Signs {
    fn is_online(&self, now: Timestamp) -> bool {
        self.polls > 0 || (!self.left && now - self.last <= LOST_AFTER_MS)
    }
}

/// A poll that waits: while it does, its node is there.
pub(super) struct Waiting {
    presence: Arc<Presence>,
    engine: Engine,
    place: Place,
    replaced: Arc<Notify>,
}

impl Waiting {
    pub(super) fn new(presence: &Arc<Presence>, engine: &Engine, place: Place) -> Self {
        let replaced = {
            let mut nodes = presence.lock();
            let signs = nodes.entry(place.clone()).or_default();
            signs.polls += 1;
            Arc::clone(&signs.replaced)
        };
        Self { presence: Arc::clone(presence), engine: engine.clone(), place, replaced }
    }

    /// Resolves when the node's name is taken by another process, or it is no node any more.
    pub(super) fn replaced(&self) -> impl Future<Output = ()> + Send + 'static {
        Arc::clone(&self.replaced).notified_owned()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let now = self.engine.now();
        if let Some(signs) = self.presence.lock().get_mut(&self.place) {
            signs.polls = signs.polls.saturating_sub(1);
            signs.last = signs.last.max(now);
        }
    }
}
