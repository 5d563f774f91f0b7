//! What a task decides.

use trackway_core::{Command, EffectId, Outcome, Payload, Turn};

use super::event::{Event, EventKind};
use super::request::{Applied, Ask, Planned};
use super::{Mitigation, Refusal, why};
use crate::audit::TaskStatus;
use crate::request::MITIGATION_QUEUE;

impl Mitigation {
    pub(super) fn begin(&mut self, input: Payload, turn: &mut Turn<'_, Self>) {
        if self.birth.is_some() {
            return;
        }
        turn.emit(self, Event { kind: EventKind::Started, payload: Some(input) });
        self.ask_plan(None, turn);
    }

    pub(super) fn finished(
        &mut self,
        effect: EffectId,
        outcome: &Outcome,
        turn: &mut Turn<'_, Self>,
    ) {
        if self.planning == Some(effect) {
            match answer::<Planned>(outcome) {
                Some(planned) => self.take_plan(effect, planned, turn),
                None => self.break_off(effect, outcome, turn),
            }
        } else if self.applying == Some(effect) {
            match answer::<Applied>(outcome) {
                Some(Applied { results }) => {
                    self.emit(EventKind::Applied { effect, results }, turn);
                    self.go_on(turn);
                }
                None => self.break_off(effect, outcome, turn),
            }
        }
    }

    fn take_plan(&mut self, effect: EffectId, planned: Planned, turn: &mut Turn<'_, Self>) {
        let Planned { items, skipped, cursor } = planned;
        self.emit(EventKind::Planned { effect, items, skipped }, turn);
        if cursor.is_some() && self.details.fault.is_none() {
            self.ask_plan(cursor, turn);
        }
        self.go_on(turn);
    }

    /// Applies the next chunk, or ends. A task that was canceled is planned to its end, so that it
    /// is known of every finding that it was canceled for it.
    fn go_on(&mut self, turn: &mut Turn<'_, Self>) {
        let is_canceled = self.details.status == TaskStatus::Canceled;
        let is_broken = self.details.fault.is_some();
        let is_next = self.applying.is_none() && self.applied < self.planned;
        if is_next && !is_canceled && !is_broken {
            let chunk = self.applied;
            self.ask(EventKind::ApplyAsked, &Ask::Apply { chunk }, turn);
        }
        if self.planning.is_some() || self.applying.is_some() {
            return;
        }
        let has_failed = is_broken || self.details.actions.failed > 0;
        let end = match (is_canceled, has_failed) {
            (true, _) => EventKind::Settled,
            (false, false) => EventKind::Ended(TaskStatus::Completed),
            (false, true) => EventKind::Ended(TaskStatus::Failed),
        };
        self.emit(end, turn);
        turn.command(Command::Close { report: Vec::new() });
    }

    pub(super) fn cancel(&mut self, turn: &mut Turn<'_, Self>) -> Result<(), Refusal> {
        if self.details.status != TaskStatus::InProgress {
            return Err(Refusal::Ended);
        }
        self.emit(EventKind::Canceled, turn);
        Ok(())
    }

    /// An effect could not be carried out. Nothing further begins; what is under way is waited for,
    /// since it may have happened already.
    fn break_off(&mut self, effect: EffectId, outcome: &Outcome, turn: &mut Turn<'_, Self>) {
        let why = why(outcome);
        self.emit(EventKind::Broken { effect, why }, turn);
        self.go_on(turn);
    }

    fn ask_plan(&mut self, cursor: Option<String>, turn: &mut Turn<'_, Self>) {
        self.ask(EventKind::PlanAsked, &Ask::Plan { cursor }, turn);
    }

    fn ask(&mut self, event: fn(EffectId) -> EventKind, ask: &Ask, turn: &mut Turn<'_, Self>) {
        let effect = EffectId(self.effects);
        self.emit(event(effect), turn);
        let request = Payload::new(serde_json::to_string(ask).unwrap_or_default());
        turn.command(Command::Run { effect, queue: MITIGATION_QUEUE.to_owned(), request });
    }

    fn emit(&mut self, kind: EventKind, turn: &mut Turn<'_, Self>) {
        turn.emit(self, Event { kind, payload: None });
    }
}

fn answer<T: serde::de::DeserializeOwned>(outcome: &Outcome) -> Option<T> {
    let Outcome::Succeeded(text) = outcome else { return None };
    serde_json::from_str(text).ok()
}
