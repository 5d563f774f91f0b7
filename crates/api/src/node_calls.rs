//! The calls of managed nodes, from the socket to the service: who calls, and what the answer is.

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use serde_json::json;
use trackway_command::protocol::{PATH, TOKEN_HEADER};
use trackway_wire::sigv4;

use crate::ssm::NodeEvents;
use crate::{Api, Caller};

/// The account of calls that name none.
const ACCOUNT_DEFAULT: &str = "000000000000";
/// The region of calls that name none.
const REGION_DEFAULT: &str = "us-east-1";

impl Api {
    /// Answers a call of a node over HTTP; none if the request is no such call. It must be signed
    /// as for Systems Manager when credentials are configured.
    pub async fn answer_node(&self, request: &Request<Bytes>) -> Option<Response<Bytes>> {
        let call = request.uri().path().strip_prefix(PATH)?;
        let seen = trackway_wire::request::Request {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            body: request.body(),
        };
        if let Err(failure) = self.verify("ssm", &seen) {
            let why = failure.message.unwrap_or_else(|| "the call must be signed".to_owned());
            return Some(refused(StatusCode::FORBIDDEN, &why));
        }
        let caller = self.caller_of(&seen);
        let token = seen.header(TOKEN_HEADER);
        Some(self.node_call(&caller, call, token, request.body()).await)
    }

    /// Answers a call of a node, by the last part of its path: for nodes within this process.
    pub async fn node_call(
        &self,
        caller: &Caller,
        call: &str,
        token: Option<&str>,
        body: &[u8],
    ) -> Response<Bytes> {
        match self.services.ssm.node_call(caller, call, token, body).await {
            Ok(answer) => respond(StatusCode::OK, answer.into()),
            Err(refusal) => refused(refusal.status, &refusal.message),
        }
    }

    /// Tells this one what happens to nodes: that they register, are there again, have other tags,
    /// or are gone. It must not block; what it is told may be told again.
    pub fn on_node_event(&self, events: NodeEvents) {
        self.services.ssm.nodes.tell(events);
    }

    fn caller_of(&self, request: &trackway_wire::request::Request<'_>) -> Caller {
        let Some((key, region, _)) = sigv4::scope(request) else {
            return Caller::new(ACCOUNT_DEFAULT, REGION_DEFAULT);
        };
        if key.len() == ACCOUNT_DEFAULT.len() && key.bytes().all(|byte| byte.is_ascii_digit()) {
            return Caller::new(&key, &region);
        }
        let known = self.credentials.get(&key).and_then(|known| known.account.as_deref());
        Caller::new(known.unwrap_or(ACCOUNT_DEFAULT), &region)
    }
}

fn refused(status: StatusCode, message: &str) -> Response<Bytes> {
    respond(status, Bytes::from(json!({ "message": message }).to_string()))
}

fn respond(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
