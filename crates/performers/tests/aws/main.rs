//! The AWS caller against a service of a few lines: what is tried again, where calls go, who signs.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

mod house;
mod local;
mod roles;

use std::time::Duration;

use house::{Reply, Service, call, caller, environment, limits, list, queues, says, scope};
use serde_json::{Value, json};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};
use trackway_performers::aws::{AwsCall, AwsCaller, AwsPerformer, Blobs, Limits, Origin};

fn refusal(status: u16, code: &str) -> Reply {
    says(status, &json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": "no" }))
}

#[tokio::test]
async fn throttling_and_what_stands_between_are_tried_again() {
    for first in [
        refusal(400, "ThrottlingException"),
        refusal(429, "Whatever"),
        Reply::Says(503, "", String::new()),
        Reply::Says(400, "x-amz-retry-after: 1\r\n", json!({"__type": "SlowDown"}).to_string()),
        Reply::Hangs,
    ] {
        let service = Service::start([first, says(200, &queues())]).await;
        assert_eq!(list(&caller(&service.url)).await.unwrap(), queues());
        let seen = service.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].header("amz-sdk-request"), "attempt=1; max=3");
        assert_eq!(seen[1].header("amz-sdk-request"), "attempt=2; max=3");
        assert_eq!(seen[0].body, seen[1].body);
    }
}

#[tokio::test]
async fn a_refusal_is_not_tried_again() {
    for (status, code) in [(400, "QueueDoesNotExist"), (500, "InternalFailure"), (403, "Denied")] {
        let service = Service::start([refusal(status, code), says(200, &queues())]).await;
        let error = list(&caller(&service.url)).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.status), (code, status));
        assert_eq!((error.origin, &*error.service), (Origin::Service, "sqs"));
        assert_eq!(service.seen().len(), 1);
        let expected =
            format!("An error occurred ({code}) when calling the ListQueues operation: no");
        assert_eq!(error.to_string(), expected);
    }
}

#[tokio::test]
async fn three_attempts_are_all() {
    let throttled = || refusal(400, "ThrottlingException");
    let service = Service::start([throttled(), throttled(), throttled(), throttled()]).await;
    let error = list(&caller(&service.url)).await.unwrap_err();
    assert_eq!((error.code.as_str(), service.seen().len()), ("ThrottlingException", 3));

    let service = Service::start([]).await;
    let error = list(&caller(&service.url)).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.origin), ("ConnectionClosedError", Origin::Transport));
    assert_eq!((error.status, &*error.operation), (0, "ListQueues"));
}

#[tokio::test]
async fn silence_ends_after_the_read_timeout() {
    let service = Service::start([Reply::Sleeps, Reply::Sleeps]).await;
    let variables = [("AWS_ENDPOINT_URL", service.url.as_str())];
    let limits = Limits { read: Duration::from_millis(30), attempts: 2, ..limits() };
    let error = list(&AwsCaller::new(environment(&variables), limits)).await.unwrap_err();
    assert_eq!(error.code, "ReadTimeoutError");
    assert_eq!(service.seen().len(), 2);
}

#[tokio::test]
async fn nobody_there_is_an_error_with_the_address() {
    let error = list(&caller("http://127.0.0.1:1")).await.unwrap_err();
    assert_eq!(error.code, "EndpointConnectionError");
    assert!(error.message.contains("http://127.0.0.1:1"), "{}", error.message);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Service::start([says(200, &queues())]).await;
    let location: &'static str = Box::leak(format!("location: {}/\r\n", elsewhere.url).into());
    let moved = |region: &'static str| {
        let headers: &'static str = Box::leak(format!("{location}{region}").into());
        let body = "<Error><Code>PermanentRedirect</Code><Message>m</Message></Error>";
        Reply::Says(301, headers, body.to_owned())
    };
    let service = Service::start([
        Reply::Says(307, location, String::new()),
        moved("x-amz-bucket-region: eu-west-1\r\n"),
    ])
    .await;
    let error = list(&caller(&service.url)).await.unwrap_err();
    assert_eq!(error.status, 307);
    let get = call("s3", "GetObject", json!({"Bucket": "b", "Key": "k"}));
    let error = caller(&service.url).call(&get).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("PermanentRedirect", 301));
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn an_answer_has_a_largest_size() {
    let service = Service::start([Reply::Says(200, "", "x".repeat(100))]).await;
    let variables = [("AWS_ENDPOINT_URL", service.url.as_str())];
    let limits = Limits { bytes_max: 99, ..limits() };
    let get = call("s3", "GetObject", json!({"Bucket": "b", "Key": "k"}));
    let error = AwsCaller::new(environment(&variables), limits).call(&get).await.unwrap_err();
    assert_eq!(error.code, "ResponseTooLarge");
    assert_eq!(service.seen().len(), 1);
}

#[tokio::test]
async fn what_boto3_would_not_send_is_not_sent() {
    let service = Service::start([]).await;
    let caller = caller(&service.url);
    for (name, operation, input, code, message) in [
        ("sqz", "ListQueues", json!({}), "UnknownServiceError", "Unknown service: 'sqz'."),
        ("sqs", "Nope", json!({}), "OperationNotFoundError", "'SQS' has no operation 'Nope'"),
        (
            "sqs",
            "get_queue_url",
            json!({}),
            "ParamValidationError",
            "Parameter validation failed:\nMissing required parameter in input: \"QueueName\"",
        ),
    ] {
        let error = caller.call(&call(name, operation, input)).await.unwrap_err();
        assert_eq!((error.code.as_str(), error.message.as_str()), (code, message));
        assert_eq!((error.origin, error.status), (Origin::Call, 0));
    }
    let elsewhere =
        AwsCall { region: Some("a/b".to_owned()), ..call("sqs", "ListQueues", json!({})) };
    assert_eq!(caller.call(&elsewhere).await.unwrap_err().code, "InvalidRegionError");
    assert!(service.seen().is_empty());
}

