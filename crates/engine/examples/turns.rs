//! How fast the engine is, with the toy kind.
//!
//! ```text
//! cargo run --release -p trackway-engine --example turns -- [memory|disk] [callers] [executions] [script]
//! cargo run --release -p trackway-engine --example turns -- disk 4 100 fan 1000 report
//! cargo run --release -p trackway-engine --example turns -- disk waiting 100000
//! ```
//!
//! The first form starts executions from so many callers at once, each waiting for its end, and
//! shows how many end in a second and how long one takes. Effects in the queue `report` change the
//! catalog when they are reported, as in the second. The third starts executions that wait
//! for ever, and shows what each costs in memory and on disk.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use trackway_core::{Outcome, Payload, Start};
use trackway_engine::toy::Toy;
use trackway_engine::{
    Change, Definition, Durability, Edit, Engine, Performed, Performer, StartRequest, Waited, Work,
};
use trackway_store::{BoxFuture, Embedded, Memory, Options, Store};

struct Echo;

impl Performer for Echo {
    fn perform(&self, _: Work) -> BoxFuture<'static, Performed> {
        Box::pin(async { Performed::Finished(Outcome::Succeeded(Payload::new("1"))) })
    }
}

/// Writes a row with the outcome.
#[derive(Default)]
struct Reporter(Arc<OnceLock<Engine>>);

impl Performer for Reporter {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        let engine = self.0.get().cloned();
        Box::pin(async move {
            let engine = engine.expect("the engine is open before it is asked");
            let mut change = Change::default();
            let key = [&work.execution.0[..], &work.effect.0.to_be_bytes()].concat();
            let edit = Edit::Put { table: 1, key, value: vec![7; 200].into() };
            change.edit(&work.scope, edit);
            let outcome = Outcome::Succeeded(Payload::new("1"));
            engine.catalog().report(&work, &outcome, &change).await.expect("a report")
        })
    }
}

fn request(name: u64, definition: &Definition, durability: Durability) -> StartRequest {
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:orders";
    let name = format!("{name:032x}");
    StartRequest {
        kind: 1,
        scope: "000000000000/us-east-1".into(),
        parent: machine.into(),
        definition: definition.clone(),
        start: Start {
            arn: format!("arn:aws:states:us-east-1:000000000000:execution:orders:{name}"),
            definition_arn: machine.into(),
            name,
            role_arn: "arn:aws:iam::000000000000:role/orders".into(),
            input: Payload::new(r#"{"order":{"id":"4711","lines":[{"sku":"a","n":1}]}}"#),
            attributes: Vec::new(),
        },
        reply_to: None,
        durability,
    }
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |place: usize, or: &'static str| words.get(place).map_or(or, String::as_str);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store: Arc<dyn Store> = match word(0, "memory") {
        "disk" => Arc::new(Embedded::open(folder.path(), Options::new()).expect("a store")),
        _ => Arc::new(Memory::new()),
    };
    let reporter = Arc::<Reporter>::default();
    let builder = Engine::builder().kind::<Toy>(1, "toy").performer("echo", Arc::new(Echo));
    let builder = builder.performer("report", reporter.clone());
    let engine = builder.open(store.clone()).await.expect("an engine");
    reporter.0.set(engine.clone()).unwrap_or_default();
    let count: u64 = word(2, "100000").parse().expect("a number of executions");
    if word(1, "") == "waiting" {
        return waiting(&engine, count, folder.path()).await;
    }
    let callers: u64 = word(1, "256").parse().expect("a number of callers");
    let script = words.get(3..).map(|words| words.join(" ")).filter(|script| !script.is_empty());
    let definition = Definition::new(script.unwrap_or_else(|| "pass 8".to_owned()));
    let reports = definition.text().contains("report");
    let volatile = (!reports).then_some(Durability::Volatile);
    for durability in [Durability::Durable].into_iter().chain(volatile) {
        let before = engine.stats();
        let begin = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| {
                let (engine, definition) = (engine.clone(), definition.clone());
                tokio::spawn(async move {
                    let mut took = Vec::new();
                    for number in (caller..count).step_by(callers as usize) {
                        let name =
                            number + if durability == Durability::Volatile { count } else { 0 };
                        let begin = Instant::now();
                        let request = request(name, &definition, durability);
                        let ended = engine.start_and_wait(request).await.expect("a start");
                        assert!(matches!(ended, Waited::Ended(_)));
                        took.push(begin.elapsed());
                    }
                    took
                })
            })
            .collect();
        let mut took: Vec<Duration> = Vec::new();
        for task in tasks {
            took.extend(task.await.expect("a caller"));
        }
        let elapsed = begin.elapsed().as_secs_f64();
        took.sort_unstable();
        let stats = engine.stats();
        let turns = stats.turns - before.turns;
        println!(
            "{durability:?}: {:.0} executions/s, {:.0} turns/s, p50 {:?}, p99 {:?}, {:.1} turns a batch",
            count as f64 / elapsed,
            turns as f64 / elapsed,
            took[took.len() / 2],
            took[took.len() * 99 / 100],
            turns as f64 / (stats.batches - before.batches).max(1) as f64,
        );
    }
    engine.shutdown().await;
}

async fn waiting(engine: &Engine, count: u64, folder: &std::path::Path) {
    let definition = Definition::new("pass 3; wait 100000000");
    let before = resident();
    let begin = Instant::now();
    let tasks: Vec<_> = (0..64)
        .map(|caller| {
            let (engine, definition) = (engine.clone(), definition.clone());
            tokio::spawn(async move {
                for number in (caller..count).step_by(64) {
                    let request = request(number, &definition, Durability::Durable);
                    engine.start(request).await.expect("a start");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a caller");
    }
    let elapsed = begin.elapsed().as_secs_f64();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let disk = std::fs::read_dir(folder).map_or(0, |entries| entries.count());
    println!(
        "{count} waiting: {:.0} starts/s, {:.0} B RSS each, {} in memory, {} timers in memory, {disk} entries in {}",
        count as f64 / elapsed,
        (resident() - before) as f64 / count as f64,
        engine.stats().live,
        engine.stats().timers,
        folder.display(),
    );
}

/// Resident memory of this process, in bytes (Linux; 0 elsewhere).
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: i64 = status.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}
