//! Steps of a runbook: the members that all have, and their inputs by action.

use serde_json::{Map, Value};

use super::actions::{self, Rule};
use super::condition::{self, next_step};
use super::fields::{self, Object, has_reference};
use super::inputs;
use super::parameter;
use super::problem::{Found, Place};
use super::runbook::{Action, Iterators, Loop, OnCancel, OnFailure, Output, ParameterType, Step};

/// The longest name of a step.
const NAME_BYTES_MAX: usize = 128;

const FIELDS: [&str; 12] = [
    "name",
    "action",
    "description",
    "maxAttempts",
    "timeoutSeconds",
    "onFailure",
    "onCancel",
    "isEnd",
    "nextStep",
    "isCritical",
    "inputs",
    "outputs",
];

/// Reads a list of steps. One that can't be read is reported and has a stand-in, so that all
/// others keep their places.
pub(super) fn read_all(
    list: &[Value],
    inside: bool,
    at: &Place<'_>,
    found: &mut Found,
) -> Vec<Step> {
    if list.is_empty() {
        found.add(at, "At least one step is expected.");
    }
    let mut steps = Vec::new();
    for (index, step) in list.iter().enumerate() {
        let at = at.index(index);
        let step = fields::object(step, &at, found);
        let step = step.and_then(|step| read(step, inside, &at, found));
        steps.push(step.unwrap_or_else(|| stand_in(index)));
    }
    steps
}

/// A step in a document that is refused; its name is none that another could refer to.
fn stand_in(index: usize) -> Step {
    Step {
        name: format!("{index} unread"),
        action_name: String::new(),
        description: None,
        max_attempts: None,
        timeout_seconds: None,
        on_failure: None,
        on_cancel: None,
        is_end: None,
        next_step: None,
        is_critical: None,
        inputs: Map::new(),
        outputs: Vec::new(),
        action: Action::Inputs,
    }
}

fn read(from: &Object, inside: bool, at: &Place<'_>, found: &mut Found) -> Option<Step> {
    fields::refuse_others(from, &FIELDS, at, found);
    let name = read_name(from, at, found);
    let action_name = fields::required_text(from, "action", at, found);
    let rule = action_name.as_deref().and_then(actions::find);
    if let (Some(action), None) = (&action_name, rule) {
        let known: Vec<&str> = actions::names().collect();
        let text = format!("Action {action} is not supported. Known are: {}.", known.join(", "));
        found.add(&at.key("action"), text);
    }
    let (name, action_name) = (name?, action_name?);
    let inputs = read_inputs(from, at, found);
    // What refers to the step is not wrong too.
    let rule = rule.unwrap_or(&actions::ANY);
    inputs::check(rule, &inputs, &at.key("inputs"), found);
    let step = Step {
        action: read_action(rule, &inputs, &name, inside, &at.key("inputs"), found),
        action_name,
        description: fields::text(from, "description", at, found),
        max_attempts: read_number(from, "maxAttempts", None, at, found),
        timeout_seconds: read_number(from, "timeoutSeconds", rule.timeout_max, at, found),
        on_failure: read_on_failure(from, at, found),
        on_cancel: read_on_cancel(from, at, found),
        is_end: fields::flag(from, "isEnd", at, found),
        next_step: fields::text(from, "nextStep", at, found).map(next_step),
        is_critical: fields::flag(from, "isCritical", at, found),
        outputs: read_outputs(from, rule, &name, at, found),
        inputs,
        name,
    };
    if step.is_end == Some(true) && step.next_step.is_some() {
        found.add(&at.key("nextStep"), "A step with isEnd: true can't have a nextStep.");
    }
    Some(step)
}

fn read_name(from: &Object, at: &Place<'_>, found: &mut Found) -> Option<String> {
    let name = fields::required_text(from, "name", at, found)?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !plain || name.len() > NAME_BYTES_MAX {
        let text = format!(
            "Step name \"{name}\" is not valid: it has 1 to {NAME_BYTES_MAX} letters, digits and _."
        );
        found.add(&at.key("name"), text);
    }
    Some(name)
}

