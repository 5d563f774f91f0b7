//! Deploy, AppConfig: a new version of a hosted configuration, and its deployment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_performers::aws::Blobs;
use trackway_pipeline::request::Details;

use super::files;
use crate::elsewhere::{Answer, Failure, Running, done, list, progress, settle, text};
use crate::runners::Run;

/// How far it has come.
#[derive(Serialize, Deserialize)]
enum Next {
    /// The version was made.
    Version(u64),
    /// The deployment was started.
    Deployment(u64),
}

/// Runs the action.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    match run.next()? {
        None => make_version(run).await,
        Some(Next::Version(version)) => start(run, version).await,
        Some(Next::Deployment(number)) => watch(run, number).await.map(done),
    }
}

async fn make_version(run: &Run) -> Answer {
    let path = run.required("InputArtifactConfigurationPath")?;
    let content = files::of_first(run, path).await?;
    let input = json!({
        "ApplicationId": run.required("Application")?,
        "ConfigurationProfileId": run.required("ConfigurationProfile")?,
        "Content": STANDARD.encode(content),
        "ContentType": content_type(path),
    });
    let service = run.service("appconfig");
    let made = service.call_with("CreateHostedConfigurationVersion", input, Blobs::Base64).await?;
    let version = made["VersionNumber"].as_u64();
    let version = version.ok_or_else(|| Failure::job("AppConfig gave the version no number."))?;
    progress(Details::default(), &Next::Version(version))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("json") => "application/json",
        Some("yaml" | "yml") => "application/x-yaml",
        _ => "text/plain",
    }
}

async fn start(run: &Run, version: u64) -> Answer {
    let mut input = place(run)?;
    input["DeploymentStrategyId"] = run.required("DeploymentStrategy")?.into();
    input["ConfigurationProfileId"] = run.required("ConfigurationProfile")?.into();
    input["ConfigurationVersion"] = version.to_string().into();
    let number = match run.service("appconfig").call("StartDeployment", input).await {
        Ok(started) => started["DeploymentNumber"].as_u64(),
        // A deployment is under way: perhaps it is ours, from before a crash.
        Err(error) if error.code == "ConflictException" => {
            let found = of_version(run, version).await?;
            Some(found.ok_or(error)?)
        }
        Err(error) => return Err(error.into()),
    };
    let number = number.ok_or_else(|| Failure::job("AppConfig gave the deployment no number."))?;
    progress(details(number), &Next::Deployment(number))
}

/// The deployment of this version, which nobody else knows of.
async fn of_version(run: &Run, version: u64) -> Result<Option<u64>, Failure> {
    let found = run.service("appconfig").call("ListDeployments", place(run)?).await?;
    let version = version.to_string();
    let ours = list(&found, "Items").iter().find(|item| {
        text(item, "ConfigurationVersion") == version
            && matches!(text(item, "State"), "BAKING" | "VALIDATING" | "DEPLOYING")
    });
    Ok(ours.and_then(|item| item["DeploymentNumber"].as_u64()))
}

async fn watch(run: &Run, number: u64) -> Result<Details, Failure> {
    let mut input = place(run)?;
    input["DeploymentNumber"] = number.into();
    let ended = |answer: &Value| {
        let has_ended = matches!(text(answer, "State"), "COMPLETE" | "ROLLED_BACK" | "REVERTED");
        has_ended.then(|| answer.clone())
    };
    let answer = run.service("appconfig").watch("GetDeployment", &input, ended).await;
    let answer = answer.map_err(|error| Failure::from(error).with(details(number)))?;
    let state = text(&answer, "State");
    if state == "COMPLETE" {
        return Ok(details(number));
    }
    let events = list(&answer, "EventLog");
    let why = events.iter().map(|event| text(event, "Description")).find(|why| !why.is_empty());
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    Err(Failure::job(format!("Deployment {number} is {state}{why}")).with(details(number)))
}

fn place(run: &Run) -> Result<Value, Failure> {
    Ok(json!({
        "ApplicationId": run.required("Application")?,
        "EnvironmentId": run.required("Environment")?,
    }))
}

fn details(number: u64) -> Details {
    Details { external_execution_id: Some(number.to_string()), ..Details::default() }
}
