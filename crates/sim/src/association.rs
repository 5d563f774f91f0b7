//! Scenarios of State Manager: associations with schedules, their runs as children, and toys for
//! the commands that they send. The node's name says how its command ends: `good…`, `bad…`,
//! `late…` times out, `never…` does not end.
//!
//! Ids of runs are random, so a run bears the ARN of the effect that starts it here; who is to stop
//! one finds it by the association's journal.

use serde_json::{Value, json};
use trackway_association::association::{self, Birth, EventKind};
use trackway_association::request::{self, Call, RunCall};
use trackway_association::run;
use trackway_association::spec::{Document, Spec};
use trackway_association::{Association, AssociationRun, uuid_text};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload, Start};
use trackway_engine::{
    Builder, Definition, Durability, Engine, Fault, Reader, Record, StartRequest, Work,
};

use crate::{Act, Dice, Does, Reaction, Scenario, Seen, Told, journal};

/// The tags of the kinds.
const ASSOCIATION: u8 = association::KIND;
const RUN: u8 = run::KIND;
const SCOPE: &str = "000000000000/us-east-1";
const MINUTE_MS: i64 = 60_000;

/// One association and what happens to it.
#[derive(Clone, Debug)]
pub struct Associated {
    /// The scenario's name.
    pub name: String,
    /// What it says.
    pub spec: Spec,
    /// What is asked of it, and when. A caller that hears no answer asks again, so only what may
    /// be asked twice.
    pub signals: Vec<(i64, association::Signal)>,
    /// Whether its calendars are open.
    pub is_open: bool,
}

impl Associated {
    fn new(name: &str, spec: Value) -> Self {
        let mut spec: Spec = serde_json::from_value(spec).unwrap_or_default();
        "D".clone_into(&mut spec.name);
        Self { name: name.to_owned(), spec, signals: Vec::new(), is_open: true }
    }

    fn then(mut self, minutes: i64, signal: association::Signal) -> Self {
        self.signals.push((minutes * MINUTE_MS, signal));
        self
    }

    fn arn(&self) -> String {
        request::association_arn("000000000000", "us-east-1", &self.name)
    }

    fn id(&self) -> ExecutionId {
        ExecutionId::of(&self.arn())
    }
}

fn nodes(names: &[&str]) -> Value {
    json!([{ "Key": "InstanceIds", "Values": names }])
}

fn update(spec: Value, expected: u32) -> association::Signal {
    let mut spec: Spec = serde_json::from_value(spec).unwrap_or_default();
    "D".clone_into(&mut spec.name);
    association::Signal::Update { spec: Box::new(spec), expected: Some(expected) }
}

/// Every scenario of State Manager: some by hand, some by chance.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let delete = association::Signal::Delete;
    let by_hand = [
        Associated::new("once", json!({ "Targets": nodes(&["good-1", "bad-1", "late-1"]) })),
        Associated::new("nothing", json!({ "Targets": nodes(&[]) })),
        Associated::new(
            "rate",
            json!({ "Targets": nodes(&["good"]), "ScheduleExpression": "rate(30 minutes)" }),
        )
        .then(100, delete.clone()),
        Associated::new(
            "errors",
            json!({ "Targets": nodes(&["bad-1", "bad-2", "good-3"]),
                "MaxConcurrency": "1", "MaxErrors": "1" }),
        ),
        Associated::new(
            "superseded",
            json!({ "Targets": nodes(&["good", "never"]),
                "ScheduleExpression": "cron(0 */30 * * * ? *)" }),
        )
        .then(75, delete.clone()),
        Associated::new("updated", json!({ "Targets": nodes(&["good-1", "good-2"]) }))
            .then(5, update(json!({ "Targets": nodes(&["bad"]) }), 1))
            .then(10, update(json!({ "Targets": nodes(&["good-3"]) }), 2)),
        Associated::new(
            "cut-off",
            json!({ "Targets": nodes(&["never"]), "Duration": 1,
                "ScheduleExpression": "cron(0 */8 * * ? *)", "ApplyOnlyAtCronInterval": true }),
        )
        .then(18 * 60, delete.clone()),
        Associated {
            is_open: false,
            ..Associated::new(
                "closed",
                json!({ "Targets": nodes(&["good"]), "CalendarNames": ["C"],
                    "ScheduleExpression": "rate(30 minutes)" }),
            )
            .then(45, delete)
        },
        Associated::new(
            "alarms",
            json!({ "Targets": nodes(&["never"]),
                "AlarmConfiguration": { "Alarms": [{ "Name": "A" }] } }),
        ),
    ];
    let by_chance = (0..12).map(by_chance);
    let all = by_hand.into_iter().chain(by_chance);
    all.map(|scenario| Box::new(scenario) as Box<dyn Scenario>).collect()
}

