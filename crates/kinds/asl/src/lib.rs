//! See ARCHITECTURE.md.

pub mod jsonpath;
