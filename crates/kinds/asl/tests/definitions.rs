//! Gates: the definitions of the recorded conformance cases and of the corpus.
//!
//! The data is not part of the project: `TRACKWAY_CONFORMANCE` and `TRACKWAY_CORPUS` name it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use trackway_asl::definition::{Code, Diagnostic, MachineType, parse, to_aws_message};

fn folder(variable: &str, below: &str) -> Option<PathBuf> {
    match std::env::var_os(variable) {
        Some(root) => Some(Path::new(&root).join(below)),
        None => {
            eprintln!("skipped: {variable} is not set");
            None
        }
    }
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is readable") {
            let path = entry.expect("the entry is readable").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> Value {
    let text = fs::read_to_string(path).expect("the file is readable");
    serde_json::from_str(&text).expect("the file is JSON")
}

fn machine(text: Option<&str>) -> MachineType {
    if text == Some("EXPRESS") { MachineType::Express } else { MachineType::Standard }
}

fn is_out_of_scope(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().all(|diagnostic| diagnostic.code == Code::UnsupportedByTrackway)
}

/// The text of the first InvalidDefinition answer of a case that AWS gave.
fn recorded_refusal(answers: &Value) -> Option<String> {
    match answers {
        Value::Object(members) => {
            let texts = ["Message", "exception_value"].iter().filter_map(|name| members.get(*name));
            let found = texts.filter_map(Value::as_str).find_map(|text| {
                text.find("Invalid State Machine Definition: ").map(|at| text[at..].to_owned())
            });
            found.or_else(|| members.values().find_map(recorded_refusal))
        }
        Value::Array(elements) => elements.iter().find_map(recorded_refusal),
        _ => None,
    }
}

#[test]
fn recorded_definitions_are_judged_as_aws_judged_them() {
    let Some(folder) = folder("TRACKWAY_CONFORMANCE", "step-functions/cases") else { return };
    let (mut accepted, mut refused, mut out_of_scope) = (0, 0, 0);
    let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for path in json_files(&folder) {
        let case = read(&path);
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let expected = recorded_refusal(&case["aws"]);
        let mut seen = Vec::new();
        for definition in case["definitions"].as_array().into_iter().flatten() {
            let text = definition["definition"].to_string();
            match parse(&text, machine(definition["type"].as_str())) {
                Ok(_) => accepted += 1,
                Err(found) if is_out_of_scope(&found) => {
                    out_of_scope += 1;
                    *reasons.entry(found[0].message.clone()).or_default() += 1;
                }
                Err(found) => {
                    refused += 1;
                    seen.push(to_aws_message(&found));
                }
            }
        }
        match expected {
            Some(text) if !seen.contains(&text) => {
                wrong.push(format!("{name}: AWS: {text}, here: {seen:?}"))
            }
            None if !seen.is_empty() => wrong.push(format!("{name}: AWS accepts, here: {seen:?}")),
            _ => {}
        }
    }
    eprintln!("accepted {accepted}, refused as AWS does {refused}, out of scope {out_of_scope}");
    for (reason, count) in reasons {
        eprintln!("  {count:4} {reason}");
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn recorded_validations_answer_as_aws_does() {
    let Some(folder) = folder("TRACKWAY_CONFORMANCE", "step-functions/cases") else { return };
    for path in json_files(&folder) {
        let case = read(&path);
        for call in case["requests"].as_array().into_iter().flatten() {
            if call["action"] != "ValidateStateMachineDefinition" {
                continue;
            }
            let definition = &call["request"]["definition"];
            let text = definition.as_str().map_or_else(|| definition.to_string(), str::to_owned);
            let found = parse(&text, machine(call["request"]["type"].as_str())).err();
            let found = found.unwrap_or_default();
            if is_out_of_scope(&found) && !found.is_empty() {
                continue;
            }
            let found: Vec<Value> = found
                .iter()
                .map(|one| {
                    serde_json::json!({
                        "code": one.code.as_str(),
                        "location": one.location,
                        "message": one.message,
                        "severity": one.severity.as_str(),
                    })
                })
                .collect();
            let expected = &case["aws"]["validation_response"]["diagnostics"];
            assert_eq!(Value::Array(found), *expected, "{}", path.display());
        }
    }
}

/// Number fields, whose placeholders stand for numbers.
const NUMBERS: &[&str] = &[
    "BackoffRate",
    "HeartbeatSeconds",
    "IntervalSeconds",
    "MaxAttempts",
    "MaxConcurrency",
    "NumericGreaterThan",
    "Seconds",
    "TimeoutSeconds",
];

/// Fills placeholders: a whole value that stands for an ARN becomes one, other texts become words.
fn fill(value: &mut Value, field: &str) {
    match value {
        Value::String(text) if text.contains("${") && NUMBERS.contains(&field) => {
            *value = Value::from(1);
        }
        Value::String(text) if text.contains("${") => {
            let whole =
                text.starts_with("${") && text.matches("${").count() == 1 && text.ends_with('}');
            *text = match (whole, field) {
                (true, "Resource") if text.contains("PutItem") => integration("dynamodb:putItem"),
                (true, "Resource") if text.contains("GetItem") => integration("dynamodb:getItem"),
                (true, "Resource") if text.contains("UpdateItem") => {
                    integration("dynamodb:updateItem")
                }
                (true, "Resource") if text.contains("SNS") => integration("sns:publish"),
                (true, "Resource") if text.contains("SQS") => integration("sqs:sendMessage"),
                (true, "Resource") if text.contains("LambdaAction") => integration("lambda:invoke"),
                (true, "Resource") => {
                    "arn:aws:lambda:us-east-1:123456789012:function:placeholder".to_owned()
                }
                _ => fill_words(text),
            };
        }
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| fill(value, name)),
        Value::Array(elements) => elements.iter_mut().for_each(|value| fill(value, field)),
        _ => {}
    }
}

fn integration(name: &str) -> String {
    format!("arn:aws:states:::{name}")
}

fn fill_words(text: &str) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(match name {
            _ if name.contains("Partition") => "aws",
            _ if name.contains("Region") => "us-east-1",
            _ if name.contains("AccountId") => "123456789012",
            _ => "placeholder",
        });
        rest = after;
    }
    filled + rest
}

