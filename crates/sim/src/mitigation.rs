//! Scenarios of mitigation tasks: several at once change the same rows of a small registry, so that
//! they are in each other's way, and each change counts.
//!
//! A finding's check and place say what becomes of its actions. What stands for a policy counts how
//! often it got a new version: an action that was done twice, or not at all, is seen there.

use std::collections::BTreeMap;

use serde_json::json;
use trackway_audit::Mitigation;
use trackway_audit::action::{Action, ActionParams};
use trackway_audit::check::Check;
use trackway_audit::ids::{AuditNumber, FindingRef};
use trackway_audit::mitigation::request::{ActionError, Applied, Ask, Done, ItemResult, Planned};
use trackway_audit::mitigation::{
    Birth, EventKind, Item, KIND, Signal, Surface, Target, VIEW_CHUNKS, chunk_key, read_chunk,
};
use trackway_core::{ExecutionId, Outcome, Payload, Start, Timestamp};
use trackway_engine::{
    Builder, Change, Check as Must, Definition, Durability, Edit, Engine, Fault, Reader, Record,
    StartRequest, Work,
};

use crate::{Act, Dice, Does, Reaction, Scenario, Seen, Told, journal};

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
const SCOPE: &str = "000000000000/us-east-1";
const AUDIT: AuditNumber = AuditNumber(7);
/// Name -> how often it was changed.
const REGISTRY: u8 = 1;
const CERTIFICATE: Check = Check::DeviceCertificateAge;
const POLICY: Check = Check::PolicyOverlyPermissive;

/// One task, and what happens to it.
#[derive(Clone, Debug)]
struct Task {
    name: String,
    /// Its findings, as plans report them.
    chunks: Vec<Vec<(Check, u32)>>,
    /// The chunk whose plan, or whose change, can't be carried out.
    breaks: Option<(bool, u32)>,
    /// When it is canceled, in milliseconds.
    canceled: Option<i64>,
}

/// Tasks, all started at once.
#[derive(Clone, Debug)]
struct Mitigated {
    name: String,
    tasks: Vec<Task>,
    /// How long a chunk takes, in milliseconds.
    apply_ms: i64,
}

fn task(name: &str, chunks: &[&[(Check, u32)]]) -> Task {
    let chunks = chunks.iter().map(|chunk| chunk.to_vec()).collect();
    Task { name: name.to_owned(), chunks, breaks: None, canceled: None }
}

/// Every scenario of mitigation tasks: some by hand, some by chance.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let certificates: &[(Check, u32)] = &[(CERTIFICATE, 0), (CERTIFICATE, 1), (CERTIFICATE, 3)];
    let policies: &[(Check, u32)] = &[(POLICY, 0), (POLICY, 1), (POLICY, 5)];
    let mitigated =
        |name: &str, tasks: Vec<Task>| Mitigated { name: name.to_owned(), tasks, apply_ms: 30 };
    let two = task("a", &[certificates, policies]);
    let by_hand = [
        mitigated("once", vec![two.clone()]),
        mitigated("nothing", vec![task("a", &[])]),
        mitigated("both", vec![two.clone(), task("b", &[policies, certificates, policies])]),
        mitigated(
            "broken",
            vec![
                Task { breaks: Some((true, 1)), ..two.clone() },
                Task { breaks: Some((false, 1)), ..task("b", &[policies, certificates]) },
            ],
        ),
        Mitigated {
            apply_ms: 60_000,
            ..mitigated("canceled", vec![Task { canceled: Some(5_000), ..two }])
        },
    ];
    let all = by_hand.into_iter().chain((0..12).map(by_chance));
    all.map(|scenario| Box::new(scenario) as Box<dyn Scenario>).collect()
}

fn by_chance(seed: u64) -> Mitigated {
    let mut dice = Dice::new(seed.wrapping_add(1234));
    let tasks = (0..=dice.below(3)).map(|number| {
        let mut place = 0;
        let chunks = (0..dice.below(4)).map(|_| {
            let mut finding = || {
                place += 1;
                (if dice.once_in(2) { CERTIFICATE } else { POLICY }, place)
            };
            (0..4).map(|_| finding()).collect()
        });
        let chunks = chunks.collect();
        Task { name: number.to_string(), chunks, breaks: None, canceled: None }
    });
    let tasks = tasks.collect();
    Mitigated { name: format!("chance-{seed}"), tasks, apply_ms: 30 }
}

