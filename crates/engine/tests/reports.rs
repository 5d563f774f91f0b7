//! Changes of the catalog that happen once, with the outcome of the effect that wanted them.

#![allow(clippy::unwrap_used, reason = "tests")]

mod house;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use house::{House, SCOPE, id};
use trackway_core::{EffectId, Outcome, Payload};
use trackway_engine::toy::{FAILED, RUNNING, STOPPED, SUCCEEDED, Signal, Toy};
use trackway_engine::{CatalogError, Change, Check, Edit, Engine, Performed, Performer, Work};
use trackway_store::BoxFuture;

const TABLE: u8 = 1;
const KEY: &[u8] = b"count";

/// Adds one to a row, with the outcome.
#[derive(Default)]
struct Counter {
    engine: Mutex<Option<Engine>>,
    performed: AtomicUsize,
    /// Whether the process dies before anybody hears of it.
    is_mute: bool,
}

impl Performer for Counter {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        let engine = self.engine.lock().unwrap().clone().unwrap();
        self.performed.fetch_add(1, Ordering::SeqCst);
        let is_mute = self.is_mute;
        Box::pin(async move {
            let performed = loop {
                let count = count(&engine).await;
                match engine.catalog().report(&work, &outcome(), &counted(count)).await {
                    Ok(performed) => break performed,
                    Err(CatalogError::Conflict { .. }) => {}
                    Err(CatalogError::Fault(fault)) => panic!("{fault}"),
                }
            };
            if is_mute {
                std::future::pending::<()>().await;
            }
            performed
        })
    }
}

fn outcome() -> Outcome {
    Outcome::Succeeded(Payload::new("1"))
}

/// From so many to one more.
fn counted(count: u8) -> Change {
    let (scope, key) = (SCOPE.into(), KEY.to_vec());
    let mut change = Change::default();
    change.require(
        &scope,
        match count {
            0 => Check::Absent { table: TABLE, key: key.clone() },
            _ => Check::Equals { table: TABLE, key: key.clone(), value: vec![count].into() },
        },
    );
    change.edit(&scope, Edit::Put { table: TABLE, key, value: vec![count + 1].into() });
    change
}

async fn count(engine: &Engine) -> u8 {
    engine.catalog().get(SCOPE, TABLE, KEY).await.unwrap().map_or(0, |row| row[0])
}

async fn counting(store: trackway_store::Memory, is_mute: bool) -> (House, Arc<Counter>) {
    let counter = Arc::new(Counter { is_mute, ..Counter::default() });
    let house = House::over(store, |builder| builder.performer("count", counter.clone())).await;
    *counter.engine.lock().unwrap() = Some(house.engine.clone());
    (house, counter)
}

async fn letters(house: &House) -> (u64, u64) {
    let report = house.verified().await;
    (report.letters, report.letters_stale)
}

#[tokio::test]
async fn each_effect_changes_the_catalog_once() {
    let (house, _) = counting(Default::default(), false).await;
    assert_eq!(house.run("a", "task count; fan 30 count").await, SUCCEEDED);
    assert_eq!((count(&house.engine).await, letters(&house).await), (31, (0, 0)));
}

#[tokio::test]
async fn a_restart_takes_the_outcome_that_was_reported() {
    let (house, _) = counting(Default::default(), true).await;
    house.start("a", "fan 3 count; pass 1").await;
    while count(&house.engine).await < 3 {
        tokio::task::yield_now().await;
    }
    assert_eq!((house.status("a").await, letters(&house).await), (RUNNING, (3, 0)));
    let store = trackway_store::Memory::new();
    store.restore(&house.store.snapshot());
    house.engine.shutdown().await;
    let counter = Arc::<Counter>::default();
    let build = |builder: trackway_engine::Builder| builder.performer("count", counter.clone());
    let house = House::over(store, build).await;
    house.until("a", SUCCEEDED).await;
    assert_eq!(counter.performed.load(Ordering::SeqCst), 0);
    assert_eq!((count(&house.engine).await, letters(&house).await), (3, (0, 0)));
}

/// An effect that is being performed, by nobody but the test.
async fn performing(script: &str) -> (House, Work) {
    let house = House::new().await;
    house.start("a", script).await;
    while house.silent.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let work = house.silent.asked.lock().unwrap()[0].clone();
    (house, work)
}

