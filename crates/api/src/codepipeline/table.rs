//! The service's tables in the engine's catalog. A number is part of the stored key and never
//! reused.

/// Name -> pipeline.
pub const PIPELINES: u8 = 20;
/// ARN -> tags.
pub const TAGS: u8 = 21;
/// Owner, category, provider and version -> action type.
pub const ACTION_TYPES: u8 = 22;
/// Name -> webhook.
pub const WEBHOOKS: u8 = 23;
