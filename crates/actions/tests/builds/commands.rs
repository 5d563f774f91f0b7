//! Compute Commands.

use serde_json::json;
use trackway_pipeline::request::EnvironmentVariable;

use super::house::{House, ID, variables};

async fn house(commands: &[&str]) -> House {
    let mut house = House::new().input("src", &[("a.txt", "hello\n"), ("dir/b.txt", "b\n")]).await;
    let call = &mut house.run.call;
    call.type_id.category = "Compute".to_owned();
    call.type_id.provider = "Commands".to_owned();
    call.configuration.clear();
    call.commands = commands.iter().map(|line| (*line).to_owned()).collect();
    house
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_run_in_one_shell_in_the_input_artifact() {
    let mut house =
        house(&["cat a.txt", "export V=$GREETING-1", "cd dir", "ls", "echo made > c.txt"])
            .await
            .output("out");
    house.run.call.output_variables = vec!["V".to_owned(), "ABSENT".to_owned()];
    house.run.call.output_artifacts[0].files = vec!["dir/*".to_owned()];
    house.run.call.environment_variables = vec![EnvironmentVariable {
        name: "GREETING".to_owned(),
        value: "hi".to_owned(),
        kind: String::new(),
    }];
    let Some(ended) = house.end().await else { return };
    assert_eq!(ended.printed(), ["hello", "b.txt"]);
    assert_eq!(variables(&ended), json!({ "V": "hi-1" }));
    let arn = format!(
        "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/codepipeline/pipe:log-stream:{ID}"
    );
    assert_eq!(ended.done().details.log_stream_arn, Some(arn));
    let kept = house.kept("out").await;
    assert_eq!(
        kept.into_iter().collect::<Vec<_>>(),
        [("dir/b.txt".to_owned(), "b\n".to_owned()), ("dir/c.txt".to_owned(), "made\n".to_owned()),]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_line_that_fails_ends_them() {
    let house = house(&["echo one", "ls /no-such-folder 2>/dev/null", "echo never"]).await;
    let Some(ended) = house.end().await else { return };
    assert_eq!(ended.printed(), ["one"]);
    let (code, message) = ended.failed();
    assert_eq!(code, "JobFailed");
    assert!(
        message.ends_with("command: ls /no-such-folder 2>/dev/null. Reason: exit status 2"),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn further_inputs_are_found_by_their_names() {
    let house = house(&[
        "cat ${CODEBUILD_SRC_DIR_more}/m",
        "test $CODEBUILD_SRC_DIR = $CODEBUILD_SRC_DIR_src",
    ])
    .await;
    let house = house.input("more", &[("m", "more\n")]).await;
    let Some(ended) = house.end().await else { return };
    ended.done();
    assert_eq!(ended.printed(), ["more"]);
}
