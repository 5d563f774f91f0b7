//! Snapshots and trimmed histories: whatever is stored beside a journal, its fold stays the same.

#![allow(clippy::unwrap_used, reason = "tests")]

mod house;

use std::sync::Arc;
use std::time::Duration;

use house::{House, SCOPE, builder, id, request};
use trackway_core::{Machine, Timestamp};
use trackway_engine::toy::{LISTED, RUNNING, SUCCEEDED, Signal, Toy};
use trackway_engine::{Config, Engine, Entry, Page, Reader, RowQuery};
use trackway_store::{Batch, Decision, Faulty, Memory, Store};

const SNAPSHOT: u8 = b's';
const BASE: u8 = b'b';
const JOURNAL: u8 = b'j';

fn count(store: &Memory, family: u8) -> usize {
    store.snapshot().rows().filter(|(key, _)| key[0] == family).count()
}

fn note() -> Signal {
    Signal::Note("go".to_owned())
}

async fn events(reader: &Reader, name: &str) -> Vec<Entry<trackway_engine::toy::Event>> {
    let page = Page::Forward { from: 0, limit: usize::MAX };
    reader.journal::<Toy>(id(name), page).await.unwrap()
}

/// The fold of all events, without the engine's help.
async fn folded(reader: &Reader, name: &str) -> Toy {
    let mut toy = Toy::default();
    for entry in events(reader, name).await {
        toy.evolve(&entry.event, entry.at);
    }
    toy
}

