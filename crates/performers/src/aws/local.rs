//! Services that answer without HTTP.

use std::pin::Pin;

use serde_json::Value;

use super::{AwsError, Scope};

/// The services of this very process.
pub trait LocalServices: Send + Sync {
    /// Whether a call goes here. `service` is boto3's name, `operation` the model's.
    fn serves(&self, service: &str, operation: &str) -> bool;

    /// Answers. The input was checked as boto3 checks it and is in the neutral form of
    /// `trackway_wire` (model names, blobs as base64; timestamps are numbers or texts); so is the
    /// output. An error needs code, message and status only ([`AwsError::refused`]).
    fn call(
        &self,
        service: &str,
        operation: &str,
        scope: &Scope,
        input: Value,
    ) -> Pin<Box<dyn Future<Output = Result<Value, AwsError>> + Send>>;
}

/// Whether an answer says that the operation is not built here.
pub(super) fn is_not_built(error: &AwsError) -> bool {
    error.status == 501
        || matches!(error.code.as_str(), "UnknownOperationException" | "NotImplemented")
}
