//! What holds between the parts of a runbook: names, jumps, references.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::actions::{self, WHOLE_RESPONSE};
use super::fields::{has_reference, scalar_text};
use super::problem::{Found, Place};
use super::reference::{Reference, Template};
use super::runbook::{Action, NextStep, OnCancel, OnFailure, Runbook, Step};

const GLOBALS: [&str; 5] = ["DATE", "DATE_TIME", "REGION", "ACCOUNT_ID", "AWS_PARTITION"];
const AUTOMATION: [&str; 1] = ["EXECUTION_ID"];

/// Reports everything that does not fit together.
pub(super) fn check(runbook: &Runbook, found: &mut Found) {
    let main = Place::Root.key("mainSteps");
    let mut names = BTreeSet::new();
    check_names(&runbook.steps, &main, &mut names, found);
    check_jumps(&runbook.steps, &main, found);
    let names = Names::of(runbook);
    if let Some(role) = &runbook.assume_role {
        let at = Place::Root.key("assumeRole");
        let value = Value::String(role.clone());
        names.check_value(&value, &Scope::default(), &at, found);
    }
    for variable in &runbook.variables {
        let at = Place::Root.key("variables");
        let at = at.key(&variable.name);
        if let Some(default) = &variable.default {
            names.check_value(default, &Scope::default(), &at.key("default"), found);
        }
    }
    names.check_steps(&runbook.steps, &Scope::default(), &main, found);
    check_outputs(runbook, &names, found);
    check_updates(&runbook.steps, &names, &main, found);
}

/// The inner steps of a loop.
fn inner(step: &Step) -> &[Step] {
    match &step.action {
        Action::Loop(inside) => &inside.steps,
        _ => &[],
    }
}

fn check_names<'r>(
    steps: &'r [Step],
    at: &Place<'_>,
    names: &mut BTreeSet<&'r str>,
    found: &mut Found,
) {
    for (index, step) in steps.iter().enumerate() {
        let at = at.index(index);
        if !names.insert(&step.name) {
            found.add(&at.key("name"), format!("Step name {} is duplicated.", step.name));
        }
        check_names(inner(step), &at.key("inputs").key("Steps"), names, found);
    }
}

/// A jump leads to a step of the same list: a loop is neither entered nor left by one.
fn check_jumps(steps: &[Step], at: &Place<'_>, found: &mut Found) {
    let names: BTreeSet<&str> = steps.iter().map(|step| step.name.as_str()).collect();
    let mut to = |name: &str, step: &Step, at: &Place<'_>| {
        if !names.contains(name) && !has_reference(name) {
            found.add(
                at,
                format!("Step {} refers to step {name}, which does not exist.", step.name),
            );
        }
    };
    for (index, step) in steps.iter().enumerate() {
        let at = at.index(index);
        if let Some(NextStep::Step(name)) = &step.next_step {
            to(name, step, &at.key("nextStep"));
        }
        if let Some(OnFailure::Step(name)) = &step.on_failure {
            to(name, step, &at.key("onFailure"));
        }
        if let Some(OnCancel::Step(name)) = &step.on_cancel {
            to(name, step, &at.key("onCancel"));
        }
        if let Action::Branch(branch) = &step.action {
            let at = at.key("inputs");
            // As written, so that a choice keeps its place where another could not be read.
            let choices = step.inputs.get("Choices").and_then(Value::as_array);
            for (index, choice) in choices.into_iter().flatten().enumerate() {
                if let Some(name) = choice.get("NextStep").and_then(scalar_text) {
                    to(&name, step, &at.key("Choices").index(index).key("NextStep"));
                }
            }
            if let Some(NextStep::Step(name)) = &branch.default {
                to(name, step, &at.key("Default"));
            }
        }
    }
    for (index, step) in steps.iter().enumerate() {
        let inside = inner(step);
        if !inside.is_empty() {
            check_jumps(inside, &at.index(index).key("inputs").key("Steps"), found);
        }
    }
}

/// What a reference may name besides: the steps of the loops around it.
#[derive(Default)]
struct Scope<'r> {
    inside: Option<&'r Step>,
}

/// The names of a runbook.
struct Names<'r> {
    parameters: BTreeSet<&'r str>,
    variables: BTreeSet<&'r str>,
    steps: BTreeMap<&'r str, &'r Step>,
}

impl<'r> Names<'r> {
    fn of(runbook: &'r Runbook) -> Self {
        Names {
            parameters: runbook.parameters.iter().map(|one| one.name.as_str()).collect(),
            variables: runbook.variables.iter().map(|one| one.name.as_str()).collect(),
            steps: runbook.steps.iter().map(|one| (one.name.as_str(), one)).collect(),
        }
    }

