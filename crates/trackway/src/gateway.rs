//! What every request meets first: our own calls, then the AWS APIs.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use trackway_api::Api;
use trackway_engine::Engine;
use trackway_registry::Registry;
use trackway_registry::evidence::{self, NotFed};

use crate::artifact_endpoint::ArtifactEndpoint;
use crate::compose::{ACCOUNT_DEFAULT, REGION_DEFAULT, Service};
use crate::server::Handler;

/// What every request meets first: our own calls, then the AWS APIs.
pub(crate) struct Gateway {
    api: Arc<Api>,
    engine: Engine,
    artifacts: ArtifactEndpoint,
    /// On loopback a request must name a loopback host: a page elsewhere can't reach us by a name
    /// that it made point here.
    local_names_only: bool,
}

impl Gateway {
    pub(crate) fn new(service: &Service, local_names_only: bool) -> Self {
        let (api, engine) = (Arc::clone(&service.api), service.engine.clone());
        Self { api, engine, artifacts: service.artifact_endpoint(), local_names_only }
    }

    async fn own(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let path = request.uri().path();
        let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_read && (path == "/health" || path == "/") && !is_aws(request) {
            return Some(answer(StatusCode::OK, &health(&self.engine)));
        }
        if let Some(response) = self.api.answer_webhook(request).await {
            return Some(response);
        }
        let own = path.strip_prefix("/_trackway/")?;
        if request.method() != Method::POST {
            return Some(error(StatusCode::METHOD_NOT_ALLOWED, "use POST"));
        }
        if let Some(response) = self.api.answer_node(request).await {
            return Some(response);
        }
        if let Err(failure) = self.api.admit(request) {
            return Some(error(
                StatusCode::FORBIDDEN,
                failure.message.as_deref().unwrap_or("the request must be signed"),
            ));
        }
        Some(match own {
            "reset" => self.reset(request).await,
            "clock/advance" => self.advance(request.body()),
            "codepipeline/events" => self.source_events(request.body()).await,
            "iot/events" => self.iot_events(request).await,
            _ => error(
                StatusCode::NOT_FOUND,
                "no such call; there are reset, clock/advance, codepipeline/events, iot/events and those of nodes",
            ),
        })
    }

    /// Empties an account: the one in the body, or the default one.
    async fn reset(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let Some(Whose { account, region }) = Whose::read(request.body()) else {
            // A slip in the body must not empty another account than the one that was meant.
            let message = r#"give nothing, or {"account": "12 digits", "region": "us-east-1"}"#;
            return error(StatusCode::BAD_REQUEST, message);
        };
        match self.engine.reset(&format!("{account}/{region}")).await {
            Ok(_) => answer(StatusCode::OK, &json!({ "account": account, "region": region })),
            Err(fault) => error(StatusCode::INTERNAL_SERVER_ERROR, &fault.to_string()),
        }
    }

    /// Starts pipelines, and has their sources looked at.
    async fn source_events(&self, body: &Bytes) -> Response<Bytes> {
        match self.api.hear_source_events(body).await {
            Ok(Ok(started)) => answer(StatusCode::OK, &started),
            Ok(Err(why)) => error(StatusCode::BAD_REQUEST, &why),
            Err(fault) => error(StatusCode::INTERNAL_SERVER_ERROR, &fault.to_string()),
        }
    }

    /// Takes evidence for audits in: of the account and region in the query, or of the default ones.
    async fn iot_events(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let Some(Whose { account, region }) = Whose::asked(request.uri().query()) else {
            let message = "the query may have account, 12 digits, and region, and nothing else";
            return error(StatusCode::BAD_REQUEST, message);
        };
        let registry = Registry::new(self.engine.clone());
        let scope = format!("{account}/{region}").into();
        match evidence::feed(&registry, &scope, request.body()).await {
            Ok(count) => answer(StatusCode::OK, &json!({ "events": count })),
            Err(wrong @ NotFed::Wrong { .. }) => error(StatusCode::BAD_REQUEST, &wrong.to_string()),
            Err(NotFed::Fault(fault)) => {
                error(StatusCode::INTERNAL_SERVER_ERROR, &fault.to_string())
            }
        }
    }

    fn advance(&self, body: &Bytes) -> Response<Bytes> {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        match body["seconds"].as_f64() {
            Some(seconds) if (0.0..=3.2e9).contains(&seconds) => {
                #[expect(clippy::cast_possible_truncation, reason = "bounded above")]
                self.engine.advance((seconds * 1000.0) as i64);
                answer(StatusCode::OK, &json!({ "now": self.engine.now().as_millis() }))
            }
            _ => error(StatusCode::BAD_REQUEST, "give {\"seconds\": N}, N from 0 on"),
        }
    }

