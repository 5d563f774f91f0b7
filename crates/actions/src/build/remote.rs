//! Builds elsewhere: CodeBuild at the configured endpoint, or AWS's.
//!
//! ```text
//!   StartBuild ─▶ Progress{next: {"id"}} ─▶ BatchGetBuilds until it has ended ─▶ Done | Failed
//! ```
//!
//! The token of `StartBuild` is the action execution's id, and once the build's id is recorded it
//! is only watched: a crash never starts a build twice. An action that is given up does not stop
//! its build, as at AWS; what is dropped when a server ends must go on there.

use std::time::Duration;

use serde_json::{Map, Value, json};
use trackway_performers::aws::{AwsCall, AwsError, Origin};
use trackway_pipeline::request::{ActionAnswer, Artifact, Details, Done};

use super::environment;
use super::identity;
use super::local::{Stop, terminated};
use super::mask::Mask;
use crate::artifact::Place;
use crate::runners::{Run, failed};

/// The first pause between two looks at a build, and the longest.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Looks in a row that may fail.
const FAULTS_MAX: u32 = 10;

/// Starts a build of a project, or follows the one that was started.
pub(super) async fn perform(run: &Run, project: &str) -> ActionAnswer {
    match run.call.next.get("id").and_then(Value::as_str) {
        Some(id) => follow(run, id).await,
        None => match start(run, project).await {
            Ok(answer) => answer,
            Err(stop) => stop.answer(None, &Mask::default()),
        },
    }
}

async fn call(run: &Run, operation: &str, input: Value) -> Result<Value, AwsError> {
    run.tools.caller.call(&AwsCall::new("codebuild", operation, input, run.scope_of_region())).await
}

async fn start(run: &Run, project: &str) -> Result<ActionAnswer, Stop> {
    let input = request(run, project).await?;
    let output = call(run, "StartBuild", input).await.map_err(|error| refused(project, &error))?;
    let build = output.get("build").unwrap_or(&Value::Null);
    let Some(id) = build.get("id").and_then(Value::as_str) else {
        return Err(Stop::Refused("JobFailed", "StartBuild answered with no build".to_owned()));
    };
    Ok(ActionAnswer::Progress { details: details(run, id, build), next: json!({ "id": id }) })
}

/// Why nothing was started, and how to have it built here.
fn refused(project: &str, error: &AwsError) -> Stop {
    let code = match error.code.as_str() {
        "AccessDeniedException" | "AccessDenied" => "PermissionError",
        _ if error.origin == Origin::Transport => "JobFailed",
        _ => "ConfigurationError",
    };
    let help = format!(
        "To build it here say \"local = true\" under [codebuild.projects.{project}] in trackway.toml"
    );
    Stop::Refused(code, format!("Error calling startBuild: {error}. {help}"))
}

/// The input of `StartBuild`. The project's own source is CodePipeline, which only AWS's can start:
/// the artifacts are given as objects of S3 instead.
async fn request(run: &Run, project: &str) -> Result<Value, Stop> {
    let wrong = |message: String| Stop::Refused("ConfigurationError", message);
    let mut input = json!({
        "projectName": project,
        "idempotencyToken": run.call.action_execution_id,
    });
    let variables = run.setting("EnvironmentVariables").unwrap_or_default();
    if !environment::of_action(variables).map_err(wrong)?.is_empty() {
        input["environmentVariablesOverride"] = serde_json::from_str(variables).unwrap_or_default();
    }
    if let Some(buildspec) = run.setting("BuildspecOverride") {
        input["buildspecOverride"] = Value::from(buildspec);
    }
    for artifact in &run.call.input_artifacts {
        in_s3(run, artifact).await?;
    }
    let inputs =
        super::local::inputs(project, &run.call.input_artifacts, run.setting("PrimarySource"))?;
    let location = |artifact: &Artifact| format!("{}/{}", artifact.bucket, artifact.key);
    if let Some((first, others)) = inputs.split_first() {
        input["sourceTypeOverride"] = Value::from("S3");
        input["sourceLocationOverride"] = Value::from(location(first.artifact));
        let source = |artifact: &Artifact| json!({ "type": "S3", "location": location(artifact), "sourceIdentifier": artifact.name });
        if !others.is_empty() {
            input["secondarySourcesOverride"] =
                others.iter().map(|input| source(input.artifact)).collect();
        }
    }
    let (first, others) = match run.call.output_artifacts.split_first() {
        Some((first, others)) => (target(first, None), others),
        None => (json!({ "type": "NO_ARTIFACTS" }), [].as_slice()),
    };
    input["artifactsOverride"] = first;
    if !others.is_empty() {
        input["secondaryArtifactsOverride"] =
            others.iter().map(|artifact| target(artifact, Some(&artifact.name))).collect();
    }
    Ok(input)
}

