//! Jobs in the API's form.

use serde_json::{Map, Value, json};
use trackway_pipeline::request::{ActionCall, Artifact, Job};

use crate::Caller;
use crate::codepipeline::CodePipeline;
use crate::codepipeline::artifact_keys::ArtifactKeys;

/// `Job`, as a poll shows it.
pub(super) fn polled(service: &CodePipeline, caller: &Caller, job: &Job) -> Value {
    json!({
        "id": job.id,
        "data": data(service, caller, job),
        "nonce": job.nonce,
        "accountId": caller.account,
    })
}

/// `JobDetails`.
pub(super) fn details(service: &CodePipeline, caller: &Caller, job: &Job) -> Value {
    json!({
        "id": job.id,
        "data": data(service, caller, job),
        "accountId": caller.account,
    })
}

/// `JobData`, and `ThirdPartyJobData`, which is the same.
pub(super) fn data(service: &CodePipeline, caller: &Caller, job: &Job) -> Value {
    let call = &job.call;
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| data.insert(name.to_owned(), value);
    put("actionTypeId", json!(call.type_id));
    put("actionConfiguration", json!({ "configuration": call.configuration }));
    put("pipelineContext", context(call));
    put("inputArtifacts", call.input_artifacts.iter().map(artifact).collect());
    put("outputArtifacts", call.output_artifacts.iter().map(artifact).collect());
    put("artifactCredentials", credentials(service, caller, job));
    if let Some(token) = &job.continuation_token {
        put("continuationToken", json!(token));
    }
    let mut artifacts = call.output_artifacts.iter().chain(&call.input_artifacts);
    if let Some(key) = artifacts.find_map(|artifact| artifact.encryption_key.as_ref()) {
        put("encryptionKey", json!({ "id": key, "type": "KMS" }));
    }
    Value::Object(data)
}

/// `PipelineContext`. Source: its pipelineArn and pipelineExecutionId "are not populated for
/// ThirdParty action types".
fn context(call: &ActionCall) -> Value {
    let mut context = json!({
        "pipelineName": call.pipeline_name,
        "stage": { "name": call.stage_name },
        "action": { "name": call.action_name, "actionExecutionId": call.action_execution_id },
    });
    if call.type_id.owner != "ThirdParty" {
        context["pipelineArn"] = json!(call.pipeline_arn);
        context["pipelineExecutionId"] = json!(call.pipeline_execution_id);
    }
    context
}

fn artifact(artifact: &Artifact) -> Value {
    let mut shown = json!({
        "name": artifact.name,
        "location": {
            "type": "S3",
            "s3Location": { "bucketName": artifact.bucket, "objectKey": artifact.key },
        },
    });
    if let Some(revision) = &artifact.revision {
        shown["revision"] = json!(revision);
    }
    shown
}

/// Session credentials for the artifacts of a job: the same each time it is shown.
fn credentials(service: &CodePipeline, caller: &Caller, job: &Job) -> Value {
    let keys = ArtifactKeys::of(service.engine.tokens(), &format!("{}/{}", caller.scope, job.id));
    json!({
        "accessKeyId": keys.access_key,
        "secretAccessKey": keys.secret_key,
        "sessionToken": keys.session_token,
    })
}