    fn is_foreign(&self, request: &Request<Bytes>) -> bool {
        let header = |name| {
            let value: &HeaderValue = request.headers().get(name)?;
            Some(value.to_str().unwrap_or("?"))
        };
        let host_is_local = header(header::HOST).is_none_or(is_local);
        let origin = header(header::ORIGIN);
        let origin_is_local = origin.is_none_or(|origin| {
            is_local(origin.split_once("://").map_or(origin, |(_, authority)| authority))
        });
        self.local_names_only && !(host_is_local && origin_is_local)
    }
}

impl Handler for Gateway {
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        if self.is_foreign(&request) {
            return error(
                StatusCode::FORBIDDEN,
                "the Host or Origin is not a name of this machine's loopback",
            );
        }
        if let Some(response) = self.artifacts.answer(&request).await {
            return response;
        }
        match self.own(&request).await {
            Some(response) => response,
            None => self.api.answer(request).await,
        }
    }

    fn too_large(&self, head: &http::request::Parts) -> Response<Bytes> {
        self.artifacts.too_large(head).unwrap_or_else(|| self.api.too_large(head))
    }

    fn stopping(&self) {
        self.api.end_polls();
    }
}

/// Whose registry or executions one of our own calls is about.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Whose {
    account: String,
    region: String,
}

impl Default for Whose {
    fn default() -> Self {
        Self { account: ACCOUNT_DEFAULT.to_owned(), region: REGION_DEFAULT.to_owned() }
    }
}

impl Whose {
    fn read(body: &[u8]) -> Option<Self> {
        if body.is_empty() {
            return Some(Self::default());
        }
        // A struct would be read from an array as well.
        let object: serde_json::Map<String, Value> = serde_json::from_slice(body).ok()?;
        serde_json::from_value(Value::Object(object)).ok()
    }
}

impl Whose {
    /// Reads a query.
    fn asked(query: Option<&str>) -> Option<Self> {
        let mut whose = Self::default();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=')? {
                ("account", account)
                    if account.len() == 12 && account.bytes().all(|one| one.is_ascii_digit()) =>
                {
                    account.clone_into(&mut whose.account);
                }
                ("region", region)
                    if !region.is_empty()
                        && region.bytes().all(|one| one.is_ascii_alphanumeric() || one == b'-') =>
                {
                    region.clone_into(&mut whose.region);
                }
                _ => return None,
            }
        }
        Some(whose)
    }
}

/// Whether an AWS client sent it: those sign, or say what they want in a header.
fn is_aws(request: &Request<Bytes>) -> bool {
    let headers = request.headers();
    headers.contains_key(header::AUTHORIZATION)
        || headers.contains_key("x-amz-target")
        || request.uri().query().is_some_and(|query| query.contains("Action="))
}

/// Whether an authority (`host[:port]`) names this machine's loopback.
fn is_local(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let host = host.strip_prefix("sync-").unwrap_or(host);
    let is_loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    is_loopback || host == "localhost" || host.ends_with(".localhost")
}

fn health(engine: &Engine) -> Value {
    json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "services": ["stepfunctions", "ssm", "codepipeline", "iot", "sts"],
        "now": engine.now().as_millis(),
    })
}

fn error(status: StatusCode, message: &str) -> Response<Bytes> {
    answer(status, &json!({ "message": message }))
}

fn answer(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_whose_evidence_it_is() {
        let whose = |query| Whose::asked(query).map(|one| (one.account, one.region));
        let both = |account: &str, region: &str| Some((account.to_owned(), region.to_owned()));
        assert_eq!(whose(None), both(ACCOUNT_DEFAULT, REGION_DEFAULT));
        let query = "account=111122223333&region=eu-west-1";
        assert_eq!(whose(Some(query)), both("111122223333", "eu-west-1"));
        for wrong in ["account=1", "account=11112222333a", "region=", "region=a/b", "x=1", "region"]
        {
            assert_eq!(whose(Some(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn only_loopback_names_are_local() {
        for local in [
            "localhost",
            "localhost:4580",
            "127.0.0.1:1",
            "127.9.9.9",
            "[::1]:80",
            "sync-127.0.0.1:4580",
            "api.localhost:4580",
        ] {
            assert!(is_local(local), "{local}");
        }
        for foreign in [
            "example.com",
            "localhost.example.com",
            "10.0.0.1",
            "[::2]",
            "",
            "127.0.0.1.example.com",
        ] {
            assert!(!is_local(foreign), "{foreign}");
        }
    }
}
