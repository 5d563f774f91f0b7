//! What is refused, and in which words.

use serde_json::{Value, json};

use super::{Code, Definition, MachineType, Next, StateKind, parse, to_aws_message};

/// A machine whose only state is `state`, called A.
fn machine(state: Value) -> Value {
    json!({"StartAt": "A", "States": {"A": state}})
}

/// What [`to_aws_message`] says, without the sentence around it; empty when accepted.
fn refusal_of(definition: &Value, kind: MachineType) -> String {
    let Err(found) = parse(&definition.to_string(), kind) else { return String::new() };
    let text = to_aws_message(&found);
    let text = text.strip_prefix("Invalid State Machine Definition: '").unwrap_or(&text);
    text.strip_suffix('\'').unwrap_or(text).to_owned()
}

fn check(rows: &[(Value, &str)]) {
    for (definition, expected) in rows {
        let found = refusal_of(definition, MachineType::Standard);
        let found = found.replace("SCHEMA_VALIDATION_FAILED: ", "");
        assert_eq!(found, *expected, "{definition}");
    }
}

fn check_states(rows: &[(Value, &str)]) {
    for (state, expected) in rows {
        check(&[(machine(state.clone()), expected)]);
    }
}

fn accepted(definition: &Value) -> Definition {
    match parse(&definition.to_string(), MachineType::Standard) {
        Ok(definition) => definition,
        Err(found) => panic!("{definition} is refused: {found:?}"),
    }
}

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

#[test]
fn the_machine_itself() {
    let pass = json!({"A": {"Type": "Pass", "End": true}});
    check(&[
        (json!({"StartAt": "A", "States": pass}), ""),
        (json!({}), "These fields are required: [StartAt, States] at /"),
        (json!([]), "Expected value of type Object at /"),
        (json!({"StartAt": "A", "States": {}}), "Value cannot be empty at /States"),
        (json!({"StartAt": "A", "States": 1}), "Expected value of type Object at /States"),
        (
            json!({"StartAt": "A", "States": pass, "Coment": ""}),
            "Field 'Coment' is not supported at /",
        ),
        (
            json!({"StartAt": "A", "States": pass, "Version": "2.0"}),
            "Value should be one of the following: [1.0] at /Version",
        ),
        (
            json!({"StartAt": "A", "States": pass, "TimeoutSeconds": -1}),
            "Minimum value is 0 at /TimeoutSeconds",
        ),
        (
            json!({"StartAt": "A", "States": pass, "QueryLanguage": "SQL"}),
            "Value should be one of the following: [JSONPath, JSONata] at /QueryLanguage",
        ),
    ]);
}

#[test]
fn transitions() {
    check(&[
        (
            json!({"StartAt": "Z", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Succeed"}}}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Z at /StartAt, \
             MISSING_TRANSITION_TARGET: State \"A\" is not reachable. at /States/A",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "C"}, "B": {"Type": "Succeed"}}}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Next, \
             MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}),
            "MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}, "C": {"Type": "Pass", "End": true}}}),
            "MISSING_TRANSITION_TARGET: State \"C\" is not reachable. at /States/C",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "B": {"Type": "Pass", "Next": "C"}, "C": {"Type": "Pass", "Next": "B"}}}),
            "MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "NOPE"}}}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: NOPE at /States/A/Next, \
             MISSING_END_STATE: Workflow has no terminal state at null",
        ),
        (
            json!({"StartAt": "A", "States": {
                "A": {"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": true, "Next": "X"}], "Default": "Y"},
                "B": {"Type": "Succeed"}}}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: Y at /States/A/Default, \
             MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Choices[0]/Next, \
             MISSING_TRANSITION_TARGET: State \"B\" is not reachable. at /States/B",
        ),
        (
            machine(json!({"Type": "Task", "Resource": FUNCTION, "End": true,
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "X"}]})),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Catch[0]/Next",
        ),
        (
            machine(json!({"Type": "Map", "End": true,
                "Iterator": {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}})),
            "DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A/Iterator/States/A",
        ),
    ]);
    let long = "x".repeat(81);
    let found = refusal_of(
        &json!({"StartAt": long, "States": {&long: {"Type": "Succeed"}}}),
        MachineType::Standard,
    );
    assert_eq!(
        found,
        format!(
            "INVALID_STATE_NAME: Invalid State name: State '{long}' exceeds the 80-character limit \
             allowed by the service at /States/{long}"
        )
    );
}

