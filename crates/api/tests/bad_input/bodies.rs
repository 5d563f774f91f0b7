//! Bodies that are not JSON, or JSON of the wrong types, or too much of it.

use std::collections::BTreeMap;

use serde_json::json;
use trackway_engine::Clock;

use crate::house::House;
use crate::{ACTIVITY, EXECUTION, MACHINE, ROLE, check, house, post, said};

const UNREADABLE: &str = "400 SerializationException";

#[tokio::test]
async fn what_is_not_a_json_object_can_not_be_read() {
    let house = house().await;
    let not_json: &[&[u8]] = &[
        b"",
        b" ",
        b"{",
        b"}",
        b"nul",
        b"{\"name\":}",
        b"{'name':'a'}",
        b"{\"name\":\"a\",}",
        b"{\"name\":\"a\"}{}",
        b"{\"name\":\"a\"} x",
        b"{\"name\":\"\xff\xfe\"}",
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b"{\"name\":\"\\ud800\"}",
        b"{\"name\":\"a\nb\"}",
        b"{\"name\":\"\\x41\"}",
        b"{\"name\":01}",
        b"null",
        b"2",
        b"\"text\"",
        b"true",
        b"\0",
        b"name=a&type=STANDARD",
        b"<name>a</name>",
    ];
    let rows: Vec<_> = not_json.iter().map(|body| ("CreateActivity", *body, UNREADABLE)).collect();
    check(&house, &rows).await;
}

