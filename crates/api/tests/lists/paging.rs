//! What holds of every list call, whatever it lists.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use trackway_api::Api;
use trackway_wire::client::{Endpoint, build};
use trackway_wire::model;

/// The account of the tests.
pub(crate) const OURS: &str = "000000000000";
/// Another one.
pub(crate) const OTHER: &str = "111122223333";

/// The words in which a service's protocol speaks of pages.
pub(crate) struct Words {
    pub(crate) target: &'static str,
    pub(crate) version: &'static str,
    pub(crate) size: &'static str,
    pub(crate) token: &'static str,
    pub(crate) refusal: &'static str,
}

pub(crate) const SSM: Words = Words {
    target: "AmazonSSM",
    version: "1.1",
    size: "MaxResults",
    token: "NextToken",
    refusal: "InvalidNextToken",
};

pub(crate) const STEP_FUNCTIONS: Words = Words {
    target: "AWSStepFunctions",
    version: "1.0",
    size: "maxResults",
    token: "nextToken",
    refusal: "InvalidToken",
};

pub(crate) const CODEPIPELINE: Words = Words {
    target: "CodePipeline_20150709",
    version: "1.1",
    size: "maxResults",
    token: "nextToken",
    refusal: "InvalidNextTokenException",
};

/// IoT's requests are made of the model, not of a target.
pub(crate) const IOT: Words = Words {
    target: "",
    version: "",
    size: "maxResults",
    token: "nextToken",
    refusal: "InvalidRequestException",
};

/// A client of the API.
#[derive(Clone)]
pub(crate) struct Client(pub(crate) Arc<Api>);

impl Client {
    /// What an account is answered: the status and the body.
    pub(crate) async fn ask(
        &self,
        words: &Words,
        account: &str,
        operation: &str,
        request: &Value,
    ) -> (u16, Value) {
        if words.target.is_empty() {
            return self.ask_iot(account, operation, request).await;
        }
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/x/aws4_request, SignedHeaders=host, Signature=x"
        );
        let request = Request::post("/")
            .header("content-type", format!("application/x-amz-json-{}", words.version))
            .header("x-amz-target", format!("{}.{operation}", words.target))
            .header("authorization", signed)
            .body(Bytes::from(request.to_string()))
            .unwrap();
        let response = self.0.answer(request).await;
        let body = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status().as_u16(), body)
    }

    /// The same of IoT; the body of a refusal has its code too.
    async fn ask_iot(&self, account: &str, operation: &str, request: &Value) -> (u16, Value) {
        let response = self.0.answer(iot_request(account, operation, request)).await;
        let mut body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if let Some(code) = response.headers().get("x-amzn-errortype") {
            body["__type"] = json!(code.to_str().unwrap());
        }
        (response.status().as_u16(), body)
    }

    /// The answer to a request of IoT that has to succeed.
    pub(crate) async fn iot(&self, operation: &str, request: Value) -> Value {
        let (status, body) = self.ask(&IOT, OURS, operation, &request).await;
        assert_eq!(status, 200, "{operation} {request}: {body}");
        body
    }

    /// The answer to a request of Systems Manager that has to succeed.
    pub(crate) async fn done(&self, operation: &str, request: Value) -> Value {
        self.done_as(OURS, operation, request).await
    }

    /// The same by another account.
    pub(crate) async fn done_as(&self, account: &str, operation: &str, request: Value) -> Value {
        let (status, body) = self.ask(&SSM, account, operation, &request).await;
        assert_eq!(status, 200, "{operation} {request}: {body}");
        body
    }

    /// The answer to a request of CodePipeline that has to succeed.
    pub(crate) async fn codepipeline(&self, operation: &str, request: Value) -> Value {
        let (status, body) = self.ask(&CODEPIPELINE, OURS, operation, &request).await;
        assert_eq!(status, 200, "{operation} {request}: {body}");
        body
    }

    /// The answer to a request of Step Functions that has to succeed.
    pub(crate) async fn step_functions(&self, operation: &str, request: Value) -> Value {
        let (status, body) = self.ask(&STEP_FUNCTIONS, OURS, operation, &request).await;
        assert_eq!(status, 200, "{operation} {request}: {body}");
        body
    }
}

/// A request of IoT as an SDK makes it of its members.
fn iot_request(account: &str, operation: &str, request: &Value) -> Request<Bytes> {
    let service = model::service("iot").unwrap();
    let operation = service.operation(operation).unwrap();
    let endpoint = Endpoint {
        scheme: "http".to_owned(),
        host: "localhost".to_owned(),
        base_path: String::new(),
        region: "us-east-1".to_owned(),
        custom: true,
    };
    let mut built = build(service, operation, &endpoint, request, token).unwrap();
    let signed = format!(
        "AWS4-HMAC-SHA256 Credential={account}/20260101/us-east-1/iot/aws4_request, SignedHeaders=host, Signature=x"
    );
    built.headers.insert("authorization", signed.parse().unwrap());
    let mut made = Request::builder().method(built.method.clone()).uri(built.url());
    *made.headers_mut().unwrap() = built.headers;
    made.body(built.body).unwrap()
}

