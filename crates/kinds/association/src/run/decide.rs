//! What a run decides.

use serde_json::{Map, Value, json};
use trackway_core::{Command, EffectId, Outcome, Payload, TimerId, Turn};

use super::event::{Event, EventKind, Purpose};
use super::{AssociationRun, Awaited};
use crate::ids::{uuid, uuid_text};
use crate::limits::STARTS_PER_TURN_MAX;
use crate::request::{
    ASSOCIATION, AUTOMATION, COMMAND, Call, ChildCall, Stop, TARGETS, TargetsCall,
};
use crate::spec::Spec;
use crate::status::{AFTER_TOO_MANY_ERRORS, Status, aggregate};

impl AssociationRun {
    pub(super) fn begin(&mut self, input: Payload, turn: &mut Turn<'_, Self>) {
        turn.emit(self, Event { kind: EventKind::Started, payload: Some(input) });
        if self.input.document.problem.is_some() {
            return self.end(Status::Failed, turn);
        }
        if let Some(hours) = self.input.call.spec.duration {
            self.arm(Purpose::CutOff, u64::from(hours) * 3600, turn);
        }
        if !self.ask_alarms(turn) {
            self.find_targets(turn);
        }
    }

    fn find_targets(&mut self, turn: &mut Turn<'_, Self>) {
        let call = &self.input.call;
        let known = match &call.nodes {
            Some(nodes) => Some(nodes.clone()),
            // Automation finds and rates its targets itself: one child is all of them.
            None if self.is_automation() => Some(vec![call.execution_id.clone()]),
            None => None,
        };
        if let Some(ids) = known {
            return self.found_targets(None, &json!(ids), turn);
        }
        let targets = serde_json::to_value(&call.spec.targets).unwrap_or_default();
        let request = TargetsCall { targets, purpose: "Association".to_owned() };
        let request = Payload::new(serde_json::to_string(&request).unwrap_or_default());
        let effect = EffectId(self.effects_len);
        self.emit(EventKind::TargetsAsked(effect), turn);
        turn.command(Command::Run { effect, queue: TARGETS.to_owned(), request });
    }

    fn found_targets(&mut self, effect: Option<EffectId>, ids: &Value, turn: &mut Turn<'_, Self>) {
        let payload = Some(Payload::new(ids.to_string()));
        turn.emit(self, Event { kind: EventKind::TargetsFound(effect), payload });
        self.go_on(turn);
    }

    pub(super) fn finished(
        &mut self,
        effect: EffectId,
        outcome: Outcome,
        turn: &mut Turn<'_, Self>,
    ) {
        match self.effects.get(&effect).copied() {
            None => {}
            Some(Awaited::Alarms) => {
                let is_first = self.fanout.is_none() && !self.asks_targets();
                if self.alarms_answered(effect, &outcome, turn) && is_first {
                    self.find_targets(turn);
                }
            }
            Some(Awaited::Targets) => self.targets_answered(effect, &outcome, turn),
            Some(Awaited::Child(target)) => {
                let (status, details) = of_child(outcome);
                self.emit(EventKind::TargetEnded { target, effect, status, details }, turn);
                self.go_on(turn);
            }
            Some(Awaited::Cancel) => {
                self.emit(EventKind::CancelAnswered(effect), turn);
                self.end_stopped(turn);
            }
        }
    }

    fn asks_targets(&self) -> bool {
        self.effects.values().any(|awaited| *awaited == Awaited::Targets)
    }

    fn targets_answered(&mut self, effect: EffectId, outcome: &Outcome, turn: &mut Turn<'_, Self>) {
        let why = match outcome {
            Outcome::Succeeded(text) => match serde_json::from_str::<Vec<String>>(text) {
                Ok(ids) => return self.found_targets(Some(effect), &json!(ids), turn),
                Err(error) => error.to_string(),
            },
            Outcome::Failed { error, cause } => format!("{error}: {cause}"),
            Outcome::Closed { .. } => "a child answered".to_owned(),
        };
        let payload = Some(Payload::new(Value::from(why).to_string()));
        turn.emit(self, Event { kind: EventKind::TargetsFailed(effect), payload });
        self.end(Status::Failed, turn);
    }

