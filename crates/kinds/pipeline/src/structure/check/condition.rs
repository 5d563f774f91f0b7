//! Conditions of stages and their rules.

use serde_json::Value;

use super::action::region;
use super::artifact::{are_made, made};
use super::{Context, ExecutionMode, Invalid, Stage, Structure, repeated};
use crate::structure::{Condition, ConditionResult, FailureConditions, Rule};
use crate::types::{RuleType, find_rule};

use ConditionResult::{Fail, Retry, Rollback, Skip};

/// Providers whose rules may pass a stage over. Source: "Stage conditions".
const SKIPPERS: [&str; 2] = ["LambdaInvoke", "VariableCheck"];

/// Which conditions, as messages say it.
#[derive(Clone, Copy)]
enum Gate {
    BeforeEntry,
    OnSuccess,
    OnFailure,
}

impl Gate {
    fn name(self) -> &'static str {
        match self {
            Self::BeforeEntry => "beforeEntry",
            Self::OnSuccess => "onSuccess",
            Self::OnFailure => "onFailure",
        }
    }

    /// What may happen when a rule doesn't hold. Source: "Stage conditions".
    fn results(self) -> &'static [ConditionResult] {
        match self {
            Self::BeforeEntry => &[Fail, Skip],
            Self::OnSuccess => &[Fail, Rollback],
            Self::OnFailure => &[Rollback],
        }
    }
}

pub(super) fn check(structure: &Structure, context: Context<'_>) -> Result<(), Invalid> {
    let made = made(structure);
    for (place, stage) in structure.stages.iter().enumerate() {
        if let Some(on_failure) = &stage.on_failure {
            failure(structure, stage, place, on_failure)?;
        }
        let gates = [
            (Gate::BeforeEntry, (place, 0), stage.before_entry.as_ref().map(|one| &one.conditions)),
            (Gate::OnSuccess, (place + 1, 0), stage.on_success.as_ref().map(|one| &one.conditions)),
            (Gate::OnFailure, (place + 1, 0), stage.on_failure.as_ref().map(|one| &one.conditions)),
        ];
        let gates = gates.into_iter().filter_map(|(gate, at, some)| Some((gate, at, some?)));
        for (gate, at, conditions) in gates {
            for condition in conditions {
                one(stage, gate, condition)?;
                rolls_back(structure, place, gate, condition.result)?;
                for rule in &condition.rules {
                    check_rule(rule, context)?;
                    let names = rule.input_artifacts.iter().map(|artifact| artifact.name.as_str());
                    are_made(&made, names, &rule.name, at)?;
                }
            }
        }
    }
    Ok(())
}

fn failure(
    structure: &Structure,
    stage: &Stage,
    place: usize,
    on_failure: &FailureConditions,
) -> Result<(), Invalid> {
    let name = &stage.name;
    if on_failure.result.is_some() && !on_failure.conditions.is_empty() {
        return Err(Invalid::stage(format!(
            "The following stage cannot have a failure exit gate configured with both top level result and conditions: '{name}'"
        )));
    }
    // The words of the two below are ours.
    if on_failure.result.is_none() && on_failure.conditions.is_empty() {
        return Err(Invalid::stage(format!(
            "The following stage must have a failure exit gate configured with a result or conditions: '{name}'"
        )));
    }
    if on_failure.retry_configuration.is_some() && on_failure.result != Some(Retry) {
        return Err(Invalid::stage(format!(
            "The following stage cannot have a retry configuration without the result RETRY: '{name}'"
        )));
    }
    rolls_back(structure, place, Gate::OnFailure, on_failure.result)
}

/// A rollback needs an execution before it: in the source stage and in parallel there is none.
fn rolls_back(
    structure: &Structure,
    place: usize,
    gate: Gate,
    result: Option<ConditionResult>,
) -> Result<(), Invalid> {
    if result != Some(Rollback) {
        return Ok(());
    }
    let kind = if matches!(gate, Gate::OnFailure) { "Failure" } else { "Success" };
    let what = if structure.execution_mode == ExecutionMode::Parallel {
        "a PARALLEL pipeline."
    } else if place == 0 {
        // Ours.
        "a source stage."
    } else {
        return Ok(());
    };
    Err(Invalid::stage(format!(
        "{kind} conditions with rollback result type cannot be added to {what}"
    )))
}

