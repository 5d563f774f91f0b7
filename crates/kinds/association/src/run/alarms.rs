//! CloudWatch alarms: they keep a run from beginning, and stop one that has begun.

use serde_json::{Value, json};
use trackway_core::{Command, EffectId, Outcome, Payload, Turn};

use super::AssociationRun;
use super::event::{Event, EventKind, Purpose};
use crate::limits::ALARM_POLL_SECONDS;
use crate::request::{AWS, Stop};
use crate::spec::{AlarmConfiguration, TriggeredAlarm};

impl AssociationRun {
    /// Asks for the state of its alarms. Tells whether it has any.
    pub(super) fn ask_alarms(&mut self, turn: &mut Turn<'_, Self>) -> bool {
        let Some(alarms) = &self.input.call.spec.alarm_configuration else { return false };
        if alarms.alarms.is_empty() {
            return false;
        }
        let names: Vec<&str> = alarms.alarms.iter().map(|alarm| alarm.name.as_str()).collect();
        let request = json!({
            "service": "cloudwatch",
            "operation": "DescribeAlarms",
            "input": { "AlarmNames": names, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] },
        });
        let effect = EffectId(self.effects_len);
        self.emit(EventKind::AlarmsAsked(effect), turn);
        let (queue, request) = (AWS.to_owned(), Payload::new(request.to_string()));
        turn.command(Command::Run { effect, queue, request });
        true
    }

    /// Takes the answer. Tells whether it goes on.
    pub(super) fn alarms_answered(
        &mut self,
        effect: EffectId,
        outcome: &Outcome,
        turn: &mut Turn<'_, Self>,
    ) -> bool {
        let alarms = self.input.call.spec.alarm_configuration.clone().unwrap_or_default();
        let triggered = triggered(&alarms, outcome);
        if triggered.is_empty() {
            self.emit(EventKind::AlarmsQuiet(effect), turn);
            self.arm(Purpose::Alarms, ALARM_POLL_SECONDS, turn);
            return true;
        }
        let payload = Payload::new(serde_json::to_string(&triggered).unwrap_or_default());
        let kind = EventKind::AlarmsTriggered(effect);
        turn.emit(self, Event { kind, payload: Some(payload) });
        self.stop(Stop::Cancelled, turn);
        false
    }
}

/// The alarms that are in the way. One that can't be looked at is, unless it may be ignored.
fn triggered(alarms: &AlarmConfiguration, outcome: &Outcome) -> Vec<TriggeredAlarm> {
    let Outcome::Succeeded(text) = outcome else {
        let is_ignored = alarms.ignore_poll_alarm_failure.unwrap_or_default();
        let unknown = |alarm: &crate::spec::Alarm| TriggeredAlarm {
            name: alarm.name.clone(),
            state: "UNKNOWN".to_owned(),
        };
        let all = alarms.alarms.iter().map(unknown);
        return if is_ignored { Vec::new() } else { all.collect() };
    };
    let answer: Value = serde_json::from_str(text).unwrap_or_default();
    let lists = ["MetricAlarms", "CompositeAlarms"].into_iter();
    lists
        .filter_map(|list| answer[list].as_array())
        .flatten()
        .filter(|alarm| alarm["StateValue"] == "ALARM")
        .filter_map(|alarm| alarm["AlarmName"].as_str())
        .filter(|name| alarms.alarms.iter().any(|alarm| alarm.name == *name))
        .map(|name| TriggeredAlarm { name: name.to_owned(), state: "ALARM".to_owned() })
        .collect()
}
