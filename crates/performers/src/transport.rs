//! HTTP to the world: one pooled client, with TLS by the machine's own root certificates.
//!
//! It follows no redirect: where a request goes is decided by who makes it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long for its head, and then for each part of its body.
    pub read: Duration,
    /// The largest body.
    pub bytes_max: usize,
}

/// Why no answer came.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// No root certificate could be read, or TLS can't be set up.
    #[error("could not set up TLS: {0}")]
    Tls(String),
    /// No connection came about.
    #[error("could not reach {url}: {why}")]
    Unreachable {
        /// Where it went.
        url: String,
        /// What happened.
        why: String,
    },
    /// The connection broke before the answer was whole; the request may have got through.
    #[error("the connection to {url} broke: {why}")]
    Broken {
        /// Where it went.
        url: String,
        /// What happened.
        why: String,
    },
    /// Nothing came for too long; the request may have got through.
    #[error("no answer of {url} within {seconds} s")]
    TimedOut {
        /// Where it went.
        url: String,
        /// How long was waited.
        seconds: f32,
    },
    /// The answer is larger than what is read.
    #[error("the answer of {url} is larger than {bytes_max} bytes")]
    TooLarge {
        /// Where it came from.
        url: String,
        /// What would have been read.
        bytes_max: usize,
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
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = with_tls(http).map_err(TransportError::Tls)?;
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// No answer came, or it was too large.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        patience: Patience,
    ) -> Result<Response<Bytes>, TransportError> {
        let url = request.uri().to_string();
        let late = || timed_out(&url, patience);
        let sent = self.client.request(request.map(Full::new));
        let response = tokio::time::timeout(patience.read, sent).await.map_err(|_| late())?;
        let (head, body) = response
            .map_err(|error| {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                let (url, why) = (url.clone(), source.unwrap_or_else(|| error.to_string()));
                match error.is_connect() {
                    true => TransportError::Unreachable { url, why },
                    false => TransportError::Broken { url, why },
                }
            })?
            .into_parts();
        Ok(Response::from_parts(head, read(body, &url, patience).await?))
    }
}

/// Connects by HTTP and, with the roots that this machine trusts, by HTTPS.
///
/// # Errors
/// Why TLS can't be set up on this machine.
pub(crate) fn with_tls<R>(
    mut http: HttpConnector<R>,
) -> Result<HttpsConnector<HttpConnector<R>>, String> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_native_roots()
        .map_err(|error| error.to_string())?
        .with_no_client_auth();
    http.enforce_http(false);
    Ok(hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http))
}

async fn read(mut body: Incoming, url: &str, patience: Patience) -> Result<Bytes, TransportError> {
    let mut whole = BytesMut::new();
    loop {
        let next = tokio::time::timeout(patience.read, body.frame()).await;
        let Some(frame) = next.map_err(|_| timed_out(url, patience))? else { break };
        let broken = |why: hyper::Error| TransportError::Broken {
            url: url.to_owned(),
            why: why.to_string(),
        };
        if let Ok(data) = frame.map_err(broken)?.into_data() {
            if whole.len() + data.len() > patience.bytes_max {
                let bytes_max = patience.bytes_max;
                return Err(TransportError::TooLarge { url: url.to_owned(), bytes_max });
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

fn timed_out(url: &str, patience: Patience) -> TransportError {
    TransportError::TimedOut { url: url.to_owned(), seconds: patience.read.as_secs_f32() }
}
