//! What a function reads and writes artifacts with.
//!
//! Where artifacts lie here, those of the job: what `GetJobDetails` shows, and what Trackway's own
//! endpoint of artifacts takes. For artifacts in S3 the action's role is assumed, for these artifacts
//! only; where Trackway itself has no credentials the function gets the keys `test`, as emulators
//! take them.

use serde_json::{Value, json};
use trackway_performers::aws::Origin;
use trackway_pipeline::request::Artifact;

use crate::artifact::Place;
use crate::elsewhere::{Failure, text};
use crate::runners::Run;

/// How long a function may use them, in seconds: as long as it may run, and retries.
const SECONDS: u32 = 3600;

/// `artifactCredentials`.
pub(super) async fn of(run: &Run) -> Result<Value, Failure> {
    if !is_in_s3(run).await? {
        let input = json!({ "jobId": run.call.job_id });
        let job = run.service("codepipeline").call("GetJobDetails", input).await?;
        return Ok(job["jobDetails"]["data"]["artifactCredentials"].clone());
    }
    if run.call.role_arn.is_empty() {
        return Ok(test_keys());
    }
    let input = json!({
        "RoleArn": run.call.role_arn,
        "RoleSessionName": run.call.action_execution_id,
        "DurationSeconds": SECONDS,
        "Policy": policy(run).to_string(),
    });
    // The role is what is assumed here, not what the call is made in.
    let mut by = run.clone();
    by.call.role_arn.clear();
    match by.service("sts").call("AssumeRole", input).await {
        Ok(answer) => {
            let found = &answer["Credentials"];
            Ok(json!({
                "accessKeyId": text(found, "AccessKeyId"),
                "secretAccessKey": text(found, "SecretAccessKey"),
                "sessionToken": text(found, "SessionToken"),
            }))
        }
        Err(error) if error.origin == Origin::Configuration => Ok(test_keys()),
        Err(error) => {
            let failure = Failure::from(error);
            let message = format!(
                "CodePipeline is not authorized to perform AssumeRole on role {}: {}",
                run.call.role_arn, failure.message
            );
            Err(Failure { message, ..failure })
        }
    }
}

fn test_keys() -> Value {
    json!({ "accessKeyId": "test", "secretAccessKey": "test", "sessionToken": "test" })
}

async fn is_in_s3(run: &Run) -> Result<bool, Failure> {
    for Artifact { bucket, key, .. } in &run.call.input_artifacts {
        let held = run.tools.artifacts.held(bucket, key).await?;
        if held.is_some_and(|held| held.place == Place::S3) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// These artifacts, and nothing else.
fn policy(run: &Run) -> Value {
    let arn = |Artifact { bucket, key, .. }: &Artifact| format!("arn:aws:s3:::{bucket}/{key}");
    let arns = |list: &[Artifact]| list.iter().map(arn).collect::<Vec<_>>();
    let allowed = [
        (["s3:GetObject", "s3:GetObjectVersion"], arns(&run.call.input_artifacts)),
        (["s3:PutObject", "s3:AbortMultipartUpload"], arns(&run.call.output_artifacts)),
    ];
    let mut statements: Vec<Value> = allowed
        .into_iter()
        .filter(|(_, arns)| !arns.is_empty())
        .map(|(actions, arns)| json!({ "Effect": "Allow", "Action": actions, "Resource": arns }))
        .collect();
    let mut artifacts = run.call.input_artifacts.iter().chain(&run.call.output_artifacts);
    if artifacts.any(|artifact| artifact.encryption_key.is_some()) {
        statements.push(json!({
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
        }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
