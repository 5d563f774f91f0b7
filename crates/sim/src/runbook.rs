//! Scenarios of Systems Manager Automation, written ones and random ones.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload, ReplyTo, Start};
use trackway_engine::{
    Builder, Definition, Durability, Engine, Fault, Reader, Record, StartRequest, Work,
};
use trackway_runbook::automation::{
    Automation, Event, EventKind, Signal, SignalType, StartedWith, StopType, Target, envelope,
};
use trackway_runbook::request::{AUTOMATION, AWS, COMMAND, TARGETS};

use crate::sample::{Jumps, runbook};
use crate::tale::masked;
use crate::{Act, Dice, Does, Reaction, Scenario, Seen, Told, journal};

/// The tag that the kind is registered with.
const RUNBOOK: u8 = 2;

/// How many random runbooks are played.
const RANDOM: u64 = 24;

/// One runbook, run once.
#[derive(Clone)]
pub struct Run {
    name: String,
    document: String,
    with: StartedWith,
    /// What the world asks, and when.
    signals: Vec<(i64, Signal)>,
}

/// Every scenario of Automation.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let plain = |name: &str, document: &str| Run {
        name: name.to_owned(),
        document: document.to_owned(),
        with: StartedWith::default(),
        signals: Vec::new(),
    };
    let send = |kind, by: &str| Signal::Send { kind, payload: BTreeMap::new(), by: by.to_owned() };
    let rate = |values: Vec<String>, key: &str| StartedWith {
        target_parameter_name: Some("Id".to_owned()),
        targets: vec![Target { key: key.to_owned(), values }],
        max_concurrency: Some("3".to_owned()),
        max_errors: Some("100%".to_owned()),
        ..StartedWith::default()
    };
    let ids = (0..7).map(|at| format!("i-{at}")).collect();
    let cancel = Signal::Stop(StopType::Cancel);
    let complete = Signal::Stop(StopType::Complete);
    let mut runs = vec![
        plain("straight", STRAIGHT),
        plain("attempts", ATTEMPTS),
        plain("loop", LOOP),
        plain("timeout", TIMEOUT),
        plain("child", CHILD_STEP),
        plain("stored", STORED),
        Run {
            signals: vec![
                (2000, send(SignalType::Approve, "ada")),
                (9000, send(SignalType::Resume, "ada")),
            ],
            ..plain("signals", SIGNALS)
        },
        Run { signals: vec![(3000, cancel)], ..plain("cancel", CANCEL) },
        Run { signals: vec![(3000, complete)], ..plain("complete", CANCEL) },
        Run { with: rate(ids, "ParameterValues"), ..plain("rate", SLEEPY) },
        Run { with: rate(vec!["web".to_owned()], "tag:role"), ..plain("targets", SLEEPY) },
    ];
    runs.extend((0..RANDOM).map(|seed| plain(&format!("random-{seed}"), &random(seed))));
    runs.into_iter().map(|run| Box::new(run) as Box<dyn Scenario>).collect()
}

/// A random runbook that goes forward and waits for nobody.
fn random(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let document = runbook(&mut |limit| dice.below(limit), Jumps::Forward);
    let mut document = document;
    if let Some(steps) = document["mainSteps"].as_array_mut() {
        steps.iter_mut().for_each(without_people);
    }
    document.to_string()
}

/// Nobody is there to approve or resume: such a step sleeps instead.
fn without_people(step: &mut Value) {
    if let Some(steps) = step.pointer_mut("/inputs/Steps").and_then(Value::as_array_mut) {
        steps.iter_mut().for_each(without_people);
    }
    if matches!(step["action"].as_str(), Some("aws:approve" | "aws:pause")) {
        step["action"] = json!("aws:sleep");
        step["inputs"] = json!({"Duration": "PT3S"});
    }
}

const STRAIGHT: &str = r#"{"schemaVersion":"0.3",
    "parameters":{"P":{"type":"String","default":"p"}},
    "variables":{"N":{"type":"Integer","default":0}},
    "mainSteps":[
    {"name":"a","action":"aws:sleep","inputs":{"Duration":"PT5S"}},
    {"name":"b","action":"aws:executeAwsApi","inputs":{"Service":"ec2","Api":"Good","P":"{{ P }}"},
     "outputs":[{"Name":"O","Selector":"$.O","Type":"Integer"}]},
    {"name":"c","action":"aws:updateVariable","inputs":{"Name":"variable:N","Value":"{{ b.O }}"}},
    {"name":"d","action":"aws:branch","inputs":{"Choices":[
        {"NextStep":"f","Variable":"{{ variable:N }}","NumericGreater":0}],"Default":"e"}},
    {"name":"e","action":"aws:sleep","inputs":{"Duration":"PT0S"}},
    {"name":"f","action":"aws:waitForAwsResourceProperty","inputs":{"Service":"ec2","Api":"Good",
     "PropertySelector":"$.O","DesiredValues":["1"]}}],
    "outputs":["b.O"]}"#;

