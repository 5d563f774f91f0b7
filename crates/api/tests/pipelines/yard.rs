//! Pipelines whose actions are jobs of workers of one's own.

use std::sync::Arc;

use serde_json::{Value, json};
use trackway_api::Caller;
use trackway_api::codepipeline::table::PIPELINES;
use trackway_core::{ExecutionId, Payload, Start};
use trackway_engine::{Definition, Durability, Edit, Engine, StartRequest};
use trackway_pipeline::ids::{Number, entity_arn};
use trackway_pipeline::signal::Birth;

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

/// Creates a pipeline as the service does, without a look at its structure; the id of its first
/// execution.
pub(crate) async fn create(engine: &Engine, structure: &Value) -> String {
    let caller = Caller::new("000000000000", "us-east-1");
    let name = structure["name"].as_str().unwrap();
    let digest = ExecutionId::of(name).0;
    let number = Number::new(u64::from_be_bytes(*digest.first_chunk().unwrap()));
    let execution = number.id(1);
    let birth = Birth {
        number: number.0,
        account: caller.account.clone(),
        region: caller.region.clone(),
        structure: serde_json::from_value(structure.clone()).unwrap(),
        execution,
        by: caller.arn(),
    };
    let request = StartRequest {
        kind: trackway_api::codepipeline::KIND,
        scope: Arc::clone(&caller.scope),
        parent: "".into(),
        definition: Definition::new("{}"),
        start: Start {
            arn: entity_arn(&caller.region, &caller.account, number),
            definition_arn: String::new(),
            name: name.to_owned(),
            role_arn: String::new(),
            input: Payload::new(serde_json::to_string(&birth).unwrap()),
            attributes: Vec::new(),
        },
        reply_to: None,
        durability: Durability::Durable,
    };
    engine.start(request).await.unwrap();
    let row = postcard::to_extend(&number.0, vec![1]).unwrap();
    let edit = Edit::Put { table: PIPELINES, key: name.as_bytes().to_vec(), value: row.into() };
    engine.catalog().change(&caller.scope, &[], &[edit]).await.unwrap();
    trackway_core::uuid::text(execution)
}