async fn state(reader: &Reader, name: &str) -> Toy {
    let copy = |toy: &Toy| Toy::restore(&toy.snapshot().unwrap()).unwrap();
    reader.state::<Toy, _>(id(name), copy).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_snapshot_and_the_events_after_it_come_to_the_same_as_all_events() {
    let scripts = [
        "pass 511; note; pass 1; note; pass 600; note; pass 3; note; pass 1; note",
        "rows 200; note; timers 20 9; note; rows 500; note; dice; note; dice; note",
        "pass 2000; note; pass 2000; fan 40 silent; note",
    ];
    for script in scripts {
        let mut house = House::new().await;
        house.start("a", script).await;
        for _ in 0..4 {
            let reader = house.engine.reader();
            let all = folded(reader, "a").await;
            assert_eq!(state(reader, "a").await, all, "{script}");
            let report = house.verified().await;
            assert_eq!(report.snapshots as usize, count(&house.store, SNAPSHOT));
            house = house.crash().await;
            house.engine.advance(1000);
            // One that waits for something else refuses a note.
            drop(house.engine.signal::<Toy>(id("a"), note()).await);
        }
        assert_eq!(count(&house.store, SNAPSHOT), 1, "{script}");
    }
}

#[tokio::test]
async fn a_snapshot_is_but_a_cache() {
    let house = House::new().await;
    house.start("a", "pass 700; note; pass 3; note; pass 1").await;
    house.engine.signal::<Toy>(id("a"), note()).await.unwrap();
    let whole = house.store.snapshot();
    let (key, value) = whole.rows().find(|(key, _)| key[0] == SNAPSHOT).unwrap();
    let mut other = value.to_vec();
    *other.last_mut().unwrap() ^= 1;
    let expected = folded(house.engine.reader(), "a").await;
    for (bytes, problems) in [(None, 0), (Some(other), 1), (Some(vec![]), 1), (Some(vec![9]), 1)] {
        let store = Memory::new();
        store.restore(&whole);
        let mut batch = Batch::new();
        match bytes {
            Some(bytes) => batch.put(key.clone(), bytes),
            None => batch.delete(key.clone()),
        };
        store.commit(batch).await.unwrap();
        let shared: Arc<dyn Store> = Arc::new(store.clone());
        assert_eq!(state(&Reader::new(shared.clone()), "a").await, expected);
        let report = builder().verify(shared.clone()).await.unwrap();
        assert_eq!(report.problems.len(), problems, "{report:?}");
        // It is made anew by hand, or by the next turn.
        let rebuilt = Memory::new();
        rebuilt.restore(&store.snapshot());
        builder().rebuild(Arc::new(rebuilt.clone())).await.unwrap();
        let house = House::over(rebuilt, |builder| builder).await;
        assert_eq!((house.verified().await.snapshots, house.status("a").await), (1, RUNNING));
        let house = House::over(store, |builder| builder).await;
        house.engine.signal::<Toy>(id("a"), note()).await.unwrap();
        house.until("a", SUCCEEDED).await;
        assert_eq!((house.verified().await.snapshots, count(&house.store, SNAPSHOT)), (0, 0));
    }
}

#[tokio::test]
async fn a_snapshot_that_lies_is_found_out() {
    let (one, other) = (House::new().await, House::new().await);
    one.start("a", "pass 700; note").await;
    other.start("a", "pass 698; dice; dice; rows 1; note").await;
    let image = other.store.snapshot();
    let (key, value) = image.rows().find(|(key, _)| key[0] == SNAPSHOT).unwrap();
    let mut batch = Batch::new();
    batch.put(key.clone(), value.clone());
    one.store.commit(batch).await.unwrap();
    let report = builder().verify(Arc::new(one.store.clone())).await.unwrap();
    assert_eq!(report.problems.len(), 1, "{report:?}");
    builder().rebuild(Arc::new(one.store.clone())).await.unwrap();
    assert_eq!(one.verified().await.snapshots, 1);
}

#[tokio::test]
async fn states_leave_with_their_execution() {
    let house = House::new().await;
    house.start("a", "pass 700; note; pass 1").await;
    house.start("b", "pass 700; note; pass 1").await;
    house.engine.advance(5);
    let trim = async || {
        let store = Arc::new(house.store.clone());
        builder().trim(store, house.engine.now()).await.unwrap()
    };
    assert_eq!(trim().await, 2 * 704);
    assert_eq!((count(&house.store, SNAPSHOT), count(&house.store, BASE)), (2, 2));
    house.engine.signal::<Toy>(id("a"), note()).await.unwrap();
    assert_eq!((count(&house.store, SNAPSHOT), count(&house.store, BASE)), (1, 2));
    assert_eq!(house.verified().await.trimmed, 2);
    house.engine.reset(SCOPE).await.unwrap();
    assert_eq!((count(&house.store, SNAPSHOT), count(&house.store, BASE)), (0, 0));
    house.start("a", "pass 1").await;
    assert_eq!(house.verified().await.executions, 1);
}

#[tokio::test]
async fn a_trimmed_history_keeps_the_state_and_the_rows_that_stay() {
    let house = House::new().await;
    let begin = house.engine.now();
    house.start("a", "rows 30; note; rows 30; note; rows 30; note; rows 1").await;
    for _ in 0..2 {
        house.engine.advance(10_000);
        house.engine.signal::<Toy>(id("a"), note()).await.unwrap();
    }
    let expected = state(house.engine.reader(), "a").await;
    let listed = async || {
        let page = house.engine.rows(id("a"), LISTED, RowQuery::first(100)).await.unwrap();
        page.rows.len()
    };
    let trim = async |horizon: Timestamp| {
        let store = Arc::new(house.store.clone());
        builder().trim(store, horizon).await.unwrap()
    };
    assert_eq!((trim(begin).await, listed().await), (0, 90));
    assert_eq!(trim(begin + 1).await, 34);
    // Every tenth stays.
    assert_eq!((trim(begin + 1).await, listed().await), (0, 63));
    assert_eq!((trim(begin + 10_001).await, listed().await), (34, 36));
    let entries = events(house.engine.reader(), "a").await;
    assert_eq!((entries[0].number, entries.len()), (68, 34));
    assert_eq!(state(house.engine.reader(), "a").await, expected);
    let report = house.verified().await;
    assert_eq!((report.trimmed, report.events, report.rows), (1, 34, 36));
    let rebuilt = builder().rebuild(Arc::new(house.store.clone())).await.unwrap();
    assert_eq!((rebuilt.rows, rebuilt.corrected, rebuilt.unreadable), (0, 0, 0));
    assert_eq!(trim(begin + 99_999).await, 34);
    assert_eq!((count(&house.store, JOURNAL), listed().await), (0, 9));
    let house = house.crash().await;
    house.engine.signal::<Toy>(id("a"), note()).await.unwrap();
    house.until("a", SUCCEEDED).await;
    assert_eq!(house.verified().await.rows, 10);
}

#[tokio::test]
async fn without_its_base_a_trimmed_journal_is_nothing() {
    let house = House::new().await;
    house.start("a", "rows 30; note; rows 30; note").await;
    house.engine.advance(10);
    builder().trim(Arc::new(house.store.clone()), house.engine.now()).await.unwrap();
    let whole = house.store.snapshot();
    let (key, value) = whole.rows().find(|(key, _)| key[0] == BASE).unwrap();
    let mut other = value.to_vec();
    other[20] ^= 1;
    for bytes in [None, Some(other)] {
        let store = Memory::new();
        store.restore(&whole);
        let mut batch = Batch::new();
        match bytes {
            Some(bytes) => batch.put(key.clone(), bytes),
            None => batch.delete(key.clone()),
        };
        store.commit(batch).await.unwrap();
        let report = builder().verify(Arc::new(store.clone())).await.unwrap();
        assert!(!report.problems.is_empty());
        let house = House::over(store, |builder| builder).await;
        house.engine.signal::<Toy>(id("a"), note()).await.unwrap_err();
        let record = house.engine.record(id("a")).await.unwrap().unwrap();
        assert!(record.parked.is_some(), "{record:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_sweep_trims_what_is_older_than_it_is_to_be() {
    let history = Some(Duration::from_secs(365 * 24 * 3600));
    let config = Config { history, ..Config::default() };
    let house = House::with(|builder| builder.config(config)).await;
    house.start("a", "rows 30; note; rows 30; note; pass 1").await;
    let pause = async || tokio::time::sleep(Duration::from_secs(60)).await;
    pause().await;
    assert_eq!(count(&house.store, BASE), 0);
    house.engine.advance(365 * 24 * 3_600_000);
    house.engine.signal::<Toy>(id("a"), note()).await.unwrap();
    pause().await;
    assert_eq!(count(&house.store, BASE), 0, "within the slack");
    house.engine.advance(2 * 3_600_000);
    pause().await;
    assert_eq!((count(&house.store, BASE), count(&house.store, JOURNAL)), (1, 1));
    assert_eq!(house.verified().await.rows, 33);
    house.engine.signal::<Toy>(id("a"), note()).await.unwrap();
    house.until("a", SUCCEEDED).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_state_is_read_while_its_execution_goes_on_and_is_trimmed() {
    const NOTES: usize = 300;
    let house = House::new().await;
    house.start("a", &"rows 9; note; ".repeat(NOTES)).await;
    let (engine, store) = (house.engine.clone(), Arc::new(house.store.clone()));
    let notes = tokio::spawn(async move {
        for _ in 0..NOTES {
            engine.advance(1);
            engine.signal::<Toy>(id("a"), note()).await.unwrap();
        }
    });
    let engine = house.engine.clone();
    let trims = tokio::spawn(async move {
        while !engine.record(id("a")).await.unwrap().unwrap().closed {
            builder().trim(store.clone(), engine.now() + -3).await.unwrap();
        }
    });
    let mut last = 0;
    while last < 2 * NOTES {
        let step = house.engine.state::<Toy, _>(id("a"), Toy::step).await.unwrap().unwrap();
        assert!(step >= last, "{step} after {last}");
        last = step;
    }
    notes.await.unwrap();
    trims.await.unwrap();
    house.until("a", SUCCEEDED).await;
    let report = house.verified().await;
    assert_eq!((report.trimmed, report.snapshots), (1, 0));
}

const PHASES: i64 = 8;

/// What is stored before the tale: a clock that stands far ahead, so that every telling of it has
/// the same times.
async fn stage() -> Memory {
    let house = House::new().await;
    house.engine.advance(10 * 365 * 24 * 3_600_000);
    house.start("clock", "pass 1").await;
    house.engine.shutdown().await;
    house.store.clone()
}

/// An execution that lives on and is trimmed again and again, in a process that dies at one of its
/// commits. Returns what is stored in the end.
async fn tale(stage: &Memory, at: u64, decision: Decision) -> Memory {
    let memory = Memory::new();
    memory.restore(&stage.snapshot());
    let store = Arc::new(Faulty::at_commit(memory.clone(), at, decision));
    let shared: Arc<dyn Store> = store.clone();
    let open = async || -> Engine {
        store.revive();
        builder().on_problem(|_| {}).open(shared.clone()).await.unwrap()
    };
    let mut engine = open().await;
    let begin = engine.now();
    let script = "rows 200; note; ".repeat(PHASES as usize + 1);
    for phase in 0..PHASES {
        let now = begin + phase * 1000;
        loop {
            engine.advance(now - engine.now());
            let reader = Reader::new(Arc::new(memory.clone()));
            let step = reader.state::<Toy, _>(id("a"), Toy::step).await.unwrap();
            let target = 2 + 2 * phase as usize;
            if step.is_some_and(|step| step >= target)
                && builder().trim(shared.clone(), now + -3500).await.is_ok()
            {
                break;
            }
            let went_well = match step {
                None => engine.start(request("a", &script)).await.is_ok(),
                Some(step) if step < target => engine.signal::<Toy>(id("a"), note()).await.is_ok(),
                Some(_) => false,
            };
            if !went_well {
                engine.shutdown().await;
                engine = open().await;
            }
        }
        let report = builder().verify(Arc::new(memory.clone())).await.unwrap();
        assert_eq!(report.problems, [""; 0], "died at {at}, {decision:?}, phase {phase}");
    }
    engine.shutdown().await;
    memory
}

#[tokio::test]
async fn a_crash_at_any_commit_of_a_trimmed_life_changes_nothing() {
    let stage = stage().await;
    // Where a snapshot was written depends on when the execution was loaded; `verify` has seen it.
    let rows = |memory: &Memory| -> Vec<_> {
        let image = memory.snapshot();
        let rows = image.rows().filter(|(key, _)| key[0] != SNAPSHOT);
        rows.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let expected = tale(&stage, 1_000_000, Decision::Apply).await;
    assert_eq!((count(&expected, BASE), count(&expected, SNAPSHOT)), (1, 1));
    let expected = rows(&expected);
    for at in 0..20 {
        for decision in [Decision::CrashBefore, Decision::CrashAfter] {
            let memory = tale(&stage, at, decision).await;
            assert!(rows(&memory) == expected, "died at {at}, {decision:?}");
        }
    }
}
