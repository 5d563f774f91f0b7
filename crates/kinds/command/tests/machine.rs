//! The machine of one command: tables of what happens, and random histories.
#![expect(clippy::unwrap_used, reason = "a test that can't go on is a test that fails")]

#[path = "machine/properties.rs"]
mod properties;
#[path = "machine/world.rs"]
mod world;

use trackway_command::{CommandStatus, InvocationStatus, Refusal, Report, Signal};
use trackway_core::Outcome;
use world::{World, nodes, request};

#[test]
fn a_command_on_one_node_goes_from_pending_to_success() {
    let mut world = World::start(request(&["mi-1"]));
    assert_eq!(world.status(), "Pending Pending");
    assert_eq!(world.offered(), ["mi-1 run"]);
    world.deliver("mi-1").unwrap();
    assert_eq!(world.status(), "InProgress InProgress");
    assert_eq!(world.offered(), [""; 0]);
    assert_eq!(world.invocations(), "mi-1=InProgress");
    world.report("mi-1", "Success", 0);
    assert_eq!(world.status(), "Success Success");
    let report = world.closed();
    assert_eq!((report.response_code, report.output.as_str()), (0, "said mi-1"));
    assert_eq!((report.target_count, report.completed_count, report.error_count), (1, 1, 0));
    assert_eq!(report.invocations[0].instance_id, "mi-1");
}

#[test]
fn a_report_without_a_delivery_counts_and_the_offer_is_withdrawn() {
    let mut world = World::start(request(&["mi-1", "mi-2"]));
    world.report("mi-1", "Failed", 3);
    assert_eq!(world.offered(), ["mi-2 run"]);
    assert_eq!(world.invocations(), "mi-1=Failed mi-2=Pending");
}

#[test]
fn repeats_are_harmless() {
    let mut world = World::start(request(&["mi-1", "mi-2"]));
    world.deliver("mi-1").unwrap();
    world.deliver("mi-1").unwrap();
    world.report("mi-1", "Success", 0);
    let journal = world.journal_len();
    world.report("mi-1", "Failed", 1);
    assert_eq!(world.deliver("mi-1"), Err(Refusal::InvocationEnded));
    assert_eq!(world.deliver("mi-9"), Err(Refusal::NoSuchNode));
    assert_eq!(world.journal_len(), journal);
    assert_eq!(world.invocations(), "mi-1=Success mi-2=Pending");
}

#[test]
fn no_more_nodes_run_at_once_than_may() {
    let mut world = World::start(world::Asked {
        concurrency: "2",
        ..request(&["mi-1", "mi-2", "mi-3", "mi-1", "mi-4"])
    });
    assert_eq!(world.offered(), ["mi-1 run", "mi-2 run"]);
    assert_eq!(world.deliver("mi-3"), Err(Refusal::NoSuchNode));
    world.report("mi-2", "Success", 0);
    assert_eq!(world.offered(), ["mi-1 run", "mi-3 run"]);
    ["mi-1", "mi-3", "mi-4"].iter().for_each(|node| world.report(node, "Success", 0));
    assert_eq!(world.closed().target_count, 4);
}

#[test]
fn more_errors_than_may_be_terminate_the_rest() {
    let mut world = World::start(world::Asked {
        concurrency: "2",
        errors: "1",
        ..request(&["mi-1", "mi-2", "mi-3", "mi-4", "mi-5"])
    });
    world.report("mi-1", "Failed", 1);
    assert_eq!(
        world.invocations(),
        "mi-1=Failed mi-2=Pending mi-3=Pending mi-4=Pending mi-5=Pending"
    );
    world.report("mi-2", "TimedOut", -1);
    assert_eq!(
        world.invocations(),
        "mi-1=Failed mi-2=ExecutionTimedOut mi-3=Pending mi-4=Terminated mi-5=Terminated"
    );
    assert_eq!(world.status(), "InProgress InProgress");
    world.report("mi-3", "Success", 0);
    assert_eq!(world.status(), "Failed Failed");
    let report = world.closed();
    assert_eq!((report.completed_count, report.error_count), (5, 2));
    assert_eq!(report.output, "said mi-1", "the first that failed");
}

