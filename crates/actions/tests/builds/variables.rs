//! Environment variables of builds: whose counts, where values come from, what is hidden.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_actions::config::Project;

use super::endpoint::{Endpoint, refusal};
use super::house::{House, variables};

fn answers(operation: &str, input: &Value, _before: usize) -> (u16, Value) {
    match operation {
        "GetParameters" if input["Names"][0] == "/there" => {
            (200, json!({ "Parameters": [{ "Name": "/there", "Value": "hunter2" }] }))
        }
        "GetParameters" => (200, json!({ "Parameters": [], "InvalidParameters": input["Names"] })),
        "GetSecretValue" if input["SecretId"] == "db" => {
            (200, json!({ "SecretString": "{\"user\":\"admin\",\"password\":\"s3cret\"}" }))
        }
        "GetSecretValue" => {
            refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
        }
        _ => refusal("UnknownOperationException", ""),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_actions_variables_count_more_than_the_projects_and_those_more_than_the_buildspecs() {
    let spec = "version: 0.2\nenv:\n  variables: {A: spec, B: spec, C: spec}\n  exported-variables: [A, B, C, D, ABSENT]\n\
                phases: {build: {commands: [D=shell, 'export C=$C-changed']}}\n";
    let environment = ["A", "B"].map(|name| (name.to_owned(), "project".to_owned()));
    let project = Project { environment: BTreeMap::from(environment), ..Project::default() };
    let house = House::new().project("p", project);
    let house =
        house.set("EnvironmentVariables", r#"[{"name":"A","value":"action","type":"PLAINTEXT"}]"#);
    let Some(ended) = house.input("src", &[("buildspec.yml", spec)]).await.end().await else {
        return;
    };
    assert_eq!(variables(&ended), json!({ "A": "action", "B": "project", "C": "spec-changed" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_told_what_it_is() {
    let spec = "version: 0.2\nphases: {build: {commands: [\"env | grep -E '^(CODEBUILD|AWS)_' | sort\", pwd, 'cat $CODEBUILD_SRC_DIR_lib/l', ls]}}\n";
    let house = House::new().input("lib", &[("l", "library\n")]).await;
    let house = house.input("src", &[("buildspec.yml", spec)]).await.set("PrimarySource", "src");
    let Some(ended) = house.end().await else { return };
    let id = ended.done().details.external_execution_id.clone().unwrap();
    let printed = ended.printed();
    let value = |name: &str| {
        let begin = format!("{name}=");
        let line = printed.iter().find_map(|line| line.strip_prefix(begin.as_str()));
        line.unwrap_or_else(|| panic!("no {name}\n{}", ended.log))
    };
    for (name, expected) in [
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("CODEBUILD_BUILD_ID", id.as_str()),
        ("CODEBUILD_BUILD_NUMBER", "1"),
        ("CODEBUILD_BUILD_SUCCEEDING", "1"),
        ("CODEBUILD_INITIATOR", "codepipeline/pipe"),
        ("CODEBUILD_RESOLVED_SOURCE_VERSION", "abc123"),
        ("CODEBUILD_SOURCE_VERSION", "arn:aws:s3:::store/pipe/src/abc1234"),
    ] {
        assert_eq!(value(name), expected);
    }
    assert_eq!(
        value("CODEBUILD_BUILD_ARN"),
        format!("arn:aws:codebuild:eu-west-1:123456789012:build/{id}")
    );
    let folder = value("CODEBUILD_SRC_DIR");
    assert!(folder.starts_with("/codebuild/output/src") && folder.ends_with("/src"), "{folder}");
    assert!(value("CODEBUILD_SRC_DIR_lib").ends_with("/src/s3/01"));
    assert_eq!(printed[printed.len() - 3..], [folder, "library", "buildspec.yml"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_parameters_and_secrets_reach_the_build_but_not_its_log() {
    let spec = "version: 0.2\nenv:\n  parameter-store: {P: /there, OVERRIDDEN: /absent}\n  secrets-manager: {S: 'db:password', U: db}\n  \
                exported-variables: [P, S, OK]\nphases:\n  build:\n    commands:\n      - echo $P $S\n      - echo $U\n      \
                - test $P = hunter2 -a $S = s3cret && export OK=yes\n      - echo hunter2\n";
    let endpoint = Endpoint::start(answers);
    let house = House::with(endpoint.variables()).input("src", &[("buildspec.yml", spec)]).await;
    let house = house.set(
        "EnvironmentVariables",
        r#"[{"name":"OVERRIDDEN","value":"db:user","type":"SECRETS_MANAGER"}]"#,
    );
    let Some(ended) = house.end().await else { return };
    assert_eq!(variables(&ended), json!({ "OK": "yes" }), "{}", ended.log);
    assert_eq!(ended.printed(), ["*** ***", "***", "***"]);
    for secret in ["hunter2", "s3cret"] {
        assert!(!ended.log.contains(secret), "{}", ended.log);
    }
    assert_eq!(endpoint.asked("GetParameters").len(), 1, "what is overridden is not asked for");
    assert_eq!(endpoint.asked("GetParameters")[0]["WithDecryption"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_not_there_ends_the_build_before_it_begins() {
    for (env, expected) in [
        (
            "parameter-store: {P: /absent}",
            "Code: Decrypted Variables Error, Message: parameter does not exist: /absent",
        ),
        (
            "secrets-manager: {P: absent}",
            "Code: Secrets Manager Error, Message: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        ),
        ("secrets-manager: {P: 'db:none'}", "Message: the secret db has no key none"),
    ] {
        let spec =
            format!("version: 0.2\nenv: {{{env}}}\nphases: {{build: {{commands: [echo never]}}}}");
        let endpoint = Endpoint::start(answers);
        let house =
            House::with(endpoint.variables()).input("src", &[("buildspec.yml", &spec)]).await;
        let Some(ended) = house.end().await else { return };
        assert!(ended.failed().1.contains("Phase: DOWNLOAD_SOURCE, "), "{:?}", ended.failed());
        assert!(ended.failed().1.ends_with(expected), "{:?}", ended.failed());
        assert_eq!(ended.printed(), [""; 0]);
    }
}
