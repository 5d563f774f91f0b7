//! Rate control and alarms.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde_json::json;
use trackway_core::{Command, EffectId, Input, Outcome, Payload};
use trackway_runbook::automation::rows::CHILDREN;
use trackway_runbook::automation::{
    AlarmConfiguration, ChildRow, Columns, Report, StartedWith, Status, Target,
};

use crate::bench::{Bench, run_with};

const DOC: &str = "parameters: {Id: {type: String}, O: {type: String, default: o}}\nmainSteps:\n- {name: a, action: 'aws:sleep', inputs: {Duration: PT0S}}";

fn check(with: StartedWith, script: &str, expected: Expect) {
    expected.assert_eq(&run_with(with, DOC, script));
}

fn over(values: &[&str], max_concurrency: &str, max_errors: &str) -> StartedWith {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    StartedWith {
        target_parameter_name: Some("Id".to_owned()),
        targets: vec![Target { key: "ParameterValues".to_owned(), values }],
        max_concurrency: Some(max_concurrency.to_owned()),
        max_errors: Some(max_errors.to_owned()),
        ..StartedWith::default()
    }
}

const OK: &str = r#"{"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success"}"#;
const BAD: &str = r#"{"AutomationExecutionId": "e", "AutomationExecutionStatus": "Failed"}"#;

