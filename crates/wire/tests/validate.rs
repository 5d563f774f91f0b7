//! Constraint checks: the wording of AWS, table by table, and against recorded answers.
#![expect(clippy::unwrap_used, reason = "a test may")]
#![expect(clippy::disallowed_methods, reason = "the test's data is outside the room")]

use serde_json::{Value, json};
use trackway_wire::model::{self, Service, ShapeId};
use trackway_wire::validate;

fn input(service: &str, operation: &str) -> (&'static Service, ShapeId) {
    let service = model::service(service).unwrap();
    (service, service.operation(operation).unwrap().input.unwrap())
}

fn message(service: &str, operation: &str, value: &Value) -> String {
    let (service, shape) = input(service, operation);
    let failure = validate::check(service, shape, value).err();
    failure.and_then(|failure| failure.message).unwrap_or_default()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn words_every_clause_as_aws_does() {
    let uuid = "x".repeat(36);
    let long = "k".repeat(129);
    for (service, operation, value, expected) in [
        (
            "stepfunctions",
            "ListExecutions",
            json!({"maxResults": 1001}),
            "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy \
             constraint: Member must have value less than or equal to 1000",
        ),
        (
            "codepipeline",
            "GetPipeline",
            json!({"name": "x y", "version": 0}),
            "2 validation errors detected: Value 'x y' at 'name' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [A-Za-z0-9.@\\-_]+; Value '0' at \
             'version' failed to satisfy constraint: Member must have value greater than or equal \
             to 1",
        ),
        (
            "ssm",
            "GetAutomationExecution",
            json!({}),
            "1 validation error detected: Value null at 'automationExecutionId' failed to satisfy \
             constraint: Member must not be null",
        ),
        (
            "ssm",
            "GetAutomationExecution",
            json!({"AutomationExecutionId": "x"}),
            "1 validation error detected: Value 'x' at 'automationExecutionId' failed to satisfy \
             constraint: Member must have length greater than or equal to 36",
        ),
        (
            "ssm",
            "DescribeAutomationStepExecutions",
            json!({"AutomationExecutionId": uuid, "Filters": [{"Key": "Nope", "Values": ["x"]}]}),
            "1 validation error detected: Value 'Nope' at 'filters.1.member.key' failed to satisfy \
             constraint: Member must satisfy enum value set: [ParentStepIteration, \
             StepExecutionId, ParentStepIteratorValue, StartTimeAfter, StartTimeBefore, Action, \
             StepName, ParentStepExecutionId, StepExecutionStatus]",
        ),
        (
            "stepfunctions",
            "UntagResource",
            json!({"resourceArn": "arn", "tagKeys": ["ok", long]}),
            &format!(
                "1 validation error detected: Value '[ok, {long}]' at 'tagKeys' failed to satisfy \
                 constraint: Member must satisfy constraint: [Member must have length less than or \
                 equal to 128, Member must have length greater than or equal to 1]"
            ),
        ),
        (
            "stepfunctions",
            "CreateStateMachineAlias",
            json!({"name": "a", "routingConfiguration": [
                {"stateMachineVersionArn": "v:1", "weight": 50},
                {"stateMachineVersionArn": "v:2", "weight": 30},
                {"stateMachineVersionArn": "v:3", "weight": 20},
            ]}),
            "1 validation error detected: Value \
             '[RoutingConfigurationListItem(stateMachineVersionArn=v:1, weight=50), \
             RoutingConfigurationListItem(stateMachineVersionArn=v:2, weight=30), \
             RoutingConfigurationListItem(stateMachineVersionArn=v:3, weight=20)]' at \
             'routingConfiguration' failed to satisfy constraint: Member must have length less \
             than or equal to 2",
        ),
        (
            "stepfunctions",
            "SendTaskSuccess",
            json!({"taskToken": "", "output": "{}"}),
            "1 validation error detected: Value at 'taskToken' failed to satisfy constraint: \
             Member must have length greater than or equal to 1",
        ),
    ] {
        assert_eq!(message(service, operation, &value), expected);
    }
}

#[test]
fn takes_what_is_right_and_leaves_the_rest_to_the_service() {
    for (service, operation, value) in [
        ("stepfunctions", "ListExecutions", json!({"maxResults": 0})),
        (
            "stepfunctions",
            "CreateStateMachine",
            json!({"name": "a b", "definition": "{", "roleArn": "x"}),
        ),
        ("ssm", "ListDocuments", json!({"NextToken": ""})),
    ] {
        assert_eq!(message(service, operation, &value), "", "{operation}");
    }
}

#[test]
fn uses_the_code_of_the_service() {
    for (service, operation, expected) in [
        ("stepfunctions", "DescribeExecution", "ValidationException"),
        ("ssm", "GetParameter", "ValidationException"),
        ("codepipeline", "GetPipeline", "ValidationException"),
        ("iot", "DescribeAuditTask", "InvalidRequestException"),
    ] {
        let (service, shape) = input(service, operation);
        let failure = validate::check(service, shape, &json!({})).unwrap_err();
        assert_eq!(failure.code, expected);
    }
}

#[test]
fn stops_counting_violations() {
    let tags: Vec<Value> = (0..100).map(|_| json!({"Key": "", "Value": "v"})).collect();
    let value = json!({"ResourceType": "Document", "ResourceId": "r", "Tags": tags});
    assert!(message("ssm", "AddTagsToResource", &value).starts_with("10 validation errors"));
}

/// What can't be checked is known by name: a new one is looked at when the models move.
#[test]
fn all_but_known_patterns_are_checked() {
    let mut unchecked = Vec::new();
    for name in ["stepfunctions", "codepipeline", "ssm", "iot"] {
        for shape in &model::service(name).unwrap().shapes {
            let pattern = shape.constraints.as_ref().and_then(|constraints| constraints.compiled());
            if pattern.is_some_and(|pattern| !pattern.is_checked()) {
                unchecked.push(format!("{name} {}", shape.name));
            }
        }
    }
    // ISO 8601 with look-aheads and back-references; the service parses the date anyway.
    assert_eq!(unchecked, ["ssm StringDateTime"]);
}

/// Recorded answers of AWS whose request is known: our message must be AWS's.
#[test]
fn agrees_with_recorded_answers() {
    let Ok(folder) = std::env::var("TRACKWAY_CONFORMANCE") else {
        eprintln!("skipped: TRACKWAY_CONFORMANCE does not name the recorded answers");
        return;
    };
    let folder = std::path::Path::new(&folder).join("step-functions/cases");
    let mut agreed = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "json") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap();
        if !text.contains("validation error") {
            continue;
        }
        let case: Value = serde_json::from_str(&text).unwrap();
        for recorded in messages(&case["aws"]) {
            let ours = case["requests"].as_array().unwrap().iter().map(|request| {
                let operation = request["action"].as_str().unwrap();
                normal(&message("stepfunctions", operation, &request["request"]))
            });
            if ours.into_iter().any(|ours| ours == recorded) {
                agreed += 1;
            } else {
                eprintln!("{}: no request gives {recorded}", case["test"]);
            }
        }
    }
    assert!(agreed >= 10, "{agreed}");
}

/// All messages about constraints of the service itself in a recorded answer.
fn messages(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) if !text.contains("(Service: ") && !text.contains("Mock result") => {
            let start = text.find("1 validation error detected");
            start.map(|start| text[start..].to_owned()).into_iter().collect()
        }
        Value::Array(items) => items.iter().flat_map(messages).collect(),
        Value::Object(map) => map.values().flat_map(messages).collect(),
        _ => Vec::new(),
    }
}

/// Names of the run that the requests come from, as the recording has them.
fn normal(message: &str) -> String {
    let long = message.split('\'').nth(1).filter(|value| value.len() > 3000);
    let message = match long {
        Some(value) => message.replace(value, &format!("<invalid_token_{}_chars>", value.len())),
        None => message.to_owned(),
    };
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:";
    let Some(at) = message.find(machine) else { return message };
    let name = message[at + machine.len()..].split(':').next().unwrap_or_default();
    let recorded = "arn:<partition>:states:<region>:111111111111:stateMachine:<ArnPart_0idx>";
    message.replace(&format!("{machine}{name}"), recorded)
}
