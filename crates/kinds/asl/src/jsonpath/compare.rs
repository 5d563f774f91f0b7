//! Decides whether an element passes a filter, with Jayway's loose comparisons: `1 == '1'`.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::error::EvalError;
use super::evaluate::{Missing, Search};
use super::filter::{Filter, FilterPath, Operand, Operator};
use super::literal;

/// One side of a comparison with its value.
enum Side<'x> {
    /// A path led nowhere; equal to nothing.
    Absent,
    Value(Cow<'x, Value>),
    Pattern(&'x regex::Regex),
}

impl Side<'_> {
    fn value(&self) -> Option<&Value> {
        match self {
            Side::Value(value) => Some(value),
            _ => None,
        }
    }

    fn list(&self) -> Option<&[Value]> {
        self.value().and_then(Value::as_array).map(Vec::as_slice)
    }
}

/// Why a comparison has no answer.
enum Stop {
    /// The sides do not fit the operator: the element is left out, whatever surrounds it.
    Reject,
    Failed(EvalError),
}

impl From<EvalError> for Stop {
    fn from(error: EvalError) -> Stop {
        Stop::Failed(error)
    }
}

/// Tells whether `element` passes `filter`.
pub(super) fn accepts(
    filter: &Filter,
    search: &Search<'_>,
    element: &Value,
) -> Result<bool, EvalError> {
    match holds(filter, search, element) {
        Ok(holds) => Ok(holds),
        Err(Stop::Reject) => Ok(false),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn holds(filter: &Filter, search: &Search<'_>, element: &Value) -> Result<bool, Stop> {
    search.charge(1)?;
    match filter {
        Filter::Or(parts) => {
            for part in parts {
                if holds(part, search, element)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Filter::And(parts) => {
            for part in parts {
                if !holds(part, search, element)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Filter::Not(inner) => holds(inner, search, element).map(|holds| !holds),
        Filter::Exists { path, wanted } => {
            let found = read(path, search, element, Missing::Fail)?.is_some();
            Ok(found == *wanted)
        }
        Filter::Relation(left, operator, right) => {
            let left = side(left, search, element)?;
            let right = side(right, search, element)?;
            for side in [&left, &right] {
                if let Side::Value(value) = side {
                    search.charge_copy(value)?;
                }
            }
            relation(search, &left, *operator, &right)
        }
    }
}

fn side<'x>(
    operand: &'x Operand,
    search: &Search<'x>,
    element: &'x Value,
) -> Result<Side<'x>, EvalError> {
    Ok(match operand {
        Operand::Literal(value) => Side::Value(Cow::Borrowed(value)),
        Operand::Pattern(pattern) => Side::Pattern(pattern),
        Operand::Path(path) => {
            read(path, search, element, Missing::Skip)?.map_or(Side::Absent, Side::Value)
        }
    })
}

/// Reads a path in a filter; a value that is absent, or a path that does not fit, is none.
fn read<'x>(
    path: &FilterPath,
    search: &Search<'x>,
    element: &'x Value,
    missing: Missing,
) -> Result<Option<Cow<'x, Value>>, EvalError> {
    let start = if path.relative { element } else { search.document };
    match search.value(&path.tokens, start, missing) {
        Ok(value) => Ok(Some(value)),
        Err(EvalError::Exhausted) => Err(EvalError::Exhausted),
        Err(_) => Ok(None),
    }
}

fn relation(
    search: &Search<'_>,
    left: &Side<'_>,
    operator: Operator,
    right: &Side<'_>,
) -> Result<bool, Stop> {
    Ok(match operator {
        Operator::Equal => equal_sides(left, right),
        Operator::NotEqual => !equal_sides(left, right),
        Operator::SameTypeEqual => same_type(left, right) && equal_sides(left, right),
        Operator::SameTypeNotEqual => !(same_type(left, right) && equal_sides(left, right)),
        Operator::Less => order(left, right).is_some_and(Ordering::is_lt),
        Operator::LessOrEqual => order(left, right).is_some_and(Ordering::is_le),
        Operator::Greater => order(left, right).is_some_and(Ordering::is_gt),
        Operator::GreaterOrEqual => order(left, right).is_some_and(Ordering::is_ge),
        Operator::Matches => matches(search, left, right)?,
        Operator::In => is_in(search, left, right)?,
        Operator::NotIn => !is_in(search, left, right)?,
        Operator::Contains => contains(search, left, right)?,
        Operator::Size => size(left, right),
        Operator::Empty => empty(left, right)?,
        Operator::All | Operator::SubsetOf | Operator::AnyOf | Operator::NoneOf => {
            lists(search, left, operator, right)?
        }
    })
}

fn equal_sides(left: &Side<'_>, right: &Side<'_>) -> bool {
    match (left, right) {
        (Side::Value(left), Side::Value(right)) => equal(left, right),
        _ => false,
    }
}

/// Compares loosely: a number with the number in a text.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            compare_numbers(left, right) == Some(Ordering::Equal)
        }
        (Value::Number(left), Value::String(right)) => literal::number(right.trim())
            .is_some_and(|right| compare_numbers(left, &right) == Some(Ordering::Equal)),
        // The text on the left decides by spelling, as Jayway's StringNode does.
        (Value::String(left), Value::Number(right)) => *left == right.to_string(),
        (left, right) => left == right,
    }
}

