//! Choice states: their rules.

use serde_json::Value;

use super::diagnostics::Step;
use super::fields::{Language, Verdict};
use super::graph::{Edge, PENDING, Slot};
use super::parse::{Building, read_target};
use super::reader::{Object, Reader, Shape};
use super::state::Place;
use super::{Condition, Operand, Operator, Rule, StateKind};
use crate::timestamp;

/// What an operator is compared with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Right {
    Text,
    Number,
    Flag,
    Moment,
    /// A flag that has no `Path` variant.
    Test,
    /// A text that has no `Path` variant.
    Pattern,
}

/// All operators, in the order in which AWS's documentation lists them.
const OPERATORS: &[(&str, Operator, Right)] = &[
    ("StringEquals", Operator::StringEquals, Right::Text),
    ("StringLessThan", Operator::StringLessThan, Right::Text),
    ("StringGreaterThan", Operator::StringGreaterThan, Right::Text),
    ("StringLessThanEquals", Operator::StringLessThanEquals, Right::Text),
    ("StringGreaterThanEquals", Operator::StringGreaterThanEquals, Right::Text),
    ("StringMatches", Operator::StringMatches, Right::Pattern),
    ("NumericEquals", Operator::NumericEquals, Right::Number),
    ("NumericLessThan", Operator::NumericLessThan, Right::Number),
    ("NumericGreaterThan", Operator::NumericGreaterThan, Right::Number),
    ("NumericLessThanEquals", Operator::NumericLessThanEquals, Right::Number),
    ("NumericGreaterThanEquals", Operator::NumericGreaterThanEquals, Right::Number),
    ("BooleanEquals", Operator::BooleanEquals, Right::Flag),
    ("TimestampEquals", Operator::TimestampEquals, Right::Moment),
    ("TimestampLessThan", Operator::TimestampLessThan, Right::Moment),
    ("TimestampGreaterThan", Operator::TimestampGreaterThan, Right::Moment),
    ("TimestampLessThanEquals", Operator::TimestampLessThanEquals, Right::Moment),
    ("TimestampGreaterThanEquals", Operator::TimestampGreaterThanEquals, Right::Moment),
    ("IsNull", Operator::IsNull, Right::Test),
    ("IsPresent", Operator::IsPresent, Right::Test),
    ("IsNumeric", Operator::IsNumeric, Right::Test),
    ("IsString", Operator::IsString, Right::Test),
    ("IsBoolean", Operator::IsBoolean, Right::Test),
    ("IsTimestamp", Operator::IsTimestamp, Right::Test),
];

const SELECTORS: [&str; 5] = ["And", "Or", "Not", "Variable", "Condition"];

/// Reads a Choice's own fields. `None` has been refused.
pub(super) fn read<'a>(
    reader: &mut Reader<'a>,
    building: &mut Building<'a>,
    place: Place<'a>,
    object: &'a Object,
) -> Option<StateKind> {
    reader.require(object, &["Choices"]);
    let edge = |to| Edge { from: place.id, slot: Slot::Default, to };
    read_target(reader, building, object, "Default", edge, place.level);
    let list = reader.list(object, "Choices")?;
    if list.is_empty() {
        reader.field("Choices", |reader| reader.schema("Value cannot be empty"));
    }
    let mut rules = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let rule = reader.field("Choices", |reader| {
            reader.within(Step::Index(index), |reader| {
                let rule = reader.object(value)?;
                reader.require(rule, &["Next"]);
                let edge = |to| Edge { from: place.id, slot: Slot::Rule(index), to };
                read_target(reader, building, rule, "Next", edge, place.level);
                Some(Rule { condition: read_condition(reader, rule, true)?, next: PENDING })
            })
        });
        rules.extend(rule);
    }
    (rules.len() == list.len()).then_some(StateKind::Choice { rules, default: None })
}

fn find(name: &str) -> Option<(Operator, Right, bool)> {
    let (base, is_path) = match name.strip_suffix("Path") {
        Some(base) => (base, true),
        None => (name, false),
    };
    let (_, operator, right) = OPERATORS.iter().find(|(of, ..)| *of == base)?;
    let takes_path = !matches!(right, Right::Test | Right::Pattern);
    (!is_path || takes_path).then_some((*operator, *right, is_path))
}

