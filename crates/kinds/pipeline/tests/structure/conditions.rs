//! The messages about variables, triggers and conditions: what a pipeline of type V2 has.

use serde_json::{Value, json};
use trackway_pipeline::structure::InvalidKind::{Action, Stage, Structure};

use super::defects::{Answer, Spoil, check, first};
use super::sound::{conditions, plain, rich, rule};

const GONE: &str = "Valid format for a pipeline execution variable reference is a namespace and a key separated by a period (.). The following pipeline execution variables are referencing a namespace that does not exist.\nStageName=[Build], ActionName=[Make], ActionConfigurationKey=[commands], VariableReferenceText=[Nobody.Key]";

const VARIABLES_AND_NAMESPACES_OF_V2: &[(Spoil, Answer)] = &[
    (
        |d| d["variables"][1]["name"] = json!("Color"),
        (
            Structure,
            "Variable names must be unique. The following variable name is already in use: Color",
        ),
    ),
    (
        |d| first(d, 1)["namespace"] = json!("Git"),
        (
            Action,
            "Namespaces must be unique across the pipeline definition. The following occur more than once in the pipeline. StageName=[Build], ActionName=[Make], Namespace=[Git]",
        ),
    ),
    (
        |d| first(d, 2)["namespace"] = json!("variables"),
        (
            Action,
            "Namespaces must not be reserved names. The following are reserved. StageName=[Deploy], ActionName=[Ask], Namespace=[variables]",
        ),
    ),
    (
        |d| first(d, 2)["namespace"] = json!("codepipeline"),
        (
            Action,
            "Namespaces must not be reserved names. The following are reserved. StageName=[Deploy], ActionName=[Ask], Namespace=[codepipeline]",
        ),
    ),
    (
        |d| first(d, 2)["namespace"] = json!("Built"),
        (
            Action,
            "Namespaces must not be names of artifacts. The following are names of artifacts in the pipeline. StageName=[Deploy], ActionName=[Ask], Namespace=[Built]",
        ),
    ),
    (|d| first(d, 1)["commands"] = json!(["echo #{Nobody.Key}"]), (Action, GONE)),
    (
        |d| first(d, 1)["commands"] = json!(["echo #{CommitId}"]),
        (
            Action,
            "Valid format for a pipeline execution variable reference is a namespace and a key separated by a period (.). The following pipeline execution variables do not have this format.\nStageName=[Build], ActionName=[Make], ActionConfigurationKey=[commands], VariableReferenceText=[CommitId]",
        ),
    ),
    (
        |d| first(d, 1)["environmentVariables"][0]["value"] = json!("#{Made.VERSION}"),
        (
            Action,
            "Valid format for a pipeline execution variable reference is a namespace and a key separated by a period (.). The following pipeline execution variables are referencing a namespace of an action that does not precede them.\nStageName=[Build], ActionName=[Make], ActionConfigurationKey=[environmentVariables], VariableReferenceText=[Made.VERSION]",
        ),
    ),
    (
        |d| first(d, 0)["configuration"]["BranchName"] = json!("#{variables.Color}"),
        (
            Structure,
            "Variables at the pipeline level cannot be used in source actions.\nStageName=[Source], ActionName=[Get], ActionConfigurationKey=[BranchName], VariableReferenceText=[variables.Color]",
        ),
    ),
    (
        |d| first(d, 2)["configuration"]["CustomData"] = json!("#{variables.Colour}"),
        (
            Structure,
            "The referenced variables haven't been declared.\nStageName=[Deploy], ActionName=[Ask], ActionConfigurationKey=[CustomData], VariableReferenceText=[variables.Colour]",
        ),
    ),
    (
        |d| {
            d["stages"][1]["beforeEntry"]["conditions"][0]["rules"][0]["configuration"]["Variable"] =
                json!("#{Made.VERSION}")
        },
        (
            Action,
            "Valid format for a pipeline execution variable reference is a namespace and a key separated by a period (.). The following pipeline execution variables are referencing a namespace of an action that does not precede them.\nStageName=[Build], ActionName=[is-main], ActionConfigurationKey=[Variable], VariableReferenceText=[Made.VERSION]",
        ),
    ),
];