#[test]
fn fields_of_states() {
    check_states(&[
        (json!(1), "Expected value of type Object at /States/A"),
        (json!({}), "These fields are required: [Type] at /States/A"),
        (
            json!({"Type": "choice"}),
            "Value should be one of the following: [Task, Pass, Choice, Wait, Succeed, Fail, \
             Parallel, Map] at /States/A/Type",
        ),
        (
            json!({"Type": "Pass"}),
            "This object should have only one of the following fields: [Next, End] at /States/A",
        ),
        (
            json!({"Type": "Pass", "Next": "A", "End": true}),
            "There should only be one of the following fields: [Next, End] at /States/A",
        ),
        (
            json!({"Type": "Pass", "End": true, "Retry": [], "Catch": []}),
            "Field 'Retry' is not supported at /States/A, \
             Field 'Catch' is not supported at /States/A",
        ),
        (json!({"Type": "Succeed", "End": true}), "Field 'End' is not supported at /States/A"),
        (
            json!({"Type": "Pass", "End": true, "Output": 1}),
            "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the \
             'JSONata' QueryLanguage at /States/A",
        ),
        (
            json!({"Type": "Pass", "End": "yes", "InputPath": "x", "ResultPath": "$..a"}),
            "Expected value of type Boolean at /States/A/End, \
             Value must be a valid JSONPath. at /States/A/InputPath, \
             Value is not a Reference Path: $..a at /States/A/ResultPath",
        ),
        (
            json!({"Type": "Pass", "End": true, "Parameters": {"a": [{"b.$": "c"}], "d.$": 1}}),
            "The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic function \
             call at /States/A/Parameters/a[0], \
             The value for the field 'd.$' must be a STRING that contains a JSONPath but was an \
             NUMBER at /States/A/Parameters",
        ),
        (
            json!({"Type": "Wait", "Seconds": 1, "Timestamp": "x", "End": true}),
            "There should only be one of the following fields: [SecondsPath, Seconds, \
             TimestampPath, Timestamp] at /States/A",
        ),
        (
            json!({"Type": "Wait", "End": true}),
            "This object should have only one of the following fields: [SecondsPath, Seconds, \
             TimestampPath, Timestamp] at /States/A",
        ),
        (
            json!({"Type": "Wait", "Seconds": 100_000_000, "End": true}),
            "Maximum value is 99999999 at /States/A/Seconds",
        ),
        (
            json!({"Type": "Wait", "Timestamp": "2016-12-05T21:29:29", "End": true}),
            "String does not match RFC3339 timestamp at /States/A/Timestamp",
        ),
        (
            json!({"Type": "Fail", "Error": "a", "ErrorPath": "$.a"}),
            "There should only be one of the following fields: [Error, ErrorPath] at /States/A",
        ),
        (json!({"Type": "Fail", "CausePath": "States.Format('{}', $.a)"}), ""),
    ]);
}

#[test]
fn tasks() {
    let task = |fields: Value| {
        let mut state = json!({"Type": "Task", "End": true});
        for (name, value) in fields.as_object().into_iter().flatten() {
            state[name] = value.clone();
        }
        state
    };
    let invoke = "arn:aws:states:::lambda:invoke";
    check_states(&[
        (task(json!({"Resource": FUNCTION})), ""),
        (task(json!({})), "These fields are required: [Resource] at /States/A"),
        (
            task(json!({"Resource": "create"})),
            "Value is not a valid resource ARN at /States/A/Resource",
        ),
        (
            task(json!({"Resource": invoke})),
            "Parameters field is required for resource ARN: arn:aws:states:::lambda:invoke at \
             /States/A",
        ),
        (
            task(json!({"Resource": invoke, "Parameters": {}})),
            "The field 'FunctionName' is required but was missing at /States/A/Parameters",
        ),
        (task(json!({"Resource": invoke, "Parameters": {"FunctionName.$": "$.f"}})), ""),
        (
            task(json!({"Resource": FUNCTION, "TimeoutSeconds": 0, "HeartbeatSeconds": "9"})),
            "Minimum value is 1 at /States/A/TimeoutSeconds, \
             Expected value of type Integer at /States/A/HeartbeatSeconds",
        ),
        (
            task(json!({"Resource": FUNCTION, "Credentials": {}})),
            "The field 'RoleArn' is required but was missing at /States/A/Credentials",
        ),
        (
            task(json!({"Resource": FUNCTION, "Retry": [
                {"ErrorEquals": ["States.ALL"]},
                {"ErrorEquals": [], "BackoffRate": 0.5, "MaxAttempts": -1, "JitterStrategy": "X"},
                {"MaxDelaySeconds": 0, "ErrorEquals": ["a"]}]})),
            "States.ALL must appear alone and at end of list at /States/A/Retry[0]/ErrorEquals[0], \
             Value cannot be empty at /States/A/Retry[1]/ErrorEquals, \
             Minimum value is 0 at /States/A/Retry[1]/MaxAttempts, \
             Minimum value is 1.0 at /States/A/Retry[1]/BackoffRate, \
             Value should be one of the following: [NONE, FULL] at /States/A/Retry[1]/JitterStrategy, \
             Minimum value is 1 at /States/A/Retry[2]/MaxDelaySeconds",
        ),
        (
            task(json!({"Resource": FUNCTION, "Catch": [{"ErrorEquals": ["a"]}]})),
            "These fields are required: [Next] at /States/A/Catch[0]",
        ),
    ]);
}

