//! Rules of conditions: which of them the pipeline decides itself, and how.
//!
//! `VariableCheck` and `DeploymentWindow` need nothing of the world but time, so the machine
//! decides them; every other rule is performed like an action, with the category `Rule`.

mod variable_check;
mod window;

use serde_json::{Map, Value};
use trackway_core::Timestamp;

use crate::request::TypeId;

/// What became of a rule that needs nothing of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, and what was found.
    Holds(String),
    /// It does not hold.
    Fails(Failure),
    /// It can't hold before then.
    WaitsUntil(Timestamp),
}

/// Why a rule does not hold: `errorDetails`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// `JobFailed`: it was checked and does not hold. `ConfigurationError`: it can't be checked.
    pub code: &'static str,
    /// What is to be said of it.
    pub message: String,
}

impl Failure {
    fn check(message: impl Into<String>) -> Self {
        Self { code: "JobFailed", message: message.into() }
    }

    fn configuration(message: impl Into<String>) -> Self {
        Self { code: "ConfigurationError", message: message.into() }
    }
}

/// Whether the pipeline decides rules of this type itself.
#[must_use]
pub fn is_decided_here(type_id: &TypeId) -> bool {
    type_id.owner == "AWS"
        && matches!(type_id.provider.as_str(), "VariableCheck" | "DeploymentWindow")
}

/// Decides a rule that is decided here, of a configuration with its variables resolved.
#[must_use]
pub fn decide(type_id: &TypeId, configuration: &Map<String, Value>, now: Timestamp) -> Verdict {
    if type_id.provider == "DeploymentWindow" {
        return window::decide(configuration, now);
    }
    match variable_check::check(configuration) {
        Ok(found) => Verdict::Holds(found),
        Err(failure) => Verdict::Fails(failure),
    }
}

/// What is wrong with the configuration of a rule that is decided here, as far as it doesn't refer
/// to variables: the key, and why. For the checks when a pipeline is created. Whether all keys are there and known is
/// for the rule's type to say.
#[must_use]
pub fn problem(
    type_id: &TypeId,
    configuration: &Map<String, Value>,
) -> Option<(&'static str, String)> {
    if !is_decided_here(type_id) {
        return None;
    }
    match type_id.provider.as_str() {
        "DeploymentWindow" => window::problem(configuration),
        _ => variable_check::problem(configuration),
    }
}

fn text<'c>(configuration: &'c Map<String, Value>, key: &str) -> Option<&'c str> {
    configuration.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(provider: &str) -> TypeId {
        let text = |text: &str| text.to_owned();
        TypeId {
            category: text("Rule"),
            owner: text("AWS"),
            provider: text(provider),
            version: text("1"),
        }
    }

    #[test]
    fn two_types_are_decided_here() {
        for (provider, is_here) in [
            ("VariableCheck", true),
            ("DeploymentWindow", true),
            ("LambdaInvoke", false),
            ("CloudWatchAlarm", false),
            ("Commands", false),
            ("CodeBuild", false),
        ] {
            assert_eq!(is_decided_here(&of(provider)), is_here, "{provider}");
        }
    }

    #[test]
    fn each_type_reads_its_own_configuration() {
        let check = json!({ "Variable": "a", "Operator": "EQ", "Value": "a" });
        let verdict = decide(&of("VariableCheck"), check.as_object().unwrap(), Timestamp(0));
        assert_eq!(verdict, Verdict::Holds("'a' equals 'a'".to_owned()));
        let always = json!({ "Cron": "* * * ? * *" });
        let verdict = decide(&of("DeploymentWindow"), always.as_object().unwrap(), Timestamp(0));
        assert!(matches!(verdict, Verdict::Holds(_)), "{verdict:?}");
        assert_eq!(problem(&of("DeploymentWindow"), always.as_object().unwrap()), None);
        let wrong = json!({ "Cron": "* * *" });
        assert!(problem(&of("DeploymentWindow"), wrong.as_object().unwrap()).is_some());
        assert_eq!(problem(&of("LambdaInvoke"), wrong.as_object().unwrap()), None);
    }
}