    pub(super) fn fired(&mut self, timer: TimerId, turn: &mut Turn<'_, Self>) {
        let Some(purpose) = self.timers.get(&timer).copied() else { return };
        self.emit(EventKind::Fired(timer), turn);
        match purpose {
            Purpose::GoOn => self.go_on(turn),
            Purpose::CutOff => self.stop(Stop::Cancelled, turn),
            Purpose::Alarms => {
                self.ask_alarms(turn);
            }
        }
    }

    pub(super) fn arm(&mut self, purpose: Purpose, seconds: u64, turn: &mut Turn<'_, Self>) {
        let timer = TimerId(self.timers_len);
        self.emit(EventKind::Armed(timer, purpose), turn);
        turn.command(Command::Wake { timer, at: turn.now().plus_seconds(seconds) });
    }

    /// Starts as many targets as may start now, or ends. A large number takes several turns.
    fn go_on(&mut self, turn: &mut Turn<'_, Self>) {
        let Some(fanout) = &self.fanout else { return };
        let (may_start, first) = (fanout.may_start(), fanout.started());
        for target in first..first + may_start.min(STARTS_PER_TURN_MAX) {
            self.start_target(target, turn);
        }
        let goes_on = self.timers.values().any(|purpose| *purpose == Purpose::GoOn);
        if may_start > STARTS_PER_TURN_MAX && !goes_on {
            self.arm(Purpose::GoOn, 0, turn);
        }
        let is_over = self.fanout.as_ref().is_some_and(trackway_core::fanout::Fanout::is_over);
        if !is_over {
            return;
        }
        if self.counts.contains_key(&Status::Pending) {
            self.emit(EventKind::RestEnded(AFTER_TOO_MANY_ERRORS), turn);
        }
        self.end(aggregate(&self.counts), turn);
    }

    fn start_target(&mut self, target: u32, turn: &mut Turn<'_, Self>) {
        let Some(id) = self.targets.get(target as usize).map(|target| target.id.clone()) else {
            return;
        };
        let effect = EffectId(self.effects_len);
        let child = uuid(turn.random(), turn.random());
        self.emit(EventKind::TargetStarted { target, effect, child }, turn);
        let call = &self.input.call;
        let (queue, input) = if self.is_automation() {
            (AUTOMATION, self.automation_input())
        } else {
            (COMMAND, command_input(&call.spec, &self.input.document.version, &id))
        };
        let origin = json!({
            "AssociationId": call.association_id,
            "AssociationExecutionId": call.execution_id,
        });
        let request = ChildCall { id: uuid_text(child), input, origin: object(origin) };
        let request = Payload::new(serde_json::to_string(&request).unwrap_or_default());
        turn.command(Command::Run { effect, queue: queue.to_owned(), request });
    }

    /// StartAutomationExecution's input: at its own rate over the targets, or just the parameters.
    fn automation_input(&self) -> Map<String, Value> {
        let spec = &self.input.call.spec;
        let mut input = document_input(spec, &self.input.document.version);
        if let Some(parameter) = &spec.automation_target_parameter_name {
            input.insert("TargetParameterName".to_owned(), json!(parameter));
            input.insert("Targets".to_owned(), json!(spec.targets));
            let rates =
                [("MaxConcurrency", &spec.max_concurrency), ("MaxErrors", &spec.max_errors)];
            for (name, rate) in rates {
                if let Some(rate) = rate {
                    input.insert(name.to_owned(), json!(rate));
                }
            }
        }
        for (name, value) in
            [("TargetMaps", &spec.target_maps), ("TargetLocations", &spec.target_locations)]
        {
            if let Some(value) = value {
                input.insert(name.to_owned(), value.clone());
            }
        }
        input
    }

