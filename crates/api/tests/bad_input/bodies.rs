//! Bodies that are not JSON, or JSON of the wrong types, or too much of it.

use crate::{ACTIVITY, EXECUTION, MACHINE, ROLE, check, house};

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

#[tokio::test]
async fn json_of_the_wrong_type_is_refused_with_what_was_expected() {
    let house = house().await;
    let rows = [
        (
            "CreateActivity",
            "[]",
            "400 SerializationException: Start of list found where not expected",
        ),
        (
            "CreateActivity",
            r#"{"name":1}"#,
            "400 SerializationException: NUMBER_VALUE can not be converted to a String",
        ),
        (
            "CreateActivity",
            r#"{"name":1.5}"#,
            "400 SerializationException: DECIMAL_VALUE can not be converted to a String",
        ),
        (
            "CreateActivity",
            r#"{"name":true}"#,
            "400 SerializationException: TRUE_VALUE can not be converted to a String",
        ),
        (
            "CreateActivity",
            r#"{"name":false}"#,
            "400 SerializationException: FALSE_VALUE can not be converted to a String",
        ),
        (
            "CreateActivity",
            r#"{"name":[]}"#,
            "400 SerializationException: Start of list found where not expected",
        ),
        (
            "CreateActivity",
            r#"{"name":{}}"#,
            "400 SerializationException: Start of structure or map found where not expected.",
        ),
        (
            "CreateActivity",
            r#"{"name":"a","tags":"x"}"#,
            "400 SerializationException: Expected list or null",
        ),
        (
            "CreateActivity",
            r#"{"name":"a","tags":{}}"#,
            "400 SerializationException: Start of structure or map found where not expected.",
        ),
        (
            "CreateActivity",
            r#"{"name":"a","tags":["x"]}"#,
            "400 SerializationException: Expected null",
        ),
        (
            "CreateActivity",
            r#"{"name":"a","tags":[{"key":1}]}"#,
            "400 SerializationException: NUMBER_VALUE can not be converted to a String",
        ),
        (
            "CreateActivity",
            r#"{"name":"a","encryptionConfiguration":1}"#,
            "400 SerializationException: Expected null",
        ),
        (
            "ListActivities",
            r#"{"maxResults":"5"}"#,
            "400 SerializationException: STRING_VALUE can not be converted to an Integer",
        ),
        (
            "ListActivities",
            r#"{"maxResults":99999999999}"#,
            "400 SerializationException: NUMBER_VALUE can not be converted to an Integer",
        ),
        (
            "ListActivities",
            r#"{"maxResults":[5]}"#,
            "400 SerializationException: Start of list found where not expected",
        ),
        (
            "ListActivities",
            r#"{"maxResults":true}"#,
            "400 SerializationException: TRUE_VALUE can not be converted to an Integer",
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"a","reverseOrder":"x"}"#,
            "400 SerializationException: STRING_VALUE can not be converted to an Boolean",
        ),
        (
            "GetExecutionHistory",
            r#"{"executionArn":"a","reverseOrder":1}"#,
            "400 SerializationException: NUMBER_VALUE can not be converted to a Boolean",
        ),
        // The type is looked at before anything else.
        ("CreateActivity", r#"{"tags":1}"#, "400 SerializationException: Expected list or null"),
    ];
    check(&house, &rows).await;
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
         Value '' at 'definition' failed to satisfy constraint: Member must have length greater than or equal to 1; \
         Value '' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 1; \
         Value 'FAST' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]; \
         Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1"
    );
    check(&house, &[("CreateStateMachine", body.as_str(), &*expected)]).await;
}

#[tokio::test]
async fn what_is_too_large_or_too_deep() {
    let house = house().await;
    let deep =
        |open: &str, close: &str, times: usize| open.repeat(times) + "1" + &close.repeat(times);
    let text = |json: &str| serde_json::to_string(json).expect("text has an encoding");
    let wide = "x".repeat(300_000);
    let (lists, objects) = (deep("[", "]", 100_000), deep("{\"a\":", "}", 40_000));
    let start =
        |input: &str| format!(r#"{{"stateMachineArn":"{MACHINE}","input":{}}}"#, text(input));
    let create = |definition: &str| {
        let definition = text(definition);
        format!(r#"{{"name":"deep","roleArn":"{ROLE}","definition":{definition}}}"#)
    };
    for (operation, body) in [
        ("CreateActivity", deep("[", "]", 500_000)),
        ("CreateActivity", deep("{\"name\":", "}", 200_000)),
        ("CreateActivity", format!(r#"{{"name":"a","unknown":{lists}}}"#)),
        ("CreateActivity", format!(r#"{{"name":"{wide}"}}"#)),
        ("CreateActivity", "x".repeat(5 << 20)),
        ("StartExecution", start(&lists)),
        ("StartExecution", start(&objects)),
        ("StartExecution", start(&format!("\"{wide}\""))),
        ("StartExecution", start(&format!("\"{}\"", "é".repeat(200_000)))),
        ("CreateStateMachine", create(&lists)),
        ("CreateStateMachine", create(&objects)),
        ("CreateStateMachine", create(&format!(r#"{{"StartAt":"A","States":{{"A":{objects}}}}}"#))),
        ("CreateStateMachine", create(&format!("\"{}\"", "x".repeat(1_100_000)))),
        ("SendTaskSuccess", format!(r#"{{"taskToken":"a","output":{}}}"#, text(&lists))),
        ("StopExecution", format!(r#"{{"executionArn":"{EXECUTION}","error":"{wide}"}}"#)),
        ("DescribeActivity", format!(r#"{{"activityArn":"{ACTIVITY}{wide}"}}"#)),
    ] {
        let answer = crate::said(&house.client.send(crate::post(operation, body.clone())).await);
        println!(
            "{operation} {}… -> {}",
            &body[..40],
            answer.chars().take(200).collect::<String>()
        );
        let status: u16 = answer[..3].parse().expect("a status");
        assert!(
            (400..500).contains(&status),
            "{operation}: {}",
            answer.chars().take(300).collect::<String>()
        );
    }
}
