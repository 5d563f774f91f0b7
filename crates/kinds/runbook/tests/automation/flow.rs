//! The way through a runbook: order, jumps, failures, loops, variables.

use expect_test::{Expect, expect};

use crate::bench::run;

fn check(runbook: &str, script: &str, expected: Expect) {
    expected.assert_eq(&run(runbook, script));
}

#[test]
fn steps_follow_one_another_in_one_turn() {
    check(
        r#"
parameters: {Name: {type: String, default: Ada}}
variables: {Count: {type: Integer, default: 1}}
mainSteps:
- {name: a, action: 'aws:sleep', inputs: {Duration: PT0S}}
- {name: b, action: 'aws:updateVariable', inputs: {Name: 'variable:Count', Value: 2}}
- name: c
  action: aws:branch
  inputs:
    Choices:
    - {NextStep: e, Variable: '{{ variable:Count }}', NumericEquals: 2}
    Default: d
- {name: d, action: 'aws:sleep', inputs: {Duration: PT1H}}
- {name: e, action: 'aws:sleep', isEnd: true, inputs: {Duration: PT0S}}
- {name: f, action: 'aws:sleep', inputs: {Duration: PT1H}}
"#,
        "start {}",
        expect![[r#"
            start {}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:sleep Success
                in Duration="PT0S"
            b aws:updateVariable Success
                in Name="variable:Count" Value=2
            c aws:branch Success ValidNextSteps=["e","d"]
                in Choices=[{"NextStep":"e","Variable":2,"NumericEquals":2}] Default="d"
            e aws:sleep Success IsEnd=true
                in Duration="PT0S"
            d aws:sleep Pending
            f aws:sleep Pending
        "#]],
    );
}

#[test]
fn an_api_call_has_its_outputs_and_the_document_those_it_names() {
    check(
        r#"
parameters: {Id: {type: String}}
mainSteps:
- name: look
  action: aws:executeAwsApi
  inputs: {Service: ec2, Api: DescribeInstances, InstanceIds: ['{{ Id }}']}
  outputs:
  - {Name: State, Selector: '$.Reservations[0].Instances[0].State.Name', Type: String}
- {name: s, action: 'aws:sleep', inputs: {Duration: PT0S}, isEnd: true}
- {name: t, action: 'aws:executeAwsApi', inputs: {Service: ec2, Api: X}, outputs: [{Name: O, Selector: $}]}
outputs: [look.State, t.O]
"#,
        r#"start {"Id": "i-1"}
           done 7 {}
           done 0 {"Reservations": [{"Instances": [{"State": {"Name": "running"}}]}]}
           done 0 {}"#,
        expect![[r#"
            start {"Id": "i-1"}
              > run 0 aws {"service":"ec2","operation":"DescribeInstances","input":{"InstanceIds":["i-1"]}}
              InProgress
            done 7 {}
              InProgress
            done 0 {"Reservations": [{"Instances": [{"State": {"Name": "running"}}]}]}
              > close {"Outputs":{"look.State":["running"],"t.O":["No output available yet because the step is not successfully executed"]},"AutomationExecutionStatus":"Success"}
              Success
            done 0 {}
              Success
            look aws:executeAwsApi Success
                in Service="ec2" Api="DescribeInstances" InstanceIds=["i-1"]
                out {"State":["running"],"OutputPayload":["{\"Reservations\":[{\"Instances\":[{\"State\":{\"Name\":\"running\"}}]}]}"]}
            s aws:sleep Success IsEnd=true
                in Duration="PT0S"
            t aws:executeAwsApi Pending
        "#]],
    );
}

#[test]
fn a_failed_step_ends_the_execution_unless_its_document_says_otherwise() {
    check(
        r#"
mainSteps:
- {name: a, action: 'aws:executeAwsApi', maxAttempts: 2, inputs: {Service: s3, Api: list_buckets}}
- {name: b, action: 'aws:sleep', inputs: {Duration: PT0S}}
"#,
        "start {}
         fail 0 AccessDenied No.
         fail 1 AccessDenied No.",
        expect![[r#"
            start {}
              > run 0 aws {"service":"s3","operation":"list_buckets","input":{}}
              InProgress
            fail 0 AccessDenied No.
              > run 1 aws {"service":"s3","operation":"list_buckets","input":{}}
              InProgress
            fail 1 AccessDenied No.
              > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. An error occurred (AccessDenied) when calling the Op operation: No. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:executeAwsApi Failed MaxAttempts=2
                in Service="s3" Api="list_buckets"
                "Step fails when it is Execute/Cancelling action. An error occurred (AccessDenied) when calling the Op operation: No." Invocation/Permission
            b aws:sleep Pending
        "#]],
    );
}

#[test]
fn on_failure_continue_is_not_critical_and_a_jump_is() {
    check(
        r#"
mainSteps:
- {name: a, action: 'aws:executeAwsApi', onFailure: Continue, inputs: {Service: s3, Api: A}}
- {name: b, action: 'aws:executeAwsApi', onFailure: 'step:d', inputs: {Service: s3, Api: B}}
- {name: c, action: 'aws:sleep', inputs: {Duration: PT0S}}
- {name: d, action: 'aws:sleep', inputs: {Duration: PT0S}}
"#,
        "start {}
         fail 0 Boom a
         fail 1 Boom b",
        expect![[r#"
            start {}
              > run 0 aws {"service":"s3","operation":"A","input":{}}
              InProgress
            fail 0 Boom a
              > run 1 aws {"service":"s3","operation":"B","input":{}}
              InProgress
            fail 1 Boom b
              > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: b. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:executeAwsApi Failed OnFailure="Continue"
                in Service="s3" Api="A"
                "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: a." Invocation/Action
            b aws:executeAwsApi Failed OnFailure="step:d"
                in Service="s3" Api="B"
                "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: b." Invocation/Action
            d aws:sleep Success
                in Duration="PT0S"
            c aws:sleep Pending
        "#]],
    );
    check(
        r#"
mainSteps:
- {name: a, action: 'aws:executeAwsApi', onFailure: Continue, isCritical: true, inputs: {Service: s3, Api: A}}
- {name: b, action: 'aws:executeAwsApi', onFailure: 'step:d', isCritical: false, isEnd: true, inputs: {Service: s3, Api: B}}
- {name: d, action: 'aws:sleep', inputs: {Duration: PT0S}}
"#,
        "start {}
         fail 0 Boom a
         fail 1 Boom b",
        expect![[r#"
            start {}
              > run 0 aws {"service":"s3","operation":"A","input":{}}
              InProgress
            fail 0 Boom a
              > run 1 aws {"service":"s3","operation":"B","input":{}}
              InProgress
            fail 1 Boom b
              > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: a. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:executeAwsApi Failed OnFailure="Continue" IsCritical=true
                in Service="s3" Api="A"
                "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: a." Invocation/Action
            b aws:executeAwsApi Failed OnFailure="step:d" IsEnd=true IsCritical=false
                in Service="s3" Api="B"
                "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: b." Invocation/Action
            d aws:sleep Pending
        "#]],
    );
}

#[test]
fn each_attempt_has_its_own_timeout() {
    check(
        r#"
mainSteps:
- {name: a, action: 'aws:executeAwsApi', maxAttempts: 2, timeoutSeconds: 10, inputs: {Service: s3, Api: A}}
"#,
        "start {}
         wait 10
         fire 0
         fire 0
         done 0 {}
         wait 10
         fire 1",
        expect![[r#"
            start {}
              > wake 0 in 10 s
              > run 0 aws {"service":"s3","operation":"A","input":{}}
              InProgress
            wait 10
            fire 0
              > drop 0
              > wake 1 in 10 s
              > run 1 aws {"service":"s3","operation":"A","input":{}}
              InProgress
            fire 0
              InProgress
            done 0 {}
              InProgress
            wait 10
            fire 1
              > drop 1
              > close {"FailureMessage":"Step timed out while step is executing its action. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"TimedOut","Outputs":{}}
              TimedOut
            a aws:executeAwsApi TimedOut TimeoutSeconds=10 MaxAttempts=2
                in Service="s3" Api="A"
                "Step timed out while step is executing its action." PostVerification/Action
        "#]],
    );
}

#[test]
fn what_can_not_be_resolved_fails_its_step() {
    check(
        r#"
variables: {V: {type: String}}
mainSteps:
- {name: a, action: 'aws:sleep', nextStep: c, inputs: {Duration: PT0S}}
- {name: b, action: 'aws:sleep', inputs: {Duration: PT0S}}
- {name: c, action: 'aws:executeAwsApi', maxAttempts: 3, inputs: {Service: s3, Api: C, Y: 'is {{ variable:V }}'}}
"#,
        "start {}",
        expect![[r#"
            start {}
              > close {"FailureMessage":"Step fails when it is validating and resolving the step inputs. Failed to resolve input: variable:V to type String. variable:V is not defined in the Automation Document. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:sleep Success NextStep="c"
                in Duration="PT0S"
            c aws:executeAwsApi Failed MaxAttempts=3
                "Step fails when it is validating and resolving the step inputs. Failed to resolve input: variable:V to type String. variable:V is not defined in the Automation Document." InputValidation/Verification
            b aws:sleep Pending
        "#]],
    );
}

#[test]
fn an_output_that_there_is_not_is_awss_text() {
    check(
        r#"
mainSteps:
- {name: a, action: 'aws:sleep', nextStep: c, inputs: {Duration: PT0S}}
- {name: b, action: 'aws:executeAwsApi', inputs: {Service: s3, Api: B}, outputs: [{Name: X, Selector: $.X}]}
- {name: c, action: 'aws:executeAwsApi', inputs: {Service: s3, Api: C, Y: 'is {{ b.X }}'}}
"#,
        "start {}",
        expect![[r#"
            start {}
              > run 0 aws {"service":"s3","operation":"C","input":{"Y":"is No output available yet because the step is not successfully executed"}}
              InProgress
            a aws:sleep Success NextStep="c"
                in Duration="PT0S"
            c aws:executeAwsApi InProgress
                in Service="s3" Api="C" Y="is No output available yet because the step is not successfully executed"
            b aws:executeAwsApi Pending
        "#]],
    );
}

#[test]
fn system_variables_are_those_of_the_moment() {
    check(
        r#"
mainSteps:
- {name: a, action: 'aws:sleep', inputs: {Duration: PT1H}}
- name: b
  action: aws:executeAwsApi
  inputs:
    Service: s3
    Api: B
    V: '{{global:DATE}} {{global:DATE_TIME}} {{global:REGION}} {{global:ACCOUNT_ID}} {{global:AWS_PARTITION}} {{automation:EXECUTION_ID}}'
"#,
        "start {}
         wait 3600
         fire 0",
        expect![[r#"
            start {}
              > wake 0 in 3600 s
              InProgress
            wait 3600
            fire 0
              > run 0 aws {"service":"s3","operation":"B","input":{"V":"2024-01-01 2024-01-01_01.00.00 eu-west-1 111122223333 aws 00000000-0000-4000-8000-000000000000"}}
              InProgress
            a aws:sleep Success
                in Duration="PT1H"
            b aws:executeAwsApi InProgress
                in Service="s3" Api="B" V="2024-01-01 2024-01-01_01.00.00 eu-west-1 111122223333 aws 00000000-0000-4000-8000-000000000000"
        "#]],
    );
}

#[test]
fn a_default_in_parameter_store_is_fetched_first() {
    let runbook = r#"
parameters:
  A: {type: String, default: '{{ ssm:/x/a }}'}
  B: {type: StringList, default: '{{ ssm:b }}'}
mainSteps:
- {name: a, action: 'aws:executeAwsApi', inputs: {Service: s3, Api: A, A: '{{ A }}', B: '{{ B }}'}}
"#;
    check(
        runbook,
        r#"start {}
           done 0 {"Parameter": {"Value": "va"}}
           done 1 {"Parameter": {"Value": "b1,b2"}}"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"ssm","operation":"GetParameter","input":{"Name":"/x/a","WithDecryption":true}}
              InProgress
            done 0 {"Parameter": {"Value": "va"}}
              > run 1 aws {"service":"ssm","operation":"GetParameter","input":{"Name":"b","WithDecryption":true}}
              InProgress
            done 1 {"Parameter": {"Value": "b1,b2"}}
              > run 2 aws {"service":"s3","operation":"A","input":{"A":"va","B":["b1","b2"]}}
              InProgress
            a aws:executeAwsApi InProgress
                in Service="s3" Api="A" A="va" B=["b1","b2"]
        "#]],
    );
    check(
        runbook,
        "start {\"B\": [\"x\"]}
         fail 0 ParameterNotFound No.",
        expect![[r#"
            start {"B": ["x"]}
              > run 0 aws {"service":"ssm","operation":"GetParameter","input":{"Name":"/x/a","WithDecryption":true}}
              InProgress
            fail 0 ParameterNotFound No.
              > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. An error occurred (ParameterNotFound) when calling the Op operation: No. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:executeAwsApi Pending
        "#]],
    );
    check(
        runbook,
        "start {}\ncancel\ndone 0 {}",
        expect![[r#"
        start {}
          > run 0 aws {"service":"ssm","operation":"GetParameter","input":{"Name":"/x/a","WithDecryption":true}}
          InProgress
        cancel
          > drop 0
          > wake 0 in 120 s
          > close {"Outputs":{},"AutomationExecutionStatus":"Cancelled"}
          Cancelled
        done 0 {}
          Cancelled
        a aws:executeAwsApi Pending
    "#]],
    );
}

#[test]
fn a_loop_goes_over_its_items() {
    check(
        r#"
parameters: {Ids: {type: StringList}}
mainSteps:
- name: each
  action: aws:loop
  inputs:
    Iterators: '{{ Ids }}'
    IteratorDataType: String
    Steps:
    - name: call
      action: aws:executeAwsApi
      inputs: {Service: ec2, Api: X, Id: '{{ each.CurrentIteratorValue }}', N: '{{ each.CurrentIteration }}'}
      outputs: [{Name: V, Selector: $.V, Type: Integer}]
    - {name: nap, action: 'aws:sleep', inputs: {Duration: 'PT{{ call.V }}S'}}
- {name: after, action: 'aws:executeAwsApi', inputs: {Service: s3, Api: A, V: '{{ each.call.V }}'}}
outputs: [each.call.V, each.CurrentIteration]
"#,
        r#"start {"Ids": ["a", "b"]}
           done 0 {"V": 0}
           done 1 {"V": 2}
           fire 0
           done 2 {}"#,
        expect![[r##"
            start {"Ids": ["a", "b"]}
              > run 0 aws {"service":"ec2","operation":"X","input":{"Id":"a","N":1}}
              InProgress
            done 0 {"V": 0}
              > run 1 aws {"service":"ec2","operation":"X","input":{"Id":"b","N":2}}
              InProgress
            done 1 {"V": 2}
              > wake 0 in 2 s
              InProgress
            fire 0
              > run 2 aws {"service":"s3","operation":"A","input":{"V":2}}
              InProgress
            done 2 {}
              > close {"Outputs":{"each.call.V":["2"],"each.CurrentIteration":["2"]},"AutomationExecutionStatus":"Success"}
              Success
            each aws:loop Success
                in Iterators=["a","b"] IteratorDataType="String"
                out {"CurrentIteration":["2"],"CurrentIteratorValue":["b"]}
            call aws:executeAwsApi Success
                in Service="ec2" Api="X" Id="a" N=1
                out {"V":["0"],"OutputPayload":["{\"V\":0}"]} "each"#1="a"
            nap aws:sleep Success
                in Duration="PT0S" "each"#1="a"
            call aws:executeAwsApi Success
                in Service="ec2" Api="X" Id="b" N=2
                out {"V":["2"],"OutputPayload":["{\"V\":2}"]} "each"#2="b"
            nap aws:sleep Success
                in Duration="PT2S" "each"#2="b"
            after aws:executeAwsApi Success
                in Service="s3" Api="A" V=2
                out {"OutputPayload":["{}"]}
        "##]],
    );
}

#[test]
fn a_loop_goes_on_while_its_condition_holds() {
    check(
        r#"
variables: {Count: {type: Integer, default: 0}}
mainSteps:
- name: again
  action: aws:loop
  inputs:
    MaxIterations: 5
    LoopCondition: {Variable: '{{ variable:Count }}', NumericLesser: 2}
    Steps:
    - {name: set, action: 'aws:updateVariable', inputs: {Name: 'variable:Count', Value: '{{ again.CurrentIteration }}'}}
"#,
        "start {}",
        expect![[r##"
            start {}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            again aws:loop Success
                in MaxIterations=5
                out {"CurrentIteration":["2"]}
            set aws:updateVariable Success
                in Name="variable:Count" Value=1 "again"#1
            set aws:updateVariable Success
                in Name="variable:Count" Value=2 "again"#2
        "##]],
    );
}

fn loop_over_a_call(on_failure: &str) -> String {
    format!(
        r#"
mainSteps:
- name: each
  action: aws:loop
  inputs:
    Iterators: [1, 2]
    IteratorDataType: Integer
    Steps:
    - {{name: call, action: 'aws:executeAwsApi', inputs: {{Service: ec2, Api: X}}{on_failure}}}
    - {{name: nap, action: 'aws:sleep', inputs: {{Duration: PT0S}}}}
- {{name: after, action: 'aws:sleep', inputs: {{Duration: PT0S}}}}
"#
    )
}

#[test]
fn a_loop_fails_with_its_step() {
    check(
        &loop_over_a_call(""),
        "start {}\nfail 0 Boom x",
        expect![[r##"
        start {}
          > run 0 aws {"service":"ec2","operation":"X","input":{}}
          InProgress
        fail 0 Boom x
          > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: x. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
          Failed
        each aws:loop Failed
            in Iterators=[1,2] IteratorDataType="Integer"
            out {"CurrentIteration":["1"],"CurrentIteratorValue":["1"]}
            "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: x." Invocation/Action
        call aws:executeAwsApi Failed
            in Service="ec2" Api="X"
            "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: x." Invocation/Action "each"#1=1
        after aws:sleep Pending
    "##]],
    );
}

#[test]
fn a_loop_goes_on_after_a_step_that_may_fail() {
    check(
        &loop_over_a_call(", onFailure: Continue"),
        "start {}\nfail 0 Boom x\ndone 1 {}",
        expect![[r##"
            start {}
              > run 0 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            fail 0 Boom x
              > run 1 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            done 1 {}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            each aws:loop Success
                in Iterators=[1,2] IteratorDataType="Integer"
                out {"CurrentIteration":["2"],"CurrentIteratorValue":["2"]}
            call aws:executeAwsApi Failed OnFailure="Continue"
                in Service="ec2" Api="X"
                "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: x." Invocation/Action "each"#1=1
            nap aws:sleep Success
                in Duration="PT0S" "each"#1=1
            call aws:executeAwsApi Success OnFailure="Continue"
                in Service="ec2" Api="X"
                out {"OutputPayload":["{}"]} "each"#2=2
            nap aws:sleep Success
                in Duration="PT0S" "each"#2=2
            after aws:sleep Success
                in Duration="PT0S"
        "##]],
    );
    check(
        &loop_over_a_call(", onFailure: Continue, isCritical: true"),
        "start {}\nfail 0 Boom x\ndone 1 {}",
        expect![[r##"
            start {}
              > run 0 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            fail 0 Boom x
              > run 1 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            done 1 {}
              > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: x. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            each aws:loop Failed
                in Iterators=[1,2] IteratorDataType="Integer"
                out {"CurrentIteration":["2"],"CurrentIteratorValue":["2"]}
                "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: x." Invocation/Action
            call aws:executeAwsApi Failed OnFailure="Continue" IsCritical=true
                in Service="ec2" Api="X"
                "Step fails when it is Execute/Cancelling action. An error occurred (Boom) when calling the Op operation: x." Invocation/Action "each"#1=1
            nap aws:sleep Success
                in Duration="PT0S" "each"#1=1
            call aws:executeAwsApi Success OnFailure="Continue" IsCritical=true
                in Service="ec2" Api="X"
                out {"OutputPayload":["{}"]} "each"#2=2
            nap aws:sleep Success
                in Duration="PT0S" "each"#2=2
            after aws:sleep Pending
        "##]],
    );
}

#[test]
fn a_loops_clock_runs_while_its_steps_do() {
    check(
        r#"
mainSteps:
- name: each
  action: aws:loop
  timeoutSeconds: 60
  inputs:
    Iterators: [1, 2]
    IteratorDataType: Integer
    Steps: [{name: nap, action: 'aws:sleep', inputs: {Duration: PT1H}}]
"#,
        "start {}\nwait 60\nfire 0",
        expect![[r##"
            start {}
              > wake 0 in 60 s
              > wake 1 in 3600 s
              InProgress
            wait 60
            fire 0
              > disarm 1
              > close {"FailureMessage":"Step timed out while step is executing its action. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"TimedOut","Outputs":{}}
              TimedOut
            each aws:loop TimedOut TimeoutSeconds=60
                in Iterators=[1,2] IteratorDataType="Integer"
                "Step timed out while step is executing its action." PostVerification/Action
            nap aws:sleep Cancelled
                in Duration="PT1H"
                "Step timed out while step is in a loop." PostVerification/Action "each"#1=1
        "##]],
    );
}

#[test]
fn a_jump_backwards_replaces_the_row() {
    check(
        r#"
variables: {Done: {type: Boolean, default: false}}
mainSteps:
- {name: a, action: 'aws:sleep', inputs: {Duration: PT1S}}
- name: b
  action: aws:branch
  inputs:
    Choices: [{NextStep: c, Variable: '{{ variable:Done }}', BooleanEquals: false}]
    Default: d
- {name: d, action: 'aws:sleep', isEnd: true, inputs: {Duration: PT0S}}
- {name: c, action: 'aws:updateVariable', nextStep: a, inputs: {Name: 'variable:Done', Value: true}}
"#,
        "start {}\nwait 1\nfire 0\nwait 1\nfire 1",
        expect![[r#"
            start {}
              > wake 0 in 1 s
              InProgress
            wait 1
            fire 0
              > wake 1 in 1 s
              InProgress
            wait 1
            fire 1
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            c aws:updateVariable Success NextStep="a"
                in Name="variable:Done" Value=true
            a aws:sleep Success
                in Duration="PT1S"
            b aws:branch Success ValidNextSteps=["c","d"]
                in Choices=[{"NextStep":"c","Variable":true,"BooleanEquals":false}] Default="d"
            d aws:sleep Success IsEnd=true
                in Duration="PT0S"
        "#]],
    );
}

#[test]
fn a_variable_that_grows_without_end_fails_its_step() {
    let twice = "  action: aws:updateVariable\n  inputs: {Name: 'variable:t', Value: '{{ variable:t }}{{ variable:t }}'}\n";
    let steps: String = (0..40).map(|number| format!("- name: s{number}\n{twice}")).collect();
    let runbook = format!("variables: {{t: {{type: String, default: x}}}}\nmainSteps:\n{steps}");
    let shown = run(&runbook, "start {}");
    assert!(
        shown.contains("The values of the step's references exceed 1024 KB"),
        "{}",
        shown.len()
    );
    // 2^20 bytes are read by the step that would have made twice as many.
    assert!(shown.contains("s19 aws:updateVariable Success"));
    assert!(shown.contains("s20 aws:updateVariable Failed"));
}
