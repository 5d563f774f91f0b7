//! Why an intrinsic function failed.

use serde_json::Value;

use super::function::Function;
use crate::jsonpath::EvalError;

/// Says why a call has no value; on AWS always the error `States.Runtime`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntrinsicError {
    /// A path in the arguments has no value.
    #[error("the argument {path} could not be read: {error}")]
    Path {
        /// The path with its root rewritten to `$`, as AWS names it.
        path: String,
        /// Why it has no value.
        error: EvalError,
    },
    /// The arguments do not fit the function.
    #[error("Invalid arguments in {function}{detail}")]
    Arguments {
        /// The function that refused them.
        function: Function,
        /// What is wrong, starting with its own punctuation; may be empty.
        detail: String,
    },
    /// The template of `States.Format` has a brace without its partner.
    #[error("Invalid template in States.Format: {0}")]
    Template(String),
    /// The arguments are larger than [`super::ARGUMENT_BYTES_MAX`].
    #[error("the arguments are too large")]
    TooLarge,
}

impl IntrinsicError {
    /// Writes the cause as AWS does, without the `An error occurred while executing the state`
    /// in front. `expression` is the whole text of the field, even where a nested call failed;
    /// `input` is the input of the state, even where the path searched something else.
    pub fn cause(&self, expression: &str, input: &Value) -> String {
        let detail = match self {
            IntrinsicError::Path { path, error } if error.is_missing() => format!(
                "The JsonPath argument for the field '{path}' could not be found in the input \
                 '{input}'"
            ),
            IntrinsicError::Path { error, .. } => error.to_string(),
            other => other.to_string(),
        };
        format!("The function '{expression}' had the following error: {detail}")
    }
}
