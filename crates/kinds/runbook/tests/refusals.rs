//! What is wrong with a document is said, all of it, each with its place.

use expect_test::{Expect, expect};
use trackway_runbook::document::{DocumentType, Exception, Format, parse};

fn check_as(document_type: DocumentType, content: &str, expected: Expect) {
    match parse(content, Format::Yaml, document_type) {
        Ok(_) => expected.assert_eq("accepted"),
        Err(problems) => {
            let exception = problems.exception().as_str();
            expected.assert_eq(&format!("{exception}\n{problems}"));
        }
    }
}

fn check(content: &str, expected: Expect) {
    check_as(DocumentType::Automation, content, expected);
}

/// A runbook of these steps, with parameters `P` (String) and `L` (StringList) and a variable `V`.
fn steps(steps: &str, expected: Expect) {
    let mut content = String::from(
        "schemaVersion: '0.3'\nparameters:\n  P: {type: String, default: x}\n  L: {type: StringList}\n\
         variables:\n  V: {type: Integer, default: 0}\nmainSteps:\n",
    );
    content.push_str(steps);
    check(&content, expected);
}

#[test]
fn a_text_that_is_no_document() {
    check(
        "",
        expect![[r#"
            InvalidDocumentContent
            YAML not well-formed. at Line: 1, Column: 1 (there is no document)"#]],
    );
    check(
        "- a\n",
        expect![[r#"
        InvalidDocumentContent
        The document is not a map."#]],
    );
    check(
        "a: [1\n",
        expect![[r#"
            InvalidDocumentContent
            YAML not well-formed. at Line: 2, Column: 1 (while parsing a flow sequence, expected ',' or ']')"#]],
    );
    check(
        "schemaVersion: 0.3\nschemaVersion: 0.3\n",
        expect![[r#"
            InvalidDocumentContent
            YAML not well-formed. at Line: 2, Column: 16 (found duplicate key schemaVersion)"#]],
    );
    check(
        "description: x\n",
        expect![[r#"
        InvalidDocumentContent
        $: Required field schemaVersion is missing."#]],
    );
    check(
        "schemaVersion: '2.2'\nmainSteps: []\n",
        expect![[r#"
        InvalidDocumentSchemaVersion
        $.schemaVersion: Schema version 2.2 is not supported for document type Automation. Supported: 0.3."#]],
    );
    check_as(
        DocumentType::Command,
        "schemaVersion: '0.3'\nmainSteps: []\n",
        expect![[r#"
        InvalidDocumentSchemaVersion
        $.schemaVersion: Schema version 0.3 is not supported for document type Command. Supported: 1.2, 2.0, 2.2."#]],
    );
    check(
        &format!("a: {}\n", "x".repeat(65_536)),
        expect![[r#"
        MaxDocumentSizeExceeded
        The size limit of a document is 64 KB."#]],
    );
    let json = parse("{\"a\": 1, \"a\": 2}", Format::Json, DocumentType::Automation).unwrap_err();
    assert_eq!(json.exception(), Exception::InvalidDocumentContent);
    expect!["JSON not well-formed. at Line: 1, Column: 12 (Duplicate field 'a')"]
        .assert_eq(&json.message());
    let type_of_another_service = DocumentType::parse("Automation.ChangeTemplate").unwrap_err();
    expect!["Document type Automation.ChangeTemplate is not supported here."]
        .assert_eq(&type_of_another_service.message());
}

#[test]
fn the_parts_of_a_runbook() {
    check(
        "schemaVersion: 0.3\n",
        expect![[r#"
        InvalidDocumentContent
        $: Required field mainSteps is missing."#]],
    );
    check(
        "schemaVersion: 0.3\nauthor: me\nassumeRole: '{{ Role }}'\noutputs: [a.B, c, 5]\n\
         variables: {V: {type: Text}}\nmainSteps: {}\n",
        expect![[r#"
            InvalidDocumentContent
            $.author: Unrecognized field "author". Known are: schemaVersion, description, assumeRole, parameters, variables, mainSteps, outputs, files.
            $.variables.V.type: Parameter type "Text" is not supported.
            $.mainSteps: A list is expected, not a map.
            $.outputs[2]: A string is expected, not a number.
            $.assumeRole: Parameter "Role" is not declared.
            $.outputs[0]: Step "a" of a.B does not exist.
            $.outputs[1]: Parameter "c" is not declared."#]],
    );
    check(
        r#"
schemaVersion: 0.3
parameters:
  A: {type: Strin}
  B: {description: none}
  C: {type: Integer, default: many}
  D: {type: Boolean, default: yes}
  E: {type: StringList, default: one}
  F: {type: StringMap, default: [1]}
  G: {type: MapList, default: [1]}
  H: {type: String, allowedPattern: '(', minChars: 5, maxChars: 2, minItems: -1}
  I: {type: Integer, allowedValues: [1, x]}
  "J K": {type: String}
  L: String
  M: {type: 'List<AWS::EC2::Instance::Id>', default: [i-1]}
  N: {type: 'AWS::EC2'}
  O: {type: String, defualt: x}
  Q: {type: StringList, default: '{{ ssm:/list }}'}
  R: {type: String, default: 5}
mainSteps:
  - {name: a, action: aws:pause, inputs: {}}
"#,
        expect![[r#"
            InvalidDocumentContent
            $.parameters.A.type: Parameter type "Strin" is not supported.
            $.parameters.B: Required field type is missing.
            $.parameters.C.default: The default is not of type Integer but a string.
            $.parameters.E.default: The default is not of type StringList but a string.
            $.parameters.F.default: The default is not of type StringMap but a list.
            $.parameters.G.default: The default is not of type MapList but a list.
            $.parameters.H.minItems: A whole number from 0 is expected.
            $.parameters.H.allowedPattern: It is not a regular expression: Parsing error at position 1: Opening parenthesis without closing parenthesis.
            $.parameters.H: minChars is greater than maxChars.
            $.parameters.I.allowedValues[1]: The value is not of type Integer.
            $.parameters['J K']: Parameter name "J K" is not valid.
            $.parameters.L: A map is expected, not a string.
            $.parameters.N.type: Parameter type "AWS::EC2" is not supported.
            $.parameters.O.defualt: Unrecognized field "defualt". Known are: type, description, default, allowedValues, allowedPattern, displayType, minItems, maxItems, minChars, maxChars, interpolationType."#]],
    );
}

#[test]
fn the_members_of_a_step() {
    steps(
        "  - {}\n  - 5\n  - {name: a, action: aws:unheardOf, inputs: {}, nextStep: b}\n",
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0]: Required field name is missing.
            $.mainSteps[0]: Required field action is missing.
            $.mainSteps[1]: A map is expected, not a number.
            $.mainSteps[2].action: Action aws:unheardOf is not supported. Known are: aws:approve, aws:assertAwsResourceProperty, aws:branch, aws:changeInstanceState, aws:copyImage, aws:createImage, aws:createStack, aws:createTags, aws:deleteImage, aws:deleteStack, aws:executeAutomation, aws:executeAwsApi, aws:executeScript, aws:executeStateMachine, aws:invokeLambdaFunction, aws:invokeWebhook, aws:loop, aws:pause, aws:runCommand, aws:runInstances, aws:sleep, aws:updateVariable, aws:waitForAwsResourceProperty.
            $.mainSteps[2].nextStep: Step a refers to step b, which does not exist."#]],
    );
    steps(
        "  - name: a b\n    action: aws:pause\n    inputs: []\n    maxAttempts: 0\n    timeoutSeconds: soon\n\
        \x20   onFailure: Retry\n    onCancel: Continue\n    isEnd: maybe\n    isCritical: 1\n    nextstep: c\n",
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].nextstep: Unrecognized field "nextstep". Known are: name, action, description, maxAttempts, timeoutSeconds, onFailure, onCancel, isEnd, nextStep, isCritical, inputs, outputs.
            $.mainSteps[0].name: Step name "a b" is not valid: it has 1 to 128 letters, digits and _.
            $.mainSteps[0].inputs: A map is expected, not a list.
            $.mainSteps[0].maxAttempts: The value must be 1 or more.
            $.mainSteps[0].timeoutSeconds: A number is expected.
            $.mainSteps[0].onFailure: onFailure is Abort, Continue or step:NAME, not "Retry".
            $.mainSteps[0].onCancel: onCancel is Abort or step:NAME, not "Continue".
            $.mainSteps[0].isEnd: A boolean is expected.
            $.mainSteps[0].isCritical: A boolean is expected."#]],
    );
    steps(
        "  - {name: a, action: aws:pause}\n",
        expect![[r#"
        InvalidDocumentContent
        $.mainSteps[0]: Required field inputs is missing."#]],
    );
    steps(
        "  - {name: a, action: aws:pause, inputs: {}, isEnd: true, nextStep: a}\n",
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].nextStep: A step with isEnd: true can't have a nextStep."#]],
    );
    steps(
        "  - {name: a, action: aws:pause, inputs: {}}\n  - {name: a, action: aws:pause, inputs: {}}\n",
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[1].name: Step name a is duplicated."#]],
    );
    steps(
        "  - {name: a, action: aws:pause, inputs: {}, nextStep: b, onFailure: 'step:c', onCancel: 'step:d'}\n",
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].nextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].onFailure: Step a refers to step c, which does not exist.
            $.mainSteps[0].onCancel: Step a refers to step d, which does not exist."#]],
    );
    steps(
        "  - {name: a, action: aws:pause, inputs: {}, timeoutSeconds: '{{ P }}', maxAttempts: '3', isEnd: 'true'}\n",
        expect!["accepted"],
    );
}

#[test]
fn outputs_of_a_step() {
    steps(
        r#"
  - name: a
    action: aws:executeScript
    timeoutSeconds: 601
    inputs: {Runtime: ruby, Script: x}
    outputs:
      - {Name: x, Selector: $.Payload.x}
      - {Name: x, Selector: Payload.x, Type: Text}
      - {Name: Payload, Selector: $.Payload}
      - {Name: y}
      - 5
"#,
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].inputs.Runtime: Runtime "ruby" is not supported.
            $.mainSteps[0].timeoutSeconds: The value must be 1 to 600.
            $.mainSteps[0].outputs[1].Type: Output type "Text" is not supported.
            $.mainSteps[0].outputs[1].Selector: "Payload.x" is not a JSONPath: it begins with $.
            $.mainSteps[0].outputs[1].Name: Output name x is duplicated in step a.
            $.mainSteps[0].outputs[2].Name: In step a, name: Payload is conflicting with one of the following reserved output names: [Payload]
            $.mainSteps[0].outputs[3]: Required field Selector is missing.
            $.mainSteps[0].outputs[4]: A map is expected, not a number."#]],
    );
}

#[test]
fn inputs_are_those_of_the_action() {
    for action in [
        "aws:approve",
        "aws:assertAwsResourceProperty",
        "aws:branch",
        "aws:changeInstanceState",
        "aws:copyImage",
        "aws:createImage",
        "aws:createStack",
        "aws:createTags",
        "aws:deleteImage",
        "aws:deleteStack",
        "aws:executeAutomation",
        "aws:executeAwsApi",
        "aws:executeScript",
        "aws:executeStateMachine",
        "aws:invokeLambdaFunction",
        "aws:invokeWebhook",
        "aws:loop",
        "aws:runCommand",
        "aws:runInstances",
        "aws:sleep",
        "aws:updateVariable",
        "aws:waitForAwsResourceProperty",
    ] {
        let content = format!(
            "schemaVersion: 0.3\nmainSteps: [{{name: a, action: '{action}', inputs: {{}}}}]"
        );
        let problems = parse(&content, Format::Yaml, DocumentType::Automation).expect_err(action);
        assert!(problems.message().contains("Required input"), "{action}: {problems}");
    }
    steps(
        r#"
  - {name: a, action: 'aws:approve', inputs: {Approvers: [], Massage: x}}
  - {name: b, action: 'aws:changeInstanceState', inputs: {InstanceIds: [i-1], DesiredState: asleep}}
  - {name: c, action: 'aws:createStack', inputs: {StackName: s, TemplateBody: x, TemplateURL: y}}
  - {name: d, action: 'aws:executeScript', inputs: {Runtime: python3.11, Script: x}}
  - {name: e, action: 'aws:invokeLambdaFunction', inputs: {FunctionName: f, InvocationType: Later}}
  - {name: f, action: 'aws:sleep', inputs: {Duration: 10m}}
  - {name: g, action: 'aws:sleep', inputs: {Duration: P8D}}
  - {name: h, action: 'aws:createTags', inputs: {ResourceIds: [x], Tags: [], ResourceType: S3}}
  - {name: i, action: 'aws:updateVariable', inputs: {Name: 'variable:W', Value: 1}}
  - {name: j, action: 'aws:changeInstanceState', inputs: {InstanceIds: '{{ L }}', DesiredState: '{{ P }}'}}
"#,
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].inputs.Massage: Input Massage is not supported for action aws:approve.
            $.mainSteps[0].inputs.Approvers: 1 to 10 approvers are expected.
            $.mainSteps[1].inputs.DesiredState: DesiredState is one of running, stopped, terminated, not "asleep".
            $.mainSteps[2].inputs: TemplateBody and TemplateURL can't be given both.
            $.mainSteps[3].inputs: Required input Handler is missing for runtime python3.11.
            $.mainSteps[4].inputs.InvocationType: InvocationType is one of RequestResponse, Event, DryRun, not "Later".
            $.mainSteps[5].inputs.Duration: "10m" is not an ISO-8601 duration.
            $.mainSteps[6].inputs.Duration: The duration is longer than 604799 seconds.
            $.mainSteps[7].inputs.ResourceType: ResourceType is one of EC2, ManagedInstance, MaintenanceWindow, Parameter, not "S3".
            $.mainSteps[8].inputs.Name: Variable "variable:W" is not declared."#]],
    );
}

#[test]
fn choices_and_conditions() {
    steps(
        r#"
  - name: a
    action: aws:branch
    inputs:
      Choices:
        - {NextStep: b, Variable: '{{ P }}', StringEqual: x}
        - {NextStep: b, Variable: '{{ P }}'}
        - {NextStep: b, Variable: '{{ P }}', StringEquals: x, Contains: y}
        - {NextStep: b, StringEquals: x}
        - {Variable: '{{ P }}', StringEquals: x}
        - {NextStep: b, Or: [{Variable: '{{ P }}', StringEquals: x}]}
        - {NextStep: b, And: [{Variable: '{{ P }}', NumericEquals: few}, {Variable: x, BooleanEquals: 1}]}
        - {NextStep: b, Not: {Variable: '{{ P }}', StringEquals: x}, Variable: y}
        - {NextStep: b, Or: {Variable: '{{ P }}', StringEquals: x}}
        - {NextStep: '{{ P }}', Not: [{Variable: '{{ P }}', StringEquals: x}]}
        - 5
      Default: c
"#,
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].inputs.Choices[0].StringEqual: Operator: StringEqual is not supported in step: a.
            $.mainSteps[0].inputs.Choices[0]: An operator is expected in step: a.
            $.mainSteps[0].inputs.Choices[1]: An operator is expected in step: a.
            $.mainSteps[0].inputs.Choices[2]: Only one operator is expected in step: a.
            $.mainSteps[0].inputs.Choices[3]: Required field Variable is missing.
            $.mainSteps[0].inputs.Choices[4]: Required field NextStep is missing.
            $.mainSteps[0].inputs.Choices[5].Or: Expect at lease two expressions for operator: Or in step: a. Provided: 1
            $.mainSteps[0].inputs.Choices[6].And[0].NumericEquals: "few" can't be compared with this operator.
            $.mainSteps[0].inputs.Choices[6].And[1].BooleanEquals: "1" can't be compared with this operator.
            $.mainSteps[0].inputs.Choices[7].Variable: Unrecognized field "Variable". Known are: Not, NextStep.
            $.mainSteps[0].inputs.Choices[8].Or: A list is expected, not a map.
            $.mainSteps[0].inputs.Choices[10]: A map is expected, not a number.
            $.mainSteps[0].inputs.Choices[0].NextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].inputs.Choices[1].NextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].inputs.Choices[2].NextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].inputs.Choices[3].NextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].inputs.Choices[5].NextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].inputs.Choices[6].NextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].inputs.Choices[7].NextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].inputs.Choices[8].NextStep: Step a refers to step b, which does not exist.
            $.mainSteps[0].inputs.Default: Step a refers to step c, which does not exist."#]],
    );
}

#[test]
fn loops() {
    steps(
        r#"
  - name: a
    action: aws:loop
    inputs:
      Iterators: [1, x]
      IteratorDataType: Integer
      Steps:
        - {name: b, action: 'aws:pause', inputs: {}, nextStep: z}
        - name: c
          action: aws:loop
          inputs: {Iterators: [1], Steps: [{name: d, action: 'aws:pause', inputs: {}}]}
        - {name: z, action: 'aws:pause', inputs: {}}
  - {name: z, action: 'aws:pause', inputs: {}, nextStep: b}
  - {name: e, action: 'aws:loop', inputs: {Steps: [], Iterators: [1], LoopCondition: {}}}
  - name: f
    action: aws:loop
    inputs:
      LoopCondition: {Variable: '{{ g.Output }}', StringEquals: x}
      MaxIterations: 101
      Steps: [{name: g, action: 'aws:executeAwsApi', inputs: {Service: s, Api: a, X: '{{ f.CurrentIteration }}'},
               outputs: [{Name: Output, Selector: $.X}]}]
  - {name: h, action: 'aws:sleep', inputs: {Duration: '{{ g.Output }}'}}
  - {name: i, action: 'aws:sleep', inputs: {Duration: '{{ f.g.Output }}'}}
  - {name: j, action: 'aws:sleep', inputs: {Duration: '{{ f.g.Other }}'}}
"#,
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].inputs.Steps[1].inputs: Step c: a loop can't stand inside a loop.
            $.mainSteps[0].inputs.Iterators[1]: It is not of type Integer.
            $.mainSteps[2].inputs.Steps: At least one step is expected.
            $.mainSteps[2].inputs: Step e wants either Iterators or LoopCondition.
            $.mainSteps[3].inputs.MaxIterations: The value must be 1 to 100.
            $.mainSteps[1].name: Step name z is duplicated.
            $.mainSteps[1].nextStep: Step z refers to step b, which does not exist.
            $.mainSteps[4].inputs.Duration: Step "g" of g.Output does not exist.
            $.mainSteps[6].inputs.Duration: Step "g" has no output "Other"."#]],
    );
}

#[test]
fn references() {
    steps(
        r#"
  - name: a
    action: aws:executeAwsApi
    inputs:
      Service: s
      Api: a
      Known: '{{ P }} {{L}} {{ variable:V }} {{ global:DATE }} {{ automation:EXECUTION_ID }}'
      Script: '{{.State}} {{ range .x }} {{resolve:ssm:x}}'
      Deep: [{x: '{{ Q }} and {{ Q }}'}]
      Stored: '{{ ssm:/x }}'
      Variable: '{{ variable:W }}'
      Global: '{{ global:TIME }}'
      Own: '{{ automation:NAME }}'
      Prefix: '{{ other:NAME }}'
      Step: '{{ b.Out }}'
      Output: '{{ a.Out }}'
      Payload: '{{ a.OutputPayload }}'
"#,
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].inputs.Deep[0].x: Parameter "Q" is not declared.
            $.mainSteps[0].inputs.Stored: {{ ssm:/x }} can only be the default of a parameter.
            $.mainSteps[0].inputs.Variable: Variable "W" is not declared.
            $.mainSteps[0].inputs.Global: {{ global:TIME }} is not a system variable.
            $.mainSteps[0].inputs.Own: {{ automation:NAME }} is not a system variable.
            $.mainSteps[0].inputs.Prefix: {{ other:NAME }} is not a system variable.
            $.mainSteps[0].inputs.Step: Step "b" of b.Out does not exist.
            $.mainSteps[0].inputs.Output: Step "a" has no output "Out"."#]],
    );
}

#[test]
fn commands() {
    let command = |content: &str, expected| check_as(DocumentType::Command, content, expected);
    command(
        "schemaVersion: '2.2'\n",
        expect![[r#"
        InvalidDocumentContent
        $: Required field mainSteps is missing."#]],
    );
    command(
        "schemaVersion: '1.2'\nruntimeConfig: {}\nmainSteps: []\n",
        expect![[r#"
        InvalidDocumentContent
        $.mainSteps: Unrecognized field "mainSteps". Known are: schemaVersion, description, parameters, files, runtimeConfig.
        $.runtimeConfig: At least one plugin is expected."#]],
    );
    command(
        r#"
schemaVersion: '2.2'
parameters:
  A: {type: StringList, interpolationType: ENV_VAR}
  B: {type: String, interpolationType: TEXT}
mainSteps:
  - {name: a, action: 'aws:runShellScript', inputs: {}}
  - {name: a, action: 'aws:runRuby', inputs: {}}
  - {name: b, action: 'aws:runShellScript', inputs: {runCommand: {}, onFailure: abort, onSuccess: successAndExit}}
  - {name: c, action: 'aws:runShellScript', inputs: [{runCommand: [x]}]}
  - name: d
    action: aws:runShellScript
    precondition: {StringEquals: [platformType], StringNotEquals: [a, b]}
    inputs: {runCommand: ['{{ C }} {{.x}} {{ ssm:y }} {{ B }}']}
  - {action: 'aws:runShellScript'}
"#,
        expect![[r#"
            InvalidDocumentContent
            $.mainSteps[0].inputs: Required input runCommand is missing for plugin aws:runShellScript.
            $.mainSteps[1].inputs: Plugin aws:runRuby is not supported.
            $.mainSteps[1].name: Step name a is duplicated.
            $.mainSteps[2].inputs.runCommand: A list of strings is expected.
            $.mainSteps[2].inputs.onFailure: "abort" is not supported for onFailure.
            $.mainSteps[2].inputs.onSuccess: "successAndExit" is not supported for onSuccess.
            $.mainSteps[3].inputs: A map is expected, not a list.
            $.mainSteps[3].inputs: Required input runCommand is missing for plugin aws:runShellScript.
            $.mainSteps[4].precondition.StringEquals: Two strings are expected.
            $.mainSteps[4].precondition.StringNotEquals: Precondition operator StringNotEquals is not supported.
            $.mainSteps[5]: Required field name is missing.
            $.parameters.A.interpolationType: ENV_VAR is for parameters of type String.
            $.parameters.B.interpolationType: interpolationType is ENV_VAR.
            $.mainSteps: Parameter "C" is not declared."#]],
    );
    command(
        "schemaVersion: '1.2'\nruntimeConfig:\n  aws:runShellScript:\n    properties: [{id: x}, 5]\n",
        expect![[r#"
            InvalidDocumentContent
            $.runtimeConfig['aws:runShellScript'].properties[0]: Required input runCommand is missing for plugin aws:runShellScript.
            $.runtimeConfig['aws:runShellScript'].properties[1]: A map is expected, not a number."#]],
    );
}

#[test]
fn other_types_are_kept() {
    for (word, format, content) in [
        ("Session", Format::Json, r#"{"schemaVersion": "1.0", "sessionType": "Standard_Stream"}"#),
        ("Policy", Format::Yaml, "schemaVersion: 2.0\n"),
        ("ChangeCalendar", Format::Text, "BEGIN:VCALENDAR\nEND:VCALENDAR\n"),
        ("ApplicationConfiguration", Format::Text, "anything: [at all"),
        ("Package", Format::Json, r#"{"schemaVersion": "2.0", "packages": {}}"#),
    ] {
        let kind = DocumentType::parse(word).expect("it is known");
        assert_eq!(kind.as_str(), word);
        assert!(parse(content, format, kind).is_ok(), "{word}");
    }
    check_as(
        DocumentType::CloudFormation,
        "Resources: {}\n",
        expect![[r#"
        InvalidDocumentContent
        [message: "object has missing required properties (["schemaVersion","templateBody"])" - parent node: /]"#]],
    );
    check_as(
        DocumentType::Session,
        "schemaVersion: '2.0'\n",
        expect![[r#"
        InvalidDocumentSchemaVersion
        $.schemaVersion: Schema version 2.0 is not supported for document type Session. Supported: 1.0."#]],
    );
}
