//! What a state is evaluated against, and how that fails.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use crate::intrinsic::Env;
use crate::jsonpath::{EvalError, Path, Root};

/// An evaluation that failed: the state fails, and with it the execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeError {
    /// The error's name, such as `States.Runtime`.
    pub error: String,
    /// Why, without AWS's `An error occurred while executing the state '…' (entered at the event
    /// id #…). ` in front.
    pub cause: String,
    /// Whether AWS puts that sentence in front of the cause.
    pub prefixed: bool,
}

impl RuntimeError {
    /// `States.Runtime`, which no Catch and no Retry sees.
    #[must_use]
    pub fn runtime(cause: impl Into<String>) -> Self {
        Self { error: "States.Runtime".to_owned(), cause: cause.into(), prefixed: true }
    }

    /// A `States.Runtime` for a path that leads nowhere.
    pub(crate) fn path(path: &Path, error: &EvalError) -> Self {
        match error {
            EvalError::Null => Self::runtime(error.to_string()),
            _ => Self::runtime(format!("Invalid path '{}' : {error}", path.rewritten())),
        }
    }

    /// The whole cause, as events show it.
    #[must_use]
    pub fn cause_in(&self, state: &str, entered_id: u64) -> String {
        if !self.prefixed {
            return self.cause.clone();
        }
        format!(
            "An error occurred while executing the state '{state}' (entered at the event id \
             #{entered_id}). {}",
            self.cause
        )
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error, self.cause)
    }
}

impl std::error::Error for RuntimeError {}

/// The context object, which may be made only when a path asks for it.
pub trait Context: fmt::Debug {
    /// The document that this path searches.
    fn document(&self, path: &Path) -> &Value;
}

impl Context for Value {
    fn document(&self, _: &Path) -> &Value {
        self
    }
}

/// The documents that paths lead into.
#[derive(Clone, Copy, Debug)]
pub struct Documents<'v> {
    /// `$`.
    pub input: &'v Value,
    /// `$$`: the context object.
    pub context: &'v dyn Context,
}

impl<'v> Documents<'v> {
    /// The document that a path searches. Definitions with variables are refused when they are
    /// read, so that nothing is found there.
    #[must_use]
    pub fn of(&self, path: &Path) -> &'v Value {
        match path.root() {
            Root::Input => self.input,
            Root::Context => self.context.document(path),
            Root::Variable(_) => &Value::Null,
        }
    }

    /// Reads a path.
    ///
    /// # Errors
    /// The path leads nowhere in its document, or the input is null.
    pub fn read(&self, path: &Path) -> Result<Cow<'v, Value>, EvalError> {
        self.check(path)?;
        path.evaluate(self.of(path))
    }

    /// Tells whether a path leads anywhere.
    ///
    /// # Errors
    /// The input is null.
    pub fn exists(&self, path: &Path) -> Result<bool, EvalError> {
        self.check(path)?;
        Ok(path.exists(self.of(path)))
    }

    fn check(&self, path: &Path) -> Result<(), EvalError> {
        match path.root() {
            Root::Input if self.input.is_null() => Err(EvalError::Null),
            _ => Ok(()),
        }
    }
}

/// Where intrinsic functions take their random numbers from. The engine hands them in, so that the
/// same input gives the same output.
pub trait Randomness {
    /// A fresh UUID, version 4, in lower case.
    fn uuid(&mut self) -> String;
    /// 64 random bits.
    fn random(&mut self) -> u64;
}

/// What a template is evaluated with.
pub struct Scope<'v, 'r> {
    /// The documents.
    pub documents: Documents<'v>,
    /// The randomness.
    pub randomness: &'r mut dyn Randomness,
}

impl<'v> Env<'v> for Scope<'v, '_> {
    fn resolve(&mut self, path: &Path) -> Result<Cow<'v, Value>, EvalError> {
        self.documents.read(path)
    }

    fn uuid(&mut self) -> String {
        self.randomness.uuid()
    }

    fn random(&mut self) -> u64 {
        self.randomness.random()
    }
}
