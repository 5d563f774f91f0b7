//! Calls without HTTP: the same checks, the same answers, moments as text.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use trackway_api::{Api, Local};
use trackway_engine::Engine;
use trackway_store::Memory;

#[tokio::test]
async fn a_local_call_is_checked_and_answered_as_one_over_http() {
    let engine = Engine::builder().open(Arc::new(Memory::new())).await.unwrap();
    let local = Local::default();
    local.serve(&Api::new(engine, BTreeMap::new()));
    let call = async |service: &str, operation: &str, input| {
        local.call((service, operation), ("000000000000", "us-east-1"), &input).await
    };
    let put = json!({ "Name": "/p", "Value": "v", "Type": "String" });
    assert_eq!(call("ssm", "PutParameter", put).await.unwrap()["Version"], 1);
    let got = call("ssm", "GetParameter", json!({ "Name": "/p" })).await.unwrap();
    assert_eq!(got["Parameter"]["Value"], "v");
    let modified = got["Parameter"]["LastModifiedDate"].as_str().unwrap();
    assert!(modified.parse::<jiff::Timestamp>().is_ok(), "{modified}");
    for (service, operation, input, code, status) in [
        ("ssm", "GetParameter", json!({}), "ValidationException", 400),
        ("ssm", "GetParameter", json!({ "Name": 1 }), "SerializationException", 400),
        ("ssm", "GetParameter", json!({ "Name": "/none" }), "ParameterNotFound", 400),
        (
            "ssm",
            "CreateOpsItem",
            json!({ "Title": "t", "Description": "d", "Source": "s" }),
            "NotImplemented",
            501,
        ),
        ("ssm", "Nonsense", json!({}), "UnknownOperationException", 400),
        ("nonsense", "Nonsense", json!({}), "UnknownOperationException", 400),
        ("stepfunctions", "DescribeActivity", json!({ "activityArn": "x" }), "InvalidArn", 400),
    ] {
        let why = call(service, operation, input).await.unwrap_err();
        assert_eq!((&*why.code, why.status), (code, status), "{service} {operation}");
    }
}
