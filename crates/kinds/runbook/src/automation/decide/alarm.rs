//! The alarm that cancels an execution.

use serde_json::{Value, json};
use trackway_core::{Command, Outcome};

use super::work::{object, payload};
use super::{Decide, Next};
use crate::automation::event::EventKind;
use crate::automation::limits::ALARM_SECONDS;
use crate::automation::start::TriggeredAlarm;
use crate::request::{self, AwsCall};

impl Decide<'_, '_> {
    /// Looks at the alarm at once, if one was given.
    pub(super) fn begin_alarm(&mut self) {
        let alarms = self.state.started.with.alarms.as_ref();
        if alarms.is_some_and(|alarms| !alarms.alarms.is_empty()) {
            self.ask_alarm();
        }
    }

    pub(super) fn ask_alarm(&mut self) {
        let Some(alarms) = &self.state.started.with.alarms else { return };
        let call = AwsCall {
            service: "cloudwatch".to_owned(),
            operation: "DescribeAlarms".to_owned(),
            input: object([
                ("AlarmNames", json!(alarms.alarms)),
                ("AlarmTypes", json!(["MetricAlarm", "CompositeAlarm"])),
            ]),
            region: None,
            role_arn: self.role(),
            scope: self.state.started.with.scope(),
        };
        let effect = self.new_effect();
        self.emit(EventKind::AlarmAsked { effect }, None);
        let queue = request::AWS.to_owned();
        self.turn.command(Command::Run { effect, queue, request: payload(&call) });
    }

    pub(super) fn alarm_answered(&mut self, outcome: Outcome) -> Next {
        let Some(alarms) = &self.state.started.with.alarms else { return Next::Block };
        let found = match outcome {
            Outcome::Succeeded(response) => serde_json::from_str::<Value>(&response).ok(),
            Outcome::Failed { .. } | Outcome::Closed { .. } => None,
        };
        let triggered = match &found {
            Some(response) => ringing(response),
            None if alarms.ignore_poll_alarm_failure => Vec::new(),
            None => {
                let unknown = |name: &String| TriggeredAlarm {
                    name: name.clone(),
                    state: "UNKNOWN".to_owned(),
                };
                alarms.alarms.iter().map(unknown).collect()
            }
        };
        if triggered.is_empty() {
            let timer = self.new_timer();
            self.emit(EventKind::AlarmQuiet { timer }, None);
            let at = self.turn.now().plus_seconds(ALARM_SECONDS);
            self.turn.command(Command::Wake { timer, at });
            return Next::Block;
        }
        self.emit(EventKind::AlarmTriggered(triggered), None);
        self.cancel()
    }
}

/// The alarms of a response that are in the state `ALARM`.
fn ringing(response: &Value) -> Vec<TriggeredAlarm> {
    let lists = ["MetricAlarms", "CompositeAlarms"].map(|list| response[list].as_array());
    let alarms = lists.into_iter().flatten().flatten();
    let alarms = alarms.filter(|alarm| alarm["StateValue"] == "ALARM");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    alarms
        .map(|alarm| TriggeredAlarm { name: text(&alarm["AlarmName"]), state: "ALARM".to_owned() })
        .collect()
}
