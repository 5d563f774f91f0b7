//! AWS Signature Version 4: who signed a request, whether the signature is right, and how to sign.
//!
//! The clock and the secrets are passed in. Messages and codes are those of AWS's common layer.
//! Nothing here knows an operation.

mod authorization;
mod canonical;
mod clock;
mod sign;
mod verify;

pub use authorization::{Authorization, Source, parse, scope};
pub use canonical::PathStyle;
pub use sign::{Credentials, Outgoing, sign};
pub use verify::{SKEW_MS_MAX, Signed, verify, verify_as};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The only algorithm that is spoken here.
pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Last part of a credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";

/// The signature of a canonical request in a scope, as lower-case hexadecimal.
fn signature(secret: &str, scope: &Scope<'_>, amz_date: &str, canonical: &str) -> String {
    let hash = hex(&Sha256::digest(canonical));
    let text = format!(
        "{ALGORITHM}\n{amz_date}\n{}/{}/{}/{TERMINATOR}\n{hash}",
        scope.date, scope.region, scope.service
    );
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), scope.date);
    for part in [scope.region, scope.service, TERMINATOR, &text] {
        key = hmac(&key, part);
    }
    hex(&key)
}

/// What a signing key is derived for.
struct Scope<'a> {
    date: &'a str,
    region: &'a str,
    service: &'a str,
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
    out
}
