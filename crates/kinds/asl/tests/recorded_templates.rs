//! Gate: what AWS answered to `Parameters` of Pass states, paths and intrinsic functions alike.
//!
//! The data is found through `TRACKWAY_CONFORMANCE`; without it the test says so and passes.

use std::borrow::Cow;
use std::path::PathBuf;

use serde_json::{Map, Value, json};
use trackway_asl::intrinsic::{Call, Env};
use trackway_asl::jsonpath::{EvalError, Path, Root};

struct Documents<'v> {
    input: &'v Value,
    context: &'v Value,
}

impl<'v> Env<'v> for Documents<'v> {
    fn resolve(&mut self, path: &Path) -> Result<Cow<'v, Value>, EvalError> {
        match path.root() {
            Root::Input => path.evaluate(self.input),
            Root::Context => path.evaluate(self.context),
            Root::Variable(_) => Err(EvalError::NotFound(path.source().to_owned())),
        }
    }

    fn uuid(&mut self) -> String {
        "generated-uuid".to_owned()
    }

    fn random(&mut self) -> u64 {
        0
    }
}

/// The `.$` members of the `Parameters` of a machine that starts with a plain Pass state, and the
/// name of the state.
fn template(case: &Value) -> Option<(&str, &Map<String, Value>)> {
    let definition = &case["definitions"][0]["definition"];
    let name = definition["StartAt"].as_str()?;
    let state = &definition["States"][name];
    let other = ["InputPath", "ResultPath", "OutputPath", "ResultSelector", "QueryLanguage"];
    let plain = state["Type"] == "Pass" && other.iter().all(|field| state.get(field).is_none());
    let members = state["Parameters"].as_object()?;
    let dynamic = |(name, value): (&String, &Value)| name.ends_with(".$") && value.is_string();
    (plain && members.iter().all(dynamic)).then_some((name, members))
}

/// Input and output of the state in every recorded history.
fn runs(case: &Value, state: &str) -> Vec<(Value, Value)> {
    let histories = case["aws"].as_object().into_iter().flatten();
    histories
        .filter_map(|(_, answer)| {
            let events = answer["events"].as_array()?;
            let entered = events.iter().find(|e| e["stateEnteredEventDetails"]["name"] == state)?;
            let exited = events.iter().find(|e| e["stateExitedEventDetails"]["name"] == state)?;
            let input = entered["stateEnteredEventDetails"]["input"].clone();
            Some((input, exited["stateExitedEventDetails"]["output"].clone()))
        })
        .collect()
}

/// Evaluates a path or a call; `None` where it needs what the recording hides.
fn evaluate(text: &str, input: &Value) -> Option<Value> {
    let context = json!({"Execution": {"Input": input}});
    let mut env = Documents { input, context: &context };
    if text.starts_with("States.") {
        let call = Call::parse(text).expect(text);
        if call.paths().any(|path| path.root() == &Root::Context && !path.exists(&context)) {
            return None;
        }
        return Some(call.evaluate(&mut env).expect(text));
    }
    let path = Path::parse(text).expect(text);
    match env.resolve(&path) {
        Ok(value) => Some(value.into_owned()),
        Err(_) if path.root() != &Root::Input => None,
        Err(error) => panic!("{text}: {error}"),
    }
}

/// Recordings decode texts that are JSON and replace what varies.
fn same(found: &Value, expected: &Value) -> bool {
    let decoded = found.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let hidden = expected.as_str().is_some_and(|text| {
        text.starts_with('<') || matches!(text, "RandomNumberGenerated" | "timestamp")
    });
    hidden || found == expected || decoded.as_ref() == Some(expected)
}

#[test]
fn templates_give_what_aws_gave() {
    let Some(folder) = std::env::var_os("TRACKWAY_CONFORMANCE") else {
        eprintln!("skipped: TRACKWAY_CONFORMANCE is unset");
        return;
    };
    let folder = PathBuf::from(folder).join("step-functions").join("cases");
    let (mut compared, mut differing) = (0, Vec::new());
    for file in std::fs::read_dir(folder).expect("the cases are readable") {
        let file = file.expect("a file").path();
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let Ok(case) = serde_json::from_str::<Value>(&text) else { continue };
        let Some((state, members)) = template(&case) else { continue };
        for (input, output) in runs(&case, state) {
            for (name, value) in members {
                let text = value.as_str().unwrap_or_default();
                let expected = &output[name.trim_end_matches(".$")];
                let Some(found) = evaluate(text, &input) else { continue };
                compared += 1;
                if !same(&found, expected) {
                    differing.push(format!("{text} on {input}: {found}, on AWS {expected}"));
                }
            }
        }
    }
    eprintln!("{compared} values compared");
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert!(compared >= 60, "only {compared} recorded values were found");
}
