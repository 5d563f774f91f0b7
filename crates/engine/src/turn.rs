//! One turn: the machine decides, and its decisions become rows and actions.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use trackway_core::{
    Command, EffectId, ExecutionId, Input, Payload, RowKey, Rows, Summary, TimerId, Timestamp,
};
use trackway_store::VALUE_BYTES_MAX;

use crate::desk::{Desk, World, turn_time};
use crate::keys::{self, List, TimerKey};
use crate::kind::{Decided, Opaque};
use crate::limits::{ROW_KEY_BYTES_MAX, TIMERS_INLINE_MAX};
use crate::live::{Armed, Live, Slot, SlotState};
use crate::records::{HeldRow, LetterRow, OutboxRow};
use crate::states::StoredState;
use crate::{Action, Ended, Letter, Offer, Reply, Waited, Work};

/// What an input used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consumed {
    Nothing,
    /// The execution is new: it has no row yet.
    Birth,
    Effect(EffectId),
    Timer(TimerId),
}

/// How a turn went wrong.
pub(crate) enum Stopped {
    /// The machine refused a signal.
    Refused(Opaque),
    /// It panicked; its state is worth nothing any more.
    Panicked(String),
}

/// Takes a turn and writes what comes of it into the batch.
pub(crate) fn take(
    desk: &mut Desk,
    id: ExecutionId,
    live: &mut Live,
    input: Input<Opaque>,
    consumed: Consumed,
    now: Timestamp,
) -> Result<(), Stopped> {
    let at = turn_time(live, now);
    let decided = decide(desk, id, live, input, at)?;
    // Before anything is written: a key or row that no store takes must not stop the engine.
    let rows = guard(|| fitting(decided.rows)).map_err(Stopped::Panicked)?;
    let summary = guard(|| live.machine.summary()).map_err(Stopped::Panicked)?;
    desk.open.turns += 1;
    if decided.segments.is_empty() && decided.commands.is_empty() && consumed == Consumed::Nothing {
        return Ok(());
    }
    desk.touch(id, live);
    let answered = consume(desk, id, live, consumed);
    let net = Net::of(decided.commands);
    if net.close.is_some() {
        drop_all(desk, id, live);
    } else {
        change_timers(desk, id, live, &net);
        change_effects(desk, id, live, net.cancel, &net.hold);
        if let Some((effect, queue)) = answered.filter(|(effect, _)| net.hold.contains(effect)) {
            add_held(desk, id, live, effect, queue);
        }
        run_effects(desk, id, live, net.run);
    }
    live.progress.last_at = at;
    let is_new = consumed == Consumed::Birth;
    live.progress.closed = net.close.is_some();
    if !live.volatile {
        for (events, segment) in decided.segments {
            desk.put(keys::segment(id, live.progress.journal_len), segment);
            live.progress.journal_len += events;
        }
        if is_new || !desk.planted.skips_summaries() {
            index(desk, id, live, is_new, &summary);
            live.progress.summary = summary;
        }
        write_rows(desk, id, is_new, rows);
        keep_snapshot(desk, id, live);
        desk.put(keys::record(id), live.record_row());
    } else {
        live.progress.summary = summary;
    }
    if let Some(report) = net.close {
        close(desk, id, live, report, decided.last_payload);
    }
    Ok(())
}

fn decide(
    desk: &mut Desk,
    id: ExecutionId,
    live: &mut Live,
    input: Input<Opaque>,
    at: Timestamp,
) -> Result<Decided, Stopped> {
    let mut world =
        World { id, chance: desk.chance.as_mut(), tokens: &desk.tokens, registry: &desk.registry };
    let Live { machine, definition, .. } = live;
    guard(|| machine.turn(definition, input, at, &mut world))
        .map_err(Stopped::Panicked)?
        .map_err(Stopped::Refused)
}

/// Runs a kind's code; a panic in it is a text.
pub(crate) fn guard<T>(code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| panic_text(panic.as_ref()))
}

pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a text".to_owned())
}

