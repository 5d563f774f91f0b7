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
