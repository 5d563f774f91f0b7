//! Deploy, CodeDeploy: a deployment of the artifact where it lies in S3.
//!
//! CodeDeploy has no idempotency token: a crash between its start and its record starts a second
//! deployment, which CodeDeploy refuses while the first one runs.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_pipeline::request::Details;

use crate::artifact::Place;
use crate::elsewhere::{Answer, Failure, Running, done, progress, settle, text};
use crate::runners::Run;

#[derive(Serialize, Deserialize)]
struct Deployment {
    id: String,
}

/// Runs the action.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    match run.next::<Deployment>()? {
        None => start(run).await,
        Some(deployment) => watch(run, &deployment.id).await.map(done),
    }
}

async fn start(run: &Run) -> Answer {
    let artifact = run.call.input_artifacts.first();
    let artifact =
        artifact.ok_or_else(|| Failure::configuration("The action has no input artifact."))?;
    let held = run.tools.artifacts.held(&artifact.bucket, &artifact.key).await?;
    if held.is_some_and(|held| matches!(held.place, Place::Local { .. })) {
        return Err(Failure::configuration(format!(
            "CodeDeploy reads revisions from S3, but the artifact {} lies in Trackway's data directory. Set artifacts = \"s3\" under [pipeline], and create the bucket {} there.",
            artifact.name, artifact.bucket
        )));
    }
    let location = json!({
        "bucket": artifact.bucket,
        "key": artifact.key,
        "bundleType": "zip",
    });
    let input = json!({
        "applicationName": run.required("ApplicationName")?,
        "deploymentGroupName": run.required("DeploymentGroupName")?,
        "revision": { "revisionType": "S3", "s3Location": location },
        "description": format!(
            "Started by the pipeline {}, action execution {}",
            run.call.pipeline_name, run.call.action_execution_id
        ),
    });
    let started = run.service("codedeploy").call("CreateDeployment", input).await?;
    let id = text(&started, "deploymentId").to_owned();
    progress(details(&id), &Deployment { id })
}

async fn watch(run: &Run, id: &str) -> Result<Details, Failure> {
    let service = run.service("codedeploy");
    let ended = |answer: &Value| {
        let info = &answer["deploymentInfo"];
        let has_ended = matches!(text(info, "status"), "Succeeded" | "Failed" | "Stopped");
        has_ended.then(|| info.clone())
    };
    let input = json!({ "deploymentId": id });
    let info = service.watch("GetDeployment", &input, ended).await;
    let info = info.map_err(|error| Failure::from(error).with(details(id)))?;
    let status = text(&info, "status");
    let summary = Some(format!("Deployment {status}"));
    let details = Details { summary, ..details(id) };
    if status == "Succeeded" {
        return Ok(details);
    }
    let why = text(&info["errorInformation"], "message");
    let why = if why.is_empty() { format!("Deployment {id} {status}") } else { why.to_owned() };
    Err(Failure::job(why).with(details))
}

fn details(id: &str) -> Details {
    Details {
        external_execution_id: Some(id.to_owned()),
        url: Some(format!("https://console.aws.amazon.com/codedeploy/home?#/deployments/{id}")),
        ..Details::default()
    }
}