    pub(super) fn stop(&mut self, how: Stop, turn: &mut Turn<'_, Self>) {
        if matches!(self.stopped, Some(Stop::TimedOut | Stop::Cancelled))
            || self.stopped == Some(how)
        {
            return;
        }
        let children: Vec<String> = self.children().map(uuid_text).collect();
        let mut dropped: Vec<EffectId> = self.effects.keys().copied().collect();
        let timers: Vec<TimerId> = self.timers.keys().copied().collect();
        self.emit(EventKind::Stopped(how), turn);
        if how == Stop::Drain {
            return self.drain(turn);
        }
        dropped.retain(|effect| !self.effects.contains_key(effect));
        dropped.into_iter().for_each(|effect| turn.command(Command::Cancel(effect)));
        timers.into_iter().for_each(|timer| turn.command(Command::Disarm(timer)));
        if !children.is_empty() {
            let effect = EffectId(self.effects_len);
            self.emit(EventKind::CancelAsked(effect), turn);
            let queue = if self.is_automation() { AUTOMATION } else { COMMAND };
            let call = Call::Cancel { queue: queue.to_owned(), ids: children };
            let request = Payload::new(serde_json::to_string(&call).unwrap_or_default());
            turn.command(Command::Run { effect, queue: ASSOCIATION.to_owned(), request });
        }
        self.end_stopped(turn);
    }

    /// The children that are under way.
    fn children(&self) -> impl Iterator<Item = u128> {
        self.effects.values().filter_map(|awaited| match awaited {
            Awaited::Child(target) => self.targets.get(*target as usize).map(|it| it.child),
            _ => None,
        })
    }

    /// What runs may end; nothing more begins. Without targets nothing ever will.
    fn drain(&mut self, turn: &mut Turn<'_, Self>) {
        if self.fanout.is_some() { self.go_on(turn) } else { self.end(Status::Cancelled, turn) }
    }

    /// A run that was stopped ends once its children know.
    fn end_stopped(&mut self, turn: &mut Turn<'_, Self>) {
        if self.effects.is_empty() {
            self.end(self.status(), turn);
        }
    }

    fn end(&mut self, status: Status, turn: &mut Turn<'_, Self>) {
        self.emit(EventKind::Ended(status), turn);
        turn.command(Command::Close { report: self.report().encode() });
    }
}

/// How a target's child ended, and the finer word where it is another one.
fn of_child(outcome: Outcome) -> (Status, Option<String>) {
    let (status, details) = match outcome {
        Outcome::Closed { report } => {
            let report: Value = serde_json::from_slice(&report).unwrap_or_default();
            let text = |names: [&str; 2]| {
                let found = names.iter().find_map(|name| report[name].as_str());
                found.unwrap_or_default().to_owned()
            };
            let status = text(["Status", "AutomationExecutionStatus"]);
            let details = invocation_details(&report)
                .unwrap_or_else(|| text(["StatusDetails", "AutomationExecutionStatus"]));
            (Status::of_child(&status, &details), details)
        }
        // The node was there when the targets were found, and is gone now.
        Outcome::Failed { error, .. } if error.contains("InvalidInstanceId") => {
            (Status::Failed, "Undeliverable".to_owned())
        }
        Outcome::Failed { error, .. } => (Status::Failed, error),
        Outcome::Succeeded(_) => (Status::Failed, String::new()),
    };
    let is_other = !details.is_empty() && details != status.name();
    (status, is_other.then_some(details))
}

/// What the only node of a command says: more than the command's own `Incomplete`.
fn invocation_details(report: &Value) -> Option<String> {
    let [only] = report["Invocations"].as_array()?.as_slice() else { return None };
    only["StatusDetails"].as_str().map(str::to_owned)
}

fn document_input(spec: &Spec, version: &str) -> Map<String, Value> {
    let version = if version.is_empty() { spec.document_version.as_str() } else { version };
    object(json!({
        "DocumentName": spec.name,
        "DocumentVersion": version,
        "Parameters": spec.parameters,
    }))
}

/// SendCommand's input for one node.
fn command_input(spec: &Spec, version: &str, node: &str) -> Map<String, Value> {
    let mut input = document_input(spec, version);
    input.insert("InstanceIds".to_owned(), json!([node]));
    let location = spec.output_location.as_ref().map(|location| &location["S3Location"]);
    for name in ["OutputS3Region", "OutputS3BucketName", "OutputS3KeyPrefix"] {
        if let Some(value) = location.and_then(|location| location.get(name)) {
            input.insert(name.to_owned(), value.clone());
        }
    }
    input
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
