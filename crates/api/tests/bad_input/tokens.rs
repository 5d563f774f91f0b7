//! Page tokens and task tokens that are not ours, or not for this.

use serde_json::{Value, json};

use crate::house::House;
use crate::{ACTIVITY, EXECUTION, MACHINE, check, house};

const INVALID: &str = "400 InvalidToken: Invalid Token: 'Invalid token'";
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Requests for a first page of one item; each has a second page.
fn lists() -> [(&'static str, Value); 4] {
    [
        ("ListActivities", json!({ "maxResults": 1 })),
        ("ListExecutions", json!({ "maxResults": 1, "stateMachineArn": MACHINE })),
        ("GetExecutionHistory", json!({ "maxResults": 1, "executionArn": EXECUTION })),
        (
            "GetExecutionHistory",
            json!({ "maxResults": 1, "executionArn": EXECUTION, "reverseOrder": true }),
        ),
    ]
}

async fn token(house: &House, operation: &str, request: &Value) -> String {
    let answer = house.client.ask(operation, request).await;
    answer.body["nextToken"].as_str().expect("there is a second page").to_owned()
}

fn with(request: &Value, token: &str) -> String {
    let mut request = request.clone();
    request["nextToken"] = token.into();
    request.to_string()
}

#[tokio::test]
async fn a_page_token_is_good_for_its_own_request_only() {
    let house = house().await;
    let mut others = vec![
        ("ListStateMachines", json!({})),
        ("ListExecutions", json!({ "stateMachineArn": MACHINE, "statusFilter": "RUNNING" })),
        ("GetExecutionHistory", json!({ "executionArn": format!("{EXECUTION}-2") })),
    ];
    others.extend(lists());
    for (place, (operation, request)) in lists().iter().enumerate() {
        let token = token(&house, operation, request).await;
        check(&house, &[(operation, with(request, &token), "200")]).await;
        for (other, (operation, request)) in others.iter().enumerate() {
            if other != place + 3 {
                check(&house, &[(operation, with(request, &token), INVALID)]).await;
            }
        }
    }
}

#[tokio::test]
async fn a_page_token_that_was_changed_is_refused() {
    let house = house().await;
    for (operation, request) in lists() {
        let token = token(&house, operation, &request).await;
        let mut bad = vec![
            "x".to_owned(),
            "é".repeat(40),
            "A".repeat(1000),
            token[1..].to_owned(),
            token[..token.len() - 1].to_owned(),
            format!("{token}A"),
            format!("{token}="),
            format!(" {token}"),
        ];
        for place in (0..token.len()).step_by(7) {
            let mut changed = token.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            bad.push(String::from_utf8(changed).expect("base64"));
        }
        for token in bad {
            check(&house, &[(operation, with(&request, &token), INVALID)]).await;
        }
    }
}

#[tokio::test]
async fn a_page_token_ends_after_a_day() {
    let house = house().await;
    for (operation, request) in lists() {
        let token = token(&house, operation, &request).await;
        house.engine.advance(DAY_MS);
        check(&house, &[(operation, with(&request, &token), "200")]).await;
        house.engine.advance(1);
        check(&house, &[(operation, with(&request, &token), INVALID)]).await;
    }
}

#[tokio::test]
async fn a_task_token_that_is_not_ours_is_refused() {
    let house = house().await;
    let task = house.client.ask("GetActivityTask", &json!({ "activityArn": ACTIVITY })).await;
    let good = task.body["taskToken"].as_str().expect("a task").to_owned();
    let list = json!({ "maxResults": 1 });
    let page = token(&house, "ListActivities", &list).await;
    let mut bad =
        vec!["x".to_owned(), "é".repeat(100), good[1..].to_owned(), format!("{good}A"), page];
    for place in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        bad.push(String::from_utf8(changed).expect("base64"));
    }
    for token in &bad {
        check(&house, &answers(token, "{}").map(|(operation, body)| (operation, body, INVALID)))
            .await;
    }
}

fn answers(token: &str, output: &str) -> [(&'static str, String); 3] {
    [
        ("SendTaskHeartbeat", json!({ "taskToken": token }).to_string()),
        ("SendTaskFailure", json!({ "taskToken": token }).to_string()),
        ("SendTaskSuccess", json!({ "taskToken": token, "output": output }).to_string()),
    ]
}

#[tokio::test]
async fn a_task_is_answered_once_and_with_json() {
    let house = house().await;
    let task = house.client.ask("GetActivityTask", &json!({ "activityArn": ACTIVITY })).await;
    let token = task.body["taskToken"].as_str().expect("a task").to_owned();
    let succeed = |output: &str| json!({ "taskToken": token, "output": output }).to_string();
    let rows = [
        (
            "SendTaskSuccess",
            succeed("not json"),
            "400 InvalidOutput: Invalid Output: 'Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')'",
        ),
        ("SendTaskSuccess", succeed(""), "400 InvalidOutput: Invalid Output: 'Invalid output.'"),
        ("SendTaskSuccess", succeed("{}"), "200"),
    ];
    check(&house, &rows).await;
    let gone = "400 TaskTimedOut: Task Timed Out: 'Provided task does not exist anymore'";
    check(&house, &answers(&token, "{}").map(|(operation, body)| (operation, body, gone))).await;
}
