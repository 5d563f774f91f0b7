//! Evidence as it is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trackway_audit::evaluate::document::{Document, Malformed};
use trackway_audit::evaluate::roles;
use trackway_core::Timestamp;

/// A role, in [`crate::table::ROLES`] by its ARN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Role {
    /// Its policies, as JSON texts.
    pub(crate) policies: Vec<String>,
    /// When it used each service last.
    pub(crate) last_accessed: BTreeMap<String, Timestamp>,
}

impl Role {
    /// What judges it.
    ///
    /// # Errors
    /// A policy is none; but they were read when they came in.
    pub(crate) fn read(&self) -> Result<roles::Role, Malformed> {
        let documents = self.policies.iter().map(|text| Document::parse(text));
        Ok(roles::Role {
            documents: documents.collect::<Result<_, _>>()?,
            last_accessed: self.last_accessed.clone(),
        })
    }
}

/// A Cognito identity pool, in [`crate::table::IDENTITY_POOLS`] by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdentityPool {
    /// The role of those who have signed in.
    pub(crate) authenticated: Option<String>,
    /// The role of guests.
    pub(crate) unauthenticated: Option<String>,
    /// When it was used last to connect.
    pub(crate) seen: Timestamp,
}
