//! The fold of a run's events.

use std::collections::BTreeSet;
use std::sync::Arc;

use trackway_core::fanout::{Fanout, Quantity, Rate};
use trackway_core::{EffectId, Timestamp};

use super::event::{Event, EventKind};
use super::{AssociationRun, Awaited, Target};
use crate::limits::{MAX_CONCURRENCY_DEFAULT, MAX_ERRORS_DEFAULT};
use crate::request::Stop;
use crate::status::Status;

impl AssociationRun {
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp) {
        let text = event.payload.as_ref().map_or("", |payload| payload.as_str());
        self.swept.clear();
        match &event.kind {
            EventKind::Started => {
                self.input = Arc::new(serde_json::from_str(text).unwrap_or_default());
                self.status = Some(Status::Pending);
                self.created = at;
            }
            EventKind::AlarmsAsked(effect) => self.awaits(*effect, Awaited::Alarms),
            EventKind::TargetsAsked(effect) => self.awaits(*effect, Awaited::Targets),
            EventKind::CancelAsked(effect) => self.awaits(*effect, Awaited::Cancel),
            EventKind::AlarmsQuiet(effect)
            | EventKind::TargetsFailed(effect)
            | EventKind::CancelAnswered(effect) => {
                self.effects.remove(effect);
            }
            EventKind::AlarmsTriggered(effect) => {
                self.effects.remove(effect);
                self.triggered = serde_json::from_str(text).unwrap_or_default();
            }
            EventKind::Armed(timer, purpose) => {
                self.timers.insert(*timer, *purpose);
                self.timers_len = self.timers_len.max(timer.0 + 1);
            }
            EventKind::Fired(timer) => {
                self.timers.remove(timer);
            }
            EventKind::TargetsFound(effect) => {
                effect.iter().for_each(|effect| {
                    self.effects.remove(effect);
                });
                self.found(text);
            }
            EventKind::TargetStarted { target, effect, child } => {
                self.awaits(*effect, Awaited::Child(*target));
                self.target_started(*target, *child, at);
            }
            EventKind::TargetEnded { target, effect, status, .. } => {
                self.effects.remove(effect);
                self.target_ended(*target, *status, at);
            }
            EventKind::RestEnded(status) => {
                self.end_where(|status| status == Status::Pending, *status);
                self.fanout.iter_mut().for_each(Fanout::stop);
            }
            EventKind::Stopped(how) => self.stopped(*how, at),
            EventKind::Ended(status) => {
                self.status = Some(*status);
                self.closed = Some(at);
                self.last_execution = self.last_execution.or(Some(at));
                self.effects.clear();
                self.timers.clear();
            }
        }
    }

    fn awaits(&mut self, effect: EffectId, what: Awaited) {
        self.effects.insert(effect, what);
        self.effects_len = self.effects_len.max(effect.0 + 1);
    }

    fn found(&mut self, text: &str) {
        let ids: Vec<String> = serde_json::from_str(text).unwrap_or_default();
        let mut seen = BTreeSet::new();
        let distinct = ids.into_iter().filter(|id| seen.insert(id.clone()));
        let target = |id: String| Target { id: id.into(), status: Status::Pending, child: 0 };
        self.targets = distinct.map(target).collect();
        let total = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        if total > 0 {
            self.counts.insert(Status::Pending, total);
        }
        self.fanout = Some(Fanout::new(total, self.rate()));
    }

    fn rate(&self) -> Rate {
        let spec = &self.input.call.spec;
        let quantity = |given: &Option<String>, default: &str| {
            let given = given.as_deref().and_then(|text| text.parse().ok());
            given.or_else(|| default.parse().ok()).unwrap_or(Quantity::Percent(100))
        };
        Rate {
            max_concurrency: quantity(&spec.max_concurrency, MAX_CONCURRENCY_DEFAULT),
            max_errors: quantity(&spec.max_errors, MAX_ERRORS_DEFAULT),
            ramp: false,
        }
    }

    fn target_started(&mut self, target: u32, child: u128, at: Timestamp) {
        self.status = Some(Status::InProgress);
        self.last_execution = Some(at);
        self.fanout.iter_mut().for_each(Fanout::start);
        if let Some(target) = self.targets.get_mut(target as usize) {
            target.child = child;
        }
        self.set(target, Status::InProgress);
    }

    fn target_ended(&mut self, target: u32, status: Status, at: Timestamp) {
        self.last_execution = Some(at);
        self.fanout.iter_mut().for_each(|fanout| fanout.end(!status.is_failure()));
        self.set(target, status);
    }

    fn stopped(&mut self, how: Stop, at: Timestamp) {
        self.stopped = Some(how);
        self.fanout.iter_mut().for_each(Fanout::stop);
        let Some(status) = status_of(how) else {
            return self.end_where(|status| status == Status::Pending, Status::Cancelled);
        };
        self.status = Some(status);
        self.last_execution = Some(at);
        self.end_where(|status| !status.is_final(), status);
        self.effects.retain(|_, awaited| *awaited == Awaited::Cancel);
        self.timers.clear();
    }

    fn end_where(&mut self, is_meant: impl Fn(Status) -> bool, status: Status) {
        for target in 0..self.targets.len() {
            if is_meant(self.targets[target].status) {
                self.set(target as u32, status);
                self.swept.push(target as u32);
            }
        }
    }

    fn set(&mut self, target: u32, status: Status) {
        let Some(target) = self.targets.get_mut(target as usize) else { return };
        let before = std::mem::replace(&mut target.status, status);
        if let Some(count) = self.counts.get_mut(&before) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.counts.remove(&before);
            }
        }
        *self.counts.entry(status).or_default() += 1;
    }
}

/// What becomes of everything that hasn't ended when a run is stopped; none if it may end.
fn status_of(how: Stop) -> Option<Status> {
    match how {
        Stop::TimedOut => Some(Status::TimedOut),
        Stop::Cancelled => Some(Status::Cancelled),
        Stop::Drain => None,
    }
}
