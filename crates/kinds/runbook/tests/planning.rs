//! What a node is to do, by platform and parameters.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};
use serde_json::{Value, json};
use trackway_runbook::document::{CommandDocument, Document, DocumentType, Format, Values, parse};
use trackway_runbook::plan::{OnFailure, Plan, Platform};

fn command(content: &str) -> CommandDocument {
    match parse(content, Format::Yaml, DocumentType::Command) {
        Ok(Document::Command(command)) => command,
        Ok(other) => panic!("it is no command: {other:?}"),
        Err(problems) => panic!("{problems}"),
    }
}

fn plan(content: &str, values: Value, platform: Platform) -> Plan {
    let values: Values = serde_json::from_value(values).expect("they are a map");
    command(content).plan(&values, &BTreeMap::new(), platform).expect("everything has a value")
}

fn verdicts(content: &str, values: Value, platform: Platform, expected: Expect) {
    let plan = plan(content, values, platform);
    let lines = plan.steps.iter().map(|step| match (&step.skip_reason, &step.fail_reason) {
        (Some(why), _) => format!("{} skipped: {why}\n", step.name),
        (_, Some(why)) => format!("{} failed: {why}\n", step.name),
        _ => format!("{} runs\n", step.name),
    });
    expected.assert_eq(&lines.collect::<String>());
}

const CROSS_PLATFORM: &str = r#"
schemaVersion: '2.2'
parameters:
  Mode: {type: String, default: fast}
mainSteps:
  - name: linux
    action: aws:runShellScript
    precondition: {StringEquals: [platformType, linux]}
    inputs: {runCommand: [a]}
  - name: windows
    action: aws:runPowerShellScript
    precondition: {StringEquals: [Windows, platformType]}
    inputs: {runCommand: [a]}
  - name: fast
    action: aws:runShellScript
    precondition: {StringEquals: ['{{ Mode }}', fast]}
    inputs: {runCommand: [a]}
  - name: anywhere
    action: aws:runShellScript
    inputs: {runCommand: [a]}
  - name: fixed
    action: aws:runShellScript
    precondition: {StringEquals: [a, b]}
    inputs: {runCommand: [a]}
  - name: same
    action: aws:runShellScript
    precondition: {StringEquals: [a, a]}
    inputs: {runCommand: [a]}
  - name: chosen
    action: aws:runShellScript
    precondition: {StringEquals: [platformType, '{{ Mode }}']}
    inputs: {runCommand: [a]}
"#;

