//! A restart resumes everything; nothing counts twice.

mod house;

use house::{House, id, request};
use trackway_core::{EffectId, Outcome, Payload, ReplyTo};
use trackway_engine::toy::{CHILD, Event, FAILED, RUNNING, SUCCEEDED, Signal, Toy};
use trackway_engine::{Clock, Performed, Performer, SignalError, StartRequest, Work};
use trackway_store::{Batch, BoxFuture, Memory, Store};

#[tokio::test]
async fn effects_that_were_under_way_are_performed_again() {
    let house = House::new().await;
    house.start("a", "task silent; pass 1").await;
    let house = house.crash().await;
    while house.silent.asked.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let work = house.silent.asked.lock().unwrap()[0].clone();
    assert_eq!((work.execution, work.effect, work.attempt), (id("a"), EffectId(0), 2));
    assert_eq!(house.status("a").await, RUNNING);
}

#[tokio::test]
async fn timers_fire_after_a_restart_and_an_execution_is_folded_again() {
    let house = House::new().await;
    house.start("a", "pass 2; wait 1000; pass 2; timers 40 10").await;
    let house = house.crash().await;
    assert_eq!(house.engine.stats().live, 0);
    house.engine.advance(2000);
    while house.events("a").await.len() < 50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.verified().await.timers, 40);
    let house = house.crash().await;
    house.engine.advance(2000);
    house.until("a", SUCCEEDED).await;
    assert_eq!(house.verified().await.timers, 0);
    let rang = house.events("a").await.iter().filter(|it| matches!(it, Event::Rang(_))).count();
    assert_eq!(rang, 41);
}

#[tokio::test]
async fn time_goes_on_from_where_a_moved_clock_stood() {
    let house = House::new().await;
    house.engine.advance(1_000_000_000);
    house.start("a", "pass 1").await;
    let before = house.engine.now();
    let house = house.crash().await;
    assert!(house.engine.now() >= before);
}

#[tokio::test]
async fn a_child_that_runs_is_found_again_and_answers_once() {
    let house = House::new().await;
    house.start("a", "child note, pass 1; pass 1").await;
    let child = format!("{}-0", id("a"));
    house.until(&child, RUNNING).await;
    let house = house.crash().await;
    let note = || Signal::Note("go".into());
    house.engine.signal::<Toy>(id(&child), note()).await.unwrap();
    house.until("a", SUCCEEDED).await;
    let report = house.verified().await;
    assert_eq!((report.executions, report.letters, report.effects), (2, 0, 0));
}

#[tokio::test]
async fn children_of_other_kinds_on_other_shards_report_after_crashes() {
    let mut house = House::new().await;
    let names: Vec<String> = (0..16).map(|number| format!("parent-{number}")).collect();
    let mut shards = std::collections::BTreeSet::new();
    for name in &names {
        house.start(name, "relay note, rows 1; pass 1").await;
    }
    for name in &names {
        let relay = format!("{}-0", id(name));
        let child = format!("{}-0", id(&relay));
        shards.insert((id(name).shard(4), id(&relay).shard(4), id(&child).shard(4)));
        // Whatever was under way when it died goes on from the rows.
        house.until(&relay, RUNNING).await;
        house = house.crash().await;
        house.until(&child, RUNNING).await;
        house = house.crash().await;
        let wrong = house.engine.signal::<Toy>(id(&relay), Signal::Stop).await;
        assert_eq!(wrong, Err(SignalError::NotFound), "a signal of another kind");
        house.engine.signal::<Toy>(id(&child), Signal::Note("go".into())).await.unwrap();
        house = house.crash().await;
        house.until(name, SUCCEEDED).await;
        let relay_row = house.engine.row(id(&relay), CHILD, b"").await.unwrap();
        assert_eq!(relay_row.unwrap(), [SUCCEEDED, 0][..]);
        let answer = Event::Answered(0, true, Payload::new(format!("{:?}", b"\x02 relayed")));
        assert!(house.events(name).await.contains(&answer), "{:?}", house.events(name).await);
    }
    assert!(shards.len() > 8, "{shards:?}");
    let report = house.verified().await;
    assert_eq!((report.executions, report.letters, report.effects), (48, 0, 0));
}

#[tokio::test]
async fn signals_to_a_long_life_fold_it_once() {
    let notes = "note; pass 1;".repeat(20);
    let house = House::new().await;
    house.start("long", &format!("pass 2000; {notes}")).await;
    house.start("short", &notes).await;
    let house = house.crash().await;
    for (name, folds) in [("long", 1), ("short", 20)] {
        let before = house.engine.stats().folds;
        for _ in 0..20 {
            house.engine.signal::<Toy>(id(name), Signal::Note("x".into())).await.unwrap();
        }
        while house.engine.stats().folds - before < folds {
            tokio::task::yield_now().await;
        }
        assert_eq!(house.engine.stats().folds - before, folds, "{name}");
        assert_eq!(house.status(name).await, SUCCEEDED);
    }
}

