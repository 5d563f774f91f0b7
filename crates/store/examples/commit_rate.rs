//! Measures the embedded store in a temporary folder, or in the folder given as argument.
//!
//! ```text
//! cargo run --release -p trackway-store --example commit_rate [FOLDER] [SECONDS] [VALUE_BYTES]
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement, not a service")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use trackway_store::{Batch, Embedded, Local, Options, Order, Range, Store};

const ROWS_A_BATCH: u64 = 256;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().join("store"), PathBuf::from);
    let seconds = arguments.next().map_or(5, |text| text.parse().unwrap());
    let value_bytes = arguments.next().map_or(160, |text| text.parse().unwrap());
    let run = Duration::from_secs(seconds);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let opened = Instant::now();
    let store = Embedded::open(folder, Options::new()).unwrap();
    println!("opened in {:?}, rss {} KiB", opened.elapsed(), rss_kib());
    let mut rows = 0;
    runtime.block_on(async {
        let mut load = Load { run, value_bytes, rows: 0 };
        load.one_at_a_time(&store).await;
        load.pipelined(&store, 64, 1).await;
        load.pipelined(&store, 2, ROWS_A_BATCH).await;
        rows = load.rows;
    });
    reads(&store, rows);
    let closed = Instant::now();
    println!("rss {} KiB, {:?}", rss_kib(), store.stats());
    store.close().unwrap();
    println!("closed in {:?}", closed.elapsed());
}

struct Load {
    run: Duration,
    value_bytes: usize,
    rows: u64,
}

impl Load {
    fn batch(&mut self, count: u64) -> Batch {
        let mut batch = Batch::new();
        for row in self.rows..self.rows + count {
            // Keys of many executions, in no order; values that don't repeat.
            let value: Vec<u8> = (0..self.value_bytes / 8)
                .flat_map(|it| (row ^ it as u64).wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes())
                .collect();
            batch.put(key(row), value);
        }
        self.rows += count;
        batch
    }

    async fn one_at_a_time(&mut self, store: &Embedded) {
        let mut latencies = Vec::new();
        let start = Instant::now();
        while start.elapsed() < self.run {
            let one = Instant::now();
            store.commit(self.batch(1)).await.unwrap();
            latencies.push(one.elapsed());
        }
        report("alone, 1 row a batch", &mut latencies, start.elapsed(), 1);
    }

    async fn pipelined(&mut self, store: &Embedded, depth: usize, width: u64) {
        let mut waiting = std::collections::VecDeque::new();
        let mut latencies = Vec::new();
        let start = Instant::now();
        while start.elapsed() < self.run || !waiting.is_empty() {
            if start.elapsed() < self.run {
                store.ready().await.unwrap();
                waiting.push_back((Instant::now(), store.commit(self.batch(width))));
            }
            if (waiting.len() >= depth || start.elapsed() >= self.run)
                && let Some((began, commit)) = waiting.pop_front()
            {
                commit.await.unwrap();
                latencies.push(began.elapsed());
            }
        }
        let name = format!("{depth} in flight, {width} rows a batch");
        report(&name, &mut latencies, start.elapsed(), width);
    }
}

fn key(row: u64) -> Vec<u8> {
    [b"e".as_slice(), &row.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()].concat()
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
            assert!(store.get_now(&key(row)).unwrap().is_some());
        }
        println!("get, {name} of {rows} rows: {:?}", start.elapsed() / count as u32);
    }
    let start = Instant::now();
    let turns = 1_000_u64;
    for turn in 0..turns {
        let range = Range::new(key(turn), "f");
        store.scan_now(&range, Order::Ascending, 20).unwrap();
    }
    println!("scan of 20 rows: {:?}", start.elapsed() / turns as u32);
}

fn rss_kib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.unwrap_or("unknown").trim_start_matches("VmRSS:").trim_end_matches("kB").trim().to_owned()
}
