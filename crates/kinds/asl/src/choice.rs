//! Choice states: which rule applies.
//!
//! Source: "Choice workflow state" in the Step Functions developer guide and the States Language
//! specification; the causes are AWS's.

use std::cmp::Ordering;

use serde_json::Value;

use crate::definition::{Condition, Operand, Operator, Rule, StateId};
use crate::jsonpath::{EvalError, Path};
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
        let present =
            documents.exists(variable).map_err(|error| RuntimeError::path(variable, &error))?;
        return Ok(matches!(operand, Operand::Literal(Value::Bool(wanted)) if *wanted == present));
    }
    let missing = |path: &Path, error: EvalError| match error {
        EvalError::Null => RuntimeError::path(path, &error),
        _ => RuntimeError::runtime(format!(
            "Invalid path '{}': The choice state's condition path references an invalid value.",
            path.source()
        )),
    };
    let left = documents.read(variable).map_err(|error| missing(variable, error))?;
    match operand {
        Operand::Literal(right) => Ok(holds(operator, &left, right)),
        Operand::Path(path) => {
            let right = documents.read(path).map_err(|error| missing(path, error))?;
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::definition::{MachineType, StateKind, parse};

    /// Where a Choice with this rule leads: `Yes`, `No` or the failure.
    fn outcome(rule: &Value, input: &Value) -> String {
        let mut rule = rule.clone();
        rule["Next"] = json!("Yes");
        let text = json!({"StartAt": "C", "States": {
            "C": {"Type": "Choice", "Choices": [rule], "Default": "No"},
            "Yes": {"Type": "Succeed"}, "No": {"Type": "Succeed"}}});
        let definition = parse(&text.to_string(), MachineType::Standard).expect("it is accepted");
        let StateKind::Choice { rules, default } = &definition.states[0].kind else {
            panic!("a Choice")
        };
        let documents = Documents { input, context: &json!({"Execution": {"Input": {"n": 1}}}) };
        match choose(rules, *default, documents) {
            Ok(id) => definition.state(id).map(|state| state.name.to_string()).unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    fn holds_for(operator: &str, right: Value, left: Value) -> bool {
        let rule = json!({"Variable": "$.v", operator: right});
        match outcome(&rule, &json!({"v": left})).as_str() {
            "Yes" => true,
            "No" => false,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn operators_compare_values_of_their_type_only() {
        let rows = [
            ("StringEquals", json!("a"), json!("a"), true),
            ("StringEquals", json!("1"), json!(1), false),
            ("StringLessThan", json!("b"), json!("a"), true),
            ("StringGreaterThanEquals", json!("b"), json!("b"), true),
            // Java's order: U+1F600 is two surrogates, which are below U+FFFF.
            ("StringLessThan", json!("\u{ffff}"), json!("\u{1f600}"), true),
            ("NumericEquals", json!(1), json!(1.0), true),
            ("NumericEquals", json!(1), json!("1"), false),
            (
                "NumericLessThan",
                json!(9_007_199_254_740_993_i64),
                json!(9_007_199_254_740_992_i64),
                true,
            ),
            ("NumericGreaterThan", json!(0.5), json!(1), true),
            ("BooleanEquals", json!(true), json!(true), true),
            ("BooleanEquals", json!(false), json!(null), false),
            (
                "TimestampEquals",
                json!("2016-12-05T21:29:29Z"),
                json!("2016-12-05T22:29:29+01:00"),
                true,
            ),
            (
                "TimestampLessThan",
                json!("2016-12-05T21:29:29Z"),
                json!("2016-12-05T21:29:28.9Z"),
                true,
            ),
            ("TimestampEquals", json!("2016-12-05T21:29:29Z"), json!("now"), false),
            ("IsNull", json!(true), json!(null), true),
            ("IsNull", json!(false), json!(1), true),
            ("IsPresent", json!(true), json!(null), true),
            ("IsNumeric", json!(true), json!("1"), false),
            ("IsNumeric", json!(false), json!("1"), true),
            ("IsString", json!(true), json!(""), true),
            ("IsBoolean", json!(true), json!(false), true),
            ("IsTimestamp", json!(true), json!("2016-12-05T21:29:29Z"), true),
            ("IsTimestamp", json!(true), json!("2016-12-05"), false),
        ];
        for (operator, right, left, expected) in rows {
            assert_eq!(
                holds_for(operator, right.clone(), left.clone()),
                expected,
                "{left} {operator} {right}"
            );
        }
    }

    #[test]
    fn patterns_have_asterisks_and_escapes() {
        let rows = [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("**", "x", true),
            ("a\\*", "a*", true),
            ("a\\*", "ab", false),
            ("a\\\\*", "a\\b", true),
            ("log-*.txt", "log-é.txt", true),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(matches(text, pattern), expected, "{text} {pattern}");
        }
        let many = "a*".repeat(100_000);
        assert!(!matches(&"a".repeat(200_000), &format!("{many}b")));
    }

    #[test]
    fn conditions_are_joined_and_stop_early() {
        let missing = json!({"Variable": "$.missing", "IsNull": true});
        let yes = json!({"Variable": "$.v", "NumericEquals": 1});
        let no = json!({"Variable": "$.v", "NumericEquals": 2});
        let absent = "States.Runtime: Invalid path '$.missing': The choice state's condition path \
                      references an invalid value.";
        let rows = [
            (json!({"And": [yes, yes]}), "Yes"),
            (json!({"And": [yes, no]}), "No"),
            (json!({"And": [no, missing]}), "No"),
            (json!({"Or": [no, yes]}), "Yes"),
            (json!({"Or": [yes, missing]}), "Yes"),
            (json!({"Not": no}), "Yes"),
            (json!({"Not": {"And": [yes, {"Not": no}]}}), "No"),
            (missing.clone(), absent),
            (json!({"Or": [no, missing]}), absent),
            (json!({"Variable": "$.missing", "IsPresent": false}), "Yes"),
            (json!({"Variable": "$.v", "NumericEqualsPath": "$.w"}), "Yes"),
            (json!({"Variable": "$.v", "NumericEqualsPath": "$$.Execution.Input.n"}), "Yes"),
            (json!({"Variable": "$.v", "NumericEqualsPath": "$.missing"}), absent),
        ];
        for (rule, expected) in rows {
            assert_eq!(outcome(&rule, &json!({"v": 1, "w": 1})), expected, "{rule}");
        }
    }

    // awslabs/states-language issue 29 shows it.
    #[test]
    fn no_path_leads_into_null() {
        let null = "States.Runtime: Unable to apply Path transformation to null or empty input.";
        let rows = [
            (json!({"Variable": "$", "IsString": true}), null),
            (json!({"Variable": "$", "IsPresent": true}), null),
            (json!({"Variable": "$.a", "NumericEquals": 1}), null),
            (json!({"Variable": "$$.Execution.Input.n", "NumericEquals": 1}), "Yes"),
        ];
        for (rule, expected) in rows {
            assert_eq!(outcome(&rule, &Value::Null), expected, "{rule}");
        }
    }

    #[test]
    fn no_rule_and_no_default_fails() {
        let documents = Documents { input: &json!({}), context: &json!({}) };
        let error = choose(&[], None, documents).expect_err("nothing applies");
        assert_eq!(
            error.cause_in("C", 2),
            "An error occurred while executing the state 'C' (entered at the event id #2). Failed \
             to transition out of the state. The state does not point to a next state."
        );
    }
}