/// Requests with a member of the wrong type, and AWS's message about it.
const WRONG_TYPES: &[(&str, &str, &str)] = &[
    ("CreateActivity", "[]", "Start of list found where not expected"),
    ("CreateActivity", r#"{"name":1}"#, "NUMBER_VALUE can not be converted to a String"),
    ("CreateActivity", r#"{"name":1.5}"#, "NUMBER_VALUE can not be converted to a String"),
    ("CreateActivity", r#"{"name":true}"#, "TRUE_VALUE can not be converted to a String"),
    ("CreateActivity", r#"{"name":false}"#, "FALSE_VALUE can not be converted to a String"),
    ("CreateActivity", r#"{"name":[]}"#, "Start of list found where not expected"),
    ("CreateActivity", r#"{"name":{}}"#, "Start of structure or map found where not expected."),
    ("CreateActivity", r#"{"name":"a","tags":"x"}"#, "Expected list or null"),
    (
        "CreateActivity",
        r#"{"name":"a","tags":{}}"#,
        "Start of structure or map found where not expected.",
    ),
    ("CreateActivity", r#"{"name":"a","tags":["x"]}"#, "Expected null"),
    (
        "CreateActivity",
        r#"{"name":"a","tags":[{"key":1}]}"#,
        "NUMBER_VALUE can not be converted to a String",
    ),
    ("CreateActivity", r#"{"name":"a","encryptionConfiguration":1}"#, "Expected null"),
    ("ListActivities", r#"{"maxResults":"5"}"#, "STRING_VALUE can not be converted to an Integer"),
    (
        "ListActivities",
        r#"{"maxResults":99999999999}"#,
        "NUMBER_VALUE can not be converted to an Integer",
    ),
    ("ListActivities", r#"{"maxResults":[5]}"#, "Start of list found where not expected"),
    ("ListActivities", r#"{"maxResults":true}"#, "TRUE_VALUE can not be converted to an Integer"),
    (
        "GetExecutionHistory",
        r#"{"executionArn":"a","reverseOrder":"x"}"#,
        "STRING_VALUE can not be converted to an Boolean",
    ),
    (
        "GetExecutionHistory",
        r#"{"executionArn":"a","reverseOrder":1}"#,
        "NUMBER_VALUE can not be converted to a Boolean",
    ),
    // The type is looked at before anything else.
    ("CreateActivity", r#"{"tags":1}"#, "Expected list or null"),
];

#[tokio::test]
async fn json_of_the_wrong_type_is_refused_with_what_was_expected() {
    let house = house().await;
    for (operation, body, message) in WRONG_TYPES {
        let expected = format!("400 SerializationException: {message}");
        check(&house, &[(operation, *body, &*expected)]).await;
    }
}

#[tokio::test]
async fn numbers_that_fit_nowhere() {
    let house = house().await;
    let integer = "400 SerializationException: NUMBER_VALUE can not be converted to an Integer";
    let huge = "9".repeat(5000);
    for (number, expected) in [
        ("2147483648", integer),
        ("-2147483649", integer),
        ("18446744073709551616", integer),
        ("123456789012345678901234567890", integer),
        (&*huge, UNREADABLE),
        ("1e30", integer),
        ("1e999", UNREADABLE),
        ("-1e999", UNREADABLE),
        ("1.5", "200"),
        ("1e2", "200"),
        ("-0", "200"),
        ("NaN", UNREADABLE),
        ("Infinity", UNREADABLE),
        ("0x10", UNREADABLE),
        ("+1", UNREADABLE),
        ("1.", UNREADABLE),
    ] {
        let body = format!(r#"{{"maxResults":{number}}}"#);
        check(&house, &[("ListActivities", body, expected)]).await;
    }
}

#[tokio::test]
async fn null_unknown_and_repeated_members() {
    let house = house().await;
    let rows = [
        (
            "CreateActivity",
            r#"{"name":null}"#,
            "400 ValidationException: 1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        ("CreateActivity", r#"{"name":"a","tags":null,"encryptionConfiguration":null}"#, "200"),
        ("CreateActivity", r#"{"name":"a","unknown":{"deep":[1,2,{"er":null}]}}"#, "200"),
        ("CreateActivity", r#"{"name":"a b","name":"a"}"#, "200"),
        ("CreateActivity", r#"{"name":"a","name":"a b"}"#, "400 InvalidName: Invalid Name: 'a b'"),
        (
            "CreateActivity",
            r#"{"Name":"a"}"#,
            "400 ValidationException: 1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        ("ListActivities", r#"{"maxResults":null,"nextToken":null}"#, "200"),
        ("ListActivities", r#"{"maxResults":0}"#, "200"),
        (
            "ListActivities",
            r#"{"maxResults":-1}"#,
            "400 ValidationException: 1 validation error detected: Value '-1' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 0",
        ),
        (
            "ListActivities",
            r#"{"maxResults":1001}"#,
            "400 ValidationException: 1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
        ),
        (
            "ListActivities",
            r#"{"nextToken":""}"#,
            "400 ValidationException: 1 validation error detected: Value '' at 'nextToken' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
    ];
    check(&house, &rows).await;
}

#[tokio::test]
async fn every_violation_is_told_at_once() {
    let house = house().await;
    let null = |member: &str| {
        format!("Value null at '{member}' failed to satisfy constraint: Member must not be null")
    };
    let all = |members: &[&str]| {
        let count = members.len();
        let (plural, list) = (
            if count == 1 { "" } else { "s" },
            members.iter().map(|member| null(member)).collect::<Vec<_>>().join("; "),
        );
        format!("400 ValidationException: {count} validation error{plural} detected: {list}")
    };
    for (operation, members) in [
        ("CreateStateMachine", &["name", "definition", "roleArn"][..]),
        ("UpdateStateMachine", &["stateMachineArn"]),
        ("DescribeStateMachine", &["stateMachineArn"]),
        ("DeleteStateMachine", &["stateMachineArn"]),
        ("StartExecution", &["stateMachineArn"]),
        ("StartSyncExecution", &["stateMachineArn"]),
        ("StopExecution", &["executionArn"]),
        ("DescribeExecution", &["executionArn"]),
        ("DescribeStateMachineForExecution", &["executionArn"]),
        ("GetExecutionHistory", &["executionArn"]),
        ("CreateActivity", &["name"]),
        ("DescribeActivity", &["activityArn"]),
        ("DeleteActivity", &["activityArn"]),
        ("GetActivityTask", &["activityArn"]),
        ("SendTaskSuccess", &["taskToken", "output"]),
        ("SendTaskFailure", &["taskToken"]),
        ("SendTaskHeartbeat", &["taskToken"]),
        ("TagResource", &["resourceArn", "tags"]),
        ("UntagResource", &["resourceArn", "tagKeys"]),
        ("ListTagsForResource", &["resourceArn"]),
    ] {
        check(&house, &[(operation, "{}", &*all(members))]).await;
    }
    let long = "n".repeat(81);
    let body = format!(
        r#"{{"name":"{long}","definition":"","roleArn":"","type":"FAST","tags":[{{"key":""}}]}}"#
    );
    let expected = format!(
        "400 ValidationException: 5 validation errors detected: \
         Value '{long}' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80; \
         Value at 'definition' failed to satisfy constraint: Member must have length greater than or equal to 1; \
         Value '' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 1; \
         Value 'FAST' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [EXPRESS, STANDARD]; \
         Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"
    );
    check(&house, &[("CreateStateMachine", body.as_str(), &*expected)]).await;
}

fn nested(open: &str, close: &str, times: usize) -> String {
    open.repeat(times) + "1" + &close.repeat(times)
}

fn text(json: &str) -> String {
    serde_json::to_string(json).expect("text has an encoding")
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    let house = house().await;
    let start =
        |input: &str| format!(r#"{{"stateMachineArn":"{MACHINE}","input":{}}}"#, text(input));
    let succeed = |output: &str| format!(r#"{{"taskToken":"a","output":{}}}"#, text(output));
    let create = |definition: &str| {
        let definition = text(definition);
        format!(r#"{{"name":"large","roleArn":"{ROLE}","definition":{definition}}}"#)
    };
    let longer_than = |member: &str, most: u32| {
        format!(
            "400 ValidationException: 1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length less than or equal to {most}"
        )
    };
    let quoted = |text: String| format!("\"{text}\"");
    // What counts is the size in UTF-8, not the number of characters.
    let (wide, accented) = (quoted("x".repeat(262_143)), quoted("é".repeat(131_072)));
    for (operation, body, expected) in [
        (
            "CreateActivity",
            "x".repeat((4 << 20) + 1),
            "413 RequestEntityTooLarge: Request body must not be larger than 4194304 bytes"
                .to_owned(),
        ),
        ("StartExecution", start(&wide), longer_than("input", 262_144)),
        ("StartExecution", start(&accented), longer_than("input", 262_144)),
        ("StartExecution", start(&quoted("é".repeat(131_071))), "200".to_owned()),
        ("SendTaskSuccess", succeed(&wide), longer_than("output", 262_144)),
        ("SendTaskSuccess", succeed(&accented), longer_than("output", 262_144)),
        (
            "CreateStateMachine",
            create(&"x".repeat(1_048_577)),
            longer_than("definition", 1_048_576),
        ),
        (
            "StopExecution",
            format!(r#"{{"executionArn":"{EXECUTION}","error":"{}"}}"#, "e".repeat(257)),
            longer_than("error", 256),
        ),
        (
            "StopExecution",
            format!(r#"{{"executionArn":"{EXECUTION}","cause":"{}"}}"#, "c".repeat(32_769)),
            longer_than("cause", 32_768),
        ),
    ] {
        check(&house, &[(operation, body, &*expected)]).await;
    }
    let long = ACTIVITY.to_owned() + &"x".repeat(256);
    let expected = format!(
        "400 ValidationException: 1 validation error detected: Value '{long}' at 'activityArn' failed to satisfy constraint: Member must have length less than or equal to 256"
    );
    let body = format!(r#"{{"activityArn":"{long}"}}"#);
    check(&house, &[("DescribeActivity", body, &*expected)]).await;
}

#[tokio::test]
async fn what_is_too_deep_overflows_no_stack() {
    let house = house().await;
    let (lists, objects) = (nested("[", "]", 100_000), nested("{\"a\":", "}", 40_000));
    let definition = |definition: &str| {
        let definition = text(definition);
        format!(r#"{{"name":"deep","roleArn":"{ROLE}","definition":{definition}}}"#)
    };
    let states = format!(r#"{{"StartAt":"A","States":{{"A":{objects}}}}}"#);
    for (operation, body, expected) in [
        (
            "CreateActivity",
            nested("[", "]", 500_000),
            "400 SerializationException: Start of list found where not expected",
        ),
        (
            "CreateActivity",
            nested("{\"name\":", "}", 200_000),
            "400 SerializationException: Start of structure or map found where not expected.",
        ),
        // What is unknown is skipped, however deep it is.
        ("CreateActivity", format!(r#"{{"name":"a","unknown":{lists}}}"#), "200"),
        (
            "StartExecution",
            format!(r#"{{"stateMachineArn":"{MACHINE}","input":{}}}"#, text(&lists)),
            "200",
        ),
        (
            "SendTaskSuccess",
            format!(r#"{{"taskToken":"a","output":{}}}"#, text(&objects)),
            "400 InvalidToken: Invalid Token: 'Invalid token'",
        ),
        (
            "CreateStateMachine",
            definition(&lists),
            "400 InvalidDefinition: Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION",
        ),
        (
            "CreateStateMachine",
            definition(&objects),
            "400 InvalidDefinition: Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION",
        ),
        (
            "CreateStateMachine",
            definition(&states),
            "400 InvalidDefinition: Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION",
        ),
    ] {
        let answer = said(&house.client.send(post(operation, body)).await);
        assert!(answer.starts_with(expected), "{operation}: {answer:.300}");
    }
    assert_eq!(house.engine.stats().parked, 0);
}

/// An input that is deeper than a state can work on ends the execution, and nothing else.
#[tokio::test]
async fn an_execution_with_a_deep_input_ends() {
    let house = House::open(Clock::Skip, BTreeMap::new()).await;
    let definition =
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Parameters":{"a.$":"$"},"End":true}}}"#;
    let machine = json!({ "name": "machine", "roleArn": ROLE, "definition": definition });
    house.client.ask("CreateStateMachine", &machine).await;
    let start = json!({
        "stateMachineArn": MACHINE,
        "name": "deep",
        "input": nested("{\"a\":", "}", 40_000),
    });
    let started = house.client.ask("StartExecution", &start).await;
    assert_eq!(started.status, 200);
    let execution = json!({ "executionArn": started.body["executionArn"] });
    let mut status = json!("RUNNING");
    while status == "RUNNING" {
        tokio::task::yield_now().await;
        status = house.client.ask("DescribeExecution", &execution).await.body["status"].take();
    }
    assert_eq!(status, "FAILED");
    assert_eq!(house.engine.stats().parked, 0);
}
