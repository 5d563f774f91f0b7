//! Every runbook of the corpus that is accepted runs to its end, whatever it is answered.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};
use trackway_core::Input;
use trackway_runbook::automation::{Definition, Signal, StartedWith, StopType, envelope};
use trackway_runbook::document::ParameterType;

use crate::bench::Bench;
use crate::properties::{Numbers, Run};

#[test]
fn every_runbook_of_the_corpus_runs_to_its_end() {
    let Some(root) = std::env::var_os("TRACKWAY_CORPUS") else {
        eprintln!("skipped: TRACKWAY_CORPUS is not set");
        return;
    };
    let folder = Path::new(&root).join("ssm");
    let index = std::fs::read_to_string(folder.join("index.json")).expect("the index is readable");
    let index: Value = serde_json::from_str(&index).expect("the index is JSON");
    let files = index.as_array().into_iter().flatten().filter_map(|entry| entry["file"].as_str());
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for (file, seed) in files.zip(1..) {
        let text = std::fs::read_to_string(folder.join(file)).expect("the runbook is readable");
        for seed in [seed, seed + 1000] {
            if let Some(bench) = run(&text, seed) {
                assert!(bench.is_closed(), "{file}: {:?}", bench.execution);
                bench.look();
                *ends.entry(bench.execution.status().name()).or_default() += 1;
            }
        }
    }
    eprintln!("{ends:?}");
    assert!(ends.get("Success").is_some_and(|count| *count > 20), "{ends:?}");
}

fn run(text: &str, seed: u64) -> Option<Bench> {
    let parsed = <trackway_runbook::automation::Automation as trackway_core::Machine>::parse(
        &envelope(text, "JSON"),
    );
    let def = parsed.ok()?;
    let parameters = parameters(&def);
    let mut run = Run::new(Bench::of(def, StartedWith::default()));
    let mut numbers = Numbers(seed);
    run.take(run.bench.start(&parameters));
    for _ in 0..300 {
        run.help(&mut numbers);
        if run.bench.is_closed() {
            return Some(run.bench);
        }
    }
    run.take(Input::Signal(Signal::Stop(StopType::Cancel)));
    run.pass_time();
    Some(run.bench)
}

/// A value for every parameter that needs one.
fn parameters(def: &Definition) -> Value {
    let needed = def.runbook().parameters.iter().filter(|parameter| parameter.default.is_none());
    let values: Map<String, Value> = needed
        .map(|parameter| {
            let value = match parameter.kind {
                ParameterType::String | ParameterType::Aws(_) => json!("x"),
                ParameterType::Integer => json!(1),
                ParameterType::Boolean => json!(true),
                ParameterType::StringMap => json!({"a": "b"}),
                ParameterType::MapList => json!([{"a": "b"}]),
                ParameterType::StringList | ParameterType::AwsList(_) => json!(["a", "b"]),
            };
            (parameter.name.clone(), value)
        })
        .collect();
    Value::Object(values)
}
