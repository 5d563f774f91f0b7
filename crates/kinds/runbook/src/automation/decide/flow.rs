//! From step to step: how one begins, is tried again, ends, and what follows it.

use serde_json::{Map, Value};
use trackway_core::{Command, Payload, TimerId};

use super::work::Answer;
use super::{Decide, Ending, Next};
use crate::automation::action::ActionKind;
use crate::automation::definition::Ready;
use crate::automation::event::{EventKind, StepOptions};
use crate::automation::failure::{Failure, Stage};
use crate::automation::limits::{REFERENCES_BYTES_MAX, STEP_BYTES, STEPS_MAX, TURN_STEPS_MAX};
use crate::automation::scope::Scope;
use crate::automation::state::Record;
use crate::automation::status::Status;
use crate::automation::value::convert;
use crate::document::reference::{Part, Template, Unresolved, as_text, parts, resolve};
use crate::document::{NextStep, OnFailure, ParameterType};

impl Decide<'_, '_> {
    /// Goes to a step, unless something comes before it.
    pub(super) fn enter(&mut self, place: u16) -> Next {
        let is_main = self.def.ready(place).is_some_and(|ready| ready.parent.is_none());
        if is_main && self.state.completing && self.state.cancelling.is_none() {
            return Next::Finish;
        }
        if is_main && self.state.is_interactive() && self.state.cancelling.is_none() {
            self.emit(EventKind::Awaiting(place), None);
            return Next::Block;
        }
        if self.steps >= TURN_STEPS_MAX {
            let timer = self.new_timer();
            self.emit(EventKind::Yielded { timer, place }, None);
            self.turn.command(Command::Wake { timer, at: self.turn.now() });
            return Next::Block;
        }
        Next::Begin(place)
    }

    /// Begins a step: its inputs are resolved now.
    pub(super) fn begin(&mut self, place: u16) -> Next {
        let Some(ready) = self.def.ready(place) else { return Next::Finish };
        if self.is_exhausted() {
            return self.exhausted();
        }
        self.steps += 1;
        let options = self.options(ready);
        let inputs = self.resolve_inputs(ready);
        let (options, inputs, failure) = match (options, inputs) {
            (Ok(options), Ok(inputs)) => (options, inputs, None),
            (Err(failure), _) => (StepOptions::default(), Map::new(), Some(failure)),
            (Ok(options), Err(failure)) => (options, Map::new(), Some(failure)),
        };
        let timeout = self.arm(options.timeout_seconds, ready.action);
        let options = (options != StepOptions::default()).then(|| Box::new(options));
        let text = serde_json::to_string(&inputs).unwrap_or_default();
        // A step that carries much takes the place of several.
        let weight = u32::try_from(text.len() / STEP_BYTES).unwrap_or(u32::MAX);
        self.steps = self.steps.saturating_add(weight);
        let text = Payload::new(text);
        self.emit(EventKind::StepStarted { place, timeout, options }, Some(text));
        if let Some(failure) = failure {
            return Next::Ended(Ending::Failed { failure, outputs: Map::new(), code: None });
        }
        self.inputs = self.state.current().map(|record| (record.sequence, inputs));
        Next::Work(Answer::Begin)
    }

    /// A jump backwards that never ends has to.
    fn is_exhausted(&self) -> bool {
        self.state.taken >= STEPS_MAX
    }

    fn exhausted(&mut self) -> Next {
        let failure = Failure::internal(&format!("The execution took {STEPS_MAX} steps"));
        if self.state.current().is_some() {
            self.end_step(Status::Failed, Some(failure.clone()), Map::new(), None);
        }
        if self.state.running_main().is_some() {
            self.end_step(Status::Failed, Some(failure.clone()), Map::new(), None);
        }
        self.give_up(failure)
    }

    /// Sets the clock of an attempt.
    fn arm(&mut self, seconds: Option<u64>, action: ActionKind) -> Option<TimerId> {
        // What ends at once in any case needs none.
        if matches!(action, ActionKind::Branch | ActionKind::UpdateVariable) {
            return None;
        }
        let seconds = seconds.unwrap_or_else(|| action.default_timeout());
        if seconds == 0 {
            return None;
        }
        let timer = self.new_timer();
        self.turn.command(Command::Wake { timer, at: self.turn.now().plus_seconds(seconds) });
        Some(timer)
    }