#[tokio::test]
async fn what_was_reported_is_not_changed_again() {
    let (house, work) = performing("task silent").await;
    let catalog = house.engine.catalog();
    let conflict = catalog.report(&work, &outcome(), &counted(7)).await;
    assert_eq!(conflict, Err(CatalogError::Conflict { check: 0 }));
    assert_eq!((count(&house.engine).await, letters(&house).await), (0, (0, 0)));
    for change in [counted(0), counted(1), counted(7)] {
        let reported = catalog.report(&work, &outcome(), &change).await;
        assert_eq!(reported, Ok(Performed::Reported));
        assert_eq!((count(&house.engine).await, letters(&house).await), (1, (1, 0)));
    }
}

#[tokio::test]
async fn an_effect_that_nobody_awaits_changes_nothing() {
    for (signal, status) in [(Signal::Stop, STOPPED), (Signal::Taken(EffectId(0)), RUNNING)] {
        let (house, work) = performing("task silent").await;
        house.engine.signal::<Toy>(id("a"), signal).await.unwrap();
        let reported = house.engine.catalog().report(&work, &outcome(), &counted(0)).await;
        assert_eq!((reported, house.status("a").await), (Ok(Performed::Reported), status));
        assert_eq!((count(&house.engine).await, letters(&house).await), (0, (0, 0)));
    }
}

#[tokio::test]
async fn a_letter_goes_with_the_effect_that_it_was_for() {
    for (signal, status) in [(Signal::Stop, STOPPED), (Signal::Taken(EffectId(0)), RUNNING)] {
        let (house, work) = performing("task silent").await;
        let reported = house.engine.catalog().report(&work, &outcome(), &counted(0)).await;
        assert_eq!((reported, letters(&house).await), (Ok(Performed::Reported), (1, 0)));
        house.engine.signal::<Toy>(id("a"), signal).await.unwrap();
        assert_eq!((house.status("a").await, letters(&house).await), (status, (0, 0)));
    }
    let (house, work) = performing("task silent within 9").await;
    house.engine.catalog().report(&work, &outcome(), &counted(0)).await.unwrap();
    house.engine.advance(10);
    house.until("a", FAILED).await;
    assert_eq!(letters(&house).await, (0, 0));
    let (house, work) = performing("task silent").await;
    house.engine.catalog().report(&work, &outcome(), &counted(0)).await.unwrap();
    house.engine.reset(SCOPE).await.unwrap();
    assert_eq!(letters(&house).await, (0, 0));
}

#[tokio::test]
async fn the_outcome_of_a_parked_execution_waits() {
    let (house, counter) = counting(Default::default(), false).await;
    house.start("a", "task count; panic").await;
    while house.engine.stats().parked == 0 {
        tokio::task::yield_now().await;
    }
    while !house.engine.unpark(id("a")).await.unwrap() {
        tokio::task::yield_now().await;
    }
    while house.engine.stats().parked < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(counter.performed.load(Ordering::SeqCst), 1);
    assert_eq!((count(&house.engine).await, letters(&house).await), (1, (1, 0)));
}

#[tokio::test]
async fn a_damaged_outcome_is_named() {
    let (house, work) = performing("task silent").await;
    house.engine.catalog().report(&work, &outcome(), &Change::default()).await.unwrap();
    let snapshot = house.store.snapshot();
    let (key, _) = snapshot.rows().find(|(key, _)| key[0] == b'i').unwrap();
    let mut batch = trackway_store::Batch::new();
    batch.put(key.clone(), &b"\x01\xff"[..]);
    trackway_store::Store::commit(&house.store, batch).await.unwrap();
    let report = house::builder().verify(Arc::new(house.store.clone())).await.unwrap();
    assert_eq!(report.problems, ["a reported outcome is damaged"]);
}

#[tokio::test]
async fn others_wait_with_their_changes_for_one_that_changes_alone() {
    let engine = Engine::builder().open(Arc::new(trackway_store::Memory::new())).await.unwrap();
    let alone = engine.catalog().alone().await;
    let put =
        |value: &'static [u8]| [Edit::Put { table: TABLE, key: KEY.to_vec(), value: value.into() }];
    let (first, second) = (put(b"first"), put(b"second"));
    let mut other = std::pin::pin!(engine.catalog().change(SCOPE, &[], &second));
    let waits = std::future::poll_fn(|context| {
        std::task::Poll::Ready(other.as_mut().poll(context).is_pending())
    });
    assert!(waits.await);
    // The one itself doesn't wait, and neither do those who only read.
    alone.alone().await.change(SCOPE, &[], &first).await.unwrap();
    let row = engine.catalog().get(SCOPE, TABLE, KEY).await.unwrap();
    assert_eq!(row.as_deref(), Some(&b"first"[..]));
    drop(alone);
    other.await.unwrap();
    let row = engine.catalog().get(SCOPE, TABLE, KEY).await.unwrap();
    assert_eq!(row.as_deref(), Some(&b"second"[..]));
}
