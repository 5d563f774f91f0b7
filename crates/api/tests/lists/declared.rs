//! ListPipelines, ListActionTypes, ListRuleTypes, ListTagsForResource of CodePipeline.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use trackway_engine::Clock;

use crate::house::House;
use crate::paging::{CODEPIPELINE, Client, List, OTHER, text};
use crate::tape::{Tape, random};
use crate::yard;

const NAMES: [&str; 12] =
    ["a", "A", "a-b", "a.b", "a_b", "ab", "b", "B@1", "pipeline", "pipeline-2", "z", "0"];

fn declaration(name: &str, mode: &str) -> Value {
    yard::pipeline(name, mode, &[("Build", vec![yard::action("Build", "A")])])
}

/// A pipeline as the list shows it.
fn summary(row: &Value) -> String {
    format!("{} {} {} {}", row["name"], row["version"], row["executionMode"], row["pipelineType"])
}

#[test]
fn pipelines_are_those_that_a_naive_model_lists() {
    random(12, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        yard::types(&client).await;
        let list = List {
            client: client.clone(),
            words: CODEPIPELINE,
            operation: "ListPipelines",
            member: "pipelines",
            default: 1000,
            id: summary,
            other: Value::Null,
        };
        let mut known: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for _ in 0..24 {
            change(&client, tape, &mut known).await;
            if tape.chance(25) {
                list.holds(&json!({}), tape.size(1, 1000), &shown(&known)).await;
            }
        }
        let expected = shown(&known);
        list.holds(&json!({}), tape.size(1, 1000), &expected).await;
        let happens = async || {
            let request = json!({ "pipeline": declaration("later", "QUEUED") });
            client.codepipeline("CreatePipeline", request).await;
        };
        list.holds_while(&json!({}), tape.size(1, 1000), &expected, happens).await;
        let (_, body) = client.ask(&CODEPIPELINE, OTHER, "ListPipelines", &json!({})).await;
        assert_eq!(body, json!({ "pipelines": [] }), "another account has its own");
    });
}

async fn change(
    client: &Client,
    tape: &mut Tape,
    known: &mut BTreeMap<&'static str, (usize, &'static str)>,
) {
    let (name, mode) = (tape.one(&NAMES), tape.one(&["SUPERSEDED", "QUEUED", "PARALLEL"]));
    if tape.chance(20) {
        client.codepipeline("DeletePipeline", json!({ "name": name })).await;
        known.remove(name);
        return;
    }
    let (operation, version) = match known.get(name) {
        Some((version, _)) => ("UpdatePipeline", version + 1),
        None => ("CreatePipeline", 1),
    };
    let request = json!({ "pipeline": declaration(name, mode) });
    let answer = client.codepipeline(operation, request).await;
    assert_eq!(answer["pipeline"]["version"], version);
    known.insert(name, (version, mode));
}

fn shown(known: &BTreeMap<&str, (usize, &str)>) -> Vec<String> {
    let line = |(name, (version, mode)): (&&str, &(usize, &str))| {
        summary(&json!({
            "name": name, "version": version, "executionMode": mode, "pipelineType": "V2",
        }))
    };
    known.iter().map(line).collect()
}

/// An action type as it sorts.
fn type_id(row: &Value) -> String {
    let id = &row["id"];
    ["owner", "category", "provider", "version"].map(|part| text(id, part)).join("\0")
}

