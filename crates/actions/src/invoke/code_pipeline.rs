//! Invoke, CodePipeline: an execution of another pipeline.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_pipeline::request::Details;

use crate::elsewhere::{Answer, Failure, Running, done, progress, settle, text};
use crate::runners::Run;

#[derive(Serialize, Deserialize)]
struct Execution {
    id: String,
}

/// Runs the action.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    match run.next::<Execution>()? {
        None => start(run).await,
        Some(execution) => watch(run, &execution.id).await.map(done),
    }
}

async fn start(run: &Run) -> Answer {
    let mut input = json!({
        "name": run.required("PipelineName")?,
        // A repeat finds the execution that it started.
        "clientRequestToken": run.call.action_execution_id,
    });
    for (key, member) in [("Variables", "variables"), ("SourceRevisions", "sourceRevisions")] {
        if let Some(written) = run.setting(key) {
            let read: Vec<Value> = serde_json::from_str(written).map_err(|error| {
                Failure::configuration(format!("{key} is not a JSON list: {error}"))
            })?;
            input[member] = read.into();
        }
    }
    let started = run.service("codepipeline").call("StartPipelineExecution", input).await?;
    let id = text(&started, "pipelineExecutionId").to_owned();
    progress(details(run, &id)?, &Execution { id })
}

async fn watch(run: &Run, id: &str) -> Result<Details, Failure> {
    let details = details(run, id)?;
    let name = run.required("PipelineName")?;
    let ended = |answer: &Value| {
        let status = text(&answer["pipelineExecution"], "status");
        (!matches!(status, "" | "InProgress" | "Stopping")).then(|| status.to_owned())
    };
    let input = json!({ "pipelineName": name, "pipelineExecutionId": id });
    let status = run.service("codepipeline").watch("GetPipelineExecution", &input, ended).await;
    let status = status.map_err(|error| Failure::from(error).with(details.clone()))?;
    if status == "Succeeded" {
        return Ok(details);
    }
    let message = format!("The execution {id} of the pipeline {name} has ended as {status}.");
    Err(Failure::job(message).with(details))
}

fn details(run: &Run, id: &str) -> Result<Details, Failure> {
    let (name, region) = (run.required("PipelineName")?, run.region());
    Ok(Details {
        external_execution_id: Some(id.to_owned()),
        url: Some(format!(
            "https://console.aws.amazon.com/codesuite/codepipeline/pipelines/{name}/executions/{id}/timeline?region={region}"
        )),
        ..Details::default()
    })
}
