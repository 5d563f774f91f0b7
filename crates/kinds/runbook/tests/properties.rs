//! What holds for any text, any value and any parameters.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value};
use trackway_runbook::document::reference::{Template, resolve};
use trackway_runbook::document::{
    Document, DocumentType, Format, Values, library, parameters, parse, pattern, read, write,
};
use trackway_runbook::plan::Platform;

fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        any::<String>(),
        "[ -~\n\t]{0,40}",
        "(yes|no|null|~|0x1F|1_0|-1|1e5|2020-01-01|<<|- a|#|: |'|\\{\\{ P \\}\\})",
        "([a-z ]{0,5}\n){1,4}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        // Reals that JSON's reader gives back as they are; it rounds others in the last place.
        any::<i32>().prop_map(|eighths| Value::from(f64::from(eighths) / 8.0)),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A merge key is not a key: it can't be written.
fn has_merge_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_merge_key),
        Value::Object(members) => {
            members.iter().any(|(key, value)| key == "<<" || has_merge_key(value))
        }
        _ => false,
    }
}

/// A runbook with something replaced somewhere by something else.
fn mutated() -> impl Strategy<Value = (Value, DocumentType)> {
    (0..library::DOCUMENTS.len(), any::<prop::sample::Index>(), values()).prop_map(
        |(which, at, value)| {
            let document = &library::DOCUMENTS[which];
            let mut content = read(document.content, document.format).expect("it is well-formed");
            let count = count(&content);
            replace(&mut content, &mut (at.index(count) + 1), &value);
            (content, document.document_type)
        },
    )
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

fn replace(value: &mut Value, left: &mut usize, with: &Value) {
    *left = left.saturating_sub(1);
    if *left == 0 {
        *value = with.clone();
        *left = usize::MAX;
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, left, with)),
        Value::Object(members) => members.values_mut().for_each(|item| replace(item, left, with)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_strange(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            for format in [Format::Json, Format::Yaml, Format::Text] {
                for kind in [DocumentType::Automation, DocumentType::Command, DocumentType::Package] {
                    let _ = parse(&text, format, kind);
                }
            }
            let _ = pattern(&text);
            let _ = Template::parse_text(&text);
        }
    }

    #[test]
    fn what_is_written_reads_the_same(value in values()) {
        prop_assume!(!has_merge_key(&value));
        for format in [Format::Json, Format::Yaml] {
            let text = write(&value, format);
            prop_assert_eq!(read(&text, format), Ok(value.clone()), "{}", text);
        }
    }

    #[test]
    fn a_document_reads_the_same_in_both_formats((value, kind) in mutated()) {
        prop_assume!(!has_merge_key(&value));
        let json = parse(&write(&value, Format::Json), Format::Json, kind);
        let yaml = parse(&write(&value, Format::Yaml), Format::Yaml, kind);
        prop_assert_eq!(&json, &yaml);
        match json {
            Ok(document) => {
                let _ = document.facts();
            }
            Err(problems) => prop_assert!(!problems.as_slice().is_empty()),
        }
    }

    /// Whatever a parameter holds: the plan has the same steps, actions and names of inputs.
    #[test]
    fn no_value_breaks_out_of_its_place(texts in prop::collection::vec(any::<String>(), 1..4)) {
        let shell = library::find("AWS-RunShellScript").expect("it is there");
        let Ok(Document::Command(command)) = parse(shell.content, shell.format, shell.document_type)
        else { panic!("it is a command") };
        let given = BTreeMap::from([
            ("commands".to_owned(), texts.clone()),
            ("workingDirectory".to_owned(), vec![texts[0].clone()]),
        ]);
        let values = parameters::check(&command.parameters, &given).expect("they fit");
        let names = command.stored_names(&values);
        let stored: Values = names.into_iter().map(|name| (name, Value::from("s"))).collect();
        let plan = command.plan(&values, &stored, Platform::Linux).expect("it is planned");
        prop_assert_eq!(plan.steps.len(), 1);
        let inputs = plan.steps[0].inputs.as_object().expect("they are a map");
        let keys: Vec<&str> = inputs.keys().map(String::as_str).collect();
        prop_assert_eq!(keys, ["id", "runCommand", "workingDirectory", "timeoutSeconds"]);
        prop_assert_eq!(inputs["runCommand"].as_array().map(Vec::len), Some(texts.len()));
        if stored.is_empty() {
            prop_assert_eq!(&inputs["runCommand"], &Value::from(texts));
        }
    }

    /// What a reference stands for is not looked at again.
    #[test]
    fn nothing_is_filled_in_twice(value in any::<String>()) {
        let filled = resolve(&Value::from("a {{ P }} b"), &|_: &_| Some(Value::from(value.clone())));
        prop_assert_eq!(filled, Ok(Value::from(format!("a {value} b"))));
    }
}