#[tokio::test]
async fn a_letter_that_waits_is_delivered_after_a_restart() {
    let house = House::new().await;
    house.start("a", "token silent; pass 1").await;
    let reply_to = Some(ReplyTo { execution: id("a"), effect: EffectId(0) });
    let child = StartRequest { reply_to, ..request("child", "pass 1") };
    let before = house.store.snapshot();
    house.engine.start(child).await.unwrap();
    house.until("a", SUCCEEDED).await;
    assert_eq!(house.verified().await.letters_stale, 0);
    // As if the process had died between the child's batch and the parent's.
    let rows = |snapshot: &trackway_store::MemorySnapshot| {
        snapshot.rows().map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
    };
    let store = Memory::new();
    let mut batch = Batch::new();
    for (key, value) in rows(&before) {
        batch.put(key, value);
    }
    let child_rows = rows(&house.store.snapshot());
    let is_childs = |key: &[u8]| key.windows(16).any(|it| it == id("child").0);
    for (key, value) in child_rows.into_iter().filter(|(key, _)| is_childs(key) || key[0] == b'd') {
        batch.put(key, value);
    }
    let shard = (id("a").shard(4) as u16).to_be_bytes();
    let letter = [&[b'i'][..], &shard, &id("a").0, &0_u32.to_be_bytes()].concat();
    let report = postcard_letter(&id("child").0, &[SUCCEEDED, 0]);
    batch.put(letter, report);
    store.commit(batch).await.unwrap();
    let house = House::over(store, |builder| builder).await;
    house.until("a", SUCCEEDED).await;
    let report = house.verified().await;
    assert_eq!((report.letters, report.letters_stale, report.effects), (0, 0, 0));
}

/// A letter's row, byte by byte as `docs/store-layout.md` draws it.
fn postcard_letter(from: &[u8; 16], report: &[u8]) -> Vec<u8> {
    [&[1][..], from, &[report.len() as u8], report].concat()
}

#[tokio::test]
async fn polled_work_is_offered_again_unless_it_was_taken() {
    let house = House::new().await;
    house.start("a", "poll x; pass 1").await;
    house.start("b", "poll x; pass 1").await;
    let lease = house.engine.take("activity/x").await.unwrap();
    assert_eq!(lease.work().execution, id("a"));
    house.engine.signal::<Toy>(id("a"), Signal::Taken(EffectId(0))).await.unwrap();
    drop(lease.keep());
    let house = house.crash().await;
    let lease = house.engine.take("activity/x").await.unwrap();
    assert_eq!(lease.work().execution, id("b"));
    house.engine.signal::<Toy>(id("b"), Signal::Taken(EffectId(0))).await.unwrap();
    drop(lease);
    for name in ["a", "b"] {
        let done = Signal::Done(EffectId(0), Payload::new("1"));
        house.engine.signal::<Toy>(id(name), done).await.unwrap();
        assert_eq!(house.status(name).await, SUCCEEDED);
    }
    let report = house.verified().await;
    assert_eq!(report.effects, 0);
}

struct Panics;

impl Performer for Panics {
    fn perform(&self, work: Work) -> BoxFuture<'static, Performed> {
        assert_ne!(work.queue, "panics/now", "at once");
        Box::pin(async { panic!("later") })
    }
}

#[tokio::test]
async fn a_performer_that_panics_has_failed() {
    let house =
        House::with(|builder| builder.performer("panics", std::sync::Arc::new(Panics))).await;
    assert_eq!(house.run("a", "task panics/now").await, FAILED);
    assert_eq!(house.run("b", "task panics/later").await, FAILED);
}

#[tokio::test]
async fn a_turn_that_panics_parks_its_execution_and_no_other() {
    let house = House::new().await;
    house.start("a", "note; panic").await;
    house.start("b", "note; pass 1").await;
    let note = || Signal::Note("go".into());
    assert!(house.engine.signal::<Toy>(id("a"), note()).await.is_err());
    house.engine.signal::<Toy>(id("b"), note()).await.unwrap();
    let record = house.engine.record(id("a")).await.unwrap().unwrap();
    assert_eq!(record.parked.as_deref(), Some("a turn panicked: the script says so"));
    assert_eq!(record.summary.status, RUNNING);
    assert_eq!(house.engine.stats().parked, 1);
    assert_eq!(house.problems.lock().unwrap().len(), 1);
    assert!(house.engine.signal::<Toy>(id("a"), Signal::Stop).await.is_err());
    let house = house.crash().await;
    assert!(house.engine.signal::<Toy>(id("a"), Signal::Stop).await.is_err());
    assert!(house.engine.unpark(id("a")).await.unwrap());
    assert!(!house.engine.unpark(id("b")).await.unwrap());
    house.engine.signal::<Toy>(id("a"), Signal::Stop).await.unwrap();
    house.verified().await;
}

