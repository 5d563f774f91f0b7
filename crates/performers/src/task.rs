//! Who performs a task's effects: the queues `lambda` and `service`.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use trackway_asl::call::{FunctionCall, ServiceCall, Style};
use trackway_core::{Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};

use crate::function::{FunctionHost, Identity};
use crate::hosted_lambda::{HostedInvocation, HostedLambda};
use crate::lambda::{self, Ending, InvokeResponse};
use crate::remote_lambda::{RemoteInvocation, RemoteLambda};

type Performing = Pin<Box<dyn Future<Output = Performed> + Send>>;

/// Performs Lambda functions: those that are declared run here, any other at the configured
/// endpoint, where there is one.
#[derive(Clone)]
pub struct Lambda(Arc<Inner>);

struct Inner {
    here: HostedLambda,
    remote: Option<RemoteLambda>,
}

impl Lambda {
    /// A performer with these functions and this endpoint.
    #[must_use]
    pub fn new(host: FunctionHost, remote: Option<RemoteLambda>, identity: Identity) -> Self {
        Self(Arc::new(Inner { here: HostedLambda::new(host, identity), remote }))
    }
}

impl Performer for Lambda {
    fn perform(&self, work: Work) -> Performing {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { Performed::Finished(inner.invoke(&work).await) })
    }
}

impl Inner {
    async fn invoke(&self, work: &Work) -> Outcome {
        let call: FunctionCall = match serde_json::from_str(&work.request) {
            Ok(call) => call,
            Err(error) => {
                return failed(
                    "Lambda.SdkClientException",
                    format!("The request can't be read: {error}"),
                );
            }
        };
        let payload = payload_of(&call);
        let response = match &self.remote {
            Some(remote) if !self.here.has(&call.function) => {
                self.invoke_there(remote, &call, payload).await
            }
            _ => Ok(self.invoke_here(&call, payload).await),
        };
        let style = match call.style {
            Style::Arn => lambda::Style::FunctionArn(&call.function),
            Style::Invoke => lambda::Style::Invoke,
        };
        match response.map(|response| lambda::ending(&response, style)) {
            Ok(Ending::Succeeded { output }) => Outcome::Succeeded(Payload::new(output)),
            Ok(Ending::Failed { error, cause }) => Outcome::Failed { error, cause },
            Err(outcome) => outcome,
        }
    }

    async fn invoke_here(&self, call: &FunctionCall, payload: Bytes) -> InvokeResponse {
        let invocation = HostedInvocation {
            function: &call.function,
            payload,
            invocation_type: call.invocation_type.as_deref(),
            log_type: call.log_type.as_deref(),
            client_context: call.client_context.as_deref(),
        };
        self.here.invoke(invocation).await
    }

    async fn invoke_there(
        &self,
        remote: &RemoteLambda,
        call: &FunctionCall,
        payload: Bytes,
    ) -> Result<InvokeResponse, Outcome> {
        let region = call.function.split(':').nth(3).unwrap_or(&self.here.identity().region);
        let invocation = RemoteInvocation {
            function: &call.function,
            qualifier: call.qualifier.as_deref(),
            payload,
            invocation_type: call.invocation_type.as_deref(),
            log_type: call.log_type.as_deref(),
            client_context: call.client_context.as_deref(),
            region,
        };
        remote.invoke(&invocation).await.map_err(|error| {
            failed("Lambda.SdkClientException", format!("Unable to execute HTTP request: {error}"))
        })
    }
}

/// The event: text is sent as it is, not as a JSON string.
fn payload_of(call: &FunctionCall) -> Bytes {
    let text = call.payload.get();
    if !text.starts_with('"') {
        return Bytes::from(text.to_owned());
    }
    let value = serde_json::from_str(text).ok();
    lambda::request_payload(value.as_ref())
}

fn failed(error: &str, cause: String) -> Outcome {
    Outcome::Failed { error: error.to_owned(), cause }
}

/// Performs what no other performer does: it says that it can't.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unsupported;

impl Performer for Unsupported {
    fn perform(&self, work: Work) -> Performing {
        let resource = serde_json::from_str::<ServiceCall>(&work.request)
            .map(|call| format!("arn:aws:states:::{}:{}", call.service, call.action))
            .unwrap_or_else(|_| work.queue.clone());
        let outcome = failed(
            "States.Runtime",
            format!("The resource '{resource}' is not supported by this version of Trackway."),
        );
        Box::pin(std::future::ready(Performed::Finished(outcome)))
    }
}
