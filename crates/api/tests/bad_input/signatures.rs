//! Requests that are not signed, or not well, where keys are configured.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use trackway_api::Credential;
use trackway_engine::Clock;
use trackway_wire::sigv4::{self, Credentials, Outgoing, PathStyle};

use crate::house::House;
use crate::said;

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const HOST: &str = "localhost:4580";
const MINUTE_MS: i64 = 60_000;

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("we live after 1970");
    i64::try_from(since.as_millis()).expect("it fits")
}

/// How a request is signed.
struct Signing {
    key: &'static str,
    secret: &'static str,
    service: &'static str,
    at_ms: i64,
}

impl Signing {
    fn good() -> Self {
        Self { key: KEY, secret: SECRET, service: "states", at_ms: now_ms() }
    }

    fn sign(&self, body: &'static [u8]) -> Request<Bytes> {
        let credentials = Credentials {
            access_key: self.key.to_owned(),
            secret_key: self.secret.to_owned(),
            session_token: None,
        };
        let outgoing = Outgoing {
            method: "POST",
            host: HOST,
            path: "/",
            query: "",
            body: Some(body),
            region: "us-east-1",
            service: self.service,
            style: PathStyle::Twice,
        };
        let mut headers = http::HeaderMap::new();
        headers.insert("x-amz-target", "AWSStepFunctions.ListActivities".parse().expect("ASCII"));
        sigv4::sign(&outgoing, &mut headers, &credentials, self.at_ms);
        let mut request = Request::post("/").body(Bytes::from_static(body)).expect("a request");
        *request.headers_mut() = headers;
        request
    }
}

async fn guarded() -> House {
    let credential = Credential { secret_key: SECRET.to_owned(), account: None };
    House::open(Clock::Manual, BTreeMap::from([(KEY.to_owned(), credential)])).await
}

async fn answer(house: &House, request: Request<Bytes>) -> String {
    said(&house.client.send(request).await)
}

/// The same request with one header set, or removed.
fn changed(name: &'static str, value: Option<&str>) -> Request<Bytes> {
    let mut request = Signing::good().sign(b"{}");
    match value {
        Some(value) => request.headers_mut().insert(name, value.parse().expect("ASCII")),
        None => request.headers_mut().remove(name),
    };
    request
}

#[tokio::test]
async fn a_good_signature_is_taken() {
    let house = guarded().await;
    assert_eq!(answer(&house, Signing::good().sign(b"{}")).await, "200");
    let nearly = Signing { at_ms: now_ms() - 4 * MINUTE_MS, ..Signing::good() };
    assert_eq!(answer(&house, nearly.sign(b"{}")).await, "200");
}

#[tokio::test]
async fn requests_without_a_whole_signature_are_refused() {
    let house = guarded().await;
    for (name, value, expected) in [
        (
            "authorization",
            None,
            "400 MissingAuthenticationTokenException: Missing Authentication Token",
        ),
        ("authorization", Some(""), "400 IncompleteSignatureException: "),
        ("authorization", Some("Bearer x"), "400 IncompleteSignatureException: "),
        (
            "authorization",
            Some("AWS4-HMAC-SHA256 Credential=x"),
            "400 IncompleteSignatureException: ",
        ),
        (
            "authorization",
            Some("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0"),
            "400 IncompleteSignatureException: Credential must have exactly 5 slash-delimited elements",
        ),
        ("x-amz-date", None, "400 IncompleteSignatureException: "),
        (
            "x-amz-date",
            Some("yesterday"),
            "400 IncompleteSignatureException: Date must be in ISO-8601 'basic format'. Got 'yesterday'.",
        ),
    ] {
        let answer = answer(&house, changed(name, value)).await;
        assert!(answer.starts_with(expected), "{name} {value:?}: {answer}");
    }
}

#[tokio::test]
async fn wrong_signatures_are_refused() {
    let house = guarded().await;
    let mismatch =
        "400 InvalidSignatureException: The request signature we calculated does not match";
    let mut tampered = Signing::good().sign(b"{}");
    *tampered.body_mut() = Bytes::from_static(b"{ }");
    let rows = [
        (Signing { secret: "wrong", ..Signing::good() }.sign(b"{}"), mismatch),
        (tampered, mismatch),
        (changed("x-amz-target", Some("AWSStepFunctions.ListStateMachines")), mismatch),
        (changed("host", Some("elsewhere")), mismatch),
        (
            Signing { key: "AKIDUNKNOWN", ..Signing::good() }.sign(b"{}"),
            "400 UnrecognizedClientException: The security token included in the request is invalid.",
        ),
        (
            Signing { service: "sqs", ..Signing::good() }.sign(b"{}"),
            "400 InvalidSignatureException: Credential should be scoped to correct service: 'states'.",
        ),
        (
            Signing { at_ms: now_ms() - 6 * MINUTE_MS, ..Signing::good() }.sign(b"{}"),
            "400 InvalidSignatureException: Signature expired: ",
        ),
        (
            Signing { at_ms: now_ms() + 6 * MINUTE_MS, ..Signing::good() }.sign(b"{}"),
            "400 InvalidSignatureException: Signature not yet current: ",
        ),
        (
            Signing { at_ms: 0, ..Signing::good() }.sign(b"{}"),
            "400 InvalidSignatureException: Signature expired: ",
        ),
        // Who may not ask is not told what was wrong with the question.
        (Signing { secret: "wrong", ..Signing::good() }.sign(b"not json"), mismatch),
    ];
    for (place, (request, expected)) in rows.into_iter().enumerate() {
        let answer = answer(&house, request).await;
        assert!(answer.starts_with(expected), "row {place}: {answer}");
    }
}