    fn check_steps(&self, steps: &'r [Step], scope: &Scope<'r>, at: &Place<'_>, found: &mut Found) {
        for (index, step) in steps.iter().enumerate() {
            let at = at.index(index);
            for (key, value) in
                [("maxAttempts", &step.max_attempts), ("timeoutSeconds", &step.timeout_seconds)]
            {
                if let Some(value) = value {
                    self.check_value(value, scope, &at.key(key), found);
                }
            }
            if let Some(NextStep::Reference(text)) = &step.next_step {
                let value = Value::String(text.clone());
                self.check_value(&value, scope, &at.key("nextStep"), found);
            }
            let at = at.key("inputs");
            let inside = inner(step);
            let own = Scope { inside: (!inside.is_empty()).then_some(step) };
            for (key, value) in &step.inputs {
                match (key.as_str(), inside.is_empty()) {
                    ("Steps", false) => self.check_steps(inside, &own, &at.key("Steps"), found),
                    ("LoopCondition", false) => {
                        self.check_value(value, &own, &at.key(key), found);
                    }
                    _ => self.check_value(value, scope, &at.key(key), found),
                }
            }
        }
    }

    fn check_value(&self, value: &Value, scope: &Scope<'r>, at: &Place<'_>, found: &mut Found) {
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check_value(item, scope, &at.index(index), found);
                }
            }
            Value::Object(members) => {
                for (key, item) in members {
                    self.check_value(item, scope, &at.key(key), found);
                }
            }
            Value::String(text) => {
                let template = Template::parse_text(text);
                let mut seen = BTreeSet::new();
                for reference in template.references() {
                    if !seen.insert(reference) {
                        continue;
                    }
                    if let Some(problem) = self.check_reference(reference, scope) {
                        found.add(at, problem);
                    }
                }
            }
            _ => {}
        }
    }

    /// Why a reference names nothing; none if it is right.
    fn check_reference(&self, reference: &Reference, scope: &Scope<'r>) -> Option<String> {
        let exists = match reference {
            // AWS's words.
            Reference::Parameter(name) => {
                let declared = self.parameters.contains(name.as_str());
                return (!declared).then(|| format!("Parameter \"{name}\" is not declared."));
            }
            Reference::Variable(name) => {
                let declared = self.variables.contains(name.as_str());
                return (!declared).then(|| format!("Variable \"{name}\" is not declared."));
            }
            Reference::Ssm(_) => {
                return Some(format!(
                    "{{{{ {reference} }}}} can only be the default of a parameter."
                ));
            }
            Reference::Output { step, path } => return self.check_output(step, path, scope),
            Reference::Global(name) => GLOBALS.contains(&name.as_str()),
            Reference::Automation(name) => AUTOMATION.contains(&name.as_str()),
            Reference::Unknown(_) => false,
        };
        (!exists).then(|| format!("{{{{ {reference} }}}} is not a system variable."))
    }

    fn check_output(&self, step: &str, path: &[String], scope: &Scope<'r>) -> Option<String> {
        let near = scope.inside.and_then(|outer| find(inner(outer), step));
        let Some(named) = near.or_else(|| self.steps.get(step).copied()) else {
            return Some(format!("Step \"{step}\" of {step}.{} does not exist.", path.join(".")));
        };
        let (first, rest) = path.split_first()?;
        if let Some(below) = find(inner(named), first) {
            let (first, _) = rest.split_first()?;
            return unknown_output(below, first);
        }
        unknown_output(named, first)
    }
}

fn find<'r>(steps: &'r [Step], name: &str) -> Option<&'r Step> {
    steps.iter().find(|step| step.name == name)
}

/// Why a step has no such output.
fn unknown_output(step: &Step, output: &str) -> Option<String> {
    let declared = step.outputs.iter().any(|one| one.name == output);
    let rule = actions::find(&step.action_name)?;
    let known = declared || rule.outputs.contains(&output) || output == WHOLE_RESPONSE;
    (!known).then(|| format!("Step \"{}\" has no output \"{output}\".", step.name))
}

fn check_outputs(runbook: &Runbook, names: &Names<'_>, found: &mut Found) {
    let at = Place::Root.key("outputs");
    for (index, output) in runbook.outputs.iter().enumerate() {
        let at = at.index(index);
        let problem = match Reference::parse(&output.text) {
            Some(Reference::Output { step, path }) => {
                names.check_output(&step, &path, &Scope::default())
            }
            Some(other @ (Reference::Parameter(_) | Reference::Variable(_))) => {
                names.check_reference(&other, &Scope::default())
            }
            _ => Some(format!("\"{}\" is not the output of a step.", output.text)),
        };
        if let Some(problem) = problem {
            found.add(&at, problem);
        }
    }
}

/// `aws:updateVariable` names a variable that exists.
fn check_updates(steps: &[Step], names: &Names<'_>, at: &Place<'_>, found: &mut Found) {
    for (index, step) in steps.iter().enumerate() {
        let at = at.index(index);
        let at = at.key("inputs");
        check_updates(inner(step), names, &at.key("Steps"), found);
        if step.action_name != "aws:updateVariable" {
            continue;
        }
        let Some(Value::String(name)) = step.inputs.get("Name") else { continue };
        let declared = name.strip_prefix("variable:").is_some_and(|n| names.variables.contains(n));
        if !declared && !has_reference(name) {
            found.add(&at.key("Name"), format!("Variable \"{name}\" is not declared."));
        }
    }
}
