//! Parallel and Map by example.

use expect_test::expect;
use serde_json::json;

use super::{FUNCTION, check, only};

#[test]
fn a_failing_branch_cuts_the_others() {
    check(
        &only(json!({"Type": "Parallel", "Branches": [
            {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9, "End": true}}},
            {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": FUNCTION, "End": true}}},
            {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
        ]})),
        "start {}
         fail 0 Boom why
         fire 0",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 ParallelStateEntered name="A" {}
              3<2 ParallelStateStarted
              4<3 WaitStateEntered name="W" {}
              - WaitSet { timer: TimerId(0), until: Timestamp(1704067209000) }
              5<3 TaskStateEntered name="T" {}
              6<5 LambdaFunctionScheduled {}
              7<6 LambdaFunctionStarted
              8<3 PassStateEntered name="P" {}
              9<8 PassStateExited name="P" {}
              - BranchEnded
              > wake 0 in 9000 ms
              > run 0 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{}}
            fail 0 Boom why
              10<7 LambdaFunctionFailed error="Boom" cause="why"
              11<10 WaitStateAborted
              12<10 TaskStateAborted
              - ChildrenDropped
              13<10 ParallelStateFailed
              14<13 ExecutionFailed error="Boom" cause="why"
              > disarm 0
              > close
            fire 0
            FAILED
        "#]],
    );
}

