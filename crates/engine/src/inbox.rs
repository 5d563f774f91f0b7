//! What a shard does with each letter.

use std::any::{Any, TypeId};

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use trackway_core::{EffectId, ExecutionId, Input, Outcome, Timestamp};

use crate::desk::shard_of;
use crate::keys::{self, Owner, TimerKey, family};
use crate::kind::{Opaque, Parsed};
use crate::limits::TIMERS_PER_BATCH_MAX;
use crate::live::{Live, SlotState, SnapshotMark};
use crate::load::Found;
use crate::records::{self, LetterRow, Origin, OutcomeRow, Progress, Tail};
use crate::turn::{self, Consumed, Stopped, guard};
use crate::{
    Action, Durability, Fault, Letter, Performed, Reply, Shard, SignalError, StartError,
    StartReply, StartRequest, Started,
};

type SignalReply = oneshot::Sender<Result<(), SignalError<Opaque>>>;

impl Shard {
    pub(crate) async fn open_letter(
        &mut self,
        letter: Letter,
        now: Timestamp,
    ) -> Result<(), Fault> {
        match letter {
            Letter::Start { id, request, reply } => self.start(id, *request, reply, now).await,
            Letter::Signal { id, machine, signal, reply } => {
                self.signal(id, machine, signal, reply, now).await
            }
            Letter::Performed { id, effect, performed } => {
                self.performed(id, effect, performed, now).await
            }
            Letter::Closed { to, effect, report } => self.child(to, effect, report, now).await,
            Letter::Unpark { id, reply } => self.unpark(id, reply).await,
            Letter::Inspect { id, look } => {
                let live = self.live.get(&id);
                let volatile = live.is_some_and(|live| live.volatile);
                let told = look(live.map(|live| live.machine.as_any()));
                self.desk.act(volatile, Action::Reply(Reply::Looked(told)));
                Ok(())
            }
            Letter::Reset { reply, .. } => {
                // Only between batches: the driver calls `reset` instead.
                drop(reply);
                Ok(())
            }
            Letter::Tick => Ok(()),
        }
    }

    async fn start(
        &mut self,
        id: ExecutionId,
        request: StartRequest,
        reply: StartReply,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let volatile = request.durability == Durability::Volatile;
        let digest = Sha256::digest(request.start.input.as_bytes());
        let mut input_hash = [0; 16];
        input_hash.copy_from_slice(&digest[..16]);
        if let Some(live) = self.live.get(&id) {
            let record = live.record(id)?;
            let same_input = record.input_hash == input_hash;
            self.desk.act(live.volatile, Action::Reply(reply.existing(record, same_input)));
            return Ok(());
        }
        if !volatile && let Some(bytes) = self.reader.get(&keys::record(id)).await? {
            let (progress, tail) = records::read_record(&bytes)?;
            let record = records::show_record(id, &progress, &tail)?;
            let same_input = record.input_hash == input_hash;
            self.desk.act(false, Action::Reply(reply.existing(record, same_input)));
            return Ok(());
        }
        match self.definition_of(&request) {
            Ok(definition) => self.begin(id, request, definition, input_hash, (reply, now)),
            Err(error) => self.desk.act(volatile, Action::Reply(reply.error(error))),
        }
        Ok(())
    }

    /// The parsed definition; its row joins the batch unless it is known to be stored.
    fn definition_of(&mut self, request: &StartRequest) -> Result<Parsed, StartError> {
        let (kind, hash) = (request.kind, request.definition.hash());
        let parsed = match self.definitions.get(kind, hash) {
            Some(parsed) => parsed,
            None => {
                let of = self.kinds.get(kind).ok_or(StartError::Kind(kind))?;
                let parsed = guard(|| of.parse(request.definition.text()))
                    .and_then(|parsed| parsed)
                    .map_err(StartError::Definition)?;
                self.definitions.add(kind, hash, parsed.clone(), false);
                parsed
            }
        };
        let durable = request.durability == Durability::Durable;
        if durable && !self.definitions.is_stored(kind, hash) {
            let text = bytes::Bytes::copy_from_slice(request.definition.text().as_bytes());
            self.desk.put(keys::definition(&hash), text);
            self.desk.open.definitions.push((kind, hash));
        }
        Ok(parsed)
    }