#[test]
fn one_child_runs_for_each_target() {
    let script = format!("start {{}}\nclosed 0 {OK}\nclosed 0 {OK}\nclosed 2 {OK}\nclosed 1 {BAD}");
    check(
        over(&["i-1", "i-2", "i-3"], "2", "1"),
        &script,
        expect![[r#"
        start {}
          > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"Doc","DocumentVersion":"1","Parameters":{"O":["o"],"Id":["i-1"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ExecutedBy":"arn:aws:iam::111122223333:user/ada","Target":"i-1"}}
          InProgress
        closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success"}
          > run 1 automation {"id":"857d2498-981f-4425-b76b-2fc5d41aaa95","input":{"DocumentName":"Doc","DocumentVersion":"1","Parameters":{"O":["o"],"Id":["i-2"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ExecutedBy":"arn:aws:iam::111122223333:user/ada","Target":"i-2"}}
          > run 2 automation {"id":"5c451e31-1f5d-467b-b7c6-a682c904dd19","input":{"DocumentName":"Doc","DocumentVersion":"1","Parameters":{"O":["o"],"Id":["i-3"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ExecutedBy":"arn:aws:iam::111122223333:user/ada","Target":"i-3"}}
          InProgress
        closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success"}
          InProgress
        closed 2 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success"}
          InProgress
        closed 1 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Failed"}
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
        i-1 aws:executeAutomation Success
            in DocumentName="Doc" DocumentVersion="1"
            out {"ExecutionId":["eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae"],"Status":["Success"]} Targets=[{"Key":"ParameterValues","Values":["i-1"]}]
        i-2 aws:executeAutomation Failed
            in DocumentName="Doc" DocumentVersion="1"
            out {"ExecutionId":["857d2498-981f-4425-b76b-2fc5d41aaa95"],"Status":["Failed"]} Targets=[{"Key":"ParameterValues","Values":["i-2"]}]
        i-3 aws:executeAutomation Success
            in DocumentName="Doc" DocumentVersion="1"
            out {"ExecutionId":["5c451e31-1f5d-467b-b7c6-a682c904dd19"],"Status":["Success"]} Targets=[{"Key":"ParameterValues","Values":["i-3"]}]
    "#]],
    );
}

#[test]
fn too_many_failures_end_it() {
    let script = format!("start {{}}\nclosed 0 {BAD}");
    check(
        over(&["i-1", "i-2", "i-3"], "1", "0"),
        &script,
        expect![[r#"
        start {}
          > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"Doc","DocumentVersion":"1","Parameters":{"O":["o"],"Id":["i-1"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ExecutedBy":"arn:aws:iam::111122223333:user/ada","Target":"i-1"}}
          InProgress
        closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Failed"}
          > close {"FailureMessage":"1 of 3 targets failed, which is more than MaxErrors allows.","AutomationExecutionStatus":"Failed","Outputs":{}}
          Failed
        i-1 aws:executeAutomation Failed
            in DocumentName="Doc" DocumentVersion="1"
            out {"ExecutionId":["eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae"],"Status":["Failed"]} Targets=[{"Key":"ParameterValues","Values":["i-1"]}]
    "#]],
    );
}

#[test]
fn target_maps_are_parameters() {
    let map = |id: &str| BTreeMap::from([("Id".to_owned(), vec![id.to_owned()])]);
    let with = StartedWith { target_maps: vec![map("i-1")], ..StartedWith::default() };
    check(
        with,
        &format!("start {{}}\nclosed 0 {OK}"),
        expect![[r#"
        start {}
          > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"Doc","DocumentVersion":"1","Parameters":{"O":["o"],"Id":["i-1"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ExecutedBy":"arn:aws:iam::111122223333:user/ada","Target":"{\"Id\":[\"i-1\"]}"}}
          InProgress
        closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success"}
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
        {"Id":["i-1"]} aws:executeAutomation Success
            in DocumentName="Doc" DocumentVersion="1"
            out {"ExecutionId":["eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae"],"Status":["Success"]} Targets=[{"Key":"ParameterValues","Values":["{\"Id\":[\"i-1\"]}"]}]
    "#]],
    );
}

#[test]
fn targets_are_looked_up() {
    let with = StartedWith {
        target_parameter_name: Some("Id".to_owned()),
        targets: vec![Target { key: "tag:role".to_owned(), values: vec!["web".to_owned()] }],
        ..StartedWith::default()
    };
    let script = format!("start {{}}\ndone 0 [\"i-1\"]\nclosed 1 {OK}");
    check(
        with.clone(),
        &script,
        expect![[r#"
        start {}
          > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Automation"}
          InProgress
        done 0 ["i-1"]
          > run 1 automation {"id":"857d2498-981f-4425-b76b-2fc5d41aaa95","input":{"DocumentName":"Doc","DocumentVersion":"1","Parameters":{"O":["o"],"Id":["i-1"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ExecutedBy":"arn:aws:iam::111122223333:user/ada","Target":"i-1"}}
          InProgress
        closed 1 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success"}
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
        i-1 aws:executeAutomation Success
            in DocumentName="Doc" DocumentVersion="1"
            out {"ExecutionId":["857d2498-981f-4425-b76b-2fc5d41aaa95"],"Status":["Success"]} Targets=[{"Key":"ParameterValues","Values":["i-1"]}]
    "#]],
    );
    check(
        with.clone(),
        "start {}\ndone 0 []",
        expect![[r#"
        start {}
          > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Automation"}
          InProgress
        done 0 []
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
    "#]],
    );
    check(
        with,
        "start {}\nfail 0 InvalidTarget no",
        expect![[r#"
        start {}
          > run 0 targets {"targets":[{"Key":"tag:role","Values":["web"]}],"purpose":"Automation"}
          InProgress
        fail 0 InvalidTarget no
          > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. An error occurred (InvalidTarget) when calling the Op operation: no. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
          Failed
    "#]],
    );
}

#[test]
fn cancel_stops_the_children() {
    let with = over(&["i-1", "i-2"], "2", "0");
    check(
        with,
        &format!("start {{}}\ncancel\nclosed 0 {BAD}"),
        expect![[r#"
            start {}
              > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"Doc","DocumentVersion":"1","Parameters":{"O":["o"],"Id":["i-1"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ExecutedBy":"arn:aws:iam::111122223333:user/ada","Target":"i-1"}}
              InProgress
            cancel
              > wake 0 in 120 s
              > run 2 aws {"service":"ssm","operation":"StopAutomationExecution","input":{"AutomationExecutionId":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","Type":"Cancel"}}
              Cancelling
            closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Failed"}
              > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
              Cancelled
            i-1 aws:executeAutomation Failed
                in DocumentName="Doc" DocumentVersion="1"
                out {"ExecutionId":["eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae"],"Status":["Failed"]} Targets=[{"Key":"ParameterValues","Values":["i-1"]}]
        "#]],
    );
}

#[test]
fn complete_starts_no_more_children() {
    let with = over(&["i-1", "i-2"], "1", "0");
    check(
        with,
        &format!("start {{}}\ncomplete\nclosed 0 {OK}"),
        expect![[r#"
        start {}
          > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"Doc","DocumentVersion":"1","Parameters":{"O":["o"],"Id":["i-1"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ExecutedBy":"arn:aws:iam::111122223333:user/ada","Target":"i-1"}}
          InProgress
        complete
          InProgress
        closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success"}
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
        i-1 aws:executeAutomation Success
            in DocumentName="Doc" DocumentVersion="1"
            out {"ExecutionId":["eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae"],"Status":["Success"]} Targets=[{"Key":"ParameterValues","Values":["i-1"]}]
    "#]],
    );
}

#[test]
fn an_alarm_cancels() {
    let alarms =
        AlarmConfiguration { ignore_poll_alarm_failure: false, alarms: vec!["hot".to_owned()] };
    let with = StartedWith { alarms: Some(alarms.clone()), ..StartedWith::default() };
    let long = "mainSteps:\n- {name: a, action: 'aws:sleep', inputs: {Duration: PT1H}}";
    let expected = expect![[r#"
        start {}
          > run 0 aws {"service":"cloudwatch","operation":"DescribeAlarms","input":{"AlarmNames":["hot"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}}
          > wake 0 in 3600 s
          InProgress
        done 0 {"MetricAlarms": [{"AlarmName": "hot", "StateValue": "OK"}]}
          > wake 1 in 60 s
          InProgress
        wait 60
        fire 1
          > run 1 aws {"service":"cloudwatch","operation":"DescribeAlarms","input":{"AlarmNames":["hot"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}}
          InProgress
        done 1 {"MetricAlarms": [{"AlarmName": "hot", "StateValue": "ALARM"}]}
          > wake 2 in 120 s
          > disarm 0
          > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
          Cancelled
        a aws:sleep Cancelled
            in Duration="PT1H"
    "#]];
    let quiet = r#"{"MetricAlarms": [{"AlarmName": "hot", "StateValue": "OK"}]}"#;
    let loud = r#"{"MetricAlarms": [{"AlarmName": "hot", "StateValue": "ALARM"}]}"#;
    let script = format!("start {{}}\ndone 0 {quiet}\nwait 60\nfire 1\ndone 1 {loud}");
    expected.assert_eq(&run_with(with.clone(), long, &script));
    let expected = expect![[r#"
        start {}
          > run 0 aws {"service":"cloudwatch","operation":"DescribeAlarms","input":{"AlarmNames":["hot"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}}
          > wake 0 in 3600 s
          InProgress
        fail 0 AccessDenied no
          > wake 1 in 120 s
          > disarm 0
          > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
          Cancelled
        a aws:sleep Cancelled
            in Duration="PT1H"
    "#]];
    expected.assert_eq(&run_with(with, long, "start {}\nfail 0 AccessDenied no"));
    let ignoring = AlarmConfiguration { ignore_poll_alarm_failure: true, ..alarms };
    let with = StartedWith { alarms: Some(ignoring), ..StartedWith::default() };
    let expected = expect![[r#"
        start {}
          > run 0 aws {"service":"cloudwatch","operation":"DescribeAlarms","input":{"AlarmNames":["hot"],"AlarmTypes":["MetricAlarm","CompositeAlarm"]}}
          > wake 0 in 3600 s
          InProgress
        fail 0 AccessDenied no
          > wake 1 in 60 s
          InProgress
        a aws:sleep InProgress
            in Duration="PT1H"
    "#]];
    expected.assert_eq(&run_with(with, long, "start {}\nfail 0 AccessDenied no"));
}

/// Ten thousand targets: every turn does as much as it starts, and says as much.
#[test]
fn many_targets_stay_small() {
    let ids: Vec<String> = (0..10_000).map(|at| format!("i-{at:08}")).collect();
    let with = StartedWith {
        targets: vec![Target { key: "tag:role".to_owned(), values: vec!["web".to_owned()] }],
        ..over(&[], "100", "10%")
    };
    let mut bench = Bench::new(DOC, with);
    bench.unchecked = true;
    let start = bench.start(&json!({}));
    let lookup = effects(&bench.take(start).unwrap())[0];
    let outcome = Outcome::Succeeded(Payload::new(json!(ids).to_string()));
    let found = Input::Finished { effect: lookup, outcome };
    let mut outstanding = effects(&bench.take(found).unwrap());
    let report = |status: &str| Report {
        automation_execution_status: status.to_owned(),
        ..Report::default()
    };
    let mut turns = 0;
    while let Some(effect) = outstanding.pop() {
        turns += 1;
        assert!(outstanding.len() < 100);
        let status = if turns % 20 == 0 { "Failed" } else { "Success" };
        let outcome = Outcome::Closed { report: report(status).encode() };
        let commands = bench.take(Input::Finished { effect, outcome }).unwrap();
        let begun = effects(&commands);
        assert!(bench.last_rows <= 2 * (1 + begun.len()), "only rows that it is about");
        outstanding.extend(begun);
    }
    assert_eq!(bench.execution.status(), Status::Success);
    bench.look();
    let columns =
        Columns::decode(&trackway_core::Machine::summary(&bench.execution).columns).unwrap();
    let summary = columns.targets_summary.unwrap();
    assert_eq!((summary.total_count, summary.failed_count), (10_000, 500));
    assert_eq!((columns.resolved_targets.len(), columns.truncated), (50, true));
    let children = bench.rows.iter().filter(|((view, _), _)| *view == CHILDREN);
    let children: Vec<ChildRow> = children.map(|(_, row)| ChildRow::decode(row).unwrap()).collect();
    assert_eq!(children.len(), 10_000);
    assert_eq!(children[77].target, "i-00000077");
    let mut known: Vec<[u8; 16]> = children.iter().map(|child| child.id).collect();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), 10_000, "every child has its own id");
}

fn effects(commands: &[Command]) -> Vec<EffectId> {
    let run = commands.iter().filter_map(|command| match command {
        Command::Run { effect, .. } => Some(*effect),
        _ => None,
    });
    run.collect()
}
