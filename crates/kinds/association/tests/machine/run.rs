//! Runs by scripts: targets, rates, alarms, stops.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use trackway_association::AssociationRun;
use trackway_association::request::Stop;
use trackway_association::run::{Columns, Report, Signal, VIEW_TARGETS};
use trackway_association::status::count_text;
use trackway_core::{Input, Machine};

use crate::bench::{Bench, common, start};

/// An input with this spec, and further members of the input.
fn input(spec: Value, document: Value) -> Value {
    json!({
        "Call": { "AssociationId": "a", "AssociationVersion": 1, "ExecutionId": "e", "Spec": spec },
        "Document": document,
    })
}

/// Plays a script: `stop HOW`, `wait SECONDS`, and what every script knows.
fn play(input: &Value, script: &str) -> String {
    let mut bench = Bench::<AssociationRun>::new();
    let mut shown = short(&bench.take(start("arn:run", &input.to_string())));
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(shown, "{line}").unwrap();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let input = match word {
            "wait" => {
                bench.now = bench.now.plus_seconds(rest.parse().unwrap());
                continue;
            }
            "stop" => Input::Signal(Signal::Stop(match rest {
                "timed-out" => Stop::TimedOut,
                "drain" => Stop::Drain,
                _ => Stop::Cancelled,
            })),
            _ => common(line).expect("a line of a script"),
        };
        shown += &short(&bench.take(input));
        bench.check_fold();
    }
    shown += &bench.view(VIEW_TARGETS);
    let columns = Columns::decode(&bench.machine.summary().columns).unwrap();
    writeln!(shown, "{} {}", columns.status.name(), count_text(&columns.counts)).unwrap();
    shown
}

