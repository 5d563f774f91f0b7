//! Every member of every operation with every nasty value: an answer that AWS could give.

use serde_json::{Map, Value, json};
use trackway_api::codepipeline::{Code, operations};
use trackway_engine::Clock;
use trackway_wire::error::is_known;
use trackway_wire::model::{self, ShapeKind};

use crate::paging::{CODEPIPELINE, OURS};
use crate::{house, kind, poll, yard};

/// Values that fit hardly any member.
fn nasty() -> Vec<Value> {
    let mut values = vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(2_147_483_647),
        json!([]),
        json!({}),
        json!([null]),
        json!([[[[{}]]]]),
        json!({ "pipelineExecutionId": "x", "latestInPipelineExecution": {} }),
        json!({ "succeededInStage": {} }),
        json!({ "succeededInStage": { "stageName": "\u{0}" } }),
        json!({ "key": null, "value": { "a": [] } }),
        json!([{ "key": "k", "value": "v" }, { "key": "aws:k", "value": "v" }]),
        json!([{ "name": "n", "value": "v" }, { "name": "n", "value": "w" }]),
        json!([{ "name": "TARGET_STATUS", "values": [] }, {}]),
        json!([{ "actionName": "S", "revisionType": "COMMIT_ID", "revisionValue": "r" }]),
        json!({ "revisionId": "r", "revisionChangeId": "c", "created": -1e300 }),
        json!({ "revision": "r", "changeIdentifier": "c", "created": 1e300 }),
        json!({ "summary": "s", "percentComplete": 101 }),
        json!({ "type": "JobFailed", "message": "\u{0}" }),
        json!({ "summary": "", "status": "Approved" }),
        json!({ "a": "x".repeat(200_000) }),
        json!({ "Name": "\u{ffff}" }),
        json!(["x", "x"]),
    ];
    let long = "x".repeat(70_000);
    let texts = [
        "",
        " ",
        "x",
        "p",
        "S",
        "Source",
        "null",
        "\"",
        "\u{0}",
        "😀",
        "../..",
        "a\nb",
        "Latest",
        "18446744073709551616",
        "arn:aws:codepipeline:us-east-1:000000000000:p",
        "arn:aws:codepipeline:::",
        &long,
        "12345678-1234-1234-1234-1234567890ab",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "{Name}",
        "$[",
    ];
    values.extend(texts.map(Value::from));
    values
}

/// A request that is good but for what is changed in it.
fn good(operation: &str, execution: &str, job: &str) -> Map<String, Value> {
    let mut request = json!({
        "name": "p", "pipelineName": "p", "stageName": "Source", "actionName": "S",
        "pipelineExecutionId": execution, "targetPipelineExecutionId": execution,
        "retryMode": "FAILED_ACTIONS", "conditionType": "BEFORE_ENTRY",
        "transitionType": "Inbound", "reason": "r", "token": execution,
        "result": { "summary": "", "status": "Approved" },
        "actionRevision": { "revisionId": "r", "revisionChangeId": "c", "created": 1 },
        "jobId": job, "nonce": "1", "clientToken": "t",
        "failureDetails": { "type": "JobFailed", "message": "m" },
        "actionExecutionId": execution, "webhookName": "w",
        "actionTypeId": kind("Source"),
        "webhook": {
            "name": "w", "targetPipeline": "p", "targetAction": "S", "filters": [],
            "authentication": "UNAUTHENTICATED", "authenticationConfiguration": {},
        },
        "pipeline": yard::pipeline("other", "QUEUED", &[]),
        "category": "Test", "owner": "AWS", "provider": "P", "version": "1",
        "inputArtifactDetails": { "minimumCount": 0, "maximumCount": 0 },
        "outputArtifactDetails": { "minimumCount": 0, "maximumCount": 0 },
        "resourceArn": "arn:aws:codepipeline:us-east-1:000000000000:p",
        "tags": [], "tagKeys": [],
    });
    let service = model::service("codepipeline").unwrap();
    let input = service.shape(service.operation(operation).unwrap().input.unwrap());
    let ShapeKind::Structure(input) = &input.kind else { panic!("an input is a structure") };
    let request = request.as_object_mut().unwrap();
    request.retain(|name, _| input.members.iter().any(|member| *member.name == **name));
    if matches!(operation, "GetPipeline" | "ListActionTypes") {
        request.remove("version");
    }
    request.clone()
}

#[tokio::test]
async fn every_member_survives_every_value() {
    let (house, client) = house(Clock::Manual).await;
    let build = [("Build", vec![yard::action("Build", "B")])];
    let structure = yard::pipeline("p", "SUPERSEDED", &build);
    let execution = yard::create(&client, &structure).await;
    let job = poll(&client, "Source", 1).await[0]["id"].as_str().unwrap().to_owned();
    let service = model::service("codepipeline").unwrap();
    // What deletes comes last.
    let mut all: Vec<_> = operations().collect();
    all.sort_by_key(|name| name.starts_with("Delete"));
    for operation in all {
        let shape = service.operation(operation).unwrap().input;
        let Some(shape) = shape else { continue };
        let ShapeKind::Structure(input) = &service.shape(shape).kind else {
            panic!("an input is a structure")
        };
        for member in &input.members {
            for value in nasty() {
                let mut request = good(operation, &execution, &job);
                request.insert(member.name.to_string(), value.clone());
                let request = Value::Object(request);
                let (status, body) = client.ask(&CODEPIPELINE, OURS, operation, &request).await;
                let code = body["__type"].as_str().map(|code| code.rsplit('#').next().unwrap());
                let is_known = code.is_none_or(|code| is_known(service, code));
                assert!(
                    matches!(status, 200 | 400 | 409) && is_known,
                    "{operation}.{} = {:.100}: {status} {:.300}",
                    member.name,
                    value.to_string(),
                    body.to_string()
                );
            }
        }
    }
    assert_eq!(house.engine.stats().parked, 0);
    client.codepipeline("ListPipelines", json!({})).await;
}

#[test]
fn every_code_is_one_of_the_model_and_no_operation_is_listed_twice() {
    let service = model::service("codepipeline").unwrap();
    for code in Code::ALL {
        assert!(is_known(service, code.name()), "{code:?}");
    }
    let mut all: Vec<_> = operations().collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    assert_eq!(count, service.operations.len());
}
