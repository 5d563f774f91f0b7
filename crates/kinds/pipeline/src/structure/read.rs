//! Reading a declaration as requests have it, with what the API fills in.

use serde_json::Value;

use super::{ExecutionMode, PipelineType, Structure};

/// Reads a `PipelineDeclaration` that satisfies the service model, and fills in what it leaves out.
///
/// A declaration without a type is V1, unless it has what only V2 has: "Including V2 parameters [..]
/// in the pipeline JSON when creating or updating a pipeline will result in the pipeline having the
/// V2 type". Source: `pipelineType` in the API reference.
///
/// # Errors
/// It does not satisfy the model.
pub fn read(declaration: Value) -> Result<Structure, serde_json::Error> {
    let has_type = declaration.get("pipelineType").is_some_and(|kind| !kind.is_null());
    let mut structure: Structure = serde_json::from_value(declaration)?;
    if !has_type && has_v2_parameters(&structure) {
        structure.pipeline_type = PipelineType::V2;
    }
    for stage in &mut structure.stages {
        for variable in stage.actions.iter_mut().flat_map(|one| &mut one.environment_variables) {
            or(&mut variable.kind, "PLAINTEXT");
        }
        let gates = stage.before_entry.iter_mut().chain(&mut stage.on_success);
        let conditions = gates.flat_map(|gate| &mut gate.conditions);
        let on_failure = stage.on_failure.iter_mut().flat_map(|gate| &mut gate.conditions);
        for rule in conditions.chain(on_failure).flat_map(|condition| &mut condition.rules) {
            or(&mut rule.rule_type_id.owner, "AWS");
            or(&mut rule.rule_type_id.version, "1");
        }
    }
    Ok(structure)
}

fn or(text: &mut String, default: &str) {
    if text.is_empty() {
        default.clone_into(text);
    }
}

fn has_v2_parameters(structure: &Structure) -> bool {
    structure.execution_mode != ExecutionMode::Superseded
        || !structure.variables.is_empty()
        || !structure.triggers.is_empty()
        || structure.stages.iter().any(super::Stage::has_conditions)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_is_filled_in() {
        let read = read(json!({
            "name": "p", "roleArn": "r", "stages": [{ "name": "s", "actions": [{ "name": "a",
                "actionTypeId": { "category": "c", "owner": "o", "provider": "p", "version": "v" },
                "environmentVariables": [{ "name": "n", "value": "v" }] }] }],
        }))
        .expect("it can be read");
        assert_eq!(
            serde_json::to_value(read).expect("it can be written"),
            json!({
                "name": "p", "roleArn": "r", "version": 0, "executionMode": "SUPERSEDED",
                "pipelineType": "V1", "stages": [{ "name": "s", "actions": [{ "name": "a",
                    "actionTypeId": { "category": "c", "owner": "o", "provider": "p", "version": "v" },
                    "runOrder": 1, "configuration": {}, "inputArtifacts": [], "outputArtifacts": [],
                    "environmentVariables": [{ "name": "n", "value": "v", "type": "PLAINTEXT" }] }] }],
            })
        );
    }

    #[test]
    fn what_only_v2_has_makes_it_v2_unless_it_says_v1() {
        for (member, value) in [
            ("executionMode", json!("QUEUED")),
            ("variables", json!([{ "name": "v" }])),
            (
                "triggers",
                json!([{ "providerType": "CodeStarSourceConnection",
                "gitConfiguration": { "sourceActionName": "a" } }]),
            ),
            ("stages", json!([{ "name": "s", "actions": [], "onFailure": { "result": "FAIL" } }])),
        ] {
            let mut declaration = json!({ "name": "p", "roleArn": "r", "stages": [] });
            declaration[member] = value;
            let kind = |declaration| read(declaration).expect("it can be read").pipeline_type;
            assert_eq!(kind(declaration.clone()), PipelineType::V2, "{member}");
            declaration["pipelineType"] = json!("V1");
            assert_eq!(kind(declaration), PipelineType::V1, "{member}");
        }
    }
}
