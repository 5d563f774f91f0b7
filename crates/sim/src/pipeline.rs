//! Scenarios of CodePipeline: a pipeline, what is asked of it, and who performs its actions. An
//! action's name says how it ends: `good…`, `bad…`, `flaky…` fails in the first three minutes,
//! `half…` goes on once under another effect or as another job, `slow…` takes 107 seconds,
//! `never…` does not end, `late…` fails from the third minute on. So do rules.
//! Approvals are decided by whom their topic tells: `good…` and `bad…`.
//!
//! What is asked comes minutes apart, between which all comes to rest but what a worker holds; the
//! worker outside keeps its own time. So a crash moves nothing past anything else.

mod conditions;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_core::{EffectId, ExecutionId, Machine, Outcome, Payload, Start};
use trackway_engine::{
    Builder, Definition, Durability, Engine, Fault, Offer, Reader, Record, StartRequest, Work,
};
use trackway_pipeline::ids::{self, Number};
use trackway_pipeline::pipeline::{Event, EventKind, Form};
use trackway_pipeline::request::{ACTION_QUEUE, AWS_QUEUE, ActionCall, JOB_QUEUE, Job};
use trackway_pipeline::signal::{Birth, JobResult, Signal, StartRun};
use trackway_pipeline::{KIND, Pipeline};

use crate::{Act, Dice, Does, Reaction, Scenario, Seen, Told, journal};

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
const NUMBER: Number = Number(0x7a11);
const MINUTE_MS: i64 = 60_000;
/// How long a worker takes over what is slow: never a number of minutes, however often.
const SLOW_MS: i64 = 107_000;
/// When every run begins, milliseconds.
const BEGIN_MS: i64 = 1_795_239_000_000;

/// One pipeline and what happens to it.
#[derive(Clone, Debug)]
pub struct Piped {
    /// The scenario's name.
    pub name: String,
    /// What it is.
    pub structure: Value,
    /// What is asked of it, and when. A caller that hears no answer asks again, so only what may
    /// be asked twice.
    pub signals: Vec<(i64, Signal)>,
}

/// The id of the n-th execution.
fn execution(number: u64) -> u128 {
    NUMBER.id(number + 1)
}

impl Piped {
    fn new(name: &str, mode: &str, stages: Value) -> Self {
        let mut all = vec![json!({ "name": "Source",
            "actions": [action("good-source", "AWS/Source/S3", 1)] })];
        all.extend(stages.as_array().cloned().unwrap_or_default());
        let structure = json!({ "name": "p", "version": 1, "pipelineType": "V2",
            "executionMode": mode, "stages": all });
        Self { name: name.to_owned(), structure, signals: Vec::new() }
    }

    fn then(mut self, minutes: i64, signal: Signal) -> Self {
        self.signals.push((minutes * MINUTE_MS, signal));
        self
    }

    fn arn() -> String {
        ids::entity_arn(REGION, ACCOUNT, NUMBER)
    }
}

fn action(name: &str, kind: &str, order: u32) -> Value {
    let parts: Vec<&str> = kind.split('/').collect();
    let mut configuration = json!({});
    if kind.contains("Approval") {
        configuration = json!({ "NotificationArn": "arn:aws:sns:us-east-1:000000000000:t" });
    }
    let mut timeout = Value::Null;
    if name.starts_with("never") {
        timeout = json!(5);
    }
    json!({ "name": name, "runOrder": order, "configuration": configuration,
        "timeoutInMinutes": timeout, "namespace": name,
        "outputArtifacts": [{ "name": format!("{name}-out") }],
        "actionTypeId":
            { "owner": parts[0], "category": parts[1], "provider": parts[2], "version": "1" } })
}

fn stage(name: &str, actions: &[(&str, &str, u32)]) -> Value {
    let actions: Vec<Value> =
        actions.iter().map(|(name, kind, order)| action(name, kind, *order)).collect();
    json!({ "name": name, "actions": actions })
}

