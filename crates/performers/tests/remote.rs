//! Functions at an endpoint: what is sent, signed, and what comes of the answer.

#![expect(clippy::unwrap_used, reason = "a test says what went wrong by failing")]

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use trackway_core::{EffectId, ExecutionId, Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};
use trackway_performers::aws::{AwsCaller, AwsEnvironment, Limits};
use trackway_performers::function::{FunctionHost, Identity, stderr_sink};
use trackway_performers::remote_lambda::RemoteLambda;
use trackway_performers::task::{Lambda, Unsupported};
use trackway_wire::sigv4;

fn identity() -> Identity {
    Identity { region: "us-east-1".to_owned(), account: "000000000000".to_owned() }
}

fn work(queue: &str, request: &str) -> Work {
    Work {
        execution: ExecutionId::of("e"),
        effect: EffectId(1),
        queue: queue.to_owned(),
        request: Payload::new(request),
        scope: "".into(),
        attempt: 1,
    }
}

async fn performed(endpoint: &str, request: &str) -> Outcome {
    let variables = [
        ("AWS_ENDPOINT_URL_LAMBDA", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let caller = AwsCaller::new(AwsEnvironment::new(variables), Limits::default());
    let remote = RemoteLambda::configured(&caller);
    let identity = identity();
    let host = FunctionHost::start(BTreeMap::new(), ".".as_ref(), &identity, stderr_sink());
    let lambda = Lambda::new(host.await.unwrap(), remote, identity.clone());
    match lambda.perform(work("lambda", request)).await {
        Performed::Finished(outcome) => outcome,
        _ => panic!("a call has an outcome"),
    }
}

/// Serves one connection with this answer; gives the request that came.
async fn endpoint(answer: &'static str) -> (String, tokio::task::JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !is_whole(&seen) {
            let read = stream.read_buf(&mut seen).await.unwrap();
            assert!(read > 0, "the request broke off");
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        seen
    });
    (url, seen)
}

fn split(seen: &[u8]) -> Option<(&str, &[u8])> {
    let end = seen.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((std::str::from_utf8(&seen[..end]).unwrap(), &seen[end + 4..]))
}

fn is_whole(seen: &[u8]) -> bool {
    let Some((head, body)) = split(seen) else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

const INVOKE: &str = r#"{"style":"invoke","function":"f","payload":{"a":1},"qualifier":"prod"}"#;

#[tokio::test]
async fn a_function_that_is_not_declared_is_invoked_at_the_endpoint_and_signed() {
    let answer = "HTTP/1.1 200 OK\r\nX-Amz-Executed-Version: 7\r\nx-amzn-RequestId: r\r\n\
                  content-length: 7\r\n\r\n{\"b\":2}";
    let (url, seen) = endpoint(answer).await;
    let Outcome::Succeeded(output) = performed(&url, INVOKE).await else { panic!() };
    let output: serde_json::Value = serde_json::from_str(&output).unwrap();
    assert_eq!(output["Payload"], serde_json::json!({"b": 2}));
    assert_eq!(output["ExecutedVersion"], "7");

    let seen = seen.await.unwrap();
    let (head, body) = split(&seen).unwrap();
    let mut lines = head.lines();
    let target = lines.next().unwrap().split(' ').nth(1).unwrap();
    assert_eq!(target, "/2015-03-31/functions/f/invocations?Qualifier=prod");
    assert_eq!(body, br#"{"a":1}"#);
    let mut request = Request::builder().method(Method::POST).uri(target);
    for line in lines {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let (head, body) = request.body(Bytes::copy_from_slice(body)).unwrap().into_parts();
    let seen = trackway_wire::request::Request {
        method: &head.method,
        uri: &head.uri,
        headers: &head.headers,
        body: &body,
    };
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let secret = |key: &str| (key == "AKID").then(|| "secret".to_owned());
    sigv4::verify(&seen, "lambda", secret, now_ms).unwrap();
}

#[tokio::test]
async fn a_refusal_of_the_endpoint_is_the_tasks_failure() {
    let answer = "HTTP/1.1 429 Too Many\r\nx-amzn-ErrorType: TooManyRequestsException\r\n\
                  x-amzn-RequestId: r\r\ncontent-length: 28\r\n\r\n{\"Message\":\"Rate Exceeded.\"} ";
    let (url, _seen) = endpoint(answer).await;
    let Outcome::Failed { error, cause } = performed(&url, INVOKE).await else { panic!() };
    assert_eq!(error, "Lambda.TooManyRequestsException");
    assert_eq!(
        cause,
        "Rate Exceeded. (Service: AWSLambda; Status Code: 429; Error Code: TooManyRequestsException; Request ID: r; Proxy: null)"
    );
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_the_clients_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let Outcome::Failed { error, cause } = performed(&url, INVOKE).await else { panic!() };
    assert_eq!(error, "Lambda.SdkClientException");
    assert!(
        cause.starts_with("Unable to execute HTTP request: could not reach http://127"),
        "{cause}"
    );
}

#[tokio::test]
async fn a_resource_that_is_not_built_is_named() {
    let request =
        r#"{"service":"sns","action":"publish","pattern":"request-response","parameters":{}}"#;
    let performer: Arc<dyn Performer> = Arc::new(Unsupported);
    let performed = performer.perform(work("service", request)).await;
    let Performed::Finished(Outcome::Failed { error, cause }) = performed else { panic!() };
    assert_eq!(error, "States.Runtime");
    assert_eq!(
        cause,
        "The resource 'arn:aws:states:::sns:publish' is not supported by this version of Trackway."
    );
}
