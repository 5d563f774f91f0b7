//! The rows of a kind's views: written, read, dropped, checked and made anew.

mod house;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use house::{House, SCOPE, id, request, volatile};
use trackway_core::{Command, Input, Journaled, Machine, Payload, Rows, Summary, Timestamp, Turn};
use trackway_engine::toy::{EFFECTS, LISTED, SUCCEEDED, Signal, TIMERS, Toy};
use trackway_engine::{Config, Order, RowPage, RowQuery, StartRequest};
use trackway_store::{Batch, Decision, Embedded, Faulty, Memory, Options, Store};

fn numbers(page: &RowPage) -> Vec<u32> {
    let number = |key: &[u8]| u32::from_be_bytes(key.try_into().expect("a key of four bytes"));
    page.rows.iter().map(|(key, _)| number(key)).collect()
}

fn key(number: u32) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

/// How many rows the store has of all executions.
fn stored(house: &House) -> usize {
    house.store.snapshot().rows().filter(|(key, _)| key[0] == b'v').count()
}

#[tokio::test]
async fn rows_are_there_when_their_turn_is_answered() {
    let house = House::new().await;
    house.start("a", "rows 2; timers 2 50; note; rows 1; task echo; poll x").await;
    let first = house.engine.rows(id("a"), LISTED, RowQuery::first(10)).await.unwrap();
    assert_eq!(numbers(&first), [0, 1]);
    let timers = async || house.engine.rows(id("a"), TIMERS, RowQuery::first(9)).await.unwrap();
    assert_eq!(numbers(&timers().await), [0, 1]);
    house.engine.advance(100);
    while house.engine.signal::<Toy>(id("a"), Signal::Note("x".into())).await.is_err() {}
    assert_eq!(numbers(&timers().await), [0_u32; 0]);
    let row = house.engine.row(id("a"), LISTED, &key(2)).await.unwrap().unwrap();
    assert!(row.starts_with(b"{\"n\":2,"));
    let lease = house.engine.take("activity/x").await.unwrap();
    let effect = lease.work().effect;
    house.engine.signal::<Toy>(id("a"), Signal::Taken(effect)).await.unwrap();
    drop(lease.keep());
    let effects = house.engine.rows(id("a"), EFFECTS, RowQuery::first(9)).await.unwrap();
    let effects: Vec<_> = effects.rows.iter().map(|(_, row)| row.clone()).collect();
    assert_eq!(effects, ["4", "1"]);
    assert_eq!(house.engine.row(id("a"), LISTED, &key(3)).await.unwrap(), None);
    assert_eq!(house.engine.row(id("b"), LISTED, &key(0)).await.unwrap(), None);
    assert_eq!(house.verified().await.rows, 5);
}

#[tokio::test]
async fn views_page_both_ways() {
    let house = House::new().await;
    house.start("a", "rows 700; note").await;
    // Neighbours: another view of the same execution, and other executions.
    house.start("b", "rows 3; timers 2 50; task echo").await;
    for limit in [1, 7, 50, 699, 700, 1000] {
        for order in [Order::Ascending, Order::Descending] {
            let mut wanted: Vec<u32> = (0..700).collect();
            if order == Order::Descending {
                wanted.reverse();
            }
            for chunk in wanted.chunks(limit) {
                let before = wanted.iter().position(|it| *it == chunk[0]).unwrap();
                let after = before.checked_sub(1).map(|at| key(wanted[at]));
                let query = RowQuery { after, order, ..RowQuery::first(limit) };
                let page = house.engine.rows(id("a"), LISTED, query).await.unwrap();
                assert_eq!(numbers(&page), chunk);
                assert_eq!(page.more, chunk.last() != wanted.last());
            }
        }
    }
}

#[tokio::test]
async fn a_page_stays_within_its_prefix() {
    let house = House::new().await;
    house.start("a", "rows 700; note").await;
    let read = async |after: Option<u32>, order| {
        let (prefix, after) = (vec![0, 0, 1], after.map(key));
        let query = RowQuery { prefix, after, order, limit: 2 };
        let page = house.engine.rows(id("a"), LISTED, query).await.unwrap();
        (numbers(&page), page.more)
    };
    use Order::{Ascending, Descending};
    assert_eq!(read(None, Ascending).await, (vec![256, 257], true));
    assert_eq!(read(None, Descending).await, (vec![511, 510], true));
    assert_eq!(read(Some(5), Ascending).await, (vec![256, 257], true));
    assert_eq!(read(Some(509), Ascending).await, (vec![510, 511], false));
    assert_eq!(read(Some(600), Ascending).await, (vec![], false));
    assert_eq!(read(Some(600), Descending).await, (vec![511, 510], true));
    assert_eq!(read(Some(257), Descending).await, (vec![256], false));
    assert_eq!(read(Some(5), Descending).await, (vec![], false));
}

