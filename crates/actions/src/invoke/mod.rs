//! Invocations of functions, workflows and pipelines.

pub(crate) mod code_pipeline;
mod credentials;
pub(crate) mod lambda;
pub(crate) mod step_functions;
