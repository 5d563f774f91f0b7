//! The fold: how each event changes the state. It never fails, decides nothing and reads no clock.

use std::sync::Arc;

use serde_json::{Map, Value};
use trackway_core::fanout::Fanout;
use trackway_core::{EffectId, Payload, TimerId, Timestamp};

use super::event::{Event, EventKind, Started, StepOptions};
use super::limits::RESOLVED_TARGETS_SHOWN;
use super::start::Mode;
use super::state::{Automation, Fan, Items, Looping, Record, Work};
use super::status::Status;

impl Automation {
    /// Folds one event.
    pub(crate) fn fold(&mut self, event: &Event, at: Timestamp) {
        let payload = event.payload.as_ref();
        match &event.kind {
            EventKind::Started(started) => self.begin(started, payload, at),
            EventKind::Parameters => self.parameters = Arc::new(members(payload)),
            EventKind::Variables => self.variables = members(payload),
            EventKind::Listed => self.is_listed = true,
            EventKind::Yielded { timer, place } => {
                self.use_timer(*timer);
                self.yielded = Some((*timer, *place));
            }
            EventKind::Awaiting(place) => {
                self.awaiting = Some(*place);
                self.yielded = None;
                self.status = Status::Waiting;
            }
            EventKind::StepStarted { place, timeout, options } => {
                self.start_step(*place, *timeout, options.as_deref(), payload, at);
            }
            EventKind::StepEnded { .. } => self.end_step(event, at),
            EventKind::VariableSet => self.set_variable(payload),
            EventKind::Completing => {
                self.completing = true;
                self.with_fan(|fan| fan.progress.stop());
            }
            EventKind::Cancelling { timer } => {
                self.use_timer(*timer);
                self.cancelling = Some(*timer);
                self.status = Status::Cancelling;
                self.awaiting = None;
                self.yielded = None;
                self.fetching = None;
                self.alarm_timer = None;
                self.alarm_asked = None;
                self.with_fan(|fan| fan.progress.stop());
                if let Some(record) = self.current_mut() {
                    record.status = Status::Cancelling;
                }
            }
            EventKind::Told { effect } => self.use_effect(*effect),
            EventKind::Parting { effect } => {
                self.use_effect(*effect);
                self.parting.insert(*effect);
            }
            EventKind::Parted { effect } => {
                self.parting.remove(effect);
            }
            EventKind::Leaving { status, message } => {
                self.leaving = Some((*status, message.clone()));
            }
            EventKind::Closed { status, message } => self.close(*status, message, payload, at),
            _ => self.fold_work(event, at),
        }
    }

    /// Events of what is waited for.
    fn fold_work(&mut self, event: &Event, at: Timestamp) {
        let payload = event.payload.as_ref();
        match &event.kind {
            EventKind::Fetching { effect, parameter } => {
                self.use_effect(*effect);
                self.fetching = Some((*effect, *parameter));
            }
            EventKind::Fetched => {
                if let Some((_, parameter)) = self.fetching.take() {
                    self.fetched.insert(parameter, payload.cloned().unwrap_or_default());
                }
            }
            EventKind::AlarmAsked { effect } => {
                self.use_effect(*effect);
                self.alarm_asked = Some(*effect);
                self.alarm_timer = None;
            }
            EventKind::AlarmQuiet { timer } => {
                self.use_timer(*timer);
                self.alarm_asked = None;
                self.alarm_timer = Some(*timer);
            }
            EventKind::AlarmTriggered(alarms) => {
                self.alarm_asked = None;
                self.triggered.clone_from(alarms);
            }
            EventKind::Resolving { effect } => {
                self.use_effect(*effect);
                self.resolving = Some(*effect);
            }
            EventKind::Targets { first, rate } => {
                let items = Items::of(&payload.cloned().unwrap_or_default());
                let last = first.0.saturating_add(items.len());
                self.next_effect = self.next_effect.max(last);
                let shown = (0..items.len().min(RESOLVED_TARGETS_SHOWN)).map(|at| items.shown(at));
                self.fan = Some(Box::new(Fan {
                    resolved: Arc::new(shown.collect()),
                    progress: Fanout::new(items.len(), *rate),
                    first: first.0,
                    running: std::collections::BTreeMap::new(),
                    last: None,
                    cancelled: 0,
                    timed_out: 0,
                    items,
                }));
                self.resolving = None;
            }
            EventKind::ChildStarted => self.with_fan(|fan| {
                let index = fan.progress.started();
                fan.progress.start();
                fan.running.insert(index, at);
                fan.last = Some((index, at, Status::InProgress));
            }),
            EventKind::ChildEnded { index, status } => self.with_fan(|fan| {
                if let Some(since) = fan.running.remove(index) {
                    fan.progress.end(*status == Status::Success);
                    fan.cancelled += u32::from(*status == Status::Cancelled);
                    fan.timed_out += u32::from(*status == Status::TimedOut);
                    fan.last = Some((*index, since, *status));
                }
            }),
            _ => self.fold_step(event),
        }
    }

