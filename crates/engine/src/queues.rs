//! Work that is polled for: long polls without threads, and no work lost with a dropped poll.
//!
//! Ready work lives here as names; its request is read from the store when it is taken. Its row
//! stays in the outbox until the machine says otherwise, so a restart offers it again.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use trackway_core::{EffectId, ExecutionId};

use crate::limits::REQUESTS_KEPT_BYTES_MAX;
use crate::{Offer, Work};

/// All polled queues, by name.
#[derive(Default)]
pub(crate) struct Queues {
    queues: Mutex<HashMap<Arc<str>, Queue>>,
}

#[derive(Default)]
struct Queue {
    /// By place: what comes back takes the place that it had.
    ready: BTreeMap<Place, Ready>,
    pollers: VecDeque<oneshot::Sender<Parcel>>,
    /// What has been offered and not withdrawn, taken or not.
    offered: HashMap<(ExecutionId, EffectId), Place>,
    /// Pollers after which those that went away are cleared out.
    pollers_clear_at: usize,
    /// The place of the next offer.
    next: Place,
    /// Bytes of the requests that were read for somebody who didn't want them.
    kept_bytes: usize,
}

/// Where an offer stands in its queue: the order of the offers.
pub(crate) type Place = u64;

struct Ready {
    offer: Offer,
    /// Kept once it was read, so that a poller who wants other work doesn't read it each time.
    work: Option<Arc<Work>>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.pollers.is_empty() && self.offered.is_empty()
    }

    fn remove(&mut self, place: Place) -> Option<Offer> {
        let Ready { offer, work } = self.ready.remove(&place)?;
        self.kept_bytes -= work.map_or(0, |work| work.request.len());
        Some(offer)
    }

    fn pop(&mut self) -> Option<(Place, Offer)> {
        let place = *self.ready.first_key_value()?.0;
        Some((place, self.remove(place)?))
    }
}

/// An offer in somebody's hands. Dropped, it goes back to its place in the queue.
pub(crate) struct Parcel {
    offer: Option<(Place, Offer)>,
    queues: Arc<Queues>,
}

impl Parcel {
    pub(crate) fn offer(&self) -> &Offer {
        let (_, offer) =
            self.offer.as_ref().expect("invariant: a parcel is emptied by its last owner only");
        offer
    }

    /// Takes the offer out for good.
    pub(crate) fn keep(mut self) -> Option<Offer> {
        self.offer.take().map(|(_, offer)| offer)
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Some((place, offer)) = self.offer.take() {
            self.queues.place(place, offer);
        }
    }
}

/// An offer that somebody looks at. It stays in its queue meanwhile, for anybody to take.
pub(crate) struct Seen {
    pub(crate) place: Place,
    pub(crate) offer: Offer,
    /// The work, if it was read before.
    pub(crate) work: Option<Arc<Work>>,
}

impl Queues {
    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offers work to whoever polls, in the order of the calls.
    pub(crate) fn offer(self: &Arc<Self>, offer: Offer) {
        let place = {
            let mut queues = self.lock();
            let queue = queues.entry(offer.queue.clone()).or_default();
            let of = (offer.execution, offer.effect);
            if queue.offered.contains_key(&of) {
                return;
            }
            let place = queue.next;
            queue.next += 1;
            queue.offered.insert(of, place);
            place
        };
        self.place(place, offer);
    }

    /// Stops offering it, also when its parcel comes back.
    pub(crate) fn withdraw(&self, queue: &str, execution: ExecutionId, effect: EffectId) {
        let mut queues = self.lock();
        if let Some(found) = queues.get_mut(queue) {
            if let Some(place) = found.offered.remove(&(execution, effect)) {
                found.remove(place);
            }
            if found.is_empty() {
                queues.remove(queue);
            }
        }
    }

    fn place(self: &Arc<Self>, place: Place, mut offer: Offer) {
        loop {
            let poller = {
                let mut queues = self.lock();
                let Some(queue) = queues.get_mut(&offer.queue) else { return };
                if queue.offered.get(&(offer.execution, offer.effect)) != Some(&place) {
                    return;
                }
                match queue.pollers.pop_front() {
                    Some(poller) => poller,
                    None => {
                        queue.ready.insert(place, Ready { offer, work: None });
                        return;
                    }
                }
            };
            // Outside the lock: a parcel that comes back takes it.
            match poller.send(Parcel { offer: Some((place, offer)), queues: self.clone() }) {
                Ok(()) => return,
                Err(mut parcel) => match parcel.offer.take() {
                    Some((_, back)) => offer = back,
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
            if let Some(first) = queue.pop() {
                return Some(Parcel { offer: Some(first), queues: self.clone() });
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

    /// Looks at up to `limit` offers that are ready, from this place on.
    pub(crate) fn look(&self, queue: &str, from: Place, limit: usize) -> Vec<Seen> {
        let queues = self.lock();
        let Some(queue) = queues.get(queue) else { return Vec::new() };
        let seen = queue.ready.range(from..).take(limit);
        let seen = seen.map(|(place, Ready { offer, work })| Seen {
            place: *place,
            offer: offer.clone(),
            work: work.clone(),
        });
        seen.collect()
    }

    /// Takes an offer that was looked at, unless somebody else was quicker.
    pub(crate) fn claim(self: &Arc<Self>, seen: &Seen) -> Option<Parcel> {
        let mut queues = self.lock();
        let queue = queues.get_mut(&seen.offer.queue)?;
        let ready = queue.ready.get(&seen.place)?;
        // A queue that was empty meanwhile begins anew.
        if (ready.offer.execution, ready.offer.effect) != (seen.offer.execution, seen.offer.effect)
        {
            return None;
        }
        let offer = queue.remove(seen.place)?;
        Some(Parcel { offer: Some((seen.place, offer)), queues: self.clone() })
    }

    /// Keeps the work of an offer that nobody took when it was looked at, as far as there is room.
    pub(crate) fn remember(&self, seen: &Seen, work: &Arc<Work>) {
        let mut queues = self.lock();
        let Some(queue) = queues.get_mut(&seen.offer.queue) else { return };
        let kept_bytes = queue.kept_bytes + work.request.len();
        if let Some(ready) = queue.ready.get_mut(&seen.place)
            && ready.work.is_none()
            && (ready.offer.execution, ready.offer.effect) == (work.execution, work.effect)
            && kept_bytes <= REQUESTS_KEPT_BYTES_MAX
        {
            ready.work = Some(work.clone());
            queue.kept_bytes = kept_bytes;
        }
    }
}

/// Work in a poller's hands. Dropped without [`Lease::keep`], it is offered again, in its old
/// place: before all that was offered later.
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
