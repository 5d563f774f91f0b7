//! Random structures: a sound one is accepted, and each defect that is planted gives its error.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::sound::{action, with};
use super::{accepted, refused};

/// What a structure is made from: of each stage, of each action its run order and a number that the
/// rest is drawn from.
type Plan = Vec<Vec<(u32, u32)>>;

fn plans() -> impl Strategy<Value = Plan> {
    let action = (1_u32..4, any::<u32>());
    prop::collection::vec(prop::collection::vec(action, 1..5), 2..7)
}

/// A sound structure. Every action but a source may use what ran before it.
fn sound(plan: &Plan) -> Value {
    let mut stages = Vec::new();
    // Artifacts and namespaces that are there once the stages before have run.
    let (mut artifacts, mut namespaces) = (Vec::new(), Vec::new());
    for (place, stage) in plan.iter().enumerate() {
        let (mut actions, mut made) = (Vec::new(), Vec::new());
        for (number, (order, draw)) in stage.iter().enumerate() {
            let name = format!("a{place}-{number}");
            let mut one = if place == 0 { source(&name) } else { other(&name, *draw, &artifacts) };
            if place > 0
                && !namespaces.is_empty()
                && one["configuration"].get("CustomData").is_some()
            {
                let namespace: &String = &namespaces[*draw as usize % namespaces.len()];
                one["configuration"]["CustomData"] = json!(format!("#{{{namespace}.Key}}"));
            }
            one["runOrder"] = json!(order);
            if draw % 3 == 0 {
                one["namespace"] = json!(format!("ns-{name}"));
            }
            made.push(one.clone());
            actions.push(one);
        }
        for one in made {
            let outputs = one["outputArtifacts"].as_array().unwrap().iter();
            artifacts.extend(outputs.map(|artifact| artifact["name"].as_str().unwrap().to_owned()));
            namespaces.extend(one["namespace"].as_str().map(str::to_owned));
        }
        stages.push(json!({ "name": format!("s{place}"), "actions": actions }));
    }
    json!({
        "name": "random",
        "roleArn": "arn:aws:iam::000000000000:role/r",
        "pipelineType": "V2",
        "artifactStore": { "type": "S3", "location": "store" },
        "stages": stages,
    })
}

fn source(name: &str) -> Value {
    let source = action(name, "Source/AWS/S3", json!({ "S3Bucket": "b", "S3ObjectKey": "k" }));
    with(source, &[], &[&format!("out-{name}")])
}

fn other(name: &str, draw: u32, artifacts: &[String]) -> Value {
    let input = artifacts[draw as usize % artifacts.len()].as_str();
    match draw % 4 {
        0 => with(action(name, "Approval/AWS/Manual", json!({ "CustomData": "x" })), &[], &[]),
        1 => {
            let build = action(name, "Build/AWS/CodeBuild", json!({ "ProjectName": "p" }));
            with(build, &[input], &[&format!("out-{name}")])
        }
        2 => with(action(name, "Test/Custom/Mine", json!({ "Project": "p" })), &[input], &[]),
        _ => with(action(name, "Invoke/AWS/Lambda", json!({ "FunctionName": "f" })), &[input], &[]),
    }
}

/// A defect and what its message has to say.
fn planted(declaration: &mut Value, which: usize, at: usize) -> &'static str {
    let stages = declaration["stages"].as_array_mut().unwrap();
    let last = stages.len() - 1;
    let place = 1 + at % last;
    let stage = &mut stages[place];
    match which {
        0 => {
            stage["name"] = json!("s0");
            "Stage name 's0' is used more than once"
        }
        1 => {
            let copy = stage["actions"][0].clone();
            stage["actions"].as_array_mut().unwrap().push(copy);
            "is used more than once in stage"
        }
        2 => {
            stage["actions"][0]["configuration"]["Unheard"] = json!("x");
            "contains unknown configuration 'Unheard'"
        }
        3 => {
            stage["actions"].as_array_mut().unwrap().push(source("late"));
            "Source actions can only be included in the first stage of the pipeline"
        }
        4 => {
            stage["actions"][0]["actionTypeId"]["version"] = json!("9");
            "is not available in region 'US_EAST_1'"
        }
        5 => {
            let lambda =
                action("new", "Invoke/AWS/Lambda", json!({ "FunctionName": "#{no.where}" }));
            stage["actions"].as_array_mut().unwrap().push(lambda);
            "are referencing a namespace that does not exist."
        }
        6 => {
            let lambda = action("new", "Invoke/AWS/Lambda", json!({ "FunctionName": "f" }));
            let lambda = with(lambda, &["nothing"], &[]);
            stage["actions"].as_array_mut().unwrap().push(lambda);
            "is not declared as Output Artifact Bundle in any of the preceding actions"
        }
        7 => {
            let lambda = action("new", "Invoke/AWS/Lambda", json!({ "FunctionName": "f" }));
            let output = stages[0]["actions"][0]["outputArtifacts"][0]["name"].clone();
            let lambda = with(lambda, &[], &[output.as_str().unwrap()]);
            stages[place]["actions"].as_array_mut().unwrap().push(lambda);
            "Output Artifact Bundle name must be unique within the pipeline."
        }
        8 => {
            stages.truncate(1);
            "Pipeline has only 1 stage(s)."
        }
        9 => {
            stages.swap(0, place);
            "Pipeline should start with a stage that only contains source actions"
        }
        10 => {
            stage["onFailure"] =
                json!({ "result": "RETRY", "conditions": [{ "result": "ROLLBACK" }] });
            "cannot have a failure exit gate configured with both top level result and conditions"
        }
        _ => {
            stage["actions"] = json!([]);
            "There should be a minimum of 1 actions in a stage"
        }
    }
}

proptest! {
    #[test]
    fn a_sound_structure_is_accepted_and_stays_as_it_is(plan in plans()) {
        let declaration = sound(&plan);
        let structure = accepted(&declaration);
        prop_assert!(structure.is_ok(), "{structure:?} of {declaration}");
        // What is shown is accepted again, and comes out the same.
        let shown = serde_json::to_value(structure.unwrap().mask()).unwrap();
        let again = serde_json::to_value(accepted(&shown).unwrap().mask()).unwrap();
        prop_assert_eq!(again, shown);
    }

    #[test]
    fn each_defect_gives_its_error(plan in plans(), which in 0_usize..12, at in any::<usize>()) {
        let mut declaration = sound(&plan);
        let message = planted(&mut declaration, which, at);
        let (_, told) = refused(&declaration);
        prop_assert!(told.contains(message), "{told} instead of {message} for {declaration}");
    }
}
