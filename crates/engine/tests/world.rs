//! Clocks, polled queues, volatile executions, lists, journals, catalog, retention, reset.

mod house;

use std::sync::Arc;
use std::time::Duration;

use house::{House, RELAY, SCOPE, TOY, id, request, volatile};
use trackway_core::{EffectId, Payload};
use trackway_engine::toy::{Event, RUNNING, STOPPED, SUCCEEDED, Signal, Toy};
use trackway_engine::{
    Builder, CatalogError, Check, Clock, Config, Edit, Lease, ListQuery, Page, Performed,
    Performer, SignalError, Started, Waited, Work,
};

#[tokio::test]
async fn a_skipping_clock_ends_a_long_wait_at_once() {
    let house = House::with(|builder| builder.clock(Clock::Skip)).await;
    let year = 365 * 24 * 3600 * 1000_i64;
    let before = house.engine.now();
    let script = format!("wait {year}; task echo; wait {year}; child wait {year}; job wait {year}");
    assert_eq!(house.run("a", &script).await, SUCCEEDED);
    assert!(house.engine.now() - before >= 4 * year);
    let record = house.engine.record(id("a")).await.unwrap().unwrap();
    let ran = record.summary.closed.unwrap() - record.summary.started;
    assert!((4 * year..4 * year + 60_000).contains(&ran), "{ran}");
}

#[tokio::test]
async fn a_skipping_clock_waits_for_the_world() {
    let house = House::with(|builder| builder.clock(Clock::Skip)).await;
    house.start("a", "poll x").await;
    house.start("b", "wait 1000000; pass 1").await;
    let lease = house.engine.take("activity/x").await.unwrap();
    house.engine.signal::<Toy>(id("a"), Signal::Taken(EffectId(0))).await.unwrap();
    drop(lease.keep());
    assert_eq!(house.status("b").await, RUNNING);
    let done = Signal::Done(EffectId(0), Payload::new("1"));
    house.engine.signal::<Toy>(id("a"), done).await.unwrap();
    house.until("b", SUCCEEDED).await;
}

/// Work that takes a while to be given up.
struct Slow;

struct Lingers;

impl Drop for Lingers {
    fn drop(&mut self) {
        std::thread::sleep(Duration::from_millis(300));
    }
}