fn short(shown: &str) -> String {
    let line = |line: &str| {
        let line = line.split(", payload: ").next().unwrap();
        line.split(r#","origin""#).next().unwrap().to_owned() + "\n"
    };
    shown.lines().map(line).collect()
}

fn check(spec: Value, script: &str, expected: Expect) {
    expected.assert_eq(&play(&input(spec, json!({})), script));
}

fn targets() -> Value {
    json!([{"Key": "tag:role", "Values": ["web"]}])
}

#[test]
fn each_target_is_a_command() {
    check(
        json!({"Name": "D", "DocumentVersion": "$DEFAULT", "Targets": targets(),
            "Parameters": {"commands": ["true"]},
            "OutputLocation": {"S3Location": {"OutputS3BucketName": "b"}}}),
        r#"
        done 0 ["n","m","n"]
        closed 1 {"Status":"Success","StatusDetails":"Success"}
        wait 5
        closed 2 {"Status":"Failed","StatusDetails":"Incomplete","Invocations":[{"StatusDetails":"Undeliverable"}]}
        "#,
        expect![[r#"
              Started
              TargetsAsked(EffectId(0))
              > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
            done 0 ["n","m","n"]
              TargetsFound(Some(EffectId(0)))
              TargetStarted { target: 0, effect: EffectId(1), child: 302259125019767858003970 }
              TargetStarted { target: 1, effect: EffectId(2), child: 302296018507915277107204 }
              > run 1 command {"id":"00000000-0000-4001-8000-000000000002","input":{"DocumentName":"D","DocumentVersion":"$DEFAULT","Parameters":{"commands":["true"]},"InstanceIds":["n"],"OutputS3BucketName":"b"}
              > run 2 command {"id":"00000000-0000-4003-8000-000000000004","input":{"DocumentName":"D","DocumentVersion":"$DEFAULT","Parameters":{"commands":["true"]},"InstanceIds":["m"],"OutputS3BucketName":"b"}
            closed 1 {"Status":"Success","StatusDetails":"Success"}
              TargetEnded { target: 0, effect: EffectId(1), status: Success, details: None }
            wait 5
            closed 2 {"Status":"Failed","StatusDetails":"Incomplete","Invocations":[{"StatusDetails":"Undeliverable"}]}
              TargetEnded { target: 1, effect: EffectId(2), status: Failed, details: Some("Undeliverable") }
              Ended(Failed)
              > close {"ExecutionId":"e","Status":"Failed","Counts":{"Success":1,"Failed":1},"Nodes":[]}
            "m" {"Status":"Failed","Details":"Undeliverable","LastExecutionMs":1795255205000,"Child":"00000000-0000-4003-8000-000000000004","Kind":"Command"}
            "n" {"Status":"Success","LastExecutionMs":1795255200000,"Child":"00000000-0000-4001-8000-000000000002","Kind":"Command"}
            Failed {Failed=1, Success=1}
        "#]],
    );
}

#[test]
fn no_more_run_at_once_than_may() {
    check(
        json!({"Name": "D", "MaxConcurrency": "1", "MaxErrors": "0", "Targets": targets()}),
        r#"
        done 0 ["a","b","c","d"]
        closed 1 {"Status":"Success"}
        closed 2 {"Status":"Failed","StatusDetails":"InvalidPlatform"}
        closed 3 {"Status":"TimedOut","StatusDetails":"DeliveryTimedOut"}
        "#,
        expect![[r#"
              Started
              TargetsAsked(EffectId(0))
              > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
            done 0 ["a","b","c","d"]
              TargetsFound(Some(EffectId(0)))
              TargetStarted { target: 0, effect: EffectId(1), child: 302259125019767858003970 }
              > run 1 command {"id":"00000000-0000-4001-8000-000000000002","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["a"]}
            closed 1 {"Status":"Success"}
              TargetEnded { target: 0, effect: EffectId(1), status: Success, details: None }
              TargetStarted { target: 1, effect: EffectId(2), child: 302296018507915277107204 }
              > run 2 command {"id":"00000000-0000-4003-8000-000000000004","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["b"]}
            closed 2 {"Status":"Failed","StatusDetails":"InvalidPlatform"}
              TargetEnded { target: 1, effect: EffectId(2), status: Skipped, details: Some("InvalidPlatform") }
              TargetStarted { target: 2, effect: EffectId(3), child: 302332911996062696210438 }
              > run 3 command {"id":"00000000-0000-4005-8000-000000000006","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["c"]}
            closed 3 {"Status":"TimedOut","StatusDetails":"DeliveryTimedOut"}
              TargetEnded { target: 2, effect: EffectId(3), status: TimedOut, details: Some("DeliveryTimedOut") }
              RestEnded(Skipped)
              Ended(Failed)
              > close {"ExecutionId":"e","Status":"Failed","Counts":{"Success":1,"TimedOut":1,"Skipped":2},"Nodes":[]}
            "a" {"Status":"Success","LastExecutionMs":1795255200000,"Child":"00000000-0000-4001-8000-000000000002","Kind":"Command"}
            "b" {"Status":"Skipped","Details":"InvalidPlatform","LastExecutionMs":1795255200000,"Child":"00000000-0000-4003-8000-000000000004","Kind":"Command"}
            "c" {"Status":"TimedOut","Details":"DeliveryTimedOut","LastExecutionMs":1795255200000,"Child":"00000000-0000-4005-8000-000000000006","Kind":"Command"}
            "d" {"Status":"Skipped","LastExecutionMs":1795255200000,"Kind":"Command"}
            Failed {Skipped=2, Success=1, TimedOut=1}
        "#]],
    );
}

#[test]
fn nothing_to_do_is_well_done() {
    check(
        json!({"Name": "D", "Targets": targets()}),
        "done 0 []",
        expect![[r#"
          Started
          TargetsAsked(EffectId(0))
          > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
        done 0 []
          TargetsFound(Some(EffectId(0)))
          Ended(Success)
          > close {"ExecutionId":"e","Status":"Success","Counts":{},"Nodes":[]}
        Success {}
    "#]],
    );
    check(
        json!({"Name": "D"}),
        "fail 0 InvalidTarget",
        expect![[r#"
          Started
          TargetsAsked(EffectId(0))
          > run 0 targets {"targets":[],"purpose":"Association"}
        fail 0 InvalidTarget
          TargetsFailed(EffectId(0))
          Ended(Failed)
          > close {"ExecutionId":"e","Status":"Failed","Counts":{},"Nodes":[]}
        Failed {}
    "#]],
    );
    let gone = input(json!({"Name": "D"}), json!({"Problem": "it was deleted"}));
    expect![[r#"
          Started
          Ended(Failed)
          > close {"ExecutionId":"e","Status":"Failed","Counts":{},"Nodes":[]}
        Failed {}
    "#]]
    .assert_eq(&play(&gone, ""));
}

#[test]
fn stopping_ends_all_that_has_not_ended() {
    let spec = || json!({"Name": "D", "MaxConcurrency": "2", "Targets": targets()});
    check(
        spec(),
        r#"
        done 0 ["a","b","c"]
        closed 1 {"Status":"Cancelled"}
        stop timed-out
        stop timed-out
        closed 2 {"Status":"Success"}
        done 4 {}
        "#,
        expect![[r#"
              Started
              TargetsAsked(EffectId(0))
              > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
            done 0 ["a","b","c"]
              TargetsFound(Some(EffectId(0)))
              TargetStarted { target: 0, effect: EffectId(1), child: 302259125019767858003970 }
              TargetStarted { target: 1, effect: EffectId(2), child: 302296018507915277107204 }
              > run 1 command {"id":"00000000-0000-4001-8000-000000000002","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["a"]}
              > run 2 command {"id":"00000000-0000-4003-8000-000000000004","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["b"]}
            closed 1 {"Status":"Cancelled"}
              TargetEnded { target: 0, effect: EffectId(1), status: Cancelled, details: None }
              TargetStarted { target: 2, effect: EffectId(3), child: 302332911996062696210438 }
              > run 3 command {"id":"00000000-0000-4005-8000-000000000006","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["c"]}
            stop timed-out
              Stopped(TimedOut)
              CancelAsked(EffectId(4))
              > cancel 2
              > cancel 3
              > run 4 association {"call":"Cancel","queue":"command","ids":["00000000-0000-4003-8000-000000000004","00000000-0000-4005-8000-000000000006"]}
            stop timed-out
            closed 2 {"Status":"Success"}
            done 4 {}
              CancelAnswered(EffectId(4))
              Ended(TimedOut)
              > close {"ExecutionId":"e","Status":"TimedOut","Counts":{"TimedOut":2,"Cancelled":1},"Nodes":[]}
            "a" {"Status":"Cancelled","LastExecutionMs":1795255200000,"Child":"00000000-0000-4001-8000-000000000002","Kind":"Command"}
            "b" {"Status":"TimedOut","LastExecutionMs":1795255200000,"Child":"00000000-0000-4003-8000-000000000004","Kind":"Command"}
            "c" {"Status":"TimedOut","LastExecutionMs":1795255200000,"Child":"00000000-0000-4005-8000-000000000006","Kind":"Command"}
            TimedOut {Cancelled=1, TimedOut=2}
        "#]],
    );
    check(
        spec(),
        "stop cancelled",
        expect![[r#"
          Started
          TargetsAsked(EffectId(0))
          > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
        stop cancelled
          Stopped(Cancelled)
          Ended(Cancelled)
          > cancel 0
          > close {"ExecutionId":"e","Status":"Cancelled","Counts":{},"Nodes":[]}
        Cancelled {}
    "#]],
    );
    check(
        spec(),
        "stop drain",
        expect![[r#"
          Started
          TargetsAsked(EffectId(0))
          > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
        stop drain
          Stopped(Drain)
          Ended(Cancelled)
          > close {"ExecutionId":"e","Status":"Cancelled","Counts":{},"Nodes":[]}
        Cancelled {}
    "#]],
    );
    check(
        spec(),
        r#"
        done 0 ["a","b","c"]
        stop drain
        closed 1 {"Status":"Success"}
        closed 2 {"Status":"Success"}
        "#,
        expect![[r#"
              Started
              TargetsAsked(EffectId(0))
              > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
            done 0 ["a","b","c"]
              TargetsFound(Some(EffectId(0)))
              TargetStarted { target: 0, effect: EffectId(1), child: 302259125019767858003970 }
              TargetStarted { target: 1, effect: EffectId(2), child: 302296018507915277107204 }
              > run 1 command {"id":"00000000-0000-4001-8000-000000000002","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["a"]}
              > run 2 command {"id":"00000000-0000-4003-8000-000000000004","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["b"]}
            stop drain
              Stopped(Drain)
            closed 1 {"Status":"Success"}
              TargetEnded { target: 0, effect: EffectId(1), status: Success, details: None }
            closed 2 {"Status":"Success"}
              TargetEnded { target: 1, effect: EffectId(2), status: Success, details: None }
              Ended(Cancelled)
              > close {"ExecutionId":"e","Status":"Cancelled","Counts":{"Success":2,"Cancelled":1},"Nodes":[]}
            "a" {"Status":"Success","LastExecutionMs":1795255200000,"Child":"00000000-0000-4001-8000-000000000002","Kind":"Command"}
            "b" {"Status":"Success","LastExecutionMs":1795255200000,"Child":"00000000-0000-4003-8000-000000000004","Kind":"Command"}
            "c" {"Status":"Cancelled","LastExecutionMs":1795255200000,"Kind":"Command"}
            Cancelled {Cancelled=1, Success=2}
        "#]],
    );
}

#[test]
fn alarms_stop_it() {
    let spec = |ignore: bool| {
        let alarms = json!({"IgnorePollAlarmFailure": ignore, "Alarms": [{"Name": "A"}]});
        json!({"Name": "D", "AlarmConfiguration": alarms, "Targets": targets()})
    };
    check(
        spec(false),
        r#"
        done 0 {"MetricAlarms":[{"AlarmName":"A","StateValue":"OK"}]}
        done 1 ["n"]
        wait 60
        fire 0
        done 3 {"CompositeAlarms":[{"AlarmName":"A","StateValue":"ALARM"}]}
        done 4 {}
        "#,
        expect![[r#"
              Started
              AlarmsAsked(EffectId(0))
              > run 0 aws {"service":"cloudwatch","operation":"DescribeAlarms","input":{"AlarmNames":["A"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}}
            done 0 {"MetricAlarms":[{"AlarmName":"A","StateValue":"OK"}]}
              AlarmsQuiet(EffectId(0))
              Armed(TimerId(0), Alarms)
              TargetsAsked(EffectId(1))
              > wake 0 in 1m
              > run 1 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
            done 1 ["n"]
              TargetsFound(Some(EffectId(1)))
              TargetStarted { target: 0, effect: EffectId(2), child: 302259125019767858003970 }
              > run 2 command {"id":"00000000-0000-4001-8000-000000000002","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["n"]}
            wait 60
            fire 0
              Fired(TimerId(0))
              AlarmsAsked(EffectId(3))
              > run 3 aws {"service":"cloudwatch","operation":"DescribeAlarms","input":{"AlarmNames":["A"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}}
            done 3 {"CompositeAlarms":[{"AlarmName":"A","StateValue":"ALARM"}]}
              AlarmsTriggered(EffectId(3))
              Stopped(Cancelled)
              CancelAsked(EffectId(4))
              > cancel 2
              > run 4 association {"call":"Cancel","queue":"command","ids":["00000000-0000-4001-8000-000000000002"]}
            done 4 {}
              CancelAnswered(EffectId(4))
              Ended(Cancelled)
              > close {"ExecutionId":"e","Status":"Cancelled","Counts":{"Cancelled":1},"Nodes":[]}
            "n" {"Status":"Cancelled","LastExecutionMs":1795255260000,"Child":"00000000-0000-4001-8000-000000000002","Kind":"Command"}
            Cancelled {Cancelled=1}
        "#]],
    );
    check(
        spec(false),
        "fail 0 ResourceNotFound",
        expect![[r#"
          Started
          AlarmsAsked(EffectId(0))
          > run 0 aws {"service":"cloudwatch","operation":"DescribeAlarms","input":{"AlarmNames":["A"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}}
        fail 0 ResourceNotFound
          AlarmsTriggered(EffectId(0))
          Stopped(Cancelled)
          Ended(Cancelled)
          > close {"ExecutionId":"e","Status":"Cancelled","Counts":{},"Nodes":[]}
        Cancelled {}
    "#]],
    );
    check(
        spec(true),
        "fail 0 ResourceNotFound",
        expect![[r#"
          Started
          AlarmsAsked(EffectId(0))
          > run 0 aws {"service":"cloudwatch","operation":"DescribeAlarms","input":{"AlarmNames":["A"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}}
        fail 0 ResourceNotFound
          AlarmsQuiet(EffectId(0))
          Armed(TimerId(0), Alarms)
          TargetsAsked(EffectId(1))
          > wake 0 in 1m
          > run 1 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
        Pending {}
    "#]],
    );
}

#[test]
fn a_duration_cuts_it_off() {
    check(
        json!({"Name": "D", "Duration": 2, "ApplyOnlyAtCronInterval": true, "Targets": targets()}),
        r#"
        done 0 ["n"]
        wait 7200
        fire 0
        done 2 {}
        "#,
        expect![[r#"
              Started
              Armed(TimerId(0), CutOff)
              TargetsAsked(EffectId(0))
              > wake 0 in 2h
              > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Association"}
            done 0 ["n"]
              TargetsFound(Some(EffectId(0)))
              TargetStarted { target: 0, effect: EffectId(1), child: 302259125019767858003970 }
              > run 1 command {"id":"00000000-0000-4001-8000-000000000002","input":{"DocumentName":"D","DocumentVersion":"","Parameters":{},"InstanceIds":["n"]}
            wait 7200
            fire 0
              Fired(TimerId(0))
              Stopped(Cancelled)
              CancelAsked(EffectId(2))
              > cancel 1
              > run 2 association {"call":"Cancel","queue":"command","ids":["00000000-0000-4001-8000-000000000002"]}
            done 2 {}
              CancelAnswered(EffectId(2))
              Ended(Cancelled)
              > close {"ExecutionId":"e","Status":"Cancelled","Counts":{"Cancelled":1},"Nodes":[]}
            "n" {"Status":"Cancelled","LastExecutionMs":1795262400000,"Child":"00000000-0000-4001-8000-000000000002","Kind":"Command"}
            Cancelled {Cancelled=1}
        "#]],
    );
}

#[test]
fn an_automation_is_one_child() {
    let spec = json!({"Name": "R", "DocumentVersion": "$LATEST", "Targets": targets(),
        "AutomationTargetParameterName": "Id", "MaxConcurrency": "3"});
    let input = input(spec, json!({"Kind": "Automation", "Version": "7"}));
    expect![[r#"
          Started
          TargetsFound(None)
          TargetStarted { target: 0, effect: EffectId(0), child: 302259125019767858003970 }
          > run 0 automation {"id":"00000000-0000-4001-8000-000000000002","input":{"DocumentName":"R","DocumentVersion":"7","Parameters":{},"TargetParameterName":"Id","Targets":[{"Key":"tag:role","Values":["web"]}],"MaxConcurrency":"3"}
        closed 0 {"AutomationExecutionStatus":"Success"}
          TargetEnded { target: 0, effect: EffectId(0), status: Success, details: None }
          Ended(Success)
          > close {"ExecutionId":"e","Status":"Success","Counts":{"Success":1},"Nodes":[]}
        "e" {"Status":"Success","LastExecutionMs":1795255200000,"Child":"00000000-0000-4001-8000-000000000002","Kind":"Automation"}
        Success {Success=1}
    "#]].assert_eq(&play(&input, r#"closed 0 {"AutomationExecutionStatus":"Success"}"#));
}

#[test]
fn ten_thousand_targets_take_small_turns() {
    let mut bench = Bench::<AssociationRun>::new();
    let spec = json!({"Name": "D", "MaxConcurrency": "100%", "Targets": targets()});
    bench.take(start("arn:run", &input(spec, json!({})).to_string()));
    let ids: Vec<String> = (0..10_000).map(|number| format!("mi-{number:017}")).collect();
    bench.take(common(&format!("done 0 {}", json!(ids))).unwrap());
    let mut turns = 1;
    while let Some(timer) = bench.timers.keys().next().copied() {
        let before = bench.journal.len();
        bench.take(Input::Fired(timer));
        assert!(bench.journal.len() - before <= 258, "a turn is bounded");
        turns += 1;
    }
    assert_eq!((turns, bench.effects.len()), (40, 10_000));
    while let Some(effect) = bench.effects.keys().next().copied() {
        bench.take(common(&format!("closed {} {{\"Status\":\"Success\"}}", effect.0)).unwrap());
    }
    bench.check_fold();
    let report = Report::decode(&bench.report.unwrap()).unwrap();
    assert_eq!(count_text(&report.counts), "{Success=10000}");
}
