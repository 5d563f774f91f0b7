//! Artifacts: made once, and before they are needed.

use std::collections::BTreeMap;

use super::{Action, Invalid, Structure, actions, repeated};

/// When something is there: the place of a stage, and a run order in it.
pub(super) type Moment = (usize, u32);

/// The moment in which an action runs.
pub(super) fn runs(stage: usize, action: &Action) -> Moment {
    (stage, action.run_order)
}

pub(super) fn check(structure: &Structure) -> Result<(), Invalid> {
    let outputs = actions(structure).flat_map(|(_, action)| &action.output_artifacts);
    if let Some(name) = repeated(outputs.map(|artifact| artifact.name.as_str())) {
        return Err(Invalid::action(format!(
            "Output Artifact Bundle name must be unique within the pipeline. {name} has been used more than once."
        )));
    }
    let made = made(structure);
    for (place, stage) in structure.stages.iter().enumerate() {
        for action in &stage.actions {
            let names = action.input_artifacts.iter().map(|artifact| artifact.name.as_str());
            are_made(&made, names, &action.name, runs(place, action))?;
        }
    }
    Ok(())
}

/// When each artifact is made.
pub(super) fn made(structure: &Structure) -> BTreeMap<&str, Moment> {
    let stages = structure.stages.iter().enumerate();
    stages
        .flat_map(|(place, stage)| stage.actions.iter().map(move |action| (place, action)))
        .flat_map(|(place, action)| {
            let outputs = action.output_artifacts.iter();
            outputs.map(move |artifact| (artifact.name.as_str(), runs(place, action)))
        })
        .collect()
}

/// Whether all these are made before this moment.
pub(super) fn are_made<'a>(
    made: &BTreeMap<&str, Moment>,
    mut names: impl Iterator<Item = &'a str>,
    needed_by: &str,
    before: Moment,
) -> Result<(), Invalid> {
    match names.find(|name| made.get(name).is_none_or(|moment| *moment >= before)) {
        None => Ok(()),
        Some(name) => Err(Invalid::action(format!(
            "Input Artifact Bundle {name} in action {needed_by} is not declared as Output Artifact Bundle in any of the preceding actions"
        ))),
    }
}