/// Where CodeBuild is to put an artifact.
fn target(artifact: &Artifact, identifier: Option<&str>) -> Value {
    let (path, name) = artifact.key.rsplit_once('/').unwrap_or(("", &artifact.key));
    let mut target = json!({
        "type": "S3",
        "location": artifact.bucket,
        "path": path,
        "name": name,
        "namespaceType": "NONE",
        "packaging": "ZIP",
        "overrideArtifactName": false,
    });
    if let Some(identifier) = identifier {
        target["artifactIdentifier"] = Value::from(identifier);
    }
    target
}

/// A build elsewhere can't read what lies here.
async fn in_s3(run: &Run, artifact: &Artifact) -> Result<(), Stop> {
    let held = run.tools.artifacts.held(&artifact.bucket, &artifact.key).await;
    match held.map_err(|error| Stop::Refused("JobFailed", error.message))? {
        Some(held) if !matches!(held.place, Place::S3) => Err(Stop::Refused(
            "ConfigurationError",
            format!(
                "the artifact {} lies here, where CodeBuild can't read it; say artifacts = \"s3\" under [pipeline] in trackway.toml, or \"local = true\" for the project",
                artifact.name
            ),
        )),
        _ => Ok(()),
    }
}

/// What is shown of a build.
fn details(run: &Run, id: &str, build: &Value) -> Details {
    let text = |pointer: &str| build.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let scope = run.scope_of_region();
    let of_group = || {
        let (group, stream) = (text("/logs/groupName")?, text("/logs/streamName")?);
        let (region, account) = (&scope.region, &scope.account);
        Some(format!("arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}"))
    };
    Details {
        external_execution_id: Some(id.to_owned()),
        url: Some(identity::url(&scope.region, id)),
        log_stream_arn: text("/logs/cloudWatchLogsArn").or_else(of_group),
        ..Details::default()
    }
}

/// Looks at a build until it has ended.
async fn follow(run: &Run, id: &str) -> ActionAnswer {
    let (mut pause, mut faults) = (PAUSE_MIN, 0);
    loop {
        let output = call(run, "BatchGetBuilds", json!({ "ids": [id] })).await;
        match output.as_ref().map(|output| output.pointer("/builds/0")) {
            Ok(Some(build)) => {
                faults = 0;
                if let Some(answer) = ended(run, id, build) {
                    return answer;
                }
            }
            Ok(None) => return failed("JobFailed", format!("there is no build {id} any more")),
            Err(error) if faults < FAULTS_MAX && error.origin != Origin::Call => faults += 1,
            Err(error) => {
                return failed("JobFailed", format!("could not look at build {id}: {error}"));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// The answer for a build that has ended.
fn ended(run: &Run, id: &str, build: &Value) -> Option<ActionAnswer> {
    let state = build.get("buildStatus").and_then(Value::as_str).unwrap_or("IN_PROGRESS");
    let mut details = details(run, id, build);
    match state {
        "IN_PROGRESS" => None,
        "SUCCEEDED" => {
            let names = run.call.output_artifacts.iter().map(|artifact| artifact.name.clone());
            Some(ActionAnswer::Done(Box::new(Done {
                details,
                output_variables: exported(build),
                output_artifacts: names.collect(),
                ..Done::default()
            })))
        }
        state => {
            let message = why(state, build);
            details.summary = Some(message.clone());
            Some(ActionAnswer::Failed { code: "JobFailed".to_owned(), message, details })
        }
    }
}

fn exported(build: &Value) -> Map<String, Value> {
    let all = build.get("exportedEnvironmentVariables").and_then(Value::as_array);
    let pair = |variable: &Value| {
        let name = variable.get("name")?.as_str()?;
        Some((name.to_owned(), Value::from(variable.get("value")?.as_str()?)))
    };
    all.into_iter().flatten().filter_map(pair).collect()
}

/// The first phase that is no success, as CodePipeline says it.
fn why(state: &str, build: &Value) -> String {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let phases = build.get("phases").and_then(Value::as_array);
    let bad = phases.into_iter().flatten().find(|phase| {
        !matches!(text(phase, "phaseStatus").as_str(), "SUCCEEDED" | "IN_PROGRESS" | "")
    });
    let Some(phase) = bad else { return format!("Build terminated with state: {state}.") };
    let context = phase.pointer("/contexts/0").unwrap_or(&Value::Null);
    terminated(
        state,
        &text(phase, "phaseType"),
        &text(context, "statusCode"),
        &text(context, "message"),
    )
}
