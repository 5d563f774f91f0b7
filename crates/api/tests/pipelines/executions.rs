//! Executions: one a token, stopped, retried, rolled back; and how long they are listed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use trackway_api::codepipeline::Settings;
use trackway_core::{Outcome, Payload};
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{CODEPIPELINE, Client, List, text};
use crate::{acknowledge, house, poll, refused, work, yard};

const NOBODY: &str = "11111111-2222-4333-8444-555555555555";

fn two_stages(name: &str) -> Value {
    yard::pipeline(name, "SUPERSEDED", &[("Build", vec![yard::action("Build", "B")])])
}

async fn start(client: &Client, request: Value) -> String {
    text(&client.codepipeline("StartPipelineExecution", request).await, "pipelineExecutionId")
}

async fn status(client: &Client, id: &str) -> String {
    let request = json!({ "pipelineName": "p", "pipelineExecutionId": id });
    let answer = client.codepipeline("GetPipelineExecution", request).await;
    assert_eq!(answer["pipelineExecution"]["pipelineName"], "p");
    text(&answer["pipelineExecution"], "status")
}

#[tokio::test]
async fn a_token_starts_one_execution_however_often_it_is_sent() {
    let (_house, client) = house(Clock::Manual).await;
    yard::create(&client, &two_stages("p")).await;
    yard::create(&client, &two_stages("q")).await;
    let of = |name: &str, token: &str| json!({ "name": name, "clientRequestToken": token });
    let first = start(&client, of("p", "one")).await;
    assert_eq!(start(&client, of("p", "one")).await, first);
    assert_ne!(start(&client, of("p", "two")).await, first);
    assert_ne!(start(&client, of("q", "one")).await, first);
    assert_ne!(
        start(&client, json!({ "name": "p" })).await,
        start(&client, json!({ "name": "p" })).await,
    );
    let listed = client.codepipeline("ListPipelineExecutions", json!({ "pipelineName": "p" }));
    assert_eq!(listed.await["pipelineExecutionSummaries"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn what_has_ended_is_refused_in_each_operation_s_own_words() {
    let (_house, client) = house(Clock::Manual).await;
    let id = yard::create(&client, &two_stages("p")).await;
    work(&client, "Source").await;
    work(&client, "Build").await;
    assert_eq!(status(&client, &id).await, "Succeeded");
    let of = |id: &str| json!({ "pipelineName": "p", "pipelineExecutionId": id });
    let retry = |id: &str| {
        let mut request = of(id);
        request["stageName"] = json!("Build");
        request["retryMode"] = json!("FAILED_ACTIONS");
        request
    };
    for id in [&id, NOBODY] {
        let stop = refused(&client, "StopPipelineExecution", of(id)).await;
        assert!(stop.starts_with("400 PipelineExecutionNotStoppableException: Unable"), "{stop}");
        let retry = refused(&client, "RetryStageExecution", retry(id)).await;
        assert!(retry.starts_with("400 StageNotRetryableException: Unable"), "{retry}");
        let mut request = of(id);
        request["stageName"] = json!("Build");
        request["conditionType"] = json!("ON_SUCCESS");
        let condition = refused(&client, "OverrideStageCondition", request).await;
        assert!(condition.starts_with("400 ConditionNotOverridableException: "), "{condition}");
    }
    let unknown = refused(&client, "GetPipelineExecution", of(NOBODY)).await;
    assert!(unknown.starts_with("400 PipelineExecutionNotFoundException: "), "{unknown}");
}

#[tokio::test]
async fn a_stop_that_waits_is_asked_once_and_gives_up_when_told() {
    let (_house, client) = house(Clock::Manual).await;
    let id = yard::create(&client, &two_stages("p")).await;
    let stop = |abandon: bool| json!({ "pipelineName": "p", "pipelineExecutionId": id, "abandon": abandon, "reason": "r" });
    let answer = client.codepipeline("StopPipelineExecution", stop(false)).await;
    assert_eq!(answer["pipelineExecutionId"], json!(id));
    assert_eq!(status(&client, &id).await, "Stopping");
    let twice = refused(&client, "StopPipelineExecution", stop(false)).await;
    assert!(twice.starts_with("400 DuplicatedStopRequestException: "), "{twice}");
    client.codepipeline("StopPipelineExecution", stop(true)).await;
    assert_eq!(status(&client, &id).await, "Stopped");
    assert_eq!(poll(&client, "Source", 9).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_rollback_runs_one_stage_of_an_execution_that_succeeded_in_it() {
    let (_house, client) = house(Clock::Manual).await;
    let target = yard::create(&client, &two_stages("p")).await;
    let back = |target: &str, stage: &str| {
        json!({
            "pipelineName": "p", "stageName": stage, "targetPipelineExecutionId": target,
        })
    };
    let early = refused(&client, "RollbackStage", back(&target, "Build")).await;
    assert!(early.starts_with("400 UnableToRollbackStageException: "), "{early}");
    work(&client, "Source").await;
    work(&client, "Build").await;
    let source = refused(&client, "RollbackStage", back(&target, "Source")).await;
    assert!(source.starts_with("400 UnableToRollbackStageException: "), "{source}");
    let stage = refused(&client, "RollbackStage", back(&target, "None")).await;
    assert!(stage.starts_with("400 StageNotFoundException: "), "{stage}");
    let nobody = refused(&client, "RollbackStage", back(NOBODY, "Build")).await;
    assert!(nobody.starts_with("400 PipelineExecutionNotFoundException: "), "{nobody}");
    let answer = client.codepipeline("RollbackStage", back(&target, "Build")).await;
    work(&client, "Build").await;
    let id = text(&answer, "pipelineExecutionId");
    assert_eq!(status(&client, &id).await, "Succeeded");
    let again = refused(&client, "RollbackStage", back(&id, "Build")).await;
    assert!(again.starts_with("400 UnableToRollbackStageException: "), "{again}");
}

#[tokio::test]
async fn a_revision_starts_an_execution_once() {
    let (_house, client) = house(Clock::Manual).await;
    yard::create(&client, &two_stages("p")).await;
    let put = |action: &str, revision: &str| {
        json!({
            "pipelineName": "p", "stageName": "Source", "actionName": action,
            "actionRevision":
                { "revisionId": revision, "revisionChangeId": "c", "created": 1_700_000_000.5 },
        })
    };
    let first = client.codepipeline("PutActionRevision", put("S", "r1")).await;
    assert_eq!(first["newRevision"], true);
    let again = client.codepipeline("PutActionRevision", put("S", "r1")).await;
    assert_eq!(again["newRevision"], false);
    assert_eq!(again["pipelineExecutionId"], first["pipelineExecutionId"]);
    let unknown = refused(&client, "PutActionRevision", put("N", "r1")).await;
    assert!(unknown.starts_with("400 ActionNotFoundException: "), "{unknown}");
}

#[tokio::test]
async fn what_started_before_the_horizon_is_not_listed() {
    const DAY: i64 = 24 * 60 * 60 * 1000;
    let house = House::open(Clock::Manual, BTreeMap::new()).await;
    let days = Duration::from_hours(365 * 24);
    let settings = Settings { history: Some(days), ..Settings::default() };
    house.client.0.configure_pipelines(settings);
    let client = Client(house.client.0.clone());
    yard::types(&client).await;
    let first = yard::create(&client, &two_stages("p")).await;
    let old = poll(&client, "Source", 1).await.remove(0);
    acknowledge(&client, &old).await;
    house.engine.advance(10);
    let failed = json!({
        "jobId": old["id"], "failureDetails": { "type": "JobFailed", "message": "m" },
    });
    client.codepipeline("PutJobFailureResult", failed).await;
    let later = start(&client, json!({ "name": "p" })).await;
    let actions = async |filter: Value| {
        let request = json!({ "pipelineName": "p", "filter": filter, "maxResults": 1 });
        client.codepipeline("ListActionExecutions", request).await
    };
    let ids = |answer: &Value| {
        let rows = answer["actionExecutionDetails"].as_array().unwrap().iter();
        rows.map(|row| text(row, "pipelineExecutionId")).collect::<Vec<_>>()
    };
    let page = actions(json!({})).await;
    assert_eq!(ids(&page), [later.as_str()]);
    assert!(page["nextToken"].is_string());
    house.engine.advance(365 * DAY - 5);
    let page = actions(json!({})).await;
    assert_eq!(ids(&page), [later.as_str()]);
    let page = actions(json!({ "pipelineExecutionId": first })).await;
    assert_eq!((ids(&page).len(), page.get("nextToken")), (0, None));
    let listed = client.codepipeline("ListPipelineExecutions", json!({ "pipelineName": "p" }));
    let listed = listed.await;
    assert_eq!(listed["pipelineExecutionSummaries"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_deployed_to_is_listed_by_its_status() {
    let (mut house, client) = house(Clock::Manual).await;
    let deploy = json!({
        "name": "Ship",
        "actionTypeId": { "category": "Deploy", "owner": "AWS", "provider": "S3", "version": "1" },
        "configuration": { "BucketName": "b", "Extract": "true" },
        "inputArtifacts": [{ "name": "SOutput" }],
    });
    yard::create(&client, &yard::pipeline("p", "QUEUED", &[("Ship", vec![deploy])])).await;
    work(&client, "Source").await;
    let call = house.calls.recv().await.unwrap();
    let request: Value = serde_json::from_str(&call.work.request).unwrap();
    let action = text(&request, "actionExecutionId");
    let targets: Vec<Value> = (0..5)
        .map(|number| {
            let status = if number % 2 == 0 { "Succeeded" } else { "Failed" };
            json!({ "targetId": format!("t{number}"), "status": status, "startTime": 1.5 })
        })
        .collect();
    let answer = json!({ "done": { "deployTargets": targets } }).to_string();
    call.end(Outcome::Succeeded(Payload::new(answer)));
    let of = json!({ "pipelineName": "p" });
    while client.codepipeline("ListPipelineExecutions", of.clone()).await["pipelineExecutionSummaries"]
        [0]["status"]
        != "Succeeded"
    {
        tokio::task::yield_now().await;
    }
    let list = List {
        client: client.clone(),
        words: CODEPIPELINE,
        operation: "ListDeployActionExecutionTargets",
        member: "targets",
        default: 100,
        id: |row| text(row, "targetId"),
        other: json!({ "filters": [{ "name": "TARGET_STATUS", "values": ["Pending"] }] }),
    };
    for (statuses, expected) in [
        (vec![], vec!["t0", "t1", "t2", "t3", "t4"]),
        (vec!["Succeeded"], vec!["t0", "t2", "t4"]),
        (vec!["Failed", "Succeeded"], vec!["t0", "t1", "t2", "t3", "t4"]),
        (vec!["InProgress"], vec![]),
    ] {
        let filters = json!([{ "name": "TARGET_STATUS", "values": statuses }]);
        let request = json!({ "actionExecutionId": action, "filters": filters });
        let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
        for size in [None, Some(1), Some(2), Some(3), Some(5)] {
            list.holds(&request, size, &expected).await;
        }
    }
}
