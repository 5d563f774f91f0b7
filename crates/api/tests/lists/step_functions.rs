//! Step Functions' ListExecutions, ListStateMachines, ListActivities.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trackway_core::ExecutionId;
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{Client, List, STEP_FUNCTIONS, text};
use crate::tape::random;

fn list(client: &Client, operation: &'static str, member: &'static str) -> List {
    let id = |row: &Value| text(row, "name");
    let other = match operation {
        "ListExecutions" => json!({ "statusFilter": "TIMED_OUT" }),
        _ => Value::Null,
    };
    List {
        client: client.clone(),
        words: STEP_FUNCTIONS,
        operation,
        member,
        default: 100,
        id,
        other,
    }
}

/// A machine whose executions go as their input says.
async fn machine(client: &Client, name: &str) -> String {
    let definition = json!({ "StartAt": "C", "States": {
        "C": { "Type": "Choice", "Choices": [
            { "Variable": "$.s", "StringEquals": "SUCCEEDED", "Next": "P" },
            { "Variable": "$.s", "StringEquals": "FAILED", "Next": "F" },
        ], "Default": "W" },
        "P": { "Type": "Succeed" },
        "F": { "Type": "Fail" },
        "W": { "Type": "Wait", "Seconds": 1_000_000, "End": true },
    } });
    let request = json!({
        "name": name, "definition": definition.to_string(),
        "roleArn": "arn:aws:iam::000000000000:role/r",
    });
    text(&client.step_functions("CreateStateMachine", request).await, "stateMachineArn")
}

/// Starts an execution and lets it come to a status; its ARN.
async fn start(client: &Client, machine: &str, name: &str, status: &str) -> String {
    let request = json!({
        "stateMachineArn": machine, "name": name, "input": json!({ "s": status }).to_string(),
    });
    let arn = text(&client.step_functions("StartExecution", request).await, "executionArn");
    let of = json!({ "executionArn": arn });
    if status == "ABORTED" {
        client.step_functions("StopExecution", of.clone()).await;
    }
    while client.step_functions("DescribeExecution", of.clone()).await["status"] != status {
        tokio::task::yield_now().await;
    }
    arn
}

#[test]
fn executions_are_those_that_a_naive_model_lists() {
    random(10, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let mut machines = Vec::new();
        for name in ["one", "two"] {
            machines.push(machine(&client, name).await);
        }
        // Machine, status, start, name, place among those of the same millisecond.
        let mut all = Vec::new();
        for number in 0..1 + tape.below(20) {
            house.engine.advance(i64::try_from(tape.below(3)).unwrap());
            let machine = tape.one(&machines);
            let status = tape.one(&["SUCCEEDED", "FAILED", "RUNNING", "ABORTED"]);
            let name = format!("e{number}");
            let arn = start(&client, &machine, &name, status).await;
            let newest = std::cmp::Reverse(house.engine.now());
            all.push((newest, ExecutionId::of(&arn), machine, status, name));
        }
        all.sort();
        let executions = list(&client, "ListExecutions", "executions");
        for round in 0..14 {
            let machine = tape.one(&machines);
            let mut request = json!({ "stateMachineArn": machine });
            let statuses = ["SUCCEEDED", "FAILED", "RUNNING", "ABORTED"];
            let status = tape.chance(60).then(|| tape.one(&statuses));
            if let Some(status) = status {
                request["statusFilter"] = json!(status);
            }
            let expected: Vec<String> = all
                .iter()
                .filter(|one| one.2 == machine && status.is_none_or(|status| one.3 == status))
                .map(|one| one.4.clone())
                .collect();
            let size = tape.size(1, 1000);
            if round < 11 {
                executions.holds(&request, size, &expected).await;
                continue;
            }
            executions
                .holds_while(&request, size, &expected, async || {
                    house.engine.advance(1);
                    start(&client, &machine, &format!("later{round}"), "RUNNING").await;
                })
                .await;
            all.retain(|one| one.2 != machine);
            if all.is_empty() {
                break;
            }
            // From here on the machine has executions that the model does not know.
            machines.retain(|one| *one != machine);
        }
    });
}

#[test]
fn machines_and_activities_are_those_that_a_naive_model_lists() {
    random(8, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let names = ["a", "ab", "B", "b", "b-1", "b_1", "c", "d", "e", "f"];
        let mut machines = tape.some(&names, 10);
        let mut activities = tape.some(&names, 10);
        let later = (machines.pop().unwrap(), activities.pop().unwrap());
        for name in &machines {
            machine(&client, name).await;
        }
        for name in &activities {
            client.step_functions("CreateActivity", json!({ "name": name })).await;
        }
        let sorted = |mut names: Vec<&str>| -> Vec<String> {
            names.sort_unstable();
            names.into_iter().map(str::to_owned).collect()
        };
        let (machines, activities) = (sorted(machines), sorted(activities));
        let of_machines = list(&client, "ListStateMachines", "stateMachines");
        let of_activities = list(&client, "ListActivities", "activities");
        for _ in 0..4 {
            of_machines.holds(&json!({}), tape.size(1, 1000), &machines).await;
            of_activities.holds(&json!({}), tape.size(1, 1000), &activities).await;
        }
        of_machines
            .holds_while(&json!({}), Some(1), &machines, async || {
                machine(&client, later.0).await;
            })
            .await;
        of_activities
            .holds_while(&json!({}), Some(1), &activities, async || {
                client.step_functions("CreateActivity", json!({ "name": later.1 })).await;
            })
            .await;
    });
}