/// A random association. It runs at one moment what it asks for at another, minutes apart, so that
/// a crash moves nothing past anything else.
fn by_chance(seed: u64) -> Associated {
    let mut dice = Dice::new(seed.wrapping_add(77));
    let kinds = ["good", "bad", "late", "good", "never"];
    let mut some = |most: u64| -> Vec<String> {
        let count = dice.below(most + 1);
        let kind = |dice: &mut Dice| kinds[dice.below(kinds.len() as u64) as usize];
        (0..count).map(|number| format!("{}-{number}", kind(&mut dice))).collect()
    };
    let target = |values: Vec<String>| json!([{ "Key": "InstanceIds", "Values": values }]);
    let (first, second) = (target(some(5)), target(some(3)));
    let rates = match dice.below(3) {
        0 => ("1", "0"),
        1 => ("1", "50%"),
        // Side by side, ends come in any order: then no number of errors stops it.
        _ => ("100%", "100%"),
    };
    let schedules = ["rate(30 minutes)", "cron(0 */30 * * * ? *)", "cron(15 */1 * * ? *)"];
    let schedule = schedules[dice.below(3) as usize];
    let spec = |targets: &Value| {
        json!({ "Targets": targets, "ScheduleExpression": schedule,
            "MaxConcurrency": rates.0, "MaxErrors": rates.1 })
    };
    let mut made = Associated::new(&format!("chance-{seed}"), spec(&first));
    if dice.once_in(2) {
        made = made.then(7, update(spec(&second), 1));
    }
    made.then(70 + dice.below(20).cast_signed(), association::Signal::Delete)
}

impl Scenario for Associated {
    fn name(&self) -> String {
        format!("associations/{}", self.name)
    }

    fn builder(&self) -> Builder {
        Engine::builder()
            .kind::<Association>(ASSOCIATION, "association")
            .kind::<AssociationRun>(RUN, "associationRun")
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        let birth = Birth { association_id: self.name.clone(), spec: self.spec.clone() };
        vec![(0, started(ASSOCIATION, "", self.arn(), json!(birth)))]
    }

    fn perform(&self, work: &Work, seen: &Seen<'_>) -> Reaction {
        let delay = 20 + i64::from(work.effect.0 % 3);
        Reaction { delay, does: self.does(work, seen) }
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let act = |(at, signal): &(i64, association::Signal)| {
            (*at, Act::new::<Association>(self.id(), signal.clone()))
        };
        self.signals.iter().map(act).collect()
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        let mut told: Vec<Told> = if record.kind == ASSOCIATION {
            let entries = journal::<Association>(reader, record.id)?;
            entries.into_iter().map(|entry| tell(&entry.event.kind)).collect()
        } else {
            let entries = journal::<AssociationRun>(reader, record.id)?;
            let mut told: Vec<Told> =
                entries.into_iter().map(|entry| tell_run(&entry.event.kind)).collect();
            // Targets go on side by side. The last event stays the last: it has to be the end.
            let last = told.len().saturating_sub(1);
            told[..last].sort_by(|one, other| one.text.cmp(&other.text));
            told
        };
        told.retain(|told| !told.text.is_empty());
        Ok(told)
    }
}

impl Associated {
    fn does(&self, work: &Work, seen: &Seen<'_>) -> Does {
        let succeed =
            |value: Value| Does::Finish(Outcome::Succeeded(Payload::new(value.to_string())));
        let request: Value = serde_json::from_str(&work.request).unwrap_or_default();
        match work.queue.as_str() {
            request::ASSOCIATION => match serde_json::from_value(request) {
                Ok(Call::Start(call)) => Does::Start(Box::new(run_of(work, *call))),
                Ok(Call::StopRun { arn, how }) => stop(work, seen, &arn, how),
                Ok(Call::Calendars { .. }) => {
                    succeed(json!({ "State": if self.is_open { "OPEN" } else { "CLOSED" } }))
                }
                _ => succeed(json!({})),
            },
            request::TARGETS => succeed(request["targets"][0]["Values"].clone()),
            request::COMMAND => command(request["input"]["InstanceIds"][0].as_str()),
            // The alarm goes off when it is looked at again.
            request::AWS => {
                let state = if work.effect == EffectId(0) { "OK" } else { "ALARM" };
                succeed(json!({ "MetricAlarms": [{ "AlarmName": "A", "StateValue": state }] }))
            }
            _ => Does::Never,
        }
    }
}