#[tokio::test]
async fn a_parked_execution_keeps_what_awaits_it() {
    let house = House::new().await;
    house.start("a", "child pass 1; panic").await;
    let parked =
        async |house: &House| house.engine.record(id("a")).await.unwrap().unwrap().parked.is_some();
    while !parked(&house).await {
        tokio::task::yield_now().await;
    }
    let report = house.verified().await;
    assert_eq!((report.letters, report.effects, report.parked), (1, 1, 1));
    while !house.engine.unpark(id("a")).await.unwrap() {}
    while !parked(&house).await || house.engine.stats().parked < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(house.verified().await.letters, 1);
}

#[tokio::test]
async fn a_damaged_journal_parks_its_execution() {
    let house = House::new().await;
    house.start("a", "pass 1; note").await;
    let mut batch = Batch::new();
    batch.put([&[b'j'][..], &id("a").0, &[0; 3]].concat(), vec![0, 99]);
    house.store.commit(batch).await.unwrap();
    let house = house.crash().await;
    let answer = house.engine.signal::<Toy>(id("a"), Signal::Stop).await;
    assert!(answer.unwrap_err().to_string().contains("is parked: at event 0"));
    house.start("b", "pass 1").await;
    let report = house::builder().verify(std::sync::Arc::new(house.store.clone())).await.unwrap();
    assert_eq!(report.parked, 1);
}

#[tokio::test]
async fn rebuild_makes_every_view_anew() {
    let house = House::new().await;
    for name in ["a", "b", "c"] {
        house.start(name, "pass 1; note").await;
    }
    house.engine.shutdown().await;
    let whole = house.store.snapshot();
    let mut batch = Batch::new();
    for (key, value) in whole.rows() {
        if key[0] == b'l' || key[0] == b's' {
            batch.delete(key.clone());
        }
        if key[0] == b'e' {
            let mut value = value.to_vec();
            value[1] = 77;
            batch.put(key.clone(), value);
        }
    }
    house.store.commit(batch).await.unwrap();
    let builder = house::builder();
    let store: std::sync::Arc<dyn Store> = std::sync::Arc::new(house.store.clone());
    let report = builder.verify(store.clone()).await.unwrap();
    assert!(report.problems.len() >= 6, "{report:?}");
    let rebuilt = builder.rebuild(store).await.unwrap();
    assert_eq!((rebuilt.executions, rebuilt.corrected, rebuilt.unreadable), (3, 3, 0));
    assert!(house.store.snapshot() == whole);
}

#[tokio::test]
async fn a_failed_commit_stops_the_engine_and_acknowledges_nothing() {
    use trackway_store::{Decision, Faulty};
    for decision in [Decision::CrashBefore, Decision::CrashAfter] {
        // Commit 0 writes the store's own rows.
        let store = Faulty::at_commit(Memory::new(), 1, decision);
        let builder = house::builder().clock(Clock::Real).on_problem(|_| {});
        let engine = builder.open(std::sync::Arc::new(store)).await.unwrap();
        assert!(engine.start(request("a", "pass 1")).await.is_err());
        assert!(engine.start(request("b", "pass 1")).await.is_err());
        assert!(engine.stopped().await.what().contains("commit failed"));
        assert!(engine.take("activity/x").await.is_err());
    }
}

struct Answers(Outcome);

impl Performer for Answers {
    fn perform(&self, _: Work) -> BoxFuture<'static, Performed> {
        let outcome = self.0.clone();
        Box::pin(async { Performed::Finished(outcome) })
    }
}

#[tokio::test]
async fn a_failed_outcome_is_data() {
    let outcome = Outcome::Failed { error: "E".into(), cause: "c".into() };
    let house =
        House::with(|builder| builder.performer("answers", std::sync::Arc::new(Answers(outcome))))
            .await;
    assert_eq!(house.run("a", "task answers; pass 1").await, FAILED);
    assert!(house.events("a").await.contains(&Event::Answered(0, false, Payload::new("\"E\""))));
}
