//! Bad input of every kind: each gets AWS's error, none a fault of ours.
//!
//! The tables read `request -> "STATUS Code: message"`.

#[path = "bad_input/arns.rs"]
mod arns;
#[path = "bad_input/bodies.rs"]
mod bodies;
#[path = "recorded/house.rs"]
#[expect(dead_code, reason = "the recorded conversations use the rest of the house")]
mod house;
#[path = "bad_input/iot.rs"]
mod iot;
#[path = "bad_input/names.rs"]
mod names;
#[path = "bad_input/protocols.rs"]
mod protocols;
#[path = "bad_input/signatures.rs"]
mod signatures;
#[path = "bad_input/storm.rs"]
mod storm;
#[path = "bad_input/tokens.rs"]
mod tokens;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use trackway_engine::Clock;

use house::House;

/// A state machine that waits for its activity for ever.
const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:machine";
/// An execution of it that runs.
const EXECUTION: &str = "arn:aws:states:us-east-1:000000000000:execution:machine:run";
/// Its activity.
const ACTIVITY: &str = "arn:aws:states:us-east-1:000000000000:activity:activity";
const ROLE: &str = "arn:aws:iam::000000000000:role/test";

/// A house with a machine, three executions of it and an activity.
async fn house() -> House {
    let house = House::open(Clock::Manual, BTreeMap::new()).await;
    let definition = json!({
        "StartAt": "A",
        "States": { "A": { "Type": "Task", "Resource": ACTIVITY, "End": true } },
    });
    let machine = json!({
        "name": "machine",
        "roleArn": ROLE,
        "definition": definition.to_string(),
    });
    let mut requests = vec![
        ("CreateActivity", json!({ "name": "activity" })),
        ("CreateActivity", json!({ "name": "another" })),
        ("CreateStateMachine", machine),
    ];
    for name in ["run", "run-2", "run-3"] {
        requests.push(("StartExecution", json!({ "stateMachineArn": MACHINE, "name": name })));
    }
    for (operation, request) in requests {
        let answer = house.client.ask(operation, &request).await;
        assert_eq!(answer.status, 200, "{operation}: {}", answer.body);
    }
    house
}

/// A request of Step Functions with these bytes as its body.
fn post(operation: &str, body: impl Into<Vec<u8>>) -> Request<Bytes> {
    Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
        .body(Bytes::from(body.into()))
        .expect("a request")
}

/// An answer as the tables have it. A rest answer has its code in a header.
fn said(response: &Response<Bytes>) -> String {
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if status < 300 {
        return status.to_string();
    }
    let header = response.headers().get("x-amzn-errortype").and_then(|code| code.to_str().ok());
    let code = body["__type"].as_str().or(header).unwrap_or("no code");
    match body["message"].as_str().or(body["Message"].as_str()) {
        Some(message) => format!("{status} {code}: {message}"),
        None => format!("{status} {code}"),
    }
}

/// Sends each request of a table and shows every row that is answered differently.
async fn check<B: Into<Vec<u8>> + Clone>(house: &House, rows: &[(&str, B, &str)]) {
    let mut wrong = Vec::new();
    for (operation, body, expected) in rows {
        let answer = said(&house.client.send(post(operation, body.clone())).await);
        if answer != *expected {
            let body = body.clone().into();
            let shown = String::from_utf8_lossy(&body[..body.len().min(120)]).into_owned();
            wrong.push(format!("{operation} {shown}\n  expected {expected}\n  answered {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
