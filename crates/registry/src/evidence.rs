//! What audits can't see in the registry: connections, roles, identity pools, revocations. It comes
//! in by events ([`feed`]), and revocation lists from files as well.
//!
//! An event of a connection is two rows, by certificate and by client, so that a scan goes along
//! either; nothing is read to write them. How events look is in `docs/iot-events.md`.

pub(crate) mod authorities;
pub(crate) mod connections;
pub(crate) mod crl;
pub(crate) mod event;
mod feed;
pub(crate) mod record;
pub(crate) mod revocations;

pub use feed::{NotFed, feed};
