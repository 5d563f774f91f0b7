//! Jobs: handed to one worker, acknowledged once, answered once.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use trackway_api::codepipeline::Settings;
use trackway_engine::Clock;

use crate::paging::text;
use crate::{acknowledge, house, kind, poll, refused, work, yard};

fn pipeline(name: &str) -> Value {
    let build = vec![yard::action("Build", "A"), yard::action("Build", "B")];
    yard::pipeline(name, "QUEUED", &[("Build", build)])
}

#[tokio::test]
async fn a_job_that_nobody_acknowledges_is_offered_again_after_a_minute() {
    let (house, client) = house(Clock::Manual).await;
    yard::create(&client, &pipeline("p")).await;
    let job = poll(&client, "Source", 1).await.remove(0);
    house.engine.advance(59_999);
    assert_eq!(poll(&client, "Source", 9).await, Vec::<Value>::new());
    house.engine.advance(1);
    assert_eq!(poll(&client, "Source", 9).await, std::slice::from_ref(&job));
    acknowledge(&client, &job).await;
    house.engine.advance(600_000);
    assert_eq!(poll(&client, "Source", 9).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_job_has_what_a_worker_needs() {
    let (_house, client) = house(Clock::Manual).await;
    let execution = yard::create(&client, &pipeline("p")).await;
    let mut job = poll(&client, "Source", 1).await.remove(0);
    let details = client.codepipeline("GetJobDetails", json!({ "jobId": job["id"] })).await;
    assert_eq!(details["jobDetails"]["data"], job["data"]);
    assert_eq!(details["jobDetails"]["accountId"], "000000000000");
    let credentials = job["data"]["artifactCredentials"].take();
    assert!(text(&credentials, "accessKeyId").starts_with("ASIA"));
    assert!(!text(&credentials, "secretAccessKey").is_empty());
    assert!(!text(&credentials, "sessionToken").is_empty());
    let output = &job["data"]["outputArtifacts"][0];
    let key = text(&output["location"]["s3Location"], "objectKey");
    assert!(key.starts_with("p/SOutput/"), "{key}");
    let action = text(&job["data"]["pipelineContext"]["action"], "actionExecutionId");
    let expected = json!({
        "actionTypeId": kind("Source"),
        "actionConfiguration": { "configuration": { "Name": "S" } },
        "pipelineContext": {
            "pipelineName": "p",
            "stage": { "name": "Source" },
            "action": { "name": "S", "actionExecutionId": action },
            "pipelineArn": "arn:aws:codepipeline:us-east-1:000000000000:p",
            "pipelineExecutionId": execution,
        },
        "inputArtifacts": [],
        "outputArtifacts": [{
            "name": "SOutput",
            "location":
                { "type": "S3", "s3Location": { "bucketName": "bucket", "objectKey": key } },
        }],
        "artifactCredentials": null,
    });
    assert_eq!(job["data"], expected);
    assert_eq!(job["accountId"], "000000000000");
}

#[tokio::test]
async fn a_nonce_is_good_once_and_a_result_too() {
    let (_house, client) = house(Clock::Manual).await;
    yard::create(&client, &pipeline("p")).await;
    let job = poll(&client, "Source", 1).await.remove(0);
    let id = json!({ "jobId": job["id"] });
    let early = refused(&client, "PutJobSuccessResult", id.clone()).await;
    assert!(early.starts_with("400 InvalidJobStateException: "), "{early}");
    let wrong = json!({ "jobId": job["id"], "nonce": "none" });
    let wrong = refused(&client, "AcknowledgeJob", wrong).await;
    assert!(wrong.starts_with("400 InvalidNonceException: "), "{wrong}");
    acknowledge(&client, &job).await;
    let twice = json!({ "jobId": job["id"], "nonce": job["nonce"] });
    let twice = refused(&client, "AcknowledgeJob", twice).await;
    assert!(twice.starts_with("400 InvalidNonceException: "), "{twice}");
    client.codepipeline("PutJobSuccessResult", id.clone()).await;
    let twice = refused(&client, "PutJobSuccessResult", id).await;
    assert!(twice.starts_with("400 InvalidJobStateException: "), "{twice}");
    let unknown = json!({ "jobId": "11111111-2222-4333-8444-555555555555" });
    for operation in ["PutJobSuccessResult", "GetJobDetails"] {
        let unknown = refused(&client, operation, unknown.clone()).await;
        assert!(unknown.starts_with("400 JobNotFoundException: "), "{unknown}");
    }
}

#[tokio::test]
async fn a_job_goes_on_as_another_with_its_token() {
    let (_house, client) = house(Clock::Manual).await;
    yard::create(&client, &pipeline("p")).await;
    let job = poll(&client, "Source", 1).await.remove(0);
    acknowledge(&client, &job).await;
    let goes_on = json!({ "jobId": job["id"], "continuationToken": "half" });
    client.codepipeline("PutJobSuccessResult", goes_on).await;
    let next = poll(&client, "Source", 1).await.remove(0);
    assert_ne!(next["id"], job["id"]);
    assert_eq!(next["data"]["continuationToken"], "half");
    assert_eq!(next["data"]["pipelineContext"], job["data"]["pipelineContext"]);
}

#[tokio::test]
async fn a_poll_may_ask_for_a_value_of_the_queryable_property() {
    let (_house, client) = house(Clock::Manual).await;
    yard::create(&client, &pipeline("p")).await;
    work(&client, "Source").await;
    let ask = |key: &str, value: &str| json!({ "actionTypeId": kind("Build"), "maxBatchSize": 9, "queryParam": { key: value } });
    let found = async |value: &str| {
        let answer = client.codepipeline("PollForJobs", ask("Name", value)).await;
        let jobs = answer["jobs"].as_array().unwrap().iter();
        let name = |job: &Value| text(&job["data"]["pipelineContext"]["action"], "name");
        jobs.map(name).collect::<Vec<_>>()
    };
    assert_eq!(found("C").await, Vec::<String>::new());
    assert_eq!(found("B").await, ["B"]);
    assert_eq!(found("B").await, Vec::<String>::new());
    assert_eq!(found("A").await, ["A"]);
    let secret = refused(&client, "PollForJobs", ask("Secret", "x")).await;
    assert!(secret.starts_with("400 ValidationException: "), "{secret}");
}

#[tokio::test]
async fn jobs_of_aws_are_polled_for_where_they_are_left_to_workers() {
    let (house, client) = house(Clock::Manual).await;
    let ask = |owner: &str, provider: &str| {
        json!({ "actionTypeId":
            { "category": "Build", "owner": owner, "provider": provider, "version": "1" } })
    };
    let workers = vec!["Build/CodeBuild".to_owned()];
    house.client.0.configure_pipelines(Settings { workers, ..Settings::default() });
    let none = client.codepipeline("PollForJobs", ask("AWS", "CodeBuild")).await;
    assert_eq!(none, json!({ "jobs": [] }));
    for (owner, provider) in [("AWS", "ECRBuildAndPublish"), ("Custom", "No"), ("ThirdParty", "X")]
    {
        let told = refused(&client, "PollForJobs", ask(owner, provider)).await;
        assert!(told.starts_with("400 ActionTypeNotFoundException: "), "{told}");
    }
}

#[tokio::test]
async fn a_third_party_s_job_wants_its_client_s_token() {
    let (_house, client) = house(Clock::Manual).await;
    let kind = json!({
        "category": "Deploy", "owner": "ThirdParty", "provider": "AlexaSkillsKit", "version": "1",
    });
    let action = json!({
        "name": "Skill",
        "actionTypeId": kind,
        "configuration": {
            "ClientId": "c", "SkillId": "s", "ClientSecret": "x", "RefreshToken": "y",
        },
        "inputArtifacts": [{ "name": "SOutput" }],
    });
    yard::create(&client, &yard::pipeline("p", "QUEUED", &[("Deploy", vec![action])])).await;
    work(&client, "Source").await;
    let of = json!({ "actionTypeId": kind });
    let told = refused(&client, "PollForJobs", of.clone()).await;
    assert!(told.starts_with("400 ActionTypeNotFoundException: "), "{told}");
    let polled = client.codepipeline("PollForThirdPartyJobs", of.clone()).await;
    let job = polled["jobs"][0].clone();
    assert_eq!(client.codepipeline("PollForThirdPartyJobs", of).await, json!({ "jobs": [] }));
    let with = |token: &Value, more: Value| {
        let mut request = json!({ "jobId": job["jobId"], "clientToken": token });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let failure = json!({ "failureDetails": { "type": "JobFailed", "message": "m" } });
    for (operation, more) in [
        ("GetThirdPartyJobDetails", json!({})),
        ("AcknowledgeThirdPartyJob", json!({ "nonce": "1" })),
        ("PutThirdPartyJobSuccessResult", json!({})),
        ("PutThirdPartyJobFailureResult", failure),
    ] {
        let told = refused(&client, operation, with(&json!("another"), more)).await;
        assert!(told.starts_with("400 InvalidClientTokenException: "), "{operation}: {told}");
    }
    let token = &job["clientId"];
    let details = client.codepipeline("GetThirdPartyJobDetails", with(token, json!({}))).await;
    let details = &details["jobDetails"];
    assert_eq!(details["data"]["actionConfiguration"]["configuration"]["RefreshToken"], "y");
    assert_eq!(details["data"]["pipelineContext"].get("pipelineExecutionId"), None);
    let nonce = json!({ "nonce": details["nonce"] });
    client.codepipeline("AcknowledgeThirdPartyJob", with(token, nonce)).await;
    client.codepipeline("PutThirdPartyJobSuccessResult", with(token, json!({}))).await;
    let listed = client.codepipeline("ListPipelineExecutions", json!({ "pipelineName": "p" }));
    assert_eq!(listed.await["pipelineExecutionSummaries"][0]["status"], "Succeeded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_pollers_get_each_job_once() {
    const PIPELINES: usize = 40;
    const POLLERS: usize = 24;
    let (_house, client) = house(Clock::Real).await;
    for number in 0..PIPELINES {
        yard::create(&client, &pipeline(&format!("p{number}"))).await;
    }
    let left = Arc::new(std::sync::atomic::AtomicUsize::new(PIPELINES * 3));
    let pollers = (0..POLLERS).map(|number| {
        let (client, left) = (client.clone(), Arc::clone(&left));
        tokio::spawn(async move {
            let mut mine = Vec::new();
            while left.load(std::sync::atomic::Ordering::SeqCst) > 0 {
                for category in ["Source", "Build"] {
                    for job in poll(&client, category, 1 + number % 5).await {
                        acknowledge(&client, &job).await;
                        let id = json!({ "jobId": job["id"] });
                        client.codepipeline("PutJobSuccessResult", id).await;
                        left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        mine.push(text(&job, "id"));
                    }
                }
                tokio::task::yield_now().await;
            }
            mine
        })
    });
    let mut all = Vec::new();
    for poller in pollers.collect::<Vec<_>>() {
        all.extend(poller.await.unwrap());
    }
    assert_eq!(all.len(), PIPELINES * 3);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    for number in 0..PIPELINES {
        let request = json!({ "pipelineName": format!("p{number}") });
        let listed = client.codepipeline("ListPipelineExecutions", request).await;
        assert_eq!(listed["pipelineExecutionSummaries"][0]["status"], "Succeeded");
    }
}

#[tokio::test]
async fn the_addresses_of_a_type_are_shown_in_the_state_and_not_in_the_declaration() {
    let (_house, client) = house(Clock::Manual).await;
    let request = json!({
        "category": "Test", "provider": "Linked", "version": "1",
        "settings": {
            "entityUrlTemplate": "https://x/{Config:Name}",
            "executionUrlTemplate": "https://x/{Config:Name}/{ExternalExecutionId}",
        },
        "configurationProperties":
            [{ "name": "Name", "required": true, "key": true, "secret": false }],
        "inputArtifactDetails": { "minimumCount": 0, "maximumCount": 0 },
        "outputArtifactDetails": { "minimumCount": 0, "maximumCount": 0 },
    });
    client.codepipeline("CreateCustomActionType", request).await;
    let mut test = yard::action("Test", "T");
    test["actionTypeId"]["provider"] = json!("Linked");
    // What a caller says of it is not taken.
    test["_urls"] = json!({ "entityUrlTemplate": "https://other/" });
    let structure = yard::pipeline("p", "QUEUED", &[("Test", vec![test])]);
    yard::create(&client, &structure).await;
    let shown = client.codepipeline("GetPipeline", json!({ "name": "p" })).await.to_string();
    assert!(!shown.contains("https://"), "{shown}");
    let state = client.codepipeline("GetPipelineState", json!({ "name": "p" })).await;
    let action = &state["stageStates"][1]["actionStates"][0];
    assert_eq!(action["entityUrl"], "https://x/T");
    work(&client, "Source").await;
    let kind = structure["stages"][1]["actions"][0]["actionTypeId"].clone();
    let polled = client.codepipeline("PollForJobs", json!({ "actionTypeId": kind })).await;
    let job = polled["jobs"][0].clone();
    acknowledge(&client, &job).await;
    let result = json!({ "jobId": job["id"], "executionDetails": { "externalExecutionId": "7" } });
    client.codepipeline("PutJobSuccessResult", result).await;
    let listed = client.codepipeline("ListActionExecutions", json!({ "pipelineName": "p" })).await;
    let result = &listed["actionExecutionDetails"][0]["output"]["executionResult"];
    assert_eq!(result["externalExecutionUrl"], "https://x/T/7");
}
