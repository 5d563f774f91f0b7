//! The performer of the queue `audit`: looks at the registry for a check, chunk by chunk.
//!
//! ```text
//!  Scan{check, cursor} ──▶ still enabled? ──▶ rows of the catalog, from the cursor ──▶ evaluate
//!                                                                       │
//!                                                     suppressed? ──▶ Scanned{flaws, cursor}
//! ```
//!
//! A chunk reads so many rows and finds so many flaws, never more, whatever the registry holds. A
//! scan changes nothing but what it tidies up: evidence that is too old to matter.

mod accounts;
mod certificates;
mod chunk;
mod connections;
mod policies;
mod roles;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::SetOnce;
use trackway_audit::check::Check;
use trackway_audit::request::{CheckError, Scan, Scanned};
use trackway_core::{Outcome, Payload};
use trackway_engine::{Fault, Performed, Performer, Work};

use crate::config::IotConfig;
use crate::evidence::revocations::Lists;
use crate::record::{self, AuditConfiguration};
use crate::table;
use crate::txn::Registry;
use chunk::{Chunk, Limits};

/// The performer of scans. The engine needs it before the registry is there: it waits.
#[derive(Clone, Default)]
pub struct Scans(Arc<Inner>);

#[derive(Default)]
struct Inner {
    registry: SetOnce<Registry>,
    lists: Lists,
    limits: Limits,
}

/// Why a scan can't go on.
enum Stop {
    /// The check has failed.
    Error(CheckError),
    /// The store has.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Stop {
    /// Evidence is missing, and what to feed. The text is ours; AWS has no such evidence.
    fn no_evidence(message: impl Into<String>) -> Self {
        let code = "INSUFFICIENT_PERMISSIONS".to_owned();
        Self::Error(CheckError { code, message: message.into() })
    }
}

impl Scans {
    /// Scans with the evidence that the configuration names.
    #[must_use]
    pub fn new(config: &IotConfig) -> Self {
        Self(Arc::new(Inner {
            registry: SetOnce::new(),
            lists: Lists::new(config.crl_files.clone()),
            limits: Limits::default(),
        }))
    }

    /// From now on this registry is looked at.
    pub fn serve(&self, registry: Registry) {
        // Set once by the composition root; a second registry would be a mistake of ours.
        let _was_set = self.0.registry.set(registry);
    }
}

impl Performer for Scans {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Performed::Finished(inner.perform(&work).await) })
    }
}

impl Inner {
    async fn perform(&self, work: &Work) -> Outcome {
        let failed = |cause: String| Outcome::Failed { error: "InternalFailure".to_owned(), cause };
        let scan: Scan = match serde_json::from_str(&work.request) {
            Ok(scan) => scan,
            Err(error) => return failed(format!("could not read the request of a scan: {error}")),
        };
        let registry = self.registry.wait().await;
        let scanned = self.scan(registry, &work.scope, &scan).await;
        match scanned.and_then(|scanned| {
            serde_json::to_string(&scanned).map_err(|error| Fault::new(error.to_string()))
        }) {
            Ok(text) => Outcome::Succeeded(Payload::new(text)),
            Err(fault) => failed(fault.to_string()),
        }
    }

    /// The next chunk of a check.
    async fn scan(
        &self,
        registry: &Registry,
        scope: &Arc<str>,
        scan: &Scan,
    ) -> Result<Scanned, Fault> {
        let mut chunk = Chunk::new(registry, scope, scan, self.limits).await?;
        match self.run(&mut chunk).await {
            Ok(()) => Ok(chunk.end()),
            Err(Stop::Error(error)) => Ok(Scanned { error: Some(error), ..Scanned::default() }),
            Err(Stop::Fault(fault)) => Err(fault),
        }
    }

    async fn run(&self, chunk: &mut Chunk<'_>) -> Result<(), Stop> {
        still_enabled(chunk).await?;
        match chunk.check() {
            Check::DeviceCertificateExpiring
            | Check::DeviceCertificateAge
            | Check::DeviceCertificateKeyQuality => certificates::devices(chunk).await,
            Check::CaCertificateExpiring | Check::CaCertificateKeyQuality => {
                certificates::authorities(chunk).await
            }
            Check::RevokedDeviceCertificateStillActive => {
                let known = self.known(chunk).await?;
                certificates::revoked_devices(chunk, &known).await
            }
            Check::RevokedCaCertificateStillActive => {
                let known = self.known(chunk).await?;
                certificates::revoked_authorities(chunk, &known).await
            }
            Check::IntermediateCaRevoked => {
                let known = self.known(chunk).await?;
                certificates::revoked_intermediates(chunk, &known).await
            }
            Check::DeviceCertificateShared => connections::shared(chunk).await,
            Check::ConflictingClientIds => connections::conflicting(chunk).await,
            Check::PolicyOverlyPermissive | Check::PolicyPotentialMisconfiguration => {
                policies::scan(chunk).await
            }
            Check::RoleAliasOverlyPermissive | Check::RoleAliasAllowsUnusedServices => {
                roles::aliases(chunk).await
            }
            Check::AuthenticatedCognitoRoleOverlyPermissive
            | Check::UnauthenticatedCognitoRoleOverlyPermissive => roles::pools(chunk).await,
            Check::LoggingDisabled => accounts::logging(chunk).await,
        }
    }

    async fn known(
        &self,
        chunk: &Chunk<'_>,
    ) -> Result<Arc<crate::evidence::revocations::Known>, Stop> {
        let known = self.lists.known(chunk.catalog(), chunk.scope()).await?;
        known.map_err(Stop::no_evidence)
    }
}

/// A check may be disabled while its audit runs. Source: `AUDIT_CHECK_DISABLED`.
async fn still_enabled(chunk: &Chunk<'_>) -> Result<(), Stop> {
    let row = chunk.catalog().get(chunk.scope(), table::AUDIT_CONFIGURATION, b"").await?;
    let configuration: AuditConfiguration =
        row.map(|row| record::decode(&row)).transpose()?.unwrap_or_default();
    if configuration.checks.get(&chunk.check()).is_some_and(|(is_enabled, _)| *is_enabled) {
        return Ok(());
    }
    Err(Stop::Error(CheckError {
        code: "AUDIT_CHECK_DISABLED".to_owned(),
        message: format!("{} was disabled while the audit ran", chunk.check().name()),
    }))
}

#[cfg(test)]
mod tests;
