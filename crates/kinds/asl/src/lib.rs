//! Step Functions: the Amazon States Language as a pure machine.
pub mod definition;
pub mod intrinsic;
pub mod jsonpath;
