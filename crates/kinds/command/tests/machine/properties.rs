//! Random histories of random commands.

use proptest::prelude::*;
use trackway_command::Signal;
use trackway_core::{Outcome, Payload};

use super::world::{Asked, World, nodes, request};

#[derive(Clone, Debug)]
enum Step {
    Deliver(usize),
    Report(usize, &'static str),
    CancelAll,
    Cancel(usize),
    Heard(usize),
    Gone(usize),
    DeliveryLate(usize),
    ExecutionLate(usize),
    Resolve,
    Upload(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..8_usize;
    let end = prop::sample::select(vec![
        "Success",
        "Success",
        "Success",
        "Failed",
        "TimedOut",
        "Cancelled",
        "InvalidPlatform",
        "nonsense",
    ]);
    prop_oneof![
        8 => node.clone().prop_map(Step::Deliver),
        8 => (node.clone(), end).prop_map(|(node, end)| Step::Report(node, end)),
        1 => Just(Step::CancelAll),
        2 => node.clone().prop_map(Step::Cancel),
        2 => node.clone().prop_map(Step::Heard),
        1 => node.clone().prop_map(Step::Gone),
        2 => node.clone().prop_map(Step::DeliveryLate),
        2 => node.prop_map(Step::ExecutionLate),
        1 => Just(Step::Resolve),
        3 => any::<bool>().prop_map(Step::Upload),
    ]
}

fn end_of_upload(well: bool) -> Outcome {
    match well {
        true => Outcome::Succeeded(Payload::new("{}")),
        false => Outcome::Failed { error: "NoSuchBucket".into(), cause: String::new() },
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_its_counts_and_folds_to_what_is_live(
        count in 0..8_usize,
        by_tag in any::<bool>(),
        concurrency in prop::sample::select(vec!["1", "2", "50", "40%"]),
        errors in prop::sample::select(vec!["0", "1", "30%", "100%"]),
        bucket in prop::sample::select(vec!["", "bucket"]),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let ids = nodes(count);
        let names: Vec<&str> = if by_tag { vec![] } else { ids.iter().map(String::as_str).collect() };
        let mut world = World::start(Asked { by_tag, concurrency, errors, bucket, ..request(&names) });
        let resolve = |world: &mut World| {
            let text = serde_json::to_string(&ids).unwrap();
            world.resolve(Outcome::Succeeded(Payload::new(text)));
        };
        world.check();
        for step in steps {
            let id = |node: usize| ids.get(node).cloned().unwrap_or_else(|| "mi-no".into());
            match step {
                Step::Deliver(node) => drop(world.deliver(&id(node))),
                Step::Report(node, end) => world.report(&id(node), end, i32::from(end != "Success")),
                Step::CancelAll => world.cancel(None),
                Step::Cancel(node) => world.cancel(Some(&[&id(node)])),
                Step::Heard(node) => drop(world.signal(Signal::CancelHeard { node: id(node) })),
                Step::Gone(node) => drop(world.signal(Signal::NodeGone { node: id(node) })),
                Step::DeliveryLate(node) if world.machine().invocation(&id(node)).is_some() => {
                    world.fire_delivery(&id(node));
                }
                Step::ExecutionLate(node) if world.machine().invocation(&id(node)).is_some() => {
                    world.fire_execution(&id(node));
                }
                Step::Upload(well) => drop(world.finish_upload(end_of_upload(well))),
                Step::Resolve if by_tag => resolve(&mut world),
                _ => {}
            }
            world.check();
        }
        // Whatever happened, it comes to an end.
        if by_tag && !world.is_closed() {
            resolve(&mut world);
        }
        for id in &ids {
            world.report(id, "Success", 0);
        }
        while world.finish_upload(end_of_upload(true)).is_some() {}
        world.check();
        prop_assert!(world.is_closed());
        let journal = world.journal_len();
        world.cancel(None);
        prop_assert_eq!(world.journal_len(), journal);
    }
}
