//! What a scheduled audit does about its inputs.

use serde_json::json;
use trackway_core::{Command, EffectId, Outcome, Payload, Start, TimerId, Timestamp, Turn};

use super::event::Event;
use super::{ACTIVE, Birth, Refusal, Schedule, Signal, Timing};
use crate::check::Check;
use crate::ids::AuditNumber;
use crate::request::{START_QUEUE, StartScheduled};

impl Schedule {
    pub(super) fn begin(&mut self, start: &Start, turn: &mut Turn<'_, Self>) {
        // Only our own API writes it. What can't be read is never due: it ends at once.
        let Ok(birth) = serde_json::from_str::<Birth>(&start.input) else {
            return self.close(turn);
        };
        turn.emit(self, Event::Created(Box::new(birth)));
        self.arm(turn.now(), turn);
    }

    /// A slot came. One that was missed while nobody was there comes late, and once: the next is
    /// later than now. An audit that is still running keeps none from starting, as at AWS.
    pub(super) fn fired(&mut self, timer: TimerId, turn: &mut Turn<'_, Self>) {
        let Some((_, slot)) = self.armed.filter(|(armed, _)| *armed == timer) else { return };
        let Some(birth) = &self.birth else { return };
        let number = AuditNumber(turn.random());
        let effect = EffectId(self.effects_len);
        let call =
            StartScheduled { schedule: birth.name.clone(), number, checks: birth.checks.clone() };
        turn.command(Command::Run {
            effect,
            queue: START_QUEUE.to_owned(),
            request: Payload::new(json!(call).to_string()),
        });
        turn.emit(self, Event::Due { effect, number });
        self.arm(slot.max(turn.now()), turn);
    }

    pub(super) fn finished(
        &mut self,
        effect: EffectId,
        outcome: Outcome,
        turn: &mut Turn<'_, Self>,
    ) {
        if !self.running.contains_key(&effect) {
            return;
        }
        let failure = match outcome {
            Outcome::Failed { error, cause } => Some(format!("{error}: {cause}")),
            Outcome::Succeeded(_) | Outcome::Closed { .. } => None,
        };
        turn.emit(self, Event::AuditEnded { effect, failure });
        self.close_if_over(turn);
    }

    pub(super) fn signal(
        &mut self,
        signal: Signal,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        let Some(birth) = self.birth.as_ref().filter(|_| self.status == ACTIVE) else {
            return Err(Refusal::Deleted);
        };
        match signal {
            Signal::Update { days, checks } => {
                let timing = Timing::of(days, Some(birth.timing)).map_err(Refusal::Timing)?;
                let timing = (timing != birth.timing).then_some(timing);
                let checks = checks.filter(|checks| *checks != birth.checks);
                if timing.is_none() && checks.is_none() {
                    return Ok(());
                }
                if timing.is_some() {
                    self.disarm(turn);
                }
                turn.emit(self, Event::Updated { timing, checks });
                if timing.is_some() {
                    self.arm(turn.now(), turn);
                }
            }
            Signal::Delete => {
                self.disarm(turn);
                turn.emit(self, Event::Deleted);
                self.close_if_over(turn);
            }
        }
        Ok(())
    }

    pub(super) fn update(
        &mut self,
        timing: Option<Timing>,
        checks: Option<&[Check]>,
        at: Timestamp,
    ) {
        let Some(birth) = &mut self.birth else { return };
        if let Some(checks) = checks {
            birth.checks = checks.to_vec();
        }
        if let Some(timing) = timing {
            birth.timing = timing;
            (self.anchor, self.armed) = (at, None);
        }
    }

    fn arm(&mut self, after: Timestamp, turn: &mut Turn<'_, Self>) {
        let Some(birth) = &self.birth else { return };
        let Some(at) = birth.timing.next(self.created, self.anchor, after) else { return };
        let timer = TimerId(self.timers_len);
        turn.emit(self, Event::Armed(timer, at));
        turn.command(Command::Wake { timer, at });
    }

    fn disarm(&self, turn: &mut Turn<'_, Self>) {
        if let Some((timer, _)) = self.armed {
            turn.command(Command::Disarm(timer));
        }
    }

    fn close_if_over(&mut self, turn: &mut Turn<'_, Self>) {
        if self.status != ACTIVE && self.running.is_empty() {
            self.close(turn);
        }
    }

    fn close(&mut self, turn: &mut Turn<'_, Self>) {
        turn.emit(self, Event::Closed);
        turn.command(Command::Close { report: b"{}".to_vec() });
    }
}
