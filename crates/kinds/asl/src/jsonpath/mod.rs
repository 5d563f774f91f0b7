//! JSONPath as AWS Step Functions runs it: Jayway's dialect, not RFC 9535.
//!
//! A [`Path`] is compiled once, when a definition is read, and evaluated many times. What it
//! knows: JSON values. What it must not know: states, executions, where `$$` and `$name` come
//! from; the caller looks at [`Path::root`] and hands over the document to search.
//!
//! ```text
//! text ──parse──▶ Path { root, tokens } ──evaluate(document)──▶ Cow<Value> | EvalError
//!                   │ is_reference
//!                   └──────────────▶ ReferencePath ──insert(document, value)──▶ Value | StepError
//! ```
//!
//! A *definite* path (names, single indexes, functions) gives the value itself and fails when
//! there is none. An *indefinite* path (`*`, `..`, slices, unions, filters) always gives an array,
//! which is empty when nothing matches, even where a name before the first wildcard is missing:
//! AWS does this, its library alone would fail.
//!
//! Work is bounded: nesting by [`DEPTH_MAX`], length by [`TOKENS_MAX`], one evaluation by
//! [`STEPS_MAX`].

mod compare;
mod error;
mod evaluate;
mod filter;
mod function;
mod literal;
mod parse;
mod path;
mod reference;

pub use error::{EvalError, ParseError, StepError};
pub use path::{DEPTH_MAX, Path, Root, STEPS_MAX, TOKENS_MAX};
pub use reference::ReferencePath;

#[cfg(test)]
mod tests;
