//! The machine by example: a definition, inputs, and the journal that follows.

#[path = "machine/branches.rs"]
mod branches;
#[path = "machine/properties.rs"]
mod properties;
#[path = "machine/script.rs"]
mod script;

use expect_test::{Expect, expect};
use serde_json::{Value, json};

fn check(definition: &Value, script: &str, expected: Expect) {
    expected.assert_eq(&script::run(&definition.to_string(), script));
}

/// A machine whose only state is this one, named `A`.
fn only(state: Value) -> Value {
    let mut state = state;
    if state.get("Next").is_none() && state["Type"] != "Fail" && state["Type"] != "Succeed" {
        state["End"] = json!(true);
    }
    json!({"StartAt": "A", "States": {"A": state}})
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

#[test]
fn pass_states_take_one_turn() {
    check(
        &json!({"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Pass", "Result": [1], "ResultPath": "$.r", "Next": "C"},
            "C": {"Type": "Succeed", "OutputPath": "$.r"},
        }}),
        "start {\"x\": 1}
         start {}",
        expect![[r#"
            start {"x": 1}
              1<0 ExecutionStarted {"x": 1}
              2<0 PassStateEntered name="A" {"x": 1}
              3<2 PassStateExited name="A" {"x": 1}
              4<3 PassStateEntered name="B" {"x": 1}
              5<4 PassStateExited name="B" {"x":1,"r":[1]}
              6<5 SucceedStateEntered name="C" {"x":1,"r":[1]}
              7<6 SucceedStateExited name="C" [1]
              8<7 ExecutionSucceeded [1]
              > close
            start {}
            SUCCEEDED
        "#]],
    );
}

#[test]
fn a_choice_without_a_match_fails() {
    check(
        &json!({"StartAt": "A", "States": {
            "A": {"Type": "Choice", "Choices": [
                {"Variable": "$.x", "NumericEquals": 1, "Next": "B"}]},
            "B": {"Type": "Succeed"},
        }}),
        "start {\"x\": 2}",
        expect![[r#"
            start {"x": 2}
              1<0 ExecutionStarted {"x": 2}
              2<0 ChoiceStateEntered name="A" {"x": 2}
              3<2 ExecutionFailed error="States.Runtime" cause="An error occurred while executing the state 'A' (entered at the event id #2). Failed to transition out of the state. The state does not point to a next state."
              > close
            FAILED
        "#]],
    );
}

#[test]
fn a_wait_goes_on_when_its_timer_fires_and_only_once() {
    check(
        &only(json!({"Type": "Wait", "Seconds": 60})),
        "start {}
         fire 9
         wait 60
         fire 0
         fire 0",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 WaitStateEntered name="A" {}
              - WaitSet { timer: TimerId(0), until: Timestamp(1704067260000) }
              > wake 0 in 60000 ms
            fire 9
            fire 0
              3<2 WaitStateExited name="A" {}
              4<3 ExecutionSucceeded {}
              > close
            fire 0
            SUCCEEDED
        "#]],
    );
}

#[test]
fn a_task_is_retried_with_a_growing_delay_then_caught() {
    check(
        &json!({"StartAt": "A", "States": {
            "A": {
                "Type": "Task", "Resource": FUNCTION, "Next": "B",
                "Retry": [{"ErrorEquals": ["Boom"], "IntervalSeconds": 2, "MaxAttempts": 2}],
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "B"}],
            },
            "B": {"Type": "Succeed"},
        }}),
        "start {}
         fail 0 Boom why
         done 0 1
         fire 0
         fail 1 Boom why
         fire 1
         fail 2 Boom why",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 LambdaFunctionScheduled {}
              4<3 LambdaFunctionStarted
              > run 0 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{}}
            fail 0 Boom why
              5<4 LambdaFunctionFailed error="Boom" cause="why"
              - RetryScheduled { retrier: 0, timer: TimerId(0), until: Timestamp(1704067202000) }
              > wake 0 in 2000 ms
            done 0 1
            fire 0
              6<5 LambdaFunctionScheduled {}
              7<6 LambdaFunctionStarted
              > run 1 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{}}
            fail 1 Boom why
              8<7 LambdaFunctionFailed error="Boom" cause="why"
              - RetryScheduled { retrier: 0, timer: TimerId(1), until: Timestamp(1704067204000) }
              > wake 1 in 4000 ms
            fire 1
              9<8 LambdaFunctionScheduled {}
              10<9 LambdaFunctionStarted
              > run 2 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{}}
            fail 2 Boom why
              11<10 LambdaFunctionFailed error="Boom" cause="why"
              12<11 TaskStateExited name="A" {"e":{"Error":"Boom","Cause":"why"}}
              13<12 SucceedStateEntered name="B" {"e":{"Error":"Boom","Cause":"why"}}
              14<13 SucceedStateExited name="B" {"e":{"Error":"Boom","Cause":"why"}}
              15<14 ExecutionSucceeded {"e":{"Error":"Boom","Cause":"why"}}
              > close
            SUCCEEDED
        "#]],
    );
}