fn start(number: u64) -> Signal {
    Signal::Start(Box::new(StartRun {
        execution: execution(number),
        trigger_type: "StartPipelineExecution".to_owned(),
        trigger_detail: "me".to_owned(),
        ..StartRun::default()
    }))
}

fn stop(number: u64, abandon: bool) -> Signal {
    Signal::Stop { execution: execution(number), abandon, reason: None, by: "me".to_owned() }
}

fn retry(stage: &str, number: u64, all_actions: bool) -> Signal {
    let (stage, by) = (stage.to_owned(), "me".to_owned());
    Signal::Retry { stage, execution: execution(number), all_actions, by }
}

fn gate(stage: &str, is_open: bool) -> Signal {
    Signal::Transition {
        stage: stage.to_owned(),
        outbound: false,
        disabled: (!is_open).then(|| "why".to_owned()),
        by: "me".to_owned(),
    }
}

const BUILD: &str = "AWS/Build/CodeBuild";
const JOB: &str = "Custom/Build/Mine";
const FUNCTION: &str = "AWS/Invoke/Lambda";
const APPROVAL: &str = "AWS/Approval/Manual";

/// Every scenario of pipelines: some by hand, some by chance.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let by_hand = by_hand().into_iter().chain(held_back()).chain(conditions::all());
    let all = by_hand.chain((0..10).map(by_chance));
    all.map(|scenario| Box::new(scenario) as Box<dyn Scenario>).collect()
}

fn by_hand() -> Vec<Piped> {
    let one = |name: &str, kind: &str| json!([stage("Work", &[(name, kind, 1)])]);
    vec![
        Piped::new("build", "SUPERSEDED", one("good", BUILD)),
        Piped::new("progress", "SUPERSEDED", one("half", BUILD)),
        Piped::new("job", "SUPERSEDED", one("good", JOB)),
        Piped::new("continued-job", "SUPERSEDED", one("half", JOB)),
        Piped::new("function", "SUPERSEDED", one("good", FUNCTION)),
        Piped::new("continued-function", "SUPERSEDED", one("half", FUNCTION)),
        Piped::new("silent-function", "SUPERSEDED", one("never", FUNCTION)),
        Piped::new("approved", "SUPERSEDED", one("good", APPROVAL)),
        Piped::new("rejected", "SUPERSEDED", one("bad", APPROVAL)),
        Piped::new("expired", "SUPERSEDED", one("never", APPROVAL)),
        Piped::new("offered", "SUPERSEDED", one("good", "AWS/Test/Worker")),
        Piped::new(
            "group",
            "SUPERSEDED",
            json!([
                stage(
                    "A",
                    &[
                        ("good-1", BUILD, 1),
                        ("bad-2", JOB, 1),
                        ("good-3", FUNCTION, 1),
                        ("good-4", BUILD, 2)
                    ]
                ),
                stage("B", &[("good-5", BUILD, 1)]),
            ]),
        ),
        Piped::new(
            "retried",
            "SUPERSEDED",
            json!([stage("A", &[("good-1", BUILD, 1), ("flaky-2", JOB, 1), ("good-3", JOB, 2)])]),
        )
        .then(5, retry("A", 0, false)),
        Piped::new(
            "retried-all",
            "QUEUED",
            json!([stage("A", &[("good-1", JOB, 1), ("flaky-2", BUILD, 2)])]),
        )
        .then(5, retry("A", 0, true)),
    ]
}