const ATTEMPTS: &str = r#"{"schemaVersion":"0.3","mainSteps":[
    {"name":"a","action":"aws:executeAwsApi","maxAttempts":3,"onFailure":"Continue",
     "inputs":{"Service":"ec2","Api":"Bad"}},
    {"name":"b","action":"aws:executeAwsApi","onFailure":"step:d","inputs":{"Service":"ec2","Api":"Bad"}},
    {"name":"c","action":"aws:sleep","inputs":{"Duration":"PT0S"}},
    {"name":"d","action":"aws:executeAwsApi","inputs":{"Service":"ec2","Api":"Good"}}]}"#;

const LOOP: &str = r#"{"schemaVersion":"0.3","mainSteps":[
    {"name":"each","action":"aws:loop","inputs":{"Iterators":["a","b","c"],"IteratorDataType":"String",
     "Steps":[
        {"name":"call","action":"aws:executeAwsApi","inputs":{"Service":"ec2","Api":"Good",
         "V":"{{ each.CurrentIteratorValue }}"}},
        {"name":"nap","action":"aws:sleep","inputs":{"Duration":"PT2S"}}]}},
    {"name":"end","action":"aws:sleep","inputs":{"Duration":"PT0S"}}]}"#;

const TIMEOUT: &str = r#"{"schemaVersion":"0.3","mainSteps":[
    {"name":"a","action":"aws:executeAwsApi","timeoutSeconds":7,"maxAttempts":2,"onFailure":"Continue",
     "inputs":{"Service":"ec2","Api":"Never"}},
    {"name":"b","action":"aws:executeAwsApi","timeoutSeconds":900,"inputs":{"Service":"ec2","Api":"Good"}}]}"#;

const CHILD_STEP: &str = r#"{"schemaVersion":"0.3","mainSteps":[
    {"name":"a","action":"aws:executeAutomation","inputs":{"DocumentName":"Child"}},
    {"name":"b","action":"aws:executeAwsApi","inputs":{"Service":"ec2","Api":"Good","S":"{{ a.Status }}"}}]}"#;

const STORED: &str = r#"{"schemaVersion":"0.3",
    "parameters":{"P":{"type":"String","default":"{{ ssm:/p }}"}},"mainSteps":[
    {"name":"a","action":"aws:executeAwsApi","inputs":{"Service":"ec2","Api":"Good","P":"{{ P }}"}}]}"#;

const SIGNALS: &str = r#"{"schemaVersion":"0.3","mainSteps":[
    {"name":"a","action":"aws:approve","inputs":{"Approvers":["ada"],"NotificationArn":"arn:t"}},
    {"name":"b","action":"aws:pause","inputs":{}},
    {"name":"c","action":"aws:sleep","inputs":{"Duration":"PT1S"}}]}"#;

const CANCEL: &str = r#"{"schemaVersion":"0.3","mainSteps":[
    {"name":"a","action":"aws:executeAwsApi","timeoutSeconds":40,"onCancel":"step:c","onFailure":"Continue",
     "inputs":{"Service":"ec2","Api":"Never"}},
    {"name":"b","action":"aws:sleep","isEnd":true,"inputs":{"Duration":"PT0S"}},
    {"name":"c","action":"aws:executeAwsApi","inputs":{"Service":"ec2","Api":"Good"}}]}"#;

const SLEEPY: &str = r#"{"schemaVersion":"0.3","parameters":{"Id":{"type":"String"}},"mainSteps":[
    {"name":"a","action":"aws:sleep","inputs":{"Duration":"PT2S"}},
    {"name":"b","action":"aws:executeAwsApi","inputs":{"Service":"ec2","Api":"Good","Id":"{{ Id }}"}}]}"#;

/// A start of an execution with this name.
fn request(name: &str, document: &str, with: &StartedWith, parameters: &Value) -> StartRequest {
    let arn = format!("arn:aws:ssm:us-east-1:000000000000:automation-execution/{name}");
    let with = StartedWith {
        execution_id: name.to_owned(),
        document_name: "Doc".to_owned(),
        document_version: "1".to_owned(),
        account: "000000000000".to_owned(),
        region: "us-east-1".to_owned(),
        ..with.clone()
    };
    StartRequest {
        kind: RUNBOOK,
        scope: "000000000000/us-east-1".into(),
        parent: "Doc".into(),
        definition: Definition::new(envelope(document, "JSON")),
        start: Start {
            arn,
            name: name.to_owned(),
            definition_arn: "arn:aws:ssm:us-east-1:000000000000:document/Doc".into(),
            role_arn: String::new(),
            input: Payload::new(json!({ "parameters": parameters }).to_string()),
            attributes: with.encode(),
        },
        reply_to: None,
        durability: Durability::Durable,
    }
}

