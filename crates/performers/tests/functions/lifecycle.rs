//! Processes: how many, how long, and that none is left behind.
//!
//! Handlers that leave files give them hidden names, because other files in the folder of a function are its code: when
//! one changes, a new process starts.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trackway_performers::function::{Invocation, Outcome, stderr_sink};

use crate::house::{House, python_config, runs, start, until};
use crate::programs::python_with_the_official_client;

/// Starts a process of its own, notes both ids and hangs.
const HANGS: &str = "
import os, subprocess, time
def handler(event, context):
    if event == 'quick':
        return os.getpid()
    child = subprocess.Popen(['sleep', '1000'])
    with open('.pids.tmp', 'w') as file:
        file.write(f'{os.getpid()} {child.pid}')
    os.rename('.pids.tmp', '.pids')
    time.sleep(1000)
";

fn pids(house: &House) -> Vec<String> {
    let text = std::fs::read_to_string(house.path(".pids")).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_timeout_kills_the_process_and_all_that_it_started() {
    let mut config = python_config();
    config["timeout_seconds"] = json!(1);
    let house = House::with(&[("app.py", HANGS)], config).await;
    let begun = Instant::now();
    assert_eq!(
        house.fail(json!({})).await,
        r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: <id> Error: Task timed out after 1.00 seconds"}"#
    );
    assert!(begun.elapsed() >= Duration::from_secs(1));
    let pids = pids(&house);
    assert_eq!(pids.len(), 2);
    until("the end of all", || !pids.iter().any(|pid| runs(pid))).await;
    house.succeed(json!("quick")).await;
}

#[tokio::test]
async fn a_shutdown_kills_what_runs_and_answers_what_waits() {
    let mut config = python_config();
    config["concurrency"] = json!(1);
    let house = House::with(&[("app.py", HANGS)], config).await;
    let (running, waiting, ()) =
        tokio::join!(house.invoke(json!({})), house.invoke(json!({})), async {
            until("the handler's start", || !pids(&house).is_empty()).await;
            house.host.shutdown().await;
            let pids = pids(&house);
            assert!(!runs(&pids[0]), "the worker has ended when the shutdown is complete");
            until("the end of its child", || !runs(&pids[1])).await;
        });
    assert_eq!((running, waiting), (Outcome::ShuttingDown, Outcome::ShuttingDown));
    assert_eq!(house.invoke(json!({})).await, Outcome::ShuttingDown);
}

/// Not a test by itself: the server that the next tests kill.
#[tokio::test]
async fn a_server_in_a_process_of_its_own() {
    let Ok(folder) = std::env::var("TRACKWAY_TEST_SERVER_FOLDER") else { return };
    let config = std::env::var("TRACKWAY_TEST_SERVER_CONFIG").unwrap();
    let host = start(folder.as_ref(), config.parse().unwrap(), stderr_sink()).await;
    let invocation =
        Invocation { name: "hello".into(), payload: "{}".into(), ..Invocation::default() };
    host.invoke(invocation).await;
    std::future::pending::<()>().await;
}

async fn kill_the_server_of(house: &House, config: &Value) {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lifecycle::a_server_in_a_process_of_its_own"])
        .env("TRACKWAY_TEST_SERVER_FOLDER", house.folder.path())
        .env("TRACKWAY_TEST_SERVER_CONFIG", config.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the handler's start", || !pids(house).is_empty()).await;
    let pids = pids(house);
    assert!(pids.iter().all(|pid| runs(pid)));
    server.kill().unwrap();
    server.wait().unwrap();
    until("the end of all", || !pids.iter().any(|pid| runs(pid))).await;
}

#[tokio::test]
async fn python_workers_end_when_the_server_is_killed() {
    let house = House::python(HANGS).await;
    kill_the_server_of(&house, &python_config()).await;
}

#[tokio::test]
async fn node_workers_end_when_the_server_is_killed() {
    if !crate::node::node_is_here() {
        return;
    }
    let app = "
const { spawn } = require('child_process');
const fs = require('fs');
exports.handler = async () => {
  const child = spawn('sleep', ['1000']);
  fs.writeFileSync('.pids.tmp', `${process.pid} ${child.pid}`);
  fs.renameSync('.pids.tmp', '.pids');
  await new Promise(() => {});
};";
    let house = House::with(&[("app.js", app)], python_config()).await;
    let mut config = python_config();
    config["runtime"] = json!("nodejs");
    kill_the_server_of(&house, &config).await;
}

/// An official client has no pipe to watch; it ends because its next request fails.
#[tokio::test]
async fn official_clients_end_when_the_server_is_killed() {
    let Some(python) = python_with_the_official_client() else { return };
    let app = "
import os
def handler(event, context):
    with open('.pids.tmp', 'w') as file:
        file.write(str(os.getpid()))
    os.rename('.pids.tmp', '.pids')
";
    let house = House::python(app).await;
    let config = json!({ "command": [python, "-m", "awslambdaric", "app.handler"] });
    kill_the_server_of(&house, &config).await;
}

#[tokio::test]
async fn no_more_processes_run_than_allowed_and_the_rest_wait() {
    // Two processes are needed to get past the barrier; eight invocations share them.
    let app = "
import os, time
def handler(event, context):
    open(f'.here-{os.getpid()}', 'w').close()
    while len([name for name in os.listdir('.') if name.startswith('.here-')]) < 2:
        time.sleep(0.005)
    return os.getpid()
";
    let mut config = python_config();
    config["concurrency"] = json!(2);
    let house = std::sync::Arc::new(House::with(&[("app.py", app)], config).await);
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let house = house.clone();
        calls.spawn(async move { house.succeed(json!({})).await.as_i64() });
    }
    let pids: BTreeSet<_> = calls.join_all().await.into_iter().collect();
    assert_eq!(pids.len(), 2);
}

#[tokio::test]
async fn an_edit_is_seen_by_a_new_process() {
    let house = House::python("def handler(event, context):\n    return 1\n").await;
    assert_eq!(house.succeed(json!({})).await, json!(1));
    // As long as the first text, so that only the time of the file tells.
    house.write("app.py", "def handler(event, context):\n    return 2\n");
    let deadline = Instant::now() + Duration::from_secs(10);
    while house.succeed(json!({})).await != json!(2) {
        assert!(Instant::now() < deadline, "the edit was never seen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_process_that_dies_between_invocations_is_replaced() {
    let app = "
import os, threading, time
def end_when_told():
    while not os.path.exists('.end'):
        time.sleep(0.001)
    os._exit(3)
threading.Thread(target=end_when_told).start()
def handler(event, context):
    return os.getpid()
";
    let house = House::python(app).await;
    for _ in 0..3 {
        let pid = house.succeed(json!({})).await.to_string();
        house.write(".end", "");
        until("its end", || !runs(&pid)).await;
        std::fs::remove_file(house.path(".end")).unwrap();
        // At once, so that the host may not have noticed yet.
        assert_ne!(house.succeed(json!({})).await.to_string(), pid);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_turn_taken() {
    let mut config = python_config();
    config["concurrency"] = json!(1);
    let app = "
import os, time
def handler(event, context):
    if event == 'slow':
        open('.begun', 'w').close()
        time.sleep(0.2)
        open('.ended', 'w').close()
    return 1
";
    let house = House::with(&[("app.py", app)], config).await;
    tokio::select! {
        _ = house.invoke(json!("slow")) => panic!("left before its end"),
        () = until("its start", || house.path(".begun").exists()) => {}
    }
    assert_eq!(house.succeed(json!({})).await, json!(1));
    assert!(house.path(".ended").exists(), "it ran to its end before the next one");
}

#[tokio::test]
async fn a_function_that_is_not_declared_is_not_found() {
    let house = House::python("").await;
    assert!(house.host.has("hello:prod") && !house.host.has("other"));
    let outcome =
        house.host.invoke(Invocation { name: "other".into(), ..Invocation::default() }).await;
    assert!(matches!(outcome, Outcome::NotFound { .. }), "{outcome:?}");
}