fn read_inputs(from: &Object, at: &Place<'_>, found: &mut Found) -> Map<String, Value> {
    match from.get("inputs") {
        Some(Value::Object(inputs)) => inputs.clone(),
        // `inputs:` with nothing behind it.
        Some(Value::Null) => Map::new(),
        Some(other) => {
            let text = format!("A map is expected, not {}.", fields::kind(other));
            found.add(&at.key("inputs"), text);
            Map::new()
        }
        None => {
            found.add(at, "Required field inputs is missing.");
            Map::new()
        }
    }
}

/// A number from 1, or a reference to one.
fn read_number(
    from: &Object,
    key: &str,
    most: Option<i64>,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<Value> {
    let value = fields::present(from, key)?;
    if let Value::String(text) = value
        && has_reference(text)
    {
        return Some(value.clone());
    }
    match fields::as_integer(value) {
        Some(number) if number >= 1 && most.is_none_or(|most| number <= most) => {
            Some(Value::from(number))
        }
        Some(_) => {
            let most = most.map_or_else(|| "or more".to_owned(), |most| format!("to {most}"));
            found.add(&at.key(key), format!("The value must be 1 {most}."));
            None
        }
        None => {
            found.add(&at.key(key), "A number is expected.");
            None
        }
    }
}

fn read_on_failure(from: &Object, at: &Place<'_>, found: &mut Found) -> Option<OnFailure> {
    let text = fields::text(from, "onFailure", at, found)?;
    match text.as_str() {
        "Abort" => Some(OnFailure::Abort),
        "Continue" => Some(OnFailure::Continue),
        _ => match text.strip_prefix("step:") {
            Some(step) => Some(OnFailure::Step(step.trim().to_owned())),
            None => {
                let text = format!("onFailure is Abort, Continue or step:NAME, not \"{text}\".");
                found.add(&at.key("onFailure"), text);
                None
            }
        },
    }
}

fn read_on_cancel(from: &Object, at: &Place<'_>, found: &mut Found) -> Option<OnCancel> {
    let text = fields::text(from, "onCancel", at, found)?;
    match (text.as_str(), text.strip_prefix("step:")) {
        ("Abort", _) => Some(OnCancel::Abort),
        // Also where the action does not follow it: AWS accepts that.
        (_, Some(step)) => Some(OnCancel::Step(step.trim().to_owned())),
        _ => {
            let text = format!("onCancel is Abort or step:NAME, not \"{text}\".");
            found.add(&at.key("onCancel"), text);
            None
        }
    }
}

fn read_outputs(
    from: &Object,
    rule: &Rule,
    step: &str,
    at: &Place<'_>,
    found: &mut Found,
) -> Vec<Output> {
    let Some(items) = fields::list_member(from, "outputs", at, found) else { return Vec::new() };
    let at = at.key("outputs");
    let mut outputs: Vec<Output> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let at = at.index(index);
        let Some(item) = fields::object(item, &at, found) else { continue };
        fields::refuse_others(item, &["Name", "Selector", "Type"], &at, found);
        let name = fields::required_text(item, "Name", &at, found);
        let selector = fields::required_text(item, "Selector", &at, found);
        let word = fields::text(item, "Type", &at, found);
        let kind = word.as_deref().map_or(Some(ParameterType::String), ParameterType::parse);
        if let (Some(word), None) = (&word, &kind) {
            found.add(&at.key("Type"), format!("Output type \"{word}\" is not supported."));
        }
        if let Some(selector) = &selector
            && !selector.trim_start().starts_with('$')
            && !has_reference(selector)
        {
            let text = format!("\"{selector}\" is not a JSONPath: it begins with $.");
            found.add(&at.key("Selector"), text);
        }
        let Some(name) = name else { continue };
        if outputs.iter().any(|output| output.name == name) {
            found.add(&at.key("Name"), format!("Output name {name} is duplicated in step {step}."));
        }
        if rule.outputs.contains(&name.as_str()) {
            // AWS's words.
            let reserved = rule.outputs.join(", ");
            let text = format!(
                "In step {step}, name: {name} is conflicting with one of the following reserved \
                 output names: [{reserved}]"
            );
            found.add(&at.key("Name"), text);
        }
        let (selector, kind) =
            (selector.unwrap_or_default(), kind.unwrap_or(ParameterType::String));
        outputs.push(Output { name, selector, kind });
    }
    outputs
}

