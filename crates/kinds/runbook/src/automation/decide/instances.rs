//! aws:changeInstanceState and aws:runInstances.

use serde_json::{Map, Value, json};

use super::work::{Answer, Decided, Then, View, object};
use crate::automation::failure::Failure;
use crate::automation::selector::{Found, select};
use crate::automation::value::as_list;

const CHANGE: u8 = 1;
const LOOK: u8 = 2;
const CHECK: u8 = 3;

/// `CheckStateOnly`, or a change; then a look until every instance is in the state.
pub(super) fn change_state(view: &View<'_>, answer: Answer) -> Decided {
    let desired = view.need_text("DesiredState")?;
    match (view.stage, answer) {
        (_, Answer::Begin) => begin_change(view, desired),
        (_, Answer::Failed { error, cause }) => Ok(Then::Fail(Failure::aws(&error, &cause))),
        (CHANGE, Answer::Response(_)) | (_, Answer::Due) => {
            Ok(look(view, &view.texts("InstanceIds")))
        }
        (_, Answer::Response(response)) => {
            let states = states(&response);
            if states.iter().all(|state| state == desired) && !states.is_empty() {
                return Ok(Then::Done(object([("InstanceStates", json!(states))])));
            }
            if desired != "terminated" && states.iter().any(|state| state == "terminated") {
                let why = format!("An instance is terminated and can't become {desired}");
                return Ok(Then::Fail(Failure::verification(&why)));
            }
            Ok(view.poll(LOOK))
        }
    }
}

fn begin_change(view: &View<'_>, desired: &str) -> Decided {
    let ids = view.texts("InstanceIds");
    if ids.is_empty() {
        return Err(Failure::input("Input InstanceIds is required"));
    }
    let operation = match desired {
        "running" => "StartInstances",
        "stopped" => "StopInstances",
        "terminated" => "TerminateInstances",
        _ => return Err(Failure::input("DesiredState is not running, stopped or terminated")),
    };
    if view.flag("CheckStateOnly") {
        return Ok(look(view, &ids));
    }
    let mut input = object([("InstanceIds", json!(ids))]);
    if desired == "stopped" && view.flag("Force") {
        input.insert("Force".to_owned(), json!(true));
    }
    if let (true, Some(info)) = (desired == "running", view.input("AdditionalInfo")) {
        input.insert("AdditionalInfo".to_owned(), info.clone());
    }
    Ok(view.call(("ec2", operation), CHANGE, input, None))
}

fn look(view: &View<'_>, ids: &[String]) -> Then {
    let input = object([("InstanceIds", json!(ids))]);
    view.call(("ec2", "DescribeInstances"), LOOK, input, None)
}

fn states(response: &Value) -> Vec<String> {
    texts(response, "$.Reservations[*].Instances[*].State.Name")
}

