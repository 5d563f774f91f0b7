//! Deploy to S3, ECS, CodeDeploy and AppConfig.

use serde_json::json;
use trackway_pipeline::request::ActionAnswer;

use crate::house::{Aws, House, ID, Reply, read_text, refuses, says};

#[tokio::test]
async fn a_folder_stands_for_a_bucket() {
    let aws = Aws::start([]).await;
    let configuration = json!({"BucketName": "site", "Extract": "true", "ObjectKey": "v1"});
    let mut house = House::new(&aws, ("Deploy", "S3"), configuration);
    house.input("In", &[("index.html", "<p>"), ("a/b.css", "p {}")]).await;
    let site = house.home.path().join("site");
    std::fs::create_dir_all(site.join("v1")).unwrap();
    std::fs::write(site.join("v1/index.html"), "old").unwrap();
    std::fs::write(site.join("v1/other.html"), "other").unwrap();
    house.done().await;
    assert_eq!(read_text(&site.join("v1/index.html")), "<p>");
    assert_eq!(read_text(&site.join("v1/a/b.css")), "p {}");
    assert_eq!(read_text(&site.join("v1/other.html")), "other");
    assert!(aws.operations().is_empty());
}

#[tokio::test]
async fn a_key_has_the_actions_own_time_and_id() {
    let aws = Aws::start([]).await;
    let configuration = json!({
        "BucketName": "site", "Extract": "false", "ObjectKey": "app-{datetime}-{uuid}.zip",
    });
    let mut house = House::new(&aws, ("Deploy", "S3"), configuration);
    house.input("In", &[("index.html", "<p>")]).await;
    house.call.started = 1_767_323_045_000;
    house.done().await;
    let expected = format!("site/app-2026-01-02_03-04-05-{ID}.zip");
    let written = std::fs::read(house.home.path().join(expected)).unwrap();
    assert!(written.starts_with(b"PK"));
}

#[tokio::test]
async fn objects_are_put_with_what_the_action_says_of_them() {
    let aws =
        Aws::start([Reply::plain("PUT /web/a.js"), Reply::plain("PUT /web/index.html")]).await;
    let configuration = json!({
        "BucketName": "web", "Extract": "true", "CannedACL": "public-read",
        "CacheControl": "max-age=3", "KMSEncryptionKeyARN": "arn:key",
    });
    let mut house = House::new(&aws, ("Deploy", "S3"), configuration);
    house.input("In", &[("index.html", "<p>"), ("a.js", "1")]).await;
    house.done().await;
    assert_eq!(aws.operations(), ["PUT /web/a.js", "PUT /web/index.html"]);
    let asked = aws.asked();
    for (asked, kind) in asked.iter().zip(["text/javascript", "text/html"]) {
        for line in [
            &format!("content-type: {kind}"),
            "x-amz-acl: public-read",
            "cache-control: max-age=3",
            "x-amz-server-side-encryption: aws:kms",
            "x-amz-server-side-encryption-aws-kms-key-id: arn:key",
        ] {
            assert!(asked.headers.contains(line), "{line} is not in {}", asked.headers);
        }
    }
    assert_eq!(asked[1].body, "<p>");
}

#[tokio::test]
async fn an_s3_deployment_that_is_configured_wrong_is_told() {
    for (configuration, part) in [
        (json!({"Extract": "true"}), "missing 'BucketName'"),
        (json!({"BucketName": "site"}), "missing 'Extract'"),
        (json!({"BucketName": "site", "Extract": "false"}), "missing 'ObjectKey'"),
        (json!({"BucketName": "site", "Extract": "yes"}), "must be true or false"),
        (json!({"BucketName": "web", "Extract": "true", "CannedACL": "x"}), "does not have"),
        (
            json!({"BucketName": "site", "Extract": "true", "ObjectKey": "../x"}),
            "is not a path within a folder",
        ),
    ] {
        let aws = Aws::start([]).await;
        let mut house = House::new(&aws, ("Deploy", "S3"), configuration);
        house.input("In", &[("index.html", "<p>")]).await;
        let (_, message, _) = house.failure().await;
        assert!(message.contains(part), "{part} is not in {message}");
    }
}

fn service(state: &str) -> Reply {
    let deployment = json!({
        "id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": "arn:td:2",
        "rolloutState": state, "rolloutStateReason": "tasks failed to start",
    });
    says(
        "DescribeServices",
        json!({"services": [{"status": "ACTIVE", "taskDefinition": "arn:td:1", "deployments": [deployment]}]}),
    )
}

