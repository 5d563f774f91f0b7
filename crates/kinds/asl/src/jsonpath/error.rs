//! Why a path could not be parsed, read or written.

/// Says why a text is not a path, in the words of Jayway's `InvalidPathException`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// The reason, ready to be shown to a caller.
    pub message: String,
    /// Where it was noticed, in characters from the start of the path (the `$$` and `$name` roots
    /// count as one character, since AWS rewrites them to `$`).
    pub position: usize,
}

/// Says why a path found no value. The texts are Jayway's; AWS shows them after
/// `Invalid path '<path>' : `.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// A definite path leads nowhere (Jayway's `PathNotFoundException`).
    #[error("{0}")]
    NotFound(String),
    /// The last step of a definite path is an index outside its array. Kept apart because AWS
    /// gives `null` for it in a payload template, but an error in intrinsic arguments and elsewhere.
    #[error("{0}")]
    PastEnd(String),
    /// An index or slice met something that is not an array.
    #[error("{0}")]
    NotAnArray(String),
    /// The path can not be applied to this document (an unknown function, an empty aggregation).
    #[error("{0}")]
    Invalid(String),
    /// AWS searches no document that is null, not even for its root.
    #[error("Unable to apply Path transformation to null or empty input.")]
    Null,
    /// The evaluation was stopped by [`super::STEPS_MAX`].
    #[error("the path needs too many steps on this document")]
    Exhausted,
}

impl EvalError {
    /// Tells whether the value is merely absent, as opposed to the path not fitting the document.
    pub fn is_missing(&self) -> bool {
        matches!(self, EvalError::NotFound(_) | EvalError::PastEnd(_))
    }
}

/// Says where a reference path does not fit a document, in the words that published failures of
/// AWS show: `Unable to apply step "orders" to input {}`. Reading `ItemsPath` it is the cause of
/// `States.ReferencePathConflict`, writing `ResultPath` of `States.ResultPathMatchFailure`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Unable to apply step \"{step}\" to input {input}")]
pub struct StepError {
    /// The name or index that found nothing.
    pub step: String,
    /// The value that the step was applied to, as JSON.
    pub input: String,
}
