//! The rule `VariableCheck`: whether a variable is, has or matches a text.
//!
//! Source: "VariableCheck" of the rule reference. `MATCHES` is Java's `matches`: the expression
//! must cover the whole value.

use serde_json::{Map, Value};
use trackway_core::pattern::{matches, whole};

use super::{Failure, text};

/// What the rule compares with.
const OPERATORS: [&str; 4] = ["EQ", "NE", "CONTAINS", "MATCHES"];

/// What is wrong with a configuration, as far as it doesn't refer to variables.
pub(super) fn problem(configuration: &Map<String, Value>) -> Option<(&'static str, String)> {
    let operator = text(configuration, "Operator").filter(|text| !text.contains("#{"))?;
    if !OPERATORS.contains(&operator) {
        return Some(("Operator", "it must be one of EQ, NE, CONTAINS, MATCHES".to_owned()));
    }
    let value = text(configuration, "Value").filter(|text| !text.contains("#{"))?;
    if operator != "MATCHES" {
        return None;
    }
    let why = whole(value).err()?;
    Some(("Value", format!("it is not a regular expression: {why}")))
}

/// Whether the rule holds, of a configuration with its variables resolved: what it found.
///
/// # Errors
/// It doesn't hold, or is not valid.
pub(super) fn check(configuration: &Map<String, Value>) -> Result<String, Failure> {
    if let Some((key, why)) = problem(configuration) {
        return Err(Failure::configuration(format!("{key} is not valid: {why}")));
    }
    let get = |key| {
        text(configuration, key).ok_or_else(|| Failure::configuration(format!("{key} is missing")))
    };
    let (variable, operator, value) = (get("Variable")?, get("Operator")?, get("Value")?);
    let (holds, words) = match operator {
        "EQ" => (variable == value, ["equals", "does not equal"]),
        "NE" => (variable != value, ["does not equal", "equals"]),
        "CONTAINS" => (variable.contains(value), ["contains", "does not contain"]),
        _ => {
            let pattern = whole(value).map_err(Failure::configuration)?;
            (matches(&pattern, variable), ["matches", "does not match"])
        }
    };
    let found = |words: &str| format!("'{variable}' {words} '{value}'");
    if holds { Ok(found(words[0])) } else { Err(Failure::check(found(words[1]))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(variable: &str, operator: &str, value: &str) -> Result<String, Failure> {
        let configuration = json!({ "Variable": variable, "Operator": operator, "Value": value });
        check(configuration.as_object().unwrap())
    }

    #[test]
    fn operators_compare() {
        for (variable, operator, value, holds) in [
            ("main", "EQ", "main", true),
            ("main", "EQ", "Main", false),
            ("", "EQ", "", true),
            ("main", "NE", "main", false),
            ("main", "NE", "dev", true),
            ("release/1.2", "CONTAINS", "release", true),
            ("release/1.2", "CONTAINS", "", true),
            ("release/1.2", "CONTAINS", "RELEASE", false),
            ("release/1.2", "MATCHES", r"release/\d+\.\d+", true),
            ("release/1.2", "MATCHES", r"release", false),
            ("release/1.2", "MATCHES", r"(?i)RELEASE.*", true),
            ("fix\nmore", "MATCHES", "fix.*", false),
            ("hotfix", "MATCHES", "(?!release).*", true),
            // More steps back than it may take: it doesn't match.
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "MATCHES", r"(a+)+\1c", false),
        ] {
            let found = checked(variable, operator, value);
            assert_eq!(found.is_ok(), holds, "{variable} {operator} {value}: {found:?}");
            assert!(found.err().is_none_or(|failure| failure.code == "JobFailed"));
        }
    }

    #[test]
    fn it_says_what_it_found() {
        assert_eq!(checked("a", "EQ", "a").as_deref(), Ok("'a' equals 'a'"));
        let failure = checked("a", "MATCHES", "b").unwrap_err();
        assert_eq!(failure.message, "'a' does not match 'b'");
    }

    #[test]
    fn what_is_not_valid_is_an_error_of_the_configuration() {
        for (variable, operator, value) in
            [("a", "eq", "a"), ("a", "GT", "a"), ("a", "MATCHES", "(")]
        {
            let failure = checked(variable, operator, value).unwrap_err();
            assert_eq!(failure.code, "ConfigurationError", "{operator} {value}");
        }
        let empty = check(&Map::new()).unwrap_err();
        assert_eq!(empty.message, "Variable is missing");
    }

    #[test]
    fn what_refers_to_variables_is_judged_when_they_are_known() {
        let configuration =
            json!({ "Variable": "#{a.b}", "Operator": "#{a.op}", "Value": "#{a.c}" });
        assert_eq!(problem(configuration.as_object().unwrap()), None);
        let configuration = json!({ "Variable": "x", "Operator": "MATCHES", "Value": "(#{a.c}" });
        assert_eq!(problem(configuration.as_object().unwrap()), None);
    }
}
