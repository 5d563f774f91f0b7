//! Step Functions: the Amazon States Language as a pure machine.
pub mod choice;
pub mod definition;
pub mod intrinsic;
pub mod json;
pub mod jsonpath;
pub mod paths;
pub mod runtime;
pub mod template;
pub mod timestamp;
