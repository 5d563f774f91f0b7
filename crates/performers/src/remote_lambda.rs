//! Functions that do not run here: Lambda's Invoke operation at the configured endpoint.

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Uri};
use trackway_wire::codec::form;
use trackway_wire::sigv4::{self, Outgoing, PathStyle};

use crate::endpoint::AwsEnvironment;
use crate::lambda::InvokeResponse;
use crate::transport::{Transport, TransportError};

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

/// Calls Lambda at an endpoint.
#[derive(Clone)]
pub struct RemoteLambda {
    transport: Transport,
    environment: AwsEnvironment,
    endpoint: String,
}

impl RemoteLambda {
    /// A caller of the endpoint that the environment names; none if it names none.
    ///
    /// # Errors
    /// TLS can't be set up on this machine.
    pub fn configured(environment: &AwsEnvironment) -> Result<Option<Self>, TransportError> {
        let Some(endpoint) = environment.endpoint("LAMBDA") else { return Ok(None) };
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Ok(Some(Self { transport: Transport::new()?, environment: environment.clone(), endpoint }))
    }

    /// Invokes a function.
    ///
    /// # Errors
    /// No answer came.
    pub async fn invoke(
        &self,
        invocation: &RemoteInvocation<'_>,
        now_ms: i64,
    ) -> Result<InvokeResponse, TransportError> {
        let request = self.request(invocation, now_ms)?;
        let response = self.transport.send(request).await?;
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

    fn request(
        &self,
        invocation: &RemoteInvocation<'_>,
        now_ms: i64,
    ) -> Result<Request<Bytes>, TransportError> {
        let unusable =
            |why: String| TransportError::Unreachable { url: self.endpoint.clone(), why };
        let name = form::encode(invocation.function, form::Slash::Encode);
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let query = invocation.qualifier.map_or(String::new(), |qualifier| {
            format!("Qualifier={}", form::encode(qualifier, form::Slash::Encode))
        });
        let mark = if query.is_empty() { "" } else { "?" };
        let uri: Uri = format!("{}{path}{mark}{query}", self.endpoint)
            .parse()
            .map_err(|error: http::uri::InvalidUri| unusable(error.to_string()))?;
        let host = uri.authority().ok_or_else(|| unusable("it names no host".to_owned()))?;
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (header, value) in [
            ("x-amz-invocation-type", invocation.invocation_type),
            ("x-amz-log-type", invocation.log_type),
            ("x-amz-client-context", invocation.client_context),
        ] {
            if let Some(value) = value {
                let value = HeaderValue::from_str(value)
                    .map_err(|error| unusable(format!("{header} can't be a header: {error}")))?;
                headers.insert(header, value);
            }
        }
        let outgoing = Outgoing {
            method: "POST",
            host: host.as_str(),
            path: &path,
            query: &query,
            body: Some(&invocation.payload),
            region: invocation.region,
            service: "lambda",
            style: PathStyle::Twice,
        };
        sigv4::sign(&outgoing, &mut headers, &self.environment.credentials(), now_ms);
        let mut request = Request::post(uri)
            .body(invocation.payload.clone())
            .map_err(|error| unusable(error.to_string()))?;
        request.headers_mut().extend(headers);
        Ok(request)
    }
}

/// Decodes a `ClientContext`; none if it is not base64 of text.
#[must_use]
pub fn client_context(text: &str) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}
