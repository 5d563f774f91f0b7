//! The server side from bytes to bytes, table by table.
#![expect(clippy::unwrap_used, reason = "a test may")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Response, Uri};
use serde_json::{Value, json};
use trackway_wire::client;
use trackway_wire::codec::cbor::{self, Item};
use trackway_wire::error::Failure;
use trackway_wire::model::{self, Member, Operation, Service, ShapeId, ShapeKind};
use trackway_wire::request::Request;
use trackway_wire::server::{self, Call, Rejection};

/// A request that owns its parts.
struct Sent {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn new(method: &str, uri: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()));
        Self {
            method: method.parse().unwrap(),
            uri: uri.parse().unwrap(),
            headers: headers.collect(),
            body: body.to_vec(),
        }
    }

    fn target(target: &str, body: &str) -> Self {
        Self::new("POST", "/", &[("x-amz-target", target)], body.as_bytes())
    }

    /// A request of a rest operation with an `x` for every label.
    fn rest(operation: &Operation) -> Self {
        let uri =
            operation.uri.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
        Self::new(&operation.method, &uri.collect::<Vec<_>>().join("/"), &[], b"")
    }

    fn request(&self) -> Request<'_> {
        let Self { method, uri, headers, body } = self;
        Request { method, uri, headers, body }
    }

    fn dispatch(&self) -> Result<Call, Rejection> {
        server::dispatch(&self.request())
    }

    fn call(&self) -> Call {
        self.dispatch().unwrap_or_else(|rejection| panic!("{:?}", rejection.failure))
    }

    fn input(&self) -> Result<Value, Failure> {
        self.call().input(&self.request())
    }
}

