//! Any text is read or refused with a reason; nothing panics.

use proptest::prelude::*;
use serde_json::{Value, json};
use trackway_asl::definition::{MachineType, parse, to_aws_message};

const WORDS: &[&str] = &[
    "A",
    "B",
    "Pass",
    "Task",
    "Choice",
    "Map",
    "Parallel",
    "Wait",
    "Fail",
    "Succeed",
    "$",
    "$.a",
    "$$.b",
    "$v",
    "$[",
    "$.a[*]",
    "States.Format('{}', $.a)",
    "States.",
    "States.ALL",
    "arn:aws:states:::lambda:invoke",
    "JSONata",
    "JSONPath",
    "DISTRIBUTED",
    "{% 1 %}",
    "2016-12-05T21:29:29Z",
];

const FIELDS: &[&str] = &[
    "StartAt",
    "States",
    "A",
    "B",
    "Type",
    "Next",
    "End",
    "Choices",
    "And",
    "Or",
    "Not",
    "Variable",
    "StringEquals",
    "IsNull",
    "Default",
    "Branches",
    "ItemProcessor",
    "Iterator",
    "ProcessorConfig",
    "Mode",
    "Retry",
    "Catch",
    "ErrorEquals",
    "Resource",
    "Parameters",
    "x.$",
    "ResultPath",
    "InputPath",
    "QueryLanguage",
    "Seconds",
    "Timestamp",
    "Credentials",
    "Assign",
];

/// JSON with the words of the language in it.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        words.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let fields = prop::sample::select(FIELDS);
    leaf.prop_recursive(8, 128, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((fields.clone(), inner), 0..8).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        let _ = parse(&text, MachineType::Standard);
    }

    #[test]
    fn arbitrary_json_never_panics(state in arbitrary_json(), other in arbitrary_json()) {
        let text = json!({"StartAt": "A", "States": {"A": state, "B": other}}).to_string();
        if let Err(found) = parse(&text, MachineType::Express) {
            prop_assert!(!found.is_empty());
            prop_assert!(!to_aws_message(&found).is_empty());
        }
        let _ = parse(&state.to_string(), MachineType::Standard);
    }
}