#[tokio::test]
async fn a_filter_reads_on_until_the_page_is_full() {
    let house = House::new().await;
    house.start("a", "rows 3000; note").await;
    let read = async |after: Option<u32>, order, limit| {
        let query = RowQuery { after: after.map(key), order, ..RowQuery::first(limit) };
        let wanted = |key: &[u8], _: &[u8]| key[3] == 9;
        let page = house.engine.rows_where(id("a"), LISTED, query, wanted).await.unwrap();
        (numbers(&page), page.more)
    };
    let all: Vec<u32> = (0..12).map(|high| high * 256 + 9).collect();
    assert_eq!(read(None, Order::Ascending, 50).await, (all.clone(), false));
    assert_eq!(read(None, Order::Ascending, 2).await, (vec![9, 265], true));
    assert_eq!(read(Some(all[10]), Order::Ascending, 1).await, (vec![all[11]], false));
    assert_eq!(read(Some(all[2]), Order::Descending, 1).await, (vec![265], true));
}

#[tokio::test]
async fn a_volatile_execution_has_no_rows() {
    let house = House::new().await;
    house.engine.start_and_wait(volatile("a", "rows 9; task echo")).await.unwrap();
    assert_eq!(stored(&house), 0);
}

#[tokio::test]
async fn rows_go_with_their_execution() {
    let retention = Some(Duration::from_secs(60));
    let house =
        House::with(|builder| builder.config(Config { retention, ..Config::default() })).await;
    house.run("ended", "rows 5000; task echo").await;
    house.start("runs", "rows 3; note").await;
    assert_eq!(stored(&house), 5004);
    tokio::time::pause();
    house.engine.advance(61_000);
    while house.status("ended").await != 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((stored(&house), house.verified().await.rows), (3, 3));
    assert_eq!(house.engine.reset(SCOPE).await.unwrap(), 1);
    assert_eq!(stored(&house), 0);
    // Its successor by the same name begins with none.
    house.start("runs", "rows 1; note").await;
    assert_eq!(house.verified().await.rows, 1);
}

#[tokio::test]
async fn many_rows_leave_in_several_batches_and_a_crash_in_between_is_no_damage() {
    let house = House::new().await;
    house.run("ended", "rows 9000; task echo").await;
    house.engine.advance(61_000);
    house.start("runs", "rows 3; note").await;
    house.engine.shutdown().await;
    let sizes = Arc::<Mutex<Vec<usize>>>::default();
    let seen = sizes.clone();
    let store = Arc::new(Faulty::new(house.store.clone(), move |batch| {
        let mut seen = seen.lock().unwrap();
        seen.extend(Some(batch.ops().len()).filter(|ops| *ops > 1000));
        if seen.len() == 2 { Decision::CrashAfter } else { Decision::Apply }
    }));
    let config = Config { retention: Some(Duration::from_secs(60)), ..Config::default() };
    let dying = house::builder().config(config).open(store.clone()).await.unwrap();
    tokio::time::pause();
    while !store.has_crashed() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    dying.shutdown().await;
    assert!(sizes.lock().unwrap().iter().all(|ops| *ops < 5000), "{sizes:?}");
    let report = house.verified().await;
    assert_eq!((report.executions, report.leaving, report.list_rows), (2, 1, 2));
    let rebuilt = house::builder().rebuild(Arc::new(house.store.clone())).await.unwrap();
    assert_eq!((rebuilt.rows, rebuilt.unreadable), (0, 0));

    let house = House::over(house.store.clone(), |builder| builder.config(config)).await;
    while house.status("ended").await != 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!((stored(&house), house.verified().await.leaving), (3, 0));
    house.start("ended", "rows 2; note").await;
    assert_eq!(house.verified().await.rows, 5);
}

#[tokio::test]
async fn verify_names_rows_that_are_wrong_and_rebuild_makes_them_anew() {
    let house = House::new().await;
    house.start("a", "rows 4; timers 1 50; note").await;
    house.start("b", "rows 1; note").await;
    house.engine.shutdown().await;
    let whole = house.store.snapshot();
    let at = |name: &str, view, number| [&b"v"[..], &id(name).0, &[view], &key(number)].concat();
    let mut batch = Batch::new();
    batch.delete(at("a", LISTED, 0)).delete(at("a", LISTED, 3));
    batch.put(at("a", LISTED, 1), "x").put(at("a", LISTED, 4), "y");
    batch.put(at("gone", LISTED, 0), "z").delete(at("b", LISTED, 0));
    house.store.commit(batch).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(house.store.clone());
    let report = house::builder().verify(store.clone()).await.unwrap();
    let mut problems = report.problems;
    problems.sort();
    let (a, b, gone) = (id("a"), id("b"), id("gone"));
    let mut expected = [
        format!("execution {a}: 2 rows are missing, first view 3 key \"\\x00\\x00\\x00\\x00\""),
        format!(
            "execution {a}: 1 row is not of its journal, first view 3 key \"\\x00\\x00\\x00\\x04\""
        ),
        format!(
            "execution {a}: 1 row is different from its journal's, first view 3 key \
             \"\\x00\\x00\\x00\\x01\""
        ),
        format!("execution {b}: 1 row is missing, first view 3 key \"\\x00\\x00\\x00\\x00\""),
        format!("the rows of execution {gone} have no record"),
    ];
    expected.sort();
    assert_eq!(problems, expected);
    let rebuilt = house::builder().rebuild(store).await.unwrap();
    assert_eq!((rebuilt.executions, rebuilt.corrected, rebuilt.rows), (2, 0, 6));
    assert!(house.store.snapshot() == whole);
}