fn body(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn finds_the_operation_in_every_protocol() {
    let json = [("x-amz-target", "AmazonSSM.GetParameter")];
    let cbor = [("smithy-protocol", "rpc-v2-cbor")];
    let form = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
    let cbor_path = "/some/prefix/service/CodePipeline_20150709/operation/ListPipelines";
    let action = "Action=GetCallerIdentity&Version=2011-06-15";
    for (sent, expected) in [
        (Sent::new("POST", "/", &json, b"{}"), "ssm GetParameter AwsJson11"),
        (Sent::target("AWSStepFunctions.TestState", "{}"), "stepfunctions TestState AwsJson10"),
        (Sent::new("POST", cbor_path, &cbor, b""), "codepipeline ListPipelines RpcV2Cbor"),
        (Sent::new("POST", "/", &form, action.as_bytes()), "sts GetCallerIdentity Query"),
        (Sent::new("GET", &format!("/?{action}"), &[], b""), "sts GetCallerIdentity Query"),
        (Sent::new("GET", "/audit/tasks/t-1", &[], b""), "iot DescribeAuditTask RestJson1"),
    ] {
        let Call { service, operation, protocol, .. } = sent.call();
        assert_eq!(format!("{} {} {protocol:?}", service.name, operation.name), expected);
    }
}

#[test]
fn refuses_what_it_does_not_know_in_the_caller_s_protocol() {
    let cbor = [("smithy-protocol", "rpc-v2-cbor")];
    let s3 = [("authorization", "AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request, x")];
    for (sent, status, kind) in [
        (Sent::target("AWSStepFunctions.Fly", "{}"), 400, "application/x-amz-json-1.0"),
        (Sent::target("AWSStepFunctions", "{}"), 400, "application/x-amz-json-1.0"),
        (Sent::target("AmazonSSM.Fly", "{}"), 400, "application/x-amz-json-1.1"),
        (Sent::target("Nobody.Fly", "{}"), 400, "application/x-amz-json-1.1"),
        (Sent::new("POST", "/service/X/operation/Y", &cbor, b""), 404, "application/cbor"),
        (Sent::new("GET", "/no/such/path", &[], b""), 404, "application/json"),
        (Sent::new("GET", "/audit/tasks", &s3, b""), 404, "application/json"),
        (Sent::new("GET", "/", &[], b""), 404, "application/json"),
    ] {
        let response = sent.dispatch().unwrap_err().respond("r-1");
        assert_eq!(response.status(), status, "{} {:?}", sent.uri, sent.headers);
        assert_eq!(header(&response, "content-type"), kind);
        assert_eq!(header(&response, "x-amzn-requestid"), "r-1");
        let text = String::from_utf8_lossy(response.body());
        assert!(text.contains("__type") && text.contains("UnknownOperationException"), "{text}");
    }
}

#[test]
fn refuses_an_unknown_action_in_xml() {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let sent = Sent::new("POST", "/", &form, b"Version=1&Action=Fly");
    let response = sent.dispatch().unwrap_err().respond("r");
    assert_eq!(response.status(), 400);
    assert!(body(&response).contains(
        "<Code>InvalidAction</Code><Message>Could not find operation Fly for version 1</Message>"
    ));
}

#[test]
fn refuses_a_body_that_is_too_long() {
    let long = "x".repeat(server::REQUEST_BODY_BYTES_MAX + 1);
    let response =
        Sent::target("AmazonSSM.GetParameter", &long).dispatch().unwrap_err().respond("r");
    assert_eq!(response.status(), 413);
}

#[test]
fn knows_who_calls() {
    let signed = |credential: &str| {
        let header = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, x=y");
        let target = ("x-amz-target", "AmazonSSM.GetParameter");
        Sent::new("POST", "/", &[target, ("authorization", &header)], b"{}").call()
    };
    let known = |key: &str| (key == "AKIAEXAMPLE").then(|| "111122223333".to_owned());
    for (credential, region, account) in [
        ("test/20260101/eu-west-1/ssm/aws4_request", "eu-west-1", "000000000000"),
        ("123456789012/20260101/us-east-2/ssm/aws4_request", "us-east-2", "123456789012"),
        ("AKIAEXAMPLE/20260101/us-east-1/ssm/aws4_request", "us-east-1", "111122223333"),
        ("a/b/20260101/us-west-1/ssm/aws4_request", "us-west-1", "000000000000"),
        ("broken", "us-east-1", "000000000000"),
    ] {
        let call = signed(credential);
        assert_eq!(call.identity.region, region);
        assert_eq!(call.account(known), account, "{credential}");
    }
    let unsigned = Sent::target("AmazonSSM.GetParameter", "{}").call();
    assert_eq!(unsigned.identity.access_key, None);
}

#[test]
fn collects_rest_inputs_from_everywhere() {
    for (method, uri, headers, body, expected) in [
        (
            "GET",
            "/audit/mitigationactions/executions?taskId=my%20task%2F1&findingId=f&maxResults=5",
            &[][..],
            "",
            json!({"taskId": "my task/1", "findingId": "f", "maxResults": 5}),
        ),
        (
            "PUT",
            "/target-policies/p%20x",
            &[("content-type", "application/json")],
            r#"{"target":"arn:aws:iot:us-east-1:1:cert/a"}"#,
            json!({"target": "arn:aws:iot:us-east-1:1:cert/a", "policyName": "p x"}),
        ),
        (
            "GET",
            "/principals/things",
            &[("x-amzn-principal", "arn:aws:iot:us-east-1:1:cert/a")],
            "",
            json!({"principal": "arn:aws:iot:us-east-1:1:cert/a"}),
        ),
        (
            "GET",
            "/audit/tasks?startTime=2026-01-01T00%3A00%3A00.5Z&endTime=1767225601",
            &[],
            "",
            json!({"startTime": 1_767_225_600.5, "endTime": 1_767_225_601}),
        ),
        ("POST", "/audit/findings", &[], "", json!({})),
    ] {
        let sent = Sent::new(method, uri, headers, body.as_bytes());
        let input = sent.call().decode(&sent.request()).unwrap();
        assert_eq!(input, expected, "{uri}");
    }
}

/// Requests of IoT as botocore writes them (`data/client.py`): labels, queries, headers and bodies.
#[test]
fn collects_what_botocore_has_spread() {
    let vectors = include_str!("data/iot.jsonl");
    for line in vectors.lines() {
        let vector: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| vector[name].as_str().unwrap();
        let headers = vector["headers"].as_object().unwrap();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (&**name, value.as_str().unwrap())).collect();
        let body = STANDARD.decode(text("body")).unwrap();
        let sent = Sent::new(text("method"), text("uri"), &headers, &body);
        let call = sent.call();
        assert_eq!(&*call.operation.name, text("operation"), "{line}");
        let mut input = call.decode(&sent.request()).unwrap();
        let members = input.as_object_mut().unwrap();
        // An idempotency token that the input doesn't have.
        members.retain(|name, value| *value != "token" || !vector["input"][name].is_null());
        assert_eq!(in_seconds(&input), in_seconds(&vector["input"]), "{line}");
    }
}

