//! Gate: recorded executions that need nothing but Pass, Choice, Succeed and Fail are evaluated
//! and compared with AWS's outcome. It checks templates, paths and conditions, not the machine.
//!
//! The data is not part of the project: `TRACKWAY_CONFORMANCE` names it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use trackway_asl::choice::choose;
use trackway_asl::definition::{Definition, MachineType, Next, State, StateKind, parse};
use trackway_asl::runtime::{Documents, Randomness, RuntimeError, Scope};

struct Fixed;

impl Randomness for Fixed {
    fn uuid(&mut self) -> String {
        "00000000-0000-4000-8000-000000000000".to_owned()
    }

    fn random(&mut self) -> u64 {
        7
    }
}

enum Step {
    Next(Next, Value),
    Failed(Value),
}

fn step(state: &State, input: &Value, context: &Value) -> Result<Step, RuntimeError> {
    let raw = Documents { input, context };
    let selected = state.input_path.apply(raw)?;
    let documents = Documents { input: &selected, context };
    let (next, result) = match &state.kind {
        StateKind::Pass { result } => {
            let parameters = match &state.parameters {
                Some(template) => {
                    template.evaluate(&mut Scope { documents, randomness: &mut Fixed })?
                }
                None => selected.clone().into_owned(),
            };
            let result = result.clone().unwrap_or(parameters);
            (state.next, state.result_path.apply(input.clone(), result)?)
        }
        StateKind::Choice { rules, default } => {
            (Next::State(choose(rules, *default, documents)?), selected.clone().into_owned())
        }
        StateKind::Succeed => (Next::End, selected.clone().into_owned()),
        StateKind::Fail { error, cause } => {
            let mut failure = serde_json::Map::new();
            for (name, text) in [("error", error), ("cause", cause)] {
                if let Some(text) = text {
                    let field = if name == "error" { "ErrorPath" } else { "CausePath" };
                    let mut scope = Scope { documents, randomness: &mut Fixed };
                    failure.insert(name.to_owned(), text.resolve(field, &mut scope)?.into());
                }
            }
            return Ok(Step::Failed(Value::Object(failure)));
        }
        other => panic!("{other:?} is not simple"),
    };
    let output = state.output_path.apply(Documents { input: &result, context })?.into_owned();
    Ok(Step::Next(next, output))
}

fn run(definition: &Definition, input: &Value) -> Value {
    let context = json!({"Execution": {"Input": input}});
    let (mut at, mut value, mut event) = (definition.root.start_at, input.clone(), 1);
    loop {
        let state = definition.state(at).expect("the state is there");
        event += 1;
        match step(state, &value, &context) {
            Ok(Step::Next(Next::State(next), output)) => (at, value) = (next, output),
            Ok(Step::Next(Next::End, output)) => return json!({"output": output}),
            Ok(Step::Failed(failure)) => return failure,
            Err(error) => {
                return json!({"error": error.error, "cause": error.cause_in(&state.name, event)});
            }
        }
        event += 1;
    }
}

fn is_simple(definition: &Definition) -> bool {
    definition.states.iter().all(|state| {
        matches!(
            state.kind,
            StateKind::Pass { .. }
                | StateKind::Choice { .. }
                | StateKind::Succeed
                | StateKind::Fail { .. }
        )
    })
}

/// The recorded outcome, in the form of [`run`].
fn outcome(answers: &Value) -> Option<Value> {
    let events = answers.get("get_execution_history")?.get("events")?.as_array()?;
    let last = events.last()?;
    if let Some(details) = last.get("executionSucceededEventDetails") {
        return Some(json!({"output": details.get("output")?}));
    }
    last.get("executionFailedEventDetails").cloned()
}

/// Brings both sides to the recordings' form: texts that are JSON are decoded, the input in a
/// cause is a placeholder.
fn normal(value: &Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => normal(&inner),
            Ok(Value::String(inner)) => Value::String(inner),
            _ => Value::String(match text.split_once(" in the input '") {
                Some((before, _)) => format!("{before} in the input '<json-input:1>'"),
                None => text.clone(),
            }),
        },
        Value::Array(elements) => elements.iter().map(normal).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), normal(value))).collect(),
        ),
        other => other.clone(),
    }
}

/// A recording may hold placeholders for what varies.
fn agrees(recorded: &Value, found: &Value) -> bool {
    match (recorded, found) {
        (Value::String(text), _) if text.starts_with('<') && text.ends_with('>') => true,
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(l, r)| agrees(l, r))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, l)| right.get(name).is_some_and(|r| agrees(l, r)))
        }
        (left, right) => left == right,
    }
}

/// Cases whose outcome is another's to decide: the size limit is the machine's, the context object
/// the engine's.
const NOT_HERE: &[&str] = &["test_start_large_input", "context_object--test_input_path"];

fn cases() -> Vec<(PathBuf, Value)> {
    let Some(root) = std::env::var_os("TRACKWAY_CONFORMANCE") else {
        eprintln!("skipped: TRACKWAY_CONFORMANCE is not set");
        return Vec::new();
    };
    let folder = Path::new(&root).join("step-functions/cases");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the entry is readable").path();
        let name = path.to_string_lossy();
        if name.ends_with(".json") && !NOT_HERE.iter().any(|other| name.contains(other)) {
            let text = fs::read_to_string(&path).expect("the file is readable");
            found.push((path, serde_json::from_str(&text).expect("the file is JSON")));
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

/// The executions of a case as definition, input and outcome.
fn executions(case: &Value) -> Vec<(&Value, &Value, Value)> {
    let definitions = case["definitions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let inputs = case["inputs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut outcomes = Vec::new();
    match case["aws"].get("cases").and_then(Value::as_array) {
        Some(cases) => {
            for one in cases {
                outcomes.push(json!({"output": one["output"]}));
            }
        }
        None => outcomes.extend(outcome(&case["aws"])),
    }
    if definitions.len() != outcomes.len() || inputs.len() != outcomes.len() {
        return Vec::new();
    }
    definitions
        .iter()
        .zip(inputs)
        .zip(outcomes)
        .map(|((definition, input), outcome)| (&definition["definition"], input, outcome))
        .collect()
}

#[test]
fn simple_recorded_executions_end_as_on_aws() {
    let (mut agreed, mut wrong) = (0, Vec::new());
    for (path, case) in cases() {
        for (definition, input, expected) in executions(&case) {
            let Ok(definition) = parse(&definition.to_string(), MachineType::Standard) else {
                continue;
            };
            if !is_simple(&definition) {
                continue;
            }
            let found = run(&definition, input);
            if agrees(&normal(&expected), &normal(&found)) {
                agreed += 1;
            } else {
                let path = path.display();
                wrong.push(format!("{path} {input}\n  AWS:  {expected}\n  here: {found}"));
            }
        }
    }
    eprintln!("{agreed} executions end as on AWS");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
