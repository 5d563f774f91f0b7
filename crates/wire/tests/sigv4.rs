//! SigV4 against an independent signer: vectors made with botocore (`data/sigv4.py`), and our own
//! signer against our own verifier for arbitrary requests.
#![expect(clippy::unwrap_used, reason = "a test may")]

use http::{HeaderMap, HeaderName, Method, Uri};
use proptest::prelude::*;
use serde_json::Value;
use trackway_wire::error::Failure;
use trackway_wire::request::Request;
use trackway_wire::sigv4::{self, Authorization, Credentials, Outgoing, PathStyle};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2026-11-21T02:41:03Z.
const NOW_MS: i64 = 1_795_228_863_000;

fn vectors() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("data/sigv4.json")).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn credentials(token: Option<&str>) -> Credentials {
    Credentials {
        access_key: "AKIDEXAMPLE".to_owned(),
        secret_key: SECRET.to_owned(),
        session_token: token.map(str::to_owned),
    }
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap_or_default()
}

fn headers(vector: &Value) -> HeaderMap {
    let given = vector["headers"].as_object().unwrap().iter();
    given
        .map(|(name, value)| {
            let name: HeaderName = name.parse().unwrap();
            (name, value.as_str().unwrap().parse().unwrap())
        })
        .collect()
}

#[test]
fn verifies_what_botocore_signed() {
    for vector in vectors() {
        let mut headers = headers(&vector);
        headers.insert("host", text(&vector, "host").parse().unwrap());
        headers.insert("x-amz-date", "20261121T024103Z".parse().unwrap());
        headers.insert("authorization", text(&vector, "authorization").parse().unwrap());
        if let Some(token) = vector["token"].as_str() {
            headers.insert("x-amz-security-token", token.parse().unwrap());
        }
        // What can't be a request target is not sent over HTTP either.
        let target = format!("{}?{}", text(&vector, "path"), text(&vector, "query"));
        let Ok(uri) = target.trim_end_matches('?').parse::<Uri>() else { continue };
        let method: Method = text(&vector, "method").parse().unwrap();
        let body = text(&vector, "body").as_bytes();
        let request = Request { method: &method, uri: &uri, headers: &headers, body };
        let verify = |request: &Request<'_>, secret: &str| {
            let secret = secret.to_owned();
            sigv4::verify(request, text(&vector, "service"), |_| Some(secret), NOW_MS)
        };
        let authorization = verify(&request, SECRET).unwrap_or_else(|failure| {
            panic!("{failure:?} {vector}");
        });
        assert_eq!(authorization.region, text(&vector, "region"));
        for (other, secret) in [
            (Request { body: b"other", ..request }, SECRET),
            (Request { method: &Method::DELETE, ..request }, SECRET),
            (request, "another secret"),
        ] {
            assert_eq!(verify(&other, secret).unwrap_err().code, "InvalidSignatureException");
        }
    }
}

#[test]
fn signs_as_botocore_does() {
    for vector in vectors() {
        let mut headers = headers(&vector);
        let outgoing = Outgoing {
            method: text(&vector, "method"),
            host: text(&vector, "host"),
            path: text(&vector, "path"),
            query: text(&vector, "query"),
            body: Some(text(&vector, "body").as_bytes()),
            region: text(&vector, "region"),
            service: text(&vector, "service"),
            style: PathStyle::Twice,
        };
        sigv4::sign(&outgoing, &mut headers, &credentials(vector["token"].as_str()), NOW_MS);
        assert_eq!(headers["authorization"], text(&vector, "authorization"), "{vector}");
    }
}

