//! Deployments.

pub(crate) mod app_config;
pub(crate) mod cloudformation;
pub(crate) mod code_deploy;
pub(crate) mod ecs;
pub(crate) mod files;
pub(crate) mod s3;
