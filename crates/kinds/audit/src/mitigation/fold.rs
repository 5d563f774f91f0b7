//! The fold of a task's events.

use std::sync::Arc;

use trackway_core::{EffectId, Timestamp};

use super::event::{Event, EventKind};
use super::request::ItemResult;
use super::view::{Applying, Counts};
use super::{Item, Mitigation};
use crate::audit::TaskStatus;

impl Mitigation {
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp) {
        match &event.kind {
            EventKind::Started => {
                let text = event.payload.as_ref().map_or("", |payload| payload.as_str());
                self.birth = serde_json::from_str(text).ok().map(Arc::new);
                self.details.status = TaskStatus::InProgress;
                self.details.started = at;
            }
            EventKind::PlanAsked(effect) => {
                self.planning = Some(*effect);
                self.asked(*effect);
            }
            EventKind::ApplyAsked(effect) => {
                self.applying = Some(*effect);
                self.details.applying = Some(Applying { chunk: self.applied, since: at });
                self.asked(*effect);
            }
            EventKind::Planned { items, skipped, .. } => {
                self.planning = None;
                for (check, count) in skipped {
                    let counts = self.details.checks.entry(*check).or_default();
                    counts.total += count;
                    counts.skipped += count;
                }
                self.plan(items);
            }
            EventKind::Applied { results, .. } => {
                self.applying = None;
                self.details.applying = None;
                self.applied += 1;
                results.iter().for_each(|result| self.count(result));
            }
            EventKind::Canceled => {
                self.details.status = TaskStatus::Canceled;
                self.details.ended = Some(at);
            }
            EventKind::Broken { effect, why } => {
                self.details.fault = Some(why.clone());
                self.planning = self.planning.filter(|planning| planning != effect);
                self.applying = self.applying.filter(|applying| applying != effect);
            }
            EventKind::Ended(status) => {
                self.details.status = *status;
                self.details.ended = Some(at);
                self.details.applying = None;
            }
            EventKind::Settled => self.details.applying = None,
        }
    }

    fn asked(&mut self, effect: EffectId) {
        self.effects = self.effects.max(effect.0 + 1);
    }

    fn plan(&mut self, items: &[Item]) {
        if items.is_empty() {
            return;
        }
        self.planned += 1;
        let Some(birth) = self.birth.clone() else { return };
        for item in items {
            if let Some(check) = item.check() {
                self.details.checks.entry(check).or_default().total += 1;
            }
            self.details.actions.total += birth.actions_of(item.check()).count() as u64;
        }
    }

    fn count(&mut self, result: &ItemResult) {
        let Some(birth) = self.birth.clone() else { return };
        let all = birth.actions_of(result.item.check()).count();
        let has_failed = result.has_failed();
        let actions = &mut self.details.actions;
        actions.failed += u64::from(has_failed);
        actions.succeeded += (result.done.len() - usize::from(has_failed)) as u64;
        let left = all.saturating_sub(result.done.len()) as u64;
        if has_failed {
            actions.skipped += left;
        } else if left > 0 {
            // The task was canceled meanwhile: what is left follows from that.
            return;
        }
        if let Some(check) = result.item.check() {
            let counts: &mut Counts = self.details.checks.entry(check).or_default();
            let count = if has_failed { &mut counts.failed } else { &mut counts.succeeded };
            *count += 1;
        }
    }
}
