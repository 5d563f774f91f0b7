//! The comparisons of aws:branch and of a loop's condition.

use serde_json::Value;

use crate::document::reference::{Lookup, Template, Unresolved, as_text};
use crate::document::{Condition, Operator};

/// A condition with its references found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rule {
    Test { variable: Template, operator: Operator, operand: Template },
    And(Vec<Rule>),
    Or(Vec<Rule>),
    Not(Vec<Rule>),
}

impl Rule {
    pub(crate) fn of(condition: &Condition) -> Self {
        let all = |conditions: &[Condition]| conditions.iter().map(Self::of).collect();
        match condition {
            Condition::Test(test) => Self::Test {
                variable: Template::parse(&test.variable),
                operator: test.operator,
                operand: Template::parse(&test.operand),
            },
            Condition::And(conditions) => Self::And(all(conditions)),
            Condition::Or(conditions) => Self::Or(all(conditions)),
            Condition::Not(conditions) => Self::Not(all(conditions)),
        }
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// A reference that stands for nothing, in a comparison that was needed.
    pub(crate) fn holds(&self, lookup: &dyn Lookup) -> Result<bool, Unresolved> {
        match self {
            Self::Test { variable, operator, operand } => {
                let (variable, operand) = (variable.resolve(lookup)?, operand.resolve(lookup)?);
                Ok(compare(*operator, &variable, &operand))
            }
            Self::And(rules) => {
                for rule in rules {
                    if !rule.holds(lookup)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Or(rules) => any(rules, lookup),
            Self::Not(rules) => Ok(!any(rules, lookup)?),
        }
    }
}

fn any(rules: &[Rule], lookup: &dyn Lookup) -> Result<bool, Unresolved> {
    for rule in rules {
        if rule.holds(lookup)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Compares; values that the operator does not fit are not equal, greater or lesser.
fn compare(operator: Operator, variable: &Value, operand: &Value) -> bool {
    let numbers = || Some((number(variable)?, number(operand)?));
    let texts = || (as_text(variable), as_text(operand));
    match operator {
        Operator::StringEquals => {
            let (left, right) = texts();
            left == right
        }
        Operator::EqualsIgnoreCase => {
            let (left, right) = texts();
            left.to_lowercase() == right.to_lowercase()
        }
        Operator::StartsWith => {
            let (left, right) = texts();
            left.starts_with(&right)
        }
        Operator::EndsWith => {
            let (left, right) = texts();
            left.ends_with(&right)
        }
        Operator::Contains => match variable {
            Value::Array(items) => items.iter().any(|item| as_text(item) == as_text(operand)),
            _ => {
                let (left, right) = texts();
                left.contains(&right)
            }
        },
        Operator::NumericEquals => numbers().is_some_and(|(left, right)| left == right),
        Operator::NumericGreater => numbers().is_some_and(|(left, right)| left > right),
        Operator::NumericLesser => numbers().is_some_and(|(left, right)| left < right),
        Operator::NumericGreaterOrEquals => numbers().is_some_and(|(left, right)| left >= right),
        Operator::NumericLesserOrEquals => numbers().is_some_and(|(left, right)| left <= right),
        Operator::BooleanEquals => match (boolean(variable), boolean(operand)) {
            (Some(left), Some(right)) => left == right,
            _ => false,
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::Test;

    #[test]
    fn every_operator_compares_as_the_reference_says() {
        use Operator::{
            BooleanEquals, Contains, EndsWith, EqualsIgnoreCase, NumericEquals, NumericGreater,
            NumericGreaterOrEquals, NumericLesser, NumericLesserOrEquals, StartsWith, StringEquals,
        };
        let cases = [
            (StringEquals, json!("a"), json!("a"), true),
            (StringEquals, json!("a"), json!("A"), false),
            (StringEquals, json!(1), json!("1"), true),
            (EqualsIgnoreCase, json!("aB"), json!("Ab"), true),
            (StartsWith, json!("abc"), json!("ab"), true),
            (StartsWith, json!("abc"), json!("bc"), false),
            (EndsWith, json!("abc"), json!("bc"), true),
            (Contains, json!("abc"), json!("b"), true),
            (Contains, json!(["abc", "d"]), json!("d"), true),
            (Contains, json!(["abc", "d"]), json!("b"), false),
            (NumericEquals, json!(1), json!(1.0), true),
            (NumericEquals, json!("2"), json!(2), true),
            (NumericEquals, json!("x"), json!(2), false),
            (NumericGreater, json!(3), json!(2), true),
            (NumericLesser, json!(3), json!(2), false),
            (NumericGreaterOrEquals, json!(2), json!(2), true),
            (NumericLesserOrEquals, json!(3), json!(2), false),
            (BooleanEquals, json!(true), json!("True"), true),
            (BooleanEquals, json!("false"), json!(true), false),
            (BooleanEquals, json!("x"), json!(true), false),
        ];
        for (operator, variable, operand, expected) in cases {
            assert_eq!(compare(operator, &variable, &operand), expected, "{operator:?} {variable}");
        }
    }

    #[test]
    fn and_or_and_not_are_made_of_comparisons() {
        let is = |value: &str| {
            Condition::Test(Test {
                variable: json!("{{ X }}"),
                operator: Operator::StringEquals,
                operand: json!(value),
            })
        };
        let lookup = |_: &crate::document::reference::Reference| Some(json!("x"));
        for (condition, expected) in [
            (Condition::And(vec![is("x"), is("y")]), false),
            (Condition::And(vec![is("x"), Condition::Not(vec![is("y")])]), true),
            (Condition::Or(vec![is("y"), is("x")]), true),
            (Condition::Not(vec![is("y"), is("x")]), false),
        ] {
            assert_eq!(Rule::of(&condition).holds(&lookup), Ok(expected), "{condition:?}");
        }
    }
}