/// Numbers as doubles, members in order, so that equal values look equal.
fn in_seconds(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(in_seconds).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), in_seconds(value))).collect()
        }
        other => other.clone(),
    }
}

/// An answer of every operation of IoT, and every error: what a client reads is what was written.
#[test]
fn what_iot_answers_is_what_a_client_reads() {
    let iot = model::service("iot").unwrap();
    for operation in &iot.operations {
        let output = operation.output.map_or(json!({}), |shape| some(iot, shape, 0));
        let call = Sent::rest(operation).call();
        let answer = call.reply().success(output.to_string().into(), "id");
        let status = answer.status().as_u16();
        let read = client::parse(iot, operation, status, answer.headers(), answer.body());
        let read = read.unwrap_or_else(|refused| panic!("{}: {refused:?}", operation.name));
        assert_eq!(in_seconds(&read), in_seconds(&output), "{}", operation.name);
        for error in &operation.errors {
            let shape = iot.shape(*error);
            let failure = Failure::new(shape.name.to_string(), "why")
                .with_member("resourceArn", "arn:aws:iot:us-east-1:1:thing/t");
            let answer = call.reply().failure(&failure, "id");
            let status = answer.status().as_u16();
            assert_eq!(Some(status), of_model(&shape.name), "{}", shape.name);
            let read = client::parse(iot, operation, status, answer.headers(), answer.body());
            let refused = read.unwrap_err();
            assert_eq!((&*refused.code, &*refused.message), (&*shape.name, "why"));
        }
    }
}

/// The status of an error. Source: IoT's API reference.
fn of_model(error: &str) -> Option<u16> {
    Some(match error {
        "InvalidRequestException"
        | "ThrottlingException"
        | "TaskAlreadyExistsException"
        | "MalformedPolicyException"
        | "CertificateValidationException"
        | "RegistrationCodeValidationException"
        | "SqlParseException"
        | "InvalidQueryException"
        | "IndexNotReadyException"
        | "InvalidResponseException"
        | "InvalidAggregationException"
        | "ResourceRegistrationFailureException"
        | "CertificateConflictException"
        | "ValidationException" => 400,
        "UnauthorizedException" => 401,
        "ServiceQuotaExceededException" => 402,
        "ResourceNotFoundException" | "NotConfiguredException" => 404,
        "CertificateStateException" => 406,
        "ResourceAlreadyExistsException"
        | "DeleteConflictException"
        | "ConflictException"
        | "VersionConflictException"
        | "VersionsLimitExceededException"
        | "ConflictingResourceUpdateException"
        | "InvalidStateTransitionException"
        | "TransferConflictException" => 409,
        "LimitExceededException" | "TransferAlreadyCompletedException" => 410,
        "InternalFailureException" | "InternalException" | "InternalServerException" => 500,
        "ServiceUnavailableException" => 503,
        _ => return None,
    })
}

/// Some value of a shape, in the neutral form.
fn some(service: &Service, shape: ShapeId, depth: usize) -> Value {
    match &service.shape(shape).kind {
        ShapeKind::Structure(structure) => {
            let members = structure.members.iter().filter(|_| depth < 5);
            let member =
                |member: &Member| (member.name.to_string(), some(service, member.shape, depth + 1));
            Value::Object(members.map(member).collect())
        }
        ShapeKind::List { member, .. } => json!([some(service, *member, depth + 1)]),
        ShapeKind::Map { value, .. } => json!({ "k": some(service, *value, depth + 1) }),
        ShapeKind::Boolean => json!(false),
        // One of them is a status.
        ShapeKind::Integer | ShapeKind::Long => json!(202),
        ShapeKind::Float | ShapeKind::Double => json!(0.25),
        ShapeKind::Timestamp(_) => json!(1_767_225_600.5),
        ShapeKind::Blob { .. } => json!("YWI="),
        ShapeKind::String | ShapeKind::Document => json!("text"),
    }
}

