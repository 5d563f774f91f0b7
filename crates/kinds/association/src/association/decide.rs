//! What an association decides.

use serde::Deserialize;
use trackway_core::{Command, EffectId, Outcome, Payload, Start, TimerId, Turn};

use super::event::{Event, EventKind, Trigger};
use super::{Association, Awaited, Birth, DELETED, Refusal, Signal, close};
use crate::ids::{uuid, uuid_text};
use crate::limits::VERSIONS_MAX;
use crate::request::{ASSOCIATION, Call, RunCall, Stop, run_arn};
use crate::run::Report;
use crate::schedule::Schedule;
use crate::schedule::rules::next_slot;
use crate::spec::Spec;
use crate::status::Status;

impl Association {
    pub(super) fn begin(&mut self, start: &Start, turn: &mut Turn<'_, Self>) {
        let birth: Birth = serde_json::from_str(&start.input).unwrap_or_default();
        let (id, arn) = (birth.association_id, start.arn.clone());
        self.emit(EventKind::Created { id, arn }, turn);
        self.version_up(&birth.spec, turn);
        if !self.spec.apply_only_at_cron_interval {
            self.trigger(Trigger::Created, turn);
        } else if self.is_past(turn) {
            self.trigger(Trigger::Slot, turn);
        }
    }

    /// Whether its only slot lies in the past: then it runs at once.
    fn is_past(&self, turn: &Turn<'_, Self>) -> bool {
        matches!(self.spec.schedule(), Some(Schedule::At(at)) if at <= turn.now())
    }

    fn version_up(&mut self, spec: &Spec, turn: &mut Turn<'_, Self>) {
        let payload = Payload::new(serde_json::to_string(spec).unwrap_or_default());
        let kind = EventKind::Versioned(self.version + 1);
        turn.emit(self, Event { kind, payload: Some(payload) });
        if let Some((timer, _)) = self.armed {
            self.emit(EventKind::Disarmed(timer), turn);
            turn.command(Command::Disarm(timer));
        }
        self.arm(turn);
    }

    /// Waits for the first slot that is still to come. Slots that were missed stay missed.
    fn arm(&mut self, turn: &mut Turn<'_, Self>) {
        let Some(schedule) = self.spec.schedule() else { return };
        let offset = self.spec.schedule_offset;
        if let Some(slot) = next_slot(&schedule, offset, turn.now(), self.updated) {
            let timer = TimerId(self.timers_len);
            self.emit(EventKind::Armed(timer, slot), turn);
            turn.command(Command::Wake { timer, at: slot });
        }
    }

    pub(super) fn fired(&mut self, timer: TimerId, turn: &mut Turn<'_, Self>) {
        let Some((armed, slot)) = self.armed.filter(|(armed, _)| *armed == timer) else { return };
        self.emit(EventKind::SlotReached(armed, slot), turn);
        self.arm(turn);
        self.trigger(Trigger::Slot, turn);
    }

    pub(super) fn signal(
        &mut self,
        signal: Signal,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        if self.status == DELETED {
            return Err(Refusal::Deleted);
        }
        match signal {
            Signal::Update { spec, expected } => return self.update(&spec, expected, turn),
            Signal::Start => self.trigger(Trigger::Once, turn),
            Signal::Changed => self.trigger(Trigger::Changed, turn),
            Signal::Node { node, replaces } => {
                // Between its slots such an association leaves new nodes alone.
                if !self.spec.apply_only_at_cron_interval {
                    self.trigger(Trigger::Node { node, replaces }, turn);
                }
            }
            Signal::SetStatus(status) => {
                let payload = Some(Payload::new(status));
                turn.emit(self, Event { kind: EventKind::StatusSet, payload });
            }
            Signal::Delete => self.delete(turn),
        }
        Ok(())
    }

    fn update(
        &mut self,
        spec: &Spec,
        expected: Option<u32>,
        turn: &mut Turn<'_, Self>,
    ) -> Result<(), Refusal> {
        if expected.is_some_and(|expected| expected != self.version) {
            return Err(Refusal::NotTheLatest);
        }
        if self.version >= VERSIONS_MAX {
            return Err(Refusal::TooManyVersions);
        }
        let earlier = self.spec.clone();
        self.version_up(spec, turn);
        if spec.is_to_run_after(&earlier) {
            self.trigger(Trigger::Updated, turn);
        } else if spec.apply_only_at_cron_interval
            && self.is_past(turn)
            && spec.schedule_expression != earlier.schedule_expression
        {
            self.trigger(Trigger::Slot, turn);
        }
        Ok(())
    }

    fn delete(&mut self, turn: &mut Turn<'_, Self>) {
        let gates = self.effects.iter().filter(|(_, it)| matches!(it, Awaited::Gate(_)));
        gates.for_each(|(effect, _)| turn.command(Command::Cancel(*effect)));
        if let Some((timer, _)) = self.armed {
            self.emit(EventKind::Disarmed(timer), turn);
            turn.command(Command::Disarm(timer));
        }
        self.emit(EventKind::Deleted, turn);
        self.stop_runs(Stop::Cancelled, turn);
        self.close_when_still(turn);
    }