    fn begin(
        &mut self,
        id: ExecutionId,
        request: StartRequest,
        definition: Parsed,
        input_hash: [u8; 16],
        (reply, now): (StartReply, Timestamp),
    ) {
        let Some(kind) = self.kinds.get(request.kind) else { return };
        let StartRequest { scope, parent, start, reply_to, .. } = request;
        let tail = Tail::new(&Origin {
            kind: request.kind,
            scope: &scope,
            parent: &parent,
            start: &start,
            definition_hash: request.definition.hash(),
            input_hash,
            reply_to,
        });
        let volatile = request.durability == Durability::Volatile;
        let mut live = Box::new(Live {
            machine: kind.machine(),
            definition,
            kind: request.kind,
            owner: Owner::of(&scope, &parent),
            reply_to,
            volatile,
            tail,
            progress: Progress::default(),
            effects: Default::default(),
            timers: Default::default(),
            snapshot: SnapshotMark::default(),
            batch: 0,
        });
        let begun = match reply {
            StartReply::Started(to) => Some(to),
            StartReply::Ended(to) => {
                self.desk.waiters.entry(id).or_default().push(to);
                None
            }
        };
        let input = Input::Start(start);
        match turn::take(&mut self.desk, id, &mut live, input, Consumed::Birth, now) {
            Ok(()) => {
                if let Some(to) = begun {
                    let summary = live.progress.summary.clone();
                    let reply = Reply::Started(to, Ok(Started::New { summary }));
                    self.desk.act(volatile, Action::Reply(reply));
                }
                if !(volatile && live.progress.closed) {
                    self.live.insert(id, live);
                }
            }
            Err(stopped) => self.stillborn(id, begun, volatile, stopped),
        }
    }

    /// The first turn came to nothing: there is no such execution.
    fn stillborn(
        &mut self,
        id: ExecutionId,
        begun: Option<oneshot::Sender<Result<Started, StartError>>>,
        volatile: bool,
        stopped: Stopped,
    ) {
        let what = match stopped {
            Stopped::Refused(_) => "the machine refused its start".to_owned(),
            Stopped::Panicked(text) => format!("the first turn panicked: {text}"),
        };
        self.count_parked();
        self.desk.act(volatile, Action::Problem(format!("execution {id} did not start: {what}")));
        let error = StartError::Fault(Fault::new(what));
        if let Some(to) = begun {
            self.desk.act(volatile, Action::Reply(Reply::Started(to, Err(error.clone()))));
        }
        for to in self.desk.waiters.remove(&id).unwrap_or_default() {
            self.desk.act(volatile, Action::Reply(Reply::Waited(to, Err(error.clone()))));
        }
    }

    async fn signal(
        &mut self,
        id: ExecutionId,
        machine: TypeId,
        signal: Opaque,
        reply: SignalReply,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let found = self.find(id).await?;
        let volatile = self.live.get(&id).is_some_and(|live| live.volatile);
        let answer = match found {
            Found::Missing => Err(SignalError::NotFound),
            Found::Closed => Err(SignalError::Closed),
            Found::Parked(reason) => Err(SignalError::Fault(parked_fault(id, &reason))),
            Found::Live if !self.is_machine(id, machine) => Err(SignalError::NotFound),
            Found::Live => match self.turn(id, Input::Signal(signal), Consumed::Nothing, now) {
                Ok(()) => Ok(()),
                Err(Stopped::Refused(refusal)) => Err(SignalError::Refused(refusal)),
                Err(Stopped::Panicked(text)) => Err(SignalError::Fault(parked_fault(id, &text))),
            },
        };
        self.desk.act(volatile, Action::Reply(Reply::Signaled(reply, answer)));
        Ok(())
    }

    fn is_machine(&self, id: ExecutionId, machine: TypeId) -> bool {
        self.live.get(&id).is_some_and(|live| {
            let any: &dyn Any = live.machine.as_any();
            any.type_id() == machine
        })
    }

    async fn performed(
        &mut self,
        id: ExecutionId,
        effect: EffectId,
        performed: Performed,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let letter = self.desk.deferred.remove(&(id, effect));
        if performed == Performed::Reported {
            self.reported(id, effect, now).await?;
        } else if matches!(self.find(id).await?, Found::Live) {
            self.come_to(id, effect, performed, now);
        }
        match letter {
            Some(report) => self.child(id, effect, Some(report), now).await,
            None => Ok(()),
        }
    }

    /// The outcome is in the store, unless it was taken already or nobody waited for it.
    async fn reported(
        &mut self,
        id: ExecutionId,
        effect: EffectId,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let key = self.desk.outcome_key(id, effect);
        let Some(bytes) = self.reader.get(&key).await? else { return Ok(()) };
        let OutcomeRow(outcome) = OutcomeRow::read(&bytes)?;
        match self.find(id).await? {
            // It stays until the execution runs again.
            Found::Parked(_) => return Ok(()),
            Found::Missing | Found::Closed => {}
            Found::Live => {
                self.come_to(id, effect, Performed::Finished(outcome), now);
                if self.is_parked(id) {
                    return Ok(());
                }
            }
        }
        if !self.desk.planted.keeps_letters() {
            self.desk.delete(key);
        }
        Ok(())
    }

