//! Builds requests and reads responses, one JSON object a line, for the tests that compare this room
//! with botocore (`tests/e2e/test_botocore.py`).
//!
//! ```text
//! {"service", "operation", "input", "url"}                  the request: method, host, path, ...
//! {..., "status", "headers", "body"}  (body in base64)      the output: {"output"} or {"refused"}
//! ```

use std::io::{BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};
use trackway_wire::client::boto::{self, Blobs};
use trackway_wire::model;
use trackway_wire::sigv4::Credentials;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let answer = answer(&asked).unwrap_or_else(|error| json!({ "error": error }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(asked: &Value) -> Result<Value, String> {
    let text = |name: &str| asked[name].as_str().unwrap_or_default();
    let service = model::service_by_any_name(text("service")).ok_or("no such service")?;
    let operation = boto::operation(service, text("operation")).ok_or("no such operation")?;
    let blobs = if text("blobs") == "base64" { Blobs::Base64 } else { Blobs::Text };
    let sent = boto::input(service, operation, &asked["input"], blobs)?;
    if let Some(status) = asked["status"].as_u64() {
        let status = u16::try_from(status).map_err(|error| error.to_string())?;
        let body = STANDARD.decode(text("body")).map_err(|error| error.to_string())?;
        let headers = headers(&asked["headers"]);
        let client = trackway_wire::client::parse(service, operation, status, &headers, &body);
        return Ok(match client {
            Ok(output) => {
                let output = boto::output(service, operation, &sent, output, Blobs::Base64);
                json!({ "output": output })
            }
            Err(refused) => json!({ "refused": {
                "code": refused.code,
                "message": refused.message,
                "status": refused.status,
                "members": Value::Object(*refused.members),
            }}),
        });
    }
    let url = asked["url"].as_str();
    let region = if text("region").is_empty() { "us-east-1" } else { text("region") };
    let endpoint = trackway_wire::client::endpoint(service, region, |_| url.map(str::to_owned));
    let mut built =
        trackway_wire::client::build(service, operation, &endpoint, &sent.input, || {
            "11111111-2222-4333-8444-555555555555".to_owned()
        })
        .map_err(|error| error.to_string())?;
    let credentials =
        Credentials { access_key: "AKID".into(), secret_key: "s".into(), session_token: None };
    built.sign(&credentials, 1_800_000_000_000);
    let headers: Map<String, Value> = built
        .headers
        .iter()
        .map(|(name, value)| {
            (name.to_string(), Value::from(String::from_utf8_lossy(value.as_bytes())))
        })
        .collect();
    Ok(json!({
        "method": built.method.as_str(),
        "scheme": built.scheme,
        "host": built.host,
        "path": built.path,
        "query": built.query,
        "headers": headers,
        "body": STANDARD.encode(&built.body),
    }))
}

fn headers(given: &Value) -> HeaderMap {
    let pairs = given.as_object().into_iter().flatten();
    let pairs = pairs.filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
    });
    pairs.collect()
}
