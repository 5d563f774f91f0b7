//! HTTP to the world: one pooled client, with TLS by the machine's own root certificates.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// The largest answer that is read, in bytes: Lambda's largest, and room for what is around it.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// No root certificate could be read, or TLS can't be set up.
    #[error("could not set up TLS: {0}")]
    Tls(String),
    /// The request did not get through, or the answer did not come whole.
    #[error("could not reach {url}: {why}")]
    Unreachable {
        /// Where it went.
        url: String,
        /// What happened.
        why: String,
    },
}

/// A client that keeps connections open. Clones share them.
#[derive(Clone)]
pub struct Transport {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Transport {
    /// A client; connects to nothing yet.
    ///
    /// # Errors
    /// TLS can't be set up on this machine.
    pub fn new() -> Result<Self, TransportError> {
        let tls = |error: &dyn std::fmt::Display| TransportError::Tls(error.to_string());
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| tls(&error))?
            .with_native_roots()
            .map_err(|error| tls(&error))?
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(config)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// No answer came, or it was too large.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let url = request.uri().to_string();
        let unreachable = |why: String| TransportError::Unreachable { url: url.clone(), why };
        let response = self.client.request(request.map(Full::new)).await.map_err(|error| {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            unreachable(source.unwrap_or_else(|| error.to_string()))
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }
}
