//! Calls of our own services by our own workflows, which never leave the process, and the calls that
//! our services make themselves.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use trackway_api::ssm::{Described, Ec2};
use trackway_api::{Local, LocalError};
use trackway_performers::aws::{AwsCall, AwsCaller, AwsError, LocalServices, Scope};

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

/// The EC2 at the configured endpoint, as the API room asks it.
pub(crate) struct Instances(AwsCaller);

impl Instances {
    /// None where no endpoint is configured.
    pub(crate) fn configured(caller: &AwsCaller) -> Option<Arc<dyn Ec2>> {
        let is_there = caller.has_endpoint("ec2");
        is_there.then(|| Arc::new(Self(caller.clone())) as Arc<dyn Ec2>)
    }
}

impl Ec2 for Instances {
    fn describe_instances(&self, account: &str, region: &str, input: Value) -> Described {
        let scope = Scope { account: account.to_owned(), region: region.to_owned() };
        let (caller, call) =
            (self.0.clone(), AwsCall::new("ec2", "DescribeInstances", input, scope));
        Box::pin(
            async move { caller.call(&call).await.map_err(|error| (error.code, error.message)) },
        )
    }
}
