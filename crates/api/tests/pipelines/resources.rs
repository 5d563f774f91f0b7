//! Action types and tags by the API.

use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::paging::Client;
use crate::{house, refused, yard};

fn custom(version: &str) -> Value {
    json!({
        "category": "Test",
        "provider": "Mine",
        "version": version,
        "settings": { "entityUrlTemplate": "http://here/{Config:Project}" },
        "configurationProperties": [{
            "name": "Project", "required": true, "key": true, "secret": false, "queryable": true,
            "description": "d", "type": "String",
        }],
        "inputArtifactDetails": { "minimumCount": 0, "maximumCount": 5 },
        "outputArtifactDetails": { "minimumCount": 0, "maximumCount": 1 },
    })
}

async fn make(client: &Client, request: Value) -> Value {
    client.codepipeline("CreateCustomActionType", request).await
}

#[tokio::test]
async fn a_custom_type_is_answered_as_it_was_made() {
    let (_house, client) = house(Clock::Manual).await;
    let mut request = custom("1");
    request["tags"] = json!([{ "key": "b", "value": "2" }, { "key": "a", "value": "1" }]);
    let expected = json!({
        "id": { "category": "Test", "owner": "Custom", "provider": "Mine", "version": "1" },
        "settings": { "entityUrlTemplate": "http://here/{Config:Project}" },
        "actionConfigurationProperties": [{
            "name": "Project", "required": true, "key": true, "secret": false, "queryable": true,
            "description": "d", "type": "String",
        }],
        "inputArtifactDetails": { "minimumCount": 0, "maximumCount": 5 },
        "outputArtifactDetails": { "minimumCount": 0, "maximumCount": 1 },
    });
    let tags = json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "2" }]);
    assert_eq!(make(&client, request).await, json!({ "actionType": expected, "tags": tags }));
    let listed =
        client.codepipeline("ListActionTypes", json!({ "actionOwnerFilter": "Custom" })).await;
    assert!(listed["actionTypes"].as_array().unwrap().contains(&expected), "{listed}");
}

