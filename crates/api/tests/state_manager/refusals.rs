//! Every error of these operations, with what causes it.

use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::house::House;

#[tokio::test]
async fn what_can_not_be_created() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let targets = json!([{ "Key": "InstanceIds", "Values": [node] }]);
    let commands = json!({ "commands": ["true"] });
    let rows: Vec<(&str, Value)> = vec![
        ("InvalidDocument", json!({ "Name": "None" })),
        ("InvalidDocumentVersion", json!({ "DocumentVersion": "9" })),
        ("InvalidParameters", json!({ "Parameters": { "commands": ["a"], "other": ["b"] } })),
        ("InvalidParameters", json!({ "Parameters": {} })),
        ("InvalidTarget", json!({ "Targets": [] })),
        ("InvalidTarget", json!({ "Targets": [{ "Key": "Name", "Values": ["x"] }] })),
        (
            "InvalidTarget",
            json!({ "Targets": [{ "Key": "resource-groups:Name", "Values": ["x"] }] }),
        ),
        ("InvalidTarget", json!({ "InstanceId": node })),
        ("InvalidTarget", json!({ "AutomationTargetParameterName": "commands" })),
        ("InvalidTarget", json!({ "Name": "Runbook", "Parameters": { "Id": ["i"] } })),
        (
            "InvalidParameters",
            json!({ "Name": "Runbook", "Parameters": {}, "AutomationTargetParameterName": "Other" }),
        ),
        ("InvalidTargetMaps", json!({ "TargetMaps": [{ "commands": ["a"] }] })),
        ("InvalidSchedule", json!({ "ScheduleExpression": "rate(1 hours)" })),
        ("InvalidSchedule", json!({ "ScheduleExpression": "cron(* * * * * *)" })),
        (
            "InvalidSchedule",
            json!({ "ScheduleExpression": "rate(1 hour)", "ApplyOnlyAtCronInterval": true }),
        ),
        ("InvalidSchedule", json!({ "ScheduleOffset": 2 })),
        (
            "InvalidOutputLocation",
            json!({ "OutputLocation": { "S3Location": { "OutputS3KeyPrefix": "x" } } }),
        ),
        ("InvalidTag", json!({ "Tags": [{ "Key": "aws:x", "Value": "y" }] })),
        ("InvalidDocument", json!({ "CalendarNames": ["None"] })),
        ("InvalidDocumentType", json!({ "CalendarNames": ["Doc"] })),
        (
            "InvalidTarget",
            json!({ "TargetLocations": [{ "Accounts": ["111122223333"], "Regions": ["us-east-1"] }] }),
        ),
        ("ValidationException", json!({ "MaxErrors": "many" })),
    ];
    for (code, changes) in rows {
        let mut request = json!({ "Name": "Doc", "Parameters": commands, "Targets": targets });
        for (name, value) in changes.as_object().unwrap() {
            request[name] = value.clone();
        }
        assert_eq!(house.refused("CreateAssociation", &request).await, code, "{changes}");
    }
    let legacy = |node: &str, more: Value| {
        let mut request = json!({ "Name": "Old", "InstanceId": node, "Parameters": commands });
        for (name, value) in more.as_object().unwrap() {
            request[name] = value.clone();
        }
        request
    };
    for (code, request) in [
        ("InvalidInstanceId", legacy("i-0123456789abcdef0", json!({}))),
        ("InvalidDocument", legacy(&node, json!({ "Name": "Doc" }))),
        ("ValidationException", legacy(&node, json!({ "AssociationName": "Name" }))),
        ("ValidationException", legacy(&node, json!({ "ScheduleExpression": "rate(1 hour)" }))),
    ] {
        assert_eq!(house.refused("CreateAssociation", &request).await, code, "{request}");
    }
}

