//! Conditions: the choices of `aws:branch`, and what keeps an `aws:loop` going.

use serde_json::Value;

use super::fields::{self, Object, has_reference};
use super::problem::{Found, Place};
use super::runbook::{Branch, Choice, Condition, NextStep, Operator, Test};

const OPERATORS: [(&str, Operator); 11] = [
    ("StringEquals", Operator::StringEquals),
    ("EqualsIgnoreCase", Operator::EqualsIgnoreCase),
    ("StartsWith", Operator::StartsWith),
    ("EndsWith", Operator::EndsWith),
    ("Contains", Operator::Contains),
    ("NumericEquals", Operator::NumericEquals),
    ("NumericGreater", Operator::NumericGreater),
    ("NumericLesser", Operator::NumericLesser),
    ("NumericGreaterOrEquals", Operator::NumericGreaterOrEquals),
    ("NumericLesserOrEquals", Operator::NumericLesserOrEquals),
    ("BooleanEquals", Operator::BooleanEquals),
];

/// Where a name leads: to the step, or to what it resolves to.
pub(super) fn next_step(name: String) -> NextStep {
    match has_reference(&name) {
        true => NextStep::Reference(name),
        false => NextStep::Step(name),
    }
}

/// Reads the inputs of `aws:branch`.
pub(super) fn branch(inputs: &Object, step: &str, at: &Place<'_>, found: &mut Found) -> Branch {
    let mut choices = Vec::new();
    if let Some(items) = fields::list_member(inputs, "Choices", at, found) {
        let at = at.key("Choices");
        if items.is_empty() {
            found.add(&at, "At least one choice is expected.");
        }
        for (index, item) in items.iter().enumerate() {
            let at = at.index(index);
            let Some(item) = fields::object(item, &at, found) else { continue };
            let next = fields::required_text(item, "NextStep", &at, found);
            let condition = condition(item, &["NextStep"], step, &at, found);
            if let (Some(next), Some(condition)) = (next, condition) {
                choices.push(Choice { next: next_step(next), condition });
            }
        }
    }
    let default = fields::text(inputs, "Default", at, found).map(next_step);
    Branch { choices, default }
}

/// Reads one condition. `beside` names members that aren't part of it.
pub(super) fn condition(
    from: &Object,
    beside: &[&str],
    step: &str,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<Condition> {
    let mut keys = from.keys().map(String::as_str).filter(|key| !beside.contains(key));
    let joined = keys.find(|key| matches!(*key, "And" | "Or" | "Not"));
    if let Some(join) = joined {
        let mut known = vec![join];
        known.extend(beside);
        fields::refuse_others(from, &known, at, found);
        return several(from, join, step, at, found);
    }
    let variable = match fields::present(from, "Variable") {
        Some(variable) => Some(variable.clone()),
        None => {
            found.add(at, "Required field Variable is missing.");
            None
        }
    };
    let mut tests = Vec::new();
    for (key, operand) in from {
        if key == "Variable" || beside.contains(&key.as_str()) {
            continue;
        }
        match OPERATORS.iter().find(|(name, _)| name == key) {
            Some((_, operator)) => tests.push((*operator, operand, key)),
            None => found
                .add(&at.key(key), format!("Operator: {key} is not supported in step: {step}.")),
        }
    }
    match tests.as_slice() {
        [(operator, operand, key)] => {
            check_operand(*operator, operand, &at.key(key), found);
            let operand = (*operand).clone();
            variable
                .map(|variable| Condition::Test(Test { variable, operator: *operator, operand }))
        }
        [] => {
            found.add(at, format!("An operator is expected in step: {step}."));
            None
        }
        _ => {
            found.add(at, format!("Only one operator is expected in step: {step}."));
            None
        }
    }
}

fn several(
    from: &Object,
    join: &str,
    step: &str,
    at: &Place<'_>,
    found: &mut Found,
) -> Option<Condition> {
    let at = at.key(join);
    let items: Vec<&Value> = match from.get(join)? {
        Value::Array(items) => items.iter().collect(),
        // `Not` is also written with the one condition itself.
        one @ Value::Object(_) if join == "Not" => vec![one],
        other => {
            fields::list(other, &at, found);
            return None;
        }
    };
    if join != "Not" && items.len() < 2 {
        // AWS's words, "lease" included.
        found.add(
            &at,
            format!(
                "Expect at lease two expressions for operator: {join} in step: {step}. Provided: {}",
                items.len()
            ),
        );
    }
    if join == "Not" && items.is_empty() {
        found.add(&at, format!("An expression is expected for operator: Not in step: {step}."));
    }
    let mut conditions = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let at = at.index(index);
        let Some(item) = fields::object(item, &at, found) else { continue };
        conditions.extend(condition(item, &[], step, &at, found));
    }
    Some(match join {
        "And" => Condition::And(conditions),
        "Or" => Condition::Or(conditions),
        _ => Condition::Not(conditions),
    })
}

/// An operand that can't be what the operator compares with, whatever the variable is.
fn check_operand(operator: Operator, operand: &Value, at: &Place<'_>, found: &mut Found) {
    let Some(text) = fields::scalar_text(operand) else {
        found.add(at, format!("A value is expected, not {}.", fields::kind(operand)));
        return;
    };
    if has_reference(&text) {
        return;
    }
    let fits = match operator {
        Operator::NumericEquals
        | Operator::NumericGreater
        | Operator::NumericLesser
        | Operator::NumericGreaterOrEquals
        | Operator::NumericLesserOrEquals => text.trim().parse::<f64>().is_ok(),
        Operator::BooleanEquals => fields::as_flag(operand).is_some(),
        _ => true,
    };
    if !fits {
        found.add(at, format!("\"{text}\" can't be compared with this operator."));
    }
}
