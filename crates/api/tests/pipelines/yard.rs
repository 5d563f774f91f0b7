//! Pipelines whose actions are jobs of workers of one's own.

use serde_json::{Value, json};

use crate::paging::{Client, text};

/// An action that a worker of this category performs.
pub(crate) fn action(category: &str, name: &str) -> Value {
    let mut action = json!({
        "name": name,
        "actionTypeId":
            { "category": category, "owner": "Custom", "provider": "Worker", "version": "1" },
        "configuration": { "Name": name },
    });
    if category == "Source" {
        action["outputArtifacts"] = json!([{ "name": format!("{name}Output") }]);
    }
    action
}

/// A pipeline with a source action `S` and these further stages, by name and actions.
pub(crate) fn pipeline(name: &str, mode: &str, stages: &[(&str, Vec<Value>)]) -> Value {
    let mut all = vec![json!({ "name": "Source", "actions": [action("Source", "S")] })];
    all.extend(stages.iter().map(|(name, actions)| json!({ "name": name, "actions": actions })));
    json!({
        "name": name,
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "artifactStore": { "type": "S3", "location": "bucket" },
        "stages": all,
        "version": 1,
        "executionMode": mode,
        "pipelineType": "V2",
    })
}

/// Makes the action types of the workers.
pub(crate) async fn types(client: &Client) {
    for category in ["Source", "Build"] {
        let outputs = u32::from(category == "Source");
        let request = json!({
            "category": category, "provider": "Worker", "version": "1",
            "configurationProperties": [
                { "name": "Name", "required": true, "key": true, "secret": false, "queryable": true },
                { "name": "Secret", "required": false, "key": false, "secret": true },
            ],
            "inputArtifactDetails": { "minimumCount": 0, "maximumCount": 5 - 5 * outputs },
            "outputArtifactDetails": { "minimumCount": 0, "maximumCount": 5 },
        });
        client.codepipeline("CreateCustomActionType", request).await;
    }
}

/// Creates a pipeline; the id of its first execution.
pub(crate) async fn create(client: &Client, structure: &Value) -> String {
    client.codepipeline("CreatePipeline", json!({ "pipeline": structure })).await;
    let request = json!({ "pipelineName": structure["name"] });
    let listed = client.codepipeline("ListPipelineExecutions", request).await;
    text(&listed["pipelineExecutionSummaries"][0], "pipelineExecutionId")
}
