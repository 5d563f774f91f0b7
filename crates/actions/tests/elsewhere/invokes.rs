//! Invoke Lambda, StepFunctions and CodePipeline; the rules CloudWatchAlarm and LambdaInvoke.

use serde_json::{Value, json};
use trackway_pipeline::request::ActionAnswer;
use trackway_pipeline::signal::ConditionKind;

use crate::house::{Aws, House, ID, Reply, artifact, refuses, says};

const INVOKE: &str = "POST /2015-03-31/functions/f/invocations";

fn lambda(aws: &Aws, kind: (&str, &str)) -> House {
    let configuration = json!({"FunctionName": "f", "UserParameters": "u"});
    let mut house = House::new(aws, kind, configuration);
    house.call.job_id = "22222222-2222-4222-8222-222222222222".to_owned();
    house
}

/// What the job API says of the job.
fn job() -> Reply {
    let keys = json!({"accessKeyId": "ASIA", "secretAccessKey": "s", "sessionToken": "t"});
    says("GetJobDetails", json!({"jobDetails": {"data": {"artifactCredentials": keys}}}))
}

#[tokio::test]
async fn a_function_is_handed_its_job() {
    for kind in [("Invoke", "Lambda"), ("Rule", "LambdaInvoke")] {
        let aws = Aws::start([job(), Reply::plain(INVOKE)]).await;
        let mut house = lambda(&aws, kind);
        house.input("In", &[("a", "b")]).await;
        let (recorded, answer) = house.run().await;
        assert_eq!((recorded.len(), answer), (0, ActionAnswer::Handed {}));
        assert_eq!(aws.operations(), ["GetJobDetails", INVOKE]);
        assert!(aws.asked()[1].headers.contains("x-amz-invocation-type: Event"));
        let event: Value = aws.json(INVOKE);
        let job = &event["CodePipeline.job"];
        assert_eq!(job["id"], house.call.job_id);
        assert_eq!(job["accountId"], "000000000000");
        let location = json!({
            "s3Location": {"bucketName": "store", "objectKey": "p/In/abc1234"}, "type": "S3",
        });
        let expected = json!([{"location": location, "revision": null, "name": "In"}]);
        assert_eq!(job["data"]["inputArtifacts"], expected);
        let expected = json!({"accessKeyId": "ASIA", "secretAccessKey": "s", "sessionToken": "t"});
        assert_eq!(job["data"]["artifactCredentials"], expected);
    }
}

#[tokio::test]
async fn an_invocation_that_is_refused_fails_at_once() {
    let missing = "Function not found: arn:aws:lambda:us-east-1:000000000000:function:f";
    let aws = Aws::start([job(), refuses(INVOKE, "ResourceNotFoundException", missing)]).await;
    let (code, message, _) = lambda(&aws, ("Invoke", "Lambda")).failure().await;
    assert_eq!(code, "JobFailed");
    assert!(message.starts_with(missing), "{message}");
    let aws = Aws::start([job(), refuses(INVOKE, "AccessDeniedException", "no")]).await;
    assert_eq!(lambda(&aws, ("Invoke", "Lambda")).failure().await.0, "PermissionError");
    let aws = Aws::start([job()]).await;
    let only_us = [("AWS_ENDPOINT_URL_CODEPIPELINE", aws.url.as_str())];
    let house = House::with(&only_us, ("Invoke", "Lambda"), json!({"FunctionName": "f"}));
    let (code, message, _) = house.failure().await;
    assert_eq!(code, "ConfigurationError");
    assert!(message.starts_with("The function f is not declared in trackway.toml"), "{message}");
}

const MACHINE: &str = "arn:aws:states:us-east-1:000000000000:stateMachine:m";

fn machine(aws: &Aws, more: Value) -> House {
    let mut configuration = json!({"StateMachineArn": MACHINE, "ExecutionNamePrefix": "pre"});
    for (name, value) in more.as_object().unwrap() {
        configuration[name] = value.clone();
    }
    House::new(aws, ("Invoke", "StepFunctions"), configuration)
}