#[test]
fn choices() {
    let choice = |rule: Value| {
        json!({"StartAt": "A", "States": {
            "A": {"Type": "Choice", "Choices": [rule], "Default": "B"},
            "B": {"Type": "Succeed"}}})
    };
    check(&[
        (choice(json!({"Variable": "$.a", "StringEquals": "x", "Next": "B"})), ""),
        (
            choice(
                json!({"Not": {"Or": [{"Variable": "$$.Execution.Id", "StringMatches": "*"}]}, "Next": "B"}),
            ),
            "",
        ),
        (
            choice(json!({"Variable": "$.a", "StringEquals": "x"})),
            "These fields are required: [Next] at /States/A/Choices[0]",
        ),
        (
            choice(json!({"Next": "B"})),
            "The object must have only one of the following fields, [And, Or, Not, Variable, \
             Condition] at /States/A/Choices[0]",
        ),
        (
            choice(json!({"And": [{"Variable": "$.a", "IsNull": true, "Next": "B"}], "Next": "B"})),
            "Field 'Next' is not supported at /States/A/Choices[0]/And[0]",
        ),
        (
            choice(json!({"Variable": "a", "NumericEquals": "1", "Next": "B"})),
            "Value is not a Reference Path: Reference path didn't start with '$' at \
             /States/A/Choices[0]/Variable, \
             Expected value of type Number at /States/A/Choices[0]/NumericEquals",
        ),
        (
            choice(json!({"Variable": "$.a", "TimestampEquals": "today", "Next": "B"})),
            "String does not match RFC3339 timestamp at /States/A/Choices[0]/TimestampEquals",
        ),
        (
            choice(json!({"Variable": "$.a", "IsNullPath": "$.b", "Next": "B"})),
            "Field 'IsNullPath' is not supported at /States/A/Choices[0], This object should have \
             only one of the following fields: [StringEquals, StringEqualsPath, StringLessThan, \
             StringLessThanPath, StringGreaterThan, StringGreaterThanPath, StringLessThanEquals, \
             StringLessThanEqualsPath, StringGreaterThanEquals, StringGreaterThanEqualsPath, \
             StringMatches, NumericEquals, NumericEqualsPath, NumericLessThan, \
             NumericLessThanPath, NumericGreaterThan, NumericGreaterThanPath, \
             NumericLessThanEquals, NumericLessThanEqualsPath, NumericGreaterThanEquals, \
             NumericGreaterThanEqualsPath, BooleanEquals, BooleanEqualsPath, TimestampEquals, \
             TimestampEqualsPath, TimestampLessThan, TimestampLessThanPath, TimestampGreaterThan, \
             TimestampGreaterThanPath, TimestampLessThanEquals, TimestampLessThanEqualsPath, \
             TimestampGreaterThanEquals, TimestampGreaterThanEqualsPath, IsNull, IsPresent, \
             IsNumeric, IsString, IsBoolean, IsTimestamp] at /States/A/Choices[0]",
        ),
        (
            choice(json!({"Condition": "{% true %}", "Next": "B"})),
            "The QueryLanguage is set to 'JSONPath', but field 'Condition' is only supported for \
             the 'JSONata' QueryLanguage at /States/A/Choices[0]",
        ),
        (
            json!({"StartAt": "A", "States": {"A": {"Type": "Choice", "Choices": []}, "B": {"Type": "Succeed"}}}),
            "Value cannot be empty at /States/A/Choices",
        ),
    ]);
}

