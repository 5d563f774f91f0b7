//! A build that is given up, that takes too long, that is not allowed.

use std::sync::Arc;

use trackway_actions::build::{code_build, logs};
use trackway_actions::config::Project;
use trackway_performers::sandbox::Sandbox;
use trackway_pipeline::request::ActionAnswer;

use super::house::{House, ID};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_unless_the_sandbox_is_enabled() {
    let mut house = House::new().input("src", &[("buildspec.yml", "")]).await;
    Arc::get_mut(&mut house.run.tools).unwrap().sandbox = Sandbox::disabled();
    let answer = code_build(house.run.clone()).await;
    let ActionAnswer::Failed { code, message, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(code, "ConfigurationError");
    assert!(message.contains("set \"enabled = true\" under [sandbox]"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_is_seen_before_it_runs_and_is_always_the_same_one() {
    let house = House::new().input("src", &[("buildspec.yml", "")]).await;
    let first = code_build(house.run.clone()).await;
    assert_eq!(first, code_build(house.run.clone()).await);
    let ActionAnswer::Progress { details, .. } = first else { panic!("{first:?}") };
    let id = details.external_execution_id.unwrap();
    let uuid = id.strip_prefix("proj:").unwrap();
    assert_eq!(uuid.len(), 36, "{id}");
    assert_eq!(
        details.url,
        Some(format!(
            "https://console.aws.amazon.com/codebuild/home?region=eu-west-1#/builds/{id}/view/new"
        ))
    );
    assert_eq!(
        details.log_stream_arn,
        Some(format!(
            "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/codebuild/proj:log-stream:{uuid}"
        ))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_is_given_up_is_killed_and_its_log_was_there_all_the_time() {
    let spec =
        "version: 0.2\nphases:\n  build:\n    commands:\n      - echo begun\n      - sleep 3600\n";
    let mut house = House::new().input("src", &[("buildspec.yml", spec)]).await;
    if !house.can().await {
        return;
    }
    let ActionAnswer::Progress { next, .. } = code_build(house.run.clone()).await else {
        panic!("it is not seen")
    };
    house.run.call.next = next;
    let path = logs::path(&house.run.tools.folder, ID);
    let (mut text, mut at) = (String::new(), 0);
    let begun = async {
        while !text.contains("\nbegun\n") {
            let (more, next) = logs::read_from(&path, at).unwrap();
            text.push_str(&more);
            at = next;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = code_build(house.run.clone()) => panic!("{answer:?}"),
        () = begun => {}
    }
    let work = house.own("builds/work").join(ID);
    assert!(!work.exists(), "its folders have gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn builds_wait_for_their_turn() {
    // One at a time: each would find what another one left in progress.
    let house = House::new()
        .input("src", &[("buildspec.yml", "version: 0.2\nphases: {build: {commands: [echo ok]}}")])
        .await;
    if !house.can().await {
        return;
    }
    let mut all = tokio::task::JoinSet::new();
    for place in 0..8 {
        let mut run = house.run.clone();
        run.call.action_execution_id = format!("{place}");
        run.call.next = serde_json::json!({ "build": "x" });
        all.spawn(code_build(run));
    }
    while let Some(answer) = all.join_next().await {
        assert!(matches!(answer.unwrap(), ActionAnswer::Done(_)));
    }
    assert_eq!(std::fs::read_dir(house.own("builds/work")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_and_unknown_primary_sources_are_refused() {
    for (key, value, expected) in [
        ("BatchEnabled", "true", "BatchEnabled is true"),
        ("PrimarySource", "other", "PrimarySource names other"),
        ("EnvironmentVariables", "{", "EnvironmentVariables is not a JSON list"),
    ] {
        let spec = "version: 0.2\nphases: {}";
        let house = House::new().input("src", &[("buildspec.yml", spec)]).await.set(key, value);
        let Some(ended) = house.end().await else { return };
        assert_eq!(ended.failed().0, "ConfigurationError", "{key}");
        assert!(ended.failed().1.contains(expected), "{:?}", ended.failed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buildspec_may_stand_in_the_configuration() {
    let inline = "version: 0.2\nphases: {build: {commands: [echo inline]}}";
    let elsewhere = "version: 0.2\nphases: {build: {commands: [echo elsewhere]}}";
    let files = [("ci/spec.yml", elsewhere)];
    let of_project =
        |text: &str| Project { buildspec: Some(text.to_owned()), ..Project::default() };
    let cases = [
        (House::new().project("p", of_project(inline)), Some("inline")),
        (House::new().project("p", of_project("ci/spec.yml")), Some("elsewhere")),
        (
            House::new().project("p", of_project("ci/spec.yml")).set("BuildspecOverride", inline),
            Some("inline"),
        ),
        (House::new().project("p", of_project("../../../../../etc/passwd")), None),
        (House::new().project("p", of_project("/etc/passwd")), None),
    ];
    for (house, expected) in cases {
        let Some(ended) = house.input("src", &files).await.end().await else { return };
        match expected {
            Some(expected) => assert_eq!(ended.printed(), [expected], "{}", ended.log),
            None => assert!(ended.failed().1.contains("no such file or directory")),
        }
    }
}