/// What a turn's commands come to, once those that undo each other are gone.
#[derive(Default)]
struct Net {
    run: Vec<Run>,
    cancel: Vec<EffectId>,
    hold: Vec<EffectId>,
    wake: Vec<(TimerId, Timestamp)>,
    disarm: Vec<TimerId>,
    close: Option<Vec<u8>>,
}

struct Run {
    effect: EffectId,
    queue: String,
    request: Payload,
    held: bool,
}

impl Net {
    fn of(commands: Vec<Command>) -> Self {
        let mut net = Self::default();
        for command in commands {
            net.add(command);
        }
        net
    }

    fn add(&mut self, command: Command) {
        match command {
            Command::Run { effect, queue, request } => {
                self.run.push(Run { effect, queue, request, held: false });
            }
            Command::Cancel(effect) => {
                let before = self.run.len();
                self.run.retain(|run| run.effect != effect);
                self.hold.retain(|held| *held != effect);
                if self.run.len() == before {
                    self.cancel.push(effect);
                }
            }
            Command::Hold(effect) => match self.run.iter_mut().find(|run| run.effect == effect) {
                Some(run) => run.held = true,
                None => self.hold.push(effect),
            },
            Command::Wake { timer, at } => {
                self.wake.retain(|(known, _)| *known != timer);
                self.wake.push((timer, at));
            }
            Command::Disarm(timer) => {
                self.wake.retain(|(known, _)| *known != timer);
                self.disarm.push(timer);
            }
            Command::Close { report } => self.close = Some(report),
        }
    }
}

/// Forgets what the input used up. The machine may hold the effect that was answered: it then
/// awaits a further outcome of it.
fn consume(
    desk: &mut Desk,
    id: ExecutionId,
    live: &mut Live,
    consumed: Consumed,
) -> Option<(EffectId, Arc<str>)> {
    match consumed {
        Consumed::Nothing | Consumed::Birth => None,
        Consumed::Effect(effect) => {
            drop_effect(desk, id, live, effect).map(|slot| (effect, slot.queue))
        }
        Consumed::Timer(timer) => {
            drop_timer(desk, id, live, timer);
            None
        }
    }
}

/// Forgets an effect and its row; it was that, if it was awaited.
fn drop_effect(
    desk: &mut Desk,
    id: ExecutionId,
    live: &mut Live,
    effect: EffectId,
) -> Option<Slot> {
    let slot = live.effects.remove(&effect)?;
    let held = slot.state == SlotState::Held;
    desk.elsewhere.remove(&(id, effect));
    if desk.deferred.remove(&(id, effect)).is_some() && !live.volatile {
        desk.delete(desk.letter_key(id, effect));
    }
    desk.awaits_world -= i64::from(slot.awaits_world());
    let count = if held { &mut live.progress.held } else { &mut live.progress.outbox };
    *count = count.saturating_sub(1);
    if !live.volatile {
        desk.delete(desk.effect_key(held, id, effect));
    }
    Some(slot)
}

fn drop_timer(desk: &mut Desk, id: ExecutionId, live: &mut Live, timer: TimerId) {
    let Some(armed) = live.timers.remove(&timer) else { return };
    let key = TimerKey { due: armed.due, execution: id, timer };
    live.progress.spilled -= u32::from(armed.spilled);
    if live.volatile {
        desk.timers.remove(&key);
    } else {
        desk.disarm(key, armed.spilled);
    }
}

/// An execution that closes leaves no timer and no effect behind.
fn drop_all(desk: &mut Desk, id: ExecutionId, live: &mut Live) {
    let timers: Vec<TimerId> = live.timers.keys().copied().collect();
    timers.into_iter().for_each(|timer| drop_timer(desk, id, live, timer));
    let effects: Vec<EffectId> = live.effects.keys().copied().collect();
    change_effects(desk, id, live, effects, &[]);
}