/// How a command on this node ends.
fn command(node: Option<&str>) -> Does {
    let kind = node.and_then(|node| node.split('-').next()).unwrap_or_default();
    let status = match kind {
        "good" => "Success",
        "late" => "TimedOut",
        "never" => return Does::Never,
        _ => "Failed",
    };
    let report = json!({ "Status": status, "StatusDetails": status });
    Does::Finish(Outcome::Closed { report: report.to_string().into_bytes() })
}

fn started(kind: u8, parent: &str, arn: String, input: Value) -> StartRequest {
    StartRequest {
        kind,
        scope: SCOPE.into(),
        parent: parent.into(),
        definition: Definition::new(""),
        start: Start {
            arn,
            definition_arn: "D".into(),
            name: String::new(),
            role_arn: String::new(),
            input: Payload::new(input.to_string()),
            attributes: Vec::new(),
        },
        reply_to: None,
        durability: Durability::Durable,
    }
}

/// The ARN of the run that an effect starts.
fn arn_of_run(association: ExecutionId, effect: EffectId) -> String {
    format!("{association}/{}", effect.0)
}

fn run_of(work: &Work, mut call: RunCall) -> StartRequest {
    let parent = call.association_arn.clone();
    "e".clone_into(&mut call.execution_id);
    let input = run::Input { call, document: Document::default() };
    started(RUN, &parent, arn_of_run(work.execution, work.effect), json!(input))
}

/// Tells the run to stop that the association started under this id.
fn stop(work: &Work, seen: &Seen<'_>, arn: &str, how: request::Stop) -> Does {
    let entries = journal::<Association>(seen.reader, work.execution).unwrap_or_default();
    let effect = entries.iter().find_map(|entry| match &entry.event.kind {
        EventKind::RunStarted { effect, run, .. } if arn.ends_with(&uuid_text(*run)) => {
            Some(*effect)
        }
        _ => None,
    });
    let done = Outcome::Succeeded(Payload::default());
    let Some(effect) = effect else { return Does::Finish(done) };
    let id = ExecutionId::of(&arn_of_run(work.execution, effect));
    let act = Act::new::<AssociationRun>(id, run::Signal::Stop(how));
    Does::FinishThen(done, vec![(1, act)])
}

/// An event of an association, without times and random numbers.
fn tell(kind: &EventKind) -> Told {
    let mut told = Told::plain(match kind {
        EventKind::RunStarted { effect, trigger, .. } => {
            format!("RunStarted {effect:?} {trigger:?}")
        }
        EventKind::Armed(timer, _) => format!("Armed {timer:?}"),
        EventKind::SlotReached(timer, _) => format!("SlotReached {timer:?}"),
        other => format!("{other:?}"),
    });
    match kind {
        EventKind::RunStarted { effect, .. }
        | EventKind::RunStopped { effect, .. }
        | EventKind::GateAsked(effect, _) => told.asks = Some(*effect),
        EventKind::RunEnded { effect, .. }
        | EventKind::StopAnswered(effect)
        | EventKind::GateAnswered(effect, _) => told.answers = Some(*effect),
        EventKind::Closed => told.ends = true,
        _ => {}
    }
    told
}

/// An event of a run, without random numbers.
fn tell_run(kind: &run::EventKind) -> Told {
    use run::EventKind as Kind;
    let mut told = Told::plain(match kind {
        Kind::TargetStarted { target, .. } => format!("Target {target} 1 started"),
        Kind::TargetEnded { target, status, details, .. } => {
            format!("Target {target} 2 {status:?} {details:?}")
        }
        other => format!("{other:?}"),
    });
    match kind {
        Kind::AlarmsAsked(effect)
        | Kind::TargetsAsked(effect)
        | Kind::TargetStarted { effect, .. }
        | Kind::CancelAsked(effect) => told.asks = Some(*effect),
        Kind::AlarmsQuiet(effect)
        | Kind::AlarmsTriggered(effect)
        | Kind::TargetsFailed(effect)
        | Kind::TargetEnded { effect, .. }
        | Kind::CancelAnswered(effect)
        | Kind::TargetsFound(Some(effect)) => told.answers = Some(*effect),
        Kind::Ended(_) => told.ends = true,
        _ => {}
    }
    told
}
