//! Scenarios of Device Defender: audits whose scans answer chunk by chunk, and scheduled audits that
//! start them for years.
//!
//! Numbers of audits are random, so an audit of a schedule bears the ARN of the effect that starts
//! it here; that it is asked for by the number on record is checked.

use serde_json::{Value, json};
use trackway_audit::audit::{self, Birth, TaskType};
use trackway_audit::check::{Check, Reason};
use trackway_audit::ids::AuditNumber;
use trackway_audit::request::{
    CheckConfig, CheckError, Flaw, NOTIFY_QUEUE, SCAN_QUEUE, START_QUEUE, Scan, Scanned,
    StartScheduled,
};
use trackway_audit::resource::{Info, Related, Resource};
use trackway_audit::schedule::{self, Days, Frequency, MonthDay, Timing, Weekday};
use trackway_audit::{Audit, Schedule};
use trackway_core::{ExecutionId, Outcome, Payload, Start};
use trackway_engine::{
    Builder, Definition, Durability, Engine, Fault, Reader, Record, StartRequest, Work,
};

use crate::{Act, Dice, Does, Reaction, Scenario, Seen, Told, journal};

pub(crate) const ACCOUNT: &str = "000000000000";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const SCOPE: &str = "000000000000/us-east-1";
pub(crate) const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How one scan is answered.
#[derive(Clone, Debug)]
enum Answer {
    Scanned(Scanned),
    /// With something that is no answer.
    Nonsense,
    /// Its performer fails.
    Fails,
    Never,
}

/// An audit, or a schedule that starts some, and what happens to it.
#[derive(Clone, Debug)]
struct Audited {
    name: String,
    /// By check, the answers of its scans in their order.
    checks: Vec<(Check, Vec<Answer>)>,
    topic_arn: Option<String>,
    schedule: Option<Timing>,
    /// How long a scan takes.
    scan_ms: i64,
    signals: Vec<(i64, Signal)>,
}

/// What is asked of it. A caller that hears no answer asks again, so only what may be asked twice.
#[derive(Clone, Debug)]
enum Signal {
    Cancel,
    Schedule(schedule::Signal),
}

impl Audited {
    fn new(name: &str, checks: Vec<(Check, Vec<Answer>)>) -> Self {
        Self {
            name: name.to_owned(),
            checks,
            topic_arn: None,
            schedule: None,
            scan_ms: 20,
            signals: Vec::new(),
        }
    }

    fn every(name: &str, timing: Timing, checks: Vec<(Check, Vec<Answer>)>) -> Self {
        Self { schedule: Some(timing), ..Self::new(name, checks) }
    }

    fn notifies(self) -> Self {
        Self { topic_arn: Some("arn:aws:sns:us-east-1:000000000000:topic".to_owned()), ..self }
    }

    fn then(mut self, after_ms: i64, signal: Signal) -> Self {
        self.signals.push((after_ms, signal));
        self
    }

    fn deleted_after(self, after_ms: i64) -> Self {
        self.then(after_ms, Signal::Schedule(schedule::Signal::Delete))
    }

    fn number(&self) -> AuditNumber {
        AuditNumber(self.name.len() as u64)
    }

    fn id(&self) -> ExecutionId {
        ExecutionId::of(&self.arn())
    }

    fn arn(&self) -> String {
        match self.schedule {
            Some(_) => schedule::entity_arn(ACCOUNT, REGION, self.name.len() as u64),
            None => self.number().arn(ACCOUNT, REGION),
        }
    }

    fn birth(&self, number: AuditNumber, schedule: Option<String>) -> Birth {
        let checks = self.checks.iter();
        Birth {
            number,
            account: ACCOUNT.to_owned(),
            task_type: if schedule.is_some() { TaskType::Scheduled } else { TaskType::OnDemand },
            schedule,
            checks: checks.map(|(check, _)| (*check, CheckConfig::default())).collect(),
            topic_arn: self.topic_arn.clone(),
        }
    }

    fn scan(&self, request: &str) -> Does {
        let scan: Option<Scan> = serde_json::from_str(request).ok();
        let answers = scan.as_ref().and_then(|scan| {
            self.checks.iter().find(|(check, _)| *check == scan.check).map(|(_, answers)| answers)
        });
        let (Some(scan), Some(answers)) = (scan, answers) else { return Does::Never };
        let place: usize = scan.cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        match answers.get(place) {
            Some(Answer::Scanned(scanned)) => {
                let more = (place + 1 < answers.len()).then(|| (place + 1).to_string());
                succeed(&json!(Scanned { cursor: more, ..scanned.clone() }))
            }
            Some(Answer::Nonsense) => succeed(&json!([1])),
            Some(Answer::Fails) => failed(),
            Some(Answer::Never) | None => Does::Never,
        }
    }

