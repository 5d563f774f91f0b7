//! Services of the process itself, and functions that run here.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use trackway_performers::aws::{AwsCaller, AwsError, LocalServices, Scope};
use trackway_performers::function::{FunctionConfig, FunctionHost, Identity, stderr_sink};
use trackway_performers::hosted_lambda::HostedLambda;

use super::house::{Service, call, environment, limits, says};

/// Step Functions, and a Parameter Store with one parameter.
struct Here;

impl LocalServices for Here {
    fn serves(&self, service: &str, _operation: &str) -> bool {
        matches!(service, "stepfunctions" | "ssm")
    }

    fn call(
        &self,
        _service: &str,
        operation: &str,
        scope: &Scope,
        input: Value,
    ) -> Pin<Box<dyn Future<Output = Result<Value, AwsError>> + Send>> {
        let result = match operation {
            "StartExecution" => Ok(json!({
                "executionArn": format!("{}/{}/{}", scope.account, scope.region, input["name"]),
                "startDate": 1.5,
            })),
            "GetParameter" if input["Name"] == "here" => Ok(json!({"Parameter": {"Value": "1"}})),
            "GetParameter" => Err(AwsError::refused("ParameterNotFound", "", 400)),
            "GetParameters" => Ok(json!({
                "Parameters": [{"Name": "here"}], "InvalidParameters": ["there", "nowhere"],
            })),
            _ => Err(AwsError::refused("UnknownOperationException", "", 501)),
        };
        Box::pin(std::future::ready(result))
    }
}

fn with_endpoint(url: &str) -> AwsCaller {
    let caller = AwsCaller::serving(environment(&[("AWS_ENDPOINT_URL", url)]), limits(), None);
    caller.serve(Arc::new(Here));
    caller
}

fn alone() -> AwsCaller {
    let caller = AwsCaller::serving(environment(&[]), limits(), None);
    caller.serve(Arc::new(Here));
    caller
}

#[tokio::test]
async fn a_service_of_ours_answers_without_http() {
    let start = call("states", "start_execution", json!({"stateMachineArn": "m", "name": "n"}));
    let output = alone().call(&start).await.unwrap();
    let expected = json!({
        "executionArn": "000000000000/us-east-1/\"n\"", "startDate": "1970-01-01T00:00:01.5Z",
    });
    assert_eq!(output, expected);
}

#[tokio::test]
async fn a_call_waits_until_the_services_are_there() {
    let caller = AwsCaller::serving(environment(&[]), limits(), None);
    let get = call("ssm", "GetParameter", json!({"Name": "here"}));
    let (output, ()) = tokio::join!(caller.call(&get), async {
        tokio::task::yield_now().await;
        caller.serve(Arc::new(Here));
    });
    assert_eq!(output.unwrap()["Parameter"]["Value"], "1");
}

#[tokio::test]
async fn what_is_not_here_is_asked_for_at_the_endpoint() {
    let service = Service::start([
        says(200, &json!({"Parameter": {"Value": "2"}})),
        says(200, &json!({"Parameters": [{"Name": "there"}], "InvalidParameters": ["nowhere"]})),
        says(200, &json!({"stateMachines": []})),
    ])
    .await;
    let caller = with_endpoint(&service.url);
    let get = |name: &str| call("ssm", "GetParameter", json!({"Name": name}));
    assert_eq!(caller.call(&get("here")).await.unwrap()["Parameter"]["Value"], "1");
    assert_eq!(caller.call(&get("there")).await.unwrap()["Parameter"]["Value"], "2");
    let names = json!({"Names": ["here", "there", "nowhere"]});
    let several = caller.call(&call("ssm", "GetParameters", names)).await.unwrap();
    let expected = json!({
        "Parameters": [{"Name": "here"}, {"Name": "there"}], "InvalidParameters": ["nowhere"],
    });
    assert_eq!(several, expected);
    caller.call(&call("sfn", "ListStateMachines", json!({}))).await.unwrap();
    let seen = service.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[1].body, r#"{"Names":["there","nowhere"]}"#);
}

#[tokio::test]
async fn without_an_endpoint_the_answer_here_stands() {
    let get = call("ssm", "GetParameter", json!({"Name": "there"}));
    let error = alone().call(&get).await.unwrap_err();
    assert_eq!((error.code.as_str(), &*error.operation), ("ParameterNotFound", "GetParameter"));
    let list = call("sfn", "ListStateMachines", json!({}));
    assert_eq!(alone().call(&list).await.unwrap_err().code, "UnknownOperationException");
}

#[tokio::test]
async fn a_declared_function_runs_here() {
    let folder = tempfile::tempdir().unwrap();
    let handler = "def main(event, context):\n    if event.get('fail'): raise ValueError('no')\n    return event\n";
    std::fs::write(folder.path().join("handlers.py"), handler).unwrap();
    let config: FunctionConfig = serde_json::from_value(
        json!({"handler": "handlers.main", "runtime": "python3", "path": "."}),
    )
    .unwrap();
    let identity = Identity { region: "us-east-1".to_owned(), account: "000000000000".to_owned() };
    let functions = [("f".to_owned(), config)].into_iter().collect();
    let host =
        FunctionHost::start(functions, folder.path(), &identity, stderr_sink()).await.unwrap();
    let lambda = HostedLambda::new(host.clone(), identity);
    let caller = AwsCaller::serving(environment(&[]), limits(), Some(lambda));
    let invoke = |payload: &str, kind: &str| {
        let input = json!({"FunctionName": "f", "Payload": payload, "InvocationType": kind});
        let call = call("lambda", "Invoke", input);
        trackway_performers::aws::AwsCall {
            blobs_out: trackway_performers::aws::Blobs::Text,
            ..call
        }
    };
    let output = caller.call(&invoke(r#"{"a": 1}"#, "RequestResponse")).await.unwrap();
    assert_eq!(output["Payload"], r#"{"a": 1}"#);
    assert_eq!(
        (&output["StatusCode"], &output["ExecutedVersion"]),
        (&json!(200), &json!("$LATEST"))
    );
    let failed = caller.call(&invoke(r#"{"fail": 1}"#, "RequestResponse")).await.unwrap();
    assert_eq!(failed["FunctionError"], "Unhandled");
    assert!(failed["Payload"].as_str().unwrap().contains("ValueError"));
    let later = caller.call(&invoke("{}", "Event")).await.unwrap();
    assert_eq!(later["StatusCode"], 202);
    host.shutdown().await;
}
