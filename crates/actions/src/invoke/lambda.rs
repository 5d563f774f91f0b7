//! Invoke, Lambda, and the rule LambdaInvoke: a function that ends the action itself, by the job API.
//!
//! The function is invoked asynchronously: that it was accepted is all that is heard. What it comes
//! to, it says by `PutJobSuccessResult` or `PutJobFailureResult`; one that says nothing times out, as
//! in AWS.

use serde_json::{Map, Value, json};
use trackway_performers::aws::Blobs;
use trackway_pipeline::request::{ActionAnswer, ActionCall, Artifact};

use super::credentials;
use crate::elsewhere::{Answer, Failure, Running, settle};
use crate::runners::Run;

/// Runs the action or the rule.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    let function = run.required("FunctionName")?;
    let credentials = credentials::of(run).await?;
    let event = event(&run.call, &run.scope.account, credentials);
    let input = json!({
        "FunctionName": function,
        "InvocationType": "Event",
        "Payload": event.to_string(),
    });
    run.service("lambda").call_with("Invoke", input, Blobs::Text).await.map_err(|error| {
        // AWS names the function that it can't find.
        let is_nowhere = error.code == "NoCredentialsError";
        let failure = Failure::from(error);
        match is_nowhere {
            true => Failure {
                message: format!(
                    "The function {function} is not declared in trackway.toml, and {}",
                    failure.message
                ),
                ..failure
            },
            false => failure,
        }
    })?;
    Ok(ActionAnswer::Handed {})
}

/// The event of a job, in AWS's form.
fn event(call: &ActionCall, account: &str, credentials: Value) -> Value {
    let mut data = json!({
        "actionConfiguration": { "configuration": shown(call) },
        "inputArtifacts": call.input_artifacts.iter().map(artifact).collect::<Vec<_>>(),
        "outputArtifacts": call.output_artifacts.iter().map(artifact).collect::<Vec<_>>(),
        "artifactCredentials": credentials,
    });
    if let Some(token) = &call.continuation_token {
        data["continuationToken"] = token.as_str().into();
    }
    let mut artifacts = call.input_artifacts.iter().chain(&call.output_artifacts);
    if let Some(key) = artifacts.find_map(|artifact| artifact.encryption_key.as_deref()) {
        data["encryptionKey"] = json!({ "id": key, "type": "KMS" });
    }
    json!({ "CodePipeline.job": { "id": call.job_id, "accountId": account, "data": data } })
}

/// The two settings that the function is told.
fn shown(call: &ActionCall) -> Map<String, Value> {
    let told =
        |(name, _): &(&String, &Value)| matches!(name.as_str(), "FunctionName" | "UserParameters");
    let settings = call.configuration.iter().filter(told);
    settings.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn artifact(artifact: &Artifact) -> Value {
    let Artifact { name, bucket, key, revision, .. } = artifact;
    json!({
        "location": {
            "s3Location": { "bucketName": bucket, "objectKey": key },
            "type": "S3",
        },
        "revision": revision,
        "name": name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_has_awss_form() {
        let configuration = json!({"FunctionName": "f", "UserParameters": "p", "Other": "o"});
        let call = ActionCall {
            job_id: "11111111-abcd-4111-8111-111111abcdef".to_owned(),
            continuation_token: Some("again".to_owned()),
            configuration: configuration.as_object().cloned().unwrap(),
            input_artifacts: vec![Artifact {
                name: "In".to_owned(),
                bucket: "b".to_owned(),
                key: "p/In/abc".to_owned(),
                revision: Some("r1".to_owned()),
                encryption_key: Some("k".to_owned()),
                ..Artifact::default()
            }],
            ..ActionCall::default()
        };
        let expected = json!({"CodePipeline.job": {
            "id": "11111111-abcd-4111-8111-111111abcdef",
            "accountId": "000000000000",
            "data": {
                "actionConfiguration": {
                    "configuration": {"FunctionName": "f", "UserParameters": "p"},
                },
                "inputArtifacts": [{
                    "location": {
                        "s3Location": {"bucketName": "b", "objectKey": "p/In/abc"},
                        "type": "S3",
                    },
                    "revision": "r1",
                    "name": "In",
                }],
                "outputArtifacts": [],
                "artifactCredentials": {"accessKeyId": "a"},
                "continuationToken": "again",
                "encryptionKey": {"id": "k", "type": "KMS"},
            },
        }});
        assert_eq!(event(&call, "000000000000", json!({"accessKeyId": "a"})), expected);
    }
}
