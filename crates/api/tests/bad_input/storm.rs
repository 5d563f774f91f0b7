//! Every member of every operation with every nasty value: an answer that AWS could give.

use serde_json::{Map, Value, json};
use trackway_api::step_functions::OPERATIONS;
use trackway_wire::error::is_known;
use trackway_wire::model::{self, ShapeKind};

use crate::{ACTIVITY, EXECUTION, MACHINE, ROLE, house, post, said};

/// Values that fit hardly any member.
fn nasty() -> Vec<Value> {
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
        json!([[[[{}]]]]),
        json!({ "key": null, "value": { "a": [] } }),
        json!([{ "key": "k", "value": "v" }, { "key": "k" }, {}]),
    ];
    let long = "x".repeat(70_000);
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
        "$.a",
        "%s%n",
        "'; DROP TABLE",
        "arn:",
        "a\nb",
        "1e999",
        MACHINE,
        EXECUTION,
        ACTIVITY,
        ROLE,
        &long,
        "{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Succeed\"}}}",
        "arn:aws:states:us-east-1:000000000000:stateMachine:machine:1",
        "arn:aws:states:us-east-1:000000000000:mapRun:machine/run:1",
    ];
    values.extend(texts.map(Value::from));
    values
}

/// A request that is good but for what is changed in it.
fn good(operation: &str) -> Map<String, Value> {
    let request = match operation {
        "CreateActivity" => json!({ "name": "new" }),
        "CreateStateMachine" => json!({
            "name": "new",
            "roleArn": ROLE,
            "definition": r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#,
        }),
        "SendTaskSuccess" => json!({ "taskToken": "x", "output": "{}" }),
        "SendTaskFailure" | "SendTaskHeartbeat" => json!({ "taskToken": "x" }),
        "TagResource" => json!({ "resourceArn": MACHINE, "tags": [] }),
        "UntagResource" => json!({ "resourceArn": MACHINE, "tagKeys": [] }),
        "ListTagsForResource" => json!({ "resourceArn": MACHINE }),
        "UpdateStateMachine" => json!({ "stateMachineArn": MACHINE, "roleArn": ROLE }),
        "ListActivities" | "ListStateMachines" => json!({}),
        // One that does not exist: a poll for a task of ours would wait.
        name if name.ends_with("Activity") || name.ends_with("ActivityTask") => {
            json!({ "activityArn": format!("{ACTIVITY}-gone") })
        }
        name if name.contains("Execution")
            && !name.starts_with("Start")
            && name != "ListExecutions" =>
        {
            json!({ "executionArn": EXECUTION })
        }
        _ => json!({ "stateMachineArn": MACHINE }),
    };
    request.as_object().cloned().unwrap_or_default()
}

#[tokio::test]
async fn every_member_survives_every_value() {
    let house = house().await;
    let service = model::service("stepfunctions").expect("a model");
    for operation in OPERATIONS {
        let model = service.operation(operation).expect("it is in the model");
        let input = service.shape(model.input.expect("every operation has an input"));
        let ShapeKind::Structure(input) = &input.kind else { panic!("an input is a structure") };
        for member in &input.members {
            for value in nasty() {
                let is_poll = *operation == "GetActivityTask" && value == ACTIVITY;
                if is_poll {
                    continue;
                }
                let mut request = good(operation);
                request.insert(member.name.to_string(), value.clone());
                let body = Value::Object(request).to_string();
                let answer = said(&house.client.send(post(operation, body)).await);
                let code = answer.split([' ', ':']).nth(1);
                let is_known = code.is_none_or(|code| is_known(service, code));
                let status: u16 = answer[..3].parse().expect("a status");
                let shown = answer.chars().take(300).collect::<String>();
                assert!(
                    (status == 200 || status == 400) && is_known,
                    "{operation}.{} = {}: {shown}",
                    member.name,
                    value.to_string().chars().take(100).collect::<String>()
                );
            }
        }
    }
}
