//! Systems Manager's documents, and Automation as a pure machine.
//!
//! ```text
//!   text ──▶ document (parse, validate: all problems at once)
//!                │
//!                ├──▶ Runbook (schema 0.3) ──▶ Automation, the machine of one execution
//!                └──▶ CommandDocument (schemas 1.2, 2.0, 2.2) ──▶ a plan for a node
//! ```
//!
//! This room knows the languages of the documents and what each step of a runbook means. It must
//! not know who performs an effect, what time it is, nor how an API call looks.

pub mod automation;
pub mod document;
pub mod plan;
pub mod request;
