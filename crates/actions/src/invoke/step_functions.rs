//! Invoke, StepFunctions: an execution of a state machine.
//!
//! Its name is made of the action execution's id, so that it is started once. A Standard execution is
//! waited for; an Express one is only started.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use trackway_pipeline::request::{ActionAnswer, Details, Done};

use crate::deploy::files;
use crate::elsewhere::{Answer, Failure, Running, encoded, progress, settle, text};
use crate::runners::Run;

/// The file of the output artifact.
const OUTPUT_FILE: &str = "output.json";

#[derive(Serialize, Deserialize)]
struct Execution {
    arn: String,
}

/// Runs the action.
pub(crate) fn run(run: Run) -> Running {
    Box::pin(async move { settle(go(&run).await) })
}

async fn go(run: &Run) -> Answer {
    match run.next::<Execution>()? {
        None => start(run).await,
        Some(execution) => watch(run, &execution.arn).await,
    }
}

async fn start(run: &Run) -> Answer {
    let machine = run.required("StateMachineArn")?;
    let id = &run.call.action_execution_id;
    let name = match run.setting("ExecutionNamePrefix") {
        Some(prefix) => format!("{prefix}-{id}"),
        None => id.clone(),
    };
    let input = json!({ "stateMachineArn": machine, "name": name, "input": input(run).await? });
    let arn = match run.service("stepfunctions").call("StartExecution", input).await {
        Ok(started) => text(&started, "executionArn").to_owned(),
        // It was started before a crash, and has ended.
        Err(error) if error.code == "ExecutionAlreadyExists" => arn(machine, &name).ok_or(error)?,
        Err(error) => return Err(error.into()),
    };
    if is_express(&arn) {
        return Ok(ended(run, &arn, Vec::new()));
    }
    progress(details(run, &arn), &Execution { arn })
}

fn is_express(arn: &str) -> bool {
    arn.split(':').nth(5) == Some("express")
}

/// The execution's ARN by its machine's, whose version or alias is not part of it.
fn arn(machine: &str, name: &str) -> Option<String> {
    let parts: Vec<&str> = machine.split(':').collect();
    let [_, partition, _, region, account, _, machine, ..] = *parts else { return None };
    Some(format!("arn:{partition}:states:{region}:{account}:execution:{machine}:{name}"))
}

async fn input(run: &Run) -> Result<String, Failure> {
    match run.setting("InputType").unwrap_or("Literal") {
        "Literal" => Ok(run.setting("Input").unwrap_or("{}").to_owned()),
        "FilePath" => {
            let path = run.required("Input")?;
            let content = files::of_first(run, path).await?;
            String::from_utf8(content)
                .map_err(|_| Failure::job(format!("The file {path} is not UTF-8 text.")))
        }
        other => Err(Failure::configuration(format!(
            "InputType is {other:?}, but must be Literal or FilePath."
        ))),
    }
}

async fn watch(run: &Run, arn: &str) -> Answer {
    let has_ended = |answer: &Value| {
        let is_running = matches!(text(answer, "status"), "" | "RUNNING" | "PENDING_REDRIVE");
        (!is_running).then(|| answer.clone())
    };
    let service = run.service("stepfunctions");
    let input = json!({ "executionArn": arn });
    let answer = service.watch("DescribeExecution", &input, has_ended).await;
    let answer = answer.map_err(|error| Failure::from(error).with(details(run, arn)))?;
    let status = text(&answer, "status");
    if status == "SUCCEEDED" {
        let output = text(&answer, "output");
        let written = files::put_first(run, OUTPUT_FILE, output.as_bytes()).await;
        let written = written.map_err(|failure| failure.with(details(run, arn)))?;
        return Ok(ended(run, arn, written));
    }
    let mut message = format!("The execution of the state machine has ended as {status}.");
    for (name, member) in [("Error", "error"), ("Cause", "cause")] {
        let why = text(&answer, member);
        if !why.is_empty() {
            message.push_str(&format!(" {name}: {why}"));
        }
    }
    Err(Failure::job(message).with(details(run, arn)))
}

fn ended(run: &Run, arn: &str, output_artifacts: Vec<String>) -> ActionAnswer {
    let machine = run.setting("StateMachineArn").unwrap_or_default();
    let variables = [("StateMachineArn", machine), ("ExecutionArn", arn)];
    let output_variables: Map<String, Value> =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    ActionAnswer::Done(Box::new(Done {
        details: details(run, arn),
        output_variables,
        output_artifacts,
        ..Done::default()
    }))
}

fn details(run: &Run, arn: &str) -> Details {
    let (region, id) = (run.region(), encoded(arn));
    Details {
        external_execution_id: Some(arn.to_owned()),
        url: Some(format!(
            "https://console.aws.amazon.com/states/home?region={region}#/executions/details/{id}"
        )),
        ..Details::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_found_by_its_name() {
        let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:m";
        let expected = "arn:aws:states:us-east-1:000000000000:execution:m:p-1";
        assert_eq!(arn(machine, "p-1").as_deref(), Some(expected));
        assert_eq!(arn(&format!("{machine}:live"), "p-1").as_deref(), Some(expected));
        assert_eq!(arn("m", "p-1"), None);
        assert!(!is_express(expected));
        assert!(is_express("arn:aws:states:us-east-1:000000000000:express:m:p-1:x"));
    }
}
