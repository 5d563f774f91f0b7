//! Deploy, ECS: a revision of the service's task definition with new images, and its rollout.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_pipeline::request::Details;

use super::files;
use crate::elsewhere::{Answer, Failure, Running, done, list, progress, settle, text};
use crate::runners::Run;

/// The usual name of the image definitions.
const FILE_NAME: &str = "imagedefinitions.json";
/// `DeploymentTimeout` unless one is given, and the longest, in minutes.
const TIMEOUT_MINUTES: i64 = 60;

/// What `RegisterTaskDefinition` takes of a task definition that was described.
const REGISTERED: [&str; 16] = [
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
];

/// How far it has come.
#[derive(Serialize, Deserialize)]
enum Next {
    /// The revision was registered.
    Registered { task_definition: String },
    /// The service was told of it, at this time in milliseconds of the epoch.
    Updated { task_definition: String, deployment: String, since: i64 },
}

#[derive(Deserialize)]
struct Image {
    name: String,
    #[serde(rename = "imageUri")]
    uri: String,
}

/// Runs the action.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    match run.next()? {
        None => register(run).await,
        Some(Next::Registered { task_definition }) => update(run, task_definition).await,
        Some(Next::Updated { task_definition, deployment, since }) => {
            let known = details(run, &deployment)?;
            let ended = watch(run, (&task_definition, &deployment), since).await;
            ended.map_err(|failure| failure.with(known.clone())).map(|()| done(known))
        }
    }
}

async fn register(run: &Run) -> Answer {
    timeout_minutes(run)?;
    let images = images(run).await?;
    let service = described(run).await?;
    let asked = json!({ "taskDefinition": service["taskDefinition"], "include": ["TAGS"] });
    let found = run.service("ecs").call("DescribeTaskDefinition", asked).await?;
    let mut input = Map::new();
    for name in REGISTERED {
        if let Some(value) = found["taskDefinition"].get(name).filter(|value| !value.is_null()) {
            input.insert(name.to_owned(), value.clone());
        }
    }
    if !list(&found, "tags").is_empty() {
        input.insert("tags".to_owned(), found["tags"].clone());
    }
    replace(input.get_mut("containerDefinitions"), &images)?;
    let made = run.service("ecs").call("RegisterTaskDefinition", Value::Object(input)).await?;
    let task_definition = text(&made["taskDefinition"], "taskDefinitionArn").to_owned();
    progress(Details::default(), &Next::Registered { task_definition })
}

async fn images(run: &Run) -> Result<Vec<Image>, Failure> {
    let name = run.setting("FileName").unwrap_or(FILE_NAME);
    let artifact = files::first(run)?;
    let content = files::read(run, artifact, name).await.map_err(|failure| {
        let message = format!(
            "Did not find the image definition file {name} in the input artifacts ZIP file. Verify the file is stored in your pipeline's Amazon S3 artifact bucket: {} key: {}. ({})",
            artifact.bucket, artifact.key, failure.message
        );
        Failure { message, ..failure }
    })?;
    serde_json::from_slice(&content).map_err(|error| {
        Failure::job(format!(
            "The image definition file {name} contains invalid JSON format. ({error})"
        ))
    })
}

/// Puts the images in the place of those of the containers with their names.
fn replace(containers: Option<&mut Value>, images: &[Image]) -> Result<(), Failure> {
    let containers = containers.and_then(Value::as_array_mut);
    let containers =
        containers.ok_or_else(|| Failure::job("The task definition has no containers."))?;
    for Image { name, uri } in images {
        let found = containers.iter_mut().find(|container| text(container, "name") == name);
        let container = found.ok_or_else(|| {
            Failure::job(format!("The task definition has no container named {name}."))
        })?;
        container["image"] = uri.as_str().into();
    }
    Ok(())
}

async fn described(run: &Run) -> Result<Value, Failure> {
    let found = run.service("ecs").call("DescribeServices", place(run)?).await?;
    let service = list(&found, "services").iter().find(|one| text(one, "status") == "ACTIVE");
    let (cluster, name) = (run.required("ClusterName")?, run.required("ServiceName")?);
    service.cloned().ok_or_else(|| {
        Failure::job(format!("The cluster {cluster} has no active service named {name}."))
    })
}

fn place(run: &Run) -> Result<Value, Failure> {
    let (cluster, service) = (run.required("ClusterName")?, run.required("ServiceName")?);
    Ok(json!({ "cluster": cluster, "services": [service] }))
}