fn change_timers(desk: &mut Desk, id: ExecutionId, live: &mut Live, net: &Net) {
    let replaced = net.wake.iter().map(|(timer, _)| timer);
    for timer in net.disarm.iter().chain(replaced) {
        drop_timer(desk, id, live, *timer);
    }
    for (timer, due) in net.wake.iter().copied() {
        let key = TimerKey { due, execution: id, timer };
        let inline = live.timers.len() - live.progress.spilled as usize;
        let spilled = !live.volatile && inline >= TIMERS_INLINE_MAX;
        live.timers.insert(timer, Armed { due, spilled });
        if live.volatile {
            desk.timers.add_volatile(key);
        } else {
            live.progress.spilled += u32::from(spilled);
            desk.arm(key, spilled);
        }
    }
}

fn change_effects(
    desk: &mut Desk,
    id: ExecutionId,
    live: &mut Live,
    cancel: Vec<EffectId>,
    hold: &[EffectId],
) {
    for effect in cancel {
        if let Some(slot) = drop_effect(desk, id, live, effect) {
            stop(desk, id, live.volatile, effect, &slot);
        }
    }
    for effect in hold.iter().copied() {
        if live.effects.get(&effect).is_none_or(|slot| slot.state == SlotState::Held) {
            continue;
        }
        if let Some(slot) = drop_effect(desk, id, live, effect) {
            stop(desk, id, live.volatile, effect, &slot);
            add_held(desk, id, live, effect, slot.queue);
        }
    }
}

/// Ends what is being done about an effect.
fn stop(desk: &mut Desk, id: ExecutionId, volatile: bool, effect: EffectId, slot: &Slot) {
    let queue = slot.queue.clone();
    // A report that was quicker has its letter in the store; one that is slower finds no effect.
    if slot.state == SlotState::Performing && !volatile {
        desk.delete(desk.outcome_key(id, effect));
    }
    let action = match slot.state {
        // Of a held effect the performer may know what goes on elsewhere in its name.
        SlotState::Performing | SlotState::Held => Action::Cancel { queue, execution: id, effect },
        SlotState::Offered => Action::Withdraw { queue, execution: id, effect },
        SlotState::Elsewhere => return,
    };
    desk.act(volatile, action);
}

fn add_held(desk: &mut Desk, id: ExecutionId, live: &mut Live, effect: EffectId, queue: Arc<str>) {
    if !live.volatile {
        desk.put(desk.effect_key(true, id, effect), HeldRow { queue: &queue }.encode());
    }
    let slot = Slot { queue, state: SlotState::Held };
    desk.awaits_world += i64::from(slot.awaits_world());
    live.effects.insert(effect, slot);
    live.progress.held += 1;
}

fn run_effects(desk: &mut Desk, id: ExecutionId, live: &mut Live, run: Vec<Run>) {
    if run.is_empty() {
        return;
    }
    let scope: Arc<str> = live.tail.fixtures().map_or("", |fixed| fixed.scope).into();
    for Run { effect, queue, request, held } in run {
        if live.effects.contains_key(&effect) {
            continue;
        }
        let name: Arc<str> = queue.as_str().into();
        if held {
            add_held(desk, id, live, effect, name);
            continue;
        }
        if !live.volatile {
            let order = desk.next_order();
            let row = OutboxRow { order, queue: &queue, request: &request }.encode();
            desk.put(desk.effect_key(false, id, effect), row);
        }
        live.progress.outbox += 1;
        let run = Run { effect, queue, request, held };
        let state = start_effect(desk, id, (live.volatile, &scope), run);
        live.effects.insert(effect, Slot { queue: name, state });
    }
}

fn start_effect(
    desk: &mut Desk,
    id: ExecutionId,
    (volatile, scope): (bool, &Arc<str>),
    run: Run,
) -> SlotState {
    let Run { effect, queue, request, .. } = run;
    if desk.is_polled(&queue) {
        desk.awaits_world += 1;
        let request = volatile.then_some(request);
        let offer = Offer { queue: queue.into(), execution: id, effect, request };
        desk.act(volatile, Action::Offer(offer));
        return SlotState::Offered;
    }
    let scope = Arc::clone(scope);
    let work = Work { execution: id, effect, queue, request, scope, attempt: 1 };
    desk.act(volatile, Action::Perform(work));
    SlotState::Performing
}