#[test]
fn levels() {
    check_states(&[
        (
            json!({"Type": "Parallel", "End": true}),
            "These fields are required: [Branches] at /States/A",
        ),
        (
            json!({"Type": "Parallel", "End": true, "Branches": []}),
            "Value cannot be empty at /States/A/Branches",
        ),
        (
            json!({"Type": "Parallel", "End": true, "Branches": [{"StartAt": "B"}]}),
            "These fields are required: [States] at /States/A/Branches[0]",
        ),
        (
            json!({"Type": "Parallel", "End": true, "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Pass", "Next": "A"}}}]}),
            "MISSING_TRANSITION_TARGET: Missing 'Next' target: A at \
             /States/A/Branches[0]/States/B/Next",
        ),
        (
            json!({"Type": "Map", "End": true}),
            "This object should have only one of the following fields: [ItemProcessor, Iterator] \
             at /States/A",
        ),
        (
            json!({"Type": "Map", "End": true, "MaxConcurrency": -1, "ItemsPath": "$.a[*]",
                "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE", "ExecutionType": "STANDARD"},
                    "QueryLanguage": "JSONata", "StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}),
            "Value is not a Reference Path: $.a[*] at /States/A/ItemsPath, \
             Minimum value is 0 at /States/A/MaxConcurrency, \
             Field 'QueryLanguage' is not supported at /States/A/ItemProcessor, \
             Field 'ExecutionType' is not supported at /States/A/ItemProcessor/ProcessorConfig",
        ),
        (
            json!({"Type": "Map", "End": true, "MaxConcurrencyPath": "$$.Execution.Input.n",
                "Iterator": {"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}}),
            "Value is not a Reference Path: $$.Execution.Input.n at /States/A/MaxConcurrencyPath",
        ),
    ]);
}

#[test]
fn express_machines_do_without_waiting() {
    let rows = [
        ("arn:aws:states:us-east-1:123456789012:activity:a", "Activity ARN"),
        ("arn:aws:states:::states:startExecution.sync:2", "'.sync' service integration"),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "'.waitForTaskToken' service integration",
        ),
    ];
    for (arn, what) in rows {
        let parameters = json!({"StateMachineArn": "x", "QueueUrl": "x", "MessageBody": "x"});
        let state = json!({"Type": "Task", "Resource": arn, "Parameters": parameters, "End": true});
        let expected = format!(
            "SCHEMA_VALIDATION_FAILED: Express state machine does not support {what} at \
             /States/A/Resource"
        );
        assert_eq!(refusal_of(&machine(state.clone()), MachineType::Express), expected);
        assert_eq!(refusal_of(&machine(state), MachineType::Standard), "");
    }
}

fn check_unsupported(rows: &[(Value, &str, &str)]) {
    for (state, what, place) in rows {
        assert_eq!(
            refusal_of(&machine(state.clone()), MachineType::Standard),
            format!(
                "UNSUPPORTED_BY_TRACKWAY: {what} is not supported by this version of Trackway at \
                 /States/A/{place}"
            )
        );
    }
}

#[test]
fn what_is_not_built_is_refused_in_words_of_our_own() {
    check_unsupported(&[
        (json!({"Type": "Pass", "End": true, "Assign": {"a": 1}}), "Field 'Assign'", "Assign"),
        (
            json!({"Type": "Pass", "End": true, "QueryLanguage": "JSONata"}),
            "QueryLanguage JSONata",
            "QueryLanguage",
        ),
        (
            json!({"Type": "Pass", "End": true, "InputPath": "$a.b"}),
            "The workflow variable $a",
            "InputPath",
        ),
        (
            json!({"Type": "Pass", "End": true, "Parameters": {"x.$": "States.Array($a)"}}),
            "The workflow variable $a",
            "Parameters",
        ),
    ]);
}

#[test]
fn distributed_maps_are_not_built() {
    let inner = json!({"StartAt": "B", "States": {"B": {"Type": "Succeed"}}});
    let mut distributed = inner.clone();
    distributed["ProcessorConfig"] = json!({"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"});
    check_unsupported(&[(
        json!({"Type": "Map", "End": true, "ItemProcessor": distributed}),
        "Mode DISTRIBUTED",
        "ItemProcessor/ProcessorConfig/Mode",
    )]);
    let fields = [
        "ItemReader",
        "ItemBatcher",
        "ResultWriter",
        "Label",
        "ToleratedFailureCount",
        "ToleratedFailureCountPath",
        "ToleratedFailurePercentage",
        "ToleratedFailurePercentagePath",
    ];
    for field in fields {
        let state = json!({"Type": "Map", "End": true, "Iterator": inner, field: {}});
        check_unsupported(&[(state, &format!("Field '{field}'"), field)]);
    }
}