fn arn() -> String {
    format!("arn:aws:states:us-east-1:000000000000:execution:m:pre-{ID}")
}

fn started(arn: &str) -> Reply {
    says("StartExecution", json!({"executionArn": arn, "startDate": 1}))
}

fn execution(status: &str) -> Reply {
    says(
        "DescribeExecution",
        json!({
            "executionArn": arn(), "status": status, "output": r#"{"a":1}"#,
            "error": "E", "cause": "C",
        }),
    )
}

#[tokio::test]
async fn a_standard_execution_is_waited_for() {
    let aws = Aws::start([started(&arn()), execution("RUNNING"), execution("SUCCEEDED")]).await;
    let mut house = machine(&aws, json!({"Input": r#"{"x": 1}"#}));
    house.call.output_artifacts.push(artifact("Out"));
    let done = house.done().await;
    let variables = json!({"StateMachineArn": MACHINE, "ExecutionArn": arn()});
    assert_eq!(Value::Object(done.output_variables), variables);
    assert_eq!(done.output_artifacts, ["Out"]);
    assert_eq!(done.details.external_execution_id, Some(arn()));
    assert_eq!(house.output(&artifact("Out"), "output.json").await, r#"{"a":1}"#);
    let expected = json!({
        "stateMachineArn": MACHINE, "name": format!("pre-{ID}"), "input": r#"{"x": 1}"#,
    });
    assert_eq!(aws.json("StartExecution"), expected);
}

#[tokio::test]
async fn an_execution_that_does_not_succeed_fails_the_action() {
    for status in ["FAILED", "TIMED_OUT", "ABORTED"] {
        let aws = Aws::start([started(&arn()), execution(status)]).await;
        let (code, message, details) = machine(&aws, json!({})).failure().await;
        let expected =
            format!("The execution of the state machine has ended as {status}. Error: E Cause: C");
        assert_eq!((code.as_str(), message), ("JobFailed", expected));
        assert_eq!(details.external_execution_id, Some(arn()));
    }
}

#[tokio::test]
async fn an_execution_from_before_a_crash_is_found_by_its_name() {
    let exists = refuses("StartExecution", "ExecutionAlreadyExists", "there is one");
    let aws = Aws::start([exists, execution("SUCCEEDED")]).await;
    machine(&aws, json!({})).done().await;
    assert_eq!(aws.json("DescribeExecution")["executionArn"], arn());
}

#[tokio::test]
async fn an_express_execution_is_only_started() {
    let arn = format!("arn:aws:states:us-east-1:000000000000:express:m:pre-{ID}:1");
    let aws = Aws::start([started(&arn)]).await;
    let done = machine(&aws, json!({})).done().await;
    assert_eq!(done.output_variables["ExecutionArn"], arn);
    assert_eq!(aws.json("StartExecution")["input"], "{}");
}

#[tokio::test]
async fn the_input_may_be_a_file() {
    let aws = Aws::start([started(&arn()), execution("SUCCEEDED")]).await;
    let mut house = machine(&aws, json!({"InputType": "FilePath", "Input": "a/in.json"}));
    house.input("In", &[("a/in.json", r#"{"f": 2}"#)]).await;
    house.done().await;
    assert_eq!(aws.json("StartExecution")["input"], r#"{"f": 2}"#);
    let aws = Aws::start([]).await;
    let house = machine(&aws, json!({"InputType": "File", "Input": "a"}));
    assert!(house.failure().await.1.contains("must be Literal or FilePath"));
}

fn pipeline(status: &str) -> Reply {
    says("GetPipelineExecution", json!({"pipelineExecution": {"status": status}}))
}

#[tokio::test]
async fn another_pipeline_is_started_once_and_waited_for() {
    let begun = || says("StartPipelineExecution", json!({"pipelineExecutionId": "x"}));
    let configuration = json!({
        "PipelineName": "q", "Variables": r#"[{"name": "V", "value": "1"}]"#,
        "SourceRevisions": r#"[{"actionName": "S", "revisionType": "COMMIT_ID", "revisionValue": "c"}]"#,
    });
    let house = |aws: &Aws| House::new(aws, ("Invoke", "CodePipeline"), configuration.clone());
    let aws = Aws::start([begun(), pipeline("InProgress"), pipeline("Succeeded")]).await;
    let done = house(&aws).done().await;
    assert_eq!(done.details.external_execution_id.as_deref(), Some("x"));
    let expected = json!({
        "name": "q", "clientRequestToken": ID, "variables": [{"name": "V", "value": "1"}],
        "sourceRevisions": [{"actionName": "S", "revisionType": "COMMIT_ID", "revisionValue": "c"}],
    });
    assert_eq!(aws.json("StartPipelineExecution"), expected);
    for status in ["Failed", "Stopped", "Cancelled", "Superseded"] {
        let aws = Aws::start([begun(), pipeline(status)]).await;
        let (_, message, _) = house(&aws).failure().await;
        assert_eq!(message, format!("The execution x of the pipeline q has ended as {status}."));
    }
}

fn alarm(state: &str) -> Reply {
    says("DescribeAlarms", json!({"MetricAlarms": [{"AlarmName": "a", "StateValue": state}]}))
}

fn rule(aws: &Aws, condition: ConditionKind, wait: &str) -> House {
    let mut house = House::new(
        aws,
        ("Rule", "CloudWatchAlarm"),
        json!({"AlarmName": "a", "AlarmStates": "ALARM,INSUFFICIENT_DATA", "WaitTime": wait}),
    );
    house.call.condition = Some(condition);
    house
}

fn long_from_now(house: &mut House) {
    house.call.started = i64::MAX / 2;
}

#[tokio::test]
async fn an_alarm_that_is_well_lets_a_stage_be_entered() {
    let aws = Aws::start([alarm("OK")]).await;
    let done = rule(&aws, ConditionKind::BeforeEntry, "20").done().await;
    assert_eq!(done.details.summary.as_deref(), Some("The alarm a is in state OK."));
    let aws = Aws::start([alarm("ALARM"), alarm("OK")]).await;
    let mut house = rule(&aws, ConditionKind::BeforeEntry, "1");
    long_from_now(&mut house);
    house.done().await;
    assert_eq!(aws.operations().len(), 2);
    let aws = Aws::start([alarm("INSUFFICIENT_DATA")]).await;
    let (code, message, _) = rule(&aws, ConditionKind::BeforeEntry, "1").failure().await;
    assert_eq!(code, "JobFailed");
    assert_eq!(message, "The alarm a is in state INSUFFICIENT_DATA.");
}

#[tokio::test]
async fn after_success_an_alarm_is_watched() {
    let aws = Aws::start([alarm("OK"), alarm("ALARM")]).await;
    let mut house = rule(&aws, ConditionKind::OnSuccess, "1");
    long_from_now(&mut house);
    assert_eq!(house.failure().await.1, "The alarm a is in state ALARM.");
    let aws = Aws::start([alarm("OK")]).await;
    rule(&aws, ConditionKind::OnSuccess, "1").done().await;
}

#[tokio::test]
async fn there_must_be_an_alarm() {
    let aws = Aws::start([says("DescribeAlarms", json!({"MetricAlarms": []}))]).await;
    let house = rule(&aws, ConditionKind::OnSuccess, "1");
    assert_eq!(house.failure().await.1, "The alarm a does not exist.");
    let aws = Aws::start([]).await;
    let house = rule(&aws, ConditionKind::OnSuccess, "soon");
    assert!(house.failure().await.1.contains("must be a number of minutes"));
}
