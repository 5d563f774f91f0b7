//! The fold of an association's events.

use std::sync::Arc;

use trackway_core::Timestamp;

use super::event::{Event, EventKind, Trigger};
use super::{ACTIVE, Association, Awaited, DELETED, Running};
use crate::request::Stop;
use crate::status::{Counts, Status, aggregate};

impl Association {
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp) {
        let text = event.payload.as_ref().map(|payload| payload.as_str());
        match &event.kind {
            EventKind::Created { id, arn } => {
                self.id.clone_from(id);
                self.arn.clone_from(arn);
                self.status = ACTIVE;
                self.created = at;
            }
            EventKind::Versioned(version) => {
                self.version = *version;
                self.updated = at;
                let spec = text.and_then(|text| serde_json::from_str(text).ok());
                self.spec = Arc::new(spec.unwrap_or_default());
            }
            EventKind::Armed(timer, slot) => {
                self.armed = Some((*timer, *slot));
                self.timers_len = self.timers_len.max(timer.0 + 1);
            }
            EventKind::Disarmed(_) | EventKind::SlotReached(..) => self.armed = None,
            EventKind::GateAsked(effect, trigger) => {
                self.awaits(effect.0, Awaited::Gate(trigger.clone()));
            }
            EventKind::GateAnswered(effect, _) | EventKind::StopAnswered(effect) => {
                self.effects.remove(effect);
            }
            EventKind::RunStarted { effect, run, trigger } => {
                self.run_started(effect.0, *run, trigger, at);
            }
            EventKind::RunStopped { run, effect, how } => {
                if *how != Stop::Drain {
                    self.effects.remove(run);
                } else if let Some(Awaited::Run(running)) = self.effects.get_mut(run) {
                    running.is_draining = true;
                }
                self.awaits(effect.0, Awaited::Stop);
            }
            EventKind::RunEnded { effect, status, counts, nodes } => {
                if let Some(Awaited::Run(running)) = self.effects.remove(effect) {
                    self.run_ended(&running, *status, counts, nodes, at);
                }
            }
            EventKind::Postponed(trigger) => self.postponed = Some(trigger.clone()),
            EventKind::StatusSet => self.legacy_status = text.map(str::to_owned),
            EventKind::Deleted => {
                self.status = DELETED;
                self.postponed = None;
                self.effects.retain(|_, awaited| !matches!(awaited, Awaited::Gate(_)));
            }
            EventKind::Closed => {
                self.closed = Some(at);
                self.effects.clear();
            }
        }
    }

    fn awaits(&mut self, effect: u32, what: Awaited) {
        self.effects.insert(trackway_core::EffectId(effect), what);
        self.effects_len = self.effects_len.max(effect + 1);
    }

    fn run_started(&mut self, effect: u32, run: u128, trigger: &Trigger, at: Timestamp) {
        let running = Running { run, trigger: trigger.clone(), is_draining: false };
        self.awaits(effect, Awaited::Run(running));
        if trigger.is_full() {
            self.postponed = None;
            self.latest_run = Some((run, at));
            self.nodes.clear();
        }
    }

    /// A run that drained because another is to begin doesn't say how the association is.
    fn run_ended(
        &mut self,
        running: &Running,
        status: Status,
        counts: &[(Status, u32)],
        nodes: &[(String, Status)],
        at: Timestamp,
    ) {
        if running.is_draining {
            return;
        }
        self.last_execution = Some(at);
        if status == Status::Success {
            self.last_success = Some(at);
        }
        match &running.trigger {
            Trigger::Node { node, replaces } => {
                let came_to = nodes.iter().find(|(name, _)| name == node);
                let now = came_to.map_or(status, |(_, status)| *status);
                let before = self.nodes.insert(node.clone(), now).or(*replaces);
                if let Some(before) = before {
                    take_one(&mut self.counts, before);
                }
                *self.counts.entry(now).or_default() += 1;
                self.result = Some(aggregate(&self.counts));
            }
            _ => {
                self.counts = counts.iter().copied().collect();
                self.result = Some(status);
            }
        }
    }
}

fn take_one(counts: &mut Counts, status: Status) {
    if let Some(count) = counts.get_mut(&status) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&status);
        }
    }
}
