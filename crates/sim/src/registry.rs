//! Scenarios of IoT's registry: random ones, which the real performers scan and mend and real users
//! change. An audit looks at it, a task acts on what that found, another audit looks again.
//!
//! Where users, or several tasks, are at work at the same time, what it comes to depends on who
//! comes first. What must hold whoever does is in [`judge`]: above all, an execution is COMPLETED if
//! and only if its change is there, once. What is published isn't played: no runtime runs here.

mod judge;
mod town;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use serde_json::{Value, json};
use trackway_audit::action::{Action, ActionParams};
use trackway_audit::audit::{self, TaskType};
use trackway_audit::check::Check;
use trackway_audit::ids::AuditNumber;
use trackway_audit::mitigation::request::Done;
use trackway_audit::mitigation::{self, Birth, EventKind, Signal, Surface, Target};
use trackway_audit::request::{CheckConfig, MITIGATION_QUEUE, SCAN_QUEUE};
use trackway_audit::{Audit, Mitigation};
use trackway_core::{EffectId, ExecutionId, Outcome, Timestamp};
use trackway_engine::{Builder, Engine, Fault, Performer, Reader, Record, StartRequest, Work};
use trackway_registry::config::IotConfig;
use trackway_registry::record::{self, CaCertificate, Certificate, Policy};
use trackway_registry::scan::Scans;
use trackway_registry::sns::{NotPublished, Publisher, Publishing};
use trackway_registry::things::Thing;
use trackway_registry::{Failure, Mitigations, Registry, table};

use crate::audit::{ACCOUNT, HOUR_MS, REGION, SCOPE, started};
use crate::{Act, Deed, Dice, Does, Reaction, Scenario, Seen, Told, journal};
use town::{Change, GROUP, Town};

/// The role that logs.
const ROLE: &str = "arn:aws:iam::000000000000:role/logs";
/// The audit before and the one after.
const AUDITS: [AuditNumber; 2] = [AuditNumber(1), AuditNumber(2)];
/// When users change what was found before the tasks begin, and when these do.
const BETWEEN_MS: i64 = HOUR_MS / 2;

/// A registry, and what happens to it.
#[derive(Clone, Debug)]
struct Played {
    name: String,
    town: Town,
    tasks: Vec<Task>,
    changes: Vec<(i64, Change)>,
    races: bool,
}

/// A task over what the first audit has found.
#[derive(Clone, Debug)]
struct Task {
    name: String,
    mapping: BTreeMap<Check, Vec<u8>>,
    /// An effect that can't be carried out.
    breaks: Option<EffectId>,
    /// When it is canceled.
    canceled: Option<i64>,
}

/// Every scenario of registries: some where one comes after the other, and some races.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let calm = (0..4).map(Played::in_turn);
    let broken = [Played::broken(100, EffectId(0)), Played::broken(101, EffectId(1))];
    let races = (200..206).map(Played::race);
    let all = calm.chain(broken).chain(races);
    all.map(|scenario| Box::new(scenario) as Box<dyn Scenario>).collect()
}

impl Played {
    /// One task, and users who are there before it.
    fn in_turn(seed: u64) -> Self {
        let mut dice = Dice::new(seed.wrapping_add(6161));
        let town = Town::random(&mut dice);
        let tasks = vec![Task::random("a", &mut dice)];
        let changes = (0..dice.below(4))
            .map(|place| (BETWEEN_MS + place.cast_signed() * 60_000, town.change(&mut dice)));
        let changes = changes.collect();
        Self { name: format!("turn-{seed}"), town, tasks, changes, races: false }
    }

    /// A task of which an effect can't be carried out.
    fn broken(seed: u64, effect: EffectId) -> Self {
        let mut played = Self::in_turn(seed);
        played.tasks.iter_mut().for_each(|task| task.breaks = Some(effect));
        Self { name: format!("broken-{}", effect.0), ..played }
    }

