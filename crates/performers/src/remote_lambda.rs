//! Functions that do not run here: Lambda's Invoke operation at the configured endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value};

use crate::aws::{AwsCall, AwsCaller, AwsError, Blobs, Scope};
use crate::lambda::InvokeResponse;

/// What an invocation asks for.
#[derive(Debug)]
pub struct RemoteInvocation<'a> {
    /// Name or ARN.
    pub function: &'a str,
    /// `Qualifier`.
    pub qualifier: Option<&'a str>,
    /// The event.
    pub payload: Bytes,
    /// `InvocationType`.
    pub invocation_type: Option<&'a str>,
    /// `LogType`.
    pub log_type: Option<&'a str>,
    /// `ClientContext`, in base64.
    pub client_context: Option<&'a str>,
    /// The region to sign for.
    pub region: &'a str,
}

/// Calls Lambda at an endpoint. It tries once: a task's retries are its machine's.
#[derive(Clone)]
pub struct RemoteLambda(AwsCaller);

impl RemoteLambda {
    /// A caller of the endpoint that the environment names; none if it names none.
    #[must_use]
    pub fn configured(caller: &AwsCaller) -> Option<Self> {
        caller.has_endpoint("lambda").then(|| Self(caller.clone()))
    }

    /// Invokes a function.
    ///
    /// # Errors
    /// No answer came.
    pub async fn invoke(
        &self,
        invocation: &RemoteInvocation<'_>,
    ) -> Result<InvokeResponse, AwsError> {
        let response = self.0.exchange(&call_of(invocation)).await?;
        let (head, payload) = response.into_parts();
        let header = |(name, value): (&http::HeaderName, &HeaderValue)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        };
        Ok(InvokeResponse {
            status: head.status.as_u16(),
            headers: head.headers.iter().filter_map(header).collect(),
            payload,
        })
    }
}

fn call_of(invocation: &RemoteInvocation<'_>) -> AwsCall {
    let payload = STANDARD.encode(&invocation.payload);
    let members = [
        ("FunctionName", Some(invocation.function)),
        ("Qualifier", invocation.qualifier),
        ("InvocationType", invocation.invocation_type),
        ("LogType", invocation.log_type),
        ("ClientContext", invocation.client_context),
        ("Payload", Some(&payload)),
    ];
    let given = members.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let input: Map<String, Value> =
        given.map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
    let scope = Scope { account: String::new(), region: invocation.region.to_owned() };
    let call = AwsCall::new("lambda", "Invoke", Value::Object(input), scope);
    AwsCall { blobs_in: Blobs::Base64, ..call }
}