#[tokio::test]
async fn nothing_goes_to_aws_without_credentials() {
    let test = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
    let ignored =
        [("AWS_ENDPOINT_URL", "http://x"), ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")];
    for variables in [&[][..], &test, &ignored] {
        let caller = AwsCaller::new(environment(variables), limits());
        let error = list(&caller).await.unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.origin),
            ("NoCredentialsError", Origin::Configuration)
        );
        assert_eq!(
            error.message,
            "no endpoint and no credentials are configured for sqs: set AWS_ENDPOINT_URL_SQS or \
             AWS_ENDPOINT_URL for an emulator, or credentials for AWS itself"
        );
    }
}

#[tokio::test]
async fn an_emulator_gets_the_keys_that_every_emulator_takes() {
    let service = Service::start([says(200, &queues()), says(200, &queues())]).await;
    let variables = [("AWS_ENDPOINT_URL_SQS", service.url.as_str())];
    let caller = AwsCaller::new(environment(&variables), limits());
    list(&caller).await.unwrap();
    // A role is passed over: nobody could assume it.
    let role_arn = Some("arn:aws:iam::1:role/r".to_owned());
    let with_role = AwsCall { role_arn, ..call("sqs", "ListQueues", Value::Null) };
    caller.call(&with_role).await.unwrap();
    let keys: Vec<String> = service.seen().iter().map(|seen| seen.key().to_owned()).collect();
    assert_eq!(keys, ["test", "test"]);
}

#[tokio::test]
async fn bodies_are_texts_or_base64() {
    let service = Service::start(vec![Reply::Says(200, "", "dGVzdA==".to_owned()); 4]).await;
    let caller = caller(&service.url);
    let put = |blobs_in| AwsCall {
        blobs_in,
        ..call("s3", "PutObject", json!({"Bucket": "b", "Key": "k", "Body": "dGVzdA=="}))
    };
    caller.call(&put(Blobs::Text)).await.unwrap();
    caller.call(&put(Blobs::Base64)).await.unwrap();
    let seen = service.seen();
    assert_eq!((seen[0].body.as_str(), seen[1].body.as_str()), ("dGVzdA==", "test"));
    let get = |blobs_out| AwsCall {
        blobs_out,
        ..call("s3", "GetObject", json!({"Bucket": "b", "Key": "k"}))
    };
    assert_eq!(caller.call(&get(Blobs::Text)).await.unwrap()["Body"], "dGVzdA==");
    assert_eq!(caller.call(&get(Blobs::Base64)).await.unwrap()["Body"], "ZEdWemRBPT0=");
}

async fn performed(caller: &AwsCaller, effect: u32, request: &Value) -> Outcome {
    let work = Work {
        execution: ExecutionId::of("e"),
        effect: EffectId(effect),
        queue: "aws".to_owned(),
        request: Payload::new(request.to_string()),
        scope: "".into(),
        attempt: 1,
    };
    match AwsPerformer::new(caller.clone(), scope()).perform(work).await {
        Performed::Finished(outcome) => outcome,
        _ => panic!("a call has an outcome"),
    }
}

#[tokio::test]
async fn an_effect_is_one_call_and_a_repeat_sends_the_same_token() {
    let ran = || Reply::Says(200, "", "<R><requestId>r</requestId></R>".to_owned());
    let service = Service::start([ran(), ran(), ran(), refusal(400, "X")]).await;
    let caller = caller(&service.url);
    let request = json!({
        "service": "ec2", "operation": "run_instances", "region": null, "roleArn": null,
        "scope": "111111111111/eu-west-1", "input": {"MinCount": 1, "MaxCount": 1},
    });
    for effect in [1, 1, 2] {
        let Outcome::Succeeded(output) = performed(&caller, effect, &request).await else {
            panic!()
        };
        assert_eq!(&*output, "{}");
    }
    let bodies: Vec<String> = service.seen().iter().map(|seen| seen.body.clone()).collect();
    assert!(bodies[0].contains("&ClientToken="), "{}", bodies[0]);
    assert_eq!(bodies[0], bodies[1]);
    assert_ne!(bodies[0], bodies[2]);
    assert!(service.seen()[0].header("authorization").contains("/eu-west-1/ec2/aws4_request"));

    let request = json!({"service": "sqs", "operation": "ListQueues"});
    let Outcome::Failed { error, cause } = performed(&caller, 3, &request).await else { panic!() };
    let cause: Value = serde_json::from_str(&cause).unwrap();
    assert_eq!(error, "X");
    let expected = json!({"service": "sqs", "operation": "ListQueues", "code": "X", "message": "no", "status": 400});
    assert_eq!(cause, expected);
    let Outcome::Failed { error, .. } = performed(&caller, 4, &json!([])).await else { panic!() };
    assert_eq!(error, "ParamValidationError");
}
