//! One round through the service before it is offered to anybody: a state machine is committed and
//! deleted, and runs in between.
//!
//! A disk that can't be written is found before the first caller finds it, and the first caller
//! doesn't pay for what is done once in a process. It runs Express executions, which leave nothing
//! behind: what it costs does not grow with what the store holds.

use serde_json::{Value, json};

use crate::Caller;
use crate::step_functions::StepFunctions;

/// The account and region that no client can name: what is made there is removed again.
const ACCOUNT: &str = "self-check";
const REGION: &str = "self-check";
const NAME: &str = "self-check";
/// Executions that run in it: enough for each thread to have seen one.
const EXECUTIONS: usize = 16;

/// Runs the check.
///
/// # Errors
/// The operation that failed, and why.
pub(crate) async fn run(service: &StepFunctions) -> Result<(), String> {
    let caller = Caller::new(ACCOUNT, REGION);
    let call = async |operation: &str, input: Value| {
        let answer = service.call(operation, &caller, input).await;
        let answer = answer.map_err(|failure| format!("{operation} failed: {failure:?}"))?;
        serde_json::from_slice::<Value>(&answer)
            .map_err(|error| format!("the answer of {operation} can't be read: {error}"))
    };
    let definition = json!({
        "StartAt": "Each",
        "States": {
            "Each": {
                "Type": "Map",
                "ItemsPath": "$.items",
                "ItemProcessor": {
                    "StartAt": "Large",
                    "States": {
                        "Large": {
                            "Type": "Choice",
                            "Choices": [{ "Variable": "$", "NumericGreaterThan": 1, "Next": "Show" }],
                            "Default": "Show"
                        },
                        "Show": {
                            "Type": "Pass",
                            "Parameters": { "text.$": "States.Format('{}', $)" },
                            "End": true
                        }
                    }
                },
                "End": true
            }
        }
    });
    let arn = format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{NAME}");
    let machine = json!({ "stateMachineArn": arn });
    // An earlier one may have been cut short, by another version even.
    call("DeleteStateMachine", machine.clone()).await?;
    let request = json!({
        "name": NAME,
        "type": "EXPRESS",
        "definition": definition.to_string(),
        "roleArn": "arn:aws:iam::000000000000:role/self-check",
    });
    call("CreateStateMachine", request).await?;
    for _ in 0..EXECUTIONS {
        let start = json!({ "stateMachineArn": arn, "input": r#"{"items":[1,2]}"# });
        let ended = call("StartSyncExecution", start).await?;
        if ended["status"] != "SUCCEEDED" {
            return Err(format!("an execution of two steps ended as {ended}"));
        }
    }
    call("DeleteStateMachine", machine).await.map(drop)
}
