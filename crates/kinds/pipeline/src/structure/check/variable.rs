//! Variables of the pipeline, namespaces of actions, and references to both.

use std::collections::BTreeMap;

use serde_json::Value;

use super::artifact::{Moment, runs};
use super::{Action, Invalid, Structure, actions, repeated};
use crate::structure::reference::references;
use crate::structure::{Rule, Stage};

/// Namespaces that no action may have: implicit variables, and the pipeline's own.
const RESERVED: [&str; 2] = ["codepipeline", "variables"];
const FORMAT: &str = "Valid format for a pipeline execution variable reference is a namespace and a key separated by a period (.).";

pub(super) fn check(structure: &Structure) -> Result<(), Invalid> {
    if let Some(name) = repeated(structure.variables.iter().map(|one| one.name.as_str())) {
        return Err(Invalid::structure(format!(
            "Variable names must be unique. The following variable name is already in use: {name}"
        )));
    }
    namespaces(structure)?;
    let known = Known::of(structure);
    for (place, stage) in structure.stages.iter().enumerate() {
        for action in &stage.actions {
            let is_source = action.action_type_id.category == "Source";
            let who = Who { stage, name: &action.name, is_source, before: runs(place, action) };
            let configuration = action.configuration.iter();
            let texts =
                configuration.filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
            let commands = action.commands.iter().map(|line| ("commands", line.as_str()));
            let environment = action.environment_variables.iter();
            let environment = environment.map(|one| ("environmentVariables", one.value.as_str()));
            known.check(&who, texts.chain(commands).chain(environment))?;
        }
        let entry = stage.before_entry.iter().flat_map(|gate| &gate.conditions);
        let success = stage.on_success.iter().flat_map(|gate| &gate.conditions);
        let failure = stage.on_failure.iter().flat_map(|gate| &gate.conditions);
        let entry = entry.map(|one| (one, (place, 0)));
        let exit = success.chain(failure).map(|one| (one, (place + 1, 0)));
        for (condition, before) in entry.chain(exit) {
            for rule in &condition.rules {
                known.check_rule(stage, rule, before)?;
            }
        }
    }
    Ok(())
}

/// Where a namespace stands, as messages say it.
fn place(stage: &Stage, action: &Action, namespace: &str) -> String {
    format!("StageName=[{}], ActionName=[{}], Namespace=[{namespace}]", stage.name, action.name)
}

fn namespaces(structure: &Structure) -> Result<(), Invalid> {
    let artifacts: Vec<&str> = actions(structure)
        .flat_map(|(_, action)| &action.output_artifacts)
        .map(|artifact| artifact.name.as_str())
        .collect();
    let mut seen = Vec::new();
    for (stage, action) in actions(structure) {
        let Some(namespace) = action.namespace.as_deref() else { continue };
        let place = place(stage, action, namespace);
        if seen.contains(&namespace) {
            return Err(Invalid::action(format!(
                "Namespaces must be unique across the pipeline definition. The following occur more than once in the pipeline. {place}"
            )));
        }
        seen.push(namespace);
        // The words of the two below are ours.
        if RESERVED.contains(&namespace) {
            return Err(Invalid::action(format!(
                "Namespaces must not be reserved names. The following are reserved. {place}"
            )));
        }
        if artifacts.contains(&namespace) {
            return Err(Invalid::action(format!(
                "Namespaces must not be names of artifacts. The following are names of artifacts in the pipeline. {place}"
            )));
        }
    }
    Ok(())
}

/// What can be referred to.
struct Known<'a> {
    variables: Vec<&'a str>,
    namespaces: BTreeMap<&'a str, Moment>,
}

/// Who refers.
struct Who<'a> {
    stage: &'a Stage,
    name: &'a str,
    is_source: bool,
    before: Moment,
}

impl<'a> Known<'a> {
    fn of(structure: &'a Structure) -> Self {
        let mut namespaces = BTreeMap::new();
        for (place, stage) in structure.stages.iter().enumerate() {
            for action in &stage.actions {
                let namespace = action.namespace.as_deref();
                namespaces.extend(namespace.map(|name| (name, runs(place, action))));
            }
        }
        let variables = structure.variables.iter().map(|one| one.name.as_str()).collect();
        Self { variables, namespaces }
    }

    fn check_rule(&self, stage: &Stage, rule: &Rule, before: Moment) -> Result<(), Invalid> {
        let who = Who { stage, name: &rule.name, is_source: false, before };
        let configuration = rule.configuration.iter();
        let texts = configuration
            .filter_map(|(key, value): (_, &Value)| Some((key.as_str(), value.as_str()?)));
        let commands = rule.commands.iter().map(|line| ("commands", line.as_str()));
        self.check(&who, texts.chain(commands))
    }

    fn check<'t>(
        &self,
        who: &Who<'_>,
        texts: impl Iterator<Item = (&'t str, &'t str)>,
    ) -> Result<(), Invalid> {
        for (key, text) in texts {
            for reference in references(text) {
                let what = format!(
                    "StageName=[{}], ActionName=[{}], ActionConfigurationKey=[{key}], VariableReferenceText=[{reference}]",
                    who.stage.name, who.name
                );
                self.reference(who, reference, &what)?;
            }
        }
        Ok(())
    }

    fn reference(&self, who: &Who<'_>, reference: &str, what: &str) -> Result<(), Invalid> {
        let Some((namespace, key)) = reference.split_once('.') else {
            // The second sentence is ours.
            return Err(Invalid::action(format!(
                "{FORMAT} The following pipeline execution variables do not have this format.\n{what}"
            )));
        };
        if namespace == "codepipeline" {
            return Ok(());
        }
        if namespace == "variables" && !self.variables.is_empty() {
            if who.is_source {
                return Err(Invalid::structure(format!(
                    "Variables at the pipeline level cannot be used in source actions.\n{what}"
                )));
            }
            if !self.variables.contains(&key) {
                return Err(Invalid::structure(format!(
                    "The referenced variables haven't been declared.\n{what}"
                )));
            }
            return Ok(());
        }
        match self.namespaces.get(namespace) {
            None => Err(Invalid::action(format!(
                "{FORMAT} The following pipeline execution variables are referencing a namespace that does not exist.\n{what}"
            ))),
            // The second sentence is ours.
            Some(moment) if *moment >= who.before => Err(Invalid::action(format!(
                "{FORMAT} The following pipeline execution variables are referencing a namespace of an action that does not precede them.\n{what}"
            ))),
            Some(_) => Ok(()),
        }
    }
}
