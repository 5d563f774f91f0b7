//! The `Authorization` header, and its counterpart in the query of a presigned request.

use super::{ALGORITHM, TERMINATOR};
use crate::error::Failure;
use crate::request::Request;

/// Who signed a request, for what, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The access key id.
    pub access_key: String,
    /// Date of the scope: `20261121`.
    pub date: String,
    /// Region of the scope.
    pub region: String,
    /// Signing name of the scope: `states`.
    pub service: String,
    /// Names of the signed headers, in lower case and in order.
    pub signed_headers: Vec<String>,
    /// The signature, in hexadecimal.
    pub signature: String,
    /// When it was signed: `20261121T024103Z`.
    pub amz_date: String,
    /// Where all this stood.
    pub source: Source,
}

/// Where a signature stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In the `Authorization` header.
    Header,
    /// In the query, good for so many seconds.
    Query {
        /// `X-Amz-Expires`.
        expires_seconds: u32,
    },
}

/// Access key, region and service of a request, read leniently and unverified. For servers that
/// check no signatures but want to know whom they talk to.
#[must_use]
pub fn scope(request: &Request<'_>) -> Option<(String, String, String)> {
    let credential = match request.header("authorization") {
        Some(header) => {
            let (_, after) = header.split_once("Credential=")?;
            after.split([',', ' ']).next()?.to_owned()
        }
        None => request
            .uri
            .query()?
            .contains("X-Amz-Credential")
            .then(|| request.parameter("X-Amz-Credential"))??,
    };
    let mut parts = credential.rsplitn(5, '/').skip(1);
    let (service, region) = (parts.next()?, parts.next()?);
    let access_key = parts.nth(1)?;
    Some((access_key.to_owned(), region.to_owned(), service.to_owned()))
}

/// Reads what a request is signed with.
///
/// # Errors
/// `MissingAuthenticationTokenException` when there is nothing, `IncompleteSignatureException` when
/// there is not enough.
pub fn parse(request: &Request<'_>) -> Result<Authorization, Failure> {
    match request.header("authorization") {
        Some(header) => from_header(request, header),
        None if request.query().contains("X-Amz-Algorithm=") => from_query(request),
        None => {
            let message = "Missing Authentication Token";
            Err(Failure::new("MissingAuthenticationTokenException", message))
        }
    }
}

fn incomplete(message: String) -> Failure {
    Failure::new("IncompleteSignatureException", message)
}

fn from_header(request: &Request<'_>, header: &str) -> Result<Authorization, Failure> {
    let (algorithm, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    let (mut credential, mut signed, mut signature) = (None, None, None);
    for part in rest.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((key, value)) = part.split_once('=') else {
            return Err(incomplete(format!(
                "'{part}' not a valid key=value pair (missing equal-sign) in Authorization header: \
                 '{header}'."
            )));
        };
        match key.trim() {
            "Credential" => credential = Some(value.trim()),
            "SignedHeaders" => signed = Some(value.trim()),
            "Signature" => signature = Some(value.trim()),
            _ => {}
        }
    }
    let date = request.header("x-amz-date").or_else(|| request.header("date"));
    if let (Some(credential), Some(signature), Some(signed), Some(date)) =
        (credential, signature, signed, date)
    {
        let found = Found { algorithm, credential, signed, signature, date };
        return found.check(Source::Header);
    }
    let mut message = String::new();
    for (name, value) in
        [("Credential", credential), ("Signature", signature), ("SignedHeaders", signed)]
    {
        if value.is_none() {
            message += &format!("Authorization header requires '{name}' parameter. ");
        }
    }
    if date.is_none() {
        message += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
                    header. ";
    }
    Err(incomplete(format!("{message}Authorization={algorithm}")))
}

fn from_query(request: &Request<'_>) -> Result<Authorization, Failure> {
    let get = |name: &str| {
        request.parameter(name).ok_or_else(|| {
            incomplete(format!("AWS query-string parameters must include '{name}'."))
        })
    };
    let (algorithm, credential) = (get("X-Amz-Algorithm")?, get("X-Amz-Credential")?);
    let (signature, signed) = (get("X-Amz-Signature")?, get("X-Amz-SignedHeaders")?);
    let (date, expires) = (get("X-Amz-Date")?, request.parameter("X-Amz-Expires"));
    // AWS's default for APIs other than S3 is the skew that it allows.
    let expires_seconds = expires.and_then(|text| text.parse().ok()).unwrap_or(300);
    let found = Found {
        algorithm: &algorithm,
        credential: &credential,
        signed: &signed,
        signature: &signature,
        date: &date,
    };
    found.check(Source::Query { expires_seconds })
}

/// The parts as they stood in the request.
struct Found<'a> {
    algorithm: &'a str,
    credential: &'a str,
    signed: &'a str,
    signature: &'a str,
    date: &'a str,
}

impl Found<'_> {
    fn check(self, source: Source) -> Result<Authorization, Failure> {
        if self.algorithm != ALGORITHM {
            return Err(incomplete(format!("Unsupported AWS 'algorithm': '{}'.", self.algorithm)));
        }
        let parts: Vec<&str> = self.credential.split('/').collect();
        let [access_key, date, region, service, terminator] = parts[..] else {
            return Err(incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{}'",
                self.credential
            )));
        };
        if terminator != TERMINATOR {
            return Err(Failure::new(
                "InvalidSignatureException",
                format!(
                    "Credential should be scoped with a valid terminator: '{TERMINATOR}', not \
                     '{terminator}'."
                ),
            ));
        }
        Ok(Authorization {
            access_key: access_key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            signed_headers: self.signed.split(';').map(str::to_ascii_lowercase).collect(),
            signature: self.signature.to_owned(),
            amz_date: self.date.to_owned(),
            source,
        })
    }
}
