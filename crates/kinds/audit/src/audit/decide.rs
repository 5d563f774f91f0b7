//! What an audit does about its inputs.

use std::collections::BTreeSet;

use serde_json::json;
use trackway_core::{Command, EffectId, Outcome, Payload, Start, Turn};

use super::event::{Chunk, Event, MoreRelated};
use super::{Audit, Birth, CheckStatus, Refusal, TaskStatus};
use crate::request::{CheckError, NOTIFY_QUEUE, Notify, SCAN_QUEUE, Scan, Scanned};

impl Audit {
    pub(super) fn begin(&mut self, start: &Start, turn: &mut Turn<'_, Self>) {
        // Only our own API writes it. What can't be read has no checks: it ends at once.
        let Ok(mut birth) = serde_json::from_str::<Birth>(&start.input) else {
            return self.end(TaskStatus::Failed, turn);
        };
        let mut known = BTreeSet::new();
        birth.checks.retain(|(check, _)| known.insert(*check));
        let next = (!birth.checks.is_empty()).then(|| self.next_effect());
        turn.emit(self, Event::Began { birth: Box::new(birth), next });
        self.go_on(turn);
    }

    pub(super) fn finished(
        &mut self,
        effect: EffectId,
        outcome: Outcome,
        turn: &mut Turn<'_, Self>,
    ) {
        if self.scan == Some(effect) {
            self.scan_answered(effect, outcome, turn);
        } else if self.notify == Some(effect) {
            let failure = match outcome {
                Outcome::Failed { error, cause } => Some(format!("{error}: {cause}")),
                Outcome::Succeeded(_) | Outcome::Closed { .. } => None,
            };
            turn.emit(self, Event::Notified { effect, failure });
            self.close(turn);
        }
    }

    /// The check in progress and those to come are cancelled; what was found so far stays.
    pub(super) fn cancel(&mut self, turn: &mut Turn<'_, Self>) -> Result<(), Refusal> {
        if self.status != TaskStatus::InProgress {
            return Err(Refusal::Ended);
        }
        if let Some(scan) = self.scan {
            turn.command(Command::Cancel(scan));
        }
        turn.emit(self, Event::Canceled);
        self.end(TaskStatus::Canceled, turn);
        Ok(())
    }

    fn scan_answered(&mut self, effect: EffectId, outcome: Outcome, turn: &mut Turn<'_, Self>) {
        let checks = self.birth.iter().flat_map(|birth| &birth.checks);
        let Some((check, _)) = checks.clone().nth(self.place).copied() else { return };
        let checks_len = checks.count();
        let chunk = self.chunk(outcome);
        let is_last = self.place + 1 == checks_len;
        let check_ends = chunk.error.is_some() || chunk.cursor.is_none();
        let next = (!(check_ends && is_last)).then(|| self.next_effect());
        turn.emit(self, Event::Scanned { effect, check, chunk: Box::new(chunk), next });
        self.go_on(turn);
    }

    fn chunk(&self, outcome: Outcome) -> Chunk {
        let scanned = match outcome {
            Outcome::Succeeded(answer) => {
                serde_json::from_str(&answer).map_err(|error| error.to_string())
            }
            Outcome::Failed { error, cause } => Err(format!("{error}: {cause}")),
            Outcome::Closed { .. } => Err("a scan has no child".to_owned()),
        };
        match scanned {
            Ok(scanned) => self.chunk_of(scanned),
            Err(message) => {
                let error = Some(CheckError { code: String::new(), message });
                Chunk { error, ..Chunk::default() }
            }
        }
    }

    fn chunk_of(&self, scanned: Scanned) -> Chunk {
        let related = scanned.related_of_last;
        let more = MoreRelated { first: self.last_related, related };
        Chunk {
            examined: scanned.examined,
            non_compliant: scanned.non_compliant,
            suppressed: scanned.suppressed,
            flaws: scanned.flaws,
            more_related: (!more.related.is_empty()).then_some(more),
            cursor: scanned.cursor,
            error: scanned.error,
        }
    }

    /// Asks for the scan that the events so far have named, or ends.
    fn go_on(&mut self, turn: &mut Turn<'_, Self>) {
        let Some(effect) = self.scan else { return self.end(self.outcome(), turn) };
        let checks = self.birth.iter().flat_map(|birth| &birth.checks);
        let Some((check, config)) = checks.clone().nth(self.place).copied() else { return };
        let started = self.started.as_millis();
        let scan = Scan { check, config, started, cursor: self.cursor.clone() };
        turn.command(Command::Run {
            effect,
            queue: SCAN_QUEUE.to_owned(),
            request: Payload::new(json!(scan).to_string()),
        });
    }

    /// What an audit comes to whose checks have all ended.
    fn outcome(&self) -> TaskStatus {
        match self.runs.iter().any(|run| run.status != CheckStatus::Failed) {
            true => TaskStatus::Completed,
            false => TaskStatus::Failed,
        }
    }

    fn end(&mut self, status: TaskStatus, turn: &mut Turn<'_, Self>) {
        let topic = self.birth.as_ref().and_then(|birth| birth.topic_arn.clone());
        let notify = topic.is_some().then(|| self.next_effect());
        turn.emit(self, Event::Ended { status, notify });
        let (Some(topic_arn), Some(effect)) = (topic, notify) else { return self.close(turn) };
        let notify = Notify { topic_arn, message: self.message() };
        turn.command(Command::Run {
            effect,
            queue: NOTIFY_QUEUE.to_owned(),
            request: Payload::new(json!(notify).to_string()),
        });
    }

    /// What is published at the end. Source: Developer Guide, "Audit notifications".
    fn message(&self) -> String {
        let Some(birth) = &self.birth else { return String::new() };
        let checks = birth.checks.iter().zip(&self.runs);
        let details: Vec<_> = checks
            .map(|((check, _), run)| {
                json!({
                    "checkName": check.name(),
                    "checkRunStatus": run.status.name(),
                    "nonCompliantResourcesCount": run.non_compliant,
                    "totalResourcesCount": run.examined,
                })
            })
            .collect();
        let message = json!({
            "accountId": birth.account,
            "taskId": birth.number.task_id(),
            "taskStatus": self.status.name(),
            "taskType": birth.task_type.name(),
            "auditDetails": details,
        });
        message.to_string()
    }

    fn close(&mut self, turn: &mut Turn<'_, Self>) {
        turn.emit(self, Event::Closed);
        let report = json!({ "taskStatus": self.status.name() });
        turn.command(Command::Close { report: report.to_string().into_bytes() });
    }

    fn next_effect(&self) -> EffectId {
        EffectId(self.effects_len)
    }
}