    /// Tasks at the same time, some of them canceled, and users.
    fn race(seed: u64) -> Self {
        let mut dice = Dice::new(seed.wrapping_add(6161));
        let town = Town::random(&mut dice);
        let soon = |dice: &mut Dice| HOUR_MS + dice.below(60).cast_signed();
        let mut tasks: Vec<Task> =
            ["a", "b"].iter().map(|name| Task::random(name, &mut dice)).collect();
        for task in &mut tasks {
            task.canceled = dice.once_in(3).then(|| soon(&mut dice));
        }
        let changes = (0..1 + dice.below(5)).map(|_| (soon(&mut dice), town.change(&mut dice)));
        let changes = changes.collect();
        Self { name: format!("race-{seed}"), town, tasks, changes, races: true }
    }

    fn audit(&self, number: AuditNumber) -> StartRequest {
        let checks = self.town.checks.iter().map(|check| (*check, CheckConfig::default()));
        let birth = audit::Birth {
            number,
            account: ACCOUNT.to_owned(),
            task_type: TaskType::OnDemand,
            schedule: None,
            checks: checks.collect(),
            topic_arn: None,
        };
        started(audit::KIND, number.arn(ACCOUNT, REGION), &json!(birth))
    }
}

impl Task {
    fn random(name: &str, dice: &mut Dice) -> Self {
        let mut mapping = BTreeMap::new();
        let actions = actions();
        for check in Check::ALL {
            let allowed: Vec<u8> = (0..)
                .zip(&actions)
                .filter(|(_, action)| check.allows(action.params.action_type()))
                .map(|(place, _)| place)
                .collect();
            if !allowed.is_empty() && !dice.once_in(6) {
                let action = |dice: &mut Dice| allowed[dice.below(allowed.len() as u64) as usize];
                mapping.insert(*check, (0..=dice.below(3)).map(|_| action(dice)).collect());
            }
        }
        Self { name: name.to_owned(), mapping, breaks: None, canceled: None }
    }

    fn arn(&self) -> String {
        Surface::Audit.arn(ACCOUNT, REGION, &self.name)
    }

    fn id(&self) -> ExecutionId {
        ExecutionId::of(&self.arn())
    }

    fn start(&self) -> StartRequest {
        let birth = Birth {
            task_id: self.name.clone(),
            target: Target::Audit { audit: AUDITS[0], reasons: None },
            mapping: self.mapping.clone(),
            actions: actions(),
        };
        let input: Value = json!(birth);
        let request = started(mitigation::KIND, self.arn(), &input);
        StartRequest { parent: Surface::Audit.parent().into(), ..request }
    }
}

/// One of each type, and one that fails.
fn actions() -> Vec<Action> {
    let groups = |names: &[&str]| ActionParams::AddThingsToThingGroup {
        groups: names.iter().map(|name| (*name).to_owned()).collect(),
        override_dynamic: None,
    };
    let params = [
        ActionParams::UpdateDeviceCertificate,
        ActionParams::UpdateCaCertificate,
        groups(&[GROUP]),
        groups(&[GROUP, "missing"]),
        ActionParams::ReplaceDefaultPolicyVersion,
        ActionParams::EnableIotLogging { role_arn: ROLE.to_owned(), level: "WARN".to_owned() },
    ];
    let action = |(place, params): (usize, ActionParams)| Action {
        name: format!("action-{place}"),
        id: place.to_string(),
        role_arn: ROLE.to_owned(),
        params,
        created: Timestamp(0),
        modified: Timestamp(0),
    };
    params.into_iter().enumerate().map(action).collect()
}

/// Nothing is published here.
struct Nobody;

impl Publisher for Nobody {
    fn publish(&self, _scope: Arc<str>, _topic_arn: String, _message: String) -> Publishing {
        let (code, message) = ("NotFound".to_owned(), String::new());
        Box::pin(std::future::ready(Err(NotPublished { code, message })))
    }
}

/// The registry, at this moment.
fn registry(seen: &Seen<'_>) -> Registry {
    let now = seen.now;
    Registry::over(seen.catalog.clone(), seen.reader.clone(), move || now)
}

impl Scenario for Played {
    fn name(&self) -> String {
        format!("registry/{}", self.name)
    }