#[tokio::test]
async fn rebuild_leaves_the_rows_of_what_it_can_t_read() {
    let house = House::new().await;
    house.start("a", "rows 4; note").await;
    house.engine.shutdown().await;
    let mut batch = Batch::new();
    batch.put([&[b'j'][..], &id("a").0, &[0; 3]].concat(), vec![0, 99]);
    house.store.commit(batch).await.unwrap();
    let store: Arc<dyn Store> = Arc::new(house.store.clone());
    let rebuilt = house::builder().rebuild(store).await.unwrap();
    assert_eq!((rebuilt.unreadable, rebuilt.rows, stored(&house)), (1, 0, 4));
}

#[tokio::test]
async fn rows_survive_crashes_and_go_on() {
    let mut house = House::new().await;
    house.start("a", "rows 2; wait 10; rows 2; note; rows 2; task echo").await;
    house = house.crash().await;
    house.engine.advance(10);
    while house.engine.signal::<Toy>(id("a"), Signal::Note("x".into())).await.is_err() {
        house = house.crash().await;
    }
    house.until("a", SUCCEEDED).await;
    let page = house.engine.rows(id("a"), LISTED, RowQuery::first(10)).await.unwrap();
    assert_eq!(numbers(&page), [0, 1, 2, 3, 4, 5]);
    assert_eq!(house.verified().await.rows, 7);
}

#[tokio::test]
async fn the_embedded_store_keeps_rows_across_an_opening() {
    let folder = tempfile::tempdir().unwrap();
    let open = async || {
        let store = Embedded::open(folder.path(), Options::new()).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        (house::builder().open(store.clone()).await.unwrap(), store)
    };
    let (engine, store) = open().await;
    engine.start(request("a", "rows 700; timers 3 3600000; note")).await.unwrap();
    engine.start(request("b", "rows 700; note")).await.unwrap();
    engine.shutdown().await;
    drop((engine, store));
    let (engine, store) = open().await;
    engine.advance(2 * 3_600_000);
    let query = RowQuery { after: Some(key(400)), order: Order::Descending, ..RowQuery::first(2) };
    let page = engine.rows(id("a"), LISTED, query).await.unwrap();
    assert_eq!((numbers(&page), page.more), (vec![399, 398], true));
    while engine.rows(id("a"), TIMERS, RowQuery::first(9)).await.unwrap().rows.len() > 1 {
        tokio::task::yield_now().await;
    }
    let report = house::builder().verify(store.clone()).await.unwrap();
    assert_eq!((report.rows, &report.problems[..]), (1401, &[][..]));
    engine.reset(SCOPE).await.unwrap();
    let report = house::builder().verify(store).await.unwrap();
    assert_eq!((report.rows, &report.problems[..]), (0, &[][..]));
    engine.shutdown().await;
}

/// A kind whose row's key is as long as its definition says.
#[derive(Debug, Default)]
struct Long;

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Grew(u32);

impl Journaled for Grew {
    const VERSION: u8 = 1;

    fn payload(&self) -> Option<&Payload> {
        None
    }

    fn set_payload(&mut self, _: Payload) {}
}

impl Machine for Long {
    type Definition = u32;
    type Event = Grew;
    type Signal = ();
    type Refusal = ();

    fn parse(text: &str) -> Result<u32, String> {
        text.parse().map_err(|_| "not a number".to_owned())
    }

    fn evolve(&mut self, _: &Grew, _: Timestamp) {}

    fn project(&self, event: &Grew, _: Timestamp, rows: &mut Rows) {
        rows.put(0, vec![1; event.0 as usize], "");
    }

    fn handle(&mut self, def: &u32, _: Input<()>, turn: &mut Turn<'_, Self>) -> Result<(), ()> {
        turn.emit(self, Grew(*def));
        turn.command(Command::Close { report: Vec::new() });
        Ok(())
    }

    fn summary(&self) -> Summary {
        Summary { status: 1, ..Summary::default() }
    }
}

#[tokio::test]
async fn a_row_that_no_store_takes_stops_its_execution_and_no_other() {
    let house = House::over(Memory::new(), |builder| builder.kind::<Long>(9, "long")).await;
    let longest = trackway_engine::limits::ROW_KEY_BYTES_MAX;
    let start = |name: &str, length: usize| {
        house.engine.start(StartRequest { kind: 9, ..request(name, &length.to_string()) })
    };
    start("fits", longest).await.unwrap();
    let error = start("long", longest + 1).await.unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
    assert_eq!(house.run("other", "pass 1").await, SUCCEEDED);
    assert_eq!(stored(&house), 1);
}