fn rollout(states: &[&str]) -> Vec<Reply> {
    let container = json!({"name": "web", "image": "old", "cpu": 1});
    let definition = json!({
        "taskDefinitionArn": "arn:td:1", "family": "td", "revision": 1, "status": "ACTIVE",
        "containerDefinitions": [container], "cpu": "256",
    });
    let mut replies = vec![
        service("COMPLETED"),
        says(
            "DescribeTaskDefinition",
            json!({"taskDefinition": definition, "tags": [{"key": "k", "value": "v"}]}),
        ),
        says(
            "RegisterTaskDefinition",
            json!({"taskDefinition": {"taskDefinitionArn": "arn:td:2"}}),
        ),
        says(
            "UpdateService",
            json!({"service": {"deployments": [{"id": "ecs-svc/1", "taskDefinition": "arn:td:2"}]}}),
        ),
    ];
    replies.extend(states.iter().map(|state| service(state)));
    replies
}

async fn ecs(aws: &Aws, images: &str) -> House {
    let configuration = json!({"ClusterName": "c", "ServiceName": "s", "DeploymentTimeout": "5"});
    let mut house = House::new(aws, ("Deploy", "ECS"), configuration);
    house.input("In", &[("imagedefinitions.json", images)]).await;
    house
}

const IMAGES: &str = r#"[{"name": "web", "imageUri": "new"}]"#;

#[tokio::test]
async fn a_service_gets_a_new_revision_and_is_waited_for() {
    let aws = Aws::start(rollout(&["IN_PROGRESS", "COMPLETED"])).await;
    let (recorded, answer) = ecs(&aws, IMAGES).await.run().await;
    assert!(matches!(answer, ActionAnswer::Done(_)), "{answer:?}");
    assert_eq!(recorded.len(), 2);
    assert_eq!(recorded[1].external_execution_id.as_deref(), Some("ecs-svc/1"));
    let expected = json!({
        "family": "td", "cpu": "256",
        "containerDefinitions": [{"name": "web", "image": "new", "cpu": 1}],
        "tags": [{"key": "k", "value": "v"}],
    });
    assert_eq!(aws.json("RegisterTaskDefinition"), expected);
    let expected = json!({"cluster": "c", "service": "s", "taskDefinition": "arn:td:2"});
    assert_eq!(aws.json("UpdateService"), expected);
    assert_eq!(aws.operations().len(), 6);
}

#[tokio::test]
async fn a_rollout_that_fails_fails_the_action() {
    let aws = Aws::start(rollout(&["FAILED"])).await;
    let (code, message, details) = ecs(&aws, IMAGES).await.failure().await;
    assert_eq!((code.as_str(), message.as_str()), ("JobFailed", "tasks failed to start"));
    assert_eq!(details.external_execution_id.as_deref(), Some("ecs-svc/1"));
    let aws = Aws::start([]).await;
    let (_, message, _) = ecs(&aws, "nonsense").await.failure().await;
    assert!(message.contains("contains invalid JSON format"), "{message}");
}

fn code_deploy(aws: &Aws) -> House {
    let configuration = json!({"ApplicationName": "a", "DeploymentGroupName": "g"});
    let mut house = House::new(aws, ("Deploy", "CodeDeploy"), configuration);
    house.call.input_artifacts.push(crate::house::artifact("In"));
    house
}

fn deployment(status: &str) -> Reply {
    let info = json!({"status": status, "errorInformation": {"code": "C", "message": "too few"}});
    says("GetDeployment", json!({ "deploymentInfo": info }))
}

#[tokio::test]
async fn code_deploy_deploys_what_lies_in_s3() {
    let begun = || says("CreateDeployment", json!({"deploymentId": "d-1"}));
    let aws = Aws::start([begun(), deployment("InProgress"), deployment("Succeeded")]).await;
    let done = code_deploy(&aws).done().await;
    assert_eq!(done.details.external_execution_id.as_deref(), Some("d-1"));
    assert_eq!(done.details.summary.as_deref(), Some("Deployment Succeeded"));
    let expected = json!({"bucket": "store", "key": "p/In/abc1234", "bundleType": "zip"});
    assert_eq!(aws.json("CreateDeployment")["revision"]["s3Location"], expected);

    let aws = Aws::start([begun(), deployment("Failed")]).await;
    let (code, message, details) = code_deploy(&aws).failure().await;
    assert_eq!((code.as_str(), message.as_str()), ("JobFailed", "too few"));
    assert_eq!(details.summary.as_deref(), Some("Deployment Failed"));

    let denied = refuses("CreateDeployment", "AccessDeniedException", "no");
    let aws = Aws::start([denied]).await;
    assert_eq!(code_deploy(&aws).failure().await.0, "PermissionError");
}

