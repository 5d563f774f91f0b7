//! Whether a structure is one that CodePipeline accepts. What the service model says of single
//! members has been checked before.
//!
//! Messages are AWS's own where they are known: from its documentation, from reports of users and
//! from measurements of others. Where they are not, the words are ours and follow its pattern; such
//! messages are marked with *ours*.

mod action;
mod artifact;
mod condition;
mod stage;
mod store;
mod trigger;
mod variable;

use super::{Action, ExecutionMode, PipelineType, Rule, Stage, Structure, secret};
use crate::request::TypeId;
use crate::types::{self, ActionType};

/// Why a structure is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Which error it is.
    pub kind: InvalidKind,
    /// AWS's words for it.
    pub message: String,
}

/// Which error of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidKind {
    /// `InvalidStructureException`.
    Structure,
    /// `InvalidStageDeclarationException`.
    Stage,
    /// `InvalidActionDeclarationException`.
    Action,
    /// `InvalidBlockerDeclarationException`.
    Blocker,
}

impl Invalid {
    pub(super) fn new(kind: InvalidKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    fn structure(message: impl Into<String>) -> Self {
        Self::new(InvalidKind::Structure, message)
    }

    fn stage(message: impl Into<String>) -> Self {
        Self::new(InvalidKind::Stage, message)
    }

    fn action(message: impl Into<String>) -> Self {
        Self::new(InvalidKind::Action, message)
    }
}

/// What a structure is held against.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The pipeline's region.
    pub region: &'a str,
    /// The action types that are there.
    pub types: &'a dyn Fn(&TypeId) -> Option<ActionType>,
}

/// Checks a structure and completes it: secrets are named, addresses of custom types noted, and a mask of one gives way to what
/// the version `before` has.
///
/// # Errors
/// Why it is refused.
pub fn check(
    structure: &mut Structure,
    before: Option<&Structure>,
    context: Context<'_>,
) -> Result<(), Invalid> {
    version_two(structure)?;
    stage::check(structure)?;
    for stage in &mut structure.stages {
        for action in &mut stage.actions {
            let kind = action::find(action, context)?;
            let properties = kind.action_configuration_properties.iter();
            let secret = properties.filter(|property| property.secret);
            action.secret = secret.map(|property| property.name.clone()).collect();
            // Those of AWS's own types stand in the tables.
            action.urls = kind.settings.filter(|_| types::find(&action.action_type_id).is_none());
            secret::unmask(action, &stage.name, before)?;
        }
    }
    for (_, action) in actions(structure) {
        action::check(action, structure, context)?;
    }
    artifact::check(structure)?;
    store::check(structure, context.region)?;
    condition::check(structure, context)?;
    variable::check(structure)?;
    trigger::check(structure)
}

/// What only a pipeline of type V2 may have.
fn version_two(structure: &Structure) -> Result<(), Invalid> {
    if structure.pipeline_type == PipelineType::V2 {
        return Ok(());
    }
    if structure.execution_mode != ExecutionMode::Superseded {
        let message = "QUEUED or PARALLEL mode can only be used with V2 pipelines";
        return Err(Invalid::structure(message));
    }
    if !structure.variables.is_empty() {
        return Err(Invalid::structure("Pipeline variable can only be used with V2 pipelines"));
    }
    if !structure.triggers.is_empty() {
        return Err(Invalid::structure("Triggers on tag can only be used with V2 pipelines"));
    }
    if structure.stages.iter().any(Stage::has_conditions) {
        let message = "Stage level conditions can only be used with V2 pipelines.";
        return Err(Invalid::stage(message));
    }
    Ok(())
}

/// Every action with its stage.
fn actions(structure: &Structure) -> impl Iterator<Item = (&Stage, &Action)> {
    structure
        .stages
        .iter()
        .flat_map(|stage| stage.actions.iter().map(move |action| (stage, action)))
}

/// Every rule.
fn rules(structure: &Structure) -> impl Iterator<Item = &Rule> {
    structure.stages.iter().flat_map(|stage| {
        let entry = stage.before_entry.iter().flat_map(|gate| &gate.conditions);
        let success = stage.on_success.iter().flat_map(|gate| &gate.conditions);
        let failure = stage.on_failure.iter().flat_map(|gate| &gate.conditions);
        entry.chain(success).chain(failure).flat_map(|condition| &condition.rules)
    })
}

impl Stage {
    /// Whether anything but its actions decides how it goes.
    pub(super) fn has_conditions(&self) -> bool {
        self.before_entry.is_some() || self.on_success.is_some() || self.on_failure.is_some()
    }
}

/// The first of these that has come before.
fn repeated<'a>(mut names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    names.find(|name| !seen.insert(*name))
}
