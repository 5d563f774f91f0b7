//! What each action asks for and what it makes of the answers.

use expect_test::{Expect, expect};

use crate::bench::run;

/// One step of this action with these inputs and further members.
fn check(action: &str, step: &str, script: &str, expected: Expect) {
    let runbook = format!("mainSteps:\n- name: a\n  action: aws:{action}\n  {step}\n");
    expected.assert_eq(&run(&runbook, script));
}

#[test]
fn assert_aws_resource_property() {
    check(
        "assertAwsResourceProperty",
        "inputs: {Service: rds, Api: DescribeDBInstances, Id: x, PropertySelector: '$.D[0].P', DesiredValues: ['True']}",
        "start {}\ndone 0 {\"D\": [{\"P\": true}]}",
        expect![[r#"
            start {}
              > run 0 aws {"service":"rds","operation":"DescribeDBInstances","input":{"Id":"x"}}
              InProgress
            done 0 {"D": [{"P": true}]}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:assertAwsResourceProperty Success
                in Service="rds" Api="DescribeDBInstances" Id="x" PropertySelector="$.D[0].P" DesiredValues=["True"]
                out {"OutputPayload":["{\"D\":[{\"P\":true}]}"]}
        "#]],
    );
    check(
        "assertAwsResourceProperty",
        "inputs: {Service: rds, Api: DescribeDBInstances, PropertySelector: '$.D[0].P', DesiredValues: [a, b]}",
        "start {}\ndone 0 {\"D\": [{\"P\": \"c\"}]}",
        expect![[r#"
            start {}
              > run 0 aws {"service":"rds","operation":"DescribeDBInstances","input":{}}
              InProgress
            done 0 {"D": [{"P": "c"}]}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. Property value from the API output is not in the desired values. Desired: [a, b]; found: c. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:assertAwsResourceProperty Failed
                in Service="rds" Api="DescribeDBInstances" PropertySelector="$.D[0].P" DesiredValues=["a","b"]
                "Step fails when it is Poll action status for completion. Property value from the API output is not in the desired values. Desired: [a, b]; found: c." PostVerification/Verification
        "#]],
    );
}

#[test]
fn wait_for_aws_resource_property() {
    check(
        "waitForAwsResourceProperty",
        "inputs: {Service: ec2, Api: X, PropertySelector: '$..Name', DesiredValues: [running]}",
        "start {}
         done 0 {\"A\": [{\"Name\": \"running\"}, {\"Name\": \"pending\"}]}
         wait 1
         fire 1
         done 1 {\"A\": [{\"Name\": \"running\"}, {\"Name\": \"running\"}]}",
        expect![[r#"
            start {}
              > wake 0 in 3600 s
              > run 0 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            done 0 {"A": [{"Name": "running"}, {"Name": "pending"}]}
              > wake 1 in 1 s
              InProgress
            wait 1
            fire 1
              > run 1 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            done 1 {"A": [{"Name": "running"}, {"Name": "running"}]}
              > disarm 0
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:waitForAwsResourceProperty Success
                in Service="ec2" Api="X" PropertySelector="$..Name" DesiredValues=["running"]
                out {"OutputPayload":["{\"A\":[{\"Name\":\"running\"},{\"Name\":\"running\"}]}"]}
        "#]],
    );
    check(
        "waitForAwsResourceProperty",
        "inputs: {Service: ec2, Api: X, PropertySelector: '$..Name', DesiredValues: [running]}",
        "start {}
         done 0 {}
         wait 3600
         fire 0",
        expect![[r#"
            start {}
              > wake 0 in 3600 s
              > run 0 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            done 0 {}
              > wake 1 in 1 s
              InProgress
            wait 3600
            fire 0
              > disarm 1
              > close {"FailureMessage":"Step timed out while step is executing its action. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"TimedOut","Outputs":{}}
              TimedOut
            a aws:waitForAwsResourceProperty TimedOut
                in Service="ec2" Api="X" PropertySelector="$..Name" DesiredValues=["running"]
                "Step timed out while step is executing its action." PostVerification/Action
        "#]],
    );
}

#[test]
fn outputs_are_checked_by_their_types() {
    check(
        "executeAwsApi",
        "inputs: {Service: ec2, Api: X}\n  outputs: [{Name: N, Selector: $.N, Type: Integer}]",
        "start {}\ndone 0 {\"N\": \"x\"}",
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            done 0 {"N": "x"}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. Output N is declared as Integer: \"x\" is not of type Integer. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:executeAwsApi Failed
                in Service="ec2" Api="X"
                "Step fails when it is Poll action status for completion. Output N is declared as Integer: "x" is not of type Integer." PostVerification/Verification
        "#]],
    );
    check(
        "executeAwsApi",
        "inputs: {Service: ec2, Api: X}\n  outputs: [{Name: N, Selector: $.M}]",
        "start {}\ndone 0 {\"N\": \"x\"}",
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"X","input":{}}
              InProgress
            done 0 {"N": "x"}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:executeAwsApi Success
                in Service="ec2" Api="X"
                out {"OutputPayload":["{\"N\":\"x\"}"]}
        "#]],
    );
}

#[test]
fn execute_script() {
    check(
        "executeScript",
        "outputs: [{Name: N, Selector: $.Payload.n, Type: Integer}, {Name: M, Selector: $.Payload.m}]\n  inputs: {Runtime: python3.11, Handler: f, Script: 'x = \"{{.x}}\"', InputPayload: {a: 1}}",
        "start {}\ndone 0 {\"Payload\": {\"n\": 7}, \"ExecutionLog\": \"hi\"}",
        expect![[r#"
            start {}
              > wake 0 in 600 s
              > run 0 script {"runtime":"python3.11","handler":"f","script":"x = \"{{.x}}\"","inputPayload":{"a":1},"timeoutSeconds":600}
              InProgress
            done 0 {"Payload": {"n": 7}, "ExecutionLog": "hi"}
              > disarm 0
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:executeScript Success
                in Runtime="python3.11" Handler="f" Script="x = \"{{.x}}\"" InputPayload={"a":1}
                out {"N":["7"],"Payload":["{\"n\":7}"],"ExecutionLog":["hi"],"OutputPayload":["{\"Payload\":{\"n\":7}}"]}
        "#]],
    );
    check(
        "executeScript",
        "inputs: {Runtime: python3.11, Handler: f, Script: x}",
        "start {}\nerror 0 Script Traceback (most recent call last)",
        expect![[r#"
            start {}
              > wake 0 in 600 s
              > run 0 script {"runtime":"python3.11","handler":"f","script":"x","inputPayload":{},"timeoutSeconds":600}
              InProgress
            error 0 Script Traceback (most recent call last)
              > disarm 0
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. Traceback (most recent call last). Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:executeScript Failed
                in Runtime="python3.11" Handler="f" Script="x"
                "Step fails when it is Poll action status for completion. Traceback (most recent call last)." PostVerification/Action
        "#]],
    );
}

#[test]
fn run_command() {
    let step = "inputs: {DocumentName: AWS-RunShellScript, InstanceIds: [i-1], Parameters: {commands: ls, n: 1}}";
    check(
        "runCommand",
        step,
        r#"start {}
           closed 0 {"CommandId": "c", "Status": "Success", "ResponseCode": 0, "Output": "x", "OutputPayload": {"a": 1}}"#,
        expect![[r#"
            start {}
              > run 0 command {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"AWS-RunShellScript","InstanceIds":["i-1"],"Parameters":{"commands":["ls"],"n":["1"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            closed 0 {"CommandId": "c", "Status": "Success", "ResponseCode": 0, "Output": "x", "OutputPayload": {"a": 1}}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:runCommand Success ResponseCode="0"
                in DocumentName="AWS-RunShellScript" InstanceIds=["i-1"] Parameters={"commands":"ls","n":1}
                out {"Status":["Success"],"ResponseCode":["0"],"Output":["x"],"OutputPayload":["{\"a\":1}"],"CommandId":["c"]}
        "#]],
    );
    check(
        "runCommand",
        step,
        r#"start {}
           closed 0 {"CommandId": "c", "Status": "Failed", "ResponseCode": 1, "Output": "x"}"#,
        expect![[r#"
            start {}
              > run 0 command {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"AWS-RunShellScript","InstanceIds":["i-1"],"Parameters":{"commands":["ls"],"n":["1"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            closed 0 {"CommandId": "c", "Status": "Failed", "ResponseCode": 1, "Output": "x"}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. Command c returns unexpected invocation result: {Status=[Failed], ResponseCode=[1], Output=[x], CommandId=[c]}. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:runCommand Failed ResponseCode="1"
                in DocumentName="AWS-RunShellScript" InstanceIds=["i-1"] Parameters={"commands":"ls","n":1}
                out {"Status":["Failed"],"ResponseCode":["1"],"Output":["x"],"CommandId":["c"]}
                "Step fails when it is Poll action status for completion. Command c returns unexpected invocation result: {Status=[Failed], ResponseCode=[1], Output=[x], CommandId=[c]}." PostVerification/Action
        "#]],
    );
}

#[test]
fn execute_automation() {
    let step =
        "inputs: {DocumentName: D, RuntimeParameters: {L: [a, b], S: s, M: {k: 1}}, MaxErrors: 1}";
    check(
        "executeAutomation",
        step,
        r#"start {}
           closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success", "Outputs": {"x.Y": ["1", "2"]}}"#,
        expect![[r#"
            start {}
              > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"D","MaxErrors":"1","Parameters":{"L":["a","b"],"S":["s"],"M":["{\"k\":1}"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "Success", "Outputs": {"x.Y": ["1", "2"]}}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:executeAutomation Success
                in DocumentName="D" RuntimeParameters={"L":["a","b"],"S":"s","M":{"k":1}} MaxErrors=1
                out {"x.Y":["1","2"],"Output":["1","2"],"ExecutionId":["e"],"Status":["Success"]}
        "#]],
    );
    check(
        "executeAutomation",
        step,
        r#"start {}
           closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "TimedOut", "FailureMessage": "too late"}"#,
        expect![[r#"
            start {}
              > run 0 automation {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"DocumentName":"D","MaxErrors":"1","Parameters":{"L":["a","b"],"S":["s"],"M":["{\"k\":1}"]}},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            closed 0 {"AutomationExecutionId": "e", "AutomationExecutionStatus": "TimedOut", "FailureMessage": "too late"}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. Automation e ended with status TimedOut: too late. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:executeAutomation Failed
                in DocumentName="D" RuntimeParameters={"L":["a","b"],"S":"s","M":{"k":1}} MaxErrors=1
                out {"Output":[],"ExecutionId":["e"],"Status":["TimedOut"]}
                "Step fails when it is Poll action status for completion. Automation e ended with status TimedOut: too late." PostVerification/Action
        "#]],
    );
}

#[test]
fn execute_state_machine() {
    let step = "inputs: {stateMachineArn: 'arn:aws:states:r:a:stateMachine:m', input: '{\"a\":1}'}";
    check(
        "executeStateMachine",
        step,
        r#"start {}
           closed 0 {"executionArn": "x", "status": "SUCCEEDED", "output": "{}", "startDate": 1}"#,
        expect![[r#"
            start {}
              > run 0 machine {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"stateMachineArn":"arn:aws:states:r:a:stateMachine:m","input":"{\"a\":1}"},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            closed 0 {"executionArn": "x", "status": "SUCCEEDED", "output": "{}", "startDate": 1}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:executeStateMachine Success
                in stateMachineArn="arn:aws:states:r:a:stateMachine:m" input="{\"a\":1}"
                out {"executionArn":["x"],"output":["{}"],"startDate":["1"],"status":["SUCCEEDED"]}
        "#]],
    );
    check(
        "executeStateMachine",
        step,
        r#"start {}
           closed 0 {"executionArn": "x", "status": "FAILED", "error": "E", "cause": "C"}"#,
        expect![[r#"
            start {}
              > run 0 machine {"id":"eac2ed8d-d87e-41e5-8c3d-c5a1f58a27ae","input":{"stateMachineArn":"arn:aws:states:r:a:stateMachine:m","input":"{\"a\":1}"},"origin":{"ParentAutomationExecutionId":"00000000-0000-4000-8000-000000000000","ParentStepName":"a","ExecutedBy":"arn:aws:iam::111122223333:user/ada"}}
              InProgress
            closed 0 {"executionArn": "x", "status": "FAILED", "error": "E", "cause": "C"}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. Execution x ended with status FAILED E C. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:executeStateMachine Failed
                in stateMachineArn="arn:aws:states:r:a:stateMachine:m" input="{\"a\":1}"
                out {"executionArn":["x"],"status":["FAILED"]}
                "Step fails when it is Poll action status for completion. Execution x ended with status FAILED E C." PostVerification/Action
        "#]],
    );
}

#[test]
fn invoke_lambda_function() {
    let step = "outputs: [{Name: N, Selector: $.Payload.n, Type: Integer}]\n  inputs: {FunctionName: f, InputPayload: {a: 1}}";
    check(
        "invokeLambdaFunction",
        step,
        r#"start {}
           done 0 {"StatusCode": 200, "Payload": "eyJuIjogMX0="}"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"lambda","operation":"Invoke","input":{"FunctionName":"f","Payload":"{\"a\":1}"}}
              InProgress
            done 0 {"StatusCode": 200, "Payload": "eyJuIjogMX0="}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:invokeLambdaFunction Success
                in FunctionName="f" InputPayload={"a":1}
                out {"N":["1"],"StatusCode":["200"],"Payload":["{\"n\": 1}"],"OutputPayload":["{\"StatusCode\":200,\"Payload\":{\"n\":1}}"]}
        "#]],
    );
    check(
        "invokeLambdaFunction",
        step,
        r#"start {}
           done 0 {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": "e30="}"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"lambda","operation":"Invoke","input":{"FunctionName":"f","Payload":"{\"a\":1}"}}
              InProgress
            done 0 {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": "e30="}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. The function returned an error (Unhandled): {}. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:invokeLambdaFunction Failed
                in FunctionName="f" InputPayload={"a":1}
                out {"StatusCode":["200"],"FunctionError":["Unhandled"],"Payload":["{}"],"OutputPayload":["{\"StatusCode\":200,\"FunctionError\":\"Unhandled\",\"Payload\":{}}"]}
                "Step fails when it is Poll action status for completion. The function returned an error (Unhandled): {}." PostVerification/Action
        "#]],
    );
}

#[test]
fn invoke_webhook() {
    let step = "inputs: {IntegrationName: w, Body: {a: 1}}";
    check(
        "invokeWebhook",
        step,
        "start {}\ndone 0 {\"Response\": \"ok\", \"ResponseCode\": 200}",
        expect![[r#"
        start {}
          > run 0 webhook {"integrationName":"w","body":"{\"a\":1}"}
          InProgress
        done 0 {"Response": "ok", "ResponseCode": 200}
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
        a aws:invokeWebhook Success ResponseCode="200"
            in IntegrationName="w" Body={"a":1}
            out {"Response":["ok"],"ResponseCode":["200"]}
    "#]],
    );
    check(
        "invokeWebhook",
        step,
        "start {}\ndone 0 {\"Response\": \"no\", \"ResponseCode\": 404}",
        expect![[r#"
        start {}
          > run 0 webhook {"integrationName":"w","body":"{\"a\":1}"}
          InProgress
        done 0 {"Response": "no", "ResponseCode": 404}
          > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. The webhook answered with code 404: no. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
          Failed
        a aws:invokeWebhook Failed ResponseCode="404"
            in IntegrationName="w" Body={"a":1}
            out {"Response":["no"],"ResponseCode":["404"]}
            "Step fails when it is Execute/Cancelling action. The webhook answered with code 404: no." Invocation/Action
    "#]],
    );
}

#[test]
fn change_instance_state() {
    let state = |name: &str| {
        format!(
            "{{\"Reservations\": [{{\"Instances\": [{{\"State\": {{\"Name\": \"{name}\"}}}}]}}]}}"
        )
    };
    check(
        "changeInstanceState",
        "inputs: {InstanceIds: [i-1], DesiredState: stopped, Force: true}",
        &format!(
            "start {{}}\ndone 0 {{}}\ndone 1 {}\nwait 1\nfire 0\ndone 2 {}",
            state("stopping"),
            state("stopped")
        ),
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"StopInstances","input":{"InstanceIds":["i-1"],"Force":true}}
              InProgress
            done 0 {}
              > run 1 aws {"service":"ec2","operation":"DescribeInstances","input":{"InstanceIds":["i-1"]}}
              InProgress
            done 1 {"Reservations": [{"Instances": [{"State": {"Name": "stopping"}}]}]}
              > wake 0 in 1 s
              InProgress
            wait 1
            fire 0
              > run 2 aws {"service":"ec2","operation":"DescribeInstances","input":{"InstanceIds":["i-1"]}}
              InProgress
            done 2 {"Reservations": [{"Instances": [{"State": {"Name": "stopped"}}]}]}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:changeInstanceState Success
                in InstanceIds=["i-1"] DesiredState="stopped" Force=true
                out {"InstanceStates":["stopped"]}
        "#]],
    );
    check(
        "changeInstanceState",
        "inputs: {InstanceIds: [i-1], DesiredState: running, CheckStateOnly: true}",
        &format!("start {{}}\ndone 0 {}", state("terminated")),
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"DescribeInstances","input":{"InstanceIds":["i-1"]}}
              InProgress
            done 0 {"Reservations": [{"Instances": [{"State": {"Name": "terminated"}}]}]}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. An instance is terminated and can't become running. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:changeInstanceState Failed
                in InstanceIds=["i-1"] DesiredState="running" CheckStateOnly=true
                "Step fails when it is Poll action status for completion. An instance is terminated and can't become running." PostVerification/Verification
        "#]],
    );
}

#[test]
fn run_instances() {
    check(
        "runInstances",
        "inputs: {ImageId: ami-1, InstanceType: t3.micro, MaxInstanceCount: 2, IamInstanceProfileName: p, Monitoring: true, Tenancy: default}",
        r#"start {}
           done 0 {"Instances": [{"InstanceId": "i-1"}]}
           done 1 {"Reservations": [{"Instances": [{"State": {"Name": "pending"}}]}]}
           fire 0
           done 2 {"Reservations": [{"Instances": [{"State": {"Name": "running"}}]}]}
           done 3 {"InstanceStatuses": [{"InstanceStatus": {"Status": "initializing"}}]}
           fire 1
           done 4 {"InstanceStatuses": [{"InstanceStatus": {"Status": "ok"}}]}"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"RunInstances","input":{"ImageId":"ami-1","InstanceType":"t3.micro","MaxCount":2,"MinCount":1,"IamInstanceProfile":{"Name":"p"},"Monitoring":{"Enabled":true},"Placement":{"Tenancy":"default"}}}
              InProgress
            done 0 {"Instances": [{"InstanceId": "i-1"}]}
              > run 1 aws {"service":"ec2","operation":"DescribeInstances","input":{"InstanceIds":["i-1"]}}
              InProgress
            done 1 {"Reservations": [{"Instances": [{"State": {"Name": "pending"}}]}]}
              > wake 0 in 1 s
              InProgress
            fire 0
              > run 2 aws {"service":"ec2","operation":"DescribeInstances","input":{"InstanceIds":["i-1"]}}
              InProgress
            done 2 {"Reservations": [{"Instances": [{"State": {"Name": "running"}}]}]}
              > run 3 aws {"service":"ec2","operation":"DescribeInstanceStatus","input":{"InstanceIds":["i-1"]}}
              InProgress
            done 3 {"InstanceStatuses": [{"InstanceStatus": {"Status": "initializing"}}]}
              > wake 1 in 2 s
              InProgress
            fire 1
              > run 4 aws {"service":"ec2","operation":"DescribeInstanceStatus","input":{"InstanceIds":["i-1"]}}
              InProgress
            done 4 {"InstanceStatuses": [{"InstanceStatus": {"Status": "ok"}}]}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:runInstances Success
                in ImageId="ami-1" InstanceType="t3.micro" MaxInstanceCount=2 IamInstanceProfileName="p" Monitoring=true Tenancy="default"
                out {"InstanceIds":["i-1"],"InstanceStates":["running"]}
        "#]],
    );
}

#[test]
fn create_image() {
    check(
        "createImage",
        "inputs: {InstanceId: i-1, ImageName: n, NoReboot: true}",
        r#"start {}
           done 0 {"ImageId": "ami-1"}
           done 1 {"Images": [{"State": "pending"}]}
           fire 0
           done 2 {"Images": [{"State": "available"}]}"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"CreateImage","input":{"InstanceId":"i-1","Name":"n","NoReboot":true}}
              InProgress
            done 0 {"ImageId": "ami-1"}
              > run 1 aws {"service":"ec2","operation":"DescribeImages","input":{"ImageIds":["ami-1"]}}
              InProgress
            done 1 {"Images": [{"State": "pending"}]}
              > wake 0 in 1 s
              InProgress
            fire 0
              > run 2 aws {"service":"ec2","operation":"DescribeImages","input":{"ImageIds":["ami-1"]}}
              InProgress
            done 2 {"Images": [{"State": "available"}]}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:createImage Success
                in InstanceId="i-1" ImageName="n" NoReboot=true
                out {"ImageId":["ami-1"],"ImageState":["available"]}
        "#]],
    );
}

#[test]
fn copy_image() {
    check(
        "copyImage",
        "inputs: {SourceImageId: ami-0, SourceRegion: us-east-1, ImageName: n}",
        r#"start {}
           done 0 {"ImageId": "ami-1"}
           done 1 {"Images": [{"State": "failed", "StateReason": {"Message": "no room"}}]}"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"CopyImage","input":{"SourceRegion":"us-east-1","SourceImageId":"ami-0","Name":"n"}}
              InProgress
            done 0 {"ImageId": "ami-1"}
              > run 1 aws {"service":"ec2","operation":"DescribeImages","input":{"ImageIds":["ami-1"]}}
              InProgress
            done 1 {"Images": [{"State": "failed", "StateReason": {"Message": "no room"}}]}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. The image is failed no room. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:copyImage Failed
                in SourceImageId="ami-0" SourceRegion="us-east-1" ImageName="n"
                "Step fails when it is Poll action status for completion. The image is failed no room." PostVerification/Action
        "#]],
    );
}

#[test]
fn delete_image() {
    check(
        "deleteImage",
        "inputs: {ImageId: ami-1}",
        r#"start {}
           done 0 {"Images": [{"BlockDeviceMappings": [{"Ebs": {"SnapshotId": "s-1"}}, {"VirtualName": "e"}, {"Ebs": {"SnapshotId": "s-2"}}]}]}
           done 1 {}
           done 2 {}
           done 3 {}"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"DescribeImages","input":{"ImageIds":["ami-1"]}}
              InProgress
            done 0 {"Images": [{"BlockDeviceMappings": [{"Ebs": {"SnapshotId": "s-1"}}, {"VirtualName": "e"}, {"Ebs": {"SnapshotId": "s-2"}}]}]}
              > run 1 aws {"service":"ec2","operation":"DeregisterImage","input":{"ImageId":"ami-1"}}
              InProgress
            done 1 {}
              > run 2 aws {"service":"ec2","operation":"DeleteSnapshot","input":{"SnapshotId":"s-1"}}
              InProgress
            done 2 {}
              > run 3 aws {"service":"ec2","operation":"DeleteSnapshot","input":{"SnapshotId":"s-2"}}
              InProgress
            done 3 {}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:deleteImage Success
                in ImageId="ami-1"
        "#]],
    );
}

#[test]
fn stacks() {
    check(
        "createStack",
        "inputs: {StackName: s, TemplateBody: '{}', Capabilities: [CAPABILITY_IAM]}",
        r#"start {}
           done 0 {"StackId": "arn:s"}
           done 1 {"Stacks": [{"StackId": "arn:s", "StackStatus": "CREATE_IN_PROGRESS"}]}
           fire 0
           done 2 {"Stacks": [{"StackId": "arn:s", "StackStatus": "ROLLBACK_COMPLETE", "StackStatusReason": "so"}]}"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"cloudformation","operation":"CreateStack","input":{"StackName":"s","TemplateBody":"{}","Capabilities":["CAPABILITY_IAM"]}}
              InProgress
            done 0 {"StackId": "arn:s"}
              > run 1 aws {"service":"cloudformation","operation":"DescribeStacks","input":{"StackName":"arn:s"}}
              InProgress
            done 1 {"Stacks": [{"StackId": "arn:s", "StackStatus": "CREATE_IN_PROGRESS"}]}
              > wake 0 in 1 s
              InProgress
            fire 0
              > run 2 aws {"service":"cloudformation","operation":"DescribeStacks","input":{"StackName":"arn:s"}}
              InProgress
            done 2 {"Stacks": [{"StackId": "arn:s", "StackStatus": "ROLLBACK_COMPLETE", "StackStatusReason": "so"}]}
              > close {"FailureMessage":"Step fails when it is Poll action status for completion. The stack's status is ROLLBACK_COMPLETE so. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:createStack Failed
                in StackName="s" TemplateBody="{}" Capabilities=["CAPABILITY_IAM"]
                out {"StackStatus":["ROLLBACK_COMPLETE"],"StackId":["arn:s"],"StackStatusReason":["so"]}
                "Step fails when it is Poll action status for completion. The stack's status is ROLLBACK_COMPLETE so." PostVerification/Action
        "#]],
    );
    check(
        "deleteStack",
        "inputs: {StackName: s}",
        r#"start {}
           done 0 {"Stacks": [{"StackId": "arn:s", "StackStatus": "CREATE_COMPLETE"}]}
           done 1 {}
           done 2 {"Stacks": [{"StackId": "arn:s", "StackStatus": "DELETE_IN_PROGRESS"}]}
           fire 0
           fail 3 ValidationError Stack with id arn:s does not exist"#,
        expect![[r#"
            start {}
              > run 0 aws {"service":"cloudformation","operation":"DescribeStacks","input":{"StackName":"s"}}
              InProgress
            done 0 {"Stacks": [{"StackId": "arn:s", "StackStatus": "CREATE_COMPLETE"}]}
              > run 1 aws {"service":"cloudformation","operation":"DeleteStack","input":{"StackName":"arn:s"}}
              InProgress
            done 1 {}
              > run 2 aws {"service":"cloudformation","operation":"DescribeStacks","input":{"StackName":"arn:s"}}
              InProgress
            done 2 {"Stacks": [{"StackId": "arn:s", "StackStatus": "DELETE_IN_PROGRESS"}]}
              > wake 0 in 1 s
              InProgress
            fire 0
              > run 3 aws {"service":"cloudformation","operation":"DescribeStacks","input":{"StackName":"arn:s"}}
              InProgress
            fail 3 ValidationError Stack with id arn:s does not exist
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:deleteStack Success
                in StackName="s"
                out {"StackStatus":["DELETE_COMPLETE"]}
        "#]],
    );
}

#[test]
fn create_tags() {
    check(
        "createTags",
        "inputs: {ResourceType: ManagedInstance, ResourceIds: [mi-1, mi-2], Tags: [{Key: k, Value: v}]}",
        "start {}\ndone 0 {}\ndone 1 {}",
        expect![[r#"
            start {}
              > run 0 aws {"service":"ssm","operation":"AddTagsToResource","input":{"ResourceType":"ManagedInstance","ResourceId":"mi-1","Tags":[{"Key":"k","Value":"v"}]}}
              InProgress
            done 0 {}
              > run 1 aws {"service":"ssm","operation":"AddTagsToResource","input":{"ResourceType":"ManagedInstance","ResourceId":"mi-2","Tags":[{"Key":"k","Value":"v"}]}}
              InProgress
            done 1 {}
              > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
              Success
            a aws:createTags Success
                in ResourceType="ManagedInstance" ResourceIds=["mi-1","mi-2"] Tags=[{"Key":"k","Value":"v"}]
        "#]],
    );
    check(
        "createTags",
        "inputs: {ResourceIds: [i-1], Tags: [{Key: k, Value: v}]}",
        "start {}\nfail 0 InvalidID x",
        expect![[r#"
            start {}
              > run 0 aws {"service":"ec2","operation":"CreateTags","input":{"Resources":["i-1"],"Tags":[{"Key":"k","Value":"v"}]}}
              InProgress
            fail 0 InvalidID x
              > close {"FailureMessage":"Step fails when it is Execute/Cancelling action. An error occurred (InvalidID) when calling the Op operation: x. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
              Failed
            a aws:createTags Failed
                in ResourceIds=["i-1"] Tags=[{"Key":"k","Value":"v"}]
                "Step fails when it is Execute/Cancelling action. An error occurred (InvalidID) when calling the Op operation: x." Invocation/Action
        "#]],
    );
}

#[test]
fn sleep() {
    check(
        "sleep",
        "inputs: {Timestamp: '2023-01-01T00:00:00Z'}",
        "start {}",
        expect![[r#"
        start {}
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
        a aws:sleep Success
            in Timestamp="2023-01-01T00:00:00Z"
    "#]],
    );
    check(
        "sleep",
        "inputs: {Timestamp: '2024-01-02T00:00:00Z'}",
        "start {}\nfire 9\nwait 86400\nfire 0",
        expect![[r#"
        start {}
          > wake 0 in 86400 s
          InProgress
        fire 9
          InProgress
        wait 86400
        fire 0
          > close {"Outputs":{},"AutomationExecutionStatus":"Success"}
          Success
        a aws:sleep Success
            in Timestamp="2024-01-02T00:00:00Z"
    "#]],
    );
    check(
        "sleep",
        "inputs: {Timestamp: '2025-01-02T00:00:00Z'}",
        "start {}",
        expect![[r#"
        start {}
          > close {"FailureMessage":"Step fails when it is validating and resolving the step inputs. The maximum length of a sleep is 604799 seconds. Please refer to Automation Service Troubleshooting Guide for more diagnosis details.","AutomationExecutionStatus":"Failed","Outputs":{}}
          Failed
        a aws:sleep Failed
            in Timestamp="2025-01-02T00:00:00Z"
            "Step fails when it is validating and resolving the step inputs. The maximum length of a sleep is 604799 seconds." InputValidation/Verification
    "#]],
    );
}
