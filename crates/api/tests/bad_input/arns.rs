//! Each operation with every ARN that is not one of its own.

use serde_json::json;

use crate::{ACTIVITY, EXECUTION, MACHINE, check, house};

/// What an operation takes: its member, and the rest of a good request.
const OPERATIONS: &[(&str, &str, Kind)] = &[
    ("DescribeStateMachine", "stateMachineArn", Kind::Machine),
    ("UpdateStateMachine", "stateMachineArn", Kind::Machine),
    ("DeleteStateMachine", "stateMachineArn", Kind::Deleted),
    ("StartExecution", "stateMachineArn", Kind::Machine),
    ("StartSyncExecution", "stateMachineArn", Kind::Machine),
    ("ListExecutions", "stateMachineArn", Kind::Machine),
    ("DescribeExecution", "executionArn", Kind::Execution),
    ("StopExecution", "executionArn", Kind::Execution),
    ("GetExecutionHistory", "executionArn", Kind::Execution),
    ("DescribeStateMachineForExecution", "executionArn", Kind::Execution),
    ("DescribeActivity", "activityArn", Kind::Activity),
    ("DeleteActivity", "activityArn", Kind::Deleted),
    ("GetActivityTask", "activityArn", Kind::Activity),
    ("ListTagsForResource", "resourceArn", Kind::Tagged),
    ("TagResource", "resourceArn", Kind::Tagged),
    ("UntagResource", "resourceArn", Kind::Tagged),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Machine,
    Execution,
    Activity,
    /// Of what is deleted it does not matter whether it was there.
    Deleted,
    Tagged,
}

fn request(operation: &str, member: &str, arn: &str) -> String {
    let mut request = json!({ member: arn });
    match operation {
        "UpdateStateMachine" => request["roleArn"] = crate::ROLE.into(),
        "TagResource" => request["tags"] = json!([]),
        "UntagResource" => request["tagKeys"] = json!([]),
        _ => {}
    }
    request.to_string()
}

#[tokio::test]
async fn garbage_is_no_arn() {
    let house = house().await;
    let garbage = [
        ("sm", "Invalid ARN prefix: sm"),
        (
            "ARN:aws:states:us-east-1:000000000000:stateMachine:m",
            "Invalid ARN prefix: ARN:aws:states:us-east-1:000000000000:stateMachine:m",
        ),
        ("arn:", "Invalid ARN format: arn:"),
        ("arn:aws:states", "Invalid ARN format: arn:aws:states"),
        ("arn:aws:sqs:us-east-1:000000000000:q", "Unexpected ARN service: sqs"),
        (
            "arn:aws:states:us-east-1:000000000000:thing:m",
            "Invalid ARN format: arn:aws:states:us-east-1:000000000000:thing:m",
        ),
        (
            "arn:aws:states:us-east-1:000000000000:stateMachine:",
            "Invalid ARN format: arn:aws:states:us-east-1:000000000000:stateMachine:",
        ),
        (
            "arn:aws:states:us-east-1:000000000000:stateMachine:a:b:c:d",
            "Invalid ARN format: arn:aws:states:us-east-1:000000000000:stateMachine:a:b:c:d",
        ),
        ("\u{0}", "Invalid ARN prefix: \u{0}"),
        ("😀", "Invalid ARN prefix: 😀"),
    ];
    for (operation, member, _) in OPERATIONS {
        for (arn, why) in garbage {
            let expected = format!("400 InvalidArn: Invalid Arn: '{why}'");
            let request = request(operation, member, arn);
            check(&house, &[(operation, request.as_str(), &*expected)]).await;
        }
    }
}

#[tokio::test]
async fn arns_of_another_kind_are_not_valid_here() {
    let house = house().await;
    let express = "arn:aws:states:us-east-1:000000000000:express:machine:run:id";
    let kinds = [
        (Kind::Machine, "stateMachine", MACHINE),
        (Kind::Execution, "execution", EXECUTION),
        (Kind::Activity, "activity", ACTIVITY),
        (Kind::Deleted, "express", express),
    ];
    for (operation, member, takes) in OPERATIONS {
        for (kind, word, arn) in kinds {
            let is_own = match takes {
                Kind::Tagged => matches!(kind, Kind::Machine | Kind::Activity),
                Kind::Deleted => {
                    operation.ends_with("Activity") == (kind == Kind::Activity)
                        && matches!(kind, Kind::Activity | Kind::Machine)
                }
                takes => *takes == kind,
            };
            if is_own {
                continue;
            }
            let expected = match takes {
                Kind::Tagged => format!("400 ResourceNotFound: Resource not found: '{arn}'"),
                _ => format!(
                    "400 InvalidArn: Invalid Arn: 'Resource type not valid in this context: {word}'"
                ),
            };
            let request = request(operation, member, arn);
            check(&house, &[(operation, request.as_str(), &*expected)]).await;
        }
    }
}

#[tokio::test]
async fn what_is_another_account_s_or_region_s_or_gone_does_not_exist() {
    let house = house().await;
    let place = "us-east-1:000000000000";
    let others =
        ["us-east-1:111111111111", "eu-west-1:000000000000", ":", "us-east-1:000000000000x"];
    for (operation, member, takes) in OPERATIONS {
        let own = match takes {
            Kind::Machine | Kind::Tagged => MACHINE,
            Kind::Execution => EXECUTION,
            Kind::Activity => ACTIVITY,
            Kind::Deleted if operation.ends_with("Activity") => ACTIVITY,
            Kind::Deleted => MACHINE,
        };
        let foreign = others.map(|other| own.replace(place, other));
        for arn in foreign.into_iter().chain([format!("{own}-gone")]) {
            let expected = match takes {
                Kind::Machine => {
                    format!("400 StateMachineDoesNotExist: State Machine Does Not Exist: '{arn}'")
                }
                Kind::Execution => {
                    format!("400 ExecutionDoesNotExist: Execution Does Not Exist: '{arn}'")
                }
                Kind::Activity => {
                    format!("400 ActivityDoesNotExist: Activity Does Not Exist: '{arn}'")
                }
                Kind::Deleted => "200".to_owned(),
                Kind::Tagged => format!("400 ResourceNotFound: Resource not found: '{arn}'"),
            };
            let request = request(operation, member, &arn);
            check(&house, &[(operation, request.as_str(), &*expected)]).await;
        }
    }
    // And nothing of ours was touched.
    for (operation, member, arn) in [
        ("DescribeStateMachine", "stateMachineArn", MACHINE),
        ("DescribeActivity", "activityArn", ACTIVITY),
        ("DescribeExecution", "executionArn", EXECUTION),
    ] {
        check(&house, &[(operation, request(operation, member, arn).as_str(), "200")]).await;
    }
}

#[tokio::test]
async fn roles_must_be_arns() {
    let house = house().await;
    for role in ["role", "arn", "iam:role", " arn:aws:iam::000000000000:role/r"] {
        let expected = format!("400 InvalidArn: Invalid Role Arn: '{role}'");
        let definition = r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#;
        let create = json!({ "name": "m", "roleArn": role, "definition": definition });
        let update = json!({ "stateMachineArn": MACHINE, "roleArn": role });
        let rows = [
            ("CreateStateMachine", create.to_string(), &*expected),
            ("UpdateStateMachine", update.to_string(), &*expected),
        ];
        check(&house, &rows).await;
    }
}