#[test]
fn a_catcher_that_can_not_place_the_error_ends_the_execution() {
    check(
        &json!({"StartAt": "A", "States": {
            "A": {
                "Type": "Task", "Resource": FUNCTION, "End": true,
                "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "B"}],
            },
            "B": {"Type": "Succeed"},
        }}),
        "start [1]
         fail 0 Boom why",
        expect![[r#"
            start [1]
              1<0 ExecutionStarted [1]
              2<0 TaskStateEntered name="A" [1]
              3<2 LambdaFunctionScheduled [1]
              4<3 LambdaFunctionStarted
              > run 0 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":[1]}
            fail 0 Boom why
              5<4 LambdaFunctionFailed error="Boom" cause="why"
              6<5 ExecutionFailed error="States.ResultPathMatchFailure" cause="Unable to apply step \"e\" to input [1]"
              > close
            FAILED
        "#]],
    );
}

#[test]
fn a_timeout_cancels_the_task() {
    check(
        &only(json!({"Type": "Task", "Resource": FUNCTION, "TimeoutSeconds": 5})),
        "start {}
         wait 5
         fire 0
         done 0 {}",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 LambdaFunctionScheduled timeoutInSeconds=5 {}
              4<3 LambdaFunctionStarted
              > wake 0 in 5000 ms
              > run 0 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{},"timeout_seconds":5}
            fire 0
              5<4 LambdaFunctionTimedOut error="States.Timeout"
              6<5 ExecutionFailed error="States.Timeout"
              > disarm 0
              > cancel 0
              > close
            done 0 {}
            FAILED
        "#]],
    );
}

#[test]
fn a_heartbeat_is_counted_from_the_last_one() {
    check(
        &json!({"StartAt": "A", "States": {
            "A": {
                "Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:a",
                "TimeoutSeconds": 60, "HeartbeatSeconds": 10, "End": true,
                "Catch": [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "B"}],
            },
            "B": {"Type": "Pass", "End": true},
        }}),
        "start {}
         success 0 1
         taken 0 w
         taken 0 v
         beat 0
         wait 10
         fire 2
         beat 0",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 ActivityScheduled timeoutInSeconds=60 heartbeatInSeconds=10 {}
              > run 0 activity/arn:aws:states:us-east-1:000000000000:activity:a {}
            success 0 1
              refused: Task Timed Out: 'Provided task does not exist anymore'
            taken 0 w
              4<3 ActivityStarted workerName="w"
              > hold 0
              > wake 0 in 60000 ms
              > wake 1 in 10000 ms
            taken 0 v
              refused: Task Timed Out: 'Provided task does not exist anymore'
            beat 0
              - Heartbeat(TimerId(2))
              > disarm 1
              > wake 2 in 10000 ms
            fire 2
              5<4 ActivityTimedOut error="States.Timeout"
              6<5 TaskStateExited name="A" {"Error":"States.Timeout","Cause":""}
              7<6 PassStateEntered name="B" {"Error":"States.Timeout","Cause":""}
              8<7 PassStateExited name="B" {"Error":"States.Timeout","Cause":""}
              9<8 ExecutionSucceeded {"Error":"States.Timeout","Cause":""}
              > disarm 0
              > disarm 2
              > cancel 0
              > close
            beat 0
              refused: Task Timed Out: 'Provided task does not exist anymore'
            SUCCEEDED
        "#]],
    );
}

fn token_task() -> Value {
    json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": "q", "MessageBody.$": "$$.Task.Token"},
        "TimeoutSeconds": 9,
    })
}

