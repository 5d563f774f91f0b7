//! State Manager: associations, their versions, runs and targets, compliance.

use serde_json::Value;
use trackway_engine::Fault;

use super::{Answer, Group, Ssm};
use crate::Caller;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[],
    call: |ssm, operation, caller, input| Box::pin(call(ssm, operation, caller, input)),
};

async fn call(_ssm: &Ssm, operation: &str, _caller: &Caller, _input: Value) -> Answer {
    Err(Fault::new(format!("{operation} is listed as built but is not")).into())
}

/// Hears that a document's default or latest version is another one, or that it is gone.
pub(super) async fn document_changed(
    _ssm: &Ssm,
    _caller: &Caller,
    _name: &str,
) -> Result<(), Fault> {
    Ok(())
}

/// Whether an association runs this document of the caller's.
pub(super) async fn uses_document(
    _ssm: &Ssm,
    _caller: &Caller,
    _name: &str,
) -> Result<bool, Fault> {
    Ok(false)
}
