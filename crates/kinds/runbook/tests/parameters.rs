//! Parameters as callers give them, as runs have them, and as AWS shows them again.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use trackway_runbook::document::{
    Document, DocumentType, Format, Parameter, parameters, parse, stored_name,
};

const DECLARED: &str = r#"
schemaVersion: '0.3'
parameters:
  Text: {type: String, default: 5, description: Some text}
  Word: {type: String, allowedValues: [one, two], default: one}
  Form: {type: String, allowedPattern: '^[a-z]+(?<!x)$', minChars: 2, maxChars: 5, default: ab}
  List: {type: StringList, minItems: 1, maxItems: 2, default: []}
  Choice: {type: StringList, allowedValues: [a, b], default: [a]}
  Count: {type: Integer, default: 3, allowedValues: [1, 2, 3]}
  Flag: {type: Boolean, default: no}
  Map: {type: StringMap, default: {}}
  Maps: {type: MapList, default: [{a: 1}]}
  Node: {type: 'AWS::EC2::Instance::Id', default: ''}
  Nodes: {type: 'List<AWS::EC2::Instance::Id>', default: []}
  Stored: {type: String, default: '{{ ssm:/x }}'}
  Role: {type: 'AWS::IAM::Role::Arn', default: ''}
  Must: {type: String}
mainSteps:
  - {name: a, action: 'aws:pause', inputs: {}}
"#;

fn declared() -> Vec<Parameter> {
    match parse(DECLARED, Format::Yaml, DocumentType::Automation) {
        Ok(Document::Runbook(runbook)) => runbook.parameters,
        other => panic!("it is a runbook: {other:?}"),
    }
}

fn given(pairs: &[(&str, &[&str])]) -> parameters::Given {
    let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    pairs.iter().map(|(name, values)| ((*name).to_owned(), texts(values))).collect()
}