/// An idempotency token that no other request has.
fn token() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("token-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A list call.
pub(crate) struct List {
    pub(crate) client: Client,
    pub(crate) words: Words,
    pub(crate) operation: &'static str,
    /// The member of the answer that holds the rows.
    pub(crate) member: &'static str,
    /// The size of a page if none is asked for.
    pub(crate) default: usize,
    /// What tells one row from another.
    pub(crate) id: fn(&Value) -> String,
    /// Members that make another request of one that has them not, or others.
    pub(crate) other: Value,
}

impl List {
    async fn page(
        &self,
        request: &Value,
        size: Option<usize>,
        token: Option<&str>,
    ) -> (Vec<Value>, Option<String>) {
        let mut request = request.clone();
        if let Some(size) = size {
            request[self.words.size] = json!(size);
        }
        if let Some(token) = token {
            request[self.words.token] = json!(token);
        }
        let (status, mut body) = self.client.ask(&self.words, OURS, self.operation, &request).await;
        assert_eq!(status, 200, "{} {request}: {body}", self.operation);
        let next = body[self.words.token].as_str().map(str::to_owned);
        assert_ne!(next.as_deref(), Some(""), "{}: an empty token", self.operation);
        let Value::Array(rows) = body[self.member].take() else {
            panic!("{} has no {}: {body}", self.operation, self.member)
        };
        assert!(
            rows.len() <= size.unwrap_or(self.default),
            "{} {request}: {} rows on a page",
            self.operation,
            rows.len()
        );
        (rows, next)
    }

    /// Every row, read in the largest pages.
    pub(crate) async fn all(&self, request: &Value) -> Vec<Value> {
        let (mut rows, mut token) = (Vec::new(), None);
        loop {
            let (page, next) = self.page(request, None, token.as_deref()).await;
            rows.extend(page);
            match next {
                Some(next) => token = Some(next),
                None => return rows,
            }
        }
    }

    /// The pages of a request hold these rows and no others, in this order; all but the last are
    /// full; and their tokens are good for nothing else.
    pub(crate) async fn holds(&self, request: &Value, size: Option<usize>, expected: &[String]) {
        let found = self.read(request, size, async || {}).await;
        assert_eq!(found, expected, "{} {request} by {size:?}", self.operation);
    }

    /// The same while something happens after the first page: of the rows that were there, none is
    /// missed and none comes twice; what is new comes at most once.
    pub(crate) async fn holds_while(
        &self,
        request: &Value,
        size: Option<usize>,
        expected: &[String],
        happens: impl AsyncFnOnce(),
    ) {
        let found = self.read(request, size, happens).await;
        let once: BTreeSet<&String> = found.iter().collect();
        assert_eq!(once.len(), found.len(), "{} {request}: twice in {found:?}", self.operation);
        let known: BTreeSet<&String> = expected.iter().collect();
        let old: Vec<&String> = found.iter().filter(|id| known.contains(id)).collect();
        let expected: Vec<&String> = expected.iter().collect();
        assert_eq!(old, expected, "{} {request} by {size:?}", self.operation);
    }

    /// The ids on all pages, between the first and second of which something happens.
    pub(crate) async fn read(
        &self,
        request: &Value,
        size: Option<usize>,
        happens: impl AsyncFnOnce(),
    ) -> Vec<String> {
        let (mut found, mut token, mut happens) = (Vec::new(), None, Some(happens));
        loop {
            let (rows, next) = self.page(request, size, token.as_deref()).await;
            let is_empty = rows.is_empty() && token.is_some();
            assert!(!is_empty, "{} {request}: the last page is empty", self.operation);
            found.extend(rows.iter().map(self.id));
            let Some(next) = next else { return found };
            let full = size.unwrap_or(self.default);
            assert_eq!(rows.len(), full, "{} {request}: a next page too early", self.operation);
            if let Some(happens) = happens.take() {
                self.is_refused_elsewhere(request, &next).await;
                happens().await;
            }
            token = Some(next);
        }
    }

    /// A token is no good for another request, for another account, or when it is changed.
    async fn is_refused_elsewhere(&self, request: &Value, token: &str) {
        let mut damaged = token.to_owned();
        let middle = damaged.len() / 2;
        let other = if damaged.as_bytes()[middle] == b'A' { "B" } else { "A" };
        damaged.replace_range(middle..=middle, other);
        for bad in ["garbage", &damaged] {
            let mut request = request.clone();
            request[self.words.token] = json!(bad);
            self.is_refused(OURS, &request, Some(self.words.refusal)).await;
        }
        if !self.other.is_null() {
            let mut request = request.clone();
            for (name, value) in self.other.as_object().unwrap() {
                assert_ne!(request[name], *value, "this is no other request");
                request[name] = value.clone();
            }
            request[self.words.token] = json!(token);
            self.is_refused(OURS, &request, Some(self.words.refusal)).await;
        }
        let mut request = request.clone();
        request[self.words.token] = json!(token);
        // Where what is listed belongs to an account, another's does not exist.
        self.is_refused(OTHER, &request, None).await;
    }

    /// A request is refused, with this code if one is told.
    pub(crate) async fn is_refused(&self, account: &str, request: &Value, code: Option<&str>) {
        let (status, body) = self.client.ask(&self.words, account, self.operation, request).await;
        // Where it is another account's that asks, what it names may not exist: IoT says 404.
        let is_refused = status == 400 || status == 404 && code.is_none();
        assert!(is_refused, "{} {request} of {account}: {status} {body}", self.operation);
        let told = body["__type"].as_str().unwrap();
        let told = told.rsplit('#').next().unwrap();
        assert!(code.is_none_or(|code| code == told), "{} {request}: {told}", self.operation);
    }
}

/// Filters as `Key` and `Values`.
pub(crate) fn key_values(filters: &[(String, Vec<String>)]) -> Value {
    filters.iter().map(|(key, values)| json!({ "Key": key, "Values": values })).collect()
}

/// Filters as `key` and `value`.
pub(crate) fn key_value(filters: &[(String, String)]) -> Value {
    filters.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// Texts as a list of their own.
pub(crate) fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

/// A member of a row, as text.
pub(crate) fn text(row: &Value, member: &str) -> String {
    row[member].as_str().unwrap_or_default().to_owned()
}
