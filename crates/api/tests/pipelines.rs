//! CodePipeline by its API: executions, jobs, webhooks, and whatever a client may send.

#![expect(clippy::unwrap_used, reason = "a test that can't go on is a test that fails")]

#[path = "pipelines/declarations.rs"]
mod declarations;
#[path = "pipelines/executions.rs"]
mod executions;
#[path = "recorded/house.rs"]
#[expect(dead_code, reason = "the recorded conversations use the rest of the house")]
mod house;
#[path = "pipelines/jobs.rs"]
mod jobs;
#[path = "pipelines/nasty.rs"]
mod nasty;
#[path = "lists/paging.rs"]
#[expect(dead_code, reason = "the lists use the rest of it")]
mod paging;
#[path = "pipelines/protocols.rs"]
mod protocols;
#[path = "pipelines/resources.rs"]
mod resources;
#[path = "pipelines/watching.rs"]
mod watching;
#[path = "pipelines/webhooks.rs"]
mod webhooks;
#[path = "pipelines/yard.rs"]
mod yard;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_engine::Clock;

use house::House;
use paging::{CODEPIPELINE, Client, OURS};

/// A house whose workers have their action types, and its client.
async fn house(clock: Clock) -> (House, Client) {
    let house = House::open(clock, BTreeMap::new()).await;
    let client = Client(house.client.0.clone());
    yard::types(&client).await;
    (house, client)
}

/// A refusal as `STATUS Code: message`.
async fn refused(client: &Client, operation: &str, request: Value) -> String {
    let (status, body) = client.ask(&CODEPIPELINE, OURS, operation, &request).await;
    assert_ne!(status, 200, "{operation} {request}: {body}");
    let code = body["__type"].as_str().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    format!("{status} {code}: {}", body["message"].as_str().unwrap_or_default())
}

/// The type of the workers' actions.
fn kind(category: &str) -> Value {
    json!({ "category": category, "owner": "Custom", "provider": "Worker", "version": "1" })
}

/// Takes up to so many jobs.
async fn poll(client: &Client, category: &str, most: usize) -> Vec<Value> {
    let request = json!({ "actionTypeId": kind(category), "maxBatchSize": most });
    client.codepipeline("PollForJobs", request).await["jobs"].as_array().unwrap().clone()
}

/// Acknowledges a job.
async fn acknowledge(client: &Client, job: &Value) {
    let request = json!({ "jobId": job["id"], "nonce": job["nonce"] });
    let answer = client.codepipeline("AcknowledgeJob", request).await;
    assert_eq!(answer, json!({ "status": "InProgress" }));
}

/// Takes one job, acknowledges it and ends it well.
async fn work(client: &Client, category: &str) -> Value {
    let job = poll(client, category, 1).await.remove(0);
    acknowledge(client, &job).await;
    client.codepipeline("PutJobSuccessResult", json!({ "jobId": job["id"] })).await;
    job
}