impl Run {
    fn call(work: &Work) -> Does {
        let is = |api: &str| work.request.contains(&format!("\"operation\":\"{api}\""));
        let finish =
            |value: Value| Does::Finish(Outcome::Succeeded(Payload::new(value.to_string())));
        let fails = is("Bad") || (is("X") && work.effect.0 % 3 == 2);
        match () {
            () if is("Never") => Does::Never,
            () if is("GetParameter") => finish(json!({"Parameter": {"Value": "stored"}})),
            () if fails => {
                Does::Finish(Outcome::Failed { error: "Bad".to_owned(), cause: "so".to_owned() })
            }
            () => finish(json!({"O": 1})),
        }
    }

    fn child(&self, work: &Work) -> Does {
        let name = format!("child-{}-{}", work.execution, work.effect.0);
        let is_rate = self.with.is_rate_control();
        let document = if is_rate { &self.document } else { SLEEPY };
        let parameters = json!({ "Id": format!("i-{}", work.effect.0) });
        let mut child = Box::new(request(&name, document, &StartedWith::default(), &parameters));
        child.reply_to = Some(ReplyTo { execution: work.execution, effect: work.effect });
        Does::Start(child)
    }
}

impl Scenario for Run {
    fn name(&self) -> String {
        format!("runbook/{}", self.name)
    }

    fn builder(&self) -> Builder {
        Engine::builder().kind::<Automation>(RUNBOOK, "Automation")
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        vec![(0, request(&self.name, &self.document, &self.with, &json!({})))]
    }

    fn perform(&self, work: &Work, _seen: &Seen<'_>) -> Reaction {
        let does = match work.queue.as_str() {
            AWS => Self::call(work),
            AUTOMATION => self.child(work),
            COMMAND => {
                let report = json!({"CommandId": "c", "Status": "Success", "ResponseCode": 0});
                Does::Finish(Outcome::Closed { report: report.to_string().into_bytes() })
            }
            TARGETS => Does::Finish(Outcome::Succeeded(Payload::new(r#"["i-1","i-2","i-3"]"#))),
            _ => Does::Never,
        };
        Reaction { delay: 5 + i64::from(work.effect.0 % 4), does }
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let start = request(&self.name, &self.document, &self.with, &json!({}));
        let id = ExecutionId::of(&start.start.arn);
        let act = |signal: &Signal| Act::new::<Automation>(id, signal.clone());
        self.signals.iter().map(|(at, signal)| (*at, act(signal))).collect()
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        let entries = journal::<Automation>(reader, record.id)?;
        let mut told = Vec::new();
        let mut teller = Teller::default();
        for entry in &entries {
            told.push(teller.tell(&entry.event));
        }
        // Children end in any order; the last event stays the last.
        if teller.first_child.is_some() {
            let last = told.len().saturating_sub(1);
            told[..last].sort_by(|one, other| one.text.cmp(&other.text));
        }
        Ok(told)
    }
}

/// Tells events apart by what they ask and answer.
#[derive(Default)]
struct Teller {
    /// The effect that the step under way awaits.
    awaited: Option<EffectId>,
    /// The first child's effect, and how many have started.
    first_child: Option<u32>,
    children: u32,
}

impl Teller {
    fn tell(&mut self, event: &Event) -> Told {
        let kind = match &event.kind {
            EventKind::Started(started) => format!("Started {:?}", started.outline),
            EventKind::Targets { rate, .. } => format!("Targets {rate:?}"),
            other => format!("{other:?}"),
        };
        let payload = event.payload.as_ref().map_or("", |payload| payload.as_str());
        let mut told = Told::plain(masked(&format!("{kind} {payload}")));
        match &event.kind {
            EventKind::Asked { effect, .. } => {
                told.answers = self.awaited.replace(*effect);
                told.asks = Some(*effect);
            }
            EventKind::Fetching { effect, .. } | EventKind::Resolving { effect } => {
                self.awaited = Some(*effect);
                told.asks = Some(*effect);
            }
            EventKind::Told { effect } | EventKind::Parting { effect } => {
                told.asks = Some(*effect);
            }
            EventKind::Parted { effect } => told.answers = Some(*effect),
            EventKind::Targets { first, .. } => {
                told.answers = self.awaited.take();
                self.first_child = Some(first.0);
            }
            EventKind::ChildStarted => {
                told.asks = self.first_child.map(|first| EffectId(first + self.children));
                self.children += 1;
            }
            EventKind::ChildEnded { index, .. } => {
                told.answers = self.first_child.map(|first| EffectId(first + index));
            }
            EventKind::Fetched
            | EventKind::Waits { .. }
            | EventKind::Parked
            | EventKind::Retried { .. }
            | EventKind::StepEnded { .. } => told.answers = self.awaited.take(),
            EventKind::Closed { .. } => told.ends = true,
            _ => {}
        }
        told
    }
}
