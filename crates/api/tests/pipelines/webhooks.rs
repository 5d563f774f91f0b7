//! Webhooks: put, listed, deleted, and triggered over HTTP.

use std::net::SocketAddr;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::paging::Client;
use crate::{house, refused, yard};

fn webhook(name: &str, authentication: &str, configuration: Value) -> Value {
    json!({ "webhook": {
        "name": name, "targetPipeline": "p", "targetAction": "S",
        "filters": [{ "jsonPath": "$.ref", "matchEquals": "refs/heads/{Name}" }],
        "authentication": authentication, "authenticationConfiguration": configuration,
    } })
}

async fn put(client: &Client, request: Value) -> Value {
    let answer = client.codepipeline("PutWebhook", request).await;
    answer["webhook"].clone()
}

/// Triggers a webhook by its URL; the status.
async fn trigger(client: &Client, url: &str, headers: &[(&str, &str)], body: &str) -> u16 {
    let path = url.strip_prefix("http://localhost").unwrap();
    let mut request = Request::post(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let peer: SocketAddr = "10.1.2.3:4".parse().unwrap();
    let request = request.extension(peer).body(Bytes::from(body.to_owned())).unwrap();
    client.0.answer_webhook(&request).await.unwrap().status().as_u16()
}

async fn executions(client: &Client) -> Vec<Value> {
    let listed = client.codepipeline("ListPipelineExecutions", json!({ "pipelineName": "p" }));
    listed.await["pipelineExecutionSummaries"].as_array().unwrap().clone()
}

const BODY: &str = r#"{"ref":"refs/heads/S"}"#;

fn pipeline() -> Value {
    yard::pipeline("p", "QUEUED", &[("Build", vec![yard::action("Build", "B")])])
}

#[tokio::test]
async fn a_webhook_starts_its_pipeline_for_what_its_filters_let_through() {
    let (house, client) = house(Clock::Manual).await;
    yard::create(&client, &pipeline()).await;
    let hook = put(&client, webhook("w", "UNAUTHENTICATED", json!({}))).await;
    let url = hook["url"].as_str().unwrap();
    assert!(url.contains("/trigger?t=") && url.ends_with("&v=1"), "{url}");
    assert_eq!(hook.get("lastTriggered"), None);
    assert_eq!(trigger(&client, url, &[], r#"{"ref":"refs/heads/other"}"#).await, 200);
    assert_eq!(trigger(&client, url, &[], "no json").await, 400);
    assert_eq!(executions(&client).await.len(), 1);
    house.engine.advance(5);
    assert_eq!(trigger(&client, url, &[], BODY).await, 200);
    let started = executions(&client).await;
    assert_eq!(started.len(), 2);
    let arn = "arn:aws:codepipeline:us-east-1:000000000000:webhook:w";
    assert_eq!(started[0]["trigger"], json!({ "triggerType": "Webhook", "triggerDetail": arn }),);
    let listed = client.codepipeline("ListWebhooks", json!({})).await;
    assert!(listed["webhooks"][0]["lastTriggered"].is_f64());
    // Put again it stays where it is; put anew it is somewhere else.
    assert_eq!(put(&client, webhook("w", "UNAUTHENTICATED", json!({}))).await["url"], url);
    client.codepipeline("DeleteWebhook", json!({ "name": "w" })).await;
    client.codepipeline("DeleteWebhook", json!({ "name": "w" })).await;
    assert_eq!(trigger(&client, url, &[], BODY).await, 404);
    house.engine.advance(5);
    let again = put(&client, webhook("w", "UNAUTHENTICATED", json!({}))).await;
    assert_ne!(again["url"], url);
    assert_eq!(trigger(&client, url, &[], BODY).await, 404);
    assert_eq!(trigger(&client, "http://localhost/trigger?t=nonsense&v=1", &[], BODY).await, 404);
    assert_eq!(trigger(&client, "http://localhost/trigger", &[], BODY).await, 404);
}

#[tokio::test]
async fn a_webhook_lets_in_whom_it_knows() {
    let (_house, client) = house(Clock::Manual).await;
    yard::create(&client, &pipeline()).await;
    let secret = put(&client, webhook("h", "GITHUB_HMAC", json!({ "SecretToken": "s" }))).await;
    assert_eq!(secret["definition"]["authenticationConfiguration"]["SecretToken"], "****");
    let url = secret["url"].as_str().unwrap();
    let sha_1 = "sha1=58bef8d4b7559be98aca5c3b77c8119481601490";
    let sha_256 = "sha256=13c03d9a71c40dae57637f02b41da59b03bbec3b9d656308b532b1e9052c45c2";
    let (one, other) = ("X-Hub-Signature", "X-Hub-Signature-256");
    assert_eq!(trigger(&client, url, &[(one, sha_1)], BODY).await, 200);
    assert_eq!(trigger(&client, url, &[(other, sha_256)], BODY).await, 200);
    assert_eq!(trigger(&client, url, &[], BODY).await, 403);
    assert_eq!(trigger(&client, url, &[(one, sha_1)], r#"{"ref":"refs/heads/X"}"#).await, 403);
    assert_eq!(trigger(&client, url, &[(one, "sha1=")], BODY).await, 403);
    for (range, status) in [("10.0.0.0/8", 200), ("10.1.2.3", 200), ("10.1.2.4/32", 403)] {
        let hook = webhook("i", "IP", json!({ "AllowedIPRange": range }));
        let hook = put(&client, hook).await;
        let url = hook["url"].as_str().unwrap();
        assert_eq!(trigger(&client, url, &[], BODY).await, status, "{range}");
    }
}

#[tokio::test]
async fn what_a_webhook_must_have_is_checked() {
    let (_house, client) = house(Clock::Manual).await;
    yard::create(&client, &pipeline()).await;
    let parameters = "400 InvalidWebhookAuthenticationParametersException: ";
    for (request, expected) in [
        (webhook("w", "GITHUB_HMAC", json!({})), parameters),
        (webhook("w", "GITHUB_HMAC", json!({ "AllowedIPRange": "10.0.0.0/8" })), parameters),
        (webhook("w", "IP", json!({ "SecretToken": "s" })), parameters),
        (webhook("w", "IP", json!({ "AllowedIPRange": "somewhere" })), parameters),
        (webhook("w", "UNAUTHENTICATED", json!({ "SecretToken": "s" })), parameters),
    ] {
        let told = refused(&client, "PutWebhook", request).await;
        assert!(told.starts_with(expected), "{told}");
    }
    for (member, value, expected) in [
        ("targetPipeline", json!("none"), "400 PipelineNotFoundException: "),
        ("targetAction", json!("B"), "400 ValidationException: "),
        ("filters", json!([{ "jsonPath": "$[" }]), "400 InvalidWebhookFilterPatternException: "),
    ] {
        let mut request = webhook("w", "UNAUTHENTICATED", json!({}));
        request["webhook"][member] = value;
        let told = refused(&client, "PutWebhook", request).await;
        assert!(told.starts_with(expected), "{told}");
    }
    put(&client, webhook("w", "UNAUTHENTICATED", json!({}))).await;
    let name = |name: &str| json!({ "webhookName": name });
    let told = refused(&client, "RegisterWebhookWithThirdParty", name("w")).await;
    assert!(told.contains("add http://localhost/trigger?t="), "{told}");
    client.codepipeline("DeregisterWebhookWithThirdParty", name("w")).await;
    for operation in ["RegisterWebhookWithThirdParty", "DeregisterWebhookWithThirdParty"] {
        let told = refused(&client, operation, name("none")).await;
        assert!(told.starts_with("400 WebhookNotFoundException: "), "{told}");
    }
}
