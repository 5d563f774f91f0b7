//! What the rows of views cost, and how fast a long life folds; with the toy kind.
//!
//! ```text
//! cargo run --release -p trackway-engine --example views -- [memory|disk]
//! ```
//!
//! It shows how many executions end in a second with ten rows a turn and with none; how long a page
//! of fifty takes in a view of 10,000 rows, forwards, backwards and filtered; and how long it takes
//! to fold a journal of 50,000 events, and to signal an execution that has one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trackway_core::{ExecutionId, Outcome, Payload, Start};
use trackway_engine::toy::{LISTED, Signal, Toy};
use trackway_engine::{
    Clock, Definition, Durability, Engine, Order, Performed, Performer, RowQuery, StartRequest,
    Work,
};
use trackway_store::{BoxFuture, Embedded, Memory, Options, Store};

struct Echo;

impl Performer for Echo {
    fn perform(&self, _: Work) -> BoxFuture<'static, Performed> {
        Box::pin(async { Performed::Finished(Outcome::Succeeded(Payload::new("1"))) })
    }
}

fn request(name: String, definition: &Definition) -> StartRequest {
    StartRequest {
        kind: 1,
        scope: "000000000000/us-east-1".into(),
        parent: "runbook".into(),
        definition: definition.clone(),
        start: Start {
            arn: arn(&name),
            definition_arn: "runbook".into(),
            name,
            role_arn: String::new(),
            input: Payload::new(r#"{"InstanceId":["i-0123456789abcdef0"]}"#),
            attributes: Vec::new(),
        },
        reply_to: None,
        durability: Durability::Durable,
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:ssm:us-east-1:000000000000:automation-execution/{name}")
}

#[tokio::main]
async fn main() {
    let place = std::env::args().nth(1).unwrap_or_else(|| "memory".to_owned());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store: Arc<dyn Store> = match place.as_str() {
        "disk" => Arc::new(Embedded::open(folder.path(), Options::new()).expect("a store")),
        _ => Arc::new(Memory::new()),
    };
    let builder = Engine::builder().kind::<Toy>(1, "toy").performer("echo", Arc::new(Echo));
    let engine = builder.clock(Clock::Manual).open(store.clone()).await.expect("an engine");
    for script in
        ["pass 10", "rows 10", "pass 10; task echo; pass 10", "rows 10; task echo; rows 10"]
    {
        rate(&engine, script).await;
    }
    pages(&engine).await;
    lives(&engine, &store).await;
}

async fn rate(engine: &Engine, script: &str) {
    const CALLERS: u64 = 256;
    const COUNT: u64 = 20_000;
    let definition = Definition::new(script);
    let before = engine.stats();
    let begin = Instant::now();
    let tasks: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (engine, definition) = (engine.clone(), definition.clone());
            tokio::spawn(async move {
                for number in (caller..COUNT).step_by(CALLERS as usize) {
                    let name = format!("{}-{number}", definition.text());
                    let request = request(name, &definition);
                    engine.start_and_wait(request).await.expect("a start");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a caller");
    }
    let elapsed = begin.elapsed().as_secs_f64();
    let turns = engine.stats().turns - before.turns;
    println!(
        "{script}: {:.0} executions/s, {:.0} turns/s",
        COUNT as f64 / elapsed,
        turns as f64 / elapsed
    );
}

/// Starts an execution whose every turn takes one step; it waits for a note between them.
async fn live(engine: &Engine, name: &str, step: &str, turns: usize) -> ExecutionId {
    let script = format!("{step}; note;").repeat(turns + 1);
    let request = request(name.to_owned(), &Definition::new(script));
    engine.start(request).await.expect("a start");
    let id = ExecutionId::of(&arn(name));
    for _ in 1..turns {
        note(engine, id).await;
    }
    id
}

async fn note(engine: &Engine, id: ExecutionId) {
    engine.signal::<Toy>(id, Signal::Note("Success".to_owned())).await.expect("a signal");
}

async fn pages(engine: &Engine) {
    let id = live(engine, "ten-thousand", "rows 10", 1000).await;
    for order in [Order::Ascending, Order::Descending] {
        let mut took = Vec::new();
        for _ in 0..5 {
            let mut query = RowQuery { order, ..RowQuery::first(50) };
            loop {
                let begin = Instant::now();
                let page = engine.rows(id, LISTED, query.clone()).await.expect("a page");
                took.push(begin.elapsed());
                query.after = page.rows.last().map(|(key, _)| key.to_vec());
                if !page.more {
                    break;
                }
            }
        }
        show(&format!("page of 50, {order:?}"), took);
    }
    let mut took = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        let wanted = |_: &[u8], row: &[u8]| {
            row.strip_prefix(b"{\"n\":").is_some_and(|rest| {
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit());
                digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')) % 1000 == 999
            })
        };
        let page = engine.rows_where(id, LISTED, RowQuery::first(50), wanted).await;
        assert_eq!(page.expect("a page").rows.len(), 10);
        took.push(begin.elapsed());
    }
    show("page filtered to 1 in 1,000, all 10,000 rows read", took);
}

async fn lives(engine: &Engine, store: &Arc<dyn Store>) {
    let lives =
        [("rows", "rows 3", 8_333), ("payloads", "pass 3", 8_333), ("batches", "rows 97", 500)];
    for (name, step, turns) in lives {
        live(engine, name, step, turns).await;
    }
    engine.shutdown().await;
    let builder = Engine::builder().kind::<Toy>(1, "toy").clock(Clock::Manual);
    let engine = builder.open(store.clone()).await.expect("an engine");
    for (name, step, turns) in lives {
        let id = ExecutionId::of(&arn(name));
        let events = engine.record(id).await.expect("a record").map_or(0, |it| it.journal_len);
        let mut took = Vec::new();
        for _ in 0..9 {
            let begin = Instant::now();
            engine.state::<Toy, _>(id, Toy::step).await.expect("a state");
            took.push(begin.elapsed());
        }
        show(&format!("fold of {events} events in {turns} turns ({step})"), took);
        for which in ["first", "second"] {
            let begin = Instant::now();
            note(&engine, id).await;
            println!("  the {which} signal to it after a restart: {:?}", begin.elapsed());
        }
    }
    engine.shutdown().await;
}

fn show(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!("{what}: p50 {:?}, p99 {:?}, max {:?}", at(50), at(99), at(100));
}
