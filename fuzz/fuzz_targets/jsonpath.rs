//! Any text as a path: parsing, reading and writing never panic and end in bounded time.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use trackway_asl::jsonpath::{Path, ReferencePath};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "a": {"b": 1, "n": null, "l": [1, 2, 3, 4, 5]},
        "items": [{"id": 1, "s": "OPEN", "t": ["x", "y"]}, {"id": 2, "s": "CLOSED", "t": []}, 3.5],
        "empty": [], "str": "hello", "0": "zero", "a b": {"x": {"k": 1}},
    })
});

fuzz_target!(|text: &str| {
    let Ok(path) = Path::parse(text) else { return };
    let found = path.evaluate(&DOCUMENT);
    if let Ok(value) = &found {
        assert!(path.is_definite() || value.is_array(), "an indefinite path gives an array");
    }
    if path.exists(&DOCUMENT) {
        assert!(found.is_ok(), "what exists can be read");
    }
    assert_eq!(path.is_reference(), ReferencePath::of(&path).is_some());
    if let Some(reference) = ReferencePath::of(&path)
        && let Ok(written) = reference.insert(DOCUMENT.clone(), json!("written"))
    {
        let read = path.evaluate(&written).map(|value| value.into_owned());
        assert_eq!(read, Ok(json!("written")), "what was written is read back");
    }
});