fn compare_numbers(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i128(), right.as_i128()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn same_type(left: &Side<'_>, right: &Side<'_>) -> bool {
    let kind = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) | Value::Object(_) => 4,
    };
    match (left.value(), right.value()) {
        (Some(left), Some(right)) => kind(left) == kind(right),
        _ => false,
    }
}

/// Orders numbers with numbers and texts with texts.
fn order(left: &Side<'_>, right: &Side<'_>) -> Option<Ordering> {
    match (left.value()?, right.value()?) {
        (Value::Number(left), Value::Number(right)) => compare_numbers(left, right),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn matches(search: &Search<'_>, left: &Side<'_>, right: &Side<'_>) -> Result<bool, EvalError> {
    let (pattern, value) = match (left, right) {
        (Side::Pattern(pattern), value) | (value, Side::Pattern(pattern)) => (pattern, value),
        _ => return Ok(false),
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => String::new(),
    };
    let values: &[Value] = match value {
        Side::Value(value) => match value.as_ref() {
            Value::Array(elements) => elements,
            value => std::slice::from_ref(value),
        },
        Side::Absent => &[Value::Null],
        Side::Pattern(_) => return Ok(false),
    };
    for value in values {
        let text = text(value);
        search.charge(1 + text.len() as u64 / 16)?;
        if pattern.is_match(&text) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_in(search: &Search<'_>, left: &Side<'_>, right: &Side<'_>) -> Result<bool, Stop> {
    let list = match right {
        Side::Value(value) => match value.as_ref() {
            Value::Array(list) => list,
            Value::Object(_) => return Ok(false),
            _ => return Err(Stop::Reject),
        },
        _ => return Err(Stop::Reject),
    };
    search.charge(list.len() as u64)?;
    Ok(left.value().is_some_and(|left| list.iter().any(|element| equal(left, element))))
}

fn contains(search: &Search<'_>, left: &Side<'_>, right: &Side<'_>) -> Result<bool, EvalError> {
    Ok(match (left.value(), right.value()) {
        (Some(Value::String(left)), Some(Value::String(right))) => left.contains(right.as_str()),
        (Some(Value::Array(left)), Some(right)) => {
            search.charge(left.len() as u64)?;
            left.iter().any(|element| equal(right, element))
        }
        _ => false,
    })
}

fn size(left: &Side<'_>, right: &Side<'_>) -> bool {
    let Some(wanted) = right.value().and_then(Value::as_f64) else { return false };
    let wanted = wanted as i64;
    match left.value() {
        Some(Value::String(text)) => text.encode_utf16().count() as i64 == wanted,
        Some(Value::Array(elements)) => elements.len() as i64 == wanted,
        Some(Value::Object(_)) => wanted == -1,
        _ => false,
    }
}

fn empty(left: &Side<'_>, right: &Side<'_>) -> Result<bool, Stop> {
    let is_empty = match left.value() {
        Some(Value::String(text)) => text.is_empty(),
        Some(Value::Array(elements)) => elements.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        _ => return Ok(false),
    };
    let wanted = right.value().and_then(Value::as_bool).ok_or(Stop::Reject)?;
    Ok(is_empty == wanted)
}

/// The operators that want a list on both sides.
fn lists(
    search: &Search<'_>,
    left: &Side<'_>,
    operator: Operator,
    right: &Side<'_>,
) -> Result<bool, Stop> {
    let (Some(left), Some(right)) = (left.list(), right.list()) else { return Ok(false) };
    search.charge((left.len() as u64).saturating_mul(right.len() as u64))?;
    let within = |value: &Value, list: &[Value]| list.iter().any(|element| equal(value, element));
    Ok(match operator {
        Operator::All => right.iter().all(|value| within(value, left)),
        Operator::SubsetOf => left.iter().all(|value| within(value, right)),
        Operator::AnyOf => left.iter().any(|value| within(value, right)),
        _ => !left.iter().any(|value| within(value, right)),
    })
}