/// `Must` and one more.
fn check(name: &str, texts: &[&str], expected: Expect) {
    let mut given = given(&[("Must", &["x"])]);
    given.insert(name.to_owned(), texts.iter().map(|&text| text.to_owned()).collect());
    let shown = match parameters::check(&declared(), &given) {
        Ok(values) => values.get(name).map_or("nothing".to_owned(), Value::to_string),
        Err(refused) => {
            let lines: Vec<String> = refused.iter().map(ToString::to_string).collect();
            lines.join("\n")
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn texts_become_what_is_declared() {
    check("Text", &["007"], expect![[r#""007""#]]);
    check("Text", &[], expect![[r#""""#]]);
    check("List", &["a", "b,c"], expect![[r#"["a","b,c"]"#]]);
    check("Count", &["2"], expect!["2"]);
    check("Flag", &["True"], expect!["true"]);
    check("Map", &["{\"a\": [1]}"], expect![[r#"{"a":[1]}"#]]);
    check("Maps", &["{\"a\": 1}", "{\"b\": 2}"], expect![[r#"[{"a":1},{"b":2}]"#]]);
    check("Maps", &["[{\"a\": 1}]"], expect![[r#"[{"a":1}]"#]]);
    check("Nodes", &["i-0123456789abcdef0"], expect![[r#"["i-0123456789abcdef0"]"#]]);
    check("Choice", &["a", "b"], expect![[r#"["a","b"]"#]]);
    check(
        "Role",
        &["arn:aws:iam::123456789012:role/service/x"],
        expect![[r#""arn:aws:iam::123456789012:role/service/x""#]],
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    check("Nobody", &["x"], expect![[r#"Parameter "Nobody" is not declared."#]]);
    check(
        "Word",
        &["three"],
        expect![[r#"Parameter "Word" has value "three" not found in [one, two]."#]],
    );
    check(
        "Form",
        &["abx"],
        expect![[
            r#"Parameter "Form" has value "abx" that does not match pattern "^[a-z]+(?<!x)$"."#
        ]],
    );
    check("Form", &["a"], expect![[r#"Parameter "Form" has 1 characters, at least 2 expected."#]]);
    check(
        "Form",
        &["abcdefg"],
        expect![[r#"Parameter "Form" has 7 characters, at most 5 expected."#]],
    );
    check("List", &[], expect![[r#"Parameter "List" has 0 items, at least 1 expected."#]]);
    check(
        "List",
        &["a", "b", "c"],
        expect![[r#"Parameter "List" has 3 items, at most 2 expected."#]],
    );
    check(
        "Choice",
        &["a", "z"],
        expect![[r#"Parameter "Choice" has value "z" not found in [a, b]."#]],
    );
    check(
        "Count",
        &["many"],
        expect![[r#"Parameter "Count" has value "many" that is not of type Integer."#]],
    );
    check("Count", &["9"], expect![[r#"Parameter "Count" has value "9" not found in [1, 2, 3]."#]]);
    check(
        "Flag",
        &["maybe"],
        expect![[r#"Parameter "Flag" has value "maybe" that is not of type Boolean."#]],
    );
}

#[test]
fn what_is_of_another_type_is_refused() {
    check(
        "Text",
        &["a", "b"],
        expect![[r#"Parameter "Text" of type String takes one value, not 2."#]],
    );
    check(
        "Map",
        &["[1]"],
        expect![[r#"Parameter "Map" has value "[1]" that is not of type StringMap."#]],
    );
    check(
        "Map",
        &["{"],
        expect![[r#"Parameter "Map" has value "{" that is not of type StringMap."#]],
    );
    check(
        "Maps",
        &["[1]"],
        expect![[r#"Parameter "Maps" has value "[1]" that is not of type MapList."#]],
    );
    check(
        "Node",
        &["i-x"],
        expect![[
            r#"Parameter "Node" has value "i-x" that is not of type AWS::EC2::Instance::Id."#
        ]],
    );
    check(
        "Nodes",
        &["i-0123456789abcdef0", "mars"],
        expect![[
            r#"Parameter "Nodes" has value "mars" that is not of type AWS::EC2::Instance::Id."#
        ]],
    );
    check(
        "Role",
        &["admin"],
        expect![[r#"Parameter "Role" has value "admin" that is not of type AWS::IAM::Role::Arn."#]],
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    let given = given(&[("A", &["x"]), ("Count", &["x"]), ("Flag", &["x"])]);
    let refused = parameters::check(&declared(), &given).unwrap_err();
    let lines: Vec<String> = refused.iter().map(ToString::to_string).collect();
    expect![[r#"
        Parameter "A" is not declared.
        Parameter "Count" has value "x" that is not of type Integer.
        Parameter "Flag" has value "x" that is not of type Boolean.
        Missing required parameter: Must in user inputs."#]]
    .assert_eq(&lines.join("\n"));
    let later = parameters::check_but(&declared(), &BTreeMap::new(), &["Must"]);
    assert!(later.is_ok_and(|values| !values.contains_key("Must")));
}

#[test]
fn every_parameter_is_shown_again_as_texts() {
    let declared = declared();
    let values = parameters::check(&declared, &given(&[("Must", &["x"])])).expect("they fit");
    assert_eq!(stored_name(&values["Stored"]).as_deref(), Some("/x"));
    let shown = parameters::echo(&declared, &values);
    expect![[r#"
        {
          "Text": [
            "5"
          ],
          "Word": [
            "one"
          ],
          "Form": [
            "ab"
          ],
          "List": [],
          "Choice": [
            "a"
          ],
          "Count": [
            "3"
          ],
          "Flag": [
            "false"
          ],
          "Map": [
            "{}"
          ],
          "Maps": [
            "{\"a\":1}"
          ],
          "Node": [
            ""
          ],
          "Nodes": [],
          "Stored": [
            "{{ ssm:/x }}"
          ],
          "Role": [
            ""
          ],
          "Must": [
            "x"
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&shown).expect("it is JSON"));
    let names: Vec<&String> = shown.keys().collect();
    assert_eq!(names[..3], ["Text", "Word", "Form"], "in the document's order");
}

#[test]
fn parameters_are_described() {
    let described = parameters::describe(&declared());
    assert_eq!(
        described[0],
        json!({"Name": "Text", "Type": "String", "Description": "Some text", "DefaultValue": "5"})
    );
    let default = |name: &str| {
        let found = described.iter().find(|one| one["Name"] == name);
        found.and_then(|one| one.get("DefaultValue")).cloned()
    };
    assert_eq!(default("Maps"), Some(json!("[{\"a\":1}]")));
    assert_eq!(default("Node"), Some(json!("")));
    assert_eq!(default("Flag"), Some(json!("false")));
    assert_eq!(default("Must"), None);
}
