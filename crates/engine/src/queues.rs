//! Work that is polled for: long polls without threads, and no work lost with a dropped poll.
//!
//! Ready work lives here as names; its request is read from the store when it is taken. Its row
//! stays in the outbox until the machine says otherwise, so a restart offers it again.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use trackway_core::{EffectId, ExecutionId};

use crate::{Offer, Work};

/// All polled queues, by name.
#[derive(Default)]
pub(crate) struct Queues {
    queues: Mutex<HashMap<Arc<str>, Queue>>,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Offer>,
    pollers: VecDeque<oneshot::Sender<Parcel>>,
    /// What has been offered and not withdrawn, taken or not.
    offered: HashSet<(ExecutionId, EffectId)>,
    /// Pollers after which those that went away are cleared out.
    pollers_clear_at: usize,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.pollers.is_empty() && self.offered.is_empty()
    }
}

/// An offer in somebody's hands. Dropped, it goes back to the front of its queue.
pub(crate) struct Parcel {
    offer: Option<Offer>,
    queues: Arc<Queues>,
}

impl Parcel {
    pub(crate) fn offer(&self) -> &Offer {
        self.offer.as_ref().expect("invariant: a parcel is emptied by those who consume it only")
    }

    /// Takes the offer out for good.
    pub(crate) fn keep(mut self) -> Option<Offer> {
        self.offer.take()
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Some(offer) = self.offer.take() {
            self.queues.place(offer, VecDeque::push_front);
        }
    }
}

impl Queues {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers work to whoever polls, in the order of the calls.
    pub(crate) fn offer(self: &Arc<Self>, offer: Offer) {
        let place = (offer.execution, offer.effect);
        let is_new = self.lock().entry(offer.queue.clone()).or_default().offered.insert(place);
        if is_new {
            self.place(offer, VecDeque::push_back);
        }
    }

    /// Stops offering it, also when its parcel comes back.
    pub(crate) fn withdraw(&self, queue: &str, execution: ExecutionId, effect: EffectId) {
        let mut queues = self.lock();
        if let Some(found) = queues.get_mut(queue) {
            found.offered.remove(&(execution, effect));
            // What is still in line is passed over when its turn comes.
            if found.offered.is_empty() {
                found.ready.clear();
            }
            if found.is_empty() {
                queues.remove(queue);
            }
        }
    }

    fn place(self: &Arc<Self>, mut offer: Offer, push: fn(&mut VecDeque<Offer>, Offer)) {
        loop {
            let poller = {
                let mut queues = self.lock();
                let Some(queue) = queues.get_mut(&offer.queue) else { return };
                if !queue.offered.contains(&(offer.execution, offer.effect)) {
                    return;
                }
                match queue.pollers.pop_front() {
                    Some(poller) => poller,
                    None => return push(&mut queue.ready, offer),
                }
            };
            // Outside the lock: a parcel that comes back takes it.
            match poller.send(Parcel { offer: Some(offer), queues: self.clone() }) {
                Ok(()) => return,
                Err(mut parcel) => match parcel.offer.take() {
                    Some(back) => offer = back,
                    None => return,
                },
            }
        }
    }

    /// Waits for work. Dropping the future loses nothing.
    pub(crate) async fn take(self: &Arc<Self>, queue: &str) -> Option<Parcel> {
        let receiver = {
            let mut queues = self.lock();
            let queue = queues.entry(queue.into()).or_default();
            while let Some(offer) = queue.ready.pop_front() {
                if queue.offered.contains(&(offer.execution, offer.effect)) {
                    return Some(Parcel { offer: Some(offer), queues: self.clone() });
                }
            }
            let (sender, receiver) = oneshot::channel();
            queue.pollers.push_back(sender);
            if queue.pollers.len() > queue.pollers_clear_at {
                queue.pollers.retain(|poller| !poller.is_closed());
                queue.pollers_clear_at = 16 + 2 * queue.pollers.len();
            }
            receiver
        };
        receiver.await.ok()
    }
}

/// Work in a poller's hands. Dropped without [`Lease::keep`], it is offered again, first.
pub struct Lease {
    work: Work,
    parcel: Parcel,
}

impl Lease {
    pub(crate) fn new(work: Work, parcel: Parcel) -> Self {
        Self { work, parcel }
    }

    /// The work.
    #[must_use]
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// Takes the work for good: the machine has been told, and holds the effect.
    #[must_use]
    pub fn keep(self) -> Work {
        drop(self.parcel.keep());
        self.work
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lease").field("work", &self.work).finish_non_exhaustive()
    }
}