#[tokio::test]
async fn code_deploy_can_t_fetch_what_lies_here() {
    let aws = Aws::start([]).await;
    let mut house = code_deploy(&aws);
    house.call.input_artifacts.clear();
    house.input("In", &[("appspec.yml", "version: 0.0")]).await;
    let (code, message, _) = house.failure().await;
    assert_eq!(code, "ConfigurationError");
    assert!(message.contains("artifacts = \"s3\""), "{message}");
}

async fn app_config(aws: &Aws) -> House {
    let configuration = json!({
        "Application": "a", "Environment": "e", "ConfigurationProfile": "p",
        "InputArtifactConfigurationPath": "flags.json", "DeploymentStrategy": "AllAtOnce",
    });
    let mut house = House::new(aws, ("Deploy", "AppConfig"), configuration);
    house.input("In", &[("flags.json", "{}")]).await;
    house
}

const VERSIONS: &str = "POST /applications/a/configurationprofiles/p/hostedconfigurationversions";
const DEPLOYMENTS: &str = "POST /applications/a/environments/e/deployments";
const DEPLOYMENT: &str = "GET /applications/a/environments/e/deployments/7";

/// AppConfig gives a version's number in a header, which [`Aws`] does not send; so a test begins there.
async fn from_version(aws: &Aws) -> House {
    let mut house = app_config(aws).await;
    house.call.next = json!({"Version": 4});
    house
}

fn state(state: &str) -> Reply {
    let log = json!([{"EventType": "ROLLBACK_STARTED", "Description": "an alarm"}]);
    says(DEPLOYMENT, json!({"DeploymentNumber": 7, "State": state, "EventLog": log}))
}

#[tokio::test]
async fn a_configuration_is_deployed() {
    let aws = Aws::start([says(VERSIONS, json!({}))]).await;
    let (_, message, _) = app_config(&aws).await.failure().await;
    assert_eq!(message, "AppConfig gave the version no number.");
    let asked = &aws.asked()[0];
    assert_eq!(asked.body, "{}");
    assert!(asked.headers.contains("content-type: application/json"), "{}", asked.headers);

    let begun = || says(DEPLOYMENTS, json!({"DeploymentNumber": 7, "State": "DEPLOYING"}));
    let aws = Aws::start([begun(), state("BAKING"), state("COMPLETE")]).await;
    let done = from_version(&aws).await.done().await;
    assert_eq!(done.details.external_execution_id.as_deref(), Some("7"));
    assert_eq!(aws.json(DEPLOYMENTS)["ConfigurationVersion"], "4");

    let aws = Aws::start([begun(), state("ROLLED_BACK")]).await;
    let (_, message, _) = from_version(&aws).await.failure().await;
    assert_eq!(message, "Deployment 7 is ROLLED_BACK: an alarm");
}

#[tokio::test]
async fn a_deployment_from_before_a_crash_is_found_again() {
    let items = json!([{"DeploymentNumber": 7, "ConfigurationVersion": "4", "State": "DEPLOYING"}]);
    let aws = Aws::start([
        refuses(DEPLOYMENTS, "ConflictException", "a deployment is under way"),
        says("GET /applications/a/environments/e/deployments", json!({ "Items": items })),
        state("COMPLETE"),
    ])
    .await;
    from_version(&aws).await.done().await;
    assert_eq!(aws.operations().len(), 3);
}

#[tokio::test]
async fn what_nothing_performs_is_refused() {
    let aws = Aws::start([]).await;
    for provider in ["ElasticBeanstalk", "ServiceCatalog", "EKS", "CodeDeployToECS"] {
        let house = House::new(&aws, ("Deploy", provider), json!({}));
        let (code, message, _) = house.failure().await;
        assert_eq!(code, "ConfigurationError");
        assert!(message.contains(&format!("Nothing performs {provider} actions here")));
    }
}
