//! Signing of outgoing requests.

use http::{HeaderMap, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use super::canonical::Parts;
use super::{ALGORITHM, PathStyle, Scope, TERMINATOR, clock, hex, signature};

/// What a request is signed with.
#[derive(Clone)]
pub struct Credentials {
    /// The access key id.
    pub access_key: String,
    /// The secret.
    pub secret_key: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").field("access_key", &self.access_key).finish()
    }
}

/// A request to be signed.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a str,
    /// Host and port, as the `Host` header will have them.
    pub host: &'a str,
    /// The encoded path.
    pub path: &'a str,
    /// The encoded query, without `?`.
    pub query: &'a str,
    /// The body; `None` leaves it out of the signature.
    pub body: Option<&'a [u8]>,
    /// Region of the scope.
    pub region: &'a str,
    /// Signing name of the scope.
    pub service: &'a str,
    /// How the path goes into the signature.
    pub style: PathStyle,
}

/// Headers that proxies may change and that are therefore left out of signatures.
const UNSIGNED: [&str; 6] =
    ["authorization", "connection", "content-length", "expect", "user-agent", "x-amzn-trace-id"];

/// Signs a request: adds `x-amz-date`, `authorization` and, where due, `x-amz-security-token` and
/// `x-amz-content-sha256`. `now_ms` is in milliseconds since 1970. All other headers must be there
/// already; `host` is added if it is missing.
///
/// Does nothing if a value can't be a header (a line break in a token, a clock beyond year 9999).
pub fn sign(
    request: &Outgoing<'_>,
    headers: &mut HeaderMap,
    credentials: &Credentials,
    now_ms: i64,
) {
    let Some(amz_date) = clock::write(now_ms) else { return };
    let payload_hash =
        request.body.map_or("UNSIGNED-PAYLOAD".to_owned(), |body| hex(&Sha256::digest(body)));
    let mut set = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).ok()?;
        headers.insert(HeaderName::from_static(name), value);
        Some(())
    };
    let token = credentials.session_token.as_deref();
    let hash_header = request.body.is_none() || request.style == PathStyle::AsIs;
    let ready =
        set("host", request.host)
            .and_then(|()| set("x-amz-date", &amz_date))
            .and_then(|()| token.map_or(Some(()), |token| set("x-amz-security-token", token)))
            .and_then(|()| {
                if hash_header { set("x-amz-content-sha256", &payload_hash) } else { Some(()) }
            });
    if ready.is_none() {
        return;
    }
    let mut signed_headers: Vec<String> = headers
        .keys()
        .map(|name| name.as_str().to_owned())
        .filter(|name| !UNSIGNED.contains(&name.as_str()))
        .collect();
    signed_headers.sort();
    let canonical = Parts {
        method: request.method,
        path: request.path,
        query: request.query,
        headers,
        authority: None,
        signed_headers: &signed_headers,
        payload_hash: &payload_hash,
        style: request.style,
    };
    let date = &amz_date[..8];
    let scope = Scope { date, region: request.region, service: request.service };
    let signature = signature(&credentials.secret_key, &scope, &amz_date, &canonical.write());
    let authorization = format!(
        "{ALGORITHM} Credential={}/{date}/{}/{}/{TERMINATOR}, SignedHeaders={}, \
         Signature={signature}",
        credentials.access_key,
        request.region,
        request.service,
        signed_headers.join(";")
    );
    if let Ok(value) = HeaderValue::from_str(&authorization) {
        headers.insert(http::header::AUTHORIZATION, value);
    }
}