#[test]
fn reads_cbor_like_json() {
    let text = |text: &str| Item::Text(text.to_owned());
    let uuid = "01234567-89ab-cdef-0123-456789abcdef".to_owned();
    let filter = Item::Map(vec![(text("pipelineExecutionId"), text(&uuid))]);
    let body = cbor::encode(&Item::Map(vec![
        (text("pipelineName"), text("p")),
        (text("filter"), filter),
        (text("maxResults"), Item::Integer(30)),
        (text("nextToken"), Item::Null),
        (text("unknown"), Item::Array(vec![Item::Bool(true)])),
    ]));
    let path = "/service/CodePipeline_20150709/operation/ListActionExecutions";
    let sent = Sent::new("POST", path, &[("smithy-protocol", "rpc-v2-cbor")], &body);
    let expected =
        json!({"pipelineName": "p", "filter": {"pipelineExecutionId": uuid}, "maxResults": 30});
    assert_eq!(sent.input().unwrap(), expected);

    let details = json!({"actionExecutionDetails": [{"startTime": 1_767_225_600.123,
        "actionName": "x", "pipelineVersion": 2}]});
    let response = sent.call().reply().success(details.to_string().into(), "r");
    assert_eq!(header(&response, "smithy-protocol"), "rpc-v2-cbor");
    let bytes = response.body();
    let stamp = b"\xc1\xfb\x41\xda\x55\x6e\x40\x07\xdf\x3b";
    assert!(bytes.windows(stamp.len()).any(|window| window == stamp), "{bytes:x?}");

    let failure = Failure::new("PipelineNotFoundException", "nope");
    let response = sent.call().reply().failure(&failure, "r");
    assert_eq!(response.status(), 400);
    let expected = Item::Map(vec![
        (text("__type"), text("PipelineNotFoundException")),
        (text("message"), text("nope")),
    ]);
    assert_eq!(cbor::decode(response.body()), Ok(expected));
}

#[test]
fn refuses_a_moment_that_no_client_could_read_again() {
    let text = |text: &str| Item::Text(text.to_owned());
    let path = "/service/CodePipeline_20150709/operation/PutActionRevision";
    for (moment, is_refused) in [
        (Item::Float(1e300), true),
        (Item::Integer(i128::from(i64::MAX)), true),
        (Item::Float(-62_135_596_800.5), true),
        (Item::Float(253_402_300_799.5), false),
        (Item::Integer(0), false),
    ] {
        let seconds = match &moment {
            Item::Float(seconds) => json!(seconds),
            Item::Integer(seconds) => json!(i64::try_from(*seconds).unwrap()),
            _ => Value::Null,
        };
        let revision = json!({ "revisionId": "1", "revisionChangeId": "1", "created": seconds });
        let input = json!({ "pipelineName": "p", "stageName": "s", "actionName": "a", "actionRevision": revision });
        let sent = Sent::target("CodePipeline_20150709.PutActionRevision", &input.to_string());
        let revision = Item::Map(vec![
            (text("revisionId"), text("1")),
            (text("revisionChangeId"), text("1")),
            (text("created"), moment),
        ]);
        let body = cbor::encode(&Item::Map(vec![
            (text("pipelineName"), text("p")),
            (text("stageName"), text("s")),
            (text("actionName"), text("a")),
            (text("actionRevision"), revision),
        ]));
        let in_cbor = Sent::new("POST", path, &[("smithy-protocol", "rpc-v2-cbor")], &body);
        for sent in [sent, in_cbor] {
            let input = sent.input();
            assert_eq!(input.is_err(), is_refused, "{seconds}: {input:?}");
            if let Err(failure) = input {
                assert_eq!(failure.code, "SerializationException");
                let message = "NUMBER_VALUE can not be converted to milliseconds since epoch";
                assert_eq!(failure.message.as_deref(), Some(message));
            }
        }
    }
}