/// Published definitions that AWS refuses too: a Map's processor on its own, and a Lambda
/// integration without its request.
const WRONG: &[(&str, &str)] = &[
    (
        "sfn-iot-data-analytics-dataset_statemachine_statemachine.asl.json",
        "Field 'ProcessorConfig' is not supported",
    ),
    (
        "workflows-dev-test_Workflow.asl.json",
        "Parameters field is required for resource ARN: arn:aws:states:::lambda:invoke",
    ),
];

#[test]
fn the_corpus_is_accepted_unless_it_is_wrong() {
    let Some(folder) = folder("TRACKWAY_CORPUS", "asl") else { return };
    let (mut accepted, mut total) = (0, 0);
    let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in json_files(&folder) {
        if path.ends_with("index.json") {
            continue;
        }
        total += 1;
        let mut definition = read(&path);
        fill(&mut definition, "");
        match parse(&definition.to_string(), MachineType::Standard) {
            Ok(_) => accepted += 1,
            Err(found) => {
                let known = |one: &Diagnostic| {
                    one.code == Code::UnsupportedByTrackway
                        || WRONG.iter().any(|(name, message)| {
                            path.to_string_lossy().ends_with(name) && one.message == *message
                        })
                };
                assert!(found.iter().all(known), "{}: {found:?}", path.display());
                let name = path.strip_prefix(&folder).unwrap_or(&path).display();
                for one in found.iter().take(5) {
                    let reason = format!("{}: {}", one.code.as_str(), one.message);
                    let place = one.location.as_deref().unwrap_or("-");
                    reasons.entry(reason).or_default().push(format!("{name} {place}"));
                }
            }
        }
    }
    eprintln!("accepted {accepted} of {total}");
    for (reason, places) in reasons {
        eprintln!("  {:4} {reason}\n         {}", places.len(), places.join("\n         "));
    }
}
