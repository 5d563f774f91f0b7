//! Starting, running, signalling and closing executions.

mod house;

use house::{House, id, request};
use trackway_core::Payload;
use trackway_engine::toy::{FAILED, RUNNING, Refusal, STOPPED, SUCCEEDED, Signal, Toy};
use trackway_engine::{Definition, SignalError, StartError, StartRequest, Started, Waited};

#[tokio::test]
async fn scripts_run_to_their_end() {
    let rows = [
        ("", SUCCEEDED),
        ("pass 3", SUCCEEDED),
        ("pass 500; dice", SUCCEEDED),
        ("fail", FAILED),
        ("task echo", SUCCEEDED),
        ("task echo within 50; pass 1", SUCCEEDED),
        ("fan 40 echo; pass 1; task echo/sub", SUCCEEDED),
        ("task nobody", FAILED),
        ("wait 0; wait -5; pass 1", SUCCEEDED),
        ("child pass 2, task echo", SUCCEEDED),
        ("child fail", FAILED),
        ("child child child pass 1", SUCCEEDED),
        ("relay pass 2, task echo", SUCCEEDED),
        ("relay fail", FAILED),
        ("relay child relay pass 1", SUCCEEDED),
        ("job pass 1; job task echo", SUCCEEDED),
        ("job fail", FAILED),
        ("job job pass 1, pass 2", SUCCEEDED),
    ];
    let house = House::new().await;
    for (script, status) in rows {
        assert_eq!(house.run(script, script).await, status, "{script}");
        assert_eq!(house.status(script).await, status, "{script}");
    }
    let report = house.verified().await;
    assert_eq!((report.timers, report.effects, report.letters, report.letters_stale), (0, 0, 0, 0));
}

#[tokio::test]
async fn a_start_counts_once_by_its_arn() {
    let house = House::new().await;
    house.start("a", "note").await;
    let again = house.engine.start(request("a", "note")).await.unwrap();
    let Started::Existing { record, same_input } = again else { panic!("{again:?}") };
    assert!(same_input);
    assert_eq!((record.name.as_str(), record.summary.status, record.closed), ("a", RUNNING, false));
    let mut other = request("a", "note");
    other.start.input = Payload::new("{}");
    let again = house.engine.start_and_wait(other.clone()).await.unwrap();
    assert!(matches!(again, Waited::Existing { same_input: false, .. }));
    house.engine.signal::<Toy>(id("a"), Signal::Stop).await.unwrap();
    let again = house.engine.start(other).await.unwrap();
    let Started::Existing { record, .. } = again else { panic!("{again:?}") };
    assert!(record.closed);
    assert_eq!(record.summary.status, STOPPED);
}

#[tokio::test]
async fn many_starts_of_one_arn_at_once_make_one_execution() {
    let house = House::new().await;
    let starts: Vec<_> = (0..50)
        .map(|_| {
            let engine = house.engine.clone();
            tokio::spawn(async move { engine.start(request("a", "pass 1")).await.unwrap() })
        })
        .collect();
    let mut new = 0;
    for start in starts {
        new += usize::from(matches!(start.await.unwrap(), Started::New { .. }));
    }
    assert_eq!(new, 1);
    assert_eq!(house.verified().await.executions, 1);
}

#[tokio::test]
async fn what_can_t_start_is_refused_and_leaves_no_row() {
    let house = House::new().await;
    let bad = house.engine.start(request("a", "dance")).await;
    assert_eq!(bad, Err(StartError::Definition("no such step: dance".into())));
    let kind = StartRequest { kind: 9, ..request("a", "") };
    assert_eq!(house.engine.start(kind).await, Err(StartError::Kind(9)));
    assert!(matches!(house.engine.start(request("a", "panic")).await, Err(StartError::Fault(_))));
    assert_eq!(house.verified().await.executions, 0);
    house.start("a", "pass 1").await;
}

#[tokio::test]
async fn a_signal_is_answered_once_it_is_durable() {
    let house = House::new().await;
    let signal = async |name: &str, signal| house.engine.signal::<Toy>(id(name), signal).await;
    assert_eq!(signal("a", Signal::Stop).await, Err(SignalError::NotFound));
    house.start("a", "wait 5; note; pass 1").await;
    let note = Signal::Note("x".into());
    assert_eq!(signal("a", note.clone()).await, Err(SignalError::Refused(Refusal::NotAwaited)));
    house.engine.advance(5);
    while signal("a", note.clone()).await.is_err() {}
    assert_eq!(house.status("a").await, SUCCEEDED);
    assert_eq!(signal("a", Signal::Stop).await, Err(SignalError::Closed));
    house.verified().await;
}

#[tokio::test]
async fn stopping_drops_timers_and_effects() {
    let house = House::new().await;
    house.start("a", "task silent within 100000").await;
    house.start("b", "timers 40 1000").await;
    house.start("c", "poll x").await;
    let report = house.verified().await;
    assert_eq!((report.timers, report.effects), (41, 2));
    for name in ["a", "b", "c"] {
        house.engine.signal::<Toy>(id(name), Signal::Stop).await.unwrap();
        assert_eq!(house.status(name).await, STOPPED);
    }
    let report = house.verified().await;
    assert_eq!((report.timers, report.effects, report.executions), (0, 0, 3));
    assert_eq!(*house.silent.cancelled.lock().unwrap(), [id("a")]);
}

#[tokio::test]
async fn an_end_is_reported_with_its_last_payload() {
    let house = House::new().await;
    let ended = house.engine.start_and_wait(request("a", "pass 1")).await.unwrap();
    let Waited::Ended(ended) = ended else { panic!("{ended:?}") };
    assert_eq!(ended.report, [SUCCEEDED, 0]);
    assert_eq!(ended.last_payload, Some(Payload::new("{\"status\":2}")));
}

#[tokio::test]
async fn a_definition_is_kept_by_its_hash() {
    let house = House::new().await;
    house.start("a", "pass 1").await;
    let record = house.engine.record(id("a")).await.unwrap().unwrap();
    let definition = house.engine.definition(record.definition_hash).await.unwrap();
    assert_eq!(definition, Some(Definition::new("pass 1")));
    assert_eq!(house.engine.definition([0; 32]).await.unwrap(), None);
}