/// Verifies a request whose `Authorization` and date are given.
fn verify(authorization: &str, date: &str, known: bool) -> Result<Authorization, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert("host", "h".parse().unwrap());
    for (name, value) in [("authorization", authorization), ("x-amz-date", date)] {
        if !value.is_empty() {
            headers.insert(name, value.parse().unwrap());
        }
    }
    let (method, uri) = (Method::POST, Uri::from_static("/"));
    let request = Request { method: &method, uri: &uri, headers: &headers, body: b"{}" };
    sigv4::verify(&request, "states", |_| known.then(|| SECRET.to_owned()), NOW_MS)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn refuses_in_the_words_of_aws() {
    let good = "AWS4-HMAC-SHA256 Credential=K/20261121/us-east-1/states/aws4_request, \
                SignedHeaders=host, Signature=00";
    let now = "20261121T024103Z";
    for (authorization, date, code, message) in [
        ("", now, "MissingAuthenticationTokenException", "Missing Authentication Token"),
        (
            "AWS4-HMAC-SHA256 FooBar, Baz",
            now,
            "IncompleteSignatureException",
            "'FooBar' not a valid key=value pair (missing equal-sign) in Authorization header: \
             'AWS4-HMAC-SHA256 FooBar, Baz'.",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=x",
            "",
            "IncompleteSignatureException",
            "Authorization header requires 'Signature' parameter. Authorization header requires \
             'SignedHeaders' parameter. Authorization header requires existence of either a \
             'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host, Signature=0",
            now,
            "IncompleteSignatureException",
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got 'x'",
        ),
        (
            &good.replace("states", "ssm"),
            now,
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'states'. ",
        ),
        (
            good,
            "20261121T020506Z",
            "InvalidSignatureException",
            "Signature expired: 20261121T020506Z is now earlier than 20261121T023603Z \
             (20261121T024103Z - 5 min.)",
        ),
        (
            good,
            "20261121T025000Z",
            "InvalidSignatureException",
            "Signature not yet current: 20261121T025000Z is still later than 20261121T024603Z \
             (20261121T024103Z + 5 min.)",
        ),
        (
            good,
            "yesterday",
            "IncompleteSignatureException",
            "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See \
             http://en.wikipedia.org/wiki/ISO_8601",
        ),
        (
            good,
            "20261120T024103Z",
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '20261121' != '20261120', from '20261120T024103Z'.",
        ),
        (
            good,
            now,
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.",
        ),
    ] {
        let failure = verify(authorization, date, true).unwrap_err();
        assert_eq!((&*failure.code, failure.message.as_deref()), (code, Some(message)));
    }
    let failure = verify(good, now, false).unwrap_err();
    assert_eq!(failure.code, "UnrecognizedClientException");
}

#[test]
fn verifies_presigned_queries() {
    // Made with botocore's SigV4QueryAuth for the same key, moment and host, good for 60 s.
    let uri: Uri = include_str!("data/presigned.txt").trim().parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("host", "127.0.0.1:4566".parse().unwrap());
    let request = Request { method: &Method::GET, uri: &uri, headers: &headers, body: b"" };
    let verify = |now_ms| sigv4::verify(&request, "iot", |_| Some(SECRET.to_owned()), now_ms);
    assert_eq!(verify(NOW_MS).unwrap().access_key, "AKIDEXAMPLE");
    let late = verify(NOW_MS + 61_000).unwrap_err();
    assert!(late.message.unwrap().starts_with("Signature expired: "));
}

proptest! {
    #[test]
    fn verifies_what_it_signed(
        path in "(/[a-zA-Z0-9~._%-]{0,8}){1,4}",
        query in "([a-z]{1,3}=[a-zA-Z0-9%._-]{0,6}&?){0,4}",
        header in "[ -~]{0,20}",
        body: Vec<u8>,
    ) {
        let Ok(uri) = format!("{path}?{query}").parse::<Uri>() else { return Ok(()) };
        let mut headers = HeaderMap::new();
        headers.insert("x-any", header.parse().unwrap());
        let outgoing = Outgoing {
            method: "POST",
            host: "h:1",
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            body: Some(&body),
            region: "r",
            service: "states",
            style: PathStyle::Twice,
        };
        sigv4::sign(&outgoing, &mut headers, &credentials(None), NOW_MS);
        let request = Request { method: &Method::POST, uri: &uri, headers: &headers, body: &body };
        let known = |_: &str| Some(SECRET.to_owned());
        prop_assert!(sigv4::verify(&request, "states", known, NOW_MS).is_ok());
        prop_assert!(sigv4::verify(&request, "states", known, NOW_MS + 300_001).is_err());
    }

    #[test]
    fn arbitrary_authorizations_never_panic(header in "[ -~]{0,60}", date in "[ -~]{0,20}") {
        let header = format!("AWS4-HMAC-SHA256 {header}");
        prop_assert!(verify(&header, &date, true).is_err());
    }
}
