//! IoT: nasty values in every member, and random requests: an answer that AWS could give.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use trackway_api::iot::operations;
use trackway_engine::Clock;
use trackway_wire::client::{Endpoint, build};
use trackway_wire::error::is_known;
use trackway_wire::model::{self, Operation, Service, ShapeId, ShapeKind};

use crate::house::House;
use crate::said;

const ROLE: &str = "arn:aws:iam::000000000000:role/test";
const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:topic";
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:*","Resource":"*"}]}"#;
/// Making keys takes long in a test build.
const SLOW: [&str; 1] = ["CreateKeysAndCertificate"];
/// Random requests of one test.
const REQUESTS: usize = 4000;

fn iot() -> &'static Service {
    model::service("iot").expect("a model")
}

/// Values that fit hardly any member.
fn nasty() -> Vec<Value> {
    let long = "x".repeat(5000);
    let mut values = vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(1e308),
        json!(i64::MIN),
        json!(u64::MAX),
        json!([]),
        json!({}),
        json!([null]),
        json!([[[{}]]]),
        json!({ "a": null, "b": { "c": [] } }),
        json!({ "clientId": "a", "account": "000000000000" }),
        json!({ "policyVersionIdentifier": {} }),
        json!({ "issuerCertificateIdentifier": {} }),
        json!({ "deviceCertificateArn": ":cert/" }),
        json!({ "SNS": { "enabled": true } }),
        json!({ "LOGGING_DISABLED_CHECK": { "configuration": { "CERT_AGE_THRESHOLD_IN_DAYS": "x" } } }),
        json!({ "LOGGING_DISABLED_CHECK": [] }),
        json!([{ "Key": "k" }, { "Key": "k", "Value": "\u{0}" }]),
        json!(["x", "x"]),
    ];
    let texts = [
        "",
        " ",
        "x",
        "null",
        "{}",
        "[]",
        "\"",
        "\u{0}",
        "\u{ffff}",
        "😀",
        "../..",
        "..",
        ".",
        "/",
        "a/b",
        "a%2Fb",
        "%",
        "%zz",
        "+",
        "a\nb",
        "a\0b",
        "0",
        "99999999999999999999",
        "1e999",
        "arn:",
        "arn:aws:iot:us-east-1:000000000000:cert/",
        "arn:aws:iot:::thing/thing",
        "*",
        "LAST",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "00000000000000000000000000000000",
        "00000000-0000-4000-8000-000000000000",
    ];
    values.extend(texts.map(Value::from));
    values.push(json!(long));
    values
}

/// A value that mostly fits a member of this name.
fn good(name: &str, shape: ShapeId, depth: usize) -> Value {
    let text = match name {
        "thingName" => "thing",
        "thingGroupName" | "thingGroupNames" | "parentGroupName" => "group",
        "thingTypeName" => "type",
        "policyName" => "policy",
        "policyVersionId" => "1",
        "policyDocument" => POLICY,
        "principal" | "target" | "certificateArn" => {
            return json!(format!("arn:aws:iot:us-east-1:000000000000:cert/{}", "0".repeat(64)));
        }
        "certificateId" | "caCertificateId" => return json!("0".repeat(64)),
        "roleAlias" => "alias",
        "roleArn" | "roleArnForLogging" => ROLE,
        "topicArn" | "targetArn" => TOPIC,
        "actionName" | "actionNames" => "publish",
        "scheduledAuditName" => "nightly",
        "securityProfileName" => "profile",
        "resourceArn" => "arn:aws:iot:us-east-1:000000000000:thing/thing",
        "checkName" | "targetCheckNames" => "LOGGING_DISABLED_CHECK",
        "auditCheckConfigurations" => {
            return json!({ "LOGGING_DISABLED_CHECK": { "enabled": true } });
        }
        "resourceIdentifier" => return json!({ "account": "000000000000" }),
        "actionParams" => return json!({ "publishFindingToSnsParams": { "topicArn": TOPIC } }),
        "auditCheckToActionsMapping" => return json!({ "LOGGING_DISABLED_CHECK": ["publish"] }),
        _ => "x",
    };
    match &iot().shape(shape).kind {
        ShapeKind::List { member, .. } if depth < 4 => json!([good(name, *member, depth + 1)]),
        ShapeKind::Structure(structure) if depth < 4 => {
            let members = structure.members.iter().filter(|member| member.required);
            let members = members.map(|member| {
                (member.name.to_string(), good(&member.name, member.shape, depth + 1))
            });
            Value::Object(members.collect())
        }
        ShapeKind::List { .. } => json!([]),
        ShapeKind::Structure(_) | ShapeKind::Map { .. } => json!({}),
        ShapeKind::Boolean => json!(true),
        ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float | ShapeKind::Double => json!(1),
        ShapeKind::Timestamp(_) => json!(0),
        _ => {
            let constraints = iot().shape(shape).constraints.as_deref();
            let names = constraints.map(|constraints| &constraints.allowed);
            match names.and_then(|names| names.first()) {
                Some(first) => json!(first),
                None => json!(text),
            }
        }
    }
}

