//! Each message, from a structure that is valid but for one defect.

use serde_json::{Value, json};
use trackway_pipeline::structure::InvalidKind::{self, Action, Blocker, Stage, Structure};

use super::refused;
use super::sound::{action, plain, rich, with};

/// What spoils a declaration.
pub(crate) type Spoil = fn(&mut Value);

/// What a spoilt declaration is answered with.
pub(crate) type Answer = (InvalidKind, &'static str);

/// Each is answered as is told.
pub(crate) fn check(sound: fn() -> Value, defects: &[(Spoil, Answer)]) {
    for (spoil, (kind, message)) in defects {
        let mut declaration = sound();
        spoil(&mut declaration);
        assert_ne!(declaration, sound(), "nothing was spoilt: {message}");
        assert_eq!(refused(&declaration), (*kind, (*message).to_owned()));
    }
}

/// The first action of a stage.
pub(crate) fn first(declaration: &mut Value, stage: usize) -> &mut Value {
    &mut declaration["stages"][stage]["actions"][0]
}

fn stages(declaration: &mut Value) -> &mut Vec<Value> {
    declaration["stages"].as_array_mut().unwrap()
}

const WHAT_ONLY_V2_HAS: &[(Spoil, Answer)] = &[
    (
        |d| {
            d["pipelineType"] = json!("V1");
            d["executionMode"] = json!("PARALLEL");
        },
        (Structure, "QUEUED or PARALLEL mode can only be used with V2 pipelines"),
    ),
    (
        |d| {
            d["pipelineType"] = json!("V1");
            d["variables"] = json!([{ "name": "v" }]);
        },
        (Structure, "Pipeline variable can only be used with V2 pipelines"),
    ),
    (
        |d| {
            d["pipelineType"] = json!("V1");
            d["triggers"] = rich()["triggers"].clone();
        },
        (Structure, "Triggers on tag can only be used with V2 pipelines"),
    ),
    (
        |d| {
            d["pipelineType"] = json!("V1");
            d["stages"][1]["onFailure"] = json!({ "result": "FAIL" });
        },
        (Stage, "Stage level conditions can only be used with V2 pipelines."),
    ),
    (
        |d| {
            let mut shell = action("Make", "Compute/AWS/Commands", json!({}));
            shell["commands"] = json!(["true"]);
            *first(d, 1) = with(shell, &["Code"], &["Built"]);
        },
        (Action, "Commands Action can only be used with V2 pipelines."),
    ),
];

#[test]
fn what_only_v2_has() {
    check(plain, WHAT_ONLY_V2_HAS);
}

const STAGES_AND_THEIR_ACTIONS: &[(Spoil, Answer)] = &[
    (
        |d| stages(d).truncate(1),
        (
            Structure,
            "Pipeline has only 1 stage(s). There should be a minimum of 2 stages in a pipeline",
        ),
    ),
    (
        |d| stages(d).clear(),
        (
            Structure,
            "Pipeline has only 0 stage(s). There should be a minimum of 2 stages in a pipeline",
        ),
    ),
    (
        |d| {
            let last = stages(d).pop().unwrap();
            stages(d).resize(51, last);
        },
        (
            Structure,
            "Pipeline has too many stages. There can only be up to 50 stages in a pipeline",
        ),
    ),
    (
        |d| {
            let last = stages(d).pop().unwrap();
            let fifty = json!(vec![last["actions"][0].clone(); 50]);
            stages(d).resize(13, json!({ "name": "s", "actions": fifty }));
        },
        (
            Structure,
            "Pipeline has too many actions. There can only be up to 500 actions in a pipeline",
        ),
    ),
    (
        |d| d["stages"][1]["actions"] = json!([]),
        (
            Stage,
            "Stage 'Build' has only 0 action(s). There should be a minimum of 1 actions in a stage",
        ),
    ),
    (
        |d| {
            let one = first(d, 2).clone();
            d["stages"][2]["actions"] = json!(vec![one; 51]);
        },
        (
            Stage,
            "Stage 'Deploy' has too many actions. There can only be up to 50 actions in a stage",
        ),
    ),
    (
        |d| d["stages"][2]["name"] = json!("Build"),
        (Stage, "Stage name 'Build' is used more than once"),
    ),
    (
        |d| {
            let one = first(d, 2).clone();
            d["stages"][2]["actions"] = json!([one, one]);
        },
        (Action, "Action name 'Put' is used more than once in stage 'Deploy'"),
    ),
    (
        |d| d["stages"][1]["blockers"] = json!([{ "name": "b", "type": "Schedule" }]),
        (Blocker, "Stage 'Build' has blockers, which are reserved for future use"),
    ),
];

#[test]
fn stages_and_their_actions() {
    check(plain, STAGES_AND_THEIR_ACTIONS);
}

const WHERE_SOURCES_STAND: &[(Spoil, Answer)] = &[
    (
        |d| drop(stages(d).remove(0)),
        (Structure, "Pipeline should start with a stage that only contains source actions"),
    ),
    (
        |d| {
            let build = first(d, 1).clone();
            d["stages"][0]["actions"].as_array_mut().unwrap().push(build);
        },
        (Structure, "Pipeline should start with a stage that only contains source actions"),
    ),
    (
        |d| {
            let source = d["stages"][0].clone();
            d["stages"] = json!([source, source]);
            d["stages"][1]["name"] = json!("Again");
        },
        (Structure, "Pipeline should contain at least 1 action whose category is not Source"),
    ),
    (
        |d| {
            let source = with(first(d, 0).clone(), &[], &["More"]);
            d["stages"][1]["actions"].as_array_mut().unwrap().push(source);
        },
        (Structure, "Source actions can only be included in the first stage of the pipeline"),
    ),
];

#[test]
fn where_sources_stand() {
    check(plain, WHERE_SOURCES_STAND);
}

const TYPES_AND_CONFIGURATIONS: &[(Spoil, Answer)] = &[
    (
        |d| first(d, 1)["actionTypeId"]["provider"] = json!("Jenkins"),
        (
            Action,
            "ActionType (Category: 'Build', Provider: 'Jenkins', Owner: 'AWS', Version: '1') in action 'Make' is not available in region 'US_EAST_1'",
        ),
    ),
    (
        |d| first(d, 1)["actionTypeId"]["version"] = json!("2"),
        (
            Action,
            "ActionType (Category: 'Build', Provider: 'CodeBuild', Owner: 'AWS', Version: '2') in action 'Make' is not available in region 'US_EAST_1'",
        ),
    ),
    (
        |d| first(d, 1)["configuration"] = json!({}),
        (
            Action,
            "Action configuration for action 'Make' is missing required configuration 'ProjectName'",
        ),
    ),
    (
        |d| first(d, 1)["configuration"]["Foo"] = json!("x"),
        (Action, "Action configuration for action 'Make' contains unknown configuration 'Foo'"),
    ),
    (
        |d| first(d, 1)["inputArtifacts"] = json!([]),
        (Action, "Action Make declares 0 input artifacts which is less than the minimum count (1)"),
    ),
    (
        |d| first(d, 2)["outputArtifacts"] = json!([{ "name": "More" }]),
        (Action, "Action Put declares 1 output artifacts which is more than the maximum count (0)"),
    ),
    (
        |d| first(d, 0)["outputArtifacts"] = json!([]),
        (Action, "Action Get declares 0 output artifacts which is less than the minimum count (1)"),
    ),
    (
        |d| first(d, 1)["timeoutInMinutes"] = json!(5),
        (
            Action,
            "Action Make has a timeoutInMinutes field, which only manual approval actions can have",
        ),
    ),
    (
        |d| first(d, 1)["commands"] = json!(["true"]),
        (Action, "Action Make has a commands field, which only Commands actions can have"),
    ),
    (
        |d| first(d, 1)["outputVariables"] = json!(["A"]),
        (Action, "Action Make has a outputVariables field, which only Commands actions can have"),
    ),
    (
        |d| first(d, 1)["environmentVariables"] = json!([{ "name": "A", "value": "b" }]),
        (
            Action,
            "Action Make has a environmentVariables field, which only Commands actions can have",
        ),
    ),
    (
        |d| first(d, 1)["outputArtifacts"][0]["files"] = json!(["a"]),
        (
            Action,
            "Action Make has a outputArtifacts.files field, which only Commands actions can have",
        ),
    ),
];

const TYPES_AND_CONFIGURATIONS_OF_V2: &[(Spoil, Answer)] = &[
    (
        |d| first(d, 1)["commands"] = json!([]),
        (Action, "Action Make must have a non-empty commands field"),
    ),
    (
        |d| first(d, 1)["commands"] = json!(["if true\nthen false"]),
        (Action, "Action Make has a command of more than one line"),
    ),
    (
        |d| d["stages"][1]["actions"][1]["configuration"]["Project"] = json!("two words"),
        (
            Action,
            "Action configuration for action 'Own' contains an invalid value 'two words' for a queryable property. It must have at most 20 characters and can contain only alphanumeric characters, underscores and hyphens.",
        ),
    ),
    (
        |d| d["stages"][1]["actions"][1]["actionTypeId"]["version"] = json!("2"),
        (
            Action,
            "ActionType (Category: 'Test', Provider: 'Mine', Owner: 'Custom', Version: '2') in action 'Own' is not available in region 'US_EAST_1'",
        ),
    ),
];

#[test]
fn types_and_configurations() {
    check(plain, TYPES_AND_CONFIGURATIONS);
    check(rich, TYPES_AND_CONFIGURATIONS_OF_V2);
}

const TOPICS_OF_APPROVALS: &[(Spoil, Answer)] = &[
    (
        |d| first(d, 2)["configuration"]["NotificationArn"] = json!("topic"),
        (
            Action,
            "The ARN topic you specified for sending notifications for the approval action Ask contains a format error.",
        ),
    ),
    (
        |d| first(d, 2)["configuration"]["NotificationArn"] = json!("arn:aws:sqs:us-east-1:1:q"),
        (
            Action,
            "The ARN arn:aws:sqs:us-east-1:1:q has been specified for sending notifications for the approval action Ask, but the AWS service for this ARN cannot be used to send approval requests.",
        ),
    ),
    (
        |d| first(d, 2)["configuration"]["NotificationArn"] = json!("arn:aws:sns:eu-west-1:1:t"),
        (
            Action,
            "The ARN arn:aws:sns:eu-west-1:1:t has been specified for sending notifications for the approval action Ask, but the ARN is not in the same region as the pipeline.",
        ),
    ),
];

#[test]
fn topics_of_approvals() {
    check(rich, TOPICS_OF_APPROVALS);
}

const ARTIFACTS: &[(Spoil, Answer)] = &[
    (
        |d| first(d, 1)["outputArtifacts"] = json!([{ "name": "Code" }]),
        (
            Action,
            "Output Artifact Bundle name must be unique within the pipeline. Code has been used more than once.",
        ),
    ),
    (
        |d| first(d, 2)["inputArtifacts"] = json!([{ "name": "Nothing" }]),
        (
            Action,
            "Input Artifact Bundle Nothing in action Put is not declared as Output Artifact Bundle in any of the preceding actions",
        ),
    ),
    (
        |d| first(d, 1)["inputArtifacts"] = json!([{ "name": "Built" }]),
        (
            Action,
            "Input Artifact Bundle Built in action Make is not declared as Output Artifact Bundle in any of the preceding actions",
        ),
    ),
    (
        |d| stages(d).swap(1, 2),
        (
            Action,
            "Input Artifact Bundle Built in action Put is not declared as Output Artifact Bundle in any of the preceding actions",
        ),
    ),
];

const ARTIFACTS_OF_V2: &[(Spoil, Answer)] = &[(
    |d| d["stages"][1]["actions"][1]["runOrder"] = json!(1),
    (
        Action,
        "Input Artifact Bundle Built in action Own is not declared as Output Artifact Bundle in any of the preceding actions",
    ),
)];

#[test]
fn artifacts() {
    check(plain, ARTIFACTS);
    check(rich, ARTIFACTS_OF_V2);
}

const EITHER: &str = "You must include either artifactStore or artifactStores in your pipeline, but you cannot use both.";

const STORES_AND_REGIONS: &[(Spoil, Answer)] = &[
    (|d| drop(d.as_object_mut().unwrap().remove("artifactStore")), (Structure, EITHER)),
    (|d| d["artifactStores"] = json!({ "us-east-1": d["artifactStore"] }), (Structure, EITHER)),
    (
        |d| first(d, 2)["region"] = json!("eu-west-1"),
        (
            Structure,
            "Your pipeline contains actions in more than one region. Use 'pipeline.artifactStores' instead of 'pipeline.artifactStore' to declare an artifact store, such as an artifact bucket, for each region where you have an action.",
        ),
    ),
    (
        |d| first(d, 0)["region"] = json!("eu-west-1"),
        (
            Action,
            "Action Get cannot be in region 'eu-west-1'. Source, third-party and custom actions cannot be cross-region actions",
        ),
    ),
];

const STORES_AND_REGIONS_OF_V2: &[(Spoil, Answer)] = &[
    (
        |d| drop(d["artifactStores"].as_object_mut().unwrap().remove("eu-west-1")),
        (
            Structure,
            "Your pipeline must have an artifact store, such as an artifact bucket, for each region where you have an action. The following region is missing in 'pipeline.artifactStores': eu-west-1.",
        ),
    ),
    (
        |d| drop(d["artifactStores"].as_object_mut().unwrap().remove("us-east-1")),
        (
            Structure,
            "Your pipeline must have an artifact store, such as an artifact bucket, for each region where you have an action. The following region is missing in 'pipeline.artifactStores': us-east-1.",
        ),
    ),
    (
        |d| d["artifactStores"] = json!({}),
        (
            Structure,
            "Your pipeline must have an artifact store, such as an artifact bucket, for each region where you have an action. The following regions are missing in 'pipeline.artifactStores': eu-west-1, us-east-1.",
        ),
    ),
    (
        |d| {
            d["stages"][1]["beforeEntry"]["conditions"][0]["rules"][0]["region"] =
                json!("eu-north-1")
        },
        (
            Structure,
            "Your pipeline must have an artifact store, such as an artifact bucket, for each region where you have an action. The following region is missing in 'pipeline.artifactStores': eu-north-1.",
        ),
    ),
];

#[test]
fn stores_and_regions() {
    check(plain, STORES_AND_REGIONS);
    check(rich, STORES_AND_REGIONS_OF_V2);
}
