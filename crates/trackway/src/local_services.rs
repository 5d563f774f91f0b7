//! Calls of our own services by our own workflows, which never leave the process, and the calls that
//! our services make themselves.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use trackway_actions::source::look::Eye;
use trackway_api::codepipeline::{Looking, Sources};
use trackway_api::ssm::{Described, Ec2};
use trackway_api::{Local, LocalError};
use trackway_performers::aws::{AwsCall, AwsCaller, AwsError, LocalServices, Scope};
use trackway_registry::sns::{NotPublished, Publisher, Publishing};

use crate::compose::REGION_DEFAULT;

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

/// The SNS at the configured endpoint, as the registry room publishes to it.
pub(crate) struct Topics(pub(crate) AwsCaller);

impl Publisher for Topics {
    fn publish(&self, scope: Arc<str>, topic_arn: String, message: String) -> Publishing {
        let (account, region) = scope.split_once('/').unwrap_or((&scope, REGION_DEFAULT));
        let scope = Scope { account: account.to_owned(), region: region.to_owned() };
        let at = topic_arn.split(':').nth(3).filter(|region| !region.is_empty());
        let at = at.map(str::to_owned);
        let input = json!({ "TopicArn": topic_arn, "Message": message });
        let caller = self.0.clone();
        let call = AwsCall { region: at, ..AwsCall::new("sns", "Publish", input, scope) };
        Box::pin(async move {
            let published = caller.call(&call).await;
            published
                .map(drop)
                .map_err(|AwsError { code, message, .. }| NotPublished { code, message })
        })
    }
}

/// The sources of pipelines, as the API room looks at them.
pub(crate) struct PipelineSources(pub(crate) Eye);

impl Sources for PipelineSources {
    fn refs(&self, repository: &str) -> Looking<BTreeMap<String, String>> {
        let (eye, repository) = (self.0.clone(), repository.to_owned());
        Box::pin(async move { eye.refs(&repository).await })
    }

    fn changed(&self, repository: &str, from: Option<&str>, to: &str) -> Looking<Vec<String>> {
        let (eye, repository) = (self.0.clone(), repository.to_owned());
        let (from, to) = (from.map(str::to_owned), to.to_owned());
        Box::pin(async move { eye.changed(&repository, from.as_deref(), &to).await })
    }

    fn object(
        &self,
        (account, region): (&str, &str),
        (bucket, key): (&str, &str),
    ) -> Looking<Option<String>> {
        let scope = Scope { account: account.to_owned(), region: region.to_owned() };
        let (eye, bucket, key) = (self.0.clone(), bucket.to_owned(), key.to_owned());
        Box::pin(async move { eye.object(&scope, &bucket, &key).await })
    }
}