#[test]
fn action_types_are_those_that_a_naive_model_lists() {
    random(8, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        let mut list = List {
            client: client.clone(),
            words: CODEPIPELINE,
            operation: "ListActionTypes",
            member: "actionTypes",
            default: 50,
            id: type_id,
            other: json!({ "actionOwnerFilter": "ThirdParty" }),
        };
        let builtin: BTreeSet<String> = list.all(&json!({})).await.iter().map(type_id).collect();
        assert!(builtin.len() > 20, "there are built-in types");
        let mut living = BTreeSet::new();
        for _ in 0..60 {
            let category = tape.one(&["Source", "Build", "Test", "Deploy", "Invoke"]);
            let id = (category, tape.one(&["Mine", "Yours"]), format!("{}", tape.below(9)));
            let mut request = json!({ "category": id.0, "provider": id.1, "version": id.2 });
            if tape.chance(15) {
                client.codepipeline("DeleteCustomActionType", request).await;
                living.remove(&id);
                continue;
            }
            if living.len() == 50 && !living.contains(&id) {
                continue;
            }
            request["inputArtifactDetails"] = json!({ "minimumCount": 0, "maximumCount": 1 });
            request["outputArtifactDetails"] = json!({ "minimumCount": 0, "maximumCount": 1 });
            // The same definition comes back, whatever happened to it.
            client.codepipeline("CreateCustomActionType", request).await;
            living.insert(id);
        }
        let own = living.iter().map(|(category, provider, version)| {
            ["Custom", category, provider, version].join("\0")
        });
        let all: BTreeSet<String> = builtin.into_iter().chain(own).collect();
        let of = |owner: &str| -> Vec<String> {
            let starts = format!("{owner}{}", if owner.is_empty() { "" } else { "\0" });
            all.iter().filter(|id| id.starts_with(&starts)).cloned().collect()
        };
        list.holds(&json!({}), None, &of("")).await;
        for owner in ["AWS", "Custom"] {
            list.holds(&json!({ "actionOwnerFilter": owner }), None, &of(owner)).await;
        }
        list.other = json!({ "actionOwnerFilter": "AWS" });
        let request = json!({ "actionOwnerFilter": "ThirdParty", "regionFilter": "us-east-1" });
        list.holds(&request, None, &of("ThirdParty")).await;
        let elsewhere = json!({ "actionOwnerFilter": "Custom", "regionFilter": "eu-west-1" });
        list.holds(&elsewhere, None, &[]).await;
    });
}

#[test]
fn rule_types_are_all_there() {
    random(1, async |_| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        for request in [json!({}), json!({ "ruleOwnerFilter": "AWS", "regionFilter": "eu-west-1" })]
        {
            let answer = client.codepipeline("ListRuleTypes", request).await;
            let providers: Vec<&str> = answer["ruleTypes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|rule| rule["id"]["provider"].as_str().unwrap())
                .collect();
            let all = [
                "CloudWatchAlarm",
                "CodeBuild",
                "Commands",
                "DeploymentWindow",
                "LambdaInvoke",
                "VariableCheck",
            ];
            assert_eq!(providers, all);
        }
    });
}

#[test]
fn tags_are_those_that_a_naive_model_lists() {
    random(8, async |tape| {
        let house = House::open(Clock::Manual, BTreeMap::new()).await;
        let client = Client(house.client.0.clone());
        yard::types(&client).await;
        let own = "arn:aws:codepipeline:us-east-1:000000000000:";
        let arns = [format!("{own}p"), format!("{own}actiontype:Custom/Build/Worker/1")];
        let list = List {
            client: client.clone(),
            words: CODEPIPELINE,
            operation: "ListTagsForResource",
            member: "tags",
            default: 50,
            id: |row| format!("{}={}", text(row, "key"), text(row, "value")),
            other: json!({ "resourceArn": arns[1] }),
        };
        let mut tags = BTreeMap::from([("first".to_owned(), String::new())]);
        let request = json!({
            "pipeline": declaration("p", "QUEUED"), "tags": [{ "key": "first", "value": "" }],
        });
        let made = client.codepipeline("CreatePipeline", request).await;
        assert_eq!(made["tags"], json!([{ "key": "first", "value": "" }]));
        for _ in 0..20 {
            let keys: Vec<String> = (0..1 + tape.below(3)).map(|_| key(tape)).collect();
            if tape.chance(30) {
                let request = json!({ "resourceArn": arns[0], "tagKeys": keys });
                client.codepipeline("UntagResource", request).await;
                tags.retain(|key, _| !keys.contains(key));
                continue;
            }
            let value = tape.one(&["", "x", "a value"]);
            let given: Value =
                keys.iter().map(|key| json!({ "key": key, "value": value })).collect();
            let request = json!({ "resourceArn": arns[0], "tags": given });
            client.codepipeline("TagResource", request).await;
            tags.extend(keys.into_iter().map(|key| (key, value.to_owned())));
        }
        let request = json!({ "resourceArn": arns[0] });
        let expected: Vec<String> =
            tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        for _ in 0..4 {
            list.holds(&request, tape.size(1, 100), &expected).await;
        }
    });
}

fn key(tape: &mut Tape) -> String {
    format!("{}{}", tape.one(&["k", "K", "key-"]), tape.below(12))
}
