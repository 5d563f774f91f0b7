//! Session credentials for artifacts: what a job is given as `artifactCredentials`, and what the
//! endpoint of artifacts takes.
//!
//! Nothing is kept of them: the session token is sealed by the engine, the keys follow from it and
//! the engine's secret.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use trackway_core::Timestamp;
use trackway_engine::Tokens;
use trackway_wire::error::Failure;
use trackway_wire::request::Request;
use trackway_wire::sigv4;

use crate::answer::hex;
use crate::{Credential, wall_clock_ms};

/// What session tokens are sealed for.
const CONTEXT: &[u8] = b"artifact credentials";

/// Session credentials.
pub(super) struct ArtifactKeys {
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) session_token: String,
}

impl ArtifactKeys {
    /// Those of a job, `ACCOUNT/REGION/ID`; the same each time.
    pub(super) fn of(tokens: &Tokens, job: &str) -> Self {
        let session_token = tokens.seal(job.as_bytes(), CONTEXT, Timestamp(0));
        let digest = Sha256::digest(session_token.as_bytes());
        let key: String = digest[..16].iter().map(|byte| char::from(b'A' + byte % 26)).collect();
        // The token goes over the wire with each request; the secret must not follow from it.
        let secret = tokens.seal(b"secret", session_token.as_bytes(), Timestamp(0));
        let secret_key = hex(&Sha256::digest(secret.as_bytes())[12..]);
        Self { access_key: format!("ASIA{key}"), secret_key, session_token }
    }
}

/// What stands for a body that has no hash in the signature.
const UNSIGNED: [&str; 2] = ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"];

/// Whose a request for artifacts is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArtifactCaller {
    /// Somebody who may do everything here.
    Anybody,
    /// Who was given this job, `ACCOUNT/REGION/ID`.
    Job(String),
}

/// What a job's credentials open, each a bucket and a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobArtifacts {
    /// What may be read.
    pub read: Vec<(String, String)>,
    /// What may be written, and read again.
    pub written: Vec<(String, String)>,
}

impl JobArtifacts {
    /// Whether this key may be read, or written.
    #[must_use]
    pub fn open(&self, bucket: &str, key: &str, is_write: bool) -> bool {
        let has = |list: &[(String, String)]| list.iter().any(|(b, k)| b == bucket && k == key);
        has(&self.written) || (!is_write && has(&self.read))
    }

    /// Whether any of them lies in this bucket.
    #[must_use]
    pub fn are_in(&self, bucket: &str) -> bool {
        self.read.iter().chain(&self.written).any(|(other, _)| other == bucket)
    }
}

/// Whether a request of S3 may be made, and by whom: anybody's may while no credentials are
/// configured; else it is signed by one of those, or by a session of a job.
///
/// # Errors
/// Why not.
pub(super) fn admit(
    tokens: &Tokens,
    request: &Request<'_>,
    credentials: &BTreeMap<String, Credential>,
) -> Result<ArtifactCaller, Failure> {
    let announced = request.header("x-amz-content-sha256").unwrap_or(UNSIGNED[0]);
    let is_hash = announced.len() == 64;
    if is_hash && announced != hex(&Sha256::digest(request.body)) {
        let message =
            "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(Failure::new("XAmzContentSHA256Mismatch", message));
    }
    if !is_hash && !UNSIGNED.contains(&announced) {
        return Err(Failure::new(
            "NotImplemented",
            format!("a body that is signed as {announced}"),
        ));
    }
    if credentials.is_empty() {
        return Ok(ArtifactCaller::Anybody);
    }
    // In the query of a presigned request it is escaped; what sealing makes needs no escapes.
    let in_query = request.query().split('&');
    let in_query = in_query.filter_map(|pair| pair.strip_prefix("X-Amz-Security-Token=")).next();
    let token = request.header("x-amz-security-token").or(in_query);
    let secret = |key: &str| match token {
        Some(token) => secret_of(tokens, token, key),
        None => credentials.get(key).map(|known| known.secret_key.clone()),
    };
    let signed = sigv4::Signed { payload_hash: announced, style: sigv4::PathStyle::AsIs };
    sigv4::verify_as(request, "s3", &signed, secret, wall_clock_ms())?;
    let job = token.and_then(|token| job_of(tokens, token));
    Ok(job.map_or(ArtifactCaller::Anybody, ArtifactCaller::Job))
}

/// The job that a session is of.
fn job_of(tokens: &Tokens, session_token: &str) -> Option<String> {
    let job = tokens.open(session_token, CONTEXT, Timestamp(0), i64::MAX).ok()?;
    String::from_utf8(job).ok()
}

/// The secret of a session; none if the token or the access key is not one of ours.
pub(super) fn secret_of(tokens: &Tokens, session_token: &str, access_key: &str) -> Option<String> {
    let keys = ArtifactKeys::of(tokens, &job_of(tokens, session_token)?);
    (keys.access_key == access_key).then_some(keys.secret_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_known_again_and_no_other_store_s_is() {
        let (ours, theirs) = (Tokens::new([1; 32]), Tokens::new([2; 32]));
        let keys = ArtifactKeys::of(&ours, "000000000000/us-east-1/job");
        let secret = |tokens, token: &str, key: &str| secret_of(tokens, token, key);
        let found = secret(&ours, &keys.session_token, &keys.access_key);
        assert_eq!(found, Some(keys.secret_key));
        assert_eq!(secret(&theirs, &keys.session_token, &keys.access_key), None);
        assert_eq!(secret(&ours, &keys.session_token, "ASIAOTHER"), None);
        assert_eq!(secret(&ours, "x", &keys.access_key), None);
    }

    #[test]
    fn a_job_reads_its_inputs_and_writes_its_outputs() {
        let at = |key: &str| ("b".to_owned(), key.to_owned());
        let of_job = JobArtifacts { read: vec![at("in")], written: vec![at("out")] };
        for (key, is_write, is_open) in [
            ("in", false, true),
            ("in", true, false),
            ("out", false, true),
            ("out", true, true),
            ("other", false, false),
            ("other", true, false),
        ] {
            assert_eq!(of_job.open("b", key, is_write), is_open, "{key} {is_write}");
            assert!(!of_job.open("c", key, is_write));
        }
        assert!(of_job.are_in("b") && !of_job.are_in("c"));
    }
}
