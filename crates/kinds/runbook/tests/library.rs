//! The library: every document is accepted, and takes what users give it.

use std::collections::BTreeMap;

use serde_json::json;
use trackway_runbook::document::{Document, DocumentType, library, parameters, parse};
use trackway_runbook::plan::Platform;

#[test]
fn every_document_of_the_library_is_accepted() {
    for document in library::DOCUMENTS {
        let parsed = parse(document.content, document.format, document.document_type);
        let parsed = parsed.unwrap_or_else(|problems| panic!("{}: {problems}", document.name));
        let is_command = document.document_type == DocumentType::Command;
        assert_eq!(matches!(parsed, Document::Command(_)), is_command, "{}", document.name);
        assert!(parsed.facts().description.is_some(), "{}", document.name);
    }
    let mut names: Vec<&str> = library::DOCUMENTS.iter().map(|one| one.name).collect();
    let as_listed = names.clone();
    names.sort_unstable();
    assert_eq!(names, as_listed, "the library is in the order of names");
}

#[test]
fn the_shell_document_takes_what_users_give_it() {
    let shell = library::find("AWS-RunShellScript").expect("it is there");
    let Ok(Document::Command(command)) = parse(shell.content, shell.format, shell.document_type)
    else {
        panic!("it is a command");
    };
    let given = BTreeMap::from([("commands".to_owned(), vec!["a".to_owned(), "b 'c'".to_owned()])]);
    let values = parameters::check(&command.parameters, &given).expect("it takes them");
    let plan = command.plan(&values, &BTreeMap::new(), Platform::Linux).expect("it is planned");
    let [step] = plan.steps.as_slice() else { panic!("one step: {plan:?}") };
    assert_eq!(step.name, "aws:runShellScript");
    assert_eq!(step.inputs["runCommand"], json!(["a", "b 'c'"]));
    assert_eq!(step.inputs["workingDirectory"], json!(""));
    assert_eq!(step.timeout_seconds, Some(3600));
    assert_eq!((&step.skip_reason, &step.fail_reason), (&None, &None));
    let windows = command.plan(&values, &BTreeMap::new(), Platform::Windows).expect("planned");
    assert!(windows.steps[0].fail_reason.is_some());
    assert_eq!(Document::Command(command).facts().platform_types, ["Linux", "MacOS"]);
}
#[test]
fn the_python_document_is_a_script_of_its_own_interpreter() {
    let python = library::find("AWS-RunPythonScript").expect("it is there");
    let Ok(Document::Command(command)) = parse(python.content, python.format, python.document_type)
    else {
        panic!("it is a command");
    };
    let given =
        BTreeMap::from([("commands".to_owned(), vec!["if 1:".to_owned(), "  x()".to_owned()])]);
    let values = parameters::check(&command.parameters, &given).expect("it takes them");
    let plan = command.plan(&values, &BTreeMap::new(), Platform::Linux).expect("it is planned");
    let [step] = plan.steps.as_slice() else { panic!("one step: {plan:?}") };
    assert_eq!(step.inputs["runCommand"], json!(["#!/usr/bin/env python3", "if 1:", "  x()"]));
    assert_eq!(step.timeout_seconds, Some(3600));
}
