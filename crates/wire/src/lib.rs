//! AWS wire protocols in both directions, driven by the service models.

pub mod model;
pub mod pattern;
