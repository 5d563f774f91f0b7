//! Declarations by the API: what is filled in, versions, secrets, names.

use serde_json::{Value, json};
use trackway_engine::{Clock, Edit};

use crate::paging::{CODEPIPELINE, Client, OTHER};
use crate::{house, refused, yard};

fn declaration(name: &str) -> Value {
    yard::pipeline(name, "QUEUED", &[("Build", vec![yard::action("Build", "A")])])
}

async fn get(client: &Client, request: Value) -> Value {
    client.codepipeline("GetPipeline", request).await
}

#[tokio::test]
async fn a_pipeline_is_answered_with_what_it_left_out() {
    let (_house, client) = house(Clock::Manual).await;
    let made = client
        .codepipeline(
            "CreatePipeline",
            json!({ "pipeline": {
        "name": "p",
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "artifactStore": { "type": "S3", "location": "bucket" },
        "version": 41,
        "stages": [
            { "name": "Source", "actions": [yard::action("Source", "S")] },
            { "name": "Build", "actions": [yard::action("Build", "A")] },
        ],
    } }),
        )
        .await;
    let action = |category: &str, name: &str, outputs: Value| {
        json!({
            "name": name,
            "actionTypeId":
                { "category": category, "owner": "Custom", "provider": "Worker", "version": "1" },
            "runOrder": 1,
            "configuration": { "Name": name },
            "outputArtifacts": outputs,
            "inputArtifacts": [],
        })
    };
    let pipeline = json!({
        "name": "p",
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "artifactStore": { "type": "S3", "location": "bucket" },
        "version": 1,
        "executionMode": "SUPERSEDED",
        "pipelineType": "V1",
        "stages": [
            { "name": "Source", "actions": [action("Source", "S", json!([{ "name": "SOutput" }]))] },
            { "name": "Build", "actions": [action("Build", "A", json!([]))] },
        ],
    });
    assert_eq!(made, json!({ "pipeline": pipeline }));
    let got = get(&client, json!({ "name": "p" })).await;
    assert_eq!(got["pipeline"], pipeline);
    let metadata = got["metadata"].as_object().unwrap();
    assert_eq!(metadata["pipelineArn"], "arn:aws:codepipeline:us-east-1:000000000000:p");
    assert!(metadata["created"].is_number(), "{metadata:?}");
    assert_eq!(metadata["created"], metadata["updated"]);
    assert_eq!(metadata.len(), 3, "{metadata:?}");
}

#[tokio::test]
async fn every_version_is_kept_as_it_was() {
    let (house, client) = house(Clock::Manual).await;
    let mut shown = Vec::new();
    for version in 1..=4 {
        let mut declaration = declaration("p");
        declaration["stages"][1]["name"] = json!(format!("Build{version}"));
        // What it says of its version is not looked at.
        declaration["version"] = json!(7);
        let operation = if version == 1 { "CreatePipeline" } else { "UpdatePipeline" };
        let answer = client.codepipeline(operation, json!({ "pipeline": declaration })).await;
        assert_eq!(answer["pipeline"]["version"], version);
        shown.push(answer["pipeline"].clone());
        house.engine.advance(5000);
    }
    for (version, expected) in (1..).zip(&shown) {
        let got = get(&client, json!({ "name": "p", "version": version })).await;
        assert_eq!(got["pipeline"].to_string(), expected.to_string());
    }
    let latest = get(&client, json!({ "name": "p" })).await;
    assert_eq!(latest["pipeline"], shown[3]);
    let passed = latest["metadata"]["updated"].as_f64().unwrap()
        - latest["metadata"]["created"].as_f64().unwrap();
    assert!((passed - 15.0).abs() < 0.001, "{latest}");
    let told = refused(&client, "GetPipeline", json!({ "name": "p", "version": 5 })).await;
    assert!(told.starts_with("400 PipelineVersionNotFoundException: "), "{told}");
}

#[tokio::test]
async fn an_update_starts_nothing() {
    let (_house, client) = house(Clock::Manual).await;
    client.codepipeline("CreatePipeline", json!({ "pipeline": declaration("p") })).await;
    client.codepipeline("UpdatePipeline", json!({ "pipeline": declaration("p") })).await;
    let request = json!({ "pipelineName": "p" });
    let listed = client.codepipeline("ListPipelineExecutions", request).await;
    let executions = listed["pipelineExecutionSummaries"].as_array().unwrap();
    assert_eq!(executions.len(), 1);
    assert_eq!(executions[0]["trigger"]["triggerType"], "CreatePipeline");
}

#[tokio::test]
async fn a_secret_is_masked_and_kept_by_its_mask() {
    let (_house, client) = house(Clock::Manual).await;
    let mut declaration = declaration("p");
    let configuration = "/stages/0/actions/0/configuration";
    let github = json!({
        "name": "S",
        "actionTypeId":
            { "category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1" },
        "configuration": { "Owner": "o", "Repo": "r", "Branch": "b", "OAuthToken": "secret" },
        "outputArtifacts": [{ "name": "SOutput" }],
    });
    declaration["stages"][0]["actions"][0] = github;
    let made = client.codepipeline("CreatePipeline", json!({ "pipeline": declaration })).await;
    let masked = |answer: &Value| answer["pipeline"].pointer(configuration).unwrap().clone();
    let expected = json!({ "Owner": "o", "Repo": "r", "Branch": "b", "OAuthToken": "****" });
    assert_eq!(masked(&made), expected);
    assert_eq!(masked(&get(&client, json!({ "name": "p" })).await), expected);
    // What GetPipeline shows can be sent back.
    let shown = get(&client, json!({ "name": "p" })).await["pipeline"].clone();
    let updated = client.codepipeline("UpdatePipeline", json!({ "pipeline": shown })).await;
    assert_eq!(masked(&updated), expected);
    declaration.pointer_mut(configuration).unwrap()["OAuthToken"] = json!("****");
    declaration["name"] = json!("new");
    let told = refused(&client, "CreatePipeline", json!({ "pipeline": declaration })).await;
    assert_eq!(
        told,
        "400 InvalidActionDeclarationException: Action configuration for the new action 'S' contains an invalid configuration for the secret property 'OAuthToken'. '****' may be used in secret properties only when updating an existing action."
    );
}

