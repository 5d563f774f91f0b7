//! Every member of every operation with every nasty value: an answer that AWS could give.

use serde_json::{Map, Value, json};
use trackway_api::ssm::{Code, operations};
use trackway_wire::error::is_known;
use trackway_wire::model::{self, ShapeKind};

use crate::{ask, create, done, house, runbook, sleep, start};

/// Values that fit hardly any member.
fn nasty() -> Vec<Value> {
    let mut values = vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(i64::MIN),
        json!(u64::MAX),
        json!([]),
        json!({}),
        json!([null]),
        json!([[[[{}]]]]),
        json!({ "key": null, "value": { "a": [] } }),
        json!([{ "Key": "Name", "Values": ["v"] }, { "Key": "k" }, {}]),
        json!([{ "Key": "Owner", "Values": [] }]),
        json!([{ "key": "Owner", "value": "\u{0}" }]),
        json!([{ "Key": "StartTimeBefore", "Values": ["1e300"] }]),
        json!([{ "Key": "StartTimeAfter", "Values": ["-99999-01-01T00:00:00Z"] }]),
        json!([{ "Key": "ParameterValues", "Values": ["a"] }]),
        json!({ "P": ["\u{0}"] }),
        json!({ "P": [] }),
        json!([{ "P": [] }]),
        json!(["x", "x"]),
    ];
    let long = "x".repeat(70_000);
    let texts = [
        "",
        " ",
        "x",
        "Doc",
        "null",
        "{}",
        "[]",
        "\"",
        "\u{0}",
        "\u{ffff}",
        "😀",
        "../..",
        "/",
        "//",
        "/a/",
        ":",
        "a:b:c",
        "$LATEST",
        "$DEFAULT",
        "0",
        "18446744073709551616",
        "all",
        "[",
        "(?<n>a)\\k<n>",
        "arn:",
        "arn:aws:ssm:us-east-1:000000000000:document/",
        "a\nb",
        "arn:aws:ssm:us-east-1::document/AWS-RunShellScript",
        "arn:aws:ssm::::::",
        &long,
        "arn:aws:ssm:us-east-1:000000000000:parameter/",
        "12345678-1234-1234-1234-1234567890ab",
    ];
    values.extend(texts.map(Value::from));
    values
}

/// A request that is good but for what is changed in it.
fn good(operation: &str, id: &str) -> Map<String, Value> {
    let request = match operation {
        "CreateDocument" => json!({
            "Name": "New", "DocumentType": "Automation",
            "Content": runbook(&json!([sleep("new")]), &json!({})),
        }),
        "UpdateDocument" => {
            json!({ "Name": "Doc", "Content": runbook(&json!([sleep("new")]), &json!({})) })
        }
        "UpdateDocumentDefaultVersion" => json!({ "Name": "Doc", "DocumentVersion": "1" }),
        "DescribeDocumentPermission" | "ModifyDocumentPermission" => {
            json!({ "Name": "Doc", "PermissionType": "Share" })
        }
        "AddTagsToResource" => {
            json!({ "ResourceType": "Document", "ResourceId": "Doc", "Tags": [] })
        }
        "RemoveTagsFromResource" => {
            json!({ "ResourceType": "Document", "ResourceId": "Doc", "TagKeys": [] })
        }
        "ListTagsForResource" => json!({ "ResourceType": "Document", "ResourceId": "Doc" }),
        "PutParameter" => {
            json!({ "Name": "/p", "Value": "v", "Type": "String", "Overwrite": true })
        }
        "GetParametersByPath" => json!({ "Path": "/" }),
        "GetParameters" | "DeleteParameters" => json!({ "Names": ["/p"] }),
        "UpdateServiceSetting" => json!({
            "SettingId": "/ssm/automation/enable-adaptive-concurrency", "SettingValue": "True",
        }),
        "StartAutomationExecution" => json!({ "DocumentName": "Doc" }),
        "SendAutomationSignal" => json!({ "AutomationExecutionId": id, "SignalType": "Approve" }),
        "CreateAssociation" => json!({ "Name": "Doc" }),
        "SendCommand" => {
            json!({ "DocumentName": "AWS-RunShellScript", "InstanceIds": ["mi-0123456789abcdef0"] })
        }
        "CreateActivation" => json!({ "IamRole": "role" }),
        "GetCalendarState" => json!({ "CalendarNames": ["Doc"] }),
        name if name.ends_with("ServiceSetting") => {
            json!({ "SettingId": "/ssm/automation/enable-adaptive-concurrency" })
        }
        name if name.contains("Automation") && name != "DescribeAutomationExecutions" => {
            json!({ "AutomationExecutionId": id })
        }
        name if name.starts_with("List")
            || name.starts_with("Describe") && !name.ends_with("Document") =>
        {
            json!({})
        }
        name if name.ends_with("Document") || name == "ListDocumentVersions" => {
            json!({ "Name": "Doc" })
        }
        name if name.contains("Parameter") => json!({ "Name": "/p" }),
        _ => json!({}),
    };
    request.as_object().cloned().unwrap_or_default()
}

#[tokio::test]
async fn every_member_survives_every_value() {
    let house = house().await;
    create(
        &house,
        "Doc",
        json!([sleep("one")]),
        json!({ "P": { "type": "String", "default": "x" } }),
    )
    .await;
    let id = start(&house, json!({ "DocumentName": "Doc" })).await;
    let service = model::service("ssm").expect("a model");
    for operation in operations() {
        let model = service.operation(operation).expect("it is in the model");
        let input = service.shape(model.input.expect("every operation has an input"));
        let ShapeKind::Structure(input) = &input.kind else { panic!("an input is a structure") };
        for member in &input.members {
            for value in nasty() {
                let mut request = good(operation, &id);
                request.insert(member.name.to_string(), value.clone());
                let (said, _) = ask(&house, operation, Value::Object(request)).await;
                let code = said.split([' ', ':']).nth(1);
                let is_known = code.is_none_or(|code| is_known(service, code));
                let status: u16 = said[..3].parse().expect("a status");
                assert!(
                    (status == 200 || status == 400) && is_known,
                    "{operation}.{} = {}: {:.300}",
                    member.name,
                    value.to_string().chars().take(100).collect::<String>(),
                    said
                );
            }
        }
    }
    assert_eq!(house.engine.stats().parked, 0);
    done(&house, "ListDocuments", json!({})).await;
}

#[test]
fn every_code_is_one_of_the_model() {
    let service = model::service("ssm").expect("a model");
    for code in Code::ALL {
        assert!(is_known(service, code.name()), "{code:?}");
    }
}

#[test]
fn no_operation_is_listed_twice() {
    let mut all: Vec<_> = operations().collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
}