fn read_action(
    rule: &Rule,
    inputs: &Object,
    step: &str,
    inside: bool,
    at: &Place<'_>,
    found: &mut Found,
) -> Action {
    match rule.name {
        "aws:branch" => Action::Branch(condition::branch(inputs, step, at, found)),
        "aws:loop" if inside => {
            found.add(at, format!("Step {step}: a loop can't stand inside a loop."));
            Action::Inputs
        }
        "aws:loop" => Action::Loop(read_loop(inputs, step, at, found)),
        _ => Action::Inputs,
    }
}

/// The most passes of a loop.
const PASSES_MAX: i64 = 100;

fn read_loop(inputs: &Object, step: &str, at: &Place<'_>, found: &mut Found) -> Loop {
    let steps = match fields::list_member(inputs, "Steps", at, found) {
        Some(list) => read_all(list, true, &at.key("Steps"), found),
        None => Vec::new(),
    };
    let over = match (inputs.get("Iterators"), inputs.get("LoopCondition")) {
        (Some(values), None) => read_each(values, inputs, at, found),
        (None, Some(condition)) => {
            let max_iterations = read_number(inputs, "MaxIterations", Some(PASSES_MAX), at, found);
            if !inputs.contains_key("MaxIterations") {
                found.add(at, "Required field MaxIterations is missing.");
            }
            let at = at.key("LoopCondition");
            let condition = fields::object(condition, &at, found)
                .and_then(|condition| condition::condition(condition, &[], step, &at, found));
            let both = condition.zip(max_iterations);
            both.map(|(condition, max_iterations)| Iterators::While { condition, max_iterations })
        }
        _ => {
            let text = format!("Step {step} wants either Iterators or LoopCondition.");
            found.add(at, text);
            None
        }
    };
    // Where that is wrong, what refers to the inner steps is not wrong too.
    let over = over.unwrap_or(Iterators::Each { values: Value::Null, kind: ParameterType::String });
    Loop { steps, over }
}

fn read_each(
    values: &Value,
    inputs: &Object,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<Iterators> {
    let word = fields::text(inputs, "IteratorDataType", at, found);
    let kind = match word.as_deref() {
        None => ParameterType::String,
        Some(word @ ("String" | "Boolean" | "Integer" | "StringMap")) => {
            ParameterType::parse(word)?
        }
        Some(word) => {
            let text = format!("IteratorDataType \"{word}\" is not supported.");
            found.add(&at.key("IteratorDataType"), text);
            return None;
        }
    };
    let at = at.key("Iterators");
    match values {
        Value::String(text) if has_reference(text) => {}
        Value::Array(items) if items.len() as u64 > PASSES_MAX as u64 => {
            found.add(&at, format!("At most {PASSES_MAX} iterators are expected."));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let reference = item.as_str().is_some_and(has_reference);
                if !reference && kind.conform(item).is_none() {
                    found.add(&at.index(index), format!("It is not of type {}.", kind.name()));
                }
            }
        }
        other => {
            fields::list(other, &at, found);
        }
    }
    Some(Iterators::Each { values: values.clone(), kind })
}

/// Reads `variables` of a runbook.
pub(super) fn read_variables(
    document: &Object,
    at: &Place<'_>,
    found: &mut Found,
) -> Vec<super::runbook::Variable> {
    let Some(members) = fields::object_member(document, "variables", at, found) else {
        return Vec::new();
    };
    let at = at.key("variables");
    let mut variables = Vec::new();
    for (name, declaration) in members {
        let at = at.key(name);
        let Some(declaration) = fields::object(declaration, &at, found) else { continue };
        let Some(kind) = parameter::read_type(declaration, &at, found) else { continue };
        let default = fields::present(declaration, "default");
        let default = default.and_then(|value| parameter::read_default(value, &kind, &at, found));
        variables.push(super::runbook::Variable { name: name.clone(), kind, default });
    }
    variables
}