impl Task {
    fn arn(&self) -> String {
        Surface::Audit.arn(ACCOUNT, REGION, &self.name)
    }

    fn id(&self) -> ExecutionId {
        ExecutionId::of(&self.arn())
    }

    fn start(&self) -> StartRequest {
        let action = |name: &str, params: ActionParams| Action {
            name: name.to_owned(),
            id: name.to_owned(),
            role_arn: String::new(),
            params,
            created: Timestamp(0),
            modified: Timestamp(0),
        };
        let birth = Birth {
            task_id: self.name.clone(),
            target: Target::Audit { audit: AUDIT, reasons: None },
            mapping: BTreeMap::from([(CERTIFICATE, vec![0, 1]), (POLICY, vec![1, 0, 1])]),
            actions: vec![
                action("device", ActionParams::UpdateDeviceCertificate),
                action("policy", ActionParams::ReplaceDefaultPolicyVersion),
            ],
        };
        StartRequest {
            kind: KIND,
            scope: SCOPE.into(),
            parent: Surface::Audit.parent().into(),
            definition: Definition::new(""),
            start: Start {
                arn: self.arn(),
                definition_arn: String::new(),
                name: self.name.clone(),
                role_arn: String::new(),
                input: Payload::new(json!(birth).to_string()),
                attributes: Vec::new(),
            },
            reply_to: None,
            durability: Durability::Durable,
        }
    }

    fn plan(&self, cursor: Option<&str>) -> Outcome {
        let number: usize = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        if self.breaks == Some((false, number as u32)) {
            return broken();
        }
        let findings = self.chunks.get(number).into_iter().flatten();
        let items = findings.map(|(check, place)| {
            Item::Finding(FindingRef { audit: AUDIT, check: *check, place: *place })
        });
        succeeded(&Planned {
            items: items.collect(),
            skipped: BTreeMap::from([(CERTIFICATE, 1)]),
            cursor: (number + 1 < self.chunks.len()).then(|| (number + 1).to_string()),
        })
    }

    fn apply(&self, work: &Work, chunk: u32, seen: &Seen<'_>) -> Result<Does, Fault> {
        if self.breaks == Some((true, chunk)) {
            return Ok(Does::Finish(broken()));
        }
        let key = chunk_key(chunk);
        let row = seen.reader.row(work.execution, VIEW_CHUNKS, &key);
        let items = crate::world::at_once(row)?.and_then(|row| read_chunk(&row));
        let items = items.ok_or_else(|| Fault::new("there is no such chunk"))?;
        let mut changed: BTreeMap<String, u32> = BTreeMap::new();
        let results = items.into_iter().map(|item| {
            let Item::Finding(finding) = &item else {
                return ItemResult { item, done: Vec::new() };
            };
            let (errors, name) = fate(*finding);
            let succeeded = errors.iter().filter(|fails| !**fails).count() as u32;
            *changed.entry(name).or_default() += succeeded;
            let now = seen.now.as_millis();
            let done = |fails: &bool| Done {
                started: now,
                ended: now,
                error: fails.then(|| ActionError { code: "C".to_owned(), message: String::new() }),
            };
            let done = errors.iter().map(done).collect();
            ItemResult { item, done }
        });
        let outcome = succeeded(&Applied { results: results.collect() });
        let mut change = Change::default();
        for (name, more) in changed {
            let (table, key) = (REGISTRY, name.into_bytes());
            let found = seen.row(SCOPE, REGISTRY, &key)?;
            let count = found.as_ref().and_then(|row| std::str::from_utf8(row).ok()?.parse().ok());
            let value = (count.unwrap_or(0_u32) + more).to_string().into();
            let must = match found {
                Some(value) => Must::Equals { table, key: key.clone(), value },
                None => Must::Absent { table, key: key.clone() },
            };
            change.require(&SCOPE.into(), must);
            change.edit(&SCOPE.into(), Edit::Put { table, key, value });
        }
        Ok(Does::Report(outcome, change))
    }
}