#[test]
fn passes_a_handler_s_json_through_untouched() {
    let reply = Sent::target("AWSStepFunctions.ListExecutions", "{}").call().reply();
    let output = Bytes::from_static(b"{ \"executions\" :[] }");
    let response = reply.success(output.clone(), "r-2");
    assert_eq!(response.body(), &output);
    assert_eq!(response.status(), 200);
    assert_eq!(header(&response, "content-type"), "application/x-amz-json-1.0");
    assert_eq!(header(&response, "x-amzn-requestid"), "r-2");
}

#[test]
fn answers_failures_as_each_service_does() {
    let iot = Sent::new("GET", "/audit/tasks/t", &[], b"");
    for (sent, failure, status, kind, expected) in [
        (
            Sent::target("AWSStepFunctions.DescribeExecution", "{}"),
            Failure::new("ExecutionDoesNotExist", "no"),
            400,
            "",
            r#"{"__type":"ExecutionDoesNotExist","message":"no"}"#,
        ),
        (
            Sent::target("AWSStepFunctions.TagResource", "{}"),
            Failure::new("TooManyTags", "many").with_member("resourceName", "arn"),
            400,
            "",
            r#"{"__type":"TooManyTags","message":"many","resourceName":"arn"}"#,
        ),
        (
            Sent::target("AmazonSSM.GetParameter", "{}"),
            Failure::new("AutomationExecutionNotFoundException", "no"),
            400,
            "",
            r#"{"__type":"AutomationExecutionNotFoundException","Message":"no"}"#,
        ),
        (
            Sent::target("AmazonSSM.GetParameter", "{}"),
            Failure::bare("SerializationException"),
            400,
            "",
            r#"{"__type":"SerializationException"}"#,
        ),
        (
            iot,
            Failure::new("ResourceNotFoundException", "no"),
            404,
            "ResourceNotFoundException",
            r#"{"message":"no"}"#,
        ),
    ] {
        let response = sent.call().reply().failure(&failure, "r");
        assert_eq!(response.status(), status);
        assert_eq!(header(&response, "x-amzn-errortype"), kind);
        assert_eq!(body(&response), expected);
    }
}

#[test]
fn says_what_is_not_built() {
    let call = Sent::target("AWSStepFunctions.TestState", "{}").call();
    let response = call.reply().failure(&call.not_built(), "r");
    assert_eq!(response.status(), 501);
    assert!(body(&response).contains("SFN TestState"), "{}", body(&response));
}

#[test]
fn speaks_xml_to_callers_of_sts() {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let sent = Sent::new("POST", "/", &form, b"Action=GetCallerIdentity&Version=2011-06-15");
    assert_eq!(sent.input().unwrap(), json!({}));
    let output = json!({"Account": "1", "Arn": "arn:aws:iam::1:user/<x>", "UserId": "u"});
    let response = sent.call().reply().success(output.to_string().into(), "r");
    assert_eq!(
        body(&response),
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><UserId>u</UserId><Account>1</Account>\
         <Arn>arn:aws:iam::1:user/&lt;x&gt;</Arn></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    );
    let failure = Failure::new("AccessDeniedException", "no");
    let response = sent.call().reply().failure(&failure, "r");
    assert!(body(&response).contains("<Code>AccessDenied</Code><Message>no</Message>"));
}

proptest::proptest! {
    #[test]
    fn arbitrary_requests_never_panic(bytes: Vec<u8>) {
        server::fuzz(&bytes);
    }

    #[test]
    fn arbitrary_json_never_panics(head: [u8; 3], text in "[\\[\\]{}\",:a-zA-Z0-9 .-]{0,64}") {
        let mut bytes = head.to_vec();
        bytes.push(0);
        bytes.extend(text.bytes());
        server::fuzz(&bytes);
    }
}