impl Performer for Slow {
    fn perform(
        &self,
        _work: Work,
    ) -> std::pin::Pin<Box<dyn Future<Output = Performed> + Send + 'static>> {
        Box::pin(async {
            let _lingers = Lingers;
            std::future::pending().await
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_skipping_clock_goes_on_when_the_last_work_is_given_up() {
    let slow = |builder: Builder| builder.clock(Clock::Skip).performer("slow", Arc::new(Slow));
    let house = House::with(slow).await;
    house.start("a", "task slow").await;
    house.start("b", "wait 1000000; pass 1").await;
    house.engine.signal::<Toy>(id("a"), Signal::Stop).await.unwrap();
    // All shards wait by now for what is given up only later: nobody asks again but that.
    let ended = house.until("b", SUCCEEDED);
    tokio::time::timeout(Duration::from_secs(20), ended).await.expect("the clock stands still");
}

#[tokio::test]
async fn a_late_answer_loses_against_the_timer() {
    let house = House::new().await;
    house.start("a", "task silent within 50").await;
    house.engine.advance(49);
    house.start("other", "pass 1").await;
    assert_eq!(house.status("a").await, RUNNING);
    house.engine.advance(1);
    house.until("a", trackway_engine::toy::FAILED).await;
    assert_eq!(*house.silent.cancelled.lock().unwrap(), [id("a")]);
    house.verified().await;
}

#[tokio::test]
async fn a_dropped_poll_loses_no_work() {
    let house = House::new().await;
    let engine = house.engine.clone();
    let poll = tokio::spawn(async move { engine.take("activity/x").await });
    tokio::task::yield_now().await;
    poll.abort();
    drop(poll.await);
    house.start("a", "poll x").await;
    house.start("b", "poll x").await;
    let first = house.engine.take("activity/x").await.unwrap();
    assert_eq!(first.work().execution, id("a"));
    assert_eq!(first.work().request, Payload::new("\"poll\""));
    drop(first);
    let again = house.engine.take("activity/x").await.unwrap();
    assert_eq!(again.work().execution, id("a"));
    let second = house.engine.take("activity/x").await.unwrap();
    assert_eq!(second.work().execution, id("b"));
}

#[tokio::test]
async fn what_is_ready_is_taken_in_its_order_as_far_as_it_is_wanted() {
    let house = House::new().await;
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        house.start(name, "poll x").await;
    }
    let took = |leases: &[Lease]| -> Vec<_> {
        let name = |lease: &Lease| {
            names.into_iter().find(|name| id(name) == lease.work().execution).unwrap()
        };
        leases.iter().map(name).collect()
    };
    let take = async |max: usize, wanted: &[&str]| {
        let wanted: Vec<_> = wanted.iter().map(|name| id(name)).collect();
        let want = |work: &Work| wanted.contains(&work.execution);
        house.engine.take_ready("activity/x", max, want).await.unwrap()
    };
    assert_eq!(took(&take(0, &names).await), [""; 0]);
    let some = take(2, &["e", "d", "b"]).await;
    assert_eq!(took(&some), ["b", "d"]);
    let rest = take(9, &names).await;
    assert_eq!(took(&rest), ["a", "c", "e"]);
    assert!(take(9, &names).await.is_empty());
    drop(rest);
    drop(some);
    let again = take(9, &names).await;
    assert_eq!(took(&again), names, "what comes back takes the place that it had");
    house.engine.signal::<Toy>(id("c"), Signal::Stop).await.unwrap();
    drop(again);
    assert_eq!(took(&take(9, &names).await), ["a", "b", "d", "e"], "what is withdrawn is gone");
    assert!(house.engine.take_ready("activity/none", 9, |_| true).await.unwrap().is_empty());
    house.engine.shutdown().await;
    assert!(house.engine.take_ready("activity/x", 9, |_| true).await.is_err());
}

#[tokio::test]
async fn one_that_fits_is_found_among_many() {
    let house = House::new().await;
    for number in 0..2_000 {
        house.start(&number.to_string(), "poll x").await;
    }
    let wanted = id("1999");
    let looks = std::cell::Cell::new(0);
    for _ in 0..20 {
        let want = |work: &Work| {
            looks.set(looks.get() + 1);
            work.execution == wanted
        };
        let taken = house.engine.take_ready("activity/x", 10, want).await.unwrap();
        assert_eq!(taken.len(), 1);
        assert_eq!(taken[0].work().request, Payload::new("\"poll\""));
    }
    assert_eq!(looks.get(), 40_000, "each is looked at once a poll");
    let first = house.engine.take("activity/x").await.unwrap();
    assert_eq!(first.work().execution, id("0"));
}

#[tokio::test]
async fn thousands_poll_and_each_work_goes_to_one() {
    let house = House::new().await;
    let polls: Vec<_> = (0..2000)
        .map(|_| {
            let engine = house.engine.clone();
            tokio::spawn(async move { engine.take("activity/x").await.unwrap().keep() })
        })
        .collect();
    tokio::task::yield_now().await;
    for number in 0..20 {
        house.start(&format!("{number}"), &format!("fan 100 activity/x; pass {number}")).await;
    }
    let mut works = Vec::new();
    for poll in polls {
        let work = poll.await.unwrap();
        works.push((work.execution, work.effect));
    }
    works.sort_unstable();
    works.dedup();
    assert_eq!(works.len(), 2000);
}

#[tokio::test]
async fn work_of_an_execution_that_was_stopped_is_not_offered() {
    let house = House::new().await;
    house.start("a", "poll x").await;
    house.start("b", "poll x").await;
    house.engine.signal::<Toy>(id("a"), Signal::Stop).await.unwrap();
    let lease = house.engine.take("activity/x").await.unwrap();
    assert_eq!(lease.work().execution, id("b"));
}

#[tokio::test]
async fn a_token_speaks_of_its_effect() {
    let house = House::new().await;
    house.start("a", "token silent; pass 1").await;
    let token = house.engine.tokens().task(id("a"), EffectId(0));
    let (execution, effect) = house.engine.tokens().resolve(&token).unwrap();
    let house = house.crash().await;
    assert_eq!(house.engine.tokens().resolve(&token), Some((id("a"), EffectId(0))));
    let done = Signal::Done(effect, Payload::new("1"));
    house.engine.signal::<Toy>(execution, done).await.unwrap();
    assert_eq!(house.status("a").await, SUCCEEDED);
    assert!(house.silent.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn volatile_executions_leave_no_row() {
    let house = House::new().await;
    let before = house.store.snapshot();
    for script in ["pass 2", "task echo; pass 1", "wait 0; dice", "child task echo"] {
        let ended = house.engine.start_and_wait(volatile(script, script)).await.unwrap();
        let Waited::Ended(ended) = ended else { panic!("{script}: {ended:?}") };
        if script != "child task echo" {
            assert!(house.store.snapshot() == before, "{script}");
        }
        assert_eq!(ended.summary.status, SUCCEEDED, "{script}");
    }
    assert_eq!(house.engine.record(id("pass 2")).await.unwrap(), None);
}

#[tokio::test]
async fn volatile_executions_alone_never_fill_a_batch() {
    let house = House::new().await;
    for number in 0..2000 {
        let name = format!("v{number}");
        let ended = house.engine.start_and_wait(volatile(&name, "pass 1")).await.unwrap();
        assert!(matches!(ended, Waited::Ended(_)), "{name}");
    }
}

#[tokio::test]
async fn a_volatile_execution_takes_signals_and_is_gone_once_closed() {
    let house = House::new().await;
    let started = house.engine.start(volatile("a", "note; poll x")).await.unwrap();
    assert!(matches!(started, Started::New { .. }));
    let again = house.engine.start(volatile("a", "note")).await.unwrap();
    assert!(matches!(again, Started::Existing { .. }));
    house.engine.signal::<Toy>(id("a"), Signal::Note("x".into())).await.unwrap();
    let step = house.engine.inspect(id("a"), Toy::step).await.unwrap();
    assert_eq!(step, Some(2));
    let lease = house.engine.take("activity/x").await.unwrap();
    assert_eq!(lease.work().request, Payload::new("\"poll\""));
    house.engine.signal::<Toy>(id("a"), Signal::Stop).await.unwrap();
    let gone = house.engine.signal::<Toy>(id("a"), Signal::Stop).await;
    assert_eq!(gone, Err(SignalError::NotFound));
    assert_eq!(house.engine.stats().live, 0);
}

#[tokio::test]
async fn volatile_executions_never_fill_a_batch() {
    let house = House::new().await;
    for number in 0..5 * trackway_engine::limits::LETTERS_PER_BATCH_MAX {
        house.engine.start_and_wait(volatile(&number.to_string(), "pass 1")).await.unwrap();
    }
}

fn query(status: Option<u8>, limit: usize) -> ListQuery {
    let (scope, parent) = (SCOPE.to_owned(), "machine".to_owned());
    ListQuery { kind: TOY, scope, parent, status, after: None, limit }
}

#[tokio::test]
async fn lists_page_by_status_newest_first() {
    let house = House::new().await;
    for number in 0..20 {
        let script = if number % 2 == 0 { "note" } else { "pass 1" };
        house.start(&format!("{number}"), script).await;
        house.engine.advance(1000);
    }
    let names = async |status, limit| {
        let mut query = query(status, limit);
        let mut names = Vec::new();
        loop {
            let page = house.engine.list(&query).await.unwrap();
            assert!(page.rows.len() <= limit);
            names.extend(page.rows.into_iter().map(|row| row.name));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return names,
            }
        }
    };
    let numbers = |from: i32, step: usize| -> Vec<String> {
        (0..=from).rev().step_by(step).map(|number| number.to_string()).collect()
    };
    for limit in [1, 3, 20, 100] {
        assert_eq!(names(None, limit).await, numbers(19, 1), "{limit}");
        assert_eq!(names(Some(SUCCEEDED), limit).await, numbers(19, 2), "{limit}");
        assert_eq!(names(Some(RUNNING), limit).await, numbers(18, 2), "{limit}");
        assert_eq!(names(Some(STOPPED), limit).await, [""; 0]);
    }
    house.engine.signal::<Toy>(id("4"), Signal::Stop).await.unwrap();
    assert_eq!(names(Some(STOPPED), 5).await, ["4"]);
    assert_eq!(names(None, 7).await, numbers(19, 1));
    let other = ListQuery { parent: "other".into(), ..query(None, 5) };
    assert_eq!(house.engine.list(&other).await.unwrap().rows, []);
}

#[tokio::test]
async fn a_journal_pages_both_ways_across_segments() {
    let house = House::new().await;
    house.start("a", "pass 5; note; pass 300; note; pass 1").await;
    for _ in 0..2 {
        house.engine.signal::<Toy>(id("a"), Signal::Note("x".into())).await.unwrap();
    }
    let read = async |page| {
        let entries = house.engine.journal::<Toy>(id("a"), page).await.unwrap();
        entries.into_iter().map(|entry| entry.number).collect::<Vec<_>>()
    };
    let total = house.events("a").await.len() as u32;
    let record = house.engine.record(id("a")).await.unwrap().unwrap();
    assert_eq!(record.journal_len, total);
    for from in [0, 3, 8, 9, 200, total - 1, total] {
        for limit in [1, 10, 1000] {
            let last = (from + limit).min(total);
            let wanted: Vec<u32> = (from..last).collect();
            assert_eq!(read(Page::Forward { from, limit: limit as usize }).await, wanted);
            let first = from.saturating_sub(limit);
            let wanted: Vec<u32> = (first..from).rev().collect();
            assert_eq!(read(Page::Backward { before: from, limit: limit as usize }).await, wanted);
        }
    }
    assert_eq!(read(Page::Backward { before: u32::MAX, limit: 1 }).await, [total - 1]);
    let steps = house.engine.state::<Toy, _>(id("a"), Toy::step).await.unwrap();
    assert_eq!(steps, Some(5));
    assert!(
        matches!(house.events("a").await[0], Event::Started(ref input) if **input == *"{\"in\":1}")
    );
}

#[tokio::test]
async fn the_catalog_knows_whose_rows_it_has() {
    let house = House::new().await;
    let catalog = house.engine.catalog();
    assert_eq!(catalog.scopes().await.unwrap(), Vec::<String>::new());
    for scope in ["b/x", "a/x", "a", "a/xy"] {
        for (table, key) in [(1, b"k".to_vec()), (255, vec![255; 3])] {
            let edit = Edit::Put { table, key, value: "v".into() };
            catalog.change(scope, &[], &[edit]).await.unwrap();
        }
    }
    let mut scopes = catalog.scopes().await.unwrap();
    scopes.sort();
    assert_eq!(scopes, ["a", "a/x", "a/xy", "b/x"]);
}

#[tokio::test]
async fn the_catalog_changes_only_if_its_checks_hold() {
    let house = House::new().await;
    let catalog = house.engine.catalog();
    let key = |name: &str| name.as_bytes().to_vec();
    let absent = |name| Check::Absent { table: 1, key: key(name) };
    let put =
        |name, value: &'static str| Edit::Put { table: 1, key: key(name), value: value.into() };
    catalog.change(SCOPE, &[absent("a")], &[put("a", "1"), put("ab", "2")]).await.unwrap();
    let conflict = catalog.change(SCOPE, &[absent("x"), absent("a")], &[put("a", "9")]).await;
    assert_eq!(conflict, Err(CatalogError::Conflict { check: 1 }));
    let equals = Check::Equals { table: 1, key: key("a"), value: "1".into() };
    catalog.change(SCOPE, std::slice::from_ref(&equals), &[put("b", "3")]).await.unwrap();
    let names = async |prefix: &[u8], after: Option<&[u8]>, limit| {
        let page = catalog.list(SCOPE, 1, prefix, after, limit).await.unwrap();
        let names = page.rows.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned());
        (names.collect::<Vec<_>>().join(" "), page.more)
    };
    assert_eq!(names(b"", None, 10).await, ("a ab b".into(), false));
    assert_eq!(names(b"", None, 2).await, ("a ab".into(), true));
    assert_eq!(names(b"", Some(b"a"), 2).await, ("ab b".into(), false));
    assert_eq!(names(b"a", Some(b"a"), 2).await, ("ab".into(), false));
    assert_eq!(catalog.get("other", 1, b"a").await.unwrap(), None);
    assert_eq!(catalog.get(SCOPE, 2, b"a").await.unwrap(), None);
    let delete = Edit::Delete { table: 1, key: key("a") };
    catalog.change(SCOPE, &[equals], &[delete]).await.unwrap();
    assert_eq!(catalog.get(SCOPE, 1, b"a").await.unwrap(), None);
}

#[tokio::test]
async fn reset_empties_one_scope() {
    let house = House::new().await;
    for (name, script) in [
        ("a", "pass 1"),
        ("b", "poll x"),
        ("c", "timers 40 99"),
        ("d", "task silent"),
        ("e", "token silent"),
    ] {
        house.start(name, script).await;
    }
    let mut elsewhere = request("f", "wait 500");
    elsewhere.scope = "other".into();
    house.engine.start(elsewhere).await.unwrap();
    house.engine.start(volatile("v", "note")).await.unwrap();
    let put = Edit::Put { table: 1, key: vec![1], value: "1".into() };
    house.engine.catalog().change(SCOPE, &[], &[put]).await.unwrap();
    assert_eq!(house.engine.reset(SCOPE).await.unwrap(), 6);
    let report = house.verified().await;
    assert_eq!((report.executions, report.timers, report.effects), (1, 1, 0));
    assert_eq!(house.engine.catalog().get(SCOPE, 1, &[1]).await.unwrap(), None);
    assert_eq!(house.engine.list(&query(None, 9)).await.unwrap().rows, []);
    let gone = house.engine.signal::<Toy>(id("v"), Signal::Stop).await;
    assert_eq!(gone, Err(SignalError::NotFound));
    assert_eq!(house.engine.stats().awaits_world, 0);
    house.start("a", "poll x").await;
    let lease = house.engine.take("activity/x").await.unwrap();
    assert_eq!(lease.work().execution, id("a"));
}

#[tokio::test(start_paused = true)]
async fn ended_executions_leave_after_a_while() {
    let retention = Some(Duration::from_secs(60));
    let config = Config { retention, ..Config::default() };
    let house = House::with(|builder| builder.config(config)).await;
    house.start("old", "pass 1").await;
    house.start("runs", "note").await;
    house.engine.advance(61_000);
    house.start("new", "pass 1").await;
    while house.engine.record(id("old")).await.unwrap().is_some() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let report = house.verified().await;
    assert_eq!(report.executions, 2);
    house.start("old", "pass 1").await;
}

#[tokio::test(start_paused = true)]
async fn ended_executions_of_a_kind_leave_when_the_kind_says_so() {
    let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
    for (all, of_kind, leaves) in
        [(None, minute, true), (Some(minute), hour, true), (Some(hour), hour, false)]
    {
        let config = Config { retention: all, ..Config::default() };
        let house = House::with(|builder| builder.config(config).keep(TOY, of_kind)).await;
        house.start("old", "pass 1").await;
        house.engine.advance(61_000);
        tokio::time::sleep(Duration::from_secs(5)).await;
        let is_gone = house.engine.record(id("old")).await.unwrap().is_none();
        assert_eq!(is_gone, leaves, "{all:?} {of_kind:?}");
    }
    let house = House::with(|builder| builder.keep(RELAY, minute)).await;
    house.start("old", "pass 1").await;
    house.engine.advance(61_000);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(house.engine.record(id("old")).await.unwrap().is_some(), "of another kind");
}

#[tokio::test]
async fn an_idle_execution_leaves_memory() {
    let house = House::new().await;
    for number in 0..3000 {
        house.start(&number.to_string(), "wait 1000000").await;
    }
    let live = house.engine.stats().live;
    assert!(live <= 4 * trackway_engine::limits::IDLE_MAX as u64 + 4, "{live} in memory");
    for number in [0, 1, 2999] {
        house.engine.signal::<Toy>(id(&number.to_string()), Signal::Stop).await.unwrap();
    }
    assert_eq!(house.verified().await.timers, 2997);
}

#[tokio::test]
async fn verify_names_what_is_wrong() {
    let house = House::new().await;
    house.start("a", "wait 99; pass 1").await;
    house.start("b", "poll x").await;
    let whole = house.store.snapshot();
    for (key, _) in whole.rows().filter(|(key, _)| !b"m".contains(&key[0])) {
        let store = trackway_store::Memory::new();
        store.restore(&whole);
        let mut batch = trackway_store::Batch::new();
        batch.delete(key.clone());
        trackway_store::Store::commit(&store, batch).await.unwrap();
        let report = house::builder().verify(Arc::new(store)).await.unwrap();
        assert!(!report.problems.is_empty(), "row {} was lost unseen", key.escape_ascii());
    }
}