/// Executions that compete, wait and are stopped.
fn held_back() -> Vec<Piped> {
    let slow = || {
        json!([
            stage("A", &[("slow", JOB, 1)]),
            stage("B", &[("good-1", BUILD, 1), ("good-2", JOB, 2)]),
        ])
    };
    let three = |made: Piped| made.then(1, start(1)).then(2, start(2)).then(3, start(3));
    vec![
        three(Piped::new("superseded", "SUPERSEDED", slow())),
        three(Piped::new("queued", "QUEUED", slow())),
        three(Piped::new("parallel", "PARALLEL", slow())),
        Piped::new("stopped", "SUPERSEDED", slow()).then(1, stop(0, false)),
        Piped::new("abandoned", "SUPERSEDED", slow())
            .then(1, stop(0, true))
            .then(5, retry("A", 0, false)),
        three(Piped::new("stopped-in-front", "QUEUED", slow()))
            .then(4, stop(2, false))
            .then(5, stop(3, true)),
        Piped::new("disabled", "SUPERSEDED", slow())
            .then(1, gate("B", false))
            .then(5, start(1))
            .then(9, gate("B", true)),
        three(Piped::new("disabled-queue", "QUEUED", slow()).then(0, gate("A", false)))
            .then(9, gate("A", true)),
        Piped::new("deleted", "PARALLEL", slow()).then(0, start(1)).then(1, Signal::Delete),
        Piped::new("updated", "SUPERSEDED", slow()).then(1, renamed()).then(5, start(1)),
        Piped::new("seen", "SUPERSEDED", json!([stage("A", &[("good", BUILD, 1)])])).then(
            2,
            Signal::Seen {
                changes: vec![("source".to_owned(), None, Some("1".to_owned()))],
                starts: vec![StartRun {
                    execution: execution(1),
                    trigger_type: "PollForSourceChanges".to_owned(),
                    ..StartRun::default()
                }],
            },
        ),
        rolled_back(),
    ]
}

/// An update that renames a stage.
fn renamed() -> Signal {
    let made = Piped::new("", "SUPERSEDED", json!([stage("C", &[("good", BUILD, 1)])]));
    Signal::Update(Box::new(serde_json::from_value(made.structure).unwrap_or_default()))
}

/// A second execution fails, and the stage goes back to the first.
fn rolled_back() -> Piped {
    let stages = json!([stage("A", &[("good", BUILD, 1)]), stage("B", &[("slow", JOB, 1)])]);
    let cargo = trackway_pipeline::signal::Cargo {
        version: 1,
        succeeded: vec!["Source".to_owned(), "A".to_owned()],
        ..Default::default()
    };
    let rollback = Signal::Rollback {
        stage: "A".to_owned(),
        target: execution(9),
        cargo: Some(Box::new(cargo)),
        execution: execution(1),
        by: "me".to_owned(),
    };
    Piped::new("rolled-back", "QUEUED", stages).then(1, rollback)
}

