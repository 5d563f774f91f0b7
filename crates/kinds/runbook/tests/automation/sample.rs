//! Random runbooks, out of any source of numbers: for the properties here and for the simulation.

use serde_json::{Map, Value, json};

/// Chooses a number below the one given.
pub(crate) type Choose<'c> = dyn FnMut(u64) -> u64 + 'c;

/// Where jumps may lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Jumps {
    /// Anywhere: the runbook may go round for ever.
    Anywhere,
    /// To later steps only.
    Forward,
}

/// A runbook that is accepted: steps of every sort, jumps, loops, variables.
pub(crate) fn runbook(choose: &mut Choose<'_>, jumps: Jumps) -> Value {
    let count = 1 + choose(6);
    let names: Vec<String> = (0..count).map(|at| format!("s{at}")).collect();
    let mut steps = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let targets = reachable(&names, at, jumps);
        let loops = choose(6) == 0;
        let step =
            if loops { looping(choose, name, targets, jumps) } else { step(choose, name, targets) };
        steps.push(step);
    }
    json!({
        "schemaVersion": "0.3",
        "parameters": {
            "P": {"type": "String", "default": "p"},
            "L": {"type": "StringList", "default": ["x", "y"]},
        },
        "variables": {
            "N": {"type": "Integer", "default": 0},
            "T": {"type": "String", "default": "{{ P }}"},
        },
        "mainSteps": steps,
    })
}

fn reachable(names: &[String], at: usize, jumps: Jumps) -> &[String] {
    match jumps {
        Jumps::Anywhere => names,
        Jumps::Forward => names.get(at + 1..).unwrap_or_default(),
    }
}

fn pick<'n>(choose: &mut Choose<'_>, names: &'n [String]) -> &'n str {
    let at = choose(names.len() as u64);
    names.get(at as usize).map_or("", String::as_str)
}

fn looping(choose: &mut Choose<'_>, name: &str, names: &[String], jumps: Jumps) -> Value {
    let inner: Vec<String> = (0..1 + choose(3)).map(|at| format!("{name}_{at}")).collect();
    let mut steps = Vec::new();
    for (at, inner_name) in inner.iter().enumerate() {
        steps.push(step(choose, inner_name, reachable(&inner, at, jumps)));
    }
    let mut inputs = json!({ "Steps": steps });
    if choose(2) == 0 {
        inputs["Iterators"] =
            [json!(["a", "b"]), json!("{{ L }}"), json!([])][choose(3) as usize].clone();
        inputs["IteratorDataType"] = json!("String");
    } else {
        inputs["LoopCondition"] = json!({"Variable": "{{ variable:N }}", "NumericLesser": 3});
        inputs["MaxIterations"] = json!(1 + choose(4));
    }
    let mut step = json!({"name": name, "action": "aws:loop", "inputs": inputs});
    decorate(choose, &mut step, names);
    step
}

fn step(choose: &mut Choose<'_>, name: &str, names: &[String]) -> Value {
    let (action, inputs) = action(choose, names);
    let mut step = json!({"name": name, "action": action, "inputs": inputs});
    if action == "aws:executeAwsApi" && choose(3) == 0 {
        step["outputs"] = json!([{"Name": "O", "Selector": "$.O", "Type": "Integer"}]);
    }
    decorate(choose, &mut step, names);
    step
}

fn action(choose: &mut Choose<'_>, names: &[String]) -> (&'static str, Value) {
    match choose(15) {
        0 | 1 => ("aws:sleep", json!({"Duration": "PT0S"})),
        2 => ("aws:sleep", json!({"Duration": format!("PT{}S", 1 + choose(90))})),
        3 | 4 if !names.is_empty() => {
            let choice = |next: &str, value: u64| json!({"NextStep": next, "Variable": "{{ variable:N }}", "NumericGreater": value});
            let mut inputs = json!({"Choices": [choice(pick(choose, names), choose(4))]});
            if choose(2) == 0 {
                inputs["Default"] = json!(pick(choose, names));
            }
            ("aws:branch", inputs)
        }
        5 | 6 => ("aws:updateVariable", json!({"Name": "variable:N", "Value": choose(6)})),
        7 => (
            "aws:updateVariable",
            json!({"Name": "variable:T", "Value": "{{ P }}-{{ global:DATE }}"}),
        ),
        8 | 9 => {
            ("aws:executeAwsApi", json!({"Service": "ec2", "Api": "X", "T": "{{ variable:T }}"}))
        }
        10 => (
            "aws:waitForAwsResourceProperty",
            json!({"Service": "ec2", "Api": "X", "PropertySelector": "$.O", "DesiredValues": ["1"]}),
        ),
        11 => ("aws:executeAutomation", json!({"DocumentName": "D"})),
        12 => (
            "aws:approve",
            json!({"Approvers": ["ada", "bob"], "MinRequiredApprovals": 1 + choose(2)}),
        ),
        13 => ("aws:pause", json!({})),
        _ => (
            "aws:runCommand",
            json!({"DocumentName": "D", "InstanceIds": ["i-1"], "Parameters": {"a": "b"}}),
        ),
    }
}

/// Adds what every step may say.
fn decorate(choose: &mut Choose<'_>, step: &mut Value, names: &[String]) {
    let action = step["action"].as_str().unwrap_or_default().to_owned();
    let Some(members) = step.as_object_mut() else { return };
    let put = |members: &mut Map<String, Value>, name: &str, value: Value| {
        members.insert(name.to_owned(), value);
    };
    match choose(6) {
        0 => put(members, "onFailure", json!("Continue")),
        1 if !names.is_empty() => {
            put(members, "onFailure", json!(format!("step:{}", pick(choose, names))))
        }
        _ => {}
    }
    if choose(4) == 0 {
        put(members, "isCritical", json!(choose(2) == 0));
    }
    if choose(8) == 0 {
        put(members, "isEnd", json!(true));
    } else if choose(6) == 0 && action != "aws:branch" && !names.is_empty() {
        put(members, "nextStep", json!(pick(choose, names)));
    }
    if choose(4) == 0 {
        put(members, "maxAttempts", json!(1 + choose(3)));
    }
    if choose(3) == 0 {
        put(members, "timeoutSeconds", json!(1 + choose(60)));
    }
    let may_cancel = matches!(action.as_str(), "aws:executeAwsApi" | "aws:runCommand");
    if may_cancel && !names.is_empty() && choose(2) == 0 {
        put(members, "onCancel", json!(format!("step:{}", pick(choose, names))));
    }
}
