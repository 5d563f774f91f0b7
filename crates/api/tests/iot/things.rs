//! things