/// What becomes of a finding: whether each action fails, up to the first that does, and what is
/// changed by those that don't.
fn fate(finding: FindingRef) -> (Vec<bool>, String) {
    let actions = if finding.check == CERTIFICATE { 2 } else { 3 };
    let mut errors = vec![false; actions];
    if finding.place % 5 == 3 {
        errors.truncate(finding.place as usize % actions + 1);
        if let Some(last) = errors.last_mut() {
            *last = true;
        }
    }
    (errors, format!("{}-{}", finding.check.name(), finding.place % 3))
}

fn succeeded(answer: &impl serde::Serialize) -> Outcome {
    Outcome::Succeeded(Payload::new(serde_json::to_string(answer).unwrap_or_default()))
}

fn broken() -> Outcome {
    Outcome::Failed { error: "Fault".to_owned(), cause: "broken".to_owned() }
}

impl Scenario for Mitigated {
    fn name(&self) -> String {
        format!("mitigations/{}", self.name)
    }

    fn builder(&self) -> Builder {
        Engine::builder().kind::<Mitigation>(KIND, "mitigation")
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        self.tasks.iter().map(|task| (0, task.start())).collect()
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let canceled = self.tasks.iter().filter_map(|task| Some((task.canceled?, task.id())));
        canceled.map(|(at, id)| (at, Act::new::<Mitigation>(id, Signal::Cancel))).collect()
    }

    fn perform(&self, work: &Work, seen: &Seen<'_>) -> Reaction {
        let task = self.tasks.iter().find(|task| task.id() == work.execution);
        let ask = serde_json::from_str(&work.request);
        let (delay, does) = match (task, ask) {
            (Some(task), Ok(Ask::Plan { cursor })) => {
                (20, Does::Finish(task.plan(cursor.as_deref())))
            }
            (Some(task), Ok(Ask::Apply { chunk })) => {
                (self.apply_ms, task.apply(work, chunk, seen).unwrap_or(Does::Never))
            }
            _ => (1, Does::Never),
        };
        Reaction { delay, does }
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        let entries = journal::<Mitigation>(reader, record.id)?;
        let mut told: Vec<Told> =
            entries.into_iter().map(|entry| tell(&entry.event.kind)).collect();
        // Planning and applying go on side by side. The last event stays the last.
        let last = told.len().saturating_sub(1);
        told[..last].sort_by(|one, other| one.text.cmp(&other.text));
        Ok(told)
    }
}

/// An event, without times and without the numbers of effects, which follow from who was faster.
fn tell(kind: &EventKind) -> Told {
    let text = match kind {
        EventKind::PlanAsked(_) => "PlanAsked".to_owned(),
        EventKind::Planned { items, skipped, .. } => format!("Planned {items:?} {skipped:?}"),
        EventKind::ApplyAsked(_) => "ApplyAsked".to_owned(),
        EventKind::Applied { results, .. } => {
            let done = |done: &Done| done.error.as_ref().map_or("good", |_| "bad");
            let results = results.iter().map(|result| {
                let done: Vec<&str> = result.done.iter().map(done).collect();
                format!("{:?} {done:?}", result.item)
            });
            format!("Applied {:?}", results.collect::<Vec<_>>())
        }
        EventKind::Broken { why, .. } => format!("Broken {why}"),
        other => format!("{other:?}"),
    };
    let mut told = Told::plain(text);
    match kind {
        EventKind::PlanAsked(effect) | EventKind::ApplyAsked(effect) => told.asks = Some(*effect),
        EventKind::Planned { effect, .. }
        | EventKind::Applied { effect, .. }
        | EventKind::Broken { effect, .. } => told.answers = Some(*effect),
        EventKind::Ended(_) | EventKind::Settled => told.ends = true,
        EventKind::Started | EventKind::Canceled => {}
    }
    told
}
