//! How a node's calls reach the server.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};
use trackway_command::protocol::{Call, POLL_SECONDS, TOKEN_HEADER};
use trackway_wire::sigv4::{self, Credentials, Outgoing, PathStyle};

use super::Boxed;
use crate::aws::AwsEnvironment;
use crate::clock::now_ms;
use crate::transport::{Patience, Transport};

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Carries a node's calls to the server.
pub trait Link: Send + Sync {
    /// Makes a call and waits for its answer.
    ///
    /// # Errors
    /// No answer came; whether the call did is not known.
    fn call<'a>(
        &'a self,
        call: Call,
        token: Option<&'a str>,
        body: Vec<u8>,
    ) -> Boxed<'a, Result<Answered, String>>;
}

/// How long an answer may take beyond what a poll waits.
const PATIENCE: Duration = Duration::from_secs(POLL_SECONDS + 15);
/// The largest answer: a document's plan is much smaller.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// Calls over HTTP, signed as AWS calls are.
#[derive(Clone)]
pub struct HttpLink {
    transport: Transport,
    server: String,
    host: String,
    region: String,
    credentials: Credentials,
}

impl HttpLink {
    /// A link to the server at this URL.
    ///
    /// # Errors
    /// The URL is none, or TLS can't be set up.
    pub fn new(server: &str, region: &str, credentials: Credentials) -> Result<Self, String> {
        let server = server.trim_end_matches('/').to_owned();
        let uri: Uri = server
            .parse()
            .map_err(|error| format!("could not use the server {server}: {error}"))?;
        let scheme = uri.scheme_str().unwrap_or_default();
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        if !matches!(scheme, "http" | "https") || host.is_empty() || uri.path() != "/" {
            return Err(format!(
                "could not use the server {server}: give http://HOST:PORT or https://HOST:PORT"
            ));
        }
        let transport = Transport::new().map_err(|error| error.to_string())?;
        Ok(Self { transport, server, host, region: region.to_owned(), credentials })
    }

    /// A link that signs with the environment's keys; with any, where there are none, which a
    /// server without credentials takes.
    ///
    /// # Errors
    /// As [`Self::new`]; also when the environment names a profile that is not there.
    pub fn of_environment(
        server: &str,
        region: &str,
        environment: &AwsEnvironment,
    ) -> Result<Self, String> {
        let chain = environment.credentials().map_err(|error| error.message)?;
        let any = || Credentials {
            access_key: "test".to_owned(),
            secret_key: "test".to_owned(),
            session_token: None,
        };
        Self::new(server, region, chain.base.unwrap_or_else(any))
    }

    /// Host and port of the server.
    #[must_use]
    pub fn authority(&self) -> String {
        let has_port = self.host.rsplit(']').next().is_some_and(|rest| rest.contains(':'));
        let port = if self.server.starts_with("https") { ":443" } else { ":80" };
        if has_port { self.host.clone() } else { format!("{}{port}", self.host) }
    }

    fn request(
        &self,
        call: Call,
        token: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Request<Bytes>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = token {
            let value = HeaderValue::from_str(token).map_err(|error| error.to_string())?;
            headers.insert(HeaderName::from_static(TOKEN_HEADER), value);
        }
        let path = call.path();
        let outgoing = Outgoing {
            method: "POST",
            host: &self.host,
            path: &path,
            query: "",
            body: Some(&body),
            region: &self.region,
            service: "ssm",
            style: PathStyle::Twice,
        };
        sigv4::sign(&outgoing, &mut headers, &self.credentials, now_ms());
        let mut request = Request::post(format!("{}{path}", self.server))
            .body(Bytes::from(body))
            .map_err(|error| error.to_string())?;
        request.headers_mut().extend(headers);
        Ok(request)
    }
}

impl Link for HttpLink {
    fn call<'a>(
        &'a self,
        call: Call,
        token: Option<&'a str>,
        body: Vec<u8>,
    ) -> Boxed<'a, Result<Answered, String>> {
        Box::pin(async move {
            let request = self.request(call, token, body)?;
            let patience = Patience { read: PATIENCE, bytes_max: ANSWER_BYTES_MAX };
            let sent = self.transport.send(request, patience).await;
            let (head, body) = sent.map_err(|error| error.to_string())?.into_parts();
            Ok(Answered { status: head.status.as_u16(), body })
        })
    }
}
