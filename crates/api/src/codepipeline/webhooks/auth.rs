//! What lets a request to a webhook in.

use std::net::IpAddr;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use sha1::Sha1;
use sha2::Sha256;

use super::{Authentication, Definition};
use crate::codepipeline::refusal::{Code, Refusal};

/// Checks that a webhook has what its way of authentication needs, and nothing else. Source:
/// `authenticationConfiguration` in the service's model.
pub(super) fn check(definition: &Definition) -> Result<(), Refusal> {
    let Authentication { allowed_ip_range, secret_token } =
        &definition.authentication_configuration;
    let wrong = |message: &str| {
        Err(Refusal::new(Code::InvalidWebhookAuthenticationParametersException, message))
    };
    match definition.authentication.as_str() {
        "GITHUB_HMAC" if secret_token.is_none() || allowed_ip_range.is_some() => {
            wrong("For GITHUB_HMAC, only the SecretToken property must be set.")
        }
        "IP" if allowed_ip_range.is_none() || secret_token.is_some() => {
            wrong("For IP, only the AllowedIPRange property must be set.")
        }
        "UNAUTHENTICATED" if allowed_ip_range.is_some() || secret_token.is_some() => {
            wrong("For UNAUTHENTICATED, no properties can be set.")
        }
        "IP" if allowed_ip_range.as_deref().and_then(Range::read).is_none() => {
            wrong("The AllowedIPRange property must be set to a valid CIDR range.")
        }
        _ => Ok(()),
    }
}

/// Whether a webhook lets this request in.
pub(super) fn admits(
    definition: &Definition,
    peer: Option<IpAddr>,
    request: &Request<Bytes>,
) -> bool {
    let Authentication { allowed_ip_range, secret_token } =
        &definition.authentication_configuration;
    match definition.authentication.as_str() {
        "UNAUTHENTICATED" => true,
        "IP" => {
            let range = allowed_ip_range.as_deref().and_then(Range::read);
            range.zip(peer).is_some_and(|(range, peer)| range.holds(peer))
        }
        "GITHUB_HMAC" => {
            secret_token.as_ref().is_some_and(|secret| is_signed(secret.as_bytes(), request))
        }
        _ => false,
    }
}

/// Whether GitHub signed the body: with SHA-256 where it says so, else with SHA-1.
fn is_signed(secret: &[u8], request: &Request<Bytes>) -> bool {
    let signature = |header: &str, prefix: &str| {
        let value = request.headers().get(header)?;
        Some(value.to_str().ok().and_then(|value| unhex(value.strip_prefix(prefix)?)))
    };
    let body = request.body();
    if let Some(given) = signature("x-hub-signature-256", "sha256=") {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
        mac.update(body);
        return given.is_some_and(|given| mac.verify_slice(&given).is_ok());
    }
    if let Some(given) = signature("x-hub-signature", "sha1=") {
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return false };
        mac.update(body);
        return given.is_some_and(|given| mac.verify_slice(&given).is_ok());
    }
    false
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let byte = |pair: &[u8]| {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        Some(digit(pair.first()?)? << 4 | digit(pair.get(1)?)?)
    };
    digits.chunks(2).map(byte).collect()
}

/// A range of addresses, as CIDR writes it. An address alone is a range of one.
#[derive(Clone, Copy)]
struct Range {
    base: IpAddr,
    bits: u32,
}

impl Range {
    fn read(text: &str) -> Option<Self> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = base.parse().ok()?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        (bits <= most).then_some(Self { base, bits })
    }

    fn holds(self, peer: IpAddr) -> bool {
        // A server that listens on IPv6 sees IPv4 peers in a form of their own.
        match (self.base, peer.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(peer)) => {
                let mask = u32::MAX.checked_shl(32 - self.bits).unwrap_or(0);
                base.to_bits() & mask == peer.to_bits() & mask
            }
            (IpAddr::V6(base), IpAddr::V6(peer)) => {
                let mask = u128::MAX.checked_shl(128 - self.bits).unwrap_or(0);
                base.to_bits() & mask == peer.to_bits() & mask
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(header: &str, value: &str, body: &'static [u8]) -> Request<Bytes> {
        let request = Request::post("/trigger").header(header, value);
        request.body(Bytes::from_static(body)).expect("a request")
    }

    #[test]
    fn a_signature_is_github_s_of_the_body() {
        // Source: "Validating webhook deliveries" of GitHub's documentation.
        const SIGNED: &str =
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let secret = b"It's a Secret to Everybody";
        let sha_256 = "X-Hub-Signature-256";
        assert!(is_signed(secret, &request(sha_256, SIGNED, b"Hello, World!")));
        assert!(!is_signed(secret, &request(sha_256, SIGNED, b"Hello, World?")));
        assert!(!is_signed(b"another", &request(sha_256, SIGNED, b"Hello, World!")));
        assert!(!is_signed(secret, &request(sha_256, &SIGNED[..70], b"Hello, World!")));
        assert!(!is_signed(secret, &request("X-Hub-Signature", SIGNED, b"Hello, World!")));
        // Source: RFC 2202, the second test case of HMAC-SHA-1.
        let sha_1 = "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79";
        let body = b"what do ya want for nothing?";
        assert!(is_signed(b"Jefe", &request("X-Hub-Signature", sha_1, body)));
        assert!(!is_signed(b"Jefe", &request("X-Nothing", sha_1, body)));
    }

    #[test]
    fn a_range_holds_its_addresses() {
        for (range, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("192.168.1.7", "192.168.1.7", "192.168.1.8"),
            ("0.0.0.0/0", "8.8.8.8", "::1"),
            ("127.0.0.0/8", "::ffff:127.0.0.1", "::1"),
            ("2001:db8::/32", "2001:db8:1::1", "2001:db9::1"),
            ("::/0", "::1", "1.1.1.1"),
        ] {
            let holds = |peer: &str| {
                Range::read(range)
                    .is_some_and(|range| range.holds(peer.parse().expect("an address")))
            };
            assert!(holds(inside), "{range} {inside}");
            assert!(!holds(outside), "{range} {outside}");
        }
        for text in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/+8", "::/129", "a"] {
            assert!(Range::read(text).is_none(), "{text}");
        }
    }
}