    fn builder(&self) -> Builder {
        Engine::builder()
            .kind::<Audit>(audit::KIND, "audit")
            .kind::<Mitigation>(mitigation::KIND, "mitigation")
    }

    fn furnish(&self, seen: &Seen<'_>) -> Result<(), Fault> {
        match crate::world::at_once(self.town.furnish(&registry(seen))) {
            Ok(()) => Ok(()),
            Err(Failure::Refused(refusal)) => Err(Fault::new(refusal.message)),
            Err(Failure::Fault(fault)) => Err(fault),
        }
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        let audits = [(0, self.audit(AUDITS[0])), (2 * HOUR_MS, self.audit(AUDITS[1]))];
        let tasks = self.tasks.iter().map(|task| (HOUR_MS, task.start()));
        audits.into_iter().chain(tasks).collect()
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let canceled = self.tasks.iter().filter_map(|task| Some((task.canceled?, task.id())));
        canceled.map(|(at, id)| (at, Act::new::<Mitigation>(id, Signal::Cancel))).collect()
    }

    fn deeds(&self) -> Vec<(i64, Deed)> {
        let deed = |(at, change): &(i64, Change)| {
            let change = *change;
            let deed: Deed = Rc::new(move |seen| Box::pin(change.make(registry(seen))));
            (*at, deed)
        };
        self.changes.iter().map(deed).collect()
    }

    fn races(&self) -> bool {
        self.races
    }

    fn perform(&self, work: &Work, seen: &Seen<'_>) -> Reaction {
        let breaks = self.tasks.iter().find(|task| task.id() == work.execution);
        let does = match work.queue.as_str() {
            SCAN_QUEUE => {
                let scans = Scans::new(&IotConfig::default());
                scans.serve(registry(seen));
                Does::Run(scans.perform(work.clone()))
            }
            MITIGATION_QUEUE if breaks.is_some_and(|task| task.breaks == Some(work.effect)) => {
                let (error, cause) = ("Fault".to_owned(), "broken".to_owned());
                Does::Finish(Outcome::Failed { error, cause })
            }
            MITIGATION_QUEUE => {
                let mitigations = Mitigations::new(Arc::new(Nobody));
                mitigations.serve(registry(seen));
                Does::Run(mitigations.perform(work.clone()))
            }
            _ => Does::Never,
        };
        Reaction { delay: 5 + i64::from(work.effect.0 % 3), does }
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        if record.kind == audit::KIND {
            let entries = journal::<Audit>(reader, record.id)?;
            return Ok(entries.iter().map(|entry| crate::audit::tell(&entry.event)).collect());
        }
        let entries = journal::<Mitigation>(reader, record.id)?;
        let mut told: Vec<Told> = entries.iter().map(|entry| tell(&entry.event.kind)).collect();
        // Planning and applying go on side by side. The last event stays the last.
        let last = told.len().saturating_sub(1);
        told[..last].sort_by(|one, other| one.text.cmp(&other.text));
        Ok(told)
    }

    /// Without times, and without ids that are random.
    fn tell_row(&self, table: u8, _key: &[u8], value: &[u8]) -> Option<String> {
        let told = match table {
            table::CERTIFICATES => record::decode(value)
                .map(|it: Certificate| format!("{} {}", it.status.name(), it.version)),
            table::CA_CERTIFICATES => record::decode(value)
                .map(|it: CaCertificate| format!("{} {}", it.is_active, it.version)),
            table::POLICIES => record::decode(value)
                .map(|it: Policy| format!("{} {} {:?}", it.default, it.latest, it.versions.keys())),
            table::THINGS => record::decode(value).map(|it: Thing| it.version.to_string()),
            table::THING_GROUPS => Ok("a group".to_owned()),
            _ => Ok(value.escape_ascii().to_string()),
        };
        Some(told.unwrap_or_else(|fault| fault.to_string()))
    }

    fn problems(&self, seen: &Seen<'_>) -> Result<Vec<String>, Fault> {
        crate::world::at_once(judge::judge(self, &registry(seen)))
    }
}

/// An event of a task, without times and without the numbers of effects, which follow from who was
/// faster.
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
