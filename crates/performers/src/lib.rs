//! What an effect can do: run a function here, and say what a service reported.
//!
//! See ARCHITECTURE.md. This room knows processes and HTTP. It must not know the engine, the store or a kind: it
//! is given work as plain values and answers with plain values.

pub mod function;
pub mod lambda;