#[test]
fn a_parallel_joins_in_the_order_of_its_branches() {
    check(
        &only(json!({"Type": "Parallel", "Branches": [
            {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": FUNCTION, "End": true}}},
            {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}},
        ]})),
        "start {}
         done 0 \"t\"",
        expect![[r#"
            start {}
              1<0 ExecutionStarted {}
              2<0 ParallelStateEntered name="A" {}
              3<2 ParallelStateStarted
              4<3 TaskStateEntered name="T" {}
              5<4 LambdaFunctionScheduled {}
              6<5 LambdaFunctionStarted
              7<3 PassStateEntered name="P" {}
              8<7 PassStateExited name="P" {}
              - BranchEnded
              > run 0 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{}}
            done 0 "t"
              9<6 LambdaFunctionSucceeded "t"
              10<9 TaskStateExited name="T" "t"
              - BranchEnded
              11<10 ParallelStateSucceeded
              12<10 ParallelStateExited name="A" ["t",{}]
              13<12 ExecutionSucceeded ["t",{}]
              > close
            SUCCEEDED
        "#]],
    );
}

#[test]
fn a_map_runs_as_many_iterations_as_it_may() {
    check(
        &only(json!({"Type": "Map", "MaxConcurrency": 2,
            "ItemSelector": {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value"},
            "ItemProcessor": {"StartAt": "T", "States": {
                "T": {"Type": "Task", "Resource": FUNCTION, "End": true}}}})),
        "start [5, 6, 7]
         done 1 \"b\"
         done 2 \"c\"
         done 0 \"a\"",
        expect![[r#"
            start [5, 6, 7]
              1<0 ExecutionStarted [5, 6, 7]
              2<0 MapStateEntered name="A" [5, 6, 7]
              3<2 MapStateStarted length=3 [5,6,7]
              4<3 MapIterationStarted name="A" index=0
              5<3 MapIterationStarted name="A" index=1
              6<4 TaskStateEntered name="T" {"i":0,"v":5}
              7<6 LambdaFunctionScheduled {"i":0,"v":5}
              8<7 LambdaFunctionStarted
              9<5 TaskStateEntered name="T" {"i":1,"v":6}
              10<9 LambdaFunctionScheduled {"i":1,"v":6}
              11<10 LambdaFunctionStarted
              > run 0 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{"i":0,"v":5}}
              > run 1 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{"i":1,"v":6}}
            done 1 "b"
              12<11 LambdaFunctionSucceeded "b"
              13<12 TaskStateExited name="T" "b"
              14<13 MapIterationSucceeded name="A" index=1
              15<13 MapIterationStarted name="A" index=2
              16<15 TaskStateEntered name="T" {"i":2,"v":7}
              17<16 LambdaFunctionScheduled {"i":2,"v":7}
              18<17 LambdaFunctionStarted
              > run 2 lambda {"style":"arn","function":"arn:aws:lambda:us-east-1:000000000000:function:f","payload":{"i":2,"v":7}}
            done 2 "c"
              19<18 LambdaFunctionSucceeded "c"
              20<19 TaskStateExited name="T" "c"
              21<20 MapIterationSucceeded name="A" index=2
            done 0 "a"
              22<8 LambdaFunctionSucceeded "a"
              23<22 TaskStateExited name="T" "a"
              24<23 MapIterationSucceeded name="A" index=0
              25<24 MapStateSucceeded
              26<24 MapStateExited name="A" ["a","b","c"]
              27<26 ExecutionSucceeded ["a","b","c"]
              > close
            SUCCEEDED
        "#]],
    );
}

#[test]
fn a_failing_iteration_cuts_the_others_and_the_map_may_retry() {
    check(
        &json!({"StartAt": "A", "States": {"A": {
            "Type": "Map", "End": true,
            "Retry": [{"ErrorEquals": ["Boom"], "MaxAttempts": 1}],
            "ItemProcessor": {"StartAt": "C", "States": {
                "C": {"Type": "Choice", "Default": "W", "Choices": [
                    {"Variable": "$", "NumericEquals": 2, "Next": "F"}]},
                "W": {"Type": "Wait", "Seconds": 9, "End": true},
                "F": {"Type": "Fail", "Error": "Boom"}}}}}}),
        "start [1, 2]
         fire 1
         fire 2",
        expect![[r#"
            start [1, 2]
              1<0 ExecutionStarted [1, 2]
              2<0 MapStateEntered name="A" [1, 2]
              3<2 MapStateStarted length=2 [1,2]
              4<3 MapIterationStarted name="A" index=0
              5<3 MapIterationStarted name="A" index=1
              6<4 ChoiceStateEntered name="C" 1
              7<6 ChoiceStateExited name="C" 1
              8<7 WaitStateEntered name="W" 1
              - WaitSet { timer: TimerId(0), until: Timestamp(1704067209000) }
              9<5 ChoiceStateEntered name="C" 2
              10<9 ChoiceStateExited name="C" 2
              11<10 FailStateEntered name="F" 2
              12<11 MapIterationAborted name="A" index=0
              13<11 WaitStateAborted
              14<11 MapIterationFailed name="A" index=1
              - ChildrenDropped
              - RetryScheduled { retrier: 0, timer: TimerId(1), until: Timestamp(1704067201000) }
              > wake 0 in 9000 ms
              > disarm 0
              > wake 1 in 1000 ms
            fire 1
              15<11 MapStateStarted length=2 [1,2]
              16<15 MapIterationStarted name="A" index=0
              17<15 MapIterationStarted name="A" index=1
              18<16 ChoiceStateEntered name="C" 1
              19<18 ChoiceStateExited name="C" 1
              20<19 WaitStateEntered name="W" 1
              - WaitSet { timer: TimerId(2), until: Timestamp(1704067209000) }
              21<17 ChoiceStateEntered name="C" 2
              22<21 ChoiceStateExited name="C" 2
              23<22 FailStateEntered name="F" 2
              24<23 MapIterationAborted name="A" index=0
              25<23 WaitStateAborted
              26<23 MapIterationFailed name="A" index=1
              - ChildrenDropped
              27<23 MapStateFailed
              28<27 ExecutionFailed error="Boom"
              > wake 2 in 9000 ms
              > disarm 2
              > close
            fire 2
            FAILED
        "#]],
    );
}

#[test]
fn an_empty_map_succeeds_and_a_map_of_no_list_fails() {
    let map = only(json!({"Type": "Map", "ItemsPath": "$.l", "ItemProcessor": {
        "StartAt": "P", "States": {"P": {"Type": "Pass", "End": true}}}}));
    check(
        &map,
        "start {\"l\": []}",
        expect![[r#"
        start {"l": []}
          1<0 ExecutionStarted {"l": []}
          2<0 MapStateEntered name="A" {"l": []}
          3<2 MapStateStarted length=0 []
          4<3 MapStateSucceeded
          5<3 MapStateExited name="A" []
          6<5 ExecutionSucceeded []
          > close
        SUCCEEDED
    "#]],
    );
    check(
        &map,
        "start {\"l\": 1}",
        expect![[r#"
        start {"l": 1}
          1<0 ExecutionStarted {"l": 1}
          2<0 MapStateEntered name="A" {"l": 1}
          3<2 ExecutionFailed error="States.Runtime" cause="Reference path \"$.l\" must point to array."
          > close
        FAILED
    "#]],
    );
}