#[test]
fn the_largest_definitions_are_read() {
    let count = 20_000;
    let mut states = serde_json::Map::new();
    for index in 0..count {
        let next = format!("{}", index + 1);
        states.insert(index.to_string(), json!({"Type": "Pass", "Next": next}));
    }
    states.insert(count.to_string(), json!({"Type": "Succeed"}));
    let definition = accepted(&json!({"StartAt": "0", "States": states}));
    assert_eq!(definition.states.len(), count + 1);
}

#[test]
fn the_words_of_aws_come_first() {
    check_states(&[(
        json!({"Type": "Task", "Resource": FUNCTION, "QueryLanguage": "JSONata",
            "Arguments": "{% $x %}", "Credentials": {}, "TimeoutSeconds": "{% 1 %}", "End": true}),
        "The field 'RoleArn' is required but was missing at /States/A/Credentials",
    )]);
    check(&[(
        json!({"StartAt": "A", "QueryLanguage": "JSONata", "States": {
            "A": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": true}}}),
        "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at \
         /States/A",
    )]);
}

#[test]
fn texts_that_are_not_json() {
    let refusal = |text: &str| parse(text, MachineType::Standard).expect_err(text).remove(0);
    assert_eq!(refusal("").code, Code::MissingDescription);
    assert_eq!(refusal(&"[".repeat(2_000_000)).code, Code::InvalidJsonDescription);
    assert_eq!(refusal(&"[".repeat(1_000_000)).code, Code::InvalidJsonDescription);
    let found = refusal("{\"StartAt\": \"A\",}");
    assert_eq!(found.code, Code::InvalidJsonDescription);
    assert_eq!(
        found.location.as_deref(),
        Some("[Source: (String)\"{\"StartAt\": \"A\",}\"; line: 1, column: 18]")
    );
}

#[test]
fn ids_follow_the_text_and_transitions_are_resolved() {
    let definition = accepted(&json!({"StartAt": "B", "TimeoutSeconds": 5, "States": {
        "A": {"Type": "Parallel", "Next": "D", "Branches": [
            {"StartAt": "C", "States": {"C": {"Type": "Pass", "End": true}}}]},
        "B": {"Type": "Choice", "Default": "A",
            "Choices": [{"Variable": "$.x", "IsPresent": true, "Next": "D"}]},
        "D": {"Type": "Task", "Resource": FUNCTION, "End": true,
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "A", "ResultPath": "$.error"}]}}}));
    let names: Vec<&str> = definition.states.iter().map(|state| &*state.name).collect();
    assert_eq!(names, ["A", "C", "B", "D"]);
    assert_eq!(definition.timeout_seconds, Some(5));
    assert_eq!(&*definition.state(definition.root.start_at).expect("B").name, "B");
    let name = |id| &*definition.state(id).expect("a state").name;
    let [a, _, b, d] = definition.states.as_slice() else { panic!("four states") };
    assert!(matches!(a.next, Next::State(id) if name(id) == "D"));
    assert!(
        matches!(&a.kind, StateKind::Parallel { branches } if name(branches[0].start_at) == "C")
    );
    let StateKind::Choice { rules, default } = &b.kind else { panic!("a Choice") };
    assert_eq!((name(rules[0].next), default.map(name)), ("D", Some("A")));
    assert_eq!((name(d.catch[0].next), d.next), ("A", Next::End));
}

#[test]
fn the_deepest_definitions_are_read() {
    let mut level = json!({"StartAt": "Z", "States": {"Z": {"Type": "Succeed"}}});
    for depth in 0..29 {
        let name = format!("P{depth}");
        level = json!({"StartAt": name, "States": {
            &name: {"Type": "Parallel", "End": true, "Branches": [level]}}});
    }
    accepted(&level);
    let mut condition = json!({"Variable": "$.a", "IsNull": true});
    let mut template = json!({"x.$": "$.a"});
    for _ in 0..110 {
        condition = json!({"Not": condition});
        template = json!({"x": template});
    }
    condition["Next"] = json!("B");
    accepted(&json!({"StartAt": "A", "States": {
        "A": {"Type": "Choice", "Choices": [condition]},
        "B": {"Type": "Pass", "Parameters": template, "End": true}}}));
}