/// How each node ends, the errors that may be, and what becomes of the command.
#[test]
fn invocations_add_up_as_aws_says() {
    for (ends, errors, expected) in [
        ("Success Success", "0", "Success Success"),
        ("Success Failed", "0", "Failed Failed"),
        ("Success Failed", "1", "Failed Incomplete"),
        ("Failed Failed", "1", "Failed Failed"),
        ("Success DeliveryTimedOut", "0", "TimedOut DeliveryTimedOut"),
        ("Success DeliveryTimedOut", "1", "Failed Incomplete"),
        ("Failed DeliveryTimedOut", "0", "Failed Failed"),
        ("Success Undeliverable", "0", "Success Success"),
        ("Undeliverable Undeliverable", "0", "Failed Failed"),
        ("Success InvalidPlatform", "0", "Success Success"),
        ("InvalidPlatform AccessDenied", "0", "Failed Failed"),
        ("Success ExecutionTimedOut", "0", "Failed Failed"),
        ("Success ExecutionTimedOut", "50%", "Failed Incomplete"),
    ] {
        let ids = ["mi-1", "mi-2"];
        let mut world = World::start(world::Asked { errors, ..request(&ids) });
        for (node, end) in ids.iter().zip(ends.split(' ')) {
            match end {
                "DeliveryTimedOut" => world.fire_delivery(node),
                "Undeliverable" => world.signal(Signal::NodeGone { node: (*node).into() }).unwrap(),
                "ExecutionTimedOut" => {
                    world.deliver(node).unwrap();
                    world.fire_execution(node);
                }
                end => world.report(node, end, i32::from(end != "Success")),
            }
        }
        assert_eq!(world.status(), expected, "{ends}, {errors} errors");
        assert!(world.is_closed(), "{ends}");
        assert_eq!(world.awaited(), 0, "{ends}");
    }
}

#[test]
fn a_node_that_is_not_reached_in_time_is_not_sent_to_any_more() {
    let mut world = World::start(request(&["mi-1"]));
    assert_eq!(world.timers(), ["mi-1 delivery +600"]);
    world.fire_delivery("mi-1");
    assert_eq!(world.status(), "TimedOut DeliveryTimedOut");
    assert_eq!(world.closed().delivery_timed_out_count, 1);
}

#[test]
fn a_node_that_has_it_must_report_in_time() {
    let mut world = World::start(request(&["mi-1"]));
    world.deliver("mi-1").unwrap();
    assert_eq!(world.timers(), ["mi-1 execution +700"]);
    world.fire_execution("mi-1");
    assert_eq!(world.invocations(), "mi-1=ExecutionTimedOut");
}

#[test]
fn cancelling_ends_what_is_not_delivered_and_tells_the_others() {
    let mut world = World::start(world::Asked {
        concurrency: "3",
        ..request(&["mi-1", "mi-2", "mi-3", "mi-4"])
    });
    world.deliver("mi-1").unwrap();
    world.report("mi-3", "Success", 0);
    world.cancel(None);
    assert_eq!(world.status(), "Cancelling Cancelling");
    assert_eq!(world.invocations(), "mi-1=Cancelling mi-2=Cancelled mi-3=Success mi-4=Cancelled");
    assert_eq!(world.offered(), ["mi-1 cancel"]);
    world.signal(Signal::CancelHeard { node: "mi-1".into() }).unwrap();
    world.signal(Signal::CancelHeard { node: "mi-1".into() }).unwrap();
    assert_eq!(world.offered(), [""; 0]);
    world.report("mi-1", "Cancelled", -1);
    assert_eq!(world.status(), "Cancelled Cancelled");
    assert_eq!(world.signal(Signal::Cancel { nodes: None }), Err(Refusal::NotRunning));
}

#[test]
fn some_nodes_may_be_cancelled_also_before_their_turn() {
    let mut world =
        World::start(world::Asked { concurrency: "1", ..request(&["mi-1", "mi-2", "mi-3"]) });
    world.cancel(Some(&["mi-2", "mi-9"]));
    assert_eq!(world.status(), "Pending Pending");
    world.report("mi-1", "Success", 0);
    assert_eq!(world.offered(), ["mi-3 run"]);
    world.report("mi-3", "Success", 0);
    assert_eq!(world.status(), "Failed Incomplete");
}

#[test]
fn a_node_that_finishes_before_it_hears_of_the_cancel_keeps_its_result() {
    let mut world = World::start(request(&["mi-1"]));
    world.deliver("mi-1").unwrap();
    world.cancel(None);
    world.report("mi-1", "Success", 0);
    assert_eq!(world.status(), "Success Success");
    assert_eq!(world.awaited(), 0);
}

