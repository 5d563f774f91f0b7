//! From rows back into memory: one execution when it is needed, and what awaits after a restart.

use std::sync::Arc;

use trackway_core::{EffectId, ExecutionId, TimerId, Timestamp};
use trackway_store::{Order, Range};

use crate::fold::fold;
use crate::keys::{self, Owner, TimerKey, family};
use crate::kind::{Kind, Parsed};
use crate::limits::TIMERS_REFILL;
use crate::live::{Armed, Live, Slot, SlotState, SnapshotMark, is_answered_inside};
use crate::reader::Reader;
use crate::records::{self, HeldRow, OutboxRow, Progress, Tail};
use crate::turn::guard;
use crate::{Action, Fault, Letter, Offer, Performed, Reply, Shard, StartError, Work};

/// What a shard knows of an execution.
pub(crate) enum Found {
    /// It is in memory now.
    Live,
    Closed,
    Parked(String),
    Missing,
}

/// What a restart finds to do. Only names: the requests and reports stay in the store until needed.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Letters that wait, by parent and effect: take each as [`Letter::Closed`] without a report.
    pub letters: Vec<(ExecutionId, EffectId)>,
    /// Effects whose outcomes were reported: take each as [`Performed::Reported`].
    pub reported: Vec<(ExecutionId, EffectId)>,
    /// Effects to perform again, oldest first; see [`Shard::work`].
    pub effects: Vec<(ExecutionId, EffectId)>,
    /// Work to offer again, oldest first.
    pub offers: Vec<Offer>,
}

impl Shard {
    /// Brings an execution into memory if it runs.
    pub(crate) async fn find(&mut self, id: ExecutionId) -> Result<Found, Fault> {
        if let Some(live) = self.live.get(&id) {
            return Ok(match &live.progress {
                Progress { parked: Some(reason), .. } => Found::Parked(reason.clone()),
                Progress { closed: true, .. } => Found::Closed,
                _ => Found::Live,
            });
        }
        let Some(bytes) = self.reader.get(&keys::record(id)).await? else {
            return Ok(Found::Missing);
        };
        let (progress, tail) = records::read_record(&bytes)?;
        if let Some(reason) = progress.parked {
            return Ok(Found::Parked(reason));
        }
        if progress.closed {
            return Ok(Found::Closed);
        }
        self.load(id, progress, tail).await
    }

    async fn load(
        &mut self,
        id: ExecutionId,
        progress: Progress,
        tail: Tail,
    ) -> Result<Found, Fault> {
        let fixtures = tail.fixtures()?;
        let (kind, reply_to) = (fixtures.kind, fixtures.reply_to);
        let owner = Owner::of(fixtures.scope, fixtures.parent);
        let length = progress.journal_len;
        let folded = match self.stored_definition(kind, fixtures.definition_hash).await? {
            Ok(definition) => fold(&self.reader, self.kind(kind)?.as_ref(), id, length..=length)
                .await?
                .map(|folded| (folded, definition)),
            Err(reason) => Err(reason),
        };
        let (folded, definition) = match folded {
            Ok(folded) => folded,
            Err(reason) => {
                self.park_unread(id, progress, &tail, &reason);
                return Ok(Found::Parked(reason));
            }
        };
        let mut live = Box::new(Live {
            machine: folded.machine,
            definition,
            kind,
            owner,
            reply_to,
            volatile: false,
            tail,
            snapshot: SnapshotMark::folded(folded.has_snapshot, length, folded.events),
            progress,
            effects: Default::default(),
            timers: Default::default(),
            batch: 0,
        });
        self.load_timers(id, &mut live).await?;
        self.load_effects(id, &mut live).await?;
        // The next batch says when it may leave again, also if this turn writes nothing.
        self.desk.touch(id, &mut live);
        self.live.insert(id, live);
        self.count_fold();
        Ok(Found::Live)
    }

    fn kind(&self, kind: u8) -> Result<&Arc<dyn Kind>, Fault> {
        self.kinds.get(kind).ok_or_else(|| Fault::new(format!("no kind {kind}")))
    }

