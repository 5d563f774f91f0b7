//! The same random operations on memory and on the embedded store, opened again and flushed in
//! between; the logs of what each answered must be the same.

use crate::support::{block_on, line};
use proptest::collection::vec;
use proptest::prelude::*;
use trackway_store::{Batch, Embedded, Memory, Op, Options, Order, Precondition, Range, Store};

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(Vec<Op>, Vec<Precondition>)>),
    Get(Vec<u8>),
    Scan(Range, bool, usize),
    Reopen,
    Flush,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(1_u8), Just(2), Just(0), Just(0xff)];
    (prop_oneof![Just(1_u8), Just(2), Just(0xff)], vec(byte, 0..3))
        .prop_map(|(family, rest)| [vec![family], rest].concat())
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..3),
        1 => (any::<u8>(), 100..6_000_usize).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn range() -> impl Strategy<Value = Range> {
    prop_oneof![
        (key(), key()).prop_map(|(from, to)| Range::new(from, to)),
        key().prop_map(Range::prefix),
        key().prop_map(Range::starting_at),
        Just(Range::all()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (key(), value()).prop_map(|(key, value)| Op::Put { key: key.into(), value: value.into() }),
        3 => key().prop_map(|key| Op::Delete { key: key.into() }),
        1 => range().prop_map(|range| Op::DeleteRange { range }),
    ]
}

fn precondition() -> impl Strategy<Value = Precondition> {
    prop_oneof![
        key().prop_map(|key| Precondition::Absent { key: key.into() }),
        key().prop_map(|key| Precondition::Present { key: key.into() }),
        range().prop_map(|range| Precondition::Empty { range }),
        (key(), value())
            .prop_map(|(key, value)| Precondition::Equals { key: key.into(), value: value.into() }),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let batch = (vec(op(), 0..6), vec(precondition(), 0..2));
    prop_oneof![
        8 => vec(batch, 1..6).prop_map(Step::Commit),
        3 => key().prop_map(Step::Get),
        3 => (range(), any::<bool>(), 0..9_usize)
            .prop_map(|(range, ascending, limit)| Step::Scan(range, ascending, limit)),
        1 => Just(Step::Reopen),
        1 => Just(Step::Flush),
    ]
}

/// Submits all batches before it waits for the first, so that they share a group.
fn commit_all(store: &dyn Store, batches: &[(Vec<Op>, Vec<Precondition>)]) -> String {
    let submit = |(ops, preconditions): &(Vec<Op>, Vec<Precondition>)| {
        let mut batch = Batch::new();
        ops.iter().cloned().for_each(|op| {
            batch.push(op);
        });
        preconditions.iter().cloned().for_each(|it| {
            batch.require(it);
        });
        store.commit(batch)
    };
    let waiting: Vec<_> = batches.iter().map(submit).collect();
    format!("{:?}", waiting.into_iter().map(block_on).collect::<Vec<_>>())
}

fn answer(store: &dyn Store, step: &Step) -> String {
    match step {
        Step::Commit(batches) => commit_all(store, batches),
        Step::Get(key) => format!("{:?}", block_on(store.get(key)).unwrap()),
        Step::Scan(range, ascending, limit) => {
            let order = if *ascending { Order::Ascending } else { Order::Descending };
            line(&block_on(store.scan(range.clone(), order, *limit)).unwrap())
        }
        Step::Reopen | Step::Flush => {
            line(&block_on(store.scan(Range::all(), Order::Ascending, 999)).unwrap())
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn embedded_answers_like_memory(steps in vec(step(), 1..30)) {
        let folder = tempfile::tempdir().unwrap();
        let open = || Embedded::open(folder.path(), Options::new()).unwrap();
        let memory = Memory::new();
        let mut embedded = open();
        for step in &steps {
            match step {
                Step::Reopen => {
                    embedded.close().unwrap();
                    embedded = open();
                }
                Step::Flush => embedded.flush().unwrap(),
                Step::Commit(_) | Step::Get(_) | Step::Scan(..) => {}
            }
            prop_assert_eq!(answer(&embedded, step), answer(&memory, step), "after {:?}", step);
        }
        let (ours, theirs) = (block_on(embedded.verify()).unwrap(), block_on(memory.verify()).unwrap());
        prop_assert_eq!(ours.problems, Vec::<String>::new());
        prop_assert_eq!(ours.families, theirs.families);
    }
}
