//! Associations by scripts: when they run, what is stopped, what lists show.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use serde_json::Value;
use trackway_association::Association;
use trackway_association::association::{Columns, Signal};
use trackway_association::status::{Status, count_text};
use trackway_core::{Input, Machine};

use crate::bench::{ARN, Bench, common, start};

/// Plays a script. `start`, `update` take a spec; others `once`, `changed`, `node N [STATUS]`,
/// `status JSON`, `delete`, `wait SECONDS`, and what every script knows.
fn play(script: &str) -> String {
    let mut bench = Bench::<Association>::new();
    let mut shown = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(shown, "{line}").unwrap();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let signal = match word {
            "start" => {
                let input = format!(r#"{{"AssociationId":"a","Spec":{rest}}}"#);
                shown += &short(&bench.take(start(ARN, &input)));
                bench.check_fold();
                continue;
            }
            "wait" => {
                bench.now = bench.now.plus_seconds(rest.parse().unwrap());
                continue;
            }
            "update" => {
                let (rest, expected) = match rest.split_once(" after ") {
                    Some((rest, version)) => (rest, Some(version.parse().unwrap())),
                    None => (rest, None),
                };
                Signal::Update { spec: Box::new(serde_json::from_str(rest).unwrap()), expected }
            }
            "once" => Signal::Start,
            "changed" => Signal::Changed,
            "node" => {
                let (node, replaces) = rest.split_once(' ').unwrap_or((rest, ""));
                Signal::Node { node: node.to_owned(), replaces: Status::from_name(replaces) }
            }
            "status" => Signal::SetStatus(rest.to_owned()),
            "delete" => Signal::Delete,
            _ => {
                shown += &short(&bench.take(common(line).expect("a line of a script")));
                bench.check_fold();
                continue;
            }
        };
        shown += &short(&bench.take(Input::Signal(signal)));
        bench.check_fold();
    }
    let columns = Columns::decode(&bench.machine.summary().columns).unwrap();
    writeln!(
        shown,
        "{}/{} {} v{}",
        columns.status,
        columns.detailed_status,
        count_text(&columns.counts),
        columns.version
    )
    .unwrap();
    shown
}

/// Leaves out what each line of a script says again.
fn short(shown: &str) -> String {
    shown
        .lines()
        .map(|line| {
            let Some((head, request)) = line.split_once(" association {") else {
                return format!(
                    "{}\n",
                    line.split("payload: ").next().unwrap().trim_end_matches(", ")
                );
            };
            let call: Value = serde_json::from_str(&format!("{{{request}")).unwrap();
            let text = |name: &str| call[name].as_str().unwrap_or_default().to_owned();
            let what = match call["call"].as_str().unwrap() {
                "Start" => format!(
                    "start {} of v{} on {}",
                    &text("ExecutionId")[14..],
                    call["AssociationVersion"],
                    call["Nodes"]
                ),
                "StopRun" => format!("stop {} {}", &text("arn")[62..], text("how")),
                other => format!("{other} {}", call["names"]),
            };
            format!("{head} {what}\n")
        })
        .collect()
}

fn check(script: &str, expected: Expect) {
    expected.assert_eq(&play(script));
}