#[test]
fn preconditions_decide_which_steps_run() {
    verdicts(
        CROSS_PLATFORM,
        json!({}),
        Platform::Linux,
        expect![[r#"
        linux runs
        windows skipped: Step execution skipped due to unsatisfied preconditions: '"StringEquals": [Windows, platformType]'. Step name: windows
        fast runs
        anywhere runs
        fixed failed: Unrecognized precondition(s): '"StringEquals": at least one of operator's arguments must contain a valid document parameter', please update agent to latest version. Step name: fixed
        same failed: Unrecognized precondition(s): '"StringEquals": operator's arguments can't be identical', please update agent to latest version. Step name: same
        chosen failed: Unrecognized precondition(s): '"StringEquals": the second argument for the platformType variable can't contain document parameters', please update agent to latest version. Step name: chosen
    "#]],
    );
    verdicts(
        CROSS_PLATFORM,
        json!({"Mode": "slow"}),
        Platform::Windows,
        expect![[r#"
        linux skipped: Step execution skipped due to unsupported plugin: aws:runShellScript. Step name: linux
        windows runs
        fast skipped: Step execution skipped due to unsupported plugin: aws:runShellScript. Step name: fast
        anywhere skipped: Step execution skipped due to unsupported plugin: aws:runShellScript. Step name: anywhere
        fixed skipped: Step execution skipped due to unsupported plugin: aws:runShellScript. Step name: fixed
        same skipped: Step execution skipped due to unsupported plugin: aws:runShellScript. Step name: same
        chosen skipped: Step execution skipped due to unsupported plugin: aws:runShellScript. Step name: chosen
    "#]],
    );
    let older = "schemaVersion: '2.0'\nmainSteps:\n  - {name: a, action: 'aws:runShellScript', \
                 inputs: {runCommand: [x]}, precondition: {StringEquals: [platformType, Linux]}}\n\
                 \x20 - {name: b, action: 'aws:psModule', inputs: {runCommand: [x]}}\n";
    verdicts(
        older,
        json!({}),
        Platform::Linux,
        expect![[r#"
        a failed: Precondition is not supported for document schema version prior to 2.2. Step name: a
        b failed: Plugin with name aws:psModule is not supported in current platform. Step name: b
    "#]],
    );
}

const SCRIPT: &str = r#"
schemaVersion: '2.2'
parameters:
  Name: {type: String, default: World}
  Safe: {type: String, default: '', interpolationType: ENV_VAR}
  Lines: {type: StringList, default: []}
  Map: {type: StringMap, default: {}}
  Seconds: {type: String, default: '60'}
mainSteps:
  - name: run
    action: aws:runShellScript
    maxAttempts: 2
    inputs:
      timeoutSeconds: '{{ Seconds }}'
      onFailure: successAndExit
      onSuccess: exit
      runCommand:
        - "echo {{ Name }} {{.State}} '{{ Lines }}'"
        - '{{ Lines }}'
        - 5
      workingDirectory: /tmp/{{Name}}
  - name: hand on
    action: aws:runDocument
    finallyStep: true
    inputs:
      documentType: SSMDocument
      documentPath: '{{ Name }}'
      documentParameters: '{{ Map }}'
"#;

#[test]
fn parameters_are_filled_in() {
    let values = json!({
        "Name": "\", \"x\": [\"{{ Lines }}", "Lines": ["a", "b $$"], "Safe": "; rm -rf /",
        "Map": {"k": "{{ Name }}"},
    });
    let plan = plan(SCRIPT, values, Platform::Linux);
    let [run, last] = plan.steps.as_slice() else { panic!("two steps") };
    expect![[r#"
        {
          "schemaVersion": "2.2",
          "steps": [
            {
              "name": "run",
              "action": "aws:runShellScript",
              "inputs": {
                "timeoutSeconds": "60",
                "onFailure": "successAndExit",
                "onSuccess": "exit",
                "runCommand": [
                  "echo \\\", \\\"x\\\": [\\\"{{ Lines }} {{.State}} '[\"a\",\"b $$\"]'",
                  "a",
                  "b $$",
                  "5"
                ],
                "workingDirectory": "/tmp/\", \"x\": [\"{{ Lines }}"
              },
              "timeoutSeconds": 60,
              "onFailure": "successAndExit",
              "exitOnSuccess": true,
              "finallyStep": false,
              "maxAttempts": 2
            },
            {
              "name": "hand on",
              "action": "aws:runDocument",
              "inputs": {
                "documentType": "SSMDocument",
                "documentPath": "\", \"x\": [\"{{ Lines }}",
                "documentParameters": {
                  "k": "{{ Name }}"
                }
              },
              "exitOnSuccess": false,
              "finallyStep": true
            }
          ],
          "environment": {
            "SSM_Safe": "; rm -rf /"
          }
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&plan).expect("it is JSON"));
    assert_eq!(run.on_failure, Some(OnFailure::SuccessAndExit));
    assert!(run.exit_on_success && !run.finally_step && last.finally_step);
    let again: Plan = serde_json::from_value(serde_json::to_value(&plan).unwrap()).unwrap();
    assert_eq!(again, plan);
}

#[test]
fn a_script_always_has_an_end() {
    for (given, expected) in
        [("60", 60), ("4", 4), ("0", 3600), ("172800", 172_800), ("172801", 3600), ("x", 3600)]
    {
        let plan = plan(SCRIPT, json!({"Seconds": given}), Platform::Linux);
        assert_eq!(plan.steps[0].timeout_seconds, Some(expected), "{given}");
        assert_eq!(plan.steps[1].timeout_seconds, None);
    }
}

#[test]
fn stored_values_are_named_and_filled_in_once() {
    let content = "schemaVersion: '2.2'\nparameters: {A: {type: String, default: '{{ ssm:/a }}'}}\n\
                   mainSteps: [{name: a, action: 'aws:runShellScript', inputs: {runCommand: \
                   ['{{ A }} {{ssm:b}} {{ A }}']}}]\n";
    let command = command(content);
    assert_eq!(command.stored_names(&Values::new()), ["b", "/a"]);
    let given = Values::from([("A".to_owned(), json!("x {{ ssm:c }}"))]);
    assert_eq!(command.stored_names(&given), ["b", "/a", "c"]);
    let stored = Values::from([
        ("/a".to_owned(), json!("{{ ssm:b }}")),
        ("b".to_owned(), json!("B {{ A }}")),
        ("c".to_owned(), json!("{{A}}")),
    ]);
    let lines = |values: &Values| {
        let plan = command.plan(values, &stored, Platform::Linux).expect("it is planned");
        plan.steps[0].inputs["runCommand"][0].clone()
    };
    assert_eq!(lines(&Values::new()), json!("{{ ssm:b }} B {{ A }} {{ ssm:b }}"));
    assert_eq!(lines(&given), json!("x {{A}} B {{ A }} x {{A}}"));
    let missing = command.plan(&Values::new(), &Values::new(), Platform::Linux).unwrap_err();
    assert_eq!(missing.to_string(), "{{ ssm:/a }} has no value");
}

#[test]
fn schema_1_2_has_a_step_for_each_of_the_properties() {
    let content = r#"
schemaVersion: '1.2'
parameters: {P: {type: StringList}}
runtimeConfig:
  aws:runShellScript:
    properties:
      - {id: 0.aws:runShellScript, runCommand: '{{ P }}'}
      - {id: 1.aws:runShellScript, runCommand: [b]}
  aws:updateSsmAgent:
    properties: {}
"#;
    let plan = plan(content, json!({"P": ["x", "y"]}), Platform::Linux);
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["0.aws:runShellScript", "1.aws:runShellScript", "aws:updateSsmAgent"]);
    assert_eq!(plan.steps[0].inputs["runCommand"], json!(["x", "y"]));
    assert_eq!(plan.schema_version, "1.2");
}

#[test]
fn a_description_names_the_platforms_on_which_a_step_runs() {
    let platforms =
        |content: &str| Document::Command(command(content)).facts().platform_types.join(" ");
    assert_eq!(platforms(CROSS_PLATFORM), "Windows Linux MacOS");
    assert_eq!(platforms(SCRIPT), "Windows Linux MacOS");
    let linux = "schemaVersion: '2.2'\nmainSteps:\n  - {name: a, action: 'aws:runShellScript', \
                 inputs: {runCommand: [x]}, precondition: {StringEquals: [platformType, Linux]}}\n";
    assert_eq!(platforms(linux), "Linux");
}
