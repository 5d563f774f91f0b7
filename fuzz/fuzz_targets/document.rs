//! Any text as a Systems Manager document: reading never panics, and what is accepted is whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trackway_runbook::document::{Document, DocumentType, Format, convert, parse, read};
use trackway_runbook::plan::Platform;

fuzz_target!(|text: &str| {
    for format in [Format::Json, Format::Yaml] {
        for kind in [DocumentType::Automation, DocumentType::Command, DocumentType::Session] {
            match parse(text, format, kind) {
                Ok(Document::Runbook(runbook)) => {
                    assert!(!runbook.steps.is_empty(), "a runbook has a step");
                }
                Ok(Document::Command(command)) => {
                    assert!(!command.steps.is_empty(), "a command has a step");
                    let nothing = Default::default();
                    let _ = command.plan(&nothing, &nothing, Platform::Linux);
                }
                Ok(Document::Other(_)) => {}
                Err(problems) => assert!(!problems.message().is_empty(), "a refusal says why"),
            }
        }
    }
    if let Ok(yaml) = convert(text, Format::Json, Format::Yaml) {
        // A merge key is the one key that YAML can't hold.
        if !text.contains("<<") && !text.contains("\\u003") {
            assert!(read(&yaml, Format::Yaml).is_ok(), "what is written is read");
        }
    }
});
