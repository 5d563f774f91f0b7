//! Whether a thing complies: the judgement of each check, on plain facts.

mod actions;
pub mod certificates;
pub mod connections;
pub mod document;
pub mod keys;
pub mod logging;
pub mod misconfiguration;
pub mod permissive;
pub mod revocation;
pub mod roles;

#[cfg(test)]
mod tests;
