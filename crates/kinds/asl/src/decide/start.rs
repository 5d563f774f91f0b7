//! How an execution begins and ends.

use trackway_core::{Command, Start};

use super::data::Doc;
use super::{Decide, Step};
use crate::event::{EventKind, Failure, FrameId, Started};
use crate::limits::EXPRESS_SECONDS_MAX;
use crate::report::{JSON_REPORT, Report};
use crate::retry::{Fault, RUNTIME};
use crate::state::Status;

impl Decide<'_, '_> {
    pub(super) fn start(&mut self, start: Start) {
        if self.execution.status() != Status::New {
            return;
        }
        let started = Started {
            arn: start.arn,
            definition_arn: start.definition_arn,
            name: start.name,
            role_arn: start.role_arn,
        };
        let is_express = started.is_express();
        let kind = EventKind::Started(Box::new(started));
        self.emit_after(0, FrameId::ROOT, kind, Some(start.input.clone()));
        if start.attributes.ends_with(JSON_REPORT) {
            self.emit_after(0, FrameId::ROOT, EventKind::ReportsJson, None);
        }
        let limit = is_express.then_some(EXPRESS_SECONDS_MAX);
        if let Some(seconds) = self.def.timeout_seconds.into_iter().chain(limit).min() {
            let timer = self.new_timer();
            self.emit_after(0, FrameId::ROOT, EventKind::DeadlineSet(timer), None);
            self.wake(timer, self.turn.now().plus_seconds(seconds));
        }
        self.ready.push_back((
            FrameId::ROOT,
            Step::Enter(self.def.root.start_at, Doc::from(start.input)),
        ));
    }

    /// The machine's `TimeoutSeconds` ran out.
    pub(super) fn deadline(&mut self) {
        let kind = EventKind::ExecutionTimedOut(Box::default());
        self.emit_after(0, FrameId::ROOT, kind, None);
        self.close();
    }

    /// Stopped from outside.
    pub(super) fn stop(&mut self, failure: Failure) {
        let kind = EventKind::ExecutionAborted(Box::new(failure));
        self.emit_after(0, FrameId::ROOT, kind, None);
        self.close();
    }

    /// Ends the execution by a failure in `frame`.
    pub(super) fn fail_execution(&mut self, frame: FrameId, fault: Fault) {
        self.emit(frame, EventKind::ExecutionFailed(Box::new(fault.failure)), None);
        self.close();
    }

    /// The history is full: the event that found no room is not recorded.
    pub(super) fn exhausted(&mut self) {
        if !self.execution.is_running() {
            return;
        }
        let last = self.execution.events_len();
        let limit = self.execution.events_max();
        let cause =
            format!("The execution reached the maximum number of history events ({limit}).");
        let failure = Failure { error: Some(RUNTIME.to_owned()), cause: Some(cause) };
        let kind = EventKind::ExecutionFailed(Box::new(failure));
        self.emit_after(last, FrameId::ROOT, kind, None);
        self.close();
    }

    pub(super) fn close(&mut self) {
        self.ready.clear();
        let report = Report::of(self.execution);
        let report = match self.execution.reports_json {
            true => report.to_json().to_string().into_bytes(),
            false => report.encode(),
        };
        self.turn.command(Command::Close { report });
    }
}
