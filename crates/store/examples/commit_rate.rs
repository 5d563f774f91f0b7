//! Measures the embedded store in a temporary folder, or in the folder given as argument.
//!
//! ```text
//! cargo run --release -p trackway-store --example commit_rate [FOLDER] [SECONDS]
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a service")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use trackway_store::{Batch, Embedded, Local, Options, Order, Range, Store};

const VALUE_BYTES: usize = 160;
const ROWS_A_BATCH: u64 = 256;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().join("store"), PathBuf::from);
    let seconds = arguments.next().map_or(5, |text| text.parse().unwrap());
    let run = Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Embedded::open(folder, Options::new()).unwrap();
    let mut rows = 0;
    runtime.block_on(async {
        one_at_a_time(&store, run, &mut rows).await;
        pipelined(&store, run, 64, 1, &mut rows).await;
        pipelined(&store, run, 2, ROWS_A_BATCH, &mut rows).await;
    });
    reads(&store, rows);
    let opened = Instant::now();
    println!("rss {} KiB, {:?}", rss_kib(), store.stats());
    store.close().unwrap();
    println!("closed in {:?}", opened.elapsed());
}

fn batch(rows: u64, count: u64) -> Batch {
    let mut batch = Batch::new();
    for row in rows..rows + count {
        // Keys of many executions, in no order; values that don't repeat.
        let key = row.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let value: Vec<u8> = (0..VALUE_BYTES / 8)
            .flat_map(|it| (row ^ it as u64).wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes())
            .collect();
        batch.put([b"e".as_slice(), &key].concat(), value);
    }
    batch
}

async fn one_at_a_time(store: &Embedded, run: Duration, rows: &mut u64) {
    let mut latencies = Vec::new();
    let start = Instant::now();
    while start.elapsed() < run {
        let one = Instant::now();
        store.commit(batch(*rows, 1)).await.unwrap();
        latencies.push(one.elapsed());
        *rows += 1;
    }
    report("alone, 1 row a batch", &mut latencies, start.elapsed(), 1);
}

async fn pipelined(store: &Embedded, run: Duration, depth: usize, width: u64, rows: &mut u64) {
    let mut waiting = std::collections::VecDeque::new();
    let mut latencies = Vec::new();
    let start = Instant::now();
    while start.elapsed() < run {
        store.ready().await.unwrap();
        waiting.push_back((Instant::now(), store.commit(batch(*rows, width))));
        *rows += width;
        if waiting.len() >= depth {
            let (began, commit) = waiting.pop_front().unwrap();
            commit.await.unwrap();
            latencies.push(began.elapsed());
        }
    }
    for (began, commit) in waiting {
        commit.await.unwrap();
        latencies.push(began.elapsed());
    }
    let name = format!("{depth} in flight, {width} rows a batch");
    report(&name, &mut latencies, start.elapsed(), width);
}

fn report(name: &str, latencies: &mut [Duration], elapsed: Duration, width: u64) {
    latencies.sort();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    let rate = latencies.len() as f64 / elapsed.as_secs_f64();
    println!(
        "{name}: {rate:.0} commits/s, {:.0} rows/s, p50 {:?}, p99 {:?}, p99.9 {:?}, max {:?}",
        rate * width as f64,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}

fn reads(store: &Embedded, rows: u64) {
    let count = 100_000;
    for (name, span) in [("recent", rows.min(10_000)), ("any", rows)] {
        let start = Instant::now();
        for turn in 0..count {
            let row = rows - 1 - (turn * 7_919) % span;
            let key = row.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            assert!(store.get_now(&[b"e".as_slice(), &key].concat()).unwrap().is_some());
        }
        println!("get, {name} of {rows} rows: {:?}", start.elapsed() / count as u32);
    }
    let start = Instant::now();
    let turns = 1_000_u64;
    for turn in 0..turns {
        let from = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let range = Range::new([b"e".as_slice(), &from].concat(), "f");
        store.scan_now(&range, Order::Ascending, 20).unwrap();
    }
    println!("scan of 20 rows: {:?}", start.elapsed() / turns as u32);
}

fn rss_kib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap_or("unknown").trim_start_matches("VmRSS:").trim_end_matches("kB").trim().to_owned()
}
