//! Certificates that their issuers have revoked. Whether a list of revocations is its issuer's is
//! judged where it comes in.
//!
//! Source: Developer Guide, "Revoked device certificate still active", "Revoked CA certificate still
//! active", "Intermediate CA revoked for active device certificates".

/// The reason texts; ours, as AWS's are not known.
pub const REVOKED: &str = "Certificate is revoked by its issuer, but is still active.";
/// The same of an intermediate CA.
pub const INTERMEDIATE_REVOKED: &str =
    "Intermediate CA is revoked by its issuer, but device certificates that it issued are active.";
