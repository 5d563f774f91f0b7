//! Signals and stops, in right and wrong states.

use expect_test::{Expect, expect};
use trackway_runbook::automation::{Mode, StartedWith};

use crate::bench::{run, run_with};

fn check(runbook: &str, script: &str, expected: Expect) {
    expected.assert_eq(&run(runbook, script));
}

fn check_interactive(runbook: &str, script: &str, expected: Expect) {
    let with = StartedWith { mode: Mode::Interactive, ..StartedWith::default() };
    expected.assert_eq(&run_with(with, runbook, script));
}

const ADA: &str = "arn:aws:iam::111122223333:user/ada";
const BOB: &str = "arn:aws:sts::111122223333:assumed-role/Ops/bob";

const APPROVE: &str = r#"
mainSteps:
- name: ask
  action: aws:approve
  onFailure: Abort
  inputs: {Approvers: [ada, 'arn:aws:iam::111122223333:role/Ops', eve], MinRequiredApprovals: 2}
- {name: after, action: 'aws:sleep', inputs: {Duration: PT0S}}
"#;

#[test]
fn a_step_is_approved_by_as_many_as_it_needs() {
    let script = format!(
        r#"start {{}}
           signal Approve {{}} arn:aws:iam::111122223333:user/mallory
           signal Approve {{"Comment":["fine"]}} {ADA}
           signal Approve {{}} {ADA}
           signal Resume {{}} {ADA}
           signal Approve {{}} {BOB}
           signal Approve {{}} {BOB}
           cancel"#
    );
    check(
        APPROVE,
        &script,
        expect![[r#"
        start {}
          > wake 0 in 604800 s
          Waiting
        signal Approve {} arn:aws:iam::111122223333:user/mallory
          refused: arn:aws:iam::111122223333:user/mallory is not an approver of the step
        signal Approve {"Comment":["fine"]} arn:aws:iam::111122223333:user/ada
          Waiting
        signal Approve {} arn:aws:iam::111122223333:user/ada
          refused: ada has decided already
        signal Resume {} arn:aws:iam::111122223333:user/ada
          refused: no aws:pause step is waiting
        signal Approve {} arn:aws:sts::111122223333:assumed-role/Ops/bob
          > disarm 0
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
        signal Approve {} arn:aws:sts::111122223333:assumed-role/Ops/bob
          refused: the execution is not running
        cancel
          refused: the execution is not running
        ask aws:approve Success OnFailure="Abort"
            in Approvers=["ada","arn:aws:iam::111122223333:role/Ops","eve"] MinRequiredApprovals=2
            out {"ApprovalStatus":["Approved"],"ApproverDecisions":["{\"approver\":\"ada\",\"decision\":\"Approved\",\"comment\":\"fine\"}","{\"approver\":\"arn:aws:iam::111122223333:role/Ops\",\"decision\":\"Approved\"}"]}
        after aws:sleep Success
            in Duration="PT0S"
    "#]],
    );
}

#[test]
fn one_rejection_fails_the_step() {
    check(
        APPROVE,
        &format!("start {{}}\nsignal Reject {{}} {ADA}"),
        expect![[r#"
        start {}
          > wake 0 in 604800 s
          Waiting
        signal Reject {} arn:aws:iam::111122223333:user/ada
          > disarm 0
          > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. Approval was rejected. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
          Failed
        ask aws:approve Failed OnFailure="Abort"
            in Approvers=["ada","arn:aws:iam::111122223333:role/Ops","eve"] MinRequiredApprovals=2
            out {"ApprovalStatus":["Rejected"],"ApproverDecisions":["{\"approver\":\"ada\",\"decision\":\"Rejected\"}"]}
            "Step fails when it is Execute/Cancelling action. Approval was rejected." Invocation/Action
        after aws:sleep Pending
    "#]],
    );
}

#[test]
fn an_approval_takes_at_most_a_week() {
    check(
        APPROVE,
        "start {}\nwait 604800\nfire 0",
        expect![[r#"
            start {}
              > wake 0 in 604800 s
              Waiting
            wait 604800
            fire 0
              > close {"FailureMessage":"Step timed out while step is waiting for approvals. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"TimedOut","Outputs":{}}
              TimedOut
            ask aws:approve TimedOut OnFailure="Abort"
                in Approvers=["ada","arn:aws:iam::111122223333:role/Ops","eve"] MinRequiredApprovals=2
                out {"ApprovalStatus":["Waiting"],"ApproverDecisions":[]}
                "Step timed out while step is waiting for approvals." PostVerification/Action
            after aws:sleep Pending
        "#]],
    );
}

#[test]
fn approvers_are_told_first() {
    check(
        r#"
mainSteps:
- {name: ask, action: 'aws:approve', inputs: {Approvers: [ada], NotificationArn: 'arn:t', Message: Please}}
"#,
        &format!("start {{}}\nsignal Approve {{}} {ADA}\ndone 0 {{}}\nsignal Approve {{}} {ADA}"),
        expect![[r#"
            start {}
              > wake 0 in 604800 s
              > run 0 aws {"service":"sns","operation":"Publish","input":{"TopicArn":"arn:t","Subject":"Automation approval: Doc","Message":"Please\nAutomation 00000000-0000-4000-8000-000000000000 waits for an approval of step ask."}}
              InProgress
            signal Approve {} arn:aws:iam::111122223333:user/ada
              refused: no aws:approve step is waiting
            done 0 {}
              Waiting
            signal Approve {} arn:aws:iam::111122223333:user/ada
              > disarm 0
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            ask aws:approve Success
                in Approvers=["ada"] NotificationArn="arn:t" Message="Please"
                out {"ApprovalStatus":["Approved"],"ApproverDecisions":["{\"approver\":\"ada\",\"decision\":\"Approved\"}"]}
        "#]],
    );
}

#[test]
fn a_pause_lasts_until_it_is_resumed() {
    check(
        "mainSteps:\n- {name: p, action: 'aws:pause', inputs: {}}\n- {name: q, action: 'aws:sleep', inputs: {Duration: PT1H}}",
        r#"signal Resume {} x
           cancel
           start {}
           signal Resume {"StepName":["nobody"]} x
           signal Resume {"StepName":["q"]} x
           signal Approve {} x
           signal StartStep {} x
           signal StopStep {"StepExecutionId":["x"]} x
           signal Revoke {} x
           signal Resume {"StepName":["p"]} x
           signal Resume {} x"#,
        expect![[r#"
            signal Resume {} x
              refused: the execution is not running
            cancel
              refused: the execution is not running
            start {}
              Waiting
            signal Resume {"StepName":["nobody"]} x
              refused: the execution has no step nobody
            signal Resume {"StepName":["q"]} x
              refused: the step is not paused
            signal Approve {} x
              refused: no aws:approve step is waiting
            signal StartStep {} x
              refused: no step is waiting to be started
            signal StopStep {"StepExecutionId":["x"]} x
              refused: the execution has no step x
            signal Revoke {} x
              refused: there is no access request to revoke
            signal Resume {"StepName":["p"]} x
              > wake 0 in 3600 s
              InProgress
            signal Resume {} x
              refused: no aws:pause step is waiting
            p aws:pause Success
            q aws:sleep InProgress
                in Duration="PT1H"
        "#]],
    );
}

#[test]
fn interactive_steps_wait_to_be_started() {
    check_interactive(
        "mainSteps:\n- {name: a, action: 'aws:sleep', inputs: {Duration: PT0S}}\n- {name: b, action: 'aws:sleep', inputs: {Duration: PT1H}}",
        r#"start {}
           signal StartStep {"StepName":["b"]} x
           signal StartStep {"StepName":["nobody"]} x
           signal StartStep {"StepName":["a"]} x
           signal StartStep {} x
           signal StartStep {} x
           signal StopStep {} x
           signal StopStep {"StepExecutionId":["no"]} x"#,
        expect![[r#"
            start {}
              Waiting
            signal StartStep {"StepName":["b"]} x
              refused: the step is not the next one
            signal StartStep {"StepName":["nobody"]} x
              refused: the execution has no step nobody
            signal StartStep {"StepName":["a"]} x
              Waiting
            signal StartStep {} x
              > wake 0 in 3600 s
              InProgress
            signal StartStep {} x
              refused: no step is waiting to be started
            signal StopStep {} x
              refused: StepExecutionId is required
            signal StopStep {"StepExecutionId":["no"]} x
              refused: the execution has no step no
            a aws:sleep Success
                in Duration="PT0S"
            b aws:sleep InProgress
                in Duration="PT1H"
        "#]],
    );
    check_interactive(
        "mainSteps:\n- {name: a, action: 'aws:sleep', inputs: {Duration: PT0S}}",
        "start {}\ncomplete",
        expect![[r#"
            start {}
              Waiting
            complete
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:sleep Pending
        "#]],
    );
    check_interactive(
        "mainSteps:\n- {name: a, action: 'aws:sleep', inputs: {Duration: PT0S}}",
        "start {}\ncancel",
        expect![[r#"
            start {}
              Waiting
            cancel
              > wake 0 in 120 s
              > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
              Cancelled
            a aws:sleep Pending
        "#]],
    );
}

#[test]
fn complete_lets_the_step_under_way_finish() {
    check(
        "mainSteps:\n- {name: a, action: 'aws:sleep', inputs: {Duration: PT1S}}\n- {name: b, action: 'aws:sleep', inputs: {Duration: PT0S}}",
        "start {}\ncomplete\ncomplete\nwait 1\nfire 0",
        expect![[r#"
            start {}
              > wake 0 in 1 s
              InProgress
            complete
              InProgress
            complete
              InProgress
            wait 1
            fire 0
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:sleep Success
                in Duration="PT1S"
            b aws:sleep Pending
        "#]],
    );
}

#[test]
fn cancel_goes_the_way_of_on_cancel() {
    let runbook = r#"
mainSteps:
- {name: a, action: 'aws:executeAwsApi', onCancel: 'step:c', inputs: {Service: s3, Api: A}}
- {name: b, action: 'aws:sleep', inputs: {Duration: PT0S}}
- {name: c, action: 'aws:executeAwsApi', inputs: {Service: s3, Api: C}}
"#;
    check(
        runbook,
        "start {}\ncancel\ncancel\ncomplete\ndone 0 {}\ndone 1 {}",
        expect![[r#"
            start {}
              > run 0 aws {"service":"s3","operation":"A","input":{}}
              InProgress
            cancel
              > wake 0 in 120 s
              > drop 0
              > run 1 aws {"service":"s3","operation":"C","input":{}}
              Cancelling
            cancel
              Cancelling
            complete
              Cancelling
            done 0 {}
              Cancelling
            done 1 {}
              > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
              Cancelled
            a aws:executeAwsApi Cancelled
                in Service="s3" Api="A"
            c aws:executeAwsApi Success
                in Service="s3" Api="C"
                out {"OutputPayload":["{}"]}
            b aws:sleep Pending
        "#]],
    );
    check(
        runbook,
        "start {}\ncancel\nwait 120\nfire 0",
        expect![[r#"
            start {}
              > run 0 aws {"service":"s3","operation":"A","input":{}}
              InProgress
            cancel
              > wake 0 in 120 s
              > drop 0
              > run 1 aws {"service":"s3","operation":"C","input":{}}
              Cancelling
            wait 120
            fire 0
              > drop 1
              > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
              Cancelled
            a aws:executeAwsApi Cancelled
                in Service="s3" Api="A"
            c aws:executeAwsApi Cancelled
                in Service="s3" Api="C"
            b aws:sleep Pending
        "#]],
    );
}

#[test]
fn a_child_is_told_to_stop_and_awaited() {
    let runbook = r#"
mainSteps:
- {name: a, action: 'aws:executeAutomation', inputs: {DocumentName: D}}
"#;
    check(
        runbook,
        r#"start {}
           cancel
           done 1 {}
           closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Cancelled"}"#,
        expect![[r#"
            start {}
              > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"D"},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            cancel
              > wake 0 in 120 s
              > run 1 aws {"service":"ssm","operation":"StopAutomationExecution","input":{"AutomationExecutionId":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","Type":"Cancel"}}
              Cancelling
            done 1 {}
              Cancelling
            closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Cancelled"}
              > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
              Cancelled
            a aws:executeAutomation Cancelled
                in DocumentName="D"
        "#]],
    );
    check(
        runbook,
        "start {}\ncancel\nwait 120\nfire 0",
        expect![[r#"
            start {}
              > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"D"},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            cancel
              > wake 0 in 120 s
              > run 1 aws {"service":"ssm","operation":"StopAutomationExecution","input":{"AutomationExecutionId":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","Type":"Cancel"}}
              Cancelling
            wait 120
            fire 0
              > drop 0
              > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
              Cancelled
            a aws:executeAutomation Cancelled
                in DocumentName="D"
        "#]],
    );
}

#[test]
fn a_loop_is_cancelled_with_its_step() {
    check(
        r#"
mainSteps:
- name: each
  action: aws:loop
  inputs:
    Iterators: [1, 2]
    IteratorDataType: Integer
    Steps: [{name: nap, action: 'aws:sleep', inputs: {Duration: PT1H}}]
"#,
        "start {}\ncancel",
        expect![[r##"
            start {}
              > wake 0 in 3600 s
              InProgress
            cancel
              > wake 1 in 120 s
              > disarm 0
              > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
              Cancelled
            each aws:loop Cancelled
                in Iterators=[1,2] IteratorDataType="Integer"
            nap aws:sleep Cancelled
                in Duration="PT1H" "each"#1=1
        "##]],
    );
}

#[test]
fn a_child_that_is_given_up_is_told_before_the_end() {
    check(
        r#"
mainSteps:
- {name: a, action: 'aws:executeAutomation', timeoutSeconds: 5, inputs: {DocumentName: D}}
"#,
        "start {}\nwait 5\nfire 0\ncomplete\ndone 1 {}",
        expect![[r#"
            start {}
              > wake 0 in 5 s
              > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"D"},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            wait 5
            fire 0
              > run 1 aws {"service":"ssm","operation":"StopAutomationExecution","input":{"AutomationExecutionId":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","Type":"Cancel"}}
              > drop 0
              InProgress
            complete
              InProgress
            done 1 {}
              > close {"FailureMessage":"Step timed out while step is executing its action. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"TimedOut","Outputs":{}}
              TimedOut
            a aws:executeAutomation TimedOut TimeoutSeconds=5
                in DocumentName="D"
                "Step timed out while step is executing its action." PostVerification/Action
        "#]],
    );
}
