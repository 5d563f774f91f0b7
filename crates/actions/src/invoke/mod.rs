//! Invocations of functions, workflows and pipelines.
