//! Requests for no operation, and garbage in the other protocols.

use bytes::Bytes;
use http::{Method, Request};
use trackway_wire::model;

use crate::{house, said};

/// A request by method, path, headers and body.
type Row<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a [u8], &'a str);

async fn check(rows: &[Row<'_>]) {
    let house = house().await;
    let mut wrong = Vec::new();
    for (method, path, headers, body, expected) in rows {
        let mut request = Request::builder().method(*method).uri(*path);
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Bytes::copy_from_slice(body)).expect("a request");
        let response = house.client.send(request).await;
        let mut answer = said(&response);
        if response.body().starts_with(b"<") || answer.ends_with("no code") {
            answer = format!("{} {}", response.status().as_u16(), printable(response.body()));
        }
        if !answer.contains(expected) {
            wrong.push(format!(
                "{method} {path} {headers:?}\n  expected {expected}\n  answered {answer}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The readable parts of a body of any kind.
fn printable(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.chars().map(|c| if c.is_control() || c == '\u{fffd}' { ' ' } else { c }).collect()
}

const UNKNOWN: &str = "UnknownOperationException";

const NO_OPERATION: &[Row<'static>] = &[
    (
        "POST",
        "/",
        &[("x-amz-target", "AWSStepFunctions.Nope")],
        b"{}",
        "400 UnknownOperationException",
    ),
    ("POST", "/", &[("x-amz-target", "AWSStepFunctions.")], b"{}", "400 UnknownOperationException"),
    ("POST", "/", &[("x-amz-target", "AWSStepFunctions")], b"{}", "400 UnknownOperationException"),
    (
        "POST",
        "/",
        &[("x-amz-target", "AWSStepFunctions.startExecution")],
        b"{}",
        "400 UnknownOperationException",
    ),
    (
        "POST",
        "/",
        &[("x-amz-target", "AWSStepFunctions.StartExecution.x")],
        b"{}",
        "400 UnknownOperationException",
    ),
    (
        "POST",
        "/",
        &[("x-amz-target", "DynamoDB_20120810.ListTables")],
        b"{}",
        "400 UnknownOperationException",
    ),
    ("POST", "/", &[("x-amz-target", ".")], b"{}", "400 UnknownOperationException"),
    ("POST", "/", &[("x-amz-target", "")], b"{}", "400 UnknownOperationException"),
    ("POST", "/", &[], b"{}", "404 UnknownOperationException"),
    ("GET", "/", &[("x-amz-target", "AWSStepFunctions.ListActivities")], b"", UNKNOWN),
    ("GET", "/nothing/here", &[], b"", "404 UnknownOperationException"),
    ("PATCH", "/things", &[], b"", "404 UnknownOperationException"),
    (
        "POST",
        "/",
        &[("content-type", "application/x-www-form-urlencoded")],
        b"Action=Nope&Version=2011-06-15",
        "400 <ErrorResponse",
    ),
    ("POST", "/?Action=", &[], b"", "400 <ErrorResponse"),
    (
        "POST",
        "/service/CodePipeline_20150709/operation/Nope",
        &[("smithy-protocol", "rpc-v2-cbor")],
        b"",
        UNKNOWN,
    ),
    (
        "POST",
        "/service/Nope/operation/ListPipelines",
        &[("smithy-protocol", "rpc-v2-cbor")],
        b"",
        UNKNOWN,
    ),
    ("POST", "/operation/", &[("smithy-protocol", "rpc-v2-cbor")], b"\xff", UNKNOWN),
];

#[tokio::test]
async fn what_is_for_no_operation_is_refused() {
    check(NO_OPERATION).await;
}

#[tokio::test]
async fn garbage_for_codepipeline_in_cbor() {
    let path = "/service/CodePipeline_20150709/operation/GetPipeline";
    let cbor: &[(&str, &str)] =
        &[("smithy-protocol", "rpc-v2-cbor"), ("content-type", "application/cbor")];
    let deep = [&[0x81_u8; 100_000][..], &[0x01]].concat();
    let deep_maps = b"\xa1\x61a".repeat(50_000);
    let deep_tags = vec![0xc1_u8; 200_000];
    let serialization = "SerializationException";
    let rows: Vec<Row<'_>> = [
        &b"\xff"[..],
        b"\x00",
        b"\x80",
        b"\x61a",
        b"\xf6",
        b"\xa1",
        b"\xbf",
        b"\xa1\x64name",
        b"\xa1\x64name\x01",
        b"\xa1\x64name\x80",
        b"\xa1\x64name\x62\xff\xfe",
        b"\xa1\x01\x02",
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xa1\x67version\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"{\"name\":\"json\"}",
        &deep,
        &deep_maps,
        &deep_tags,
    ]
    .into_iter()
    .map(|body| ("POST", path, cbor, body, serialization))
    .collect();
    check(&rows).await;
}

#[tokio::test]
async fn garbage_for_iot_in_rest() {
    let deep = b"[".repeat(500_000);
    check(&[
        ("POST", "/audit/tasks", &[], b"", "400 InvalidRequestException: 1 validation error detected: Value null at 'targetCheckNames' failed to satisfy constraint: Member must not be null"),
        ("POST", "/audit/tasks", &[], b"{", "400 SerializationException"),
        ("POST", "/audit/tasks", &[], b"\xff", "400 SerializationException"),
        ("POST", "/audit/tasks", &[], b"[]", "400 SerializationException"),
        ("POST", "/audit/tasks", &[], &deep, "400 SerializationException"),
        ("POST", "/audit/tasks", &[], b"{\"targetCheckNames\":\"x\"}", "400 SerializationException"),
        ("GET", "/audit/tasks?maxResults=x", &[], b"", "400 SerializationException: STRING_VALUE can not be converted to an Integer"),
        ("GET", "/audit/tasks?startTime=yesterday&endTime=1", &[], b"", "400 SerializationException: STRING_VALUE can not be converted to milliseconds since epoch"),
        ("GET", "/audit/tasks?maxResults=%FF%FE&startTime=%", &[], b"", "400 SerializationException"),
        ("GET", "/audit/tasks/%FF%00", &[], b"", "400 InvalidRequestException: 1 validation error detected: Value "),
        ("GET", "/audit/tasks/x%2Fy", &[], b"", "400 InvalidRequestException: 1 validation error detected: Value 'x/y' at 'taskId' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9\\-]+"),
        ("GET", &format!("/audit/tasks/{}", "x".repeat(10_000)), &[], b"", "400 InvalidRequestException"),
    ])
    .await;
}

#[tokio::test]
async fn what_is_not_built_says_so_and_its_name() {
    let house = house().await;
    for (service, prefix, operation, body) in [
        ("AWSStepFunctions", "SFN", "ListMapRuns", r#"{"executionArn":"a"}"#),
        ("AWSStepFunctions", "SFN", "RedriveExecution", r#"{"executionArn":"a"}"#),
        ("AWSStepFunctions", "SFN", "TestState", r#"{"definition":"{}"}"#),
        ("AmazonSSM", "SSM", "DescribeOpsItems", "{}"),
    ] {
        let request = Request::post("/")
            .header("x-amz-target", format!("{service}.{operation}"))
            .body(Bytes::from(body))
            .expect("a request");
        let expected = format!("501 NotImplemented: {prefix} {operation} is not built yet");
        assert_eq!(said(&house.client.send(request).await), expected);
    }
}

/// Every operation of every service, with nothing and with garbage: never a fault but 501.
#[tokio::test]
async fn no_operation_answers_garbage_with_a_fault() {
    let house = house().await;
    for name in ["stepfunctions", "codepipeline", "ssm", "iot", "sts"] {
        let service = model::service(name).expect("a model");
        for operation in &service.operations {
            for body in [&b"{}"[..], b"", b"[", b"{\"a\":1}", b"\xbf\xff", b"\xa0"] {
                let mut request = match &service.target_prefix {
                    Some(prefix) => Request::post("/")
                        .header("x-amz-target", format!("{prefix}.{}", operation.name)),
                    None => {
                        let method: Method = operation.method.parse().expect("a method");
                        let path = operation.uri.replace(['{', '}', '+'], "");
                        Request::builder().method(method).uri(path)
                    }
                };
                if body.first() == Some(&0xbf) || body == b"\xa0" {
                    request = request.header("smithy-protocol", "rpc-v2-cbor");
                    let prefix = service.target_prefix.as_deref().unwrap_or("none");
                    let path = format!("/service/{prefix}/operation/{}", operation.name);
                    request = request.method(Method::POST).uri(path);
                }
                let request = request.body(Bytes::copy_from_slice(body)).expect("a request");
                let response = house.client.send(request).await;
                let status = response.status().as_u16();
                assert!(
                    status < 500 || status == 501,
                    "{name} {} {body:?}: {}",
                    operation.name,
                    said(&response)
                );
            }
        }
    }
}