/// One condition. The words are ours.
fn one(stage: &Stage, gate: Gate, condition: &Condition) -> Result<(), Invalid> {
    let refuse = |what: String| {
        let (gate, stage) = (gate.name(), &stage.name);
        Err(Invalid::stage(format!("The {gate} condition of stage '{stage}' {what}")))
    };
    let Some(result) = condition.result else {
        return refuse("must have a result".to_owned());
    };
    if !gate.results().contains(&result) {
        let allowed: Vec<&str> = gate.results().iter().map(|one| word(*one)).collect();
        let allowed = allowed.join(", ");
        return refuse(format!("cannot have the result {}, only: {allowed}", word(result)));
    }
    if condition.rules.is_empty() {
        return refuse("must have at least one rule".to_owned());
    }
    if let Some(name) = repeated(condition.rules.iter().map(|rule| rule.name.as_str())) {
        return refuse(format!("uses the rule name '{name}' more than once"));
    }
    let is_skipper = |rule: &&Rule| SKIPPERS.contains(&rule.rule_type_id.provider.as_str());
    let other = condition.rules.iter().find(|rule| !is_skipper(rule));
    if let Some(rule) = other.filter(|_| result == Skip) {
        let provider = &rule.rule_type_id.provider;
        return refuse(format!(
            "cannot have the result SKIP with a {provider} rule, only with LambdaInvoke and VariableCheck rules"
        ));
    }
    Ok(())
}

fn word(result: ConditionResult) -> &'static str {
    match result {
        Rollback => "ROLLBACK",
        Fail => "FAIL",
        Retry => "RETRY",
        Skip => "SKIP",
    }
}

/// One rule against its type. The words follow those for actions.
fn check_rule(rule: &Rule, context: Context<'_>) -> Result<(), Invalid> {
    let (name, id) = (&rule.name, &rule.rule_type_id);
    let Some(kind) = find_rule(id) else {
        return Err(Invalid::action(format!(
            "RuleType (Category: '{}', Provider: '{}', Owner: '{}', Version: '{}') in rule '{name}' is not available in region '{}'",
            id.category,
            id.provider,
            id.owner,
            id.version,
            region(context.region)
        )));
    };
    keys(rule, &kind)?;
    let counts = kind.input_artifact_details;
    let inputs = rule.input_artifacts.len();
    if inputs < counts.minimum_count as usize || inputs > counts.maximum_count as usize {
        return Err(Invalid::action(format!(
            "Rule {name} declares {inputs} input artifacts which is not between {} and {}",
            counts.minimum_count, counts.maximum_count
        )));
    }
    let is_commands = id.provider == "Commands";
    if is_commands && rule.commands.is_empty() {
        let message = format!("Rule {name} must have a non-empty commands field");
        return Err(Invalid::action(message));
    }
    if !is_commands && !rule.commands.is_empty() {
        let message =
            format!("Rule {name} has a commands field, which only Commands rules can have");
        return Err(Invalid::action(message));
    }
    match crate::rule::problem(id, &rule.configuration) {
        Some((key, why)) => {
            let value = rule.configuration.get(key).and_then(Value::as_str).unwrap_or_default();
            Err(Invalid::action(format!(
                "Rule configuration for rule '{name}' contains an invalid value '{value}' for '{key}': {why}"
            )))
        }
        None => Ok(()),
    }
}

fn keys(rule: &Rule, kind: &RuleType) -> Result<(), Invalid> {
    let (given, properties) = (&rule.configuration, &kind.rule_configuration_properties);
    let complain = |what: &str, key: &str| {
        let name = &rule.name;
        Err(Invalid::action(format!("Rule configuration for rule '{name}' {what} '{key}'")))
    };
    let mut unknown = given.keys().filter(|key| properties.iter().all(|one| one.name != **key));
    if let Some(key) = unknown.next() {
        return complain("contains unknown configuration", key);
    }
    let mut required = properties.iter().filter(|property| property.required);
    match required.find(|property| !given.contains_key(&property.name)) {
        Some(missing) => complain("is missing required configuration", &missing.name),
        None => Ok(()),
    }
}
