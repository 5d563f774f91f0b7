//! Structures that are accepted.

use serde_json::{Value, json};

use super::accepted;

/// An action.
pub(crate) fn action(name: &str, kind: &str, configuration: Value) -> Value {
    let parts: Vec<&str> = kind.split('/').collect();
    json!({
        "name": name,
        "actionTypeId": {
            "category": parts[0], "owner": parts[1], "provider": parts[2], "version": "1",
        },
        "configuration": configuration,
    })
}

/// The same with an input and an output artifact, where they are named.
pub(crate) fn with(mut action: Value, input: &[&str], output: &[&str]) -> Value {
    let named =
        |names: &[&str]| -> Value { names.iter().map(|name| json!({ "name": name })).collect() };
    action["inputArtifacts"] = named(input);
    action["outputArtifacts"] = named(output);
    action
}

/// A pipeline of type V1: a source, a build, a deployment.
pub(crate) fn plain() -> Value {
    let source = action("Get", "Source/AWS/S3", json!({ "S3Bucket": "b", "S3ObjectKey": "k" }));
    let build = action("Make", "Build/AWS/CodeBuild", json!({ "ProjectName": "p" }));
    let deploy = action("Put", "Deploy/AWS/S3", json!({ "BucketName": "b", "Extract": "true" }));
    json!({
        "name": "plain",
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "artifactStore": { "type": "S3", "location": "store" },
        "stages": [
            { "name": "Source", "actions": [with(source, &[], &["Code"])] },
            { "name": "Build", "actions": [with(build, &["Code"], &["Built"])] },
            { "name": "Deploy", "actions": [with(deploy, &["Built"], &[])] },
        ],
    })
}

/// A rule.
pub(crate) fn rule(name: &str, provider: &str, configuration: Value) -> Value {
    json!({
        "name": name,
        "ruleTypeId": { "category": "Rule", "provider": provider },
        "configuration": configuration,
    })
}

/// Conditions with one condition.
pub(crate) fn conditions(result: &str, rules: &[Value]) -> Value {
    json!({ "conditions": [{ "result": result, "rules": rules }] })
}

/// A pipeline of type V2 with nearly everything.
pub(crate) fn rich() -> Value {
    let mut git = action(
        "Get",
        "Source/AWS/CodeStarSourceConnection",
        json!({
            "ConnectionArn": "c", "FullRepositoryId": "o/r", "BranchName": "main",
        }),
    );
    git["namespace"] = json!("Git");
    let mut shell = action("Make", "Compute/AWS/Commands", json!({}));
    shell["commands"] = json!(["echo #{Git.CommitId} #{variables.Color}", "make"]);
    shell["outputVariables"] = json!(["VERSION"]);
    shell["environmentVariables"] =
        json!([{ "name": "ID", "value": "#{codepipeline.PipelineExecutionId}" }]);
    shell["namespace"] = json!("Made");
    let mut shell = with(shell, &["Code"], &["Built"]);
    shell["outputArtifacts"][0]["files"] = json!(["out/**"]);
    let mut own = action("Own", "Test/Custom/Mine", json!({ "Project": "p-1_x" }));
    own["runOrder"] = json!(2);
    let approval = action(
        "Ask",
        "Approval/AWS/Manual",
        json!({
            "NotificationArn": "arn:aws:sns:us-east-1:000000000000:topic",
            "CustomData": "Deploy #{Made.VERSION}?",
        }),
    );
    let mut approval = approval;
    approval["timeoutInMinutes"] = json!(30);
    let mut stack = action(
        "Stack",
        "Deploy/AWS/CloudFormation",
        json!({
            "ActionMode": "CREATE_UPDATE", "StackName": "s-#{Made.VERSION}",
        }),
    );
    stack["runOrder"] = json!(2);
    stack["region"] = json!("eu-west-1");
    let check = json!({ "Variable": "#{Git.BranchName}", "Operator": "EQ", "Value": "main" });
    let store = json!({ "type": "S3", "location": "store" });
    json!({
        "name": "rich",
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "artifactStores": { "us-east-1": store, "eu-west-1": store },
        "variables": [{ "name": "Color", "defaultValue": "red" }, { "name": "Size" }],
        "triggers": [{
            "providerType": "CodeStarSourceConnection",
            "gitConfiguration": {
                "sourceActionName": "Get",
                "push": [{ "tags": { "includes": ["v*"] } }, { "branches": { "includes": ["main"] } }],
            },
        }],
        "stages": [
            { "name": "Source", "actions": [with(git, &[], &["Code"])] },
            {
                "name": "Build",
                "actions": [shell, with(own, &["Code", "Built"], &[])],
                "beforeEntry": conditions("SKIP", &[rule("is-main", "VariableCheck", check)]),
                "onFailure": { "result": "RETRY", "retryConfiguration": { "retryMode": "ALL_ACTIONS" } },
            },
            {
                "name": "Deploy",
                "actions": [approval, with(stack, &["Built"], &[])],
                "beforeEntry": conditions("FAIL", &[
                    rule("open", "DeploymentWindow", json!({ "Cron": "* * 9-17 ? * MON-FRI *" })),
                ]),
                "onSuccess": conditions("ROLLBACK", &[
                    rule("calm", "CloudWatchAlarm", json!({ "AlarmName": "a" })),
                ]),
                "onFailure": conditions("ROLLBACK", &[
                    rule("ask", "LambdaInvoke", json!({ "FunctionName": "f" })),
                ]),
            },
        ],
    })
}

#[test]
fn what_breaks_no_rule_is_accepted() {
    assert!(accepted(&plain()).is_ok());
    let rich = accepted(&rich());
    assert!(rich.is_ok(), "{rich:?}");
}

#[test]
fn what_bends_a_rule_is_accepted() {
    let with = |pointer: &str, value: Value| {
        let mut declaration = rich();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        declaration.pointer_mut(parent).unwrap()[member] = value;
        declaration
    };
    for (what, declaration) in [
        ("two stages", {
            let mut declaration = plain();
            declaration["stages"].as_array_mut().unwrap().truncate(2);
            declaration
        }),
        (
            "an artifact of the same stage",
            with("/stages/1/actions/1/inputArtifacts", json!([{ "name": "Built" }])),
        ),
        ("an unused namespace", with("/stages/2/actions/0/namespace", json!("Nobody"))),
        (
            "a key that AWS does not list",
            with(
                "/stages/1/actions/1/actionTypeId",
                json!({
            "category": "Deploy", "owner": "AWS", "provider": "EKS", "version": "1" }),
            )
            .tap(|d| {
                d["stages"][1]["actions"][1]["configuration"] =
                    json!({ "ClusterName": "c", "New": "x" });
                d["stages"][1]["actions"][1]["inputArtifacts"] = json!([{ "name": "Code" }]);
            }),
        ),
        (
            "a topic in a variable",
            with("/stages/2/actions/0/configuration/NotificationArn", json!("#{variables.Color}")),
        ),
        (
            "what looks like a reference",
            with("/stages/1/actions/0/commands", json!(["echo '#{a b}' ${#x}"])),
        ),
        (
            "a rule after the stage",
            with(
                "/stages/1/onSuccess",
                conditions(
                    "FAIL",
                    &[rule(
                        "v",
                        "VariableCheck",
                        json!({
                "Variable": "#{Made.VERSION}", "Operator": "MATCHES", "Value": "1.*" }),
                    )],
                ),
            ),
        ),
    ] {
        let why = accepted(&declaration);
        assert!(why.is_ok(), "{what}: {why:?}");
    }
}

/// Changes a value in passing.
trait Tap: Sized {
    fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

impl Tap for Value {}