    /// Events of the step under way.
    fn fold_step(&mut self, event: &Event) {
        let payload = event.payload.as_ref();
        match &event.kind {
            EventKind::LoopStarted => {
                let items = payload.and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
                self.looping =
                    Some(Looping { items: items.map(Arc::new), iteration: 0, forced: None });
            }
            EventKind::PassStarted => {
                if let Some(looping) = &mut self.looping {
                    looping.iteration += 1;
                }
            }
            EventKind::Asked { effect, stage } => {
                self.use_effect(*effect);
                self.with_work(|work| {
                    work.effect = Some(*effect);
                    work.timer = None;
                    work.go_to(*stage, payload);
                });
            }
            EventKind::Waits { timer, stage } => {
                self.use_timer(*timer);
                self.with_work(|work| {
                    work.effect = None;
                    work.timer = Some(*timer);
                    work.polls += 1;
                    work.go_to(*stage, payload);
                });
            }
            EventKind::Parked => {
                self.with_work(|work| work.effect = None);
                if let Some(record) = self.current_mut() {
                    record.status = Status::Waiting;
                    record.outputs = payload.cloned();
                }
                if self.cancelling.is_none() {
                    self.status = Status::Waiting;
                }
            }
            EventKind::Decided(decision) => {
                self.with_work(|work| work.decisions.push((**decision).clone()));
                if let Some(record) = self.current_mut() {
                    record.outputs = payload.cloned();
                }
            }
            EventKind::Retried { timeout } => self.retry(*timeout),
            _ => {}
        }
    }

    fn begin(&mut self, started: &Started, input: Option<&Payload>, at: Timestamp) {
        self.status = Status::InProgress;
        self.started = Arc::new(started.clone());
        self.started_at = at;
        let mut input = members(input);
        if let Some(Value::Object(parameters)) = input.swap_remove("parameters") {
            self.parameters = Arc::new(parameters);
        }
    }

    fn start_step(
        &mut self,
        place: u16,
        timeout: Option<TimerId>,
        options: Option<&StepOptions>,
        inputs: Option<&Payload>,
        at: Timestamp,
    ) {
        timeout.into_iter().for_each(|timer| self.use_timer(timer));
        let sequence = self.sequence;
        self.sequence += 1;
        self.taken += 1;
        self.awaiting = None;
        self.yielded = None;
        if self.cancelling.is_none() {
            self.status = Status::InProgress;
        }
        let is_child =
            self.started.outline.get(usize::from(place)).is_some_and(|o| o.parent.is_some());
        let id = if is_child { self.child_step_id(sequence) } else { self.main_id(place) };
        let iteration = self.looping.as_ref().filter(|_| is_child).map_or(0, |l| l.iteration);
        let record = Record {
            place,
            sequence,
            id,
            started: at,
            ended: None,
            status: Status::InProgress,
            inputs: inputs.cloned().unwrap_or_default(),
            outputs: None,
            failure: None,
            code: None,
            options: options.cloned().map(Box::new),
            replaces: None,
            iteration,
            work: Work { attempt: 1, timeout, ..Work::default() },
        };
        if is_child {
            self.child = Some(record);
        } else {
            let replaces = self.rows.insert(place, (at, sequence));
            self.main = Some(Record { replaces, ..record });
            self.child = None;
            self.looping = None;
        }
    }

