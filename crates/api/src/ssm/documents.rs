//! Documents: create, read, version, list, share.

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

/// The name that a name or an ARN of the caller's own document means.
pub(super) fn name_of(_caller: &Caller, text: &str) -> Option<String> {
    Some(text.to_owned())
}