#[tokio::test]
async fn a_name_is_one_pipelines_until_it_is_deleted() {
    let (_house, client) = house(Clock::Manual).await;
    let create = json!({ "pipeline": declaration("p") });
    client.codepipeline("CreatePipeline", create.clone()).await;
    assert_eq!(
        refused(&client, "CreatePipeline", create.clone()).await,
        "400 PipelineNameInUseException: A pipeline with the name 'p' already exists in account '000000000000'"
    );
    let (status, _) =
        client.ask(&CODEPIPELINE, OTHER, "GetPipeline", &json!({ "name": "p" })).await;
    assert_eq!(status, 400, "it is not another account's");
    client.codepipeline("UpdatePipeline", create.clone()).await;
    client.codepipeline("DeletePipeline", json!({ "name": "p" })).await;
    assert_eq!(
        refused(&client, "GetPipeline", json!({ "name": "p" })).await,
        "400 PipelineNotFoundException: Account '000000000000' does not have a pipeline with name 'p'"
    );
    assert_eq!(
        refused(&client, "UpdatePipeline", create.clone()).await,
        "400 ResourceNotFoundException: The account with id '000000000000' does not include a pipeline with the name 'p'"
    );
    // Deleting it again is fine, and so is one that never was.
    for name in ["p", "never"] {
        client.codepipeline("DeletePipeline", json!({ "name": name })).await;
    }
    let made = client.codepipeline("CreatePipeline", create).await;
    assert_eq!(made["pipeline"]["version"], 1, "a new one knows nothing of the old one");
    let old = json!({ "name": "p", "version": 2 });
    let told = refused(&client, "GetPipeline", old).await;
    assert!(told.starts_with("400 PipelineVersionNotFoundException: "), "{told}");
}

#[tokio::test]
async fn two_who_create_at_once_get_one_pipeline() {
    let (_house, client) = house(Clock::Manual).await;
    let create = json!({ "pipeline": declaration("p") });
    let ask = || client.ask(&CODEPIPELINE, crate::OURS, "CreatePipeline", &create);
    let answers = tokio::join!(ask(), ask(), ask());
    let mut statuses = [answers.0.0, answers.1.0, answers.2.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400, 400]);
}

#[tokio::test]
async fn a_name_that_leads_nowhere_gives_way() {
    let (house, client) = house(Clock::Manual).await;
    client.codepipeline("CreatePipeline", json!({ "pipeline": declaration("q") })).await;
    // What a crash leaves between the two commits of CreatePipeline: the row of a number.
    let (table, key) = (trackway_api::codepipeline::table::PIPELINES, b"p".to_vec());
    let put = Edit::Put { table, key, value: vec![1, 5].into() };
    house.engine.catalog().change("000000000000/us-east-1", &[], &[put]).await.unwrap();
    let listed = client.codepipeline("ListPipelines", json!({ "maxResults": 1 })).await;
    assert_eq!(listed["pipelines"][0]["name"], "q");
    assert_eq!(listed.get("nextToken"), None);
    let told = refused(&client, "GetPipeline", json!({ "name": "p" })).await;
    assert!(told.starts_with("400 PipelineNotFoundException: "), "{told}");
    let made = client.codepipeline("CreatePipeline", json!({ "pipeline": declaration("p") })).await;
    assert_eq!(made["pipeline"]["version"], 1);
}

#[tokio::test]
async fn each_kind_of_refusal_has_its_code() {
    let (_house, client) = house(Clock::Manual).await;
    for (pointer, value, expected) in [
        (
            "/stages",
            json!([declaration("p")["stages"][0]]),
            "400 InvalidStructureException: Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a pipeline",
        ),
        (
            "/stages/1/name",
            json!("Source"),
            "400 InvalidStageDeclarationException: Stage name 'Source' is used more than once",
        ),
        (
            "/stages/1/actions/0/configuration",
            json!({}),
            "400 InvalidActionDeclarationException: Action configuration for action 'A' is missing required configuration 'Name'",
        ),
        (
            "/stages/1/actions/0/actionTypeId/version",
            json!("2"),
            "400 InvalidActionDeclarationException: ActionType (Category: 'Build', Provider: 'Worker', Owner: 'Custom', Version: '2') in action 'A' is not available in region 'US_EAST_1'",
        ),
    ] {
        let mut declaration = declaration("p");
        *declaration.pointer_mut(pointer).unwrap() = value;
        let request = json!({ "pipeline": declaration });
        assert_eq!(refused(&client, "CreatePipeline", request).await, expected);
    }
    let mut blocked = declaration("p");
    blocked["stages"][1]["blockers"] = json!([{ "name": "b", "type": "Schedule" }]);
    let told = refused(&client, "CreatePipeline", json!({ "pipeline": blocked })).await;
    assert!(told.starts_with("400 InvalidBlockerDeclarationException: "), "{told}");
    let listed = client.codepipeline("ListPipelines", json!({})).await;
    assert_eq!(listed, json!({ "pipelines": [] }), "nothing was left behind");
}
