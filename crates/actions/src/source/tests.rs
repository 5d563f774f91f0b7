use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use trackway_performers::aws::{AwsCaller, AwsEnvironment, Limits, Scope};
use trackway_performers::sandbox::{Launcher, Sandbox, SandboxConfig};
use trackway_pipeline::request::{ActionCall, SourceRevision, TypeId};

use super::git::tests::House;
use super::look::Eye;
use super::*;
use crate::artifact::{Artifacts, unpack};
use crate::build::Builds;
use crate::config::{ArtifactsIn, CodeBuildConfig, PipelineConfig};
use crate::runners::{Tools, runner_for};

fn tools(home: &Path) -> Arc<Tools> {
    let caller = AwsCaller::new(AwsEnvironment::new([]), Limits::default());
    let mut pipeline = PipelineConfig::default();
    pipeline.repositories.insert("o/r".to_owned(), "repository".to_owned());
    pipeline.buckets.insert("drop".to_owned(), "drop".into());
    let sandbox = Sandbox::new(SandboxConfig::default(), home, &[], Launcher::this_program());
    Arc::new(Tools {
        caller: caller.clone(),
        sandbox: sandbox.unwrap(),
        artifacts: Artifacts::new(home.join("artifacts"), caller, ArtifactsIn::Auto),
        pipeline,
        builds: Builds::new(&CodeBuildConfig::default(), &home.join("work")),
        codebuild: CodeBuildConfig::default(),
        builds: Builds::new(&CodeBuildConfig::default(), &home.join("work")),
        config_folder: home.to_owned(),
        folder: home.join("work"),
    })
}

fn scope() -> Scope {
    Scope { account: "000000000000".to_owned(), region: "eu-west-1".to_owned() }
}

async fn run(
    tools: &Arc<Tools>,
    provider: &str,
    configuration: Value,
    wanted: Option<(&str, &str)>,
) -> ActionAnswer {
    let type_id = TypeId {
        category: "Source".to_owned(),
        owner: "AWS".to_owned(),
        provider: provider.to_owned(),
        version: "1".to_owned(),
    };
    let artifact = Artifact {
        name: "Out".to_owned(),
        bucket: "store".to_owned(),
        key: "p/Out/1".to_owned(),
        ..Artifact::default()
    };
    let source_revision = wanted.map(|(kind, value)| SourceRevision {
        action_name: "Source".to_owned(),
        revision_type: kind.to_owned(),
        revision_value: value.to_owned(),
    });
    let call = ActionCall {
        type_id,
        source_revision,
        configuration: configuration.as_object().unwrap().clone(),
        output_artifacts: vec![artifact],
        ..ActionCall::default()
    };
    runner_for(&Run { tools: Arc::clone(tools), scope: scope(), call }).await
}

fn done(answer: ActionAnswer) -> Done {
    match answer {
        ActionAnswer::Done(done) => *done,
        other => panic!("{other:?}"),
    }
}

fn why(answer: ActionAnswer) -> (String, String) {
    match answer {
        ActionAnswer::Failed { code, message, .. } => (code, message),
        other => panic!("{other:?}"),
    }
}

async fn artifact_file(tools: &Tools) -> std::path::PathBuf {
    let artifact =
        Artifact { bucket: "store".to_owned(), key: "p/Out/1".to_owned(), ..Artifact::default() };
    tools.artifacts.get(&scope(), &artifact).await.unwrap()
}

#[tokio::test]
async fn each_provider_has_the_variables_that_aws_lists() {
    let house = House::new();
    let id = house.commit("a", "1", "One");
    let tools = tools(house.home.path());
    let connection =
        json!({ "ConnectionArn": "arn:c", "FullRepositoryId": "o/r", "BranchName": "main" });
    let found = done(run(&tools, "CodeStarSourceConnection", connection, None).await);
    let expected = json!({
        "AuthorDate": "2026-01-02T02:04:05Z",
        "BranchName": "main",
        "CommitId": id,
        "CommitMessage": "One",
        "ConnectionArn": "arn:c",
        "FullRepositoryName": "o/r",
    });
    assert_eq!(Value::Object(found.output_variables), expected);
    let revision = found.revision.unwrap();
    assert_eq!(revision.id, id);
    assert_eq!(revision.created, Some(1_767_323_045_000));
    let summary = r#"{"ProviderType":"GitHub","CommitMessage":"One"}"#;
    assert_eq!(revision.summary.as_deref(), Some(summary));
    assert_eq!(found.details.external_execution_id, Some(id.clone()));
    let github = json!({ "Owner": "o", "Repo": "r", "Branch": "main", "OAuthToken": "x" });
    let found = done(run(&tools, "GitHub", github, None).await);
    let names: Vec<_> = found.output_variables.keys().map(String::as_str).collect();
    let expected = [
        "AuthorDate",
        "BranchName",
        "CommitId",
        "CommitMessage",
        "CommitterDate",
        "CommitUrl",
        "RepositoryName",
    ];
    assert_eq!(names, expected);
    assert_eq!(found.output_artifacts, ["Out"]);
    let into = house.home.path().join("into");
    unpack::unpack(&artifact_file(&tools).await, &into).unwrap();
    assert_eq!(fs::read_to_string(into.join("a")).unwrap(), "1");
}

