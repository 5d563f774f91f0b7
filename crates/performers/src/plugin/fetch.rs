//! HTTP downloads that go to public addresses only, unless the configuration allows others.
//!
//! A name is resolved once, every address is looked at, and the connection goes to one of those: what a name means
//! can't change in between. Each redirect is looked at in the same way.

use std::future::ready;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;

use crate::transport::with_tls;

/// The largest file.
const FILE_BYTES_MAX: usize = 48 * 1024 * 1024;
/// The largest answer to what is sent.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
const REDIRECTS_MAX: usize = 5;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why nothing was downloaded.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The URL is not one of HTTP, or has no host.
    #[error("the URL {0:?} can't be used")]
    Url(String),
    /// The address is one of the machine's own network.
    #[error(
        "{0} is a private, loopback or link-local address; set \"private_downloads = true\" under [sandbox] in trackway.toml to allow it"
    )]
    Private(String),
    /// No whole answer came.
    #[error("could not reach {0}: {1}")]
    Unreachable(String, String),
    /// The answer is an error.
    #[error("{0} answered with status {1}")]
    Status(String, u16),
    /// TLS can't be set up on this machine.
    #[error("could not set up TLS: {0}")]
    Tls(String),
}

type Connector = HttpsConnector<HttpConnector<Resolver>>;

/// Downloads files. Clones share connections.
#[derive(Clone, Debug)]
pub struct Fetch {
    client: Client<Connector, Full<Bytes>>,
    allow_private: bool,
}