#[tokio::test]
async fn a_version_that_was_deleted_comes_back_only_as_it_was() {
    let (_house, client) = house(Clock::Manual).await;
    make(&client, custom("1")).await;
    make(&client, custom("1")).await;
    let mut other = custom("1");
    other["inputArtifactDetails"]["maximumCount"] = json!(1);
    let told = "400 ActionTypeAlreadyExistsException: The action type (Category: 'Test', Provider: 'Mine', Owner: 'Custom', Version: '1') already exists with a different definition";
    assert_eq!(refused(&client, "CreateCustomActionType", other.clone()).await, told);
    let request = json!({ "category": "Test", "provider": "Mine", "version": "1" });
    for _ in 0..2 {
        client.codepipeline("DeleteCustomActionType", request.clone()).await;
    }
    let poll = json!({
        "actionTypeId": { "category": "Test", "owner": "Custom", "provider": "Mine", "version": "1" },
    });
    let gone = refused(&client, "PollForJobs", poll.clone()).await;
    assert!(gone.starts_with("400 ActionTypeNotFoundException: "), "{gone}");
    assert_eq!(refused(&client, "CreateCustomActionType", other.clone()).await, told);
    make(&client, custom("1")).await;
    client.codepipeline("PollForJobs", poll).await;
    other["version"] = json!("2");
    make(&client, other).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_custom_type_is_told() {
    let (_house, client) = house(Clock::Manual).await;
    for (pointer, value, message) in [
        (
            "/inputArtifactDetails/minimumCount",
            json!(5),
            "Maximum Number of Artifacts (3) has to be greater than or equal to minimum (5).",
        ),
        (
            "/configurationProperties/0/secret",
            json!(true),
            "Invalid queryable property 'Project'. Queryable configuration properties must be required and non-secret.",
        ),
        (
            "/configurationProperties/0/required",
            json!(false),
            "Invalid queryable property 'Project'. Queryable configuration properties must be required and non-secret.",
        ),
        (
            "/configurationProperties/1/queryable",
            json!(true),
            "Multiple queryable configuration properties found with names 'Project, More'. Up to one queryable property may be specified.",
        ),
        (
            "/configurationProperties/1/name",
            json!("Project"),
            "Configuration property 'Project' is used more than once.",
        ),
    ] {
        let mut request = custom("1");
        request["inputArtifactDetails"]["maximumCount"] = json!(3);
        let mut more = request["configurationProperties"][0].clone();
        (more["name"], more["queryable"]) = (json!("More"), json!(false));
        request["configurationProperties"].as_array_mut().unwrap().push(more);
        *request.pointer_mut(pointer).unwrap() = value;
        let told = refused(&client, "CreateCustomActionType", request).await;
        assert_eq!(told, format!("400 ValidationException: {message}"));
    }
}

#[tokio::test]
async fn there_are_at_most_fifty_custom_types() {
    let (_house, client) = house(Clock::Manual).await;
    // The yard has two.
    for version in 1..=48 {
        make(&client, custom(&version.to_string())).await;
    }
    let told = refused(&client, "CreateCustomActionType", custom("49")).await;
    assert!(told.starts_with("400 LimitExceededException: "), "{told}");
    let request = json!({ "category": "Test", "provider": "Mine", "version": "1" });
    client.codepipeline("DeleteCustomActionType", request).await;
    make(&client, custom("49")).await;
    let told = refused(&client, "CreateCustomActionType", custom("1")).await;
    assert!(told.starts_with("400 LimitExceededException: "), "{told}");
}

#[tokio::test]
async fn a_type_of_a_third_party_is_shown_and_changed() {
    let (_house, client) = house(Clock::Manual).await;
    let id = json!({
        "category": "Deploy", "owner": "ThirdParty", "provider": "AlexaSkillsKit", "version": "1",
    });
    let got = client.codepipeline("GetActionType", id.clone()).await;
    assert_eq!(got["actionType"]["id"], id);
    let secret = got["actionType"]["properties"].as_array().unwrap().iter();
    let secret: Vec<&Value> = secret.filter(|property| property["noEcho"] == true).collect();
    assert_eq!(secret.len(), 2);
    let mut changed = got["actionType"].clone();
    changed["properties"].as_array_mut().unwrap().push(json!({
        "name": "Region", "optional": false, "key": false, "noEcho": false,
    }));
    client.codepipeline("UpdateActionType", json!({ "actionType": changed })).await;
    let got = client.codepipeline("GetActionType", id.clone()).await;
    assert_eq!(got["actionType"], changed);
    let request = json!({ "actionOwnerFilter": "ThirdParty" });
    let listed = client.codepipeline("ListActionTypes", request).await;
    let listed = listed["actionTypes"].as_array().unwrap().iter();
    let properties = listed.filter(|kind| kind["id"] == id).map(|kind| {
        kind["actionConfigurationProperties"].as_array().unwrap().last().unwrap()["name"].clone()
    });
    assert_eq!(properties.collect::<Vec<_>>(), ["Region"]);
}

#[tokio::test]
async fn a_type_that_is_not_there_is_not_changed() {
    let (_house, client) = house(Clock::Manual).await;
    let id = json!({ "category": "Deploy", "owner": "AWS", "provider": "No", "version": "1" });
    let told = "400 ActionTypeNotFoundException: The action type (Category: 'Deploy', Provider: 'No', Owner: 'AWS', Version: '1') was not found";
    assert_eq!(refused(&client, "GetActionType", id.clone()).await, told);
    let counts = json!({ "minimumCount": 0, "maximumCount": 1 });
    let worker =
        json!({ "type": "JobWorker", "configuration": { "jobWorkerExecutorConfiguration": {} } });
    let mut declaration = json!({
        "executor": worker, "id": id, "inputArtifactDetails": counts,
        "outputArtifactDetails": counts,
    });
    let request = json!({ "actionType": declaration });
    assert_eq!(refused(&client, "UpdateActionType", request).await, told);
    declaration["id"]["provider"] = json!("S3");
    declaration["executor"]["jobTimeout"] = json!(60);
    let request = json!({ "actionType": declaration });
    let told = refused(&client, "UpdateActionType", request).await;
    assert!(told.starts_with("400 RequestFailedException: "), "{told}");
}

const OWN: &str = "arn:aws:codepipeline:us-east-1:000000000000:";

#[tokio::test]
async fn tags_go_with_what_they_are_of() {
    let (_house, client) = house(Clock::Manual).await;
    let stages = [("Build", vec![yard::action("Build", "A")])];
    let create = json!({ "pipeline": yard::pipeline("p", "QUEUED", &stages) });
    client.codepipeline("CreatePipeline", create.clone()).await;
    let arn = format!("{OWN}p");
    let tags = json!([{ "key": "k", "value": "v" }]);
    client.codepipeline("TagResource", json!({ "resourceArn": arn, "tags": tags })).await;
    let list = json!({ "resourceArn": arn });
    let listed = client.codepipeline("ListTagsForResource", list.clone()).await;
    assert_eq!(listed, json!({ "tags": tags }));
    client.codepipeline("DeletePipeline", json!({ "name": "p" })).await;
    assert_eq!(
        refused(&client, "ListTagsForResource", list.clone()).await,
        "400 ResourceNotFoundException: The account with id '000000000000' does not include a pipeline with the name 'p'"
    );
    client.codepipeline("CreatePipeline", create).await;
    let listed = client.codepipeline("ListTagsForResource", list).await;
    assert_eq!(listed, json!({ "tags": [] }));
}

#[tokio::test]
async fn what_is_wrong_with_tags_is_told() {
    let (_house, client) = house(Clock::Manual).await;
    let stages = [("Build", vec![yard::action("Build", "A")])];
    let mut create = json!({ "pipeline": yard::pipeline("p", "QUEUED", &stages) });
    let many: Value =
        (0..51).map(|number| json!({ "key": format!("k{number}"), "value": "" })).collect();
    let reserved = json!([{ "key": "aws:x", "value": "" }]);
    let too_many = format!("400 TooManyTagsException: Tag limit exceeded for resource [{OWN}p].");
    let system = "400 InvalidTagsException: Not allowed to modify system tags. System tags start with 'aws:'. msg=[Caller is an end user and not allowed to mutate system tags]";
    create["tags"] = many.clone();
    assert_eq!(refused(&client, "CreatePipeline", create.clone()).await, too_many);
    create["tags"] = reserved.clone();
    assert_eq!(refused(&client, "CreatePipeline", create.clone()).await, system);
    create["tags"] = json!([]);
    client.codepipeline("CreatePipeline", create).await;
    let arn = format!("{OWN}p");
    for (operation, member, value, expected) in [
        ("TagResource", "tags", many, too_many.as_str()),
        ("TagResource", "tags", reserved, system),
        ("UntagResource", "tagKeys", json!(["aws:x"]), system),
    ] {
        let mut request = json!({ "resourceArn": arn });
        request[member] = value;
        assert_eq!(refused(&client, operation, request).await, expected);
    }
    for arn in [
        "arn:aws:codepipeline:eu-west-1:000000000000:p",
        "arn:aws:codepipeline:us-east-1:111122223333:p",
        "arn:aws:codepipeline:us-east-1:000000000000:p/Build",
        "arn:aws:codepipeline:us-east-1:000000000000:actiontype:Custom/Build",
    ] {
        let told = refused(&client, "ListTagsForResource", json!({ "resourceArn": arn })).await;
        assert!(told.starts_with("400 InvalidArnException: "), "{arn}: {told}");
    }
    for resource in ["webhook:none", "actiontype:Custom/Test/Mine/1", "none"] {
        let request = json!({ "resourceArn": format!("{OWN}{resource}") });
        let told = refused(&client, "ListTagsForResource", request).await;
        assert!(told.starts_with("400 ResourceNotFoundException: "), "{resource}: {told}");
    }
}