const VARIABLES_AND_NAMESPACES: &[(Spoil, Answer)] = &[(
    |d| first(d, 2)["configuration"]["ObjectKey"] = json!("#{variables.Color}"),
    (
        Action,
        "Valid format for a pipeline execution variable reference is a namespace and a key separated by a period (.). The following pipeline execution variables are referencing a namespace that does not exist.\nStageName=[Deploy], ActionName=[Put], ActionConfigurationKey=[ObjectKey], VariableReferenceText=[variables.Color]",
    ),
)];

#[test]
fn variables_and_namespaces() {
    check(rich, VARIABLES_AND_NAMESPACES_OF_V2);
    check(plain, VARIABLES_AND_NAMESPACES);
}

const TRIGGERS: &[(Spoil, Answer)] = &[
    (
        |d| d["triggers"][0]["gitConfiguration"]["sourceActionName"] = json!("Nobody"),
        (Structure, "Triggers for connections must reference a CodeStarSourceConnection action."),
    ),
    (
        |d| d["triggers"][0]["gitConfiguration"]["sourceActionName"] = json!("Make"),
        (Structure, "Triggers for connections must reference a CodeStarSourceConnection action."),
    ),
    (
        |d| d["triggers"] = json!([d["triggers"][0], d["triggers"][0]]),
        (
            Structure,
            "Only one trigger configuration can be specified per source action. The following source action has more than one: Get",
        ),
    ),
    (
        |d| {
            d["triggers"][0]["gitConfiguration"]["push"][0]["branches"] =
                json!({ "includes": ["a"] })
        },
        (
            Structure,
            "A push filter cannot have both tags and branches or file paths. The following source action has such a filter: Get",
        ),
    ),
];

#[test]
fn triggers() {
    check(rich, TRIGGERS);
}

