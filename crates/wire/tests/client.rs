//! The client side: requests against botocore's serialisers (`data/client.py`), responses table by
//! table.
#![expect(clippy::unwrap_used, reason = "a test may")]
#![expect(clippy::disallowed_methods, reason = "the test's data is outside the room")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName};
use serde_json::{Value, json};
use trackway_wire::client::{self, Built, Endpoint, Refused};
use trackway_wire::codec::cbor::{self, Item};
use trackway_wire::codec::form;
use trackway_wire::model;
use trackway_wire::sigv4::Credentials;

fn build(service: &str, operation: &str, input: &Value) -> Result<Built, String> {
    let service = model::service(service).unwrap();
    let operation = service.operation(operation).unwrap();
    let endpoint = client::endpoint(service, "us-east-1", |_| Some("http://h:1".to_owned()));
    client::build(service, operation, &endpoint, input, || "token".to_owned())
        .map_err(|error| error.to_string())
}

fn parse(
    service: &str,
    operation: &str,
    (status, headers, body): (u16, &[(&str, &str)], &str),
) -> Result<Value, Refused> {
    let service = model::service(service).unwrap();
    let operation = service.operation(operation).unwrap();
    let headers: HeaderMap = headers
        .iter()
        .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
        .collect();
    client::parse(service, operation, status, &headers, body.as_bytes())
}

fn sorted(text: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = form::pairs(text).collect();
    pairs.sort();
    pairs
}

/// What a body says, whatever its spelling.
fn meaning(protocol: &str, body: &[u8]) -> String {
    match protocol {
        "query" | "ec2" => format!("{:?}", sorted(&String::from_utf8_lossy(body))),
        // Whole seconds may be written either way.
        "smithy-rpc-v2-cbor" => {
            let text = format!("{:?}", cbor::decode(body).map(in_order));
            text.replace("Tag(1, Integer", "Tag(1, Float").replace(".0)", ")")
        }
        _ => match serde_json::from_slice::<Value>(body) {
            Ok(mut value) => {
                value.sort_all_objects();
                value.to_string()
            }
            Err(_) => empty_elements(&String::from_utf8_lossy(body)),
        },
    }
}

/// Maps sorted by key.
fn in_order(item: Item) -> Item {
    match item {
        Item::Map(mut entries) => {
            entries.sort_by_key(|entry| format!("{:?}", entry.0));
            let entries = entries.into_iter().map(|(key, value)| (key, in_order(value)));
            Item::Map(entries.collect())
        }
        Item::Array(items) => Item::Array(items.into_iter().map(in_order).collect()),
        item => item,
    }
}

/// `<a />` as `<a></a>`.
fn empty_elements(text: &str) -> String {
    let mut parts = text.split(" />");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = out.rsplit('<').next().unwrap_or_default().to_owned();
        let name = name.split(' ').next().unwrap_or_default();
        out = format!("{out}></{name}>{part}");
    }
    out
}

fn differences(vector: &Value) -> Vec<String> {
    let field = |name: &str| vector[name].as_str().unwrap_or_default();
    let (service, operation, protocol) = (field("service"), field("operation"), field("protocol"));
    let built = match build(service, operation, &vector["input"]) {
        Ok(built) => built,
        // Streams of events.
        Err(error) if error.contains("streams of events") => return Vec::new(),
        Err(error) => return vec![format!("{service} {operation}: {error}")],
    };
    let mut found = Vec::new();
    let mut compare = |what: &str, ours: String, theirs: String| {
        if ours != theirs {
            let input = &vector["input"];
            found.push(format!(
                "{service} {operation} {what}\n ours   {ours}\n theirs {theirs}\n input {input}"
            ));
        }
    };
    compare("method", built.method.to_string(), field("method").to_owned());
    compare("path", built.path.clone(), field("path").to_owned());
    let pairs = vector["query"].as_array().unwrap().iter();
    let mut pairs: Vec<(String, String)> =
        pairs.map(|pair| serde_json::from_value(pair.clone()).unwrap()).collect();
    pairs.sort();
    compare("query", format!("{:?}", sorted(&built.query)), format!("{pairs:?}"));
    let body = STANDARD.decode(field("body")).unwrap();
    compare("body", meaning(protocol, &built.body), meaning(protocol, &body));
    for (name, value) in vector["headers"].as_object().unwrap() {
        let ours = built.headers.get(name).map_or("", |value| value.to_str().unwrap());
        // Content types of payloads and algorithms of checksums are a free choice.
        let free = name == "content-type" && protocol.starts_with("rest")
            || name == "x-amz-sdk-checksum-algorithm";
        if !free {
            compare(name, ours.to_owned(), value.as_str().unwrap().to_owned());
        }
    }
    found
}

