//! aws:runCommand, aws:executeAutomation and aws:executeStateMachine: steps that start a child.

use serde_json::{Map, Value, json};

use super::api::declared;
use super::work::{Answer, Decided, Then, View};
use crate::automation::failure::Failure;
use crate::automation::value::{as_list, as_lists};
use crate::document::reference::as_text;
use crate::request;

pub(super) fn command(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => {
            view.need_text("DocumentName")?;
            if view.input("InstanceIds").is_none() && view.input("Targets").is_none() {
                return Err(Failure::input("Either InstanceIds or Targets is required"));
            }
            let mut input = view.inputs.clone();
            input.retain(|_, value| !value.is_null());
            if input.contains_key("InstanceIds") {
                input.insert("InstanceIds".to_owned(), json!(view.texts("InstanceIds")));
            }
            if let Some(Value::Object(parameters)) = input.get("Parameters") {
                let lists = as_lists(parameters);
                input.insert("Parameters".to_owned(), Value::Object(lists));
            }
            Ok(view.start_child(request::COMMAND, input))
        }
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::command(&error, &cause))),
        Answer::Response(report) => Ok(command_ended(view, &report)?),
    }
}

const OF_A_COMMAND: &[&str] = &["Status", "ResponseCode", "Output", "OutputPayload", "CommandId"];

fn command_ended(view: &View<'_>, report: &Value) -> Decided {
    let mut outputs = declared(view, report)?;
    for name in OF_A_COMMAND {
        if let Some(value) = report.get(*name).filter(|value| !value.is_null()) {
            outputs.insert((*name).to_owned(), value.clone());
        }
    }
    let code = report.get("ResponseCode").map(as_text);
    if report["Status"] == "Success" {
        return Ok(match code {
            Some(code) => Then::DoneWith(outputs, code),
            None => Then::Done(outputs),
        });
    }
    let shown = OF_A_COMMAND.iter().filter_map(|name| Some((name, report.get(*name)?)));
    let shown: Vec<String> =
        shown.map(|(name, value)| format!("{name}=[{}]", as_text(value))).collect();
    let failure = Failure::polled(&format!(
        "Command {} returns unexpected invocation result: {{{}}}",
        as_text(&report["CommandId"]),
        shown.join(", ")
    ));
    Ok(Then::FailWith(failure, outputs, code))
}

/// Inputs of aws:executeAutomation that StartAutomationExecution takes as they are.
const OF_AN_AUTOMATION: &[(&str, &str)] = &[
    ("DocumentName", "DocumentName"),
    ("DocumentVersion", "DocumentVersion"),
    ("Targets", "Targets"),
    ("TargetParameterName", "TargetParameterName"),
    ("TargetMaps", "TargetMaps"),
    ("TargetLocations", "TargetLocations"),
    ("MaxConcurrency", "MaxConcurrency"),
    ("MaxErrors", "MaxErrors"),
    ("Tags", "Tags"),
];

pub(super) fn automation(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => {
            view.need_text("DocumentName")?;
            let mut input = view.pick(OF_AN_AUTOMATION);
            for name in ["MaxConcurrency", "MaxErrors", "DocumentVersion"] {
                if let Some(value) = input.get(name).map(as_text) {
                    input.insert(name.to_owned(), Value::String(value));
                }
            }
            if let Some(Value::Object(parameters)) = view.input("RuntimeParameters") {
                input.insert("Parameters".to_owned(), Value::Object(as_lists(parameters)));
            }
            Ok(view.start_child(request::AUTOMATION, input))
        }
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::aws(&error, &cause))),
        Answer::Response(report) => automation_ended(view, &report),
    }
}

fn automation_ended(view: &View<'_>, report: &Value) -> Decided {
    let status = as_text(&report["AutomationExecutionStatus"]);
    let id = as_text(&report["AutomationExecutionId"]);
    let mut outputs = Map::new();
    let of_child = report["Outputs"].as_object();
    let all: Vec<String> = of_child.into_iter().flat_map(Map::values).flat_map(as_list).collect();
    for (name, values) in of_child.into_iter().flatten() {
        outputs.insert(name.clone(), values.clone());
    }
    outputs.extend(declared(view, report)?);
    outputs.insert("Output".to_owned(), json!(all));
    outputs.insert("ExecutionId".to_owned(), json!(id));
    outputs.insert("Status".to_owned(), json!(status));
    if status == "Success" {
        return Ok(Then::Done(outputs));
    }
    let why = match report.get("FailureMessage").and_then(Value::as_str) {
        Some(message) => format!("Automation {id} ended with status {status}: {message}"),
        None => format!("Automation {id} ended with status {status}"),
    };
    Ok(Then::FailWith(Failure::polled(&why), outputs, None))
}

const OF_A_MACHINE: &[&str] = &[
    "executionArn",
    "input",
    "name",
    "output",
    "startDate",
    "stateMachineArn",
    "status",
    "stopDate",
];

pub(super) fn machine(view: &View<'_>, answer: Answer) -> Decided {
    match answer {
        Answer::Begin | Answer::Due => {
            view.need_text("stateMachineArn")?;
            let mut input = view.pick(&[("stateMachineArn", "stateMachineArn"), ("name", "name")]);
            if let Some(given) = view.input("input") {
                input.insert("input".to_owned(), Value::String(as_text(given)));
            }
            Ok(view.start_child(request::MACHINE, input))
        }
        Answer::Failed { error, cause } => Ok(Then::Fail(Failure::aws(&error, &cause))),
        Answer::Response(report) => {
            let mut outputs = declared(view, &report)?;
            for name in OF_A_MACHINE {
                if let Some(value) = report.get(*name).filter(|value| !value.is_null()) {
                    outputs.insert((*name).to_owned(), value.clone());
                }
            }
            let status = as_text(&report["status"]);
            if status == "SUCCEEDED" {
                return Ok(Then::Done(outputs));
            }
            let error = report.get("error").map(as_text).unwrap_or_default();
            let cause = report.get("cause").map(as_text).unwrap_or_default();
            let why = format!(
                "Execution {} ended with status {status} {error} {cause}",
                as_text(&report["executionArn"])
            );
            Ok(Then::FailWith(Failure::polled(why.trim_end()), outputs, None))
        }
    }
}