impl Fetch {
    /// A client; connects to nothing yet.
    ///
    /// # Errors
    /// TLS can't be set up on this machine.
    pub fn new(allow_private: bool) -> Result<Self, FetchError> {
        let mut http = HttpConnector::new_with_resolver(Resolver { allow_private });
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = with_tls(http).map_err(FetchError::Tls)?;
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), allow_private })
    }

    /// Downloads a file. `authorization` goes to the first host only.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn get(
        &self,
        url: &str,
        allow_plain: bool,
        mut authorization: Option<HeaderValue>,
    ) -> Result<Bytes, FetchError> {
        let unusable = |url: &str| FetchError::Url(url.to_owned());
        let mut uri: Uri = url.parse().map_err(|_| unusable(url))?;
        for _ in 0..=REDIRECTS_MAX {
            self.check(&uri, allow_plain)?;
            let mut request = Request::get(&uri).header(header::USER_AGENT, "trackway");
            if let Some(value) = &authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            let request = request.body(Full::default()).map_err(|_| unusable(url))?;
            let unreachable = |why: String| FetchError::Unreachable(shown(&uri), why);
            let response =
                self.client.request(request).await.map_err(|error| unreachable(deepest(&error)))?;
            let (head, body) = response.into_parts();
            if head.status.is_redirection() {
                let to = head.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
                let to = to.and_then(|to| resolve(&uri, to)).ok_or_else(|| unusable(url))?;
                if to.authority() != uri.authority() {
                    authorization = None;
                }
                uri = to;
                continue;
            }
            if !head.status.is_success() {
                return Err(FetchError::Status(shown(&uri), head.status.as_u16()));
            }
            let body = Limited::new(body, FILE_BYTES_MAX).collect().await;
            return Ok(body.map_err(|error| unreachable(error.to_string()))?.to_bytes());
        }
        Err(FetchError::Unreachable(shown(&uri), "too many redirects".to_owned()))
    }

    /// Sends a request to a URL and reads its whole answer, whatever its status; follows no
    /// redirect.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, FetchError> {
        let uri = request.uri().clone();
        self.check(&uri, true)?;
        let unreachable = |why: String| FetchError::Unreachable(shown(&uri), why);
        let response = self.client.request(request.map(Full::new)).await;
        let (head, body) = response.map_err(|error| unreachable(deepest(&error)))?.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| unreachable(error.to_string()))?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    /// An address that is written out doesn't meet the resolver.
    fn check(&self, uri: &Uri, allow_plain: bool) -> Result<(), FetchError> {
        let scheme = uri.scheme_str().unwrap_or_default();
        let host = uri.host().unwrap_or_default();
        if host.is_empty() || !(scheme == "https" || (scheme == "http" && allow_plain)) {
            return Err(FetchError::Url(shown(uri)));
        }
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        match plain.parse::<IpAddr>() {
            Ok(address) if !self.allow_private && !is_public(address) => {
                Err(FetchError::Private(host.to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// A URL without what may be secret in it.
fn shown(uri: &Uri) -> String {
    format!("{}://{}{}", uri.scheme_str().unwrap_or("?"), uri.host().unwrap_or("?"), uri.path())
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Where a redirect leads: a whole URL, or a path at the same host.
fn resolve(from: &Uri, to: &str) -> Option<Uri> {
    if to.contains("://") {
        return to.parse().ok();
    }
    let path = if to.starts_with('/') {
        to.to_owned()
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{to}")
    };
    let builder = Uri::builder().scheme(from.scheme_str()?).authority(from.authority()?.as_str());
    builder.path_and_query(path).build().ok()
}

/// Resolves names to addresses that may be connected to.
#[derive(Clone, Copy, Debug)]
struct Resolver {
    allow_private: bool,
}

impl tower_service::Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let found: Vec<SocketAddr> = found.collect();
            let private = found.iter().find(|address| !is_public(address.ip()));
            let refused = private.filter(|_| !allow_private);
            match refused {
                // If one of them is private, the name is not to be trusted with the others.
                Some(_) => {
                    let error = FetchError::Private(name.to_string());
                    ready(Err(io::Error::other(error.to_string()))).await
                }
                None => Ok(found.into_iter()),
            }
        })
    }
}

/// Whether an address is one of the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b));
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, .., y, z] = address.segments();
    let embedded = |high: u16, low: u16| {
        let [h, i] = high.to_be_bytes();
        let [l, m] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(h, i, l, m))
    };
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    match a {
        // NAT64 and 6to4 carry an address of IPv4.
        0x64 if b == 0xFF9B => embedded(y, z),
        0x2002 => embedded(b, address.segments()[2]),
        0x2001 if b == 0 || b == 0xDB8 => false,
        // Global unicast; everything else is local, multicast or reserved.
        0x2000..=0x3FFF => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for public in ["1.1.1.1", "52.94.0.1", "2606:4700::1", "64:ff9b::101:101", "::ffff:1.1.1.1"]
        {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.5.5",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:7f00:1::",
            "::127.0.0.1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }

    #[tokio::test]
    async fn private_addresses_are_refused_by_number_and_by_name() {
        let Ok(fetch) = Fetch::new(false) else { return };
        for url in ["http://127.0.0.1:1/x", "http://[::1]/", "http://169.254.169.254/latest"] {
            let error = fetch.get(url, true, None).await.unwrap_err();
            assert!(matches!(error, FetchError::Private(_)), "{error}");
        }
        let error = fetch.get("http://localhost:1/x", true, None).await.unwrap_err();
        assert!(error.to_string().contains("private_downloads"), "{error}");
        for url in ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "x"] {
            let error = fetch.get(url, false, None).await.unwrap_err();
            assert!(matches!(error, FetchError::Url(_)), "{error}");
        }
    }

    #[test]
    fn a_redirect_may_be_relative() {
        let from: Uri = "https://a.example/x/y".parse().unwrap();
        let to = |to: &str| resolve(&from, to).map(|uri| uri.to_string());
        assert_eq!(to("/z?q=1").as_deref(), Some("https://a.example/z?q=1"));
        assert_eq!(to("z").as_deref(), Some("https://a.example/x/z"));
        assert_eq!(to("http://b.example/").as_deref(), Some("http://b.example/"));
    }
}