    fn end_step(&mut self, event: &Event, at: Timestamp) {
        let EventKind::StepEnded { status, failure, code, decides } = &event.kind else { return };
        let is_child = self.child.as_ref().is_some_and(Record::is_running);
        let Some(record) = self.current_mut() else { return };
        record.status = *status;
        record.ended = Some(at);
        record.failure.clone_from(failure);
        record.code.clone_from(code);
        if event.payload.is_some() {
            record.outputs.clone_from(&event.payload);
        }
        record.work = Work { attempt: record.work.attempt, ..Work::default() };
        let (place, outputs) = (record.place, record.outputs.clone().unwrap_or_default());
        self.results.insert(place, (outputs, *status == Status::Success));
        if *decides {
            let forced = Some((*status, failure.as_ref().map(|failure| failure.message.clone())));
            match &mut self.looping {
                Some(looping) if is_child => looping.forced = forced,
                _ => self.forced = forced,
            }
        }
        if self.cancelling.is_none() && self.status == Status::Waiting {
            self.status = Status::InProgress;
        }
    }

    fn retry(&mut self, timeout: Option<TimerId>) {
        timeout.into_iter().for_each(|timer| self.use_timer(timer));
        self.taken += 1;
        let is_child = self.child.as_ref().is_some_and(Record::is_running);
        if let Some(record) = self.current_mut() {
            let attempt = record.work.attempt + 1;
            record.work = Work { attempt, timeout, ..Work::default() };
            record.status = Status::InProgress;
            record.outputs = None;
        }
        if !is_child {
            self.looping = None;
        }
        if self.cancelling.is_none() {
            self.status = Status::InProgress;
        }
    }

    fn set_variable(&mut self, payload: Option<&Payload>) {
        for (name, value) in members(payload) {
            self.variables.insert(name, value);
        }
    }

    fn close(
        &mut self,
        status: Status,
        message: &Option<String>,
        outputs: Option<&Payload>,
        at: Timestamp,
    ) {
        self.status = status;
        self.closed_at = Some(at);
        self.message.clone_from(message);
        self.outputs = outputs.cloned();
        self.fetching = None;
        self.fetched.clear();
        self.results.clear();
        self.looping = None;
        self.awaiting = None;
        self.yielded = None;
        self.cancelling = None;
        self.alarm_asked = None;
        self.alarm_timer = None;
        self.resolving = None;
        self.parting.clear();
        self.leaving = None;
        self.with_fan(|fan| fan.items = Items::default());
    }

    fn with_work(&mut self, change: impl FnOnce(&mut Work)) {
        if let Some(record) = self.current_mut() {
            change(&mut record.work);
        }
    }

    fn with_fan(&mut self, change: impl FnOnce(&mut Fan)) {
        if let Some(fan) = &mut self.fan {
            change(fan);
        }
    }

    fn use_effect(&mut self, effect: EffectId) {
        self.next_effect = self.next_effect.max(effect.0.saturating_add(1));
    }

    fn use_timer(&mut self, timer: TimerId) {
        self.next_timer = self.next_timer.max(timer.0.saturating_add(1));
    }

    /// Whether its steps wait to be started.
    pub(crate) fn is_interactive(&self) -> bool {
        self.started.with.mode == Mode::Interactive
    }
}

impl Work {
    fn go_to(&mut self, stage: u8, memo: Option<&Payload>) {
        self.stage = stage;
        if memo.is_some() {
            self.memo = memo.cloned();
        }
    }
}

/// The members of a JSON object; none of anything else.
pub(crate) fn members(text: Option<&Payload>) -> Map<String, Value> {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
