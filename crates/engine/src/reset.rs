//! Dropping executions as a whole: a scope that is emptied.

use trackway_core::{ExecutionId, TimerId, Timestamp};
use trackway_store::Range;

use crate::keys::{self, List, Owner, TimerKey, family};
use crate::live::{SlotState, is_answered_inside};
use crate::records::{HeldRow, Progress, Tail, read_record};
use crate::{Action, Fault, Shard, states};

impl Shard {
    /// Drops all executions of a scope, running or not. The rows go with the batch being computed.
    /// Call it only when nothing else is in that batch, and none is on its way.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn reset(&mut self, scope: &str) -> Result<usize, Fault> {
        let mut dropped = 0;
        let mut range = Range::prefix(vec![family::RECORD]);
        while let Some(rows) = self.reader.walk(&mut range).await? {
            for (key, value) in rows {
                let Some(id) = keys::record_id(&key).filter(|id| self.owns(*id)) else { continue };
                let (progress, tail) = read_record(&value)?;
                if tail.fixtures()?.scope == scope {
                    self.drop_rows(id, &progress, &tail).await?;
                    dropped += 1;
                }
            }
        }
        let of_scope = |tail: &Tail| tail.fixtures().is_ok_and(|fixed| fixed.scope == scope);
        let mut live: Vec<ExecutionId> =
            self.live.iter().filter(|(_, live)| of_scope(&live.tail)).map(|(id, _)| *id).collect();
        live.sort_unstable();
        for id in live {
            dropped += usize::from(self.drop_live(id));
        }
        self.forget_idle();
        Ok(dropped)
    }

    /// Forgets an execution in memory; tells whether it was a volatile one.
    fn drop_live(&mut self, id: ExecutionId) -> bool {
        let Some(live) = self.live.remove(&id) else { return false };
        for (effect, slot) in &live.effects {
            let (queue, execution, effect) = (slot.queue.clone(), id, *effect);
            self.desk.elsewhere.remove(&(id, effect));
            self.desk.deferred.remove(&(id, effect));
            if live.volatile {
                self.desk.awaits_world -= i64::from(slot.awaits_world());
            }
            if slot.state == SlotState::Offered {
                self.desk.act(false, Action::Withdraw { queue, execution, effect });
            } else {
                self.desk.act(false, Action::Cancel { queue, execution, effect });
            }
        }
        for timer in live.timers.keys() {
            if let Some(key) = live.timer_key(id, *timer) {
                self.desk.timers.remove(&key);
            }
        }
        self.desk.waiters.remove(&id);
        live.volatile
    }

    async fn drop_rows(
        &mut self,
        id: ExecutionId,
        progress: &Progress,
        tail: &Tail,
    ) -> Result<(), Fault> {
        let shard = self.desk.number;
        for (timer, due) in &progress.timers {
            let due = Timestamp(*due);
            self.desk.disarm(TimerKey { due, execution: id, timer: TimerId(*timer) }, false);
        }
        if progress.spilled > 0 {
            let mut range = keys::all_spilled(id);
            while let Some(rows) = self.reader.walk(&mut range).await? {
                for (key, value) in rows {
                    let due = crate::records::read_time(&value)?;
                    if let Some(timer) = keys::spilled_timer(&key) {
                        self.desk.disarm(TimerKey { due, execution: id, timer }, true);
                    }
                }
            }
        }
        let mut outbox = keys::effects(family::OUTBOX, shard, id);
        while let Some(rows) = self.reader.walk(&mut outbox).await? {
            for (key, value) in rows {
                let queue = crate::records::OutboxRow::read(&value)?.queue;
                if let Some((execution, effect)) = keys::effect_of(&key)
                    && self.desk.is_polled(queue)
                {
                    self.desk.awaits_world -= 1;
                    let queue = queue.into();
                    self.desk.act(false, Action::Withdraw { queue, execution, effect });
                }
            }
        }
        let mut held = keys::effects(family::HELD, shard, id);
        while let Some(rows) = self.reader.walk(&mut held).await? {
            for (_, value) in rows {
                let inside = is_answered_inside(HeldRow::read(&value)?.queue);
                self.desk.awaits_world -= i64::from(!inside);
            }
        }
        for family in [family::OUTBOX, family::HELD, family::INBOX] {
            self.desk.open.batch.delete_range(keys::effects(family, shard, id));
        }
        for key in view_rows(id, progress, tail)? {
            self.desk.delete(key);
        }
        self.desk.open.batch.delete_range(keys::journal(id));
        self.desk.open.batch.delete_range(keys::all_rows(id));
        for key in states::rows(id) {
            self.desk.delete(key);
        }
        self.desk.delete(keys::leaving(id));
        Ok(())
    }
}

/// The keys of an execution's record and list row.
pub(crate) fn view_rows(
    id: ExecutionId,
    progress: &Progress,
    tail: &Tail,
) -> Result<[bytes::Bytes; 2], Fault> {
    let fixed = tail.fixtures()?;
    let (kind, owner) = (fixed.kind, Owner::of(fixed.scope, fixed.parent));
    let list = List { kind, owner, status: progress.summary.status };
    Ok([keys::record(id), list.row(progress.summary.started, id)])
}