    fn come_to(&mut self, id: ExecutionId, effect: EffectId, performed: Performed, now: Timestamp) {
        let Some(live) = self.live.get_mut(&id) else { return };
        match (performed, live.effects.get_mut(&effect)) {
            (Performed::Finished(outcome), Some(slot)) if slot.state != SlotState::Held => {
                self.finish(id, effect, outcome, now);
            }
            (Performed::Elsewhere, Some(slot)) if slot.state == SlotState::Performing => {
                slot.state = SlotState::Elsewhere;
                self.desk.elsewhere.insert((id, effect));
                // It may leave memory now; a batch without rows says when.
                self.desk.touch(id, live);
            }
            // Nobody waits for it any more, or it is known already.
            _ => {}
        }
    }

    fn finish(&mut self, id: ExecutionId, effect: EffectId, outcome: Outcome, now: Timestamp) {
        let input = Input::Finished { effect, outcome };
        // An outcome can't be refused; a panic has parked the execution and is told of.
        drop(self.turn(id, input, Consumed::Effect(effect), now));
    }

    async fn child(
        &mut self,
        to: ExecutionId,
        effect: EffectId,
        report: Option<Vec<u8>>,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let key = keys::effect(family::INBOX, self.desk.number, to, effect);
        let report = match report {
            Some(report) => report,
            None => match self.reader.get(&key).await? {
                Some(bytes) => LetterRow::read(&bytes)?.report.to_vec(),
                // Taken by a turn already.
                None => return Ok(()),
            },
        };
        match self.find(to).await? {
            // The letter stays until the execution runs again.
            Found::Parked(_) => return Ok(()),
            Found::Missing | Found::Closed => {}
            Found::Live => {
                let slot = self.live.get(&to).and_then(|live| live.effects.get(&effect));
                if slot.is_some_and(|slot| slot.state == SlotState::Performing) {
                    // The child was quicker than the performer that started it: that one first.
                    self.desk.deferred.insert((to, effect), report);
                    return Ok(());
                }
                if slot.is_some() {
                    self.finish(to, effect, Outcome::Closed { report }, now);
                    if self.is_parked(to) {
                        return Ok(());
                    }
                }
            }
        }
        if !self.desk.planted.keeps_letters() {
            self.desk.delete(key);
        }
        Ok(())
    }

    fn is_parked(&self, id: ExecutionId) -> bool {
        self.live.get(&id).is_some_and(|live| live.progress.parked.is_some())
    }

    /// Fires the timers that are due, as many as one batch takes. Reads further ones from the store
    /// when memory has run out of them.
    ///
    /// # Errors
    /// The store can't be read; the engine stops.
    pub async fn fire(&mut self, now: Timestamp) -> Result<(), Fault> {
        for _ in 0..TIMERS_PER_BATCH_MAX {
            self.refill().await?;
            if !self.has_room() {
                return Ok(());
            }
            let Some(key) = self.desk.timers.pop_due(now) else { return Ok(()) };
            self.desk.open.letters += 1;
            self.fire_one(key, now).await?;
        }
        self.refill().await
    }

    async fn fire_one(&mut self, key: TimerKey, now: Timestamp) -> Result<(), Fault> {
        let TimerKey { execution, timer, .. } = key;
        match self.find(execution).await? {
            Found::Live => {
                let armed = self.live.get(&execution).and_then(|it| it.timer_key(execution, timer));
                if armed == Some(key) {
                    let consumed = Consumed::Timer(timer);
                    drop(self.turn(execution, Input::Fired(timer), consumed, now));
                }
            }
            Found::Missing | Found::Closed | Found::Parked(_) => {}
        }
        Ok(())
    }

    /// A turn of an execution in memory. One that panics is parked.
    fn turn(
        &mut self,
        id: ExecutionId,
        input: Input<Opaque>,
        consumed: Consumed,
        now: Timestamp,
    ) -> Result<(), Stopped> {
        let Some(live) = self.live.get_mut(&id) else { return Ok(()) };
        let result = turn::take(&mut self.desk, id, live, input, consumed, now);
        let gone = live.volatile && live.progress.closed;
        if let Err(Stopped::Panicked(text)) = &result {
            let reason = format!("a turn panicked: {text}");
            self.park(id, reason);
        }
        if gone {
            self.live.remove(&id);
        }
        result
    }

    async fn unpark(&mut self, id: ExecutionId, reply: oneshot::Sender<bool>) -> Result<(), Fault> {
        // One whose parking isn't durable yet has rows in flight: the caller asks again.
        let settled = !self.live.contains_key(&id);
        let was_parked = settled && matches!(self.find(id).await?, Found::Parked(_));
        if was_parked {
            self.wake_parked(id).await?;
        }
        self.desk.act(false, Action::Reply(Reply::Unparked(reply, was_parked)));
        Ok(())
    }

    /// Whether this shard owns that execution.
    #[must_use]
    pub fn owns(&self, id: ExecutionId) -> bool {
        shard_of(id, self.desk.shards) == self.desk.number
    }
}

fn parked_fault(id: ExecutionId, reason: &str) -> Fault {
    Fault::new(format!("execution {id} is parked: {reason}"))
}