    /// Starts the audit of a schedule, if it is asked for by the number on record.
    fn start(&self, work: &Work, seen: &Seen<'_>) -> Does {
        let Ok(call) = serde_json::from_str::<StartScheduled>(&work.request) else {
            return Does::Never;
        };
        let entries = journal::<Schedule>(seen.reader, work.execution).unwrap_or_default();
        let is_on_record = entries.iter().any(|entry| {
            entry.event == schedule::Event::Due { effect: work.effect, number: call.number }
        });
        if !is_on_record {
            return Does::Never;
        }
        let arn = format!("{}/{}", work.execution, work.effect.0);
        let birth = self.birth(call.number, Some(call.schedule));
        Does::Start(Box::new(started(audit::KIND, arn, &json!(birth))))
    }
}

fn succeed(value: &Value) -> Does {
    Does::Finish(Outcome::Succeeded(Payload::new(value.to_string())))
}

fn failed() -> Does {
    Does::Finish(Outcome::Failed { error: "E".to_owned(), cause: "broken".to_owned() })
}

pub(crate) fn started(kind: u8, arn: String, input: &Value) -> StartRequest {
    StartRequest {
        kind,
        scope: SCOPE.into(),
        parent: audit::PARENT.into(),
        definition: Definition::new(""),
        start: Start {
            arn,
            definition_arn: String::new(),
            name: String::new(),
            role_arn: String::new(),
            input: Payload::new(input.to_string()),
            attributes: Vec::new(),
        },
        reply_to: None,
        durability: Durability::Durable,
    }
}

/// An answer with so many findings, and so many related resources of the last one before them.
fn found(first: u64, flaws: u64, more_related: u64) -> Answer {
    let related = |number: u64| Related {
        resource: Resource::Client(format!("client-{number}")),
        info: Info::from([("CONNECTION_TIME".to_owned(), number.to_string())]),
    };
    let flaw = |number: u64| Flaw {
        resource: Resource::DeviceCertificate(format!("{number:064x}")),
        info: Info::new(),
        code: Reason::PastExpiration,
        reason: "It has expired.".to_owned(),
        related: (0..number % 4).map(related).collect(),
        suppressed: number % 3 == 2,
    };
    let flaws: Vec<Flaw> = (first..first + flaws).map(flaw).collect();
    let suppressed = flaws.iter().filter(|flaw| flaw.suppressed).count() as u64;
    Answer::Scanned(Scanned {
        examined: flaws.len() as u64 + 7,
        non_compliant: flaws.len() as u64 - suppressed,
        suppressed,
        flaws,
        related_of_last: (0..more_related).map(related).collect(),
        ..Scanned::default()
    })
}

fn disabled() -> Answer {
    let error = CheckError {
        code: "AUDIT_CHECK_DISABLED".to_owned(),
        message: "It is disabled.".to_owned(),
    };
    Answer::Scanned(Scanned { error: Some(error), ..Scanned::default() })
}

/// Every scenario of audits: some by hand, some by chance.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let all = audits().into_iter().chain(schedules()).chain((0..8).map(by_chance));
    all.map(|scenario| Box::new(scenario) as Box<dyn Scenario>).collect()
}

fn audits() -> Vec<Audited> {
    let (expiring, logging) = (Check::DeviceCertificateExpiring, Check::LoggingDisabled);
    let chunks = vec![found(0, 3, 0), found(3, 0, 2), found(3, 4, 1), found(7, 0, 0)];
    vec![
        Audited::new("compliant", vec![(expiring, vec![found(0, 0, 0)])]),
        Audited::new("chunks", vec![(expiring, chunks.clone()), (logging, vec![found(0, 1, 0)])])
            .notifies(),
        Audited::new(
            "errors",
            vec![
                (expiring, vec![found(0, 2, 0), disabled()]),
                (Check::DeviceCertificateAge, vec![Answer::Fails]),
                (Check::PolicyOverlyPermissive, vec![found(0, 1, 0), Answer::Nonsense]),
                (logging, vec![found(2, 1, 0)]),
            ],
        ),
        Audited::new("failed", vec![(expiring, vec![disabled()]), (logging, vec![Answer::Fails])])
            .notifies(),
        Audited::new(
            "canceled",
            vec![(expiring, vec![found(0, 3, 0), Answer::Never]), (logging, chunks)],
        )
        .notifies()
        .then(HOUR_MS, Signal::Cancel),
    ]
}

fn schedules() -> Vec<Audited> {
    let check = || vec![(Check::LoggingDisabled, vec![found(0, 1, 0)])];
    let update = |days| {
        Signal::Schedule(schedule::Signal::Update {
            days,
            checks: Some(vec![Check::LoggingDisabled, Check::DeviceCertificateAge]),
        })
    };
    let monthly = Days {
        frequency: Some(Frequency::Monthly),
        month_day: Some(MonthDay::Last),
        ..Days::default()
    };
    vec![
        Audited::every("daily", Timing::Daily, check()).deleted_after(5 * DAY_MS + HOUR_MS),
        Audited::every("never due", Timing::Monthly(MonthDay::Last), check())
            .deleted_after(HOUR_MS),
        Audited::every("biweekly", Timing::Biweekly(Weekday::Monday), check())
            .deleted_after(100 * DAY_MS + HOUR_MS),
        Audited::every("for years", Timing::Monthly(MonthDay::Day(31)), check())
            .deleted_after(2 * 365 * DAY_MS + HOUR_MS),
        Audited::every("another rhythm", Timing::Weekly(Weekday::Friday), check())
            .then(20 * DAY_MS + HOUR_MS, update(monthly))
            .deleted_after(100 * DAY_MS + HOUR_MS),
        // The next slot comes while audits are still running; they end after it was deleted.
        Audited {
            scan_ms: 30 * HOUR_MS,
            ..Audited::every("side by side", Timing::Daily, check())
                .deleted_after(3 * DAY_MS + HOUR_MS)
        },
    ]
}