fn field_of_rule(name: &str, top: bool) -> Verdict {
    match name {
        "Comment" => Verdict::Known(Language::Any),
        "Next" if top => Verdict::Known(Language::Any),
        "Assign" if top => Verdict::Unsupported(Language::Any),
        "Condition" | "Output" if top => Verdict::Known(Language::Jsonata),
        "And" | "Or" | "Not" | "Variable" => Verdict::Known(Language::JsonPath),
        _ if find(name).is_some() => Verdict::Known(Language::JsonPath),
        _ => Verdict::Unknown,
    }
}

fn read_condition<'a>(reader: &mut Reader<'a>, rule: &'a Object, top: bool) -> Option<Condition> {
    reader.check_fields(rule, |name| field_of_rule(name, top));
    let mut selectors = SELECTORS.iter().filter(|name| rule.contains_key(**name));
    let (selector, None) = (selectors.next(), selectors.next()) else {
        reader.schema(too_many_selectors());
        return None;
    };
    match selector.copied() {
        Some("And") => read_all(reader, rule, "And").map(Condition::And),
        Some("Or") => read_all(reader, rule, "Or").map(Condition::Or),
        Some("Not") => {
            let value = rule.get("Not")?;
            reader.field("Not", |reader| {
                let inner = reader.object(value)?;
                Some(Condition::Not(Box::new(read_condition(reader, inner, false)?)))
            })
        }
        Some("Variable") => read_comparison(reader, rule),
        Some(_) => None,
        None => {
            reader.schema(too_many_selectors());
            None
        }
    }
}

fn too_many_selectors() -> String {
    format!("The object must have only one of the following fields, [{}]", SELECTORS.join(", "))
}

fn read_all<'a>(
    reader: &mut Reader<'a>,
    rule: &'a Object,
    field: &'static str,
) -> Option<Vec<Condition>> {
    let list = reader.list(rule, field)?;
    reader.field(field, |reader| {
        if list.is_empty() {
            reader.schema("Value cannot be empty");
        }
        let mut conditions = Vec::new();
        for (index, value) in list.iter().enumerate() {
            let condition = reader.within(Step::Index(index), |reader| {
                let inner = reader.object(value)?;
                read_condition(reader, inner, false)
            });
            conditions.extend(condition);
        }
        (conditions.len() == list.len()).then_some(conditions)
    })
}

fn read_comparison<'a>(reader: &mut Reader<'a>, rule: &'a Object) -> Option<Condition> {
    let variable = reader.path(rule, "Variable", Shape::Reference);
    let mut operators = rule.keys().filter(|name| find(name).is_some());
    let name = match (operators.next(), operators.next()) {
        (Some(name), None) => name,
        (first, _) => {
            let what = if first.is_some() {
                "There should only be one of the following fields"
            } else {
                "This object should have only one of the following fields"
            };
            reader.schema(format!("{what}: [{}]", operator_names().join(", ")));
            return None;
        }
    };
    let (operator, right, is_path) = find(name)?;
    let operand = if is_path {
        Operand::Path(reader.path(rule, name, Shape::Reference)?)
    } else {
        let value = rule.get(name)?;
        reader.field(name, |reader| check_literal(reader, right, value))?;
        Operand::Literal(value.clone())
    };
    Some(Condition::Compare { variable: variable?, operator, operand })
}

fn operator_names() -> Vec<String> {
    let mut names = Vec::new();
    for (name, _, right) in OPERATORS {
        names.push((*name).to_owned());
        if !matches!(right, Right::Test | Right::Pattern) {
            names.push(format!("{name}Path"));
        }
    }
    names
}

fn check_literal(reader: &mut Reader<'_>, right: Right, value: &Value) -> Option<()> {
    let refusal = match (right, value) {
        (Right::Text | Right::Pattern, Value::String(_))
        | (Right::Number, Value::Number(_))
        | (Right::Flag | Right::Test, Value::Bool(_)) => return Some(()),
        (Right::Moment, Value::String(text)) if timestamp::parse(text).is_some() => {
            return Some(());
        }
        (Right::Moment, Value::String(_)) => "String does not match RFC3339 timestamp",
        (Right::Text | Right::Pattern | Right::Moment, _) => "Expected value of type String",
        (Right::Number, _) => "Expected value of type Number",
        (Right::Flag | Right::Test, _) => "Expected value of type Boolean",
    };
    reader.schema(refusal);
    None
}
