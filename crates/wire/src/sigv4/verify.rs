//! Verification of incoming requests.

use sha2::{Digest, Sha256};

use super::canonical::Parts;
use super::{Authorization, PathStyle, Scope, Source, clock, hex, parse, signature};
use crate::error::Failure;
use crate::request::Request;

/// How far the clocks of caller and server may be apart, in milliseconds.
pub const SKEW_MS_MAX: i64 = 5 * 60 * 1000;

/// Checks the signature of a request. `secret` knows the secret of an access key; `service` is the
/// signing name that the scope must have; `now_ms` is in milliseconds since 1970.
///
/// # Errors
/// In AWS's order: nothing or not enough to check, a wrong scope, a clock that is off, an unknown
/// key, a signature that does not match.
pub fn verify(
    request: &Request<'_>,
    service: &str,
    secret: impl FnOnce(&str) -> Option<String>,
    now_ms: i64,
) -> Result<Authorization, Failure> {
    // What `x-amz-content-sha256` announces does not count: none of these takes unsigned bodies.
    let signed =
        Signed { payload_hash: &hex(&Sha256::digest(request.body)), style: PathStyle::Twice };
    verify_as(request, service, &signed, secret, now_ms)
}

/// How a request is signed, where that is not as usual.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// What stands for the body in the signature. That it belongs to the body is the caller's to
    /// see to.
    pub payload_hash: &'a str,
    /// How the path goes into the signature.
    pub style: PathStyle,
}

/// As [`verify`], of a request that is signed like this.
///
/// # Errors
/// As for [`verify`].
pub fn verify_as(
    request: &Request<'_>,
    service: &str,
    signed: &Signed<'_>,
    secret: impl FnOnce(&str) -> Option<String>,
    now_ms: i64,
) -> Result<Authorization, Failure> {
    let authorization = parse(request)?;
    check_scope(&authorization, service)?;
    check_clock(&authorization, now_ms)?;
    let secret = secret(&authorization.access_key).ok_or_else(|| {
        let message = "The security token included in the request is invalid.";
        Failure::new("UnrecognizedClientException", message)
    })?;
    let canonical = Parts {
        method: request.method.as_str(),
        path: request.uri.path(),
        query: request.query(),
        headers: request.headers,
        authority: request.uri.authority().map(http::uri::Authority::as_str),
        signed_headers: &authorization.signed_headers,
        payload_hash: signed.payload_hash,
        style: signed.style,
    };
    let Authorization { date, region, service, amz_date, .. } = &authorization;
    let expected =
        signature(&secret, &Scope { date, region, service }, amz_date, &canonical.write());
    if same(&expected, &authorization.signature) {
        return Ok(authorization);
    }
    Err(invalid(
        "The request signature we calculated does not match the signature you provided. Check your \
         AWS Secret Access Key and signing method. Consult the service documentation for details."
            .to_owned(),
    ))
}

fn invalid(message: String) -> Failure {
    Failure::new("InvalidSignatureException", message)
}

fn check_scope(authorization: &Authorization, service: &str) -> Result<(), Failure> {
    if !authorization.signed_headers.iter().any(|name| name == "host") {
        return Err(invalid(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    if authorization.service != service {
        return Err(invalid(format!(
            "Credential should be scoped to correct service: '{service}'. "
        )));
    }
    let of_header = authorization.amz_date.get(..8).unwrap_or_default();
    if clock::read(&authorization.amz_date).is_some() && of_header != authorization.date {
        return Err(invalid(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{}' != '{of_header}', from '{}'.",
            authorization.date, authorization.amz_date
        )));
    }
    Ok(())
}

fn check_clock(authorization: &Authorization, now_ms: i64) -> Result<(), Failure> {
    let date = &authorization.amz_date;
    let signed_ms = clock::read(date).ok_or_else(|| {
        Failure::new(
            "IncompleteSignatureException",
            format!(
                "Date must be in ISO-8601 'basic format'. Got '{date}'. See \
                 http://en.wikipedia.org/wiki/ISO_8601"
            ),
        )
    })?;
    let good_ms = match authorization.source {
        Source::Header => SKEW_MS_MAX,
        Source::Query { expires_seconds } => i64::from(expires_seconds) * 1000,
    };
    let write = |ms: i64| clock::write(ms).unwrap_or_default();
    let (now, minutes) = (write(now_ms), good_ms / 60_000);
    if signed_ms < now_ms - good_ms {
        let earliest = write(now_ms - good_ms);
        return Err(invalid(format!(
            "Signature expired: {date} is now earlier than {earliest} ({now} - {minutes} min.)"
        )));
    }
    if signed_ms > now_ms + SKEW_MS_MAX {
        let latest = write(now_ms + SKEW_MS_MAX);
        return Err(invalid(format!(
            "Signature not yet current: {date} is still later than {latest} ({now} + 5 min.)"
        )));
    }
    Ok(())
}

/// Compares without telling by time where the first difference is.
fn same(expected: &str, given: &str) -> bool {
    expected.len() == given.len()
        && expected.bytes().zip(given.bytes()).fold(0, |all, (left, right)| all | (left ^ right))
            == 0
}