/// A random audit; one that would never end is cancelled.
fn by_chance(seed: u64) -> Audited {
    let mut dice = Dice::new(seed.wrapping_add(6006));
    let mut checks = Vec::new();
    let mut is_stuck = false;
    for check in Check::ALL.iter().filter(|check| check.number() % 4 == (seed % 4) as u8) {
        let mut answers = Vec::new();
        for _ in 0..=dice.below(4) {
            answers.push(found(dice.below(20), dice.below(6), dice.below(3)));
        }
        match dice.below(8) {
            0 => answers.push(disabled()),
            1 => answers.push(Answer::Fails),
            2 => answers.push(Answer::Nonsense),
            3 if seed.is_multiple_of(3) => {
                answers.push(Answer::Never);
                is_stuck = true;
            }
            _ => {}
        }
        checks.push((*check, answers));
    }
    let made = Audited::new(&format!("chance-{seed}"), checks);
    let made = if dice.once_in(2) { made.notifies() } else { made };
    if is_stuck { made.then(HOUR_MS, Signal::Cancel) } else { made }
}

impl Scenario for Audited {
    fn name(&self) -> String {
        format!("audits/{}", self.name)
    }

    fn builder(&self) -> Builder {
        Engine::builder()
            .kind::<Audit>(audit::KIND, "audit")
            .kind::<Schedule>(schedule::KIND, "scheduled audit")
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        let request = match self.schedule {
            Some(timing) => {
                let checks = self.checks.iter().map(|(check, _)| *check).collect();
                let birth = schedule::Birth { name: self.name.clone(), timing, checks };
                started(schedule::KIND, self.arn(), &json!(birth))
            }
            None => started(audit::KIND, self.arn(), &json!(self.birth(self.number(), None))),
        };
        vec![(0, request)]
    }

    fn perform(&self, work: &Work, seen: &Seen<'_>) -> Reaction {
        let (delay, does) = match work.queue.as_str() {
            SCAN_QUEUE => (self.scan_ms, self.scan(&work.request)),
            START_QUEUE => (20, self.start(work, seen)),
            NOTIFY_QUEUE if self.name.len().is_multiple_of(2) => (20, failed()),
            NOTIFY_QUEUE => (20, succeed(&json!({}))),
            _ => (20, Does::Never),
        };
        Reaction { delay, does }
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let act = |(at, signal): &(i64, Signal)| {
            let act = match signal {
                Signal::Cancel => Act::new::<Audit>(self.id(), audit::Signal::Cancel),
                Signal::Schedule(signal) => Act::new::<Schedule>(self.id(), signal.clone()),
            };
            (*at, act)
        };
        self.signals.iter().map(act).collect()
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        Ok(if record.kind == schedule::KIND {
            let entries = journal::<Schedule>(reader, record.id)?;
            let mut told: Vec<Told> =
                entries.iter().map(|entry| tell_schedule(&entry.event)).collect();
            // A scan that a crash has cut off begins again: its audit ends later, past slots that
            // come meanwhile. The last event stays the last: it has to be the end.
            let last = told.len().saturating_sub(1);
            told[..last].sort_by_key(|told| told.answers);
            told
        } else {
            let entries = journal::<Audit>(reader, record.id)?;
            entries.iter().map(|entry| tell(&entry.event)).collect()
        })
    }
}

/// An event of an audit, without its number.
pub(crate) fn tell(event: &audit::Event) -> Told {
    use audit::Event;
    let mut told = Told::plain(match event {
        Event::Began { birth, next } => {
            format!("Began {:?} {:?} {next:?}", birth.task_type, birth.checks)
        }
        other => format!("{other:?}"),
    });
    match event {
        Event::Began { next, .. } => told.asks = *next,
        Event::Scanned { effect, next, .. } => {
            told.answers = Some(*effect);
            told.asks = *next;
        }
        Event::Ended { notify, .. } => told.asks = *notify,
        Event::Notified { effect, .. } => told.answers = Some(*effect),
        Event::Closed => told.ends = true,
        Event::Canceled => {}
    }
    told
}

/// An event of a scheduled audit, without times and random numbers.
fn tell_schedule(event: &schedule::Event) -> Told {
    use schedule::Event;
    let mut told = Told::plain(match event {
        Event::Armed(timer, _) => format!("Armed {timer:?}"),
        Event::Due { effect, .. } => format!("Due {effect:?}"),
        other => format!("{other:?}"),
    });
    match event {
        Event::Due { effect, .. } => told.asks = Some(*effect),
        Event::AuditEnded { effect, .. } => told.answers = Some(*effect),
        Event::Closed => told.ends = true,
        _ => {}
    }
    told
}
