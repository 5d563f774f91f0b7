//! Systems Manager's operations: what each answers, and what it refuses in which words.
//!
//! The tables read `operation, request, "STATUS"` or `"STATUS Code: message"`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::too_many_lines, reason = "a table is as long as it is")]

#[path = "ssm/automation.rs"]
mod automation;
#[path = "ssm/documents.rs"]
mod documents;
#[path = "recorded/house.rs"]
#[expect(dead_code, reason = "the recorded conversations use the rest of the house")]
mod house;
#[path = "ssm/local.rs"]
mod local;
#[path = "ssm/parameters.rs"]
mod parameters;
#[path = "ssm/settings.rs"]
mod settings;
#[path = "ssm/storm.rs"]
mod storm;
#[path = "ssm/tags.rs"]
mod tags;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use trackway_engine::Clock;

use house::House;

/// A house with nothing in it, whose clock jumps to the next timer.
async fn house() -> House {
    House::open(Clock::Skip, BTreeMap::new()).await
}

/// A request of Systems Manager, by an account.
fn post(account: &str, operation: &str, body: impl Into<Vec<u8>>) -> Request<Bytes> {
    let signed = format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature=x"
    );
    Request::post("/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("AmazonSSM.{operation}"))
        .header("authorization", signed)
        .body(Bytes::from(body.into()))
        .expect("a request")
}

/// The account of most tests.
const OURS: &str = "000000000000";
/// Another one.
const OTHER: &str = "111122223333";

/// What an account is answered: the status, or `STATUS Code: message`, and the body.
async fn ask_as(house: &House, account: &str, operation: &str, request: &Value) -> (String, Value) {
    let response = house.client.send(post(account, operation, request.to_string())).await;
    let status = response.status().as_u16();
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    if status < 300 {
        return (status.to_string(), body);
    }
    let code = body["__type"].as_str().unwrap_or("no code");
    let said = match body["message"].as_str().or(body["Message"].as_str()) {
        Some(message) => format!("{status} {code}: {message}"),
        None => format!("{status} {code}"),
    };
    (said, body)
}

async fn ask(house: &House, operation: &str, request: Value) -> (String, Value) {
    ask_as(house, OURS, operation, &request).await
}

/// The answer of an operation that has to succeed.
async fn done(house: &House, operation: &str, request: Value) -> Value {
    let (said, body) = ask(house, operation, request.clone()).await;
    assert_eq!(said, "200", "{operation} {request}");
    body
}

/// Sends each request of a table and shows every row that is answered differently. An expectation
/// that ends with `...` is a beginning.
async fn check(house: &House, rows: &[(&str, Value, &str)]) {
    let mut wrong = Vec::new();
    for (operation, request, expected) in rows {
        let (said, _) = ask(house, operation, request.clone()).await;
        let fits = match expected.strip_suffix("...") {
            Some(beginning) => said.starts_with(beginning),
            None => said == *expected,
        };
        if !fits {
            let request: String = request.to_string().chars().take(160).collect();
            wrong.push(format!("{operation} {request}\n  expected {expected}\n  answered {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Reads a list to its end, so many a page.
async fn pages(house: &House, operation: &str, mut request: Value, member: &str) -> Vec<Value> {
    let mut items = Vec::new();
    loop {
        let mut page = done(house, operation, request.clone()).await;
        let Value::Array(found) = page[member].take() else {
            panic!("{operation} has no {member}")
        };
        items.extend(found);
        match page["NextToken"].as_str() {
            Some(token) => request["NextToken"] = json!(token),
            None => return items,
        }
    }
}

/// A runbook of these steps, as JSON text.
fn runbook(steps: &Value, parameters: &Value) -> String {
    json!({ "schemaVersion": "0.3", "parameters": parameters, "mainSteps": steps }).to_string()
}

fn sleep(name: &str) -> Value {
    json!({ "name": name, "action": "aws:sleep", "inputs": { "Duration": "PT1S" } })
}

/// Creates a runbook.
async fn create(house: &House, name: &str, steps: Value, parameters: Value) {
    let request = json!({
        "Name": name,
        "DocumentType": "Automation",
        "Content": runbook(&steps, &parameters),
    });
    done(house, "CreateDocument", request).await;
}

/// Starts a runbook; the execution's id.
async fn start(house: &House, request: Value) -> String {
    let answer = done(house, "StartAutomationExecution", request).await;
    answer["AutomationExecutionId"].as_str().expect("an id").to_owned()
}

/// The execution when it has one of these statuses.
async fn once(house: &House, id: &str, statuses: &[&str]) -> Value {
    loop {
        let request = json!({ "AutomationExecutionId": id });
        let mut answer = done(house, "GetAutomationExecution", request).await;
        let execution = answer["AutomationExecution"].take();
        if statuses.contains(&execution["AutomationExecutionStatus"].as_str().unwrap_or_default()) {
            return execution;
        }
        tokio::task::yield_now().await;
    }
}

const ENDED: &[&str] = &["Success", "Failed", "TimedOut", "Cancelled"];