    /// What the document says of a step.
    fn options(&self, ready: &Ready) -> Result<StepOptions, Failure> {
        let step = &ready.step;
        let number = |name: &str, template: Option<&Template>| {
            let Some(template) = template else { return Ok(None) };
            let value = fill(&self.scope(ready.parent), template)?;
            let number = convert(value, &ParameterType::Integer).ok();
            match number.and_then(|number| number.as_u64()) {
                Some(number) => Ok(Some(number)),
                None => Err(Failure::input(&format!("{name} is not a number"))),
            }
        };
        let attempts = number("maxAttempts", ready.attempts.as_ref())?;
        let on_failure = step.on_failure.as_ref().map(|way| match way {
            OnFailure::Abort => "Abort".to_owned(),
            OnFailure::Continue => "Continue".to_owned(),
            OnFailure::Step(name) => format!("step:{name}"),
        });
        let shown = |next: &NextStep| match next {
            NextStep::Step(name) | NextStep::Reference(name) => name.clone(),
        };
        let mut valid_next_steps: Vec<String> = Vec::new();
        for next in ready.choices.iter().map(|(_, next)| next).chain(&ready.default) {
            let name = shown(next);
            if !valid_next_steps.contains(&name) {
                valid_next_steps.push(name);
            }
        }
        Ok(StepOptions {
            timeout_seconds: number("timeoutSeconds", ready.timeout.as_ref())?,
            max_attempts: attempts.map(|attempts| u32::try_from(attempts).unwrap_or(u32::MAX)),
            on_failure,
            is_end: step.is_end,
            next_step: step.next_step.as_ref().map(shown),
            is_critical: step.is_critical,
            valid_next_steps,
        })
    }

    /// Resolves every input. What a branch compares it resolves when it does, and a script may
    /// hold braces of its own.
    fn resolve_inputs(&self, ready: &Ready) -> Result<Map<String, Value>, Failure> {
        let mut inputs = Map::new();
        let scope = self.scope(ready.parent);
        for (name, template) in &ready.inputs {
            let is_lenient = ready.action == ActionKind::Branch || name == "Script";
            let value = match fill(&scope, template) {
                Err(_) if is_lenient && !scope.is_exhausted() => {
                    fill_leniently(&scope, ready, name)
                }
                value => value?,
            };
            inputs.insert(name.clone(), value);
        }
        Ok(inputs)
    }

    /// The step under way has ended, or an attempt of it.
    pub(super) fn ended(&mut self, ending: Ending) -> Next {
        let Some(record) = self.state.current() else { return Next::Block };
        let Some(ready) = self.def.ready(record.place) else { return Next::Block };
        let (status, failure, outputs, code) = match ending {
            Ending::Succeeded { outputs, code, jump } => {
                self.end_step(Status::Success, None, outputs, code);
                return match jump {
                    Some(place) if !self.is_end(ready) => Next::Enter(place),
                    _ => self.following(ready),
                };
            }
            Ending::Failed { failure, outputs, code } => (Status::Failed, failure, outputs, code),
            Ending::TimedOut(failure) => (Status::TimedOut, failure, Map::new(), None),
            Ending::Cancelled => {
                self.end_cancelled();
                return self.after_stop(ready);
            }
        };
        if self.may_retry(record, &failure) {
            return self.retry(ready);
        }
        self.end_step(status, Some(failure), outputs, code);
        self.after_failure(ready, status)
    }

    fn may_retry(&self, record: &Record, failure: &Failure) -> bool {
        let attempts = record.options.as_ref().and_then(|options| options.max_attempts);
        failure.stage != Stage::InputValidation
            && record.work.attempt < attempts.unwrap_or(1)
            && self.state.cancelling.is_none()
            && !self.is_exhausted()
    }

    fn retry(&mut self, ready: &Ready) -> Next {
        self.release();
        let record = self.state.current();
        let seconds = record.and_then(|r| r.options.as_ref()).and_then(|o| o.timeout_seconds);
        let timeout = self.arm(seconds, ready.action);
        self.emit(EventKind::Retried { timeout }, None);
        Next::Work(Answer::Begin)
    }

    pub(super) fn end_step(
        &mut self,
        status: Status,
        failure: Option<Failure>,
        outputs: Map<String, Value>,
        code: Option<String>,
    ) {
        self.release();
        let Some(record) = self.state.current() else { return };
        let ready = self.def.ready(record.place);
        let is_failure = matches!(status, Status::Failed | Status::TimedOut);
        let decides = is_failure && ready.is_some_and(is_critical);
        let failure = failure.map(Box::new);
        let outputs = (!outputs.is_empty())
            .then(|| Payload::new(serde_json::to_string(&outputs).unwrap_or_default()));
        self.emit(EventKind::StepEnded { status, failure, code, decides }, outputs);
    }

    /// After a failure: `isEnd`, then `onFailure`.
    fn after_failure(&mut self, ready: &Ready, status: Status) -> Next {
        if self.is_end(ready) {
            return self.level_end(ready);
        }
        match &ready.step.on_failure {
            None | Some(OnFailure::Abort) => self.abort(ready, status),
            Some(OnFailure::Continue) => self.following(ready),
            Some(OnFailure::Step(name)) => match self.def.place(name, ready.parent) {
                Some(place) => Next::Enter(place),
                None => self.abort(ready, status),
            },
        }
    }