#[test]
fn targets_are_resolved_once_and_without_doubles() {
    let mut world = World::start(world::Asked { by_tag: true, ..request(&[]) });
    assert_eq!(world.status(), "Pending Pending");
    assert_eq!(
        world.request_of("targets"),
        r#"{"targets":[{"Key":"tag:Env","Values":["test"]}],"purpose":"Command"}"#
    );
    world.resolve(Outcome::Succeeded(trackway_core::Payload::new(r#"["mi-2","mi-1","mi-2"]"#)));
    assert_eq!(world.invocations(), "mi-2=Pending mi-1=Pending");
    world.resolve(Outcome::Succeeded(trackway_core::Payload::new(r#"["mi-3"]"#)));
    assert_eq!(world.invocations(), "mi-2=Pending mi-1=Pending");
}

#[test]
fn targets_that_name_nobody_are_a_success_of_their_own() {
    let mut world = World::start(world::Asked { by_tag: true, ..request(&[]) });
    world.resolve(Outcome::Succeeded(trackway_core::Payload::new("[]")));
    assert_eq!(world.status(), "Success NoInstancesInTag");
    assert_eq!(world.closed().response_code, -1);
}

#[test]
fn targets_that_cannot_be_resolved_fail_it_and_say_why() {
    let mut world = World::start(world::Asked { by_tag: true, ..request(&[]) });
    world.resolve(Outcome::Failed { error: "InvalidTarget".into(), cause: "no such key".into() });
    assert_eq!(world.status(), "Failed Failed");
    assert_eq!(world.closed().failure, "no such key");
}

#[test]
fn a_command_can_be_cancelled_before_its_nodes_are_known() {
    let mut world = World::start(world::Asked { by_tag: true, ..request(&[]) });
    world.cancel(None);
    assert_eq!(world.status(), "Cancelled Cancelled");
    assert_eq!(world.awaited(), 0);
}

#[test]
fn a_deregistered_node_fails_what_it_had() {
    let mut world = World::start(request(&["mi-1", "mi-2"]));
    world.deliver("mi-1").unwrap();
    for node in ["mi-1", "mi-2"] {
        world.signal(Signal::NodeGone { node: node.into() }).unwrap();
    }
    assert_eq!(world.invocations(), "mi-1=Failed mi-2=Undeliverable");
}

#[test]
fn a_command_with_a_bucket_ends_when_its_output_is_there_or_cannot_be() {
    let mut world =
        World::start(world::Asked { bucket: "logs-here", ..request(&["mi-1", "mi-2"]) });
    world.report("mi-1", "Success", 0);
    world.report("mi-2", "Success", 0);
    assert_eq!(world.status(), "InProgress InProgress");
    world.check();
    let done = || Outcome::Succeeded(trackway_core::Payload::new("{}"));
    let first = world.finish_upload(done()).unwrap();
    for part in [
        r#""service":"s3","operation":"PutObject""#,
        r#""Bucket":"logs-here""#,
        r#""Key":"logs/11111111-2222-4333-8444-555555555555/mi-1/awsrunShellScript/0.awsrunShellScript/stdout""#,
        r#""Body":"said mi-1""#,
    ] {
        assert!(first.contains(part), "{part} in {first}");
    }
    let failed = Outcome::Failed { error: "NoSuchBucket".into(), cause: "{}".into() };
    assert!(world.finish_upload(failed).unwrap().contains("mi-2"));
    assert_eq!(world.status(), "Success Success");
    assert_eq!(world.awaited(), 0);
    world.check();
}

#[test]
fn ten_thousand_nodes_take_no_turn_that_grows_with_them() {
    let ids = nodes(10_000);
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut world = World::start(world::Asked { concurrency: "100", ..request(&ids) });
    for id in &ids {
        world.deliver(id).unwrap();
        assert!(world.last_commands() <= 4);
        world.report(id, "Success", 0);
        assert!(world.last_commands() <= 7, "{}", world.last_commands());
        assert!(world.last_rows() <= 3);
    }
    assert_eq!(world.closed().completed_count, 10_000);
    assert!(world.closed().invocations.is_empty(), "a report stays small");
}

#[test]
fn statuses_have_numbers_that_rise_and_names_that_aws_knows() {
    for (place, status) in CommandStatus::ALL.into_iter().enumerate() {
        assert_eq!(status as usize, place + 1);
        assert_eq!(CommandStatus::from_number(status as u8), Some(status));
    }
    assert_eq!(CommandStatus::from_number(0), None);
    let known = "Pending InProgress Delayed Success Cancelled TimedOut Failed Cancelling";
    for status in InvocationStatus::ALL {
        assert!(known.split(' ').any(|name| name == status.name()), "{status:?}");
    }
}

#[test]
fn a_report_reads_back_as_written() {
    let report = Report { command_id: "c".into(), output: "o".into(), ..Report::default() };
    assert_eq!(Report::decode(&report.encode()), Some(report));
    assert_eq!(Report::decode(b"x"), None);
}
