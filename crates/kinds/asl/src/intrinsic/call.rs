//! A compiled call and its evaluation.

use std::borrow::Cow;

use serde_json::Value;

use super::error::IntrinsicError;
use super::function::Function;
use super::text::{self, Piece};
use super::{ARGUMENT_BYTES_MAX, parse};
use crate::jsonpath::{EvalError, ParseError, Path};

/// What a call needs from outside. `'v` is the life of the documents, so that values are read
/// without copying them.
pub trait Env<'v> {
    /// Reads the document that [`Path::root`] names.
    ///
    /// # Errors
    /// The path has no value there.
    fn resolve(&mut self, path: &Path) -> Result<Cow<'v, Value>, EvalError>;

    /// Gives a fresh UUID, version 4, in lower case.
    fn uuid(&mut self) -> String;

    /// Gives 64 random bits.
    fn random(&mut self) -> u64;
}

/// One argument of a call.
#[derive(Debug, Clone)]
pub(super) enum Argument {
    Literal(Value),
    /// A quoted text in the place of a template, with its escapes still told apart.
    Template(Vec<Piece>),
    Path(Path),
    Call(Call),
}

/// A compiled call of an intrinsic function.
#[derive(Debug, Clone)]
pub struct Call {
    pub(super) source: String,
    pub(super) function: Function,
    pub(super) arguments: Vec<Argument>,
}

impl Call {
    /// Compiles `text`. The number and types of the arguments are checked on evaluation, as AWS
    /// does.
    ///
    /// # Errors
    /// The text is no call of a known function, a path or a quoted text in it is malformed, or
    /// calls nest deeper than [`super::NESTING_MAX`].
    pub fn parse(text: &str) -> Result<Call, ParseError> {
        parse::call(text)
    }

    /// Gives the text the call was compiled from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Gives the outermost function.
    pub fn function(&self) -> Function {
        self.function
    }

    /// Gives every path in the arguments, those of nested calls included, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let mut paths = Vec::new();
        self.collect(&mut paths);
        paths.into_iter()
    }

    fn collect<'a>(&'a self, paths: &mut Vec<&'a Path>) {
        for argument in &self.arguments {
            match argument {
                Argument::Path(path) => paths.push(path),
                Argument::Call(call) => call.collect(paths),
                Argument::Literal(_) | Argument::Template(_) => {}
            }
        }
    }

    /// Evaluates the arguments from left to right, then the function.
    ///
    /// # Errors
    /// See [`IntrinsicError`].
    pub fn evaluate<'v>(&self, env: &mut dyn Env<'v>) -> Result<Value, IntrinsicError> {
        self.run(env, &mut { ARGUMENT_BYTES_MAX })
    }

    fn run<'v>(&self, env: &mut dyn Env<'v>, left: &mut u64) -> Result<Value, IntrinsicError> {
        let (template, arguments) = match self.arguments.as_slice() {
            [Argument::Template(pieces), arguments @ ..] => (Some(pieces), arguments),
            arguments => (None, arguments),
        };
        let mut values: Vec<Cow<'_, Value>> = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let value = match argument {
                Argument::Literal(value) => Cow::Borrowed(value),
                Argument::Template(pieces) => Cow::Owned(Value::String(text::plain(pieces))),
                Argument::Path(path) => resolve(path, env)?,
                Argument::Call(call) => Cow::Owned(call.run(env, left)?),
            };
            *left = left.checked_sub(weight(&value)).ok_or(IntrinsicError::TooLarge)?;
            values.push(value);
        }
        match template {
            Some(pieces) => text::fill(pieces, &values),
            None => self.function.apply(&values, env),
        }
    }
}

fn resolve<'v>(path: &Path, env: &mut dyn Env<'v>) -> Result<Cow<'v, Value>, IntrinsicError> {
    env.resolve(path)
        .map_err(|error| IntrinsicError::Path { path: path.rewritten().into_owned(), error })
}

/// Roughly the bytes of a value as JSON.
fn weight(value: &Value) -> u64 {
    match value {
        Value::String(text) => 8 + text.len() as u64,
        Value::Array(elements) => 8 + elements.iter().map(weight).sum::<u64>(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| 8 + name.len() as u64 + weight(value);
            8 + members.iter().map(member).sum::<u64>()
        }
        _ => 8,
    }
}
