//! Calls of our own services by our own workflows: they never leave the process.

use std::pin::Pin;

use serde_json::Value;
use trackway_api::{Local, LocalError};
use trackway_performers::aws::{AwsError, LocalServices, Scope};

/// The API room, as the AWS caller asks it.
pub(crate) struct OwnServices(pub(crate) Local);

impl LocalServices for OwnServices {
    fn serves(&self, service: &str, _operation: &str) -> bool {
        Local::serves(service)
    }

    fn call(
        &self,
        service: &str,
        operation: &str,
        scope: &Scope,
        input: Value,
    ) -> Pin<Box<dyn Future<Output = Result<Value, AwsError>> + Send>> {
        let local = self.0.clone();
        let (service, operation) = (service.to_owned(), operation.to_owned());
        let Scope { account, region } = scope.clone();
        Box::pin(async move {
            let answer = local.call((&service, &operation), (&account, &region), &input).await;
            answer.map_err(|LocalError { code, message, status }| {
                AwsError::refused(&code, message, status)
            })
        })
    }
}