    /// It is to run, if its calendars allow it.
    fn trigger(&mut self, trigger: Trigger, turn: &mut Turn<'_, Self>) {
        if self.spec.calendar_names.is_empty() {
            return self.run(trigger, turn);
        }
        let effect = EffectId(self.effects_len);
        self.emit(EventKind::GateAsked(effect, trigger), turn);
        let names = self.spec.calendar_names.clone();
        ask(effect, &Call::Calendars { names }, turn);
    }

    fn run(&mut self, trigger: Trigger, turn: &mut Turn<'_, Self>) {
        match &trigger {
            Trigger::Node { .. } => {
                if self.runs().any(|(_, running)| same_node(&running.trigger, &trigger)) {
                    return;
                }
            }
            // The nodes that run finish, then all run again.
            Trigger::Updated if self.runs().next().is_some() => {
                self.emit(EventKind::Postponed(trigger), turn);
                return self.stop_runs(Stop::Drain, turn);
            }
            _ => self.stop_runs(Stop::TimedOut, turn),
        }
        self.start(trigger, turn);
    }

    fn start(&mut self, trigger: Trigger, turn: &mut Turn<'_, Self>) {
        let effect = EffectId(self.effects_len);
        let run = uuid(turn.random(), turn.random());
        let nodes = match &trigger {
            Trigger::Node { node, .. } => Some(vec![node.clone()]),
            _ => None,
        };
        self.emit(EventKind::RunStarted { effect, run, trigger }, turn);
        let call = RunCall {
            association_arn: self.arn.clone(),
            association_id: self.id.clone(),
            association_version: self.version,
            execution_id: uuid_text(run),
            nodes,
            spec: (*self.spec).clone(),
        };
        ask(effect, &Call::Start(Box::new(call)), turn);
    }

    /// Tells every run to stop. Of one that is to end at once nothing more is heard: should its start
    /// still be under way, it is given up before the run is told.
    fn stop_runs(&mut self, how: Stop, turn: &mut Turn<'_, Self>) {
        let runs = self.runs().filter(|(_, running)| how != Stop::Drain || !running.is_draining);
        let runs: Vec<_> = runs.map(|(effect, running)| (effect, running.run)).collect();
        for (run, id) in runs {
            let effect = EffectId(self.effects_len);
            self.emit(EventKind::RunStopped { run, effect, how }, turn);
            if how != Stop::Drain {
                turn.command(Command::Cancel(run));
            }
            let arn = run_arn(&self.arn, &uuid_text(id));
            ask(effect, &Call::StopRun { arn, how }, turn);
        }
    }

    pub(super) fn finished(
        &mut self,
        effect: EffectId,
        outcome: Outcome,
        turn: &mut Turn<'_, Self>,
    ) {
        match self.effects.get(&effect) {
            None => return,
            Some(Awaited::Gate(trigger)) => {
                let (trigger, is_open) = (trigger.clone(), is_open(&outcome));
                self.emit(EventKind::GateAnswered(effect, is_open), turn);
                if is_open {
                    self.run(trigger, turn);
                }
            }
            Some(Awaited::Run(_)) => {
                let kind = ended(effect, outcome);
                self.emit(kind, turn);
                if self.runs().next().is_none()
                    && let Some(trigger) = self.postponed.clone()
                {
                    self.start(trigger, turn);
                }
            }
            Some(Awaited::Stop) => self.emit(EventKind::StopAnswered(effect), turn),
        }
        self.close_when_still(turn);
    }

    /// A deleted association ends when every run has ended or knows that it is to stop.
    fn close_when_still(&mut self, turn: &mut Turn<'_, Self>) {
        let is_telling = self.effects.values().any(|awaited| matches!(awaited, Awaited::Stop));
        if self.status == DELETED && self.closed.is_none() && !is_telling {
            self.emit(EventKind::Closed, turn);
            turn.command(close());
        }
    }
}

fn ask(effect: EffectId, call: &Call, turn: &mut Turn<'_, Association>) {
    let request = Payload::new(serde_json::to_string(call).unwrap_or_default());
    turn.command(Command::Run { effect, queue: ASSOCIATION.to_owned(), request });
}

fn same_node(one: &Trigger, other: &Trigger) -> bool {
    match (one, other) {
        (Trigger::Node { node: one, .. }, Trigger::Node { node: other, .. }) => one == other,
        _ => false,
    }
}

fn is_open(outcome: &Outcome) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        state: String,
    }
    let Outcome::Succeeded(text) = outcome else { return false };
    serde_json::from_str(text).is_ok_and(|answer: Answer| answer.state == "OPEN")
}

fn ended(effect: EffectId, outcome: Outcome) -> EventKind {
    let report = match outcome {
        Outcome::Closed { report } => Report::decode(&report),
        _ => None,
    };
    let report = report.filter(|report| report.status.is_final());
    // A run that could not even be started has failed.
    let report = report.unwrap_or_else(|| Report { status: Status::Failed, ..Report::default() });
    EventKind::RunEnded {
        effect,
        status: report.status,
        counts: report.counts.into_iter().collect(),
        nodes: report.nodes,
    }
}
