//! Gate: the runbooks of public repositories are accepted or refused as AWS would.
//!
//! The data is not part of the project: `TRACKWAY_CORPUS` names its folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use trackway_runbook::document::{Document, DocumentType, Format, Problems, convert, parse, read};

/// The runbooks that are refused, by the end of their file's name, and every problem of each.
/// All others are accepted: they are in use on AWS.
const REFUSED: [(&str, &str); 9] = [
    // Outlines of runbooks whose steps are filled in by a build.
    ("ASGChangeStandbyStateWithApproval_Design_schema.json", NO_STEPS),
    ("ConfigureCloudWatchOnEC2Instance_Design_schema.json", NO_STEPS),
    ("DeleteImage_Design_schema.json", NO_STEPS),
    ("EncryptRootVolume_Design_schema.json", NO_STEPS),
    ("ManagedInstance_Design_schema.json", NO_STEPS),
    ("StartRdsInstance_Design_schema.json", NO_STEPS),
    ("StopRdsInstance_Design_schema.json", NO_STEPS),
    // Fixtures of a converter, which never reach AWS: an action that does not exist, and `_-/`
    // in a class, an illegal range in Java too.
    (
        "source_test_test_data_tstest-runbook.yaml.json",
        "$.parameters.LogGroupName.allowedPattern: It is not a regular expression\n\
         $.mainSteps[1].action: Action aws:executeAPI is not supported",
    ),
    // A branch leads to a step that only another of the repository's templates has.
    (
        "templates_sql-dedicated-hosts.template.json",
        "$.mainSteps[32].inputs.Choices[0].NextStep: Step 3AZFullBranch refers to step \
         SqlInstallBranch, which does not exist.",
    ),
];

const NO_STEPS: &str = "$.mainSteps: At least one step is expected.";

fn corpus() -> Option<PathBuf> {
    match std::env::var_os("TRACKWAY_CORPUS") {
        Some(root) => Some(Path::new(&root).join("ssm")),
        None => {
            eprintln!("skipped: TRACKWAY_CORPUS is not set");
            None
        }
    }
}

fn runbooks(folder: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.join("index.json")).expect("the index is readable");
    let index: Value = serde_json::from_str(&text).expect("the index is JSON");
    let entries = index.as_array().expect("the index is a list").iter();
    let files = entries.filter_map(|entry| entry["file"].as_str());
    files
        .map(|file| {
            let text = fs::read_to_string(folder.join(file)).expect("the runbook is readable");
            (file.to_owned(), fill_in(&text))
        })
        .collect()
}

/// Placeholders of CloudFormation and Terraform become something of the right form.
fn fill_in(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            continue;
        };
        let plain =
            name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b':' | b'_'));
        match (plain, name) {
            (true, "AWS::Region") => out.push_str("eu-west-1"),
            (true, "AWS::AccountId") => out.push_str("123456789012"),
            (true, "AWS::Partition") => out.push_str("aws"),
            (true, _) if name.ends_with("Arn") => {
                out.push_str("arn:aws:iam::123456789012:role/filled");
            }
            (true, _) => out.push_str("filled"),
            (false, _) => out.push_str(&format!("${{{name}}}")),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

fn expected(file: &str) -> Option<&'static str> {
    let row = REFUSED.iter().find(|(name, _)| file.ends_with(name));
    row.map(|(_, problems)| *problems)
}

/// Whether the problems are those of the table, each beginning as its line there.
fn are(problems: &Problems, lines: &str) -> bool {
    let found = problems.as_slice();
    let lines: Vec<&str> = lines.lines().collect();
    found.len() == lines.len()
        && found.iter().zip(lines).all(|(one, line)| one.to_string().starts_with(line))
}

#[test]
fn runbooks_in_use_are_accepted_and_the_broken_ones_say_why() {
    let Some(folder) = corpus() else { return };
    let mut wrong = BTreeMap::new();
    let mut refused = 0;
    for (file, text) in runbooks(&folder) {
        let expected = expected(&file);
        match (parse(&text, Format::Json, DocumentType::Automation), expected) {
            (Ok(Document::Runbook(runbook)), None) => assert!(!runbook.steps.is_empty()),
            (Err(problems), Some(lines)) if are(&problems, lines) => refused += 1,
            (Err(problems), _) => {
                wrong.insert(file, problems.message());
            }
            (Ok(_), _) => {
                wrong.insert(file, "accepted".to_owned());
            }
        }
    }
    assert_eq!(wrong, BTreeMap::new());
    assert_eq!(refused, REFUSED.len(), "a row of the table is not used");
}

#[test]
fn runbooks_are_the_same_as_yaml() {
    let Some(folder) = corpus() else { return };
    for (file, text) in runbooks(&folder) {
        let json = read(&text, Format::Json).expect("the runbook is JSON");
        let yaml = convert(&text, Format::Json, Format::Yaml).expect("it converts");
        assert_eq!(read(&yaml, Format::Yaml).as_ref(), Ok(&json), "{file}\n{yaml}");
        let from_json = parse(&text, Format::Json, DocumentType::Automation);
        // The size limit is that of the text.
        if yaml.len() <= 64 * 1024 {
            assert_eq!(parse(&yaml, Format::Yaml, DocumentType::Automation), from_json, "{file}");
        }
    }
}