/// The rows, unless one of them is larger than any store takes: a mistake in the kind.
fn fitting(rows: Rows) -> BTreeMap<RowKey, Option<Vec<u8>>> {
    let edits = rows.into_edits();
    for ((view, key), row) in &edits {
        assert!(key.len() <= ROW_KEY_BYTES_MAX, "a row's key in view {view} is too long");
        let length = row.as_ref().map_or(0, Vec::len);
        assert!(length <= VALUE_BYTES_MAX, "a row of view {view} is too long");
    }
    edits
}

/// Keeps the rows of the kind's views equal to the journal.
fn write_rows(
    desk: &mut Desk,
    id: ExecutionId,
    is_new: bool,
    rows: BTreeMap<RowKey, Option<Vec<u8>>>,
) {
    for ((view, key), row) in rows {
        match row {
            _ if desk.planted.skips_rows() => {}
            Some(row) => desk.put(keys::row(id, view, &key), row.into()),
            // A new execution has no row to remove.
            None if is_new => {}
            None => desk.delete(keys::row(id, view, &key)),
        }
    }
}

/// Writes the state from time to time, so that a long journal needs not be folded. One that has
/// closed takes no turn any more: its snapshot goes.
fn keep_snapshot(desk: &mut Desk, id: ExecutionId, live: &mut Live) {
    let events = live.progress.journal_len;
    if live.progress.closed {
        if std::mem::take(&mut live.snapshot.is_stored) {
            desk.delete(keys::snapshot(id));
        }
        return;
    }
    if events < live.snapshot.due {
        return;
    }
    match guard(|| live.machine.snapshot()) {
        Ok(Some(state)) => {
            live.snapshot.made(events, state.len());
            let stored = StoredState { events, horizon: Timestamp(i64::MIN), state };
            if let Some(row) = stored.encode() {
                live.snapshot.is_stored = true;
                desk.put(keys::snapshot(id), row);
            }
        }
        Ok(None) => live.snapshot.never(),
        // It can be folded all the same.
        Err(panic) => {
            live.snapshot.never();
            let problem = format!("the snapshot of execution {id} panicked: {panic}");
            desk.act(false, Action::Problem(problem));
        }
    }
}

/// Keeps the list row equal to the summary. It carries it, so it changes whenever that does.
fn index(desk: &mut Desk, id: ExecutionId, live: &Live, is_new: bool, next: &Summary) {
    let previous = &live.progress.summary;
    if !is_new && previous == next {
        return;
    }
    let Live { kind, owner, .. } = *live;
    let place =
        |summary: &Summary| List { kind, owner, status: summary.status }.row(summary.started, id);
    let (old, new) = (place(previous), place(next));
    if !is_new && old != new {
        desk.delete(old);
    }
    desk.put(new, live.tail.list_row(next));
}

fn close(
    desk: &mut Desk,
    id: ExecutionId,
    live: &mut Live,
    report: Vec<u8>,
    last_payload: Option<Payload>,
) {
    if let Some(to) = live.reply_to {
        if !live.volatile {
            let key = desk.letter_key(to.execution, to.effect);
            desk.put(key, LetterRow { from: id, report: &report }.encode());
        }
        let report = Some(report.clone());
        let letter = Letter::Closed { to: to.execution, effect: to.effect, report };
        desk.act(live.volatile, Action::Deliver { to: to.execution, letter });
    }
    for waiter in desk.waiters.remove(&id).unwrap_or_default() {
        let ended = Ended {
            summary: live.progress.summary.clone(),
            report: report.clone(),
            last_payload: last_payload.clone(),
        };
        desk.act(live.volatile, Action::Reply(Reply::Waited(waiter, Ok(Waited::Ended(ended)))));
    }
}
