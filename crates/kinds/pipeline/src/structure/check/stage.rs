//! Stages: how many, their names, and where sources stand.

use super::{Invalid, InvalidKind, Stage, Structure, actions, repeated};

const STAGES_MIN: usize = 2;
const STAGES_MAX: usize = 50;
const ACTIONS_OF_STAGE_MAX: usize = 50;
const ACTIONS_MAX: usize = 500;

pub(super) fn check(structure: &Structure) -> Result<(), Invalid> {
    let stages = &structure.stages;
    if stages.len() < STAGES_MIN {
        return Err(Invalid::structure(format!(
            "Pipeline has only {} stage(s). There should be a minimum of {STAGES_MIN} stages in a pipeline",
            stages.len()
        )));
    }
    if stages.len() > STAGES_MAX {
        return Err(Invalid::structure(format!(
            "Pipeline has too many stages. There can only be up to {STAGES_MAX} stages in a pipeline"
        )));
    }
    // The pattern of the three below is the one above; the words are ours.
    if actions(structure).count() > ACTIONS_MAX {
        return Err(Invalid::structure(format!(
            "Pipeline has too many actions. There can only be up to {ACTIONS_MAX} actions in a pipeline"
        )));
    }
    for stage in stages {
        one(stage)?;
    }
    if let Some(name) = repeated(stages.iter().map(|stage| stage.name.as_str())) {
        return Err(Invalid::stage(format!("Stage name '{name}' is used more than once")));
    }
    sources(structure)
}

fn one(stage: &Stage) -> Result<(), Invalid> {
    let name = &stage.name;
    if stage.actions.is_empty() {
        return Err(Invalid::stage(format!(
            "Stage '{name}' has only 0 action(s). There should be a minimum of 1 actions in a stage"
        )));
    }
    if stage.actions.len() > ACTIONS_OF_STAGE_MAX {
        return Err(Invalid::stage(format!(
            "Stage '{name}' has too many actions. There can only be up to {ACTIONS_OF_STAGE_MAX} actions in a stage"
        )));
    }
    if !stage.blockers.is_empty() {
        // Ours: AWS reserves them "for future use".
        let message = format!("Stage '{name}' has blockers, which are reserved for future use");
        return Err(Invalid::new(InvalidKind::Blocker, message));
    }
    if let Some(action) = repeated(stage.actions.iter().map(|action| action.name.as_str())) {
        // Ours, after what it says of stages.
        return Err(Invalid::action(format!(
            "Action name '{action}' is used more than once in stage '{name}'"
        )));
    }
    Ok(())
}

fn sources(structure: &Structure) -> Result<(), Invalid> {
    let is_source = |category: &str| category == "Source";
    let Some((first, rest)) = structure.stages.split_first() else { return Ok(()) };
    if !first.actions.iter().all(|action| is_source(&action.action_type_id.category)) {
        let message = "Pipeline should start with a stage that only contains source actions";
        return Err(Invalid::structure(message));
    }
    if actions(structure).all(|(_, action)| is_source(&action.action_type_id.category)) {
        let message = "Pipeline should contain at least 1 action whose category is not Source";
        return Err(Invalid::structure(message));
    }
    let mut others = rest.iter().flat_map(|stage| &stage.actions);
    if others.any(|action| is_source(&action.action_type_id.category)) {
        let message = "Source actions can only be included in the first stage of the pipeline";
        return Err(Invalid::structure(message));
    }
    Ok(())
}