#[tokio::test]
async fn a_commit_may_be_wanted_and_is_of_the_branch_that_has_it() {
    let house = House::new();
    let first = house.commit("a", "1", "One");
    house.commit("a", "2", "Two");
    house.git(&["checkout", "--quiet", "-b", "feature/x"]);
    let other = house.commit("a", "3", "Three");
    let tools = tools(house.home.path());
    for (wanted, id, branch) in [
        (first.clone(), &first, "main"),
        (other.clone(), &other, "feature/x"),
        (format!("refs/heads/feature/x@{first}"), &first, "feature/x"),
        (format!("refs/tags/v1@{first}"), &first, "main"),
    ] {
        let configuration =
            json!({ "ConnectionArn": "c", "FullRepositoryId": "o/r", "BranchName": "main" });
        let wanted = Some(("COMMIT_ID", wanted.as_str()));
        let found = done(run(&tools, "CodeStarSourceConnection", configuration, wanted).await);
        assert_eq!(found.output_variables["CommitId"], **id, "{wanted:?}");
        assert_eq!(found.output_variables["BranchName"], branch, "{wanted:?}");
    }
}

#[tokio::test]
async fn what_is_not_configured_says_how_to() {
    let house = House::new();
    let tools = tools(house.home.path());
    let (code, message) =
        why(run(&tools, "CodeCommit", json!({ "RepositoryName": "x", "BranchName": "m" }), None)
            .await);
    assert_eq!(code, "ConfigurationError");
    assert!(message.contains("[pipeline.repositories]\n\"x\" = "), "{message}");
    let (code, message) =
        why(run(&tools, "S3", json!({ "S3Bucket": "b", "S3ObjectKey": "k" }), None).await);
    assert_eq!(code, "ConfigurationError");
    assert!(message.contains("[pipeline.buckets]\n\"b\" = "), "{message}");
}

#[tokio::test]
async fn a_file_of_a_folder_that_stands_for_a_bucket_passes_through() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("drop")).unwrap();
    fs::write(home.path().join("secret"), "x").unwrap();
    let tools = tools(home.path());
    let eye = Eye::new(Arc::clone(&tools));
    let configuration = |key: &str| json!({ "S3Bucket": "drop", "S3ObjectKey": key });
    assert_eq!(eye.object(&scope(), "drop", "app.zip").await, Ok(None));
    let (code, message) = why(run(&tools, "S3", configuration("app.zip"), None).await);
    assert_eq!(code, "RevisionUnavailable");
    assert!(message.contains("'app.zip' does not exist"), "{message}");
    let mut revisions = Vec::new();
    for text in ["not a zip", "another one"] {
        fs::write(home.path().join("drop/app.zip"), text).unwrap();
        let seen = eye.object(&scope(), "drop", "app.zip").await.unwrap().unwrap();
        let found = done(run(&tools, "S3", configuration("app.zip"), None).await);
        assert_eq!(found.revision.unwrap().id, seen);
        assert_eq!(found.output_variables["ETag"], seen.as_str());
        assert_eq!(fs::read_to_string(artifact_file(&tools).await).unwrap(), text);
        revisions.push(seen);
    }
    assert_ne!(revisions[0], revisions[1]);
    let wanted = Some(("S3_OBJECT_VERSION_ID", revisions[0].as_str()));
    assert_eq!(
        why(run(&tools, "S3", configuration("app.zip"), wanted).await).0,
        "RevisionUnavailable"
    );
    fs::write(home.path().join("drop/b.zip"), "b").unwrap();
    let wanted = Some(("S3_OBJECT_KEY", "b.zip"));
    let found = done(run(&tools, "S3", configuration("app.zip"), wanted).await);
    assert_eq!(found.output_variables["ObjectKey"], "b.zip");
    let (code, _) = why(run(&tools, "S3", configuration("../secret"), None).await);
    assert_eq!(code, "RevisionUnavailable");
}