fn members(operation: &Operation) -> Vec<(&'static str, ShapeId, bool)> {
    let Some(input) = operation.input else { return Vec::new() };
    let ShapeKind::Structure(input) = &iot().shape(input).kind else { return Vec::new() };
    input.members.iter().map(|member| (&*member.name, member.shape, member.required)).collect()
}

/// What the operation needs, as it should be.
fn needed(operation: &Operation) -> Map<String, Value> {
    let needed = members(operation).into_iter().filter(|(_, _, required)| *required);
    needed.map(|(name, shape, _)| (name.to_owned(), good(name, shape, 0))).collect()
}

/// The request, once as a client that checks nothing makes it, and once with the members as they
/// are in its body. None for a path that can't be made.
fn requests(operation: &'static Operation, input: &Value) -> Vec<Request<Bytes>> {
    let endpoint = Endpoint {
        scheme: "http".to_owned(),
        host: "localhost".to_owned(),
        base_path: String::new(),
        region: "us-east-1".to_owned(),
        custom: true,
    };
    let Ok(built) = build(iot(), operation, &endpoint, input, || "token".to_owned()) else {
        return Vec::new();
    };
    let bodies = [built.body.clone(), Bytes::from(input.to_string())];
    let made = bodies.into_iter().map(|body| {
        let mut made = Request::builder().method(built.method.clone()).uri(built.url());
        *made.headers_mut().expect("headers") = built.headers.clone();
        made.body(body)
    });
    made.filter_map(Result::ok).collect()
}

async fn survives(house: &House, operation: &'static Operation, input: &Map<String, Value>) {
    let input = Value::Object(input.clone());
    for request in requests(operation, &input) {
        let answer = said(&house.client.send(request).await);
        let code = answer.split([' ', ':']).nth(1);
        let is_known = code.is_none_or(|code| is_known(iot(), code));
        let status: u16 = answer[..3].parse().expect("a status");
        let shown: String = input.to_string().chars().take(400).collect();
        assert!(status < 500 && is_known, "{} {shown}: {answer:.300}", operation.name);
    }
}

fn built() -> Vec<&'static Operation> {
    let fast = operations().filter(|name| !SLOW.contains(name));
    fast.map(|name| iot().operation(name).expect("it is in the model")).collect()
}

/// A house in which audits are configured.
async fn house() -> House {
    let house = House::open(Clock::Manual, BTreeMap::new()).await;
    for (name, extra) in [
        ("UpdateAccountAuditConfiguration", json!({ "roleArn": ROLE })),
        ("CreateThing", json!({})),
        ("CreateThingGroup", json!({})),
        ("CreatePolicy", json!({})),
        ("CreateMitigationAction", json!({})),
        ("StartOnDemandAuditTask", json!({})),
    ] {
        let operation = iot().operation(name).expect("it is in the model");
        if !operations().any(|built| built == name) {
            continue;
        }
        let mut input = needed(operation);
        input.extend(extra.as_object().cloned().unwrap_or_default());
        if name.starts_with("UpdateAccount") {
            let checks = json!({ "LOGGING_DISABLED_CHECK": { "enabled": true } });
            input.insert("auditCheckConfigurations".to_owned(), checks);
        }
        survives(&house, operation, &input).await;
    }
    house
}

#[tokio::test]
async fn every_member_survives_every_value() {
    let house = house().await;
    for operation in built() {
        survives(&house, operation, &needed(operation)).await;
        for (name, _, _) in members(operation) {
            for value in nasty() {
                let mut input = needed(operation);
                input.insert(name.to_owned(), value);
                survives(&house, operation, &input).await;
            }
        }
    }
    assert_eq!(house.engine.stats().parked, 0);
}

#[tokio::test]
async fn no_sequence_of_requests_is_a_fault() {
    let house = house().await;
    let (operations, nasty) = (built(), nasty());
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..REQUESTS {
        let operation = operations[runner.rng().random_range(0..operations.len())];
        let mut input = Map::new();
        for (name, shape, required) in members(operation) {
            match runner.rng().random_range(0..10) {
                0 => input.insert(
                    name.to_owned(),
                    nasty[runner.rng().random_range(0..nasty.len())].clone(),
                ),
                1..4 if !required => None,
                _ => input.insert(name.to_owned(), good(name, shape, 0)),
            };
        }
        survives(&house, operation, &input).await;
        if runner.rng().random_range(0..20) == 0 {
            house.engine.advance(24 * 60 * 60 * 1000);
        }
    }
    assert_eq!(house.engine.stats().parked, 0);
}
