//! What events make of an audit.

use trackway_core::{EffectId, Timestamp};

use super::event::{Chunk, Event};
use super::{Audit, CheckDetails, CheckStatus, TaskStatus};
use crate::check::Check;

impl CheckDetails {
    /// Of a check that has not looked at anything yet. AWS shows those that wait as in progress.
    fn new() -> Self {
        Self {
            status: CheckStatus::InProgress,
            examined: 0,
            non_compliant: 0,
            suppressed: 0,
            findings: 0,
            error: None,
        }
    }
}

impl Audit {
    pub(super) fn fold(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Began { birth, next } => {
                self.status = TaskStatus::InProgress;
                self.started = at;
                self.runs = birth.checks.iter().map(|_| CheckDetails::new()).collect();
                self.birth = Some((**birth).clone());
                self.scan = self.awaits(*next);
            }
            Event::Scanned { chunk, next, .. } => {
                self.scanned(chunk);
                self.scan = self.awaits(*next);
            }
            Event::Canceled => {
                for run in self.runs.iter_mut().skip(self.place) {
                    run.status = CheckStatus::Canceled;
                }
                self.place = self.runs.len();
                self.scan = None;
                self.cursor = None;
            }
            Event::Ended { status, notify } => {
                self.status = *status;
                self.notify = self.awaits(*notify);
            }
            Event::Notified { .. } => self.notify = None,
            Event::Closed => self.closed = Some(at),
        }
    }

    fn awaits(&mut self, effect: Option<EffectId>) -> Option<EffectId> {
        if let Some(EffectId(number)) = effect {
            self.effects_len = self.effects_len.max(number.saturating_add(1));
        }
        effect
    }

    fn scanned(&mut self, chunk: &Chunk) {
        let found = count(chunk.flaws.len());
        match (chunk.flaws.last(), &chunk.more_related) {
            (Some(last), _) => self.last_related = count(last.related.len()),
            (None, Some(more)) => {
                self.last_related = more.first.saturating_add(count(more.related.len()));
            }
            (None, None) => {}
        }
        let Some(run) = self.runs.get_mut(self.place) else { return };
        run.examined = run.examined.saturating_add(chunk.examined);
        run.non_compliant = run.non_compliant.saturating_add(chunk.non_compliant);
        run.suppressed = run.suppressed.saturating_add(chunk.suppressed);
        run.findings = run.findings.saturating_add(found);
        run.error.clone_from(&chunk.error);
        run.status = match (&chunk.error, &chunk.cursor) {
            (Some(_), _) => CheckStatus::Failed,
            (None, Some(_)) => CheckStatus::InProgress,
            (None, None) if run.non_compliant == 0 => CheckStatus::CompletedCompliant,
            (None, None) => CheckStatus::CompletedNonCompliant,
        };
        if run.status == CheckStatus::InProgress {
            self.cursor.clone_from(&chunk.cursor);
        } else {
            self.place += 1;
            self.cursor = None;
            self.last_related = 0;
        }
    }

    /// The place of the first finding of a chunk that was just folded.
    pub(super) fn first_place(&self, check: Check, chunk: &Chunk) -> u32 {
        let checks = self.birth.iter().flat_map(|birth| &birth.checks);
        let run = checks.zip(&self.runs).find(|((of, _), _)| *of == check);
        let so_far = run.map_or(0, |(_, run)| run.findings);
        so_far.saturating_sub(count(chunk.flaws.len()))
    }
}

/// A length as it is counted here.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
