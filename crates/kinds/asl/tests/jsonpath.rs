//! Gates: recorded results of Jayway JsonPath, and paths from published definitions.
//!
//! The data is found through `TRACKWAY_CONFORMANCE`; without it the tests say so and pass.

use std::path::PathBuf;

use serde_json::{Map, Value};
use trackway_asl::jsonpath::Path;

fn data(file: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("TRACKWAY_CONFORMANCE") else {
        eprintln!("skipped: TRACKWAY_CONFORMANCE is unset");
        return None;
    };
    let path = PathBuf::from(folder).join("jsonpath").join(file);
    Some(std::fs::read_to_string(&path).expect("the conformance data is readable"))
}

/// Puts a value the way the recording prints it: texts bare, everything else as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The recording has unquoted words refused; AWS's published samples use them.
const ACCEPTED_HERE: [&str; 1] = ["$.items[?(@.s==OPEN)]"];

#[test]
fn probes_agree_with_the_recorded_library() {
    let (Some(document), Some(rows)) = (data("doc.json"), data("expected.tsv")) else { return };
    let document: Value = serde_json::from_str(&document).expect("doc.json is JSON");
    let mut differing = Vec::new();
    let mut count = 0;
    for row in rows.lines() {
        let [text, definite, expected] = row.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            panic!("a row has three columns: {row}")
        };
        count += 1;
        let (found, is_definite) = match Path::parse(text) {
            Err(error) => (format!("InvalidPathException: {error}"), false),
            Ok(path) => {
                let found = match path.evaluate(&document) {
                    Ok(value) => shown(&value),
                    Err(error) => format!("PathNotFoundException: {error}"),
                };
                (found, path.is_definite())
            }
        };
        // The recording prints Java's set of keys, and cuts long results.
        let found = if text.ends_with("keys()") {
            found.replace('"', "").replace(',', ", ")
        } else {
            found
        };
        let same = if expected.chars().count() < 60 {
            found == expected
        } else {
            found.starts_with(expected)
        };
        if (!same || is_definite != (definite == "definite")) && !ACCEPTED_HERE.contains(&text) {
            differing.push(format!("{text}\n  expected {definite} {expected}\n  found    {found}"));
        }
    }
    assert!(
        differing.is_empty(),
        "{} of {count} differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
    assert_eq!(count, 74);
}

/// What definitions hold in place of a path, and is refused.
const NOT_PATHS: [&str; 3] = ["$.", "$[:].item", "$$.Execution.StartTime + PT1H"];

#[test]
fn published_paths_parse() {
    let Some(paths) = data("real-paths.json") else { return };
    let paths: Map<String, Value> = serde_json::from_str(&paths).expect("real-paths.json is JSON");
    let refused: Vec<&str> =
        paths.keys().map(String::as_str).filter(|text| Path::parse(text).is_err()).collect();
    let mut expected = NOT_PATHS.to_vec();
    expected.retain(|text| paths.contains_key(*text));
    let sorted = |mut list: Vec<&str>| {
        list.sort_unstable();
        list.join("\n")
    };
    assert_eq!(sorted(refused), sorted(expected), "of {}", paths.len());
}