fn texts(response: &Value, selector: &str) -> Vec<String> {
    match select(selector, response) {
        Some(Found::Many(found)) => {
            found.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}

/// Inputs that RunInstances takes, by its names.
const RUN: &[(&str, &str)] = &[
    ("AdditionalInfo", "AdditionalInfo"),
    ("BlockDeviceMappings", "BlockDeviceMappings"),
    ("ClientToken", "ClientToken"),
    ("DisableApiTermination", "DisableApiTermination"),
    ("EbsOptimized", "EbsOptimized"),
    ("ImageId", "ImageId"),
    ("InstanceInitiatedShutdownBehavior", "InstanceInitiatedShutdownBehavior"),
    ("InstanceType", "InstanceType"),
    ("KernelId", "KernelId"),
    ("KeyName", "KeyName"),
    ("MaxInstanceCount", "MaxCount"),
    ("MetadataOptions", "MetadataOptions"),
    ("MinInstanceCount", "MinCount"),
    ("NetworkInterfaces", "NetworkInterfaces"),
    ("Placement", "Placement"),
    ("PrivateIpAddress", "PrivateIpAddress"),
    ("RamdiskId", "RamdiskId"),
    ("SecurityGroupIds", "SecurityGroupIds"),
    ("SecurityGroups", "SecurityGroups"),
    ("SubnetId", "SubnetId"),
    ("TagSpecifications", "TagSpecifications"),
    ("UserData", "UserData"),
];

/// Starts instances and waits until they run and their checks are no longer under way.
pub(super) fn run(view: &View<'_>, answer: Answer) -> Decided {
    let ids = || as_list(view.memo("InstanceIds"));
    match (view.stage, answer) {
        (_, Answer::Begin) => {
            view.need_text("ImageId")?;
            Ok(view.call(("ec2", "RunInstances"), CHANGE, run_input(view), None))
        }
        (LOOK, Answer::Failed { error, .. }) if view.is_not_yet_there(&error) => {
            Ok(view.poll(LOOK))
        }
        (_, Answer::Failed { error, cause }) => Ok(Then::Fail(Failure::aws(&error, &cause))),
        (CHANGE, Answer::Response(response)) => {
            let ids = texts(&response, "$.Instances[*].InstanceId");
            let memo = json!({ "InstanceIds": ids });
            let input = object([("InstanceIds", json!(ids))]);
            Ok(view.call(("ec2", "DescribeInstances"), LOOK, input, Some(memo)))
        }
        (CHECK, Answer::Due) => Ok(check(view, &ids())),
        (_, Answer::Due) => Ok(look(view, &ids())),
        (CHECK, Answer::Response(response)) => {
            let checks = texts(&response, "$.InstanceStatuses[*].InstanceStatus.Status");
            if checks.iter().any(|check| check == "initializing") {
                return Ok(view.poll(CHECK));
            }
            Ok(Then::Done(object([
                ("InstanceIds", json!(ids())),
                ("InstanceStates", view.memo("InstanceStates").clone()),
            ])))
        }
        (_, Answer::Response(response)) => {
            let states = states(&response);
            if states.iter().any(|state| matches!(state.as_str(), "terminated" | "shutting-down")) {
                let why = "An instance was terminated before it ran";
                return Ok(Then::Fail(Failure::verification(why)));
            }
            if states.is_empty() || states.iter().any(|state| state != "running") {
                return Ok(view.poll(LOOK));
            }
            let memo = json!({ "InstanceIds": ids(), "InstanceStates": states });
            let input = object([("InstanceIds", json!(ids()))]);
            Ok(view.call(("ec2", "DescribeInstanceStatus"), CHECK, input, Some(memo)))
        }
    }
}

fn check(view: &View<'_>, ids: &[String]) -> Then {
    let input = object([("InstanceIds", json!(ids))]);
    view.call(("ec2", "DescribeInstanceStatus"), CHECK, input, None)
}

fn run_input(view: &View<'_>) -> Map<String, Value> {
    let mut input = view.pick(RUN);
    for count in ["MinCount", "MaxCount"] {
        let given = input.get(count).and_then(|value| match value {
            Value::String(text) => text.trim().parse::<u64>().ok(),
            value => value.as_u64(),
        });
        input.insert(count.to_owned(), json!(given.unwrap_or(1)));
    }
    let profile =
        view.pick(&[("IamInstanceProfileArn", "Arn"), ("IamInstanceProfileName", "Name")]);
    if !profile.is_empty() {
        input.insert("IamInstanceProfile".to_owned(), Value::Object(profile));
    }
    if view.input("Monitoring").is_some() {
        input.insert("Monitoring".to_owned(), json!({"Enabled": view.flag("Monitoring")}));
    }
    let placement = view.pick(&[
        ("AvailabilityZone", "AvailabilityZone"),
        ("PlacementGroup", "GroupName"),
        ("Tenancy", "Tenancy"),
    ]);
    if !placement.is_empty() {
        input.insert("Placement".to_owned(), Value::Object(placement));
    }
    input
}
