//! Scenarios of the toy kind.

use trackway_core::{ExecutionId, Outcome, Payload, Start};
use trackway_engine::toy::{Event, Relay, RelayEvent, Signal, Toy};
use trackway_engine::{
    Builder, Catalog, CatalogError, Change, Check, Definition, Durability, Edit, Engine, Fault,
    Offer, Performed, Reader, Record, StartRequest, Work,
};

use crate::jobs::broken;
use crate::{Act, Does, Reaction, Scenario, Seen, Told, journal};

/// The tag that the toy kind is registered with.
const TOY: u8 = 1;
/// The tag of the second one.
const RELAY: u8 = 2;

/// Whose the toys are.
const SCOPE: &str = "000000000000/sim";
/// The table of how often was counted.
const COUNTS: u8 = 1;
/// How long it takes to count late, in milliseconds.
const LATE_MS: i64 = 10_000;

/// Scripts of the toy kind, all started at once.
#[derive(Clone, Debug)]
pub struct Toys {
    /// The scenario's name.
    pub name: &'static str,
    /// Names and scripts.
    pub scripts: Vec<(&'static str, &'static str)>,
    /// Notes: when, to whom.
    pub notes: Vec<(i64, &'static str)>,
    /// Stops: when, whom.
    pub stops: Vec<(i64, &'static str)>,
}

/// Every toy scenario.
#[must_use]
pub fn all() -> Vec<Box<dyn Scenario>> {
    let plain = |name, scripts: &[(&'static str, &'static str)]| Toys {
        name,
        scripts: scripts.to_vec(),
        notes: Vec::new(),
        stops: Vec::new(),
    };
    let toys = [
        plain("one-turn", &[("a", "pass 3; dice"), ("b", "fail"), ("c", "")]),
        plain("tasks", &[("a", "task good; task good; task bad"), ("b", "fan 5 good; pass 1")]),
        plain("rows", &[("a", "rows 5; task good; rows 3"), ("b", "rows 2; wait 9; rows 1; fail")]),
        plain(
            "snapshots",
            &[
                ("a", "pass 600; task good; rows 300; wait 5; pass 400; dice; task bad"),
                ("b", "fan 3 good; pass 511; poll x; child pass 520, task good, rows 2; wait 3"),
            ],
        ),
        plain("timers", &[("a", "wait 50; wait 0; pass 1"), ("b", "timers 20 7; task good")]),
        plain(
            "timeouts",
            &[("a", "task never within 500"), ("b", "task good within 5000; pass 1")],
        ),
        plain(
            "children",
            &[("a", "child pass 1; child task good, wait 5; pass 1"), ("b", "child fail")],
        ),
        plain("jobs", &[("a", "job pass 1; job task good, wait 5; pass 1"), ("b", "job fail")]),
        plain(
            "kinds",
            &[
                ("a", "relay pass 1; relay task good, wait 5; pass 1"),
                ("b", "relay fail"),
                ("c", "relay relay child task good, rows 2; pass 1"),
            ],
        ),
        plain("deep", &[("a", "child child job child task good; pass 1")]),
        plain(
            "polled",
            &[("a", "poll x; poll y; pass 1"), ("b", "poll x"), ("c", "fan 3 activity/x")],
        ),
        Toys {
            notes: vec![(20, "a"), (60, "b")],
            ..plain("signals", &[("a", "note; pass 1; task good"), ("b", "wait 5; note; wait 5")])
        },
        Toys {
            // What is counted late is not wanted any more.
            stops: vec![(80, "c")],
            ..plain(
                "reports",
                &[
                    ("a", "task count; fan 4 count; rows 2"),
                    ("b", "fan 3 count; wait 5; task count; fail"),
                    ("c", "fan 3 late"),
                    ("d", "child task count, fan 2 count; task count"),
                ],
            )
        },
        Toys {
            stops: vec![(40, "a"), (40, "b"), (40, "c"), (300_000, "d")],
            ..plain(
                "stopped",
                &[
                    ("a", "task never"),
                    ("b", "timers 30 999999"),
                    ("c", "fan 4 never"),
                    ("d", "wait 10; child wait 400000"),
                ],
            )
        },
    ];
    toys.into_iter().map(|toys| Box::new(toys) as Box<dyn Scenario>).collect()
}

fn request(name: &str, script: &str) -> StartRequest {
    StartRequest {
        kind: TOY,
        scope: SCOPE.into(),
        parent: "toys".into(),
        definition: Definition::new(script),
        start: Start {
            arn: arn(name),
            definition_arn: "toys".into(),
            name: name.into(),
            role_arn: String::new(),
            input: Payload::new(format!("{name:?}")),
            attributes: Vec::new(),
        },
        reply_to: None,
        durability: Durability::Durable,
    }
}

/// Counts one more, with the answer.
async fn count_one(catalog: Catalog, work: Work, answer: Outcome) -> Performed {
    loop {
        let reported = match one_more(&catalog).await {
            Ok(change) => catalog.report(&work, &answer, &change).await,
            Err(fault) => return broken(&fault),
        };
        match reported {
            Ok(performed) => return performed,
            Err(CatalogError::Conflict { .. }) => {}
            Err(CatalogError::Fault(fault)) => return broken(&fault),
        }
    }
}

/// One more than what was counted so far.
async fn one_more(catalog: &Catalog) -> Result<Change, Fault> {
    let (scope, table, key) = (SCOPE.into(), COUNTS, b"total".to_vec());
    let found = catalog.get(SCOPE, COUNTS, &key).await?;
    let count = found.as_ref().and_then(|row| std::str::from_utf8(row).ok()?.parse::<u32>().ok());
    let value = (count.unwrap_or_default() + 1).to_string().into();
    let mut change = Change::default();
    change.require(
        &scope,
        match found {
            Some(value) => Check::Equals { table, key: key.clone(), value },
            None => Check::Absent { table, key: key.clone() },
        },
    );
    change.edit(&scope, Edit::Put { table, key, value });
    Ok(change)
}

fn arn(name: &str) -> String {
    format!("arn:toy:{name}")
}

fn act(name: &str, signal: Signal) -> Act {
    Act::new::<Toy>(ExecutionId::of(&arn(name)), signal)
}

impl Scenario for Toys {
    fn name(&self) -> String {
        format!("toys/{}", self.name)
    }

    fn builder(&self) -> Builder {
        Engine::builder().kind::<Toy>(TOY, "toy").kind::<Relay>(RELAY, "relay").polled("activity")
    }

    fn starts(&self) -> Vec<(i64, StartRequest)> {
        self.scripts.iter().map(|(name, script)| (0, request(name, script))).collect()
    }

    fn perform(&self, work: &Work, seen: &Seen<'_>) -> Reaction {
        let child = || {
            let script = work.request.trim_matches('"');
            Box::new(request(&format!("{}/{}", work.execution, work.effect.0), script))
        };
        let answer = || Payload::new(format!("{:?}", work.queue));
        let delay = match work.queue.as_str() {
            "late" => LATE_MS,
            _ => 2 + i64::from(work.effect.0 % 3),
        };
        let does = match work.queue.as_str() {
            "count" | "late" => {
                let answer = Outcome::Succeeded(answer());
                Does::Run(Box::pin(count_one(seen.catalog.clone(), work.clone(), answer)))
            }
            "good" => Does::Finish(Outcome::Succeeded(answer())),
            "bad" => {
                Does::Finish(Outcome::Failed { error: "Bad".to_owned(), cause: String::new() })
            }
            "child" => Does::Start(child()),
            "relay" => Does::Start(Box::new(StartRequest { kind: RELAY, ..*child() })),
            "job/child" => Does::StartAndAnswer(child(), Outcome::Succeeded(answer())),
            _ => Does::Never,
        };
        Reaction { delay, does }
    }

    fn polled(&self, offer: &Offer, _seen: &Seen<'_>) -> Vec<(i64, Act)> {
        let to = |signal| Act::new::<Toy>(offer.execution, signal);
        let answer = Payload::new(format!("{:?}", offer.queue));
        vec![(3, to(Signal::Taken(offer.effect))), (4, to(Signal::Done(offer.effect, answer)))]
    }

    fn signals(&self) -> Vec<(i64, Act)> {
        let notes = self.notes.iter().map(|(at, name)| {
            let text = "note".to_owned();
            (*at, act(name, Signal::Note(text)))
        });
        let stops = self.stops.iter().map(|(at, name)| (*at, act(name, Signal::Stop)));
        notes.chain(stops).collect()
    }

    fn tell(&self, reader: &Reader, record: &Record) -> Result<Vec<Told>, Fault> {
        if record.kind == RELAY {
            let entries = journal::<Relay>(reader, record.id)?;
            return Ok(entries.into_iter().map(|entry| tell_relay(&entry.event)).collect());
        }
        let entries = journal::<Toy>(reader, record.id)?;
        let mut told: Vec<Told> = entries.into_iter().map(|entry| tell(&entry.event)).collect();
        // Answers that are on their way at the same time come in any order.
        let is_any = |told: &Told| told.text.starts_with(['A', 'T']) && told.asks.is_none();
        for run in told.chunk_by_mut(|one, next| is_any(one) && is_any(next)) {
            run.sort_by(|one, other| one.text.cmp(&other.text));
        }
        Ok(told)
    }
}

fn tell_relay(event: &RelayEvent) -> Told {
    let effect = Some(trackway_core::EffectId(0));
    let mut told = Told::plain(format!("{event:?}"));
    match event {
        RelayEvent::Started => told.asks = effect,
        RelayEvent::Reported(_) => (told.answers, told.ends) = (effect, true),
        RelayEvent::Stopped => told.ends = true,
    }
    told
}

fn tell(event: &Event) -> Told {
    let text = match event {
        Event::Rolled(_) => "Rolled".to_owned(),
        other => format!("{other:?}"),
    };
    let mut told = Told::plain(text);
    match event {
        Event::Asked(effect) => told.asks = Some(trackway_core::EffectId(*effect)),
        Event::Answered(effect, ..) => told.answers = Some(trackway_core::EffectId(*effect)),
        Event::Ended(..) => told.ends = true,
        _ => {}
    }
    told
}