    async fn stored_definition(
        &mut self,
        kind: u8,
        hash: [u8; 32],
    ) -> Result<Result<Parsed, String>, Fault> {
        if let Some(parsed) = self.definitions.get(kind, hash) {
            return Ok(Ok(parsed));
        }
        let Some(of) = self.kinds.get(kind).cloned() else {
            return Ok(Err(format!("no kind has the tag {kind}")));
        };
        let Some(bytes) = self.reader.get(&keys::definition(&hash)).await? else {
            return Ok(Err("its definition is missing".to_owned()));
        };
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Ok(Err("its definition is damaged".to_owned()));
        };
        let parsed = guard(|| of.parse(text)).and_then(|parsed| parsed);
        if let Ok(parsed) = &parsed {
            self.definitions.add(kind, hash, parsed.clone(), true);
        }
        Ok(parsed.map_err(|error| format!("its definition can't be read: {error}")))
    }

    async fn load_timers(&mut self, id: ExecutionId, live: &mut Live) -> Result<(), Fault> {
        for (timer, due) in &live.progress.timers {
            let armed = Armed { due: Timestamp(*due), spilled: false };
            live.timers.insert(TimerId(*timer), armed);
        }
        if live.progress.spilled > 0 {
            let mut range = keys::all_spilled(id);
            while let Some(rows) = self.reader.walk(&mut range).await? {
                for (key, value) in rows {
                    let timer = keys::spilled_timer(&key).ok_or_else(damaged_key)?;
                    let due = records::read_time(&value)?;
                    live.timers.insert(timer, Armed { due, spilled: true });
                }
            }
        }
        Ok(())
    }

    async fn load_effects(&mut self, id: ExecutionId, live: &mut Live) -> Result<(), Fault> {
        let shard = self.desk.number;
        if live.progress.outbox > 0 {
            let mut range = keys::effects(family::OUTBOX, shard, id);
            while let Some(rows) = self.reader.walk(&mut range).await? {
                for (key, value) in rows {
                    let (_, effect) = keys::effect_of(&key).ok_or_else(damaged_key)?;
                    let queue: Arc<str> = OutboxRow::read(&value)?.queue.into();
                    let state = self.state_of(id, effect, &queue);
                    live.effects.insert(effect, Slot { queue, state });
                }
            }
        }
        if live.progress.held > 0 {
            let mut range = keys::effects(family::HELD, shard, id);
            while let Some(rows) = self.reader.walk(&mut range).await? {
                for (key, value) in rows {
                    let (_, effect) = keys::effect_of(&key).ok_or_else(damaged_key)?;
                    let queue = HeldRow::read(&value)?.queue.into();
                    let slot = Slot { queue, state: SlotState::Held };
                    live.effects.insert(effect, slot);
                }
            }
        }
        Ok(())
    }

    fn state_of(&self, id: ExecutionId, effect: EffectId, queue: &str) -> SlotState {
        if self.desk.is_polled(queue) {
            SlotState::Offered
        } else if self.desk.elsewhere.contains(&(id, effect)) {
            SlotState::Elsewhere
        } else {
            SlotState::Performing
        }
    }

    /// Stops an execution in memory until someone unparks it. Its rows stay as they are.
    pub(crate) fn park(&mut self, id: ExecutionId, reason: String) {
        let Some(live) = self.live.get_mut(&id) else { return };
        let kind = self.kinds.get(live.kind).map_or("unknown kind", |kind| kind.name());
        let problem = format!("execution {id} ({kind}) is parked: {reason}");
        self.desk.act(false, Action::Problem(problem));
        for to in self.desk.waiters.remove(&id).unwrap_or_default() {
            let error = StartError::Fault(Fault::new(reason.as_str()));
            self.desk.act(live.volatile, Action::Reply(Reply::Waited(to, Err(error))));
        }
        if live.volatile {
            self.live.remove(&id);
        } else {
            live.progress.parked = Some(reason);
            self.desk.touch(id, live);
            let row = live.record_row();
            self.desk.put(keys::record(id), row);
        }
        self.count_parked();
    }

    /// Parks an execution that can't even be folded.
    fn park_unread(&mut self, id: ExecutionId, mut progress: Progress, tail: &Tail, reason: &str) {
        self.desk.act(false, Action::Problem(format!("execution {id} is parked: {reason}")));
        progress.parked = Some(reason.to_owned());
        self.desk.put(keys::record(id), tail.record(&progress));
        self.count_parked();
    }

    /// Runs a parked execution again: its effects, letters and timers, which kept their rows.
    pub(crate) async fn wake_parked(&mut self, id: ExecutionId) -> Result<(), Fault> {
        let Some(bytes) = self.reader.get(&keys::record(id)).await? else { return Ok(()) };
        self.live.remove(&id);
        let (mut progress, tail) = records::read_record(&bytes)?;
        progress.parked = None;
        self.desk.put(keys::record(id), tail.record(&progress));
        if !matches!(self.load(id, progress, tail).await?, Found::Live) {
            return Ok(());
        }
        let Some(live) = self.live.get(&id) else { return Ok(()) };
        for timer in live.timers.keys() {
            if let Some(key) = live.timer_key(id, *timer) {
                self.desk.timers.add(key);
            }
        }
        let mut recovered = Recovered::default();
        let shard = self.desk.number;
        self.recover_letters(keys::effects(family::INBOX, shard, id), &mut recovered).await?;
        self.recover_effects(keys::effects(family::OUTBOX, shard, id), &mut recovered).await?;
        for offer in recovered.offers {
            self.desk.act(false, Action::Offer(offer));
        }
        for (id, effect) in recovered.effects {
            if let Some(work) = self.work(id, effect).await? {
                self.desk.act(false, Action::Perform(work));
            }
        }
        for (to, effect) in recovered.letters {
            let letter = Letter::Closed { to, effect, report: None };
            self.desk.act(false, Action::Deliver { to, letter });
        }
        for (to, effect) in recovered.reported {
            let letter = Letter::Performed { id: to, effect, performed: Performed::Reported };
            self.desk.act(false, Action::Deliver { to, letter });
        }
        Ok(())
    }

    /// Finds what there is to do after a restart. Once, before anything else.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn recover(&mut self, now: Timestamp) -> Result<Recovered, Fault> {
        let shard = self.desk.number;
        let mut recovered = Recovered::default();
        self.desk.order = now.0.max(0).cast_unsigned() << 16;
        self.recover_letters(keys::of_shard(family::INBOX, shard), &mut recovered).await?;
        self.recover_effects(keys::of_shard(family::OUTBOX, shard), &mut recovered).await?;
        self.desk.awaits_world += recovered.offers.len() as i64;
        let mut held = keys::of_shard(family::HELD, shard);
        while let Some(rows) = self.reader.walk(&mut held).await? {
            for (_, value) in rows {
                let inside = is_answered_inside(HeldRow::read(&value)?.queue);
                self.desk.awaits_world += i64::from(!inside);
            }
        }
        self.refill().await?;
        Ok(recovered)
    }

    async fn recover_letters(&mut self, mut range: Range, to: &mut Recovered) -> Result<(), Fault> {
        while let Some(rows) = self.reader.walk(&mut range).await? {
            for (key, _) in rows {
                let letter = keys::effect_of(&key).ok_or_else(damaged_key)?;
                let is_outcome = keys::is_outcome(&key);
                if is_outcome { &mut to.reported } else { &mut to.letters }.push(letter);
            }
        }
        Ok(())
    }

    /// Those whose outcomes were reported are not performed again: the letters are read before.
    async fn recover_effects(&mut self, mut range: Range, to: &mut Recovered) -> Result<(), Fault> {
        let mut effects = Vec::new();
        let mut offers = Vec::new();
        while let Some(rows) = self.reader.walk(&mut range).await? {
            for (key, value) in rows {
                let (execution, effect) = keys::effect_of(&key).ok_or_else(damaged_key)?;
                let OutboxRow { order, queue, .. } = OutboxRow::read(&value)?;
                self.desk.order = self.desk.order.max(order);
                if self.desk.is_polled(queue) {
                    let queue = queue.into();
                    offers.push((order, Offer { queue, execution, effect, request: None }));
                } else if to.reported.binary_search(&(execution, effect)).is_err() {
                    effects.push((order, (execution, effect)));
                }
            }
        }
        effects.sort_unstable_by_key(|(order, _)| *order);
        offers.sort_unstable_by_key(|(order, _)| *order);
        to.effects.extend(effects.into_iter().map(|(_, effect)| effect));
        to.offers.extend(offers.into_iter().map(|(_, offer)| offer));
        Ok(())
    }

    /// The work of an effect that is to be performed again; none when it is done with.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn work(&mut self, id: ExecutionId, effect: EffectId) -> Result<Option<Work>, Fault> {
        stored_work(&self.reader, self.desk.number, id, effect).await
    }

    /// Reads the next timers when memory has run out of them.
    pub(crate) async fn refill(&mut self) -> Result<(), Fault> {
        while let Some(from) = self.desk.timers.wants_refill() {
            let shard = self.desk.number;
            let range =
                Range { from: from.row(shard), to: keys::of_shard(family::TIMER, shard).to };
            let rows = self.reader.scan(range, Order::Ascending, TIMERS_REFILL).await?;
            let keys: Option<Vec<TimerKey>> =
                rows.iter().map(|(key, _)| TimerKey::read(key)).collect();
            let keys = keys.ok_or_else(damaged_key)?;
            self.desk.timers.refill(&keys, rows.len() < TIMERS_REFILL);
            for (key, armed) in self.unsettled_timers() {
                if armed {
                    self.desk.timers.add(key);
                } else {
                    self.desk.timers.remove(&key);
                }
            }
        }
        Ok(())
    }
}

/// The work of an outbox row, if there is one.
pub(crate) async fn stored_work(
    reader: &Reader,
    shard: u16,
    execution: ExecutionId,
    effect: EffectId,
) -> Result<Option<Work>, Fault> {
    let key = keys::effect(family::OUTBOX, shard, execution, effect);
    let Some(bytes) = reader.get(&key).await? else { return Ok(None) };
    let OutboxRow { queue, request, .. } = OutboxRow::read(&bytes)?;
    let request = trackway_core::Payload::new(request);
    let scope = match reader.get(&keys::record(execution)).await? {
        Some(record) => records::read_record(&record)?.1.fixtures()?.scope.into(),
        None => "".into(),
    };
    Ok(Some(Work { execution, effect, queue: queue.to_owned(), request, scope, attempt: 2 }))
}

fn damaged_key() -> Fault {
    Fault::new("a key of the store is damaged")
}
