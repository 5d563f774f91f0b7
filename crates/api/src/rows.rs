//! Rows of the engine's catalog: changed together, under checks of what was read before.

use trackway_engine::{CatalogError, Check, Edit, Engine, Fault};

use crate::Caller;

/// Changes rows if all checks hold. Says whether it did; if not, somebody else changed one
/// meanwhile, and the caller looks again.
pub(crate) async fn change(
    engine: &Engine,
    caller: &Caller,
    checks: &[Check],
    edits: &[Edit],
) -> Result<bool, Fault> {
    match engine.catalog().change(&caller.scope, checks, edits).await {
        Ok(()) => Ok(true),
        Err(CatalogError::Conflict { .. }) => Ok(false),
        Err(CatalogError::Fault(fault)) => Err(fault),
    }
}