#[test]
fn a_token_is_answered_after_the_call_returned() {
    check(
        &only(token_task()),
        "start {}
         success 0 1
         done 0 {\"MessageId\":\"m\"}
         done 0 {\"MessageId\":\"m\"}
         success 1 {\"ok\":true}
         success 1 {\"ok\":true}",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 TaskScheduled timeoutInSeconds=9 {"QueueUrl":"q","MessageBody":"token-1"}
              4<3 TaskStarted
              > wake 0 in 9000 ms
              > run 1 answer {}
              > hold 1
              > run 0 service {"service":"sqs","action":"sendMessage.waitForTaskToken","pattern":"token","answer":1,"parameters":{"QueueUrl":"q","MessageBody":"token-1"}}
            success 0 1
              refused: Task Timed Out: 'Provided task does not exist anymore'
            done 0 {"MessageId":"m"}
              5<4 TaskSubmitted {"MessageId":"m"}
            done 0 {"MessageId":"m"}
            success 1 {"ok":true}
              6<5 TaskSucceeded {"ok":true}
              7<6 TaskStateExited name="A" {"ok":true}
              8<7 ExecutionSucceeded {"ok":true}
              > disarm 0
              > cancel 1
              > close
            success 1 {"ok":true}
              refused: Task Timed Out: 'Provided task does not exist anymore'
            SUCCEEDED
        "#]],
    );
}

#[test]
fn a_token_may_be_answered_before_the_call_returned() {
    check(
        &only(token_task()),
        "start {}
         failure 1 Boom
         success 1 1
         done 0 {}",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 TaskScheduled timeoutInSeconds=9 {"QueueUrl":"q","MessageBody":"token-1"}
              4<3 TaskStarted
              > wake 0 in 9000 ms
              > run 1 answer {}
              > hold 1
              > run 0 service {"service":"sqs","action":"sendMessage.waitForTaskToken","pattern":"token","answer":1,"parameters":{"QueueUrl":"q","MessageBody":"token-1"}}
            failure 1 Boom
              - FailedEarly(Failure { error: Some("Boom"), cause: None })
              > cancel 1
            success 1 1
              refused: Task Timed Out: 'Provided task does not exist anymore'
            done 0 {}
              5<4 TaskSubmitted {}
              6<5 TaskFailed error="Boom"
              7<6 ExecutionFailed error="Boom"
              > disarm 0
              > close
            FAILED
        "#]],
    );
}

const CHILD: &str = "arn:aws:states:::states:startExecution.sync:2";

#[test]
fn a_child_may_close_before_the_call_that_started_it_returned() {
    let task = json!({"Type": "Task", "Resource": CHILD,
        "Parameters": {"StateMachineArn": "arn:machine", "Input": {"a": 1}},
        "ResultSelector": {"o.$": "$.Output", "s.$": "$.Status"}});
    check(
        &only(task.clone()),
        "start {}
         closed 1 {\"b\":2}
         done 0 {\"ExecutionArn\":\"arn:child\"}",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 TaskScheduled {"StateMachineArn":"arn:machine","Input":{"a":1}}
              4<3 TaskStarted
              > run 1 answer/child {}
              > hold 1
              > run 0 states {"state_machine_arn":"arn:machine","input":"{\"a\":1}","pattern":"sync:2","answer":1}
            closed 1 {"b":2}
              - ClosedEarly([9, 97, 114, 110, 58, 99, 104, 105, 108, 100, 11, 97, 114, 110, 58, 109, 97, 99, 104, 105, 110, 101, 5, 99, 104, 105, 108, 100, 2, 2, 123, 125, 1, 7, 123, 34, 98, 34, 58, 50, 125, 0, 0, 128, 208, 143, 165, 152, 99, 128, 208, 143, 165, 152, 99])
            done 0 {"ExecutionArn":"arn:child"}
              5<4 TaskSubmitted {"ExecutionArn":"arn:child"}
              6<5 TaskSucceeded {"ExecutionArn":"arn:child","Input":{},"InputDetails":{"Included":true},"Name":"child","Output":{"b":2},"OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":1704067200000,"StateMachineArn":"arn:machine","Status":"SUCCEEDED","StopDate":1704067200000}
              7<6 TaskStateExited name="A" {"o":{"b":2},"s":"SUCCEEDED"}
              8<7 ExecutionSucceeded {"o":{"b":2},"s":"SUCCEEDED"}
              > close
            SUCCEEDED
        "#]],
    );
    check(
        &only(task),
        "start {}
         done 0 {\"ExecutionArn\":\"arn:child\"}
         closed 1 failed Boom",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 TaskScheduled {"StateMachineArn":"arn:machine","Input":{"a":1}}
              4<3 TaskStarted
              > run 1 answer/child {}
              > hold 1
              > run 0 states {"state_machine_arn":"arn:machine","input":"{\"a\":1}","pattern":"sync:2","answer":1}
            done 0 {"ExecutionArn":"arn:child"}
              5<4 TaskSubmitted {"ExecutionArn":"arn:child"}
            closed 1 failed Boom
              6<5 TaskFailed error="States.TaskFailed" cause="{\"Error\":\"Boom\",\"ExecutionArn\":\"arn:child\",\"Input\":{},\"InputDetails\":{\"Included\":true},\"Name\":\"child\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":1704067200000,\"StateMachineArn\":\"arn:machine\",\"Status\":\"FAILED\",\"StopDate\":1704067200000}"
              7<6 ExecutionFailed error="States.TaskFailed" cause="{\"Error\":\"Boom\",\"ExecutionArn\":\"arn:child\",\"Input\":{},\"InputDetails\":{\"Included\":true},\"Name\":\"child\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":1704067200000,\"StateMachineArn\":\"arn:machine\",\"Status\":\"FAILED\",\"StopDate\":1704067200000}"
              > close
            FAILED
        "#]],
    );
}

#[test]
fn stop_and_deadline_end_an_execution_at_once() {
    let machine = json!({"StartAt": "A", "TimeoutSeconds": 30, "States": {
        "A": {"Type": "Wait", "Seconds": 60, "End": true}}});
    check(
        &machine,
        "start {}\n stop Err because of it\n stop",
        expect![[r#"
        start {}
          1<0 ExecutionStarted {}
          - DeadlineSet(TimerId(0))
          2<0 WaitStateEntered name="A" {}
          - WaitSet { timer: TimerId(1), until: Timestamp(1704067260000) }
          > wake 0 in 30000 ms
          > wake 1 in 60000 ms
        stop Err because of it
          3<0 ExecutionAborted error="Err" cause="because of it"
          > close
        stop
          refused: the execution is not running
        ABORTED
    "#]],
    );
    check(
        &machine,
        "start {}\n wait 30\n fire 0\n fire 1\n beat 0",
        expect![[r#"
        start {}
          1<0 ExecutionStarted {}
          - DeadlineSet(TimerId(0))
          2<0 WaitStateEntered name="A" {}
          - WaitSet { timer: TimerId(1), until: Timestamp(1704067260000) }
          > wake 0 in 30000 ms
          > wake 1 in 60000 ms
        fire 0
          3<0 ExecutionTimedOut
          > close
        fire 1
        beat 0
          refused: Task Timed Out: 'Provided task does not exist anymore'
        TIMED_OUT
    "#]],
    );
}

#[test]
fn a_result_that_is_too_large_or_no_json_fails_the_task() {
    let large = format!("\"{}\"", "x".repeat(262_144));
    check(
        &only(json!({"Type": "Task", "Resource": FUNCTION})),
        &format!("start {{}}\n done 0 {large}").replace(&large, "{oops"),
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 LambdaFunctionScheduled {}
              4<3 LambdaFunctionStarted
              > run 0 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{}}
            done 0 {oops
              5<4 LambdaFunctionFailed error="States.Runtime" cause="The state/task 'arn:aws:lambda:us-east-1:000000000000:function:f' returned a result that is not JSON: key must be a string at line 1 column 2"
              6<5 ExecutionFailed error="States.Runtime" cause="The state/task 'arn:aws:lambda:us-east-1:000000000000:function:f' returned a result that is not JSON: key must be a string at line 1 column 2"
              > close
            FAILED
        "#]],
    );
    let shown = script::run(
        &only(json!({"Type": "Task", "Resource": FUNCTION})).to_string(),
        &format!("start {{}}\n done 0 {large}"),
    );
    assert!(shown.contains("LambdaFunctionFailed error=\"States.DataLimitExceeded\""));
}

#[test]
fn full_jitter_is_chosen_once_and_recorded() {
    check(
        &only(json!({"Type": "Task", "Resource": FUNCTION, "Retry": [{
            "ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "JitterStrategy": "FULL"}]})),
        "start {}
         fail 0 Boom why",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 TaskStateEntered name="A" {}
              3<2 LambdaFunctionScheduled {}
              4<3 LambdaFunctionStarted
              > run 0 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{}}
            fail 0 Boom why
              5<4 LambdaFunctionFailed error="Boom" cause="why"
              - RetryScheduled { retrier: 0, timer: TimerId(0), until: Timestamp(1704067277032) }
              > wake 0 in 77032 ms
            RUNNING
        "#]],
    );
}

#[test]
fn an_endless_loop_ends_at_the_limit_of_events() {
    let mut bench = script::Bench::new(
        &json!({"StartAt": "A", "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Choice", "Default": "A", "Choices": [
                {"Variable": "$.x", "IsPresent": true, "Next": "C"}]},
            "C": {"Type": "Succeed"}}})
        .to_string(),
    );
    bench.take(script::start("{}")).expect("a start is never refused");
    assert_eq!(bench.execution.status().name(), "FAILED");
    assert_eq!(bench.execution.events_len(), 25_000);
    let last = bench.journal.last().map(|(_, event)| (event.id, event.previous));
    assert_eq!(last, Some((25_000, 24_999)));
    let cause = bench.execution.failure().cause.clone().unwrap_or_default();
    assert_eq!(cause, "The execution reached the maximum number of history events (25000).");
}

#[test]
fn a_map_that_outgrows_the_history_fails_and_runs_nothing() {
    let map = only(json!({"Type": "Map", "ItemProcessor": {"StartAt": "T", "States": {
        "T": {"Type": "Task", "Resource": FUNCTION, "End": true}}}}));
    let mut bench = script::Bench::new(&map.to_string());
    let items = json!((0..9000).collect::<Vec<_>>()).to_string();
    let (_, commands) = bench.take(script::start(&items)).expect("a start is never refused");
    assert_eq!(bench.execution.status().name(), "FAILED");
    assert_eq!(bench.execution.events_len(), 25_000);
    assert!(matches!(commands.last(), Some(trackway_core::Command::Close { .. })));
}

#[test]
fn a_call_with_other_parameters_than_its_own_does_not_start() {
    let lambda = "arn:aws:states:::lambda:invoke";
    let child = "arn:aws:states:::states:startExecution";
    let api = "arn:aws:states:::apigateway:invoke";
    let rows = [
        (
            lambda,
            json!({"FunctionName": "f", "TaskToken": "t"}),
            "[The field \"TaskToken\" is not supported by Step Functions]",
        ),
        (
            lambda,
            json!({"FunctionName.$": "$.n"}),
            "[The value for the field 'FunctionName' must be a STRING]",
        ),
        (
            child,
            json!({"StateMachineArn": "a", "Name.$": "$.n", "Inputs": {}}),
            "[The value for the field 'Name' must be a STRING, The field \"Inputs\" is not \
             supported by Step Functions]",
        ),
        (
            api,
            json!({"Headers": {"name": "text"}}),
            "[The value of the field 'Headers' has an invalid format]",
        ),
    ];
    for (resource, parameters, why) in rows {
        let definition = only(json!({
            "Type": "Task", "Resource": resource, "Parameters": parameters, "End": true
        }));
        let found = script::run(&definition.to_string(), "start {\"n\":1}");
        let cause = format!("could not be used to start the Task: {why}");
        assert!(
            found.contains(&Value::from(cause.as_str()).to_string()[1..cause.len()]),
            "{found}"
        );
    }
}

#[test]
fn states_that_may_be_retried_know_how_often_they_were() {
    let branch = json!({"StartAt": "B", "States": {"B": {"Type": "Pass", "End": true}}});
    let rows = [
        (json!({"Type": "Pass", "Parameters": {"n.$": "$$.State"}, "End": true}), false),
        (
            json!({
                "Type": "Parallel", "Branches": [branch], "ResultSelector": {"n.$": "$$.State"},
                "End": true
            }),
            true,
        ),
        (
            json!({
                "Type": "Map", "ItemProcessor": branch, "ItemSelector": {"n.$": "$$.State"},
                "End": true
            }),
            true,
        ),
    ];
    for (state, expected) in rows {
        let found = script::run(&only(state).to_string(), "start [1]");
        assert_eq!(found.contains("RetryCount"), expected, "{found}");
    }
}
