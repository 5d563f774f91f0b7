//! What is wrong with a definition, in AWS's words.

use std::fmt;

/// How many problems of one definition are kept; one more is never useful.
pub(super) const DIAGNOSTICS_MAX: usize = 1000;

/// A name in a location is cut at this many characters.
const NAME_CHARS_MAX: usize = 256;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The definition is refused.
    Error,
    /// The definition is accepted; ValidateStateMachineDefinition mentions it.
    Warning,
}

impl Severity {
    /// AWS's spelling.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
        }
    }
}

/// The kind of a problem.
///
/// Source: API_ValidateStateMachineDefinitionDiagnostic in the Step Functions API reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The text is not JSON.
    InvalidJsonDescription,
    /// There is no text.
    MissingDescription,
    /// A field is missing, unknown, or has a wrong value.
    SchemaValidationFailed,
    /// No state ends the workflow.
    MissingEndState,
    /// A state name is used twice.
    DuplicateStateName,
    /// A state name is too long.
    InvalidStateName,
    /// A transition leads nowhere, or nothing leads to a state.
    MissingTransitionTarget,
    /// Correct, but not built yet. AWS has no such code.
    UnsupportedByTrackway,
}

impl Code {
    /// The spelling that clients see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Code::InvalidJsonDescription => "INVALID_JSON_DESCRIPTION",
            Code::MissingDescription => "MISSING_DESCRIPTION",
            Code::SchemaValidationFailed => "SCHEMA_VALIDATION_FAILED",
            Code::MissingEndState => "MISSING_END_STATE",
            Code::DuplicateStateName => "DUPLICATE_STATE_NAME",
            Code::InvalidStateName => "INVALID_STATE_NAME",
            Code::MissingTransitionTarget => "MISSING_TRANSITION_TARGET",
            Code::UnsupportedByTrackway => "UNSUPPORTED_BY_TRACKWAY",
        }
    }
}

/// One problem of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Its kind.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Where: `/States/Wait/Timestamp`; AWS gives none for a workflow without an end.
    pub location: Option<String>,
}

impl Diagnostic {
    pub(super) fn error(code: Code, message: impl Into<String>, location: Option<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), location }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = self.location.as_deref().unwrap_or("null");
        write!(f, "{}: {} at {location}", self.code.as_str(), self.message)
    }
}

/// The message of the `InvalidDefinition` error that CreateStateMachine and UpdateStateMachine
/// answer with: all errors, warnings left out.
///
/// Source: recorded answers, such as `Invalid State Machine Definition:
/// 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'`.
#[must_use]
pub fn to_aws_message(diagnostics: &[Diagnostic]) -> String {
    let errors: Vec<String> = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .map(Diagnostic::to_string)
        .collect();
    format!("Invalid State Machine Definition: '{}'", errors.join(", "))
}

/// One step of a location.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    /// A field or state name.
    Name(&'a str),
    /// An index of a list.
    Index(usize),
}

/// Writes a location: `/States/Choice/Choices[0]/Next`; the top is `/`.
pub(super) fn location(steps: &[Step<'_>]) -> String {
    if steps.is_empty() {
        return "/".to_owned();
    }
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Name(name) => {
                text.push('/');
                match name.char_indices().nth(NAME_CHARS_MAX) {
                    Some((end, _)) => {
                        text.push_str(&name[..end]);
                        text.push_str("...");
                    }
                    None => text.push_str(name),
                }
            }
            Step::Index(index) => {
                text.push_str(&format!("[{index}]"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_problems_are_joined_as_aws_joins_them() {
        let two = [
            Diagnostic::error(
                Code::MissingTransitionTarget,
                "Missing 'Next' target: pass3",
                Some("/States/pass1/Next".to_owned()),
            ),
            Diagnostic::error(Code::MissingEndState, "Workflow has no terminal state", None),
        ];
        assert_eq!(
            to_aws_message(&two),
            "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' \
             target: pass3 at /States/pass1/Next, MISSING_END_STATE: Workflow has no terminal \
             state at null'"
        );
    }

    #[test]
    fn locations_read_as_aws_writes_them() {
        let steps =
            [Step::Name("States"), Step::Name("A b"), Step::Name("Choices"), Step::Index(2)];
        assert_eq!(location(&steps), "/States/A b/Choices[2]");
        assert_eq!(location(&[]), "/");
    }
}
