//! What every backend promises, run against each.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::support::{all, block_on, commit, line, put};
use trackway_store::{
    Batch, CommitError, Decision, Durability, Embedded, FaultKind, Faulty, KEY_BYTES_MAX, Memory,
    Options, Order, Precondition, Range, Store,
};

type Promise = fn(&dyn Store);

/// Every promise, each on an empty store.
const PROMISES: &[(&str, Promise)] = &[
    ("what is put is read", what_is_put_is_read),
    ("operations apply in order", operations_apply_in_order),
    ("ranges are half open", ranges_are_half_open),
    ("preconditions guard", preconditions_guard),
    ("a range that must be empty is judged in order", empty_ranges_guard),
    ("order is that of submission", order_is_that_of_submission),
    ("a dropped future doesn't take its batch back", dropped_future_commits),
    ("an empty batch is a barrier", empty_batch_is_a_barrier),
    ("limits are refused and change nothing", limits_are_refused),
    ("large batches are whole", large_batches_are_whole),
    ("scans are snapshots", scans_are_snapshots),
    ("verify counts by family", verify_counts_by_family),
    ("concurrent counters lose nothing", concurrent_counters_lose_nothing),
];

fn run(make: impl Fn() -> Box<dyn Store>) {
    for (name, promise) in PROMISES {
        println!("promise: {name}");
        promise(make().as_ref());
    }
}

#[test]
fn memory_keeps_its_promises() {
    run(|| Box::new(Memory::new()));
}

#[test]
fn faulty_without_faults_keeps_the_promises() {
    run(|| Box::new(Faulty::new(Memory::new(), |_| Decision::Apply)));
}

#[test]
fn embedded_keeps_its_promises() {
    for durability in [Durability::Synced, Durability::Buffered] {
        let folder = tempfile::tempdir().unwrap();
        let count = std::cell::Cell::new(0);
        run(|| {
            count.set(count.get() + 1);
            let path = folder.path().join(count.get().to_string());
            Box::new(Embedded::open(path, Options { durability, ..Options::new() }).unwrap())
        });
    }
}

fn scan(store: &dyn Store, range: Range, order: Order, limit: usize) -> String {
    let rows = block_on(store.scan(range.clone(), order, limit)).unwrap();
    if let Some(local) = store.local() {
        assert_eq!(local.scan_now(&range, order, limit).unwrap(), rows);
    }
    line(&rows)
}

fn everything(store: &dyn Store) -> String {
    scan(store, Range::all(), Order::Ascending, usize::MAX)
}

fn get(store: &dyn Store, key: &str) -> Option<String> {
    let value = block_on(store.get(key.as_bytes())).unwrap();
    if let Some(local) = store.local() {
        assert_eq!(local.get_now(key.as_bytes()).unwrap(), value);
    }
    value.map(|value| value.escape_ascii().to_string())
}

fn what_is_put_is_read(store: &dyn Store) {
    assert_eq!(get(store, "a"), None);
    commit(store, |batch| {
        batch.put("a", "1").put("b", "").put(vec![0xff; 4], "end");
    })
    .unwrap();
    assert_eq!(get(store, "a").as_deref(), Some("1"));
    assert_eq!(get(store, "b").as_deref(), Some(""));
    assert_eq!(everything(store), r"a=1 b= \xff\xff\xff\xff=end");
    commit(store, |batch| {
        batch.put("a", "2").delete("b").delete("none");
    })
    .unwrap();
    assert_eq!(everything(store), r"a=2 \xff\xff\xff\xff=end");
}

fn operations_apply_in_order(store: &dyn Store) {
    commit(store, |batch| {
        batch.put("a", "1").put("a", "2").put("b", "1").delete("b").delete("c").put("c", "1");
    })
    .unwrap();
    assert_eq!(everything(store), "a=2 c=1");
    commit(store, |batch| {
        batch.put("b", "gone").delete_range(Range::new("a", "c")).put("a", "new");
    })
    .unwrap();
    assert_eq!(everything(store), "a=new c=1");
    commit(store, |batch| {
        batch.delete_range(Range::all()).delete_range(Range::new("z", "a"));
    })
    .unwrap();
    assert_eq!(everything(store), "");
}

fn ranges_are_half_open(store: &dyn Store) {
    commit(store, |batch| {
        for key in ["a", "aa", "ab", "b", "c"] {
            batch.put(key, "");
        }
    })
    .unwrap();
    let check = |range: Range, order, limit, expected| {
        assert_eq!(scan(store, range, order, limit), expected);
    };
    check(Range::new("a", "b"), Order::Ascending, 9, "a= aa= ab=");
    check(Range::new("a", "b"), Order::Descending, 2, "ab= aa=");
    check(Range::prefix("a"), Order::Ascending, 2, "a= aa=");
    check(Range::starting_at("ab"), Order::Descending, 9, "c= b= ab=");
    check(Range::starting_at("aaa"), Order::Ascending, 1, "ab=");
    check(Range::new("b", "b"), Order::Ascending, 9, "");
    check(Range::new("c", "a"), Order::Descending, 9, "");
    check(Range::all(), Order::Ascending, 0, "");
}