#[tokio::test]
async fn documents_for_other_platforms_are_refused_where_a_node_is_named() {
    const OLD: &str = r#"{"schemaVersion":"1.2","description":"old","runtimeConfig":{"aws:psModule":
        {"properties":[{"runCommand":["true"]}]}}}"#;
    const NEW: &str = r#"{"schemaVersion":"2.2","mainSteps":[{"action":"aws:psModule","name":"s",
        "inputs":{"runCommand":["true"]}}]}"#;
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    house.document("WinOld", "Command", "JSON", OLD).await;
    house.document("WinNew", "Command", "JSON", NEW).await;
    for (operation, request) in [
        ("CreateAssociation", json!({ "Name": "WinOld", "InstanceId": node })),
        ("SendCommand", json!({ "DocumentName": "WinOld", "InstanceIds": [node] })),
        ("SendCommand", json!({ "DocumentName": "WinNew", "InstanceIds": [node] })),
    ] {
        let code = house.refused(operation, &request).await;
        assert_eq!(code, "UnsupportedPlatformType", "{operation} {request}");
    }
    // Those of its platform are taken, and so are targets: which nodes they mean isn't known yet.
    let commands = json!({ "commands": ["true"] });
    house.create(&json!({ "Name": "Old", "InstanceId": node, "Parameters": commands })).await;
    let targets = json!([{ "Key": "InstanceIds", "Values": [node] }]);
    house.create(&json!({ "Name": "WinNew", "Targets": targets })).await;
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_valid() {
    let house = House::open(Clock::Manual).await;
    let node = house.node("good", &[]).await;
    let targets = json!([{ "Key": "InstanceIds", "Values": [node] }]);
    let request =
        json!({ "Name": "Doc", "Parameters": { "commands": ["true"] }, "Targets": targets });
    let id = house.create(&request).await;
    let none = "8dfe3659-4309-493a-8755-0123456789ab";
    let filter = |key: &str, operator: &str, value: &str| json!({ "AssociationId": id, "Filters": [{ "Key": key, "Type": operator, "Value": value }] });
    let executions = "DescribeAssociationExecutions";
    let targets = "DescribeAssociationExecutionTargets";
    for (operation, code, request) in [
        (executions, "AssociationDoesNotExist", json!({ "AssociationId": none })),
        (executions, "ValidationException", json!({ "AssociationId": "x" })),
        (executions, "ValidationException", json!({ "AssociationId": id, "Filters": [] })),
        (executions, "ValidationException", json!({ "AssociationId": id, "MaxResults": 51 })),
        (executions, "ValidationException", filter("Status", "LESS_THAN", "Success")),
        (executions, "ValidationException", filter("ExecutionId", "GREATER_THAN", none)),
        (executions, "ValidationException", filter("CreatedTime", "EQUAL", "yesterday")),
        (executions, "InvalidNextToken", json!({ "AssociationId": id, "NextToken": "x" })),
        (targets, "AssociationDoesNotExist", json!({ "AssociationId": none, "ExecutionId": none })),
        (
            targets,
            "AssociationExecutionDoesNotExist",
            json!({ "AssociationId": id, "ExecutionId": none }),
        ),
        (
            "DescribeAssociation",
            "InvalidAssociationVersion",
            json!({ "AssociationId": id, "AssociationVersion": "7" }),
        ),
        ("DescribeAssociation", "ValidationException", json!({ "Name": "Doc" })),
        (
            "UpdateAssociation",
            "InvalidAssociationVersion",
            json!({ "AssociationId": id, "AssociationVersion": "7" }),
        ),
        ("UpdateAssociation", "AssociationDoesNotExist", json!({ "AssociationId": none })),
        ("UpdateAssociation", "InvalidParameters", json!({ "AssociationId": id })),
        ("ListAssociationVersions", "AssociationDoesNotExist", json!({ "AssociationId": none })),
        ("ListAssociations", "InvalidNextToken", json!({ "NextToken": "x" })),
        (
            "ListAssociations",
            "ValidationException",
            json!({ "AssociationFilterList": [{ "key": "LastExecutedAfter", "value": "x" }] }),
        ),
        ("StartAssociationsOnce", "AssociationDoesNotExist", json!({ "AssociationIds": [none] })),
        ("StartAssociationsOnce", "InvalidAssociation", json!({ "AssociationIds": [id, id] })),
        (
            "DescribeInstanceAssociationsStatus",
            "InvalidInstanceId",
            json!({ "InstanceId": "i-0123456789abcdef0" }),
        ),
        (
            "DescribeEffectiveInstanceAssociations",
            "InvalidInstanceId",
            json!({ "InstanceId": "i-0123456789abcdef0" }),
        ),
        (
            "DescribeEffectiveInstanceAssociations",
            "ValidationException",
            json!({ "InstanceId": node, "MaxResults": 6 }),
        ),
        (
            "UpdateAssociationStatus",
            "AssociationDoesNotExist",
            json!({ "Name": "Doc", "InstanceId": node,
            "AssociationStatus": { "Date": 1, "Name": "Success", "Message": "m" } }),
        ),
    ] {
        assert_eq!(house.refused(operation, &request).await, code, "{operation} {request}");
    }
}
