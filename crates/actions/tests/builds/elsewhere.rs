//! Builds of CodeBuild's own, at an endpoint.

use serde_json::{Value, json};
use trackway_actions::build::code_build;
use trackway_pipeline::request::{ActionAnswer, Artifact};

use super::endpoint::{Endpoint, refusal};
use super::house::{House, ID};

fn build(state: &str) -> Value {
    json!({
        "id": "far:1", "buildStatus": state,
        "logs": { "groupName": "/aws/codebuild/far", "streamName": "1" },
        "exportedEnvironmentVariables": [{ "name": "TAG", "value": "v1" }],
        "phases": [
            { "phaseType": "INSTALL", "phaseStatus": "SUCCEEDED", "contexts": [{ "statusCode": "", "message": "" }] },
            { "phaseType": "BUILD", "phaseStatus": state,
              "contexts": [{ "statusCode": "COMMAND_EXECUTION_ERROR", "message": "Error while executing command: make. Reason: exit status 2" }] },
        ],
    })
}

fn answers(operation: &str, input: &Value, before: usize) -> (u16, Value) {
    match operation {
        "StartBuild" if input["projectName"] == "absent" => {
            refusal("ResourceNotFoundException", "Project cannot be found: arn:x")
        }
        "StartBuild" => (200, json!({ "build": build("IN_PROGRESS") })),
        "BatchGetBuilds" if before == 0 => (200, json!({ "builds": [build("IN_PROGRESS")] })),
        "BatchGetBuilds" => (200, json!({ "builds": [build("SUCCEEDED")] })),
        _ => refusal("UnknownOperationException", ""),
    }
}

fn fails(operation: &str, input: &Value, before: usize) -> (u16, Value) {
    match operation {
        "BatchGetBuilds" => (200, json!({ "builds": [build("FAILED")] })),
        _ => answers(operation, input, before),
    }
}

fn far(endpoint: &Endpoint) -> House {
    let mut house = House::with(endpoint.variables()).set("ProjectName", "far");
    let artifact = |name: &str| Artifact {
        name: name.to_owned(),
        bucket: "store".to_owned(),
        key: format!("pipe/{name}/abc1234"),
        ..Artifact::default()
    };
    house.run.call.input_artifacts = vec![artifact("src"), artifact("lib")];
    house.run.call.output_artifacts = vec![artifact("out"), artifact("docs")];
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_started_once_and_watched_until_it_has_ended() {
    let endpoint = Endpoint::start(answers);
    let house = far(&endpoint).set("EnvironmentVariables", r#"[{"name":"A","value":"1"}]"#);
    let answer = code_build(house.run.clone()).await;
    let ActionAnswer::Progress { details, next } = answer else { panic!("{answer:?}") };
    assert_eq!(details.external_execution_id.as_deref(), Some("far:1"));
    assert_eq!(
        details.log_stream_arn.as_deref(),
        Some("arn:aws:logs:eu-west-1:123456789012:log-group:/aws/codebuild/far:log-stream:1")
    );
    let mut run = house.run.clone();
    run.call.next = next;
    let answer = code_build(run).await;
    let ActionAnswer::Done(done) = answer else { panic!("{answer:?}") };
    assert_eq!(Value::from(done.output_variables), json!({ "TAG": "v1" }));
    assert_eq!(done.output_artifacts, ["out", "docs"]);
    let started = endpoint.asked("StartBuild");
    assert_eq!(started.len(), 1);
    let target = |name: &str| {
        json!({
            "type": "S3", "location": "store", "path": format!("pipe/{name}"), "name": "abc1234",
            "namespaceType": "NONE", "packaging": "ZIP", "overrideArtifactName": false,
        })
    };
    let mut docs = target("docs");
    docs["artifactIdentifier"] = json!("docs");
    assert_eq!(
        started[0],
        json!({
            "projectName": "far",
            "idempotencyToken": ID,
            "environmentVariablesOverride": [{ "name": "A", "value": "1" }],
            "sourceTypeOverride": "S3",
            "sourceLocationOverride": "store/pipe/src/abc1234",
            "secondarySourcesOverride": [
                { "type": "S3", "location": "store/pipe/lib/abc1234", "sourceIdentifier": "lib" }
            ],
            "artifactsOverride": target("out"),
            "secondaryArtifactsOverride": [docs],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_fails_there_fails_the_action_in_the_same_words() {
    let endpoint = Endpoint::start(fails);
    let mut run = far(&endpoint).run.clone();
    run.call.next = json!({ "id": "far:1" });
    let answer = code_build(run).await;
    let ActionAnswer::Failed { code, message, details } = answer else { panic!("{answer:?}") };
    assert_eq!(code, "JobFailed");
    assert_eq!(
        message,
        "Build terminated with state: FAILED. Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: Error while executing command: make. Reason: exit status 2"
    );
    assert_eq!(details.summary, Some(message));
    assert_eq!(details.external_execution_id.as_deref(), Some("far:1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_built_there_says_how_to_build_it_here() {
    let endpoint = Endpoint::start(answers);
    let house = far(&endpoint).set("ProjectName", "absent");
    let answer = code_build(house.run.clone()).await;
    let ActionAnswer::Failed { code, message, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(code, "ConfigurationError");
    assert!(message.contains("Project cannot be found"), "{message}");
    assert!(message.contains("[codebuild.projects.absent]"), "{message}");

    // An artifact that lies here can't be read there.
    let house = House::with(endpoint.variables())
        .set("ProjectName", "far")
        .input("src", &[("a", "")])
        .await;
    let answer = code_build(house.run.clone()).await;
    let ActionAnswer::Failed { code, message, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(code, "ConfigurationError");
    assert!(message.contains("the artifact src lies here"), "{message}");
    assert_eq!(endpoint.asked("StartBuild").len(), 1);
}