fn preconditions_guard(store: &dyn Store) {
    commit(store, |batch| {
        batch.require_absent("a").put("a", "1");
    })
    .unwrap();
    let check = |preconditions: Vec<Precondition>, expected| {
        let outcome = commit(store, |batch| {
            preconditions.into_iter().for_each(|it| {
                batch.require(it);
            });
            batch.put("b", "1");
        });
        assert_eq!(outcome, expected);
        commit(store, |batch| {
            batch.delete("b");
        })
        .unwrap();
    };
    let absent = |key: &'static str| Precondition::Absent { key: key.into() };
    let present = |key: &'static str| Precondition::Present { key: key.into() };
    let equals = |key: &'static str, value: &'static str| Precondition::Equals {
        key: key.into(),
        value: value.into(),
    };
    let failed = |index| Err(CommitError::PreconditionFailed { index });
    check(vec![present("a"), equals("a", "1"), absent("b")], Ok(()));
    check(vec![present("a"), absent("a")], failed(1));
    check(vec![present("b")], failed(0));
    check(vec![equals("a", "2")], failed(0));
    check(vec![equals("b", "")], failed(0));
    assert_eq!(everything(store), "a=1");
}

fn empty_ranges_guard(store: &dyn Store) {
    let guarded = |range: Range, key: &'static str| {
        let mut batch = Batch::new();
        batch.require_empty(range).put(key, "");
        store.commit(batch)
    };
    let change = |fill: fn(&mut Batch)| {
        let mut batch = Batch::new();
        fill(&mut batch);
        store.commit(batch)
    };
    let of_a = || Range::prefix("a");
    // None of them is durable when the next is submitted.
    let outcomes: Vec<_> = vec![
        guarded(of_a(), "b"),
        guarded(of_a(), "a1"),
        guarded(of_a(), "never"),
        guarded(Range::new("a2", "a1"), "c"),
        change(|batch| {
            batch.delete("a1");
        }),
        guarded(of_a(), "a2"),
        change(|batch| {
            batch.delete_range(Range::prefix("a"));
        }),
        guarded(of_a(), "a3"),
    ]
    .into_iter()
    .map(|it| block_on(it).is_ok())
    .collect();
    assert_eq!(outcomes, [true, true, false, true, true, true, true, true]);
    assert_eq!(everything(store), "a3= b= c=");
    // The same over what is durable, and what a batch itself puts comes after.
    let failed = Err(CommitError::PreconditionFailed { index: 1 });
    let outcome = commit(store, |batch| {
        batch.require_absent("d").require_empty(of_a()).put("d", "");
    });
    assert_eq!(outcome, failed);
    commit(store, |batch| {
        batch.delete("a3");
    })
    .unwrap();
    block_on(guarded(of_a(), "a4")).unwrap();
    assert!(block_on(guarded(Range::all(), "e")).is_err());
    assert_eq!(everything(store), "a4= b= c=");
}

fn order_is_that_of_submission(store: &dyn Store) {
    let chain = |n: u32| {
        let mut batch = Batch::new();
        batch.require_equals("n", n.to_string()).put("n", (n + 1).to_string());
        batch
    };
    put(store, "n", "0").unwrap();
    // Each sees the one before, which isn't durable yet; one that fails stops nobody else.
    let futures: Vec<_> = [0, 1, 2, 9, 3, 4].into_iter().map(|n| store.commit(chain(n))).collect();
    let outcomes: Vec<_> = futures.into_iter().map(|it| block_on(it).is_ok()).collect();
    assert_eq!(outcomes, [true, true, true, false, true, true]);
    assert_eq!(get(store, "n").as_deref(), Some("5"));
}

fn dropped_future_commits(store: &dyn Store) {
    let mut batch = Batch::new();
    batch.put("a", "1");
    drop(store.commit(batch));
    block_on(store.commit(Batch::new())).unwrap();
    assert_eq!(everything(store), "a=1");
}

fn empty_batch_is_a_barrier(store: &dyn Store) {
    let before = block_on(store.verify()).unwrap().last_sequence;
    block_on(store.commit(Batch::new())).unwrap();
    block_on(store.ready()).unwrap();
    assert_eq!(block_on(store.verify()).unwrap().last_sequence, before);
}

fn limits_are_refused(store: &dyn Store) {
    let check = |key: Vec<u8>| {
        let outcome = commit(store, |batch| {
            batch.put("a", "1").put(key, "");
        });
        match outcome {
            Err(CommitError::Fault(fault)) => assert_eq!(fault.kind(), FaultKind::Invalid),
            other => panic!("not refused: {other:?}"),
        }
    };
    check(vec![]);
    check(vec![b'a'; KEY_BYTES_MAX + 1]);
    check(vec![0, 1]);
    assert_eq!(everything(store), "");
    put(store, vec![b'a'; KEY_BYTES_MAX], "").unwrap();
}

