//! Choice states: which rule applies.
//!
//! Source: "Choice workflow state" in the Step Functions developer guide and the States Language
//! specification; the causes are AWS's.

use std::cmp::Ordering;

use serde_json::Value;

use crate::definition::{Condition, Operand, Operator, Rule, StateId};
use crate::jsonpath::Path;
use crate::runtime::{Documents, RuntimeError};
use crate::timestamp;

/// Where a Choice leads: the first rule that applies, else the default.
///
/// # Errors
/// A rule reads a value that is not there, or no rule applies and there is no default:
/// `States.Runtime`. (The developer guide names the latter `States.NoChoiceMatched`; AWS itself
/// answers with this error and cause.)
pub fn choose(
    rules: &[Rule],
    default: Option<StateId>,
    documents: Documents<'_>,
) -> Result<StateId, RuntimeError> {
    for rule in rules {
        if rule.condition.evaluate(documents)? {
            return Ok(rule.next);
        }
    }
    default.ok_or_else(|| {
        RuntimeError::runtime(
            "Failed to transition out of the state. The state does not point to a next state.",
        )
    })
}

impl Condition {
    /// Whether the condition holds. A value of another type than the operator's compares as false.
    ///
    /// # Errors
    /// A path that is compared leads nowhere: `States.Runtime`. What `And` and `Or` do not need is
    /// not looked at.
    pub fn evaluate(&self, documents: Documents<'_>) -> Result<bool, RuntimeError> {
        match self {
            Condition::And(all) => {
                for condition in all {
                    if !condition.evaluate(documents)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Condition::Or(any) => {
                for condition in any {
                    if condition.evaluate(documents)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Condition::Not(inner) => Ok(!inner.evaluate(documents)?),
            Condition::Compare { variable, operator, operand } => {
                compare(variable, *operator, operand, documents)
            }
        }
    }
}

fn compare(
    variable: &Path,
    operator: Operator,
    operand: &Operand,
    documents: Documents<'_>,
) -> Result<bool, RuntimeError> {
    if operator == Operator::IsPresent {
        let present = variable.exists(documents.of(variable));
        return Ok(matches!(operand, Operand::Literal(Value::Bool(wanted)) if *wanted == present));
    }
    let missing = |path: &Path| {
        RuntimeError::runtime(format!(
            "Invalid path '{}': The choice state's condition path references an invalid value.",
            path.source()
        ))
    };
    let left = documents.read(variable).map_err(|_| missing(variable))?;
    match operand {
        Operand::Literal(right) => Ok(holds(operator, &left, right)),
        Operand::Path(path) => {
            let right = documents.read(path).map_err(|_| missing(path))?;
            Ok(holds(operator, &left, &right))
        }
    }
}

fn holds(operator: Operator, left: &Value, right: &Value) -> bool {
    let is = |found: bool| right.as_bool() == Some(found);
    let ordered =
        |ordering: Option<Ordering>, accepts: fn(Ordering) -> bool| ordering.is_some_and(accepts);
    match operator {
        Operator::StringEquals => ordered(texts(left, right), Ordering::is_eq),
        Operator::StringLessThan => ordered(texts(left, right), Ordering::is_lt),
        Operator::StringGreaterThan => ordered(texts(left, right), Ordering::is_gt),
        Operator::StringLessThanEquals => ordered(texts(left, right), Ordering::is_le),
        Operator::StringGreaterThanEquals => ordered(texts(left, right), Ordering::is_ge),
        Operator::StringMatches => {
            left.as_str().zip(right.as_str()).is_some_and(|(text, pattern)| matches(text, pattern))
        }
        Operator::NumericEquals => ordered(numbers(left, right), Ordering::is_eq),
        Operator::NumericLessThan => ordered(numbers(left, right), Ordering::is_lt),
        Operator::NumericGreaterThan => ordered(numbers(left, right), Ordering::is_gt),
        Operator::NumericLessThanEquals => ordered(numbers(left, right), Ordering::is_le),
        Operator::NumericGreaterThanEquals => ordered(numbers(left, right), Ordering::is_ge),
        Operator::BooleanEquals => left.is_boolean() && left == right,
        Operator::TimestampEquals => ordered(moments(left, right), Ordering::is_eq),
        Operator::TimestampLessThan => ordered(moments(left, right), Ordering::is_lt),
        Operator::TimestampGreaterThan => ordered(moments(left, right), Ordering::is_gt),
        Operator::TimestampLessThanEquals => ordered(moments(left, right), Ordering::is_le),
        Operator::TimestampGreaterThanEquals => ordered(moments(left, right), Ordering::is_ge),
        Operator::IsNull => is(left.is_null()),
        Operator::IsPresent => is(true),
        Operator::IsNumeric => is(left.is_number()),
        Operator::IsString => is(left.is_string()),
        Operator::IsBoolean => is(left.is_boolean()),
        Operator::IsTimestamp => is(moment(left).is_some()),
    }
}

/// Texts are ordered as Java orders them, by UTF-16 units.
fn texts(left: &Value, right: &Value) -> Option<Ordering> {
    let (left, right) = (left.as_str()?, right.as_str()?);
    Some(left.encode_utf16().cmp(right.encode_utf16()))
}

fn numbers(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return Some(left.cmp(&right));
    }
    left.as_f64()?.partial_cmp(&right.as_f64()?)
}

fn moments(left: &Value, right: &Value) -> Option<Ordering> {
    Some(moment(left)?.cmp(&moment(right)?))
}

fn moment(value: &Value) -> Option<jiff::Timestamp> {
    timestamp::parse(value.as_str()?)
}

/// `StringMatches`: `*` stands for any text, `\*` for an asterisk and `\\` for a backslash. Each
/// part between asterisks is searched for once, so that the time is bounded.
fn matches(text: &str, pattern: &str) -> bool {
    let parts = split_pattern(pattern);
    let [first, middle @ .., last] = parts.as_slice() else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some(mut rest) = text.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        let Some(at) = rest.find(part.as_str()) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last.as_str())
}

/// The parts between asterisks, unescaped; always at least one.
fn split_pattern(pattern: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        let literal = match character {
            '*' => {
                parts.push(String::new());
                continue;
            }
            '\\' => characters.next_if(|next| matches!(next, '*' | '\\')).unwrap_or('\\'),
            other => other,
        };
        if let Some(part) = parts.last_mut() {
            part.push(literal);
        }
    }
    parts
}
