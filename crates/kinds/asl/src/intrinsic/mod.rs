//! Intrinsic functions, `States.Format('{}', $.name)` and the other seventeen.
//!
//! A [`Call`] is compiled once, when a definition is read, and evaluated many times. What it
//! knows: JSON values and paths. What it must not know: states, executions, and where random
//! numbers come from; an [`Env`] resolves paths and supplies randomness, so that evaluating the
//! same call twice in the same environment gives the same value.
//!
//! Where AWS's documentation and measurements on AWS differ, the measurements win: most numbers
//! are truncated, but `MathAdd` rounds half up; `StringSplit` drops empty parts; `ArrayUnique`
//! gives the order of a Java hash set; wrong arguments, their number included, fail at run time.
//!
//! A failure is `States.Runtime` on AWS; [`IntrinsicError::cause`] writes its cause.

mod array;
mod call;
mod digest;
mod error;
mod function;
mod parse;
mod random;
mod text;

pub use call::{Call, Env};
pub use error::IntrinsicError;
pub use function::Function;

/// How deeply calls nest, the outermost included.
pub const NESTING_MAX: usize = 10;

/// The longest text that `Base64Encode`, `Base64Decode` and `Hash` take, in UTF-16 units.
pub const TEXT_LENGTH_MAX: usize = 10_000;

/// The most elements that `ArrayRange` makes.
pub const RANGE_LENGTH_MAX: usize = 1_000;

/// The most bytes of arguments that one evaluation handles, all nested calls together. AWS lets
/// no payload grow beyond 256 KiB; this only keeps a hostile definition from filling memory.
pub const ARGUMENT_BYTES_MAX: u64 = 32 << 20;

#[cfg(test)]
mod tests;