#[test]
fn builds_what_botocore_builds() {
    let more = std::env::var("TRACKWAY_CLIENT_VECTORS").ok();
    let more = more.map(|file| std::fs::read_to_string(file).unwrap());
    let text = more.as_deref().unwrap_or(include_str!("data/client.jsonl"));
    let vectors: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<String> = vectors.iter().flat_map(differences).collect();
    let shown: Vec<&str> = found.iter().take(20).map(String::as_str).collect();
    assert!(found.is_empty(), "{} of {}\n{}", found.len(), vectors.len(), shown.join("\n"));
}

#[test]
fn invokes_a_function() {
    let input = json!({
        "FunctionName": "arn:aws:lambda:us-east-1:1:function:f",
        "InvocationType": "RequestResponse",
        "LogType": "Tail",
        "Payload": STANDARD.encode(r#"{"a":1}"#),
        "Qualifier": "live",
    });
    let mut built = build("lambda", "Invoke", &input).unwrap();
    assert_eq!(
        built.url(),
        "http://h:1/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Af/\
         invocations?Qualifier=live"
    );
    assert_eq!(built.headers["x-amz-invocation-type"], "RequestResponse");
    assert_eq!(built.headers["x-amz-log-type"], "Tail");
    assert_eq!(&built.body[..], br#"{"a":1}"#);
    let credentials = Credentials {
        access_key: "test".to_owned(),
        secret_key: "test".to_owned(),
        session_token: None,
    };
    built.sign(&credentials, 1_795_228_863_000);
    let authorization = built.headers["authorization"].to_str().unwrap();
    assert!(authorization.contains("Credential=test/20261121/us-east-1/lambda/aws4_request"));

    let headers = [("X-Amz-Function-Error", "Unhandled"), ("X-Amz-Executed-Version", "$LATEST")];
    let output = parse("lambda", "Invoke", (200, &headers, r#"{"errorType":"X"}"#)).unwrap();
    assert_eq!(
        output,
        json!({
            "Payload": STANDARD.encode(r#"{"errorType":"X"}"#),
            "StatusCode": 200,
            "FunctionError": "Unhandled",
            "ExecutedVersion": "$LATEST",
        })
    );
    let refused = parse(
        "lambda",
        "Invoke",
        (
            404,
            &[("x-amzn-ErrorType", "ResourceNotFoundException"), ("x-amzn-RequestId", "r-1")],
            r#"{"Type":"User","Message":"Function not found: f"}"#,
        ),
    )
    .unwrap_err();
    assert_eq!(
        refused,
        Refused {
            code: "ResourceNotFoundException".to_owned(),
            message: "Function not found: f".to_owned(),
            status: 404,
            request_id: Some("r-1".to_owned()),
            members: Box::new(json!({"Type": "User"}).as_object().unwrap().clone()),
        }
    );
}

#[test]
fn reads_outputs_of_every_protocol() {
    for (service, operation, body, expected) in [
        (
            "stepfunctions",
            "DescribeExecution",
            r#"{"status":"RUNNING","startDate":1.5E9,"input":"{}","stopDate":null,"new":1}"#,
            json!({"status": "RUNNING", "startDate": 1.5e9, "input": "{}"}),
        ),
        ("iot", "ListAuditTasks", r#"{"tasks":[]}"#, json!({"tasks": []})),
        (
            "sns",
            "Publish",
            "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
             <MessageId>m-1</MessageId></PublishResult><ResponseMetadata><RequestId>r</RequestId>\
             </ResponseMetadata></PublishResponse>",
            json!({"MessageId": "m-1"}),
        ),
        (
            "ec2",
            "DescribeRegions",
            "<DescribeRegionsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
             <requestId>r</requestId><regionInfo><item><regionName>us-east-1</regionName>\
             <regionEndpoint>e</regionEndpoint></item></regionInfo></DescribeRegionsResponse>",
            json!({"Regions": [{"Endpoint": "e", "RegionName": "us-east-1"}]}),
        ),
        (
            "s3",
            "ListObjectsV2",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.\
             amazonaws.com/doc/2006-03-01/\"><Name>b</Name><KeyCount>1</KeyCount><IsTruncated>false\
             </IsTruncated><Contents><Key>a&amp;b</Key><LastModified>2026-01-01T00:00:00.000Z\
             </LastModified><Size>3</Size></Contents></ListBucketResult>",
            json!({
                "IsTruncated": false,
                "Contents": [{"Key": "a&b", "LastModified": 1_767_225_600, "Size": 3}],
                "Name": "b",
                "KeyCount": 1,
            }),
        ),
        ("s3", "GetObject", "hello", json!({"Body": STANDARD.encode("hello"), "Metadata": {}})),
        ("sqs", "SendMessage", r#"{"MessageId":"m"}"#, json!({"MessageId": "m"})),
    ] {
        let output = parse(service, operation, (200, &[], body)).unwrap();
        assert_eq!(output, expected, "{service} {operation}");
    }
}

#[test]
fn reads_errors_of_every_protocol() {
    for (service, operation, status, headers, body, code, message) in [
        (
            "dynamodb",
            "GetItem",
            400,
            &[][..],
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"}"#,
            "ResourceNotFoundException",
            "no",
        ),
        (
            "sqs",
            "GetQueueUrl",
            400,
            &[("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender")],
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}"#,
            "AWS.SimpleQueueService.NonExistentQueue",
            "no",
        ),
        (
            "lambda",
            "Invoke",
            429,
            &[("x-amzn-errortype", "TooManyRequestsException:http://x/")],
            r#"{"message":"slow"}"#,
            "TooManyRequestsException",
            "slow",
        ),
        (
            "sns",
            "Publish",
            404,
            &[],
            "<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no</Message>\
             </Error><RequestId>r</RequestId></ErrorResponse>",
            "NotFound",
            "no",
        ),
        (
            "ec2",
            "RunInstances",
            400,
            &[],
            "<Response><Errors><Error><Code>InvalidAMIID.NotFound</Code><Message>no</Message>\
             </Error></Errors><RequestID>r</RequestID></Response>",
            "InvalidAMIID.NotFound",
            "no",
        ),
        (
            "s3",
            "GetObject",
            404,
            &[],
            "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>no</Message></Error>",
            "NoSuchKey",
            "no",
        ),
        ("lambda", "Invoke", 502, &[], "<html>", "502", ""),
    ] {
        let refused = parse(service, operation, (status, headers, body)).unwrap_err();
        assert_eq!((refused.code.as_str(), refused.message.as_str()), (code, message));
        assert_eq!(refused.status, status);
    }
}

#[test]
fn adds_host_prefixes_and_tokens() {
    let service = model::service("stepfunctions").unwrap();
    let operation = service.operation("StartSyncExecution").unwrap();
    let input = json!({"stateMachineArn": "a"});
    let host = |endpoint: &Endpoint| {
        client::build(service, operation, endpoint, &input, String::new).unwrap().host
    };
    let real = client::endpoint(service, "us-east-1", |_| None);
    assert_eq!(host(&real), "sync-states.us-east-1.amazonaws.com");
    let own = client::endpoint(service, "us-east-1", |_| Some("http://127.0.0.1:1".to_owned()));
    assert_eq!(host(&own), "127.0.0.1:1");
    let built = build("ssm", "CreateOpsItem", &json!({"Title": "t"})).unwrap();
    assert_eq!(&built.body[..], br#"{"Title":"t"}"#);
    let error = build("lambda", "Invoke", &json!({})).unwrap_err();
    assert_eq!(error, "call Invoke: FunctionName is missing");
}

#[test]
fn streams_of_events_are_refused() {
    for (service, operation) in [
        ("lambda", "InvokeWithResponseStream"),
        ("s3", "SelectObjectContent"),
        ("logs", "StartLiveTail"),
        ("transcribe-streaming", "StartStreamTranscription"),
    ] {
        let Some(_) = model::service(service) else { continue };
        let error = build(service, operation, &json!({})).unwrap_err();
        assert_eq!(error, format!("call {operation}: streams of events are not supported"));
    }
}

#[test]
fn at_aws_a_bucket_is_part_of_the_host_and_a_stream_is_not_signed() {
    let service = model::service("s3").unwrap();
    let operation = service.operation("PutObject").unwrap();
    let sent = |bucket: &str, url: Option<&str>| {
        let endpoint = client::endpoint(service, "eu-west-1", |_| url.map(str::to_owned));
        let input = json!({"Bucket": bucket, "Key": "/a b/../é", "Body": "dGVzdA=="});
        let mut built = client::build(service, operation, &endpoint, &input, String::new).unwrap();
        let credentials = Credentials {
            access_key: "k".to_owned(),
            secret_key: "s".to_owned(),
            session_token: None,
        };
        built.sign(&credentials, 0);
        let hash = built.headers["x-amz-content-sha256"].to_str().unwrap().to_owned();
        (built.url(), hash)
    };
    let (url, hash) = sent("bucket-1", None);
    assert_eq!(url, "https://bucket-1.s3.eu-west-1.amazonaws.com//a%20b/../%C3%A9");
    assert_eq!(hash, "UNSIGNED-PAYLOAD");
    let (url, _) = sent("dotted.bucket", None);
    assert_eq!(url, "https://s3.eu-west-1.amazonaws.com/dotted.bucket//a%20b/../%C3%A9");
    let (url, hash) = sent("bucket-1", Some("http://127.0.0.1:1/s3"));
    assert_eq!(url, "http://127.0.0.1:1/s3/bucket-1//a%20b/../%C3%A9");
    assert_eq!(hash.len(), 64);
}

#[test]
fn a_refusal_after_success_began_is_a_refusal() {
    let body = "<Error><Code>InternalError</Code><Message>late</Message></Error>";
    let refused = parse("s3", "CopyObject", (200, &[], body)).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.status), ("InternalError", 500));
    assert!(parse("s3", "GetObject", (200, &[], body)).is_ok());
    let refused = parse("s3", "HeadObject", (404, &[], "")).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.message.as_str()), ("404", "Not Found"));
}
