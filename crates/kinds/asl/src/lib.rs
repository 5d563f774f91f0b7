//! See ARCHITECTURE.md.

pub mod intrinsic;
pub mod jsonpath;
