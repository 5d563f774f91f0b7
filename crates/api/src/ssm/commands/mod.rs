//! Run Command: commands, invocations, cancelling.

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