async fn update(run: &Run, task_definition: String) -> Answer {
    let input = json!({
        "cluster": run.required("ClusterName")?,
        "service": run.required("ServiceName")?,
        "taskDefinition": task_definition,
    });
    let updated = run.service("ecs").call("UpdateService", input).await?;
    let deployments = list(&updated["service"], "deployments");
    let deployment = deployments
        .iter()
        .find(|one| text(one, "taskDefinition") == task_definition)
        .map_or("", |one| text(one, "id"))
        .to_owned();
    let since = now();
    let details = details(run, &deployment)?;
    progress(details, &Next::Updated { task_definition, deployment, since })
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn timeout_minutes(run: &Run) -> Result<i64, Failure> {
    let Some(given) = run.setting("DeploymentTimeout") else { return Ok(TIMEOUT_MINUTES) };
    let minutes = given.parse().ok().filter(|minutes| (1..=TIMEOUT_MINUTES).contains(minutes));
    minutes.ok_or_else(|| {
        Failure::configuration(format!(
            "DeploymentTimeout is {given:?}, but must be a number of minutes from 1 to {TIMEOUT_MINUTES}."
        ))
    })
}

/// How a rollout stands.
#[derive(Debug, PartialEq)]
enum Rollout {
    Going,
    Steady,
    Failed(String),
}

async fn watch(run: &Run, ours: (&str, &str), since: i64) -> Result<(), Failure> {
    let minutes = timeout_minutes(run)?;
    let deadline = since + minutes * 60_000;
    let judge = |answer: &Value| match rollout(list(answer, "services").first()?, ours.0, ours.1) {
        Rollout::Steady => Some(Ok(())),
        Rollout::Failed(why) => Some(Err(Failure::job(why))),
        Rollout::Going if now() < deadline => None,
        Rollout::Going => Some(Err(Failure::job(format!(
            "The deployment did not become steady within {minutes} minutes."
        )))),
    };
    run.service("ecs").watch("DescribeServices", &place(run)?, judge).await?
}

fn rollout(service: &Value, task_definition: &str, deployment: &str) -> Rollout {
    let deployments = list(service, "deployments");
    let is_ours = |one: &&Value| {
        let id = text(one, "id");
        match deployment.is_empty() || id.is_empty() {
            true => text(one, "taskDefinition") == task_definition,
            false => id == deployment,
        }
    };
    let Some(ours) = deployments.iter().find(is_ours) else {
        return Rollout::Failed("Another deployment of the service took its place.".to_owned());
    };
    let is_primary = text(ours, "status") == "PRIMARY";
    match text(ours, "rolloutState") {
        "COMPLETED" => Rollout::Steady,
        "FAILED" => {
            let why = text(ours, "rolloutStateReason");
            let why = if why.is_empty() { "The deployment has failed." } else { why };
            Rollout::Failed(why.to_owned())
        }
        _ if !is_primary => {
            Rollout::Failed("Another deployment of the service took its place.".to_owned())
        }
        "IN_PROGRESS" => Rollout::Going,
        // A service whose deployments are not ECS's own tells no state.
        _ if deployments.len() == 1 && ours["runningCount"] == ours["desiredCount"] => {
            Rollout::Steady
        }
        _ => Rollout::Going,
    }
}

fn details(run: &Run, deployment: &str) -> Result<Details, Failure> {
    let (cluster, service) = (run.required("ClusterName")?, run.required("ServiceName")?);
    let region = run.region();
    Ok(Details {
        external_execution_id: Some(deployment.to_owned()).filter(|id| !id.is_empty()),
        url: Some(format!(
            "https://console.aws.amazon.com/ecs/home?region={region}#/clusters/{cluster}/services/{service}/deployments"
        )),
        ..Details::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_go_to_the_containers_of_their_names() {
        let mut containers = json!([{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]);
        let image = |name: &str| Image { name: name.to_owned(), uri: "new".to_owned() };
        replace(Some(&mut containers), &[image("b")]).unwrap();
        let expected = json!([{"name": "a", "image": "1"}, {"name": "b", "image": "new"}]);
        assert_eq!(containers, expected);
        let failure = replace(Some(&mut containers), &[image("c")]).unwrap_err();
        assert_eq!(failure.message, "The task definition has no container named c.");
    }

    #[test]
    fn a_rollout_is_steady_failed_or_going() {
        let one = |id: &str, status: &str, state: &str| {
            json!({
                "id": id, "status": status, "taskDefinition": "t", "rolloutState": state,
                "rolloutStateReason": "circuit breaker", "runningCount": 1, "desiredCount": 2,
            })
        };
        let of = |deployments: Value| rollout(&json!({ "deployments": deployments }), "t", "d");
        assert_eq!(of(json!([one("d", "PRIMARY", "COMPLETED")])), Rollout::Steady);
        assert_eq!(of(json!([one("d", "PRIMARY", "IN_PROGRESS")])), Rollout::Going);
        let broken = Rollout::Failed("circuit breaker".to_owned());
        assert_eq!(of(json!([one("d", "PRIMARY", "FAILED")])), broken);
        assert!(matches!(of(json!([one("e", "PRIMARY", "COMPLETED")])), Rollout::Failed(_)));
        assert!(matches!(of(json!([one("d", "ACTIVE", "IN_PROGRESS")])), Rollout::Failed(_)));
        assert_eq!(of(json!([one("d", "PRIMARY", "")])), Rollout::Going);
        let mut steady = one("d", "PRIMARY", "");
        steady["runningCount"] = 2.into();
        assert_eq!(of(json!([steady])), Rollout::Steady);
    }
}