    /// Nothing more of this level runs: the execution fails, or the loop around it.
    fn abort(&mut self, ready: &Ready, status: Status) -> Next {
        let failed = self.state.child.as_ref().filter(|_| ready.parent.is_some());
        let failed = failed.or(self.state.main.as_ref());
        let message = failed.and_then(|record| record.failure.as_ref()).map(|f| f.message.clone());
        match ready.parent {
            Some(_) => self.loop_failed(status, message),
            None => self.finish_as(status, message),
        }
    }

    /// The step after this one: `isEnd`, `nextStep`, or the next in order.
    pub(super) fn following(&mut self, ready: &Ready) -> Next {
        if self.is_end(ready) {
            return self.level_end(ready);
        }
        let next = match &ready.step.next_step {
            Some(next) => self.target(ready, next),
            None => self.place_of(ready).and_then(|place| self.def.following(place)),
        };
        next.map_or_else(|| self.level_end(ready), Next::Enter)
    }

    /// The last step of a level is over: so is the execution, or the loop's pass.
    fn level_end(&self, ready: &Ready) -> Next {
        if ready.parent.is_some() { Next::Pass } else { Next::Finish }
    }

    fn is_end(&self, ready: &Ready) -> bool {
        ready.step.is_end == Some(true)
    }

    fn place_of(&self, ready: &Ready) -> Option<u16> {
        self.def.place(&ready.step.name, ready.parent)
    }

    /// Where a jump leads.
    pub(super) fn target(&self, ready: &Ready, next: &NextStep) -> Option<u16> {
        match next {
            NextStep::Step(name) => self.def.place(name, ready.parent),
            NextStep::Reference(text) => {
                let braced =
                    if text.contains("{{") { text.clone() } else { format!("{{{{ {text} }}}}") };
                let name = fill(&self.scope(ready.parent), &Template::parse_text(&braced)).ok()?;
                self.def.place(name.as_str()?.trim_start_matches("step:"), ready.parent)
            }
        }
    }

    /// The step under way took too long.
    pub(super) fn timed_out(&mut self) -> Next {
        self.part_with_child();
        let action = self.state.current().and_then(|record| self.def.ready(record.place));
        let doing = match action.map(|ready| ready.action) {
            Some(ActionKind::RunInstances) => "verifying launched instance(s) are ready to be used",
            Some(ActionKind::Approve) => "waiting for approvals",
            _ => "executing its action",
        };
        Next::Ended(Ending::TimedOut(Failure::timed_out(doing)))
    }

    /// The main step took too long; if it is a loop, the step in it is given up.
    pub(super) fn main_timed_out(&mut self) -> Next {
        if self.state.child.as_ref().is_some_and(Record::is_running) {
            self.part_with_child();
            self.end_step(
                Status::Cancelled,
                Some(Failure::timed_out("in a loop")),
                Map::new(),
                None,
            );
        }
        self.timed_out()
    }

    /// The step waits for a signal.
    pub(super) fn park(&mut self) -> Next {
        let outputs = self.state.current().and_then(|record| {
            let action = self.def.ready(record.place)?.action;
            (action == ActionKind::Approve)
                .then(|| super::approve::outputs(&record.work.decisions, "Waiting"))
        });
        let outputs = outputs.map(|outputs| Payload::new(Value::Object(outputs).to_string()));
        self.emit(EventKind::Parked, outputs);
        Next::Block
    }
}

fn fill(scope: &Scope<'_>, template: &Template) -> Result<Value, Failure> {
    template.resolve(scope).map_err(|missing| unresolved(scope, &missing))
}

/// Why a reference stands for nothing.
pub(super) fn unresolved(scope: &Scope<'_>, missing: &Unresolved) -> Failure {
    if scope.is_exhausted() {
        let kib = REFERENCES_BYTES_MAX / 1024;
        return Failure::input(&format!("The values of the step's references exceed {kib} KB"));
    }
    Failure::unresolved(&missing.0.to_string())
}

/// Fills in what there is in a text; leaves anything else as it is written.
fn fill_leniently(scope: &Scope<'_>, ready: &Ready, name: &str) -> Value {
    let written = ready.step.inputs.get(name).cloned().unwrap_or_default();
    let Value::String(text) = &written else { return written };
    let fill = |part: Part| match part {
        Part::Text(text) => text,
        Part::Reference(reference) => {
            let written = Value::from(format!("{{{{ {reference} }}}}"));
            as_text(&resolve(&written, scope).unwrap_or(written))
        }
    };
    Value::String(parts(text).into_iter().map(fill).collect())
}

/// Whether the step's failure decides over the whole: `isCritical`, which is the default unless
/// `onFailure` is `Continue`.
fn is_critical(ready: &Ready) -> bool {
    let step = &ready.step;
    step.is_critical.unwrap_or(step.on_failure != Some(OnFailure::Continue))
}