/// A random pipeline.
fn by_chance(seed: u64) -> Piped {
    let mut dice = Dice::new(seed.wrapping_add(4242));
    let mut pick = |from: &[&'static str]| from[dice.below(from.len() as u64) as usize];
    let kinds = [BUILD, JOB, FUNCTION, APPROVAL, "AWS/Test/Worker", JOB];
    let ends = ["good", "good", "good", "half", "flaky", "bad", "good"];
    let mut stages = Vec::new();
    for name in ["A", "B"] {
        let mut actions = Vec::new();
        for number in 0..3 {
            let kind = pick(&kinds);
            let end = pick(&ends);
            // An approval is decided at once.
            let end = if kind == APPROVAL && end == "half" { "good" } else { end };
            let order = [1, 1, 2][number];
            actions.push(action(&format!("{end}-{name}{number}"), kind, order));
        }
        stages.push(json!({ "name": name, "actions": actions }));
    }
    let mode = pick(&["SUPERSEDED", "QUEUED", "PARALLEL"]);
    let slow = stage("C", &[("slow", JOB, 1)]);
    stages.push(slow);
    let mut made = Piped::new(&format!("chance-{seed}"), mode, Value::Array(stages));
    let mut starts = 0;
    // What is asked again fails again at once, so only what then succeeds may be retried.
    let may_retry = !made.structure.to_string().contains("\"bad-");
    for minute in 1..9 {
        let number = dice.below(starts + 1);
        let signal = match dice.below(8) {
            0..=2 => {
                starts += 1;
                start(starts)
            }
            3 => stop(number, dice.once_in(2)),
            4 | 5 if may_retry && minute > 3 => {
                retry(["A", "B"][dice.below(2) as usize], number, dice.once_in(2))
            }
            5 | 6 => gate(["A", "B", "C"][dice.below(3) as usize], false),
            _ => gate(["A", "B", "C"][dice.below(3) as usize], true),
        };
        made = made.then(minute, signal);
    }
    if dice.once_in(3) {
        made = made.then(12, Signal::Delete);
    }
    made
}

impl Scenario for Piped {
    fn name(&self) -> String {
        format!("pipeline/{}", self.name)
    }

    fn builder(&self) -> Builder {
        Engine::builder().kind::<Pipeline>(KIND, "pipeline").polled(JOB_QUEUE)
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        let birth = Birth {
            number: NUMBER.0,
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            structure: serde_json::from_value(self.structure.clone()).unwrap_or_default(),
            execution: execution(0),
            by: "me".to_owned(),
        };
        let start = StartRequest {
            kind: KIND,
            scope: format!("{ACCOUNT}/{REGION}").into(),
            parent: "".into(),
            definition: Definition::new(""),
            start: Start {
                arn: Self::arn(),
                definition_arn: "D".to_owned(),
                name: "p".to_owned(),
                role_arn: String::new(),
                input: Payload::new(serde_json::to_string(&birth).unwrap_or_default()),
                attributes: Vec::new(),
            },
            reply_to: None,
            durability: Durability::Durable,
        };
        vec![(0, start)]
    }

    fn perform(&self, work: &Work, _seen: &Seen<'_>) -> Reaction {
        let does = match work.queue.as_str() {
            ACTION_QUEUE => serde_json::from_str(&work.request).map_or(Does::Never, performed),
            AWS_QUEUE => decided(work),
            _ => Does::Never,
        };
        Reaction { delay: 20 + i64::from(work.effect.0 % 3), does }
    }

    fn polled(&self, offer: &Offer, seen: &Seen<'_>) -> Vec<(i64, Act)> {
        let Some(job) = job_of(seen.reader, offer) else { return Vec::new() };
        let Some(id) = ids::read(&job.id) else { return Vec::new() };
        let acknowledged = Signal::JobAcknowledged { job: id, nonce: job.nonce.clone() };
        let is_again = job.continuation_token.is_some();
        let mut acts = vec![(3, to(acknowledged))];
        acts.extend(worked(&job.call, id, is_again));
        acts
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        self.signals.iter().map(|(at, signal)| (*at, to(signal.clone()))).collect()
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        Ok(tell(
            &journal::<Pipeline>(reader, record.id)?
                .into_iter()
                .map(|it| it.event)
                .collect::<Vec<_>>(),
        ))
    }
}

fn to(signal: Signal) -> Act {
    Act::new::<Pipeline>(ExecutionId::of(&Piped::arn()), signal)
}

fn outcome(answer: &Value) -> Outcome {
    Outcome::Succeeded(Payload::new(answer.to_string()))
}

/// What comes before the first sign of a name.
fn end_of(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

/// Whether an action fails.
fn fails(call: &ActionCall) -> bool {
    let is_early = call.started < BEGIN_MS + 3 * MINUTE_MS;
    let end = end_of(&call.action_name);
    end == "bad" || (end == "flaky" && is_early) || (end == "late" && !is_early)
}

/// What the performer of an action comes to.
fn performed(call: ActionCall) -> Does {
    let end = end_of(&call.action_name);
    if call.type_id.provider == "Worker" {
        return Does::Finish(outcome(&json!({ "offer": {} })));
    }
    if matches!(call.type_id.provider.as_str(), "Lambda" | "LambdaInvoke") {
        let is_again = call.continuation_token.is_some();
        let job = ids::read(&call.job_id).unwrap_or_default();
        return Does::FinishThen(outcome(&json!({ "handed": {} })), worked(&call, job, is_again));
    }
    if end == "never" {
        return Does::Never;
    }
    if end == "half" && call.next.is_null() {
        let progress = json!({ "details": { "externalExecutionId": "x" }, "next": 1 });
        return Does::Finish(outcome(&json!({ "progress": progress })));
    }
    if fails(&call) {
        let failed = json!({ "code": "JobFailed", "message": "so", "details": {} });
        return Does::Finish(outcome(&json!({ "failed": failed })));
    }
    let outputs: Vec<_> = call.output_artifacts.iter().map(|output| &output.name).collect();
    let done = json!({ "outputArtifacts": outputs, "outputVariables": { "V": "v" } });
    Does::Finish(outcome(&json!({ "done": done })))
}

/// What a worker or a function does with a job.
fn worked(call: &ActionCall, job: u128, is_again: bool) -> Vec<(i64, Act)> {
    let end = end_of(&call.action_name);
    let mut result = JobResult::default();
    let after = if end == "slow" { SLOW_MS } else { 5 };
    if end == "never" {
        return Vec::new();
    }
    if fails(call) {
        let (code, message) = ("JobFailed".to_owned(), "so".to_owned());
        let failed = Signal::JobFailed { job, code, message, external_execution_id: None };
        return vec![(after, to(failed))];
    }
    if end == "half" && !is_again {
        result.continuation_token = Some("half".to_owned());
    } else {
        result.output_variables.insert("V".to_owned(), json!("v"));
    }
    vec![(after, to(Signal::JobSucceeded { job, result: Box::new(result) }))]
}

/// Whom an approval's topic tells decides.
fn decided(work: &Work) -> Does {
    let told = outcome(&json!({}));
    let request: Value = serde_json::from_str(&work.request).unwrap_or_default();
    let message = request["input"]["Message"].as_str().unwrap_or_default();
    let message: Value = serde_json::from_str(message).unwrap_or_default();
    let text = |name: &str| message["approval"][name].as_str().unwrap_or_default().to_owned();
    let action = text("actionName");
    if end_of(&action) == "never" {
        return Does::Finish(told);
    }
    let signal = Signal::Approve {
        stage: text("stageName"),
        is_approved: end_of(&action) != "bad",
        action,
        token: text("token"),
        summary: String::new(),
        by: "me".to_owned(),
    };
    Does::FinishThen(told, vec![(5, to(signal))])
}

/// The job that an effect offers.
fn job_of(reader: &Reader, offer: &Offer) -> Option<Job> {
    let entries = journal::<Pipeline>(reader, offer.execution).ok()?;
    let mut pipeline = Pipeline::default();
    let mut job = None;
    for entry in &entries {
        pipeline.evolve(&entry.event, entry.at);
        match &entry.event.kind {
            EventKind::ActStarted { effect, form: Form::Job(id, _), .. }
                if *effect == Some(offer.effect) =>
            {
                job = Some(*id);
            }
            EventKind::JobOffered { effect, job: id, .. } if *effect == offer.effect => {
                job = Some(*id);
            }
            _ => {}
        }
    }
    pipeline.job(NUMBER.id(job?))
}

/// Where an event belongs: an execution, how many steps that has taken, and within the step an
/// action. Actions go on side by side, and so do executions.
type Place = (u32, u32, u32);

/// The events without what chance chose, put in the order of their places.
fn tell(events: &[Event]) -> Vec<Told> {
    let mut told: Vec<(Place, Told)> = Vec::new();
    let mut steps: BTreeMap<u32, u32> = BTreeMap::new();
    let mut awaited: BTreeMap<(u32, u16), EffectId> = BTreeMap::new();
    let mut runs = 0;
    for event in events {
        let (place, text) = match act_of(&event.kind) {
            Some((run, act)) => {
                let step = steps.get(&run).copied().unwrap_or_default();
                ((run, step, u32::from(act) + 1), text_of(&event.kind))
            }
            None => {
                let run = run_of(&event.kind, &mut runs);
                let step = steps.entry(run).or_default();
                *step += 1;
                let text = match &event.kind {
                    // Of a rollback that the pipeline starts itself, chance chose the id.
                    EventKind::Started { .. } => "Started".to_owned(),
                    kind => format!("{kind:?}"),
                };
                ((run, *step, 0), text)
            }
        };
        let mut it = Told::plain(text);
        note(&event.kind, &mut it, &mut awaited);
        told.push((place, it));
    }
    told.sort_by_key(|(place, _)| *place);
    let mut told: Vec<Told> = told.into_iter().map(|(_, told)| told).collect();
    told.retain(|told| !told.text.is_empty());
    // An update whose answer was lost is asked for again.
    told.dedup_by(|one, other| one.text == "Versioned" && other.text == "Versioned");
    told
}

/// The execution of an event that is about no action; what is about none at all comes last.
fn run_of(kind: &EventKind, runs: &mut u32) -> u32 {
    match kind {
        EventKind::Started { .. } => {
            *runs += 1;
            *runs - 1
        }
        EventKind::Waits { run, .. }
        | EventKind::Entered { run, .. }
        | EventKind::Passed { run, .. }
        | EventKind::StopAsked { run }
        | EventKind::Ended { run, .. }
        | EventKind::Retried { run, .. }
        | EventKind::ConditionStarted { run, .. }
        | EventKind::ConditionEnded { run, .. } => *run,
        _ => u32::MAX,
    }
}

fn act_of(kind: &EventKind) -> Option<(u32, u16)> {
    match kind {
        EventKind::ActStarted { run, act, .. }
        | EventKind::JobAcknowledged { run, act }
        | EventKind::ActProgressed { run, act, .. }
        | EventKind::ActHanded { run, act, .. }
        | EventKind::JobOffered { run, act, .. }
        | EventKind::Notified { run, act }
        | EventKind::ActEnded { run, act, .. } => Some((*run, *act)),
        EventKind::RuleWaits { run, rule, .. } => Some((*run, *rule)),
        _ => None,
    }
}

/// An action's event without ids, keys, effects and timers.
fn text_of(kind: &EventKind) -> String {
    let (name, more) = match kind {
        EventKind::ActStarted { form, .. } => {
            let form = match form {
                Form::Job(..) => "job",
                Form::Approval(_) => "approval",
                Form::Call => "call",
                Form::Nothing => "nothing",
            };
            ("ActStarted", form.to_owned())
        }
        EventKind::ActEnded { status, .. } => ("ActEnded", format!("{status:?}")),
        EventKind::JobAcknowledged { .. } => ("JobAcknowledged", String::new()),
        EventKind::ActProgressed { .. } => ("ActProgressed", String::new()),
        EventKind::JobOffered { .. } => ("JobOffered", String::new()),
        // Whether these come before or after the end of what they are about is the world's affair.
        _ => return String::new(),
    };
    format!("{name} {:?} {more}", act_of(kind))
}

/// What an event asks for and answers.
fn note(kind: &EventKind, told: &mut Told, awaited: &mut BTreeMap<(u32, u16), EffectId>) {
    let asks = match kind {
        EventKind::ActStarted { effect, .. } => *effect,
        EventKind::ActProgressed { effect, .. } | EventKind::JobOffered { effect, .. } => {
            Some(*effect)
        }
        _ => None,
    };
    let is_answer =
        !matches!(kind, EventKind::ActStarted { .. } | EventKind::JobAcknowledged { .. });
    if let Some(act) = act_of(kind) {
        if is_answer {
            told.answers = awaited.remove(&act);
        }
        if let Some(effect) = asks {
            awaited.insert(act, effect);
        }
    }
    told.asks = asks;
    told.ends = matches!(kind, EventKind::Deleted);
}
