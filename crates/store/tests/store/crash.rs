//! A process that commits is killed, and what it was told is durable must be there.
//!
//! The child is this test binary again, running one test. It works on what the parent has set in
//! its environment and is killed after a number of acknowledgements that the parent has read:
//! wherever it happens to be then, with a dozen batches under way.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use trackway_store::{Batch, CommitError, Embedded, FaultKind, Local, Options, Range, Store};

use crate::support::{all, block_on, put};

const FOLDER: &str = "STORE_TEST_FOLDER";
const IN_FLIGHT: usize = 12;
/// A batch's rows carry 2 KiB each, so that memtables are flushed while the child runs.
const VALUE_BYTES: usize = 2_048;
const KEPT: u64 = 40;

fn rows_of(n: u64) -> u64 {
    1 + n % 7
}

fn key(n: u64, row: u64) -> Vec<u8> {
    [b"b".as_slice(), &n.to_be_bytes(), &row.to_be_bytes()].concat()
}

/// Batch `n`: its rows, the count, and the end of a batch long ago.
fn numbered(n: u64) -> Batch {
    let mut batch = Batch::new();
    batch.require_equals("n", (n - 1).to_string()).put("n", n.to_string());
    for row in 0..rows_of(n) {
        let value = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes().repeat(VALUE_BYTES / 8);
        batch.put(key(n, row), value);
    }
    if n > KEPT {
        batch.delete_range(Range::prefix(key(n - KEPT, 0)[..9].to_vec()));
    }
    batch
}

fn count(store: &Embedded) -> u64 {
    let value = store.get_now(b"n").unwrap();
    value.map_or(0, |value| str::from_utf8(&value).unwrap().parse().unwrap())
}

/// Not a test of its own: what the child of the test below does.
#[test]
fn child_commits_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store = Embedded::open(folder, Options::new()).unwrap();
    let mut output = std::io::stdout();
    let mut n = count(&store);
    if n == 0 {
        put(&store, "n", "0").unwrap();
    }
    let mut waiting = VecDeque::new();
    loop {
        n += 1;
        waiting.push_back((n, store.commit(numbered(n))));
        if waiting.len() == IN_FLIGHT {
            let (acknowledged, answer) = waiting.pop_front().unwrap();
            block_on(answer).unwrap();
            writeln!(output, "\nack {acknowledged}").unwrap();
        }
    }
}

fn child(folder: &Path, test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// Runs the child until it has acknowledged `count` batches, kills it, and reads what it still had
/// to say.
fn kill_after(folder: &Path, count: u64) -> u64 {
    let mut process = child(folder, "crash::child_commits_until_it_is_killed").spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut seen = 0;
    let mut last = 0;
    for line in lines.map_while(Result::ok) {
        // A line that was being written when the process died has no number.
        let number = line.strip_prefix("ack ").and_then(|number| number.parse().ok());
        if let Some(number) = number {
            last = number;
            seen += 1;
            if seen == count {
                process.kill().unwrap();
            }
        }
    }
    process.wait().unwrap();
    assert!(seen >= count, "the child died on its own after {seen} batches");
    last
}

fn check_numbered(store: &Embedded, acknowledged: u64) {
    let last = count(store);
    assert!(last >= acknowledged, "{acknowledged} was acknowledged and {last} is there");
    assert!(last <= acknowledged + 2 * IN_FLIGHT as u64 + 1);
    let first = (last + 1).saturating_sub(KEPT).max(1);
    let expected: Vec<_> =
        (first..=last).flat_map(|n| (0..rows_of(n)).map(move |row| key(n, row))).collect();
    let found: Vec<_> = all(store).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(found[..expected.len()], expected);
    assert_eq!(found[expected.len()..], ["n"]);
    assert_eq!(block_on(store.verify()).unwrap().problems, Vec::<String>::new());
}

#[test]
fn killed_process_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    // One store, killed again and again, early and late; flushes happen every 1,500 batches or so.
    for count in [1, 2, 13, 111, 700, 1, 37, 1_900] {
        let acknowledged = kill_after(folder.path(), count);
        let store = Embedded::open(folder.path(), Options::new()).unwrap();
        check_numbered(&store, acknowledged);
        store.close().unwrap();
    }
}

/// Not a test of its own: what the child of the test below does, with a limit on file sizes.
#[test]
fn child_commits_until_the_disk_refuses() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store = Embedded::open(folder, Options::new()).unwrap();
    let mut n = count(&store);
    let refused = loop {
        n += 1;
        match block_on(store.commit(numbered(n))) {
            Ok(()) => println!("\nack {n}"),
            Err(CommitError::Fault(fault)) => break fault,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(refused.kind(), FaultKind::Poisoned, "{refused}");
    let kind = |outcome: Result<(), CommitError>| match outcome {
        Err(CommitError::Fault(fault)) => fault.kind(),
        other => panic!("not a fault: {other:?}"),
    };
    assert_eq!(kind(put(&store, "later", "")), FaultKind::Poisoned);
    assert_eq!(kind(block_on(store.commit(Batch::new()))), FaultKind::Poisoned);
    assert_eq!(store.get_now(b"n").unwrap_err().kind(), FaultKind::Poisoned);
    assert_eq!(all(&store).unwrap_err().kind(), FaultKind::Poisoned);
    assert_eq!(block_on(store.verify()).unwrap_err().kind(), FaultKind::Poisoned);
    assert_eq!(block_on(store.ready()).unwrap_err().kind(), FaultKind::Poisoned);
    assert_eq!(store.close().unwrap_err().kind(), FaultKind::Poisoned);
    println!("\npoisoned");
}

/// A write to the journal fails for real: the shell limits the size of files before it starts the
/// child.
#[cfg(unix)]
#[test]
fn failed_write_poisons_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(folder.path(), Options::new()).unwrap();
    put(&store, "n", "0").unwrap();
    store.close().unwrap();

    let test = child(folder.path(), "crash::child_commits_until_the_disk_refuses");
    let mut shell = Command::new("sh");
    shell.arg("-c").arg("trap '' XFSZ; ulimit -f 1000; exec \"$0\" \"$@\"");
    shell.arg(test.get_program()).args(test.get_args()).env(FOLDER, folder.path());
    let output = shell.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.lines().any(|line| line == "poisoned"), "{text}");
    let acknowledged =
        text.lines().filter_map(|line| line.strip_prefix("ack ")).next_back().unwrap();

    let store = Embedded::open(folder.path(), Options::new()).unwrap();
    check_numbered(&store, acknowledged.parse().unwrap());
}