const CONDITIONS_AND_THEIR_RESULTS: &[(Spoil, Answer)] = &[
    (
        |d| d["stages"][2]["onFailure"]["result"] = json!("FAIL"),
        (
            Stage,
            "The following stage cannot have a failure exit gate configured with both top level result and conditions: 'Deploy'",
        ),
    ),
    (
        |d| d["stages"][2]["onFailure"] = json!({}),
        (
            Stage,
            "The following stage must have a failure exit gate configured with a result or conditions: 'Deploy'",
        ),
    ),
    (
        |d| d["stages"][1]["onFailure"]["result"] = json!("FAIL"),
        (
            Stage,
            "The following stage cannot have a retry configuration without the result RETRY: 'Build'",
        ),
    ),
    (
        |d| {
            d["executionMode"] = json!("PARALLEL");
            d["stages"][2]["onFailure"] = json!({ "result": "ROLLBACK" });
        },
        (
            Stage,
            "Failure conditions with rollback result type cannot be added to a PARALLEL pipeline.",
        ),
    ),
    (
        |d| {
            d["executionMode"] = json!("PARALLEL");
            drop(d["stages"][2].as_object_mut().unwrap().remove("onFailure"));
        },
        (
            Stage,
            "Success conditions with rollback result type cannot be added to a PARALLEL pipeline.",
        ),
    ),
    (
        |d| d["stages"][0]["onFailure"] = json!({ "result": "ROLLBACK" }),
        (Stage, "Failure conditions with rollback result type cannot be added to a source stage."),
    ),
    (
        |d| d["stages"][1]["beforeEntry"]["conditions"][0]["result"] = json!("ROLLBACK"),
        (
            Stage,
            "The beforeEntry condition of stage 'Build' cannot have the result ROLLBACK, only: FAIL, SKIP",
        ),
    ),
    (
        |d| d["stages"][2]["onSuccess"]["conditions"][0]["result"] = json!("RETRY"),
        (
            Stage,
            "The onSuccess condition of stage 'Deploy' cannot have the result RETRY, only: FAIL, ROLLBACK",
        ),
    ),
    (
        |d| d["stages"][2]["onFailure"]["conditions"][0]["result"] = json!("RETRY"),
        (
            Stage,
            "The onFailure condition of stage 'Deploy' cannot have the result RETRY, only: ROLLBACK",
        ),
    ),
    (
        |d| {
            drop(
                d["stages"][2]["onSuccess"]["conditions"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("result"),
            )
        },
        (Stage, "The onSuccess condition of stage 'Deploy' must have a result"),
    ),
    (
        |d| {
            drop(
                d["stages"][2]["onSuccess"]["conditions"][0]
                    .as_object_mut()
                    .unwrap()
                    .remove("rules"),
            )
        },
        (Stage, "The onSuccess condition of stage 'Deploy' must have at least one rule"),
    ),
    (
        |d| {
            let one = rule("calm", "CloudWatchAlarm", json!({ "AlarmName": "a" }));
            d["stages"][2]["onSuccess"] = conditions("FAIL", &[one.clone(), one]);
        },
        (
            Stage,
            "The onSuccess condition of stage 'Deploy' uses the rule name 'calm' more than once",
        ),
    ),
    (
        |d| d["stages"][2]["beforeEntry"]["conditions"][0]["result"] = json!("SKIP"),
        (
            Stage,
            "The beforeEntry condition of stage 'Deploy' cannot have the result SKIP with a DeploymentWindow rule, only with LambdaInvoke and VariableCheck rules",
        ),
    ),
];

#[test]
fn conditions_and_their_results() {
    check(rich, CONDITIONS_AND_THEIR_RESULTS);
}

fn set(declaration: &mut Value, rule: Value) {
    declaration["stages"][2]["beforeEntry"] = conditions("FAIL", &[rule]);
}

const RULES: &[(Spoil, Answer)] = &[
    (
        |d| set(d, rule("r", "Weather", json!({}))),
        (
            Action,
            "RuleType (Category: 'Rule', Provider: 'Weather', Owner: 'AWS', Version: '1') in rule 'r' is not available in region 'US_EAST_1'",
        ),
    ),
    (
        |d| set(d, rule("r", "CloudWatchAlarm", json!({}))),
        (Action, "Rule configuration for rule 'r' is missing required configuration 'AlarmName'"),
    ),
    (
        |d| set(d, rule("r", "CloudWatchAlarm", json!({ "AlarmName": "a", "Foo": "b" }))),
        (Action, "Rule configuration for rule 'r' contains unknown configuration 'Foo'"),
    ),
    (
        |d| set(d, rule("r", "DeploymentWindow", json!({ "Cron": "0 9 * * 1" }))),
        (
            Action,
            "Rule configuration for rule 'r' contains an invalid value '0 9 * * 1' for 'Cron': a cron expression has six fields, or seven with the year; found 5",
        ),
    ),
    (
        |d| {
            set(
                d,
                rule(
                    "r",
                    "VariableCheck",
                    json!({ "Variable": "a", "Operator": "LIKE", "Value": "b" }),
                ),
            )
        },
        (
            Action,
            "Rule configuration for rule 'r' contains an invalid value 'LIKE' for 'Operator': it must be one of EQ, NE, CONTAINS, MATCHES",
        ),
    ),
    (
        |d| set(d, rule("r", "Commands", json!({}))),
        (Action, "Rule r must have a non-empty commands field"),
    ),
    (
        |d| {
            let mut one = rule("r", "LambdaInvoke", json!({ "FunctionName": "f" }));
            one["commands"] = json!(["true"]);
            set(d, one);
        },
        (Action, "Rule r has a commands field, which only Commands rules can have"),
    ),
    (
        |d| {
            let mut one = rule(
                "r",
                "VariableCheck",
                json!({ "Variable": "a", "Operator": "EQ", "Value": "b" }),
            );
            one["inputArtifacts"] = json!([{ "name": "Code" }]);
            set(d, one);
        },
        (Action, "Rule r declares 1 input artifacts which is not between 0 and 0"),
    ),
    (
        |d| {
            let mut one = rule("r", "LambdaInvoke", json!({ "FunctionName": "f" }));
            one["inputArtifacts"] = json!([{ "name": "Nothing" }]);
            set(d, one);
        },
        (
            Action,
            "Input Artifact Bundle Nothing in action r is not declared as Output Artifact Bundle in any of the preceding actions",
        ),
    ),
];

#[test]
fn rules() {
    check(rich, RULES);
}