#[test]
fn it_runs_when_it_is_created_and_at_each_slot_once() {
    check(
        r#"
        start {"Name":"D","ScheduleExpression":"rate(30 minutes)"}
        closed 0 {"Status":"Success","Counts":{"Success":2}}
        wait 1800
        fire 0
        fire 0
        closed 1 {"Status":"Failed","Counts":{"Success":1,"Failed":1}}
        wait 7300
        fire 1
        "#,
        expect![[r#"
            start {"Name":"D","ScheduleExpression":"rate(30 minutes)"}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              Armed(TimerId(0), Timestamp(1795257000000))
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Created }
              > wake 0 in 30m
              > run 0 start 4001-8000-000000000002 of v1 on null
            closed 0 {"Status":"Success","Counts":{"Success":2}}
              RunEnded { effect: EffectId(0), status: Success, counts: [(Success, 2)], nodes: [] }
            wait 1800
            fire 0
              SlotReached(TimerId(0), Timestamp(1795257000000))
              Armed(TimerId(1), Timestamp(1795258800000))
              RunStarted { effect: EffectId(1), run: 302296018507915277107204, trigger: Slot }
              > wake 1 in 30m
              > run 1 start 4003-8000-000000000004 of v1 on null
            fire 0
            closed 1 {"Status":"Failed","Counts":{"Success":1,"Failed":1}}
              RunEnded { effect: EffectId(1), status: Failed, counts: [(Success, 1), (Failed, 1)], nodes: [] }
            wait 7300
            fire 1
              SlotReached(TimerId(1), Timestamp(1795258800000))
              Armed(TimerId(2), Timestamp(1795266000000))
              RunStarted { effect: EffectId(2), run: 302332911996062696210438, trigger: Slot }
              > wake 2 in 28m 20s
              > run 2 start 4005-8000-000000000006 of v1 on null
            Pending/InProgress {Failed=1, Success=1} v1
        "#]],
    );
}

#[test]
fn only_a_slot_makes_it_run() {
    check(
        r#"
        start {"Name":"D","ScheduleExpression":"cron(0 11 ? * * *)","ApplyOnlyAtCronInterval":true}
        node n
        update {"Name":"E","ScheduleExpression":"cron(0 12 ? * * *)","ApplyOnlyAtCronInterval":true}
        fire 0
        wait 7200
        fire 1
        "#,
        expect![[r#"
            start {"Name":"D","ScheduleExpression":"cron(0 11 ? * * *)","ApplyOnlyAtCronInterval":true}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              Armed(TimerId(0), Timestamp(1795258800000))
              > wake 0 in 1h
            node n
            update {"Name":"E","ScheduleExpression":"cron(0 12 ? * * *)","ApplyOnlyAtCronInterval":true}
              Versioned(2)
              Disarmed(TimerId(0))
              Armed(TimerId(1), Timestamp(1795262400000))
              > disarm 0
              > wake 1 in 2h
            fire 0
            wait 7200
            fire 1
              SlotReached(TimerId(1), Timestamp(1795262400000))
              Armed(TimerId(2), Timestamp(1795348800000))
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Slot }
              > wake 2 in 24h
              > run 0 start 4001-8000-000000000002 of v2 on null
            Pending/Associated {} v2
        "#]],
    );
}

#[test]
fn a_moment_in_the_past_is_now() {
    check(
        r#"
        start {"Name":"D","ScheduleExpression":"at(2020-05-14T15:55:00)","ApplyOnlyAtCronInterval":true}
        "#,
        expect![[r#"
            start {"Name":"D","ScheduleExpression":"at(2020-05-14T15:55:00)","ApplyOnlyAtCronInterval":true}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Slot }
              > run 0 start 4001-8000-000000000002 of v1 on null
            Pending/Associated {} v1
        "#]],
    );
}

#[test]
fn the_next_run_ends_the_one_before() {
    check(
        r#"
        start {"Name":"D"}
        once
        done 1 {}
        closed 0 {"Status":"TimedOut","Counts":{"TimedOut":2}}
        closed 2 {"Status":"Success","Counts":{"Success":2}}
        "#,
        expect![[r#"
            start {"Name":"D"}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Created }
              > run 0 start 4001-8000-000000000002 of v1 on null
            once
              RunStopped { run: EffectId(0), effect: EffectId(1), how: TimedOut }
              RunStarted { effect: EffectId(2), run: 302296018507915277107204, trigger: Once }
              > cancel 0
              > run 1 stop 00000-0000-4001-8000-000000000002 TimedOut
              > run 2 start 4003-8000-000000000004 of v1 on null
            done 1 {}
              StopAnswered(EffectId(1))
            closed 0 {"Status":"TimedOut","Counts":{"TimedOut":2}}
            closed 2 {"Status":"Success","Counts":{"Success":2}}
              RunEnded { effect: EffectId(2), status: Success, counts: [(Success, 2)], nodes: [] }
            Success/Success {Success=2} v1
        "#]],
    );
}

#[test]
fn an_update_lets_what_runs_finish() {
    check(
        r#"
        start {"Name":"D"}
        update {"Name":"D","Parameters":{"p":["1"]}} after 1
        done 1 {}
        closed 0 {"Status":"Cancelled","Counts":{"Success":1,"Cancelled":1}}
        update {"Name":"D"} after 1
        update {"Name":"D","Parameters":{"p":["1"]},"AssociationName":"N"}
        closed 2 {"Status":"Success","Counts":{"Success":2}}
        "#,
        expect![[r#"
            start {"Name":"D"}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Created }
              > run 0 start 4001-8000-000000000002 of v1 on null
            update {"Name":"D","Parameters":{"p":["1"]}} after 1
              Versioned(2)
              Postponed(Updated)
              RunStopped { run: EffectId(0), effect: EffectId(1), how: Drain }
              > run 1 stop 00000-0000-4001-8000-000000000002 Drain
            done 1 {}
              StopAnswered(EffectId(1))
            closed 0 {"Status":"Cancelled","Counts":{"Success":1,"Cancelled":1}}
              RunEnded { effect: EffectId(0), status: Cancelled, counts: [(Success, 1), (Cancelled, 1)], nodes: [] }
              RunStarted { effect: EffectId(2), run: 302296018507915277107204, trigger: Updated }
              > run 2 start 4003-8000-000000000004 of v2 on null
            update {"Name":"D"} after 1
              refused: NotTheLatest
            update {"Name":"D","Parameters":{"p":["1"]},"AssociationName":"N"}
              Versioned(3)
            closed 2 {"Status":"Success","Counts":{"Success":2}}
              RunEnded { effect: EffectId(2), status: Success, counts: [(Success, 2)], nodes: [] }
            Success/Success {Success=2} v3
        "#]],
    );
}

#[test]
fn a_node_runs_alone_and_is_counted_once() {
    check(
        r#"
        start {"Name":"D"}
        closed 0 {"Status":"Failed","Counts":{"Success":1,"Failed":1}}
        node n
        node n
        node m Failed
        closed 1 {"Status":"Success","Nodes":[["n","Success"]]}
        closed 2 {"Status":"Success","Nodes":[["m","Success"]]}
        node m
        closed 3 {"Status":"Failed","Nodes":[["m","TimedOut"]]}
        "#,
        expect![[r#"
            start {"Name":"D"}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Created }
              > run 0 start 4001-8000-000000000002 of v1 on null
            closed 0 {"Status":"Failed","Counts":{"Success":1,"Failed":1}}
              RunEnded { effect: EffectId(0), status: Failed, counts: [(Success, 1), (Failed, 1)], nodes: [] }
            node n
              RunStarted { effect: EffectId(1), run: 302296018507915277107204, trigger: Node { node: "n", replaces: None } }
              > run 1 start 4003-8000-000000000004 of v1 on ["n"]
            node n
            node m Failed
              RunStarted { effect: EffectId(2), run: 302332911996062696210438, trigger: Node { node: "m", replaces: Some(Failed) } }
              > run 2 start 4005-8000-000000000006 of v1 on ["m"]
            closed 1 {"Status":"Success","Nodes":[["n","Success"]]}
              RunEnded { effect: EffectId(1), status: Success, counts: [], nodes: [("n", Success)] }
            closed 2 {"Status":"Success","Nodes":[["m","Success"]]}
              RunEnded { effect: EffectId(2), status: Success, counts: [], nodes: [("m", Success)] }
            node m
              RunStarted { effect: EffectId(3), run: 302369805484210115313672, trigger: Node { node: "m", replaces: None } }
              > run 3 start 4007-8000-000000000008 of v1 on ["m"]
            closed 3 {"Status":"Failed","Nodes":[["m","TimedOut"]]}
              RunEnded { effect: EffectId(3), status: Failed, counts: [], nodes: [("m", TimedOut)] }
            Failed/Failed {Success=2, TimedOut=1} v1
        "#]],
    );
}

#[test]
fn calendars_are_asked_first() {
    check(
        r#"
        start {"Name":"D","CalendarNames":["C"]}
        done 0 {"State":"CLOSED"}
        once
        fail 1 UnsupportedCalendarException
        once
        done 2 {"State":"OPEN"}
        "#,
        expect![[r#"
            start {"Name":"D","CalendarNames":["C"]}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              GateAsked(EffectId(0), Created)
              > run 0 Calendars ["C"]
            done 0 {"State":"CLOSED"}
              GateAnswered(EffectId(0), false)
            once
              GateAsked(EffectId(1), Once)
              > run 1 Calendars ["C"]
            fail 1 UnsupportedCalendarException
              GateAnswered(EffectId(1), false)
            once
              GateAsked(EffectId(2), Once)
              > run 2 Calendars ["C"]
            done 2 {"State":"OPEN"}
              GateAnswered(EffectId(2), true)
              RunStarted { effect: EffectId(3), run: 302259125019767858003970, trigger: Once }
              > run 3 start 4001-8000-000000000002 of v1 on null
            Pending/Associated {} v1
        "#]],
    );
}

#[test]
fn deleting_stops_everything() {
    check(
        r#"
        start {"Name":"D","ScheduleExpression":"rate(30 minutes)"}
        closed 0 {"Status":"Success"}
        once
        delete
        once
        done 2 {}
        closed 1 {"Status":"Cancelled"}
        "#,
        expect![[r#"
            start {"Name":"D","ScheduleExpression":"rate(30 minutes)"}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              Armed(TimerId(0), Timestamp(1795257000000))
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Created }
              > wake 0 in 30m
              > run 0 start 4001-8000-000000000002 of v1 on null
            closed 0 {"Status":"Success"}
              RunEnded { effect: EffectId(0), status: Success, counts: [], nodes: [] }
            once
              RunStarted { effect: EffectId(1), run: 302296018507915277107204, trigger: Once }
              > run 1 start 4003-8000-000000000004 of v1 on null
            delete
              Disarmed(TimerId(0))
              Deleted
              RunStopped { run: EffectId(1), effect: EffectId(2), how: Cancelled }
              > disarm 0
              > cancel 1
              > run 2 stop 00000-0000-4003-8000-000000000004 Cancelled
            once
              refused: Deleted
            done 2 {}
              StopAnswered(EffectId(2))
              Closed
              > close {}
            closed 1 {"Status":"Cancelled"}
            Success/Success {} v1
        "#]],
    );
    check(
        "start {\"Name\":\"D\"}\n closed 0 {}\n delete",
        expect![[r#"
            start {"Name":"D"}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Created }
              > run 0 start 4001-8000-000000000002 of v1 on null
            closed 0 {}
              RunEnded { effect: EffectId(0), status: Failed, counts: [], nodes: [] }
            delete
              Deleted
              Closed
              > close {}
            Failed/Failed {} v1
        "#]],
    );
}

#[test]
fn a_run_that_can_not_start_has_failed() {
    check(
        r#"
        start {"Name":"D"}
        fail 0 Fault
        status {"Name":"Success"}
        "#,
        expect![[r#"
            start {"Name":"D"}
              Created { id: "a", arn: "arn:aws:ssm:us-east-1:000000000000:association/a" }
              Versioned(1)
              RunStarted { effect: EffectId(0), run: 302259125019767858003970, trigger: Created }
              > run 0 start 4001-8000-000000000002 of v1 on null
            fail 0 Fault
              RunEnded { effect: EffectId(0), status: Failed, counts: [], nodes: [] }
            status {"Name":"Success"}
              StatusSet
            Failed/Failed {} v1
        "#]],
    );
}