fn large_batches_are_whole(store: &dyn Store) {
    let big = vec![7_u8; 3_000_000];
    commit(store, |batch| {
        for n in 0..4_u8 {
            batch.put(vec![1, n], big.clone());
        }
        for n in 0..2_000_u16 {
            batch.put([[2, 0], n.to_be_bytes()].concat(), "small");
        }
    })
    .unwrap();
    assert_eq!(block_on(store.get(&[1, 3])).unwrap().unwrap(), big);
    let small = block_on(store.scan(Range::prefix([2].to_vec()), Order::Ascending, 9_999));
    assert_eq!(small.unwrap().len(), 2_000);
    commit(store, |batch| {
        batch.delete_range(Range::prefix([2].to_vec()));
    })
    .unwrap();
    assert_eq!(block_on(store.verify()).unwrap().families[&1].rows, 4);
}

fn scans_are_snapshots(store: &dyn Store) {
    same_number_everywhere(store, 100, 300);
}

/// A writer sets all keys to the same number, again and again; a reader never sees two numbers.
fn same_number_everywhere(store: &dyn Store, keys: u16, rounds: u32) {
    let set = |n: u32| {
        let mut batch = Batch::new();
        for key in 0..keys {
            batch.put([b"k".as_slice(), &key.to_be_bytes()].concat(), n.to_string());
        }
        batch
    };
    block_on(store.commit(set(0))).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (1..rounds).for_each(|n| block_on(store.commit(set(n))).unwrap());
            done.store(true, Relaxed);
        });
        while !done.load(Relaxed) {
            let rows = block_on(store.scan(Range::all(), Order::Descending, usize::MAX)).unwrap();
            assert_eq!(rows.len(), usize::from(keys));
            let (first, last) = (&rows[0].1, &rows[rows.len() - 1].1);
            assert!(rows.iter().all(|(_, value)| value == first), "{first:?} and {last:?}");
        }
    });
}

/// Tells other threads to end, also when this one panics.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// The same while memtables become tables: a flush that ends in the middle of a batch must not show
/// a part of it.
#[test]
fn embedded_scans_are_snapshots_while_tables_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { durability: Durability::Buffered, ..Options::new() };
    let store = Embedded::open(folder.path(), options).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                store.flush().unwrap();
            }
        });
        let _done = Done(&done);
        same_number_everywhere(&store, 2_000, 250);
    });
}

fn verify_counts_by_family(store: &dyn Store) {
    commit(store, |batch| {
        batch.put("a1", "123").put("a2", "").put("b", "4");
    })
    .unwrap();
    let report = block_on(store.verify()).unwrap();
    assert_eq!(report.problems, Vec::<String>::new());
    assert_eq!(report.last_sequence, 1);
    let totals: Vec<_> =
        report.families.iter().map(|(family, it)| (*family, it.rows, it.bytes)).collect();
    assert_eq!(totals, [(b'a', 2, 7), (b'b', 1, 2)]);
    assert_eq!(store.stats().batches_committed, 1);
}

/// Many threads add to one counter by compare and swap; no addition is lost.
fn concurrent_counters_lose_nothing(store: &dyn Store) {
    const THREADS: u64 = 4;
    const ADDITIONS: u64 = 25;
    put(store, "n", "0").unwrap();
    let add = || {
        loop {
            let old = block_on(store.get(b"n")).unwrap().unwrap();
            let new = (str::from_utf8(&old).unwrap().parse::<u64>().unwrap() + 1).to_string();
            let outcome = commit(store, |batch| {
                batch.require_equals("n", old).put("n", new);
            });
            match outcome {
                Ok(()) => return,
                Err(CommitError::PreconditionFailed { .. }) => {}
                Err(fault) => panic!("{fault}"),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| (0..ADDITIONS).for_each(|_| add()));
        }
    });
    assert_eq!(get(store, "n"), Some((THREADS * ADDITIONS).to_string()));
}

#[test]
fn memory_restores_a_snapshot() {
    let store = Memory::new();
    put(&store, "a", "1").unwrap();
    let snapshot = store.snapshot();
    put(&store, "a", "2").unwrap();
    assert_ne!(store.snapshot(), snapshot);
    store.restore(&snapshot);
    assert_eq!(line(&all(&store).unwrap()), "a=1");
    assert_eq!(store.snapshot(), snapshot);
}

#[test]
fn faulty_crashes_where_it_is_told() {
    for (decision, left) in [
        (Decision::Apply, "0= 1= 2="),
        (Decision::CrashBefore, "0="),
        (Decision::CrashAfter, "0= 1="),
    ] {
        let store = Faulty::at_commit(Memory::new(), 1, decision);
        let outcomes = ["0", "1", "2"].map(|key| put(&store, key, "").is_ok());
        let crashed = decision != Decision::Apply;
        assert_eq!(outcomes, [true, !crashed, !crashed]);
        assert_eq!(store.has_crashed(), crashed);
        assert_eq!(block_on(store.get(b"0")).is_err(), crashed);
        store.revive();
        assert_eq!(line(&all(store.inner()).unwrap()), left);
    }
}
