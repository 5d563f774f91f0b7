//! The Lambda Runtime API over HTTP, for one process: its own port, its own desk.
//!
//! A process is not trusted: whatever it sends is bounded and answered, never a panic.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::desk::{Answer, Desk, OutOfTurn, Work};
use super::outcome::{platform_error, response_too_large};

/// What Lambda takes as a synchronous answer: 6 MB and a little.
pub(super) const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024 + 100;
/// A larger body is not even read to its end; the connection is closed instead.
const DRAIN_BYTES_MAX: usize = 256 * 1024 * 1024;
const CONNECTIONS_MAX: usize = 32;
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
const PREFIX: &str = "/2018-06-01/runtime/";

/// What the API tells every invocation of a function.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) function_arn: String,
    pub(super) timeout: Duration,
}

/// Serves until it is dropped.
pub(super) async fn serve(listener: TcpListener, desk: Arc<Desk>, facts: Arc<Facts>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream, desk.clone(), facts.clone()));
            }
            // That one connection failed, or there are too many open files: then a retry at once would fail too.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
    }
}

async fn serve_connection(stream: TcpStream, desk: Arc<Desk>, facts: Arc<Facts>) {
    // Small answers must not wait for each other; without it they are merely slower.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let (desk, facts) = (&desk, &facts);
        async move { Ok::<_, Infallible>(respond(request, desk, facts).await) }
    });
    // The process hung up or sent no HTTP: nothing is owed to it. Its invocation ends by its exit or its timeout.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

type Reply = Response<Full<Bytes>>;

/// The operations of the API.
#[derive(Debug, PartialEq, Eq)]
enum Route<'a> {
    Next,
    Response(&'a str),
    Error(&'a str),
    InitError,
    Unknown,
}

fn route<'a>(method: &Method, path: &'a str) -> Route<'a> {
    let Some(rest) = path.strip_prefix(PREFIX) else { return Route::Unknown };
    let mut parts = rest.split('/');
    match (method, parts.next(), parts.next(), parts.next(), parts.next()) {
        (&Method::GET, Some("invocation"), Some("next"), None, None) => Route::Next,
        (&Method::POST, Some("invocation"), Some(id), Some("response"), None) => {
            Route::Response(id)
        }
        (&Method::POST, Some("invocation"), Some(id), Some("error"), None) => Route::Error(id),
        (&Method::POST, Some("init"), Some("error"), None, None) => Route::InitError,
        _ => Route::Unknown,
    }
}

async fn respond(request: Request<Incoming>, desk: &Desk, facts: &Facts) -> Reply {
    let (head, body) = request.into_parts();
    match route(&head.method, head.uri.path()) {
        Route::Next => match desk.take(facts.timeout).await {
            Ok(work) => invocation(work, facts),
            Err(refusal) => refuse(refusal),
        },
        Route::Response(id) => match read(body).await {
            Body::Whole(payload) => accept(desk.answer(id, Answer::Response(payload))),
            Body::TooLarge => match desk.answer(id, Answer::Error(response_too_large())) {
                Ok(()) => too_large(),
                Err(refusal) => refuse(refusal),
            },
            Body::Broken => broken(),
        },
        Route::Error(id) => match read(body).await {
            Body::Whole(payload) => {
                accept(desk.answer(id, Answer::Error(error_payload(&head, payload))))
            }
            Body::TooLarge => too_large(),
            Body::Broken => broken(),
        },
        Route::InitError => match read(body).await {
            Body::Whole(payload) => accept(desk.init_failed(error_payload(&head, payload))),
            Body::TooLarge => too_large(),
            Body::Broken => broken(),
        },
        Route::Unknown => json_reply(
            StatusCode::NOT_FOUND,
            platform_error("NotFound", format!("{} {} is not here", head.method, head.uri.path())),
        ),
    }
}

/// An error without a body still has the type that its header names.
fn error_payload(head: &http::request::Parts, payload: Bytes) -> Bytes {
    if !payload.is_empty() {
        return payload;
    }
    let named = head.headers.get("lambda-runtime-function-error-type");
    let error_type = named.and_then(|value| value.to_str().ok()).unwrap_or("Runtime.Unknown");
    platform_error(error_type, String::new())
}

enum Body {
    Whole(Bytes),
    TooLarge,
    Broken,
}

/// Reads a body. One that is too large is read to its end all the same, so that the sender hears why it is refused.
async fn read(mut body: Incoming) -> Body {
    let mut whole = BytesMut::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Body::Broken };
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= RESPONSE_BYTES_MAX {
            whole.extend_from_slice(&data);
        } else if length > DRAIN_BYTES_MAX {
            return Body::TooLarge;
        }
    }
    if length > RESPONSE_BYTES_MAX { Body::TooLarge } else { Body::Whole(whole.freeze()) }
}

fn invocation(work: Work, facts: &Facts) -> Reply {
    let deadline = work.deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut reply = json_reply(StatusCode::OK, work.payload);
    let mut header = |name: &'static str, value: &str| {
        // All of these are ASCII by construction; the client context is made so.
        if let Ok(value) = HeaderValue::from_str(value) {
            reply.headers_mut().insert(name, value);
        }
    };
    header("lambda-runtime-aws-request-id", &work.request_id);
    header("lambda-runtime-deadline-ms", &deadline.to_string());
    header("lambda-runtime-invoked-function-arn", &facts.function_arn);
    header("lambda-runtime-trace-id", &work.trace_id);
    if let Some(context) = &work.client_context {
        header("lambda-runtime-client-context", &header_json(context));
    }
    reply
}

/// A JSON document as a header's value: line breaks become spaces and other letters their escapes.
fn header_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            c if c.is_ascii_control() => out.push(' '),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

fn accept(answered: Result<(), OutOfTurn>) -> Reply {
    match answered {
        Ok(()) => json_reply(StatusCode::ACCEPTED, Bytes::from_static(br#"{"status":"OK"}"#)),
        Err(refusal) => refuse(refusal),
    }
}

fn refuse(refusal: OutOfTurn) -> Reply {
    let (status, error_type) = match refusal {
        OutOfTurn::StillWorking | OutOfTurn::AfterInit => {
            (StatusCode::FORBIDDEN, "InvalidStateTransition")
        }
        OutOfTurn::UnknownRequest => (StatusCode::BAD_REQUEST, "InvalidRequestID"),
    };
    json_reply(status, platform_error(error_type, refusal.to_string()))
}

fn too_large() -> Reply {
    let message = format!("Exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes).");
    json_reply(StatusCode::PAYLOAD_TOO_LARGE, platform_error("RequestEntityTooLarge", message))
}

fn broken() -> Reply {
    json_reply(
        StatusCode::BAD_REQUEST,
        platform_error("InvalidRequest", "could not read the body".to_owned()),
    )
}

fn json_reply(status: StatusCode, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_an_operation_or_unknown() {
        let table = [
            ("GET", "/2018-06-01/runtime/invocation/next", Route::Next),
            ("POST", "/2018-06-01/runtime/invocation/r1/response", Route::Response("r1")),
            ("POST", "/2018-06-01/runtime/invocation/r1/error", Route::Error("r1")),
            ("POST", "/2018-06-01/runtime/init/error", Route::InitError),
            ("POST", "/2018-06-01/runtime/invocation/next", Route::Unknown),
            ("GET", "/2018-06-01/runtime/invocation/r1/response", Route::Unknown),
            ("POST", "/2018-06-01/runtime/invocation/r1/response/x", Route::Unknown),
            ("GET", "/2018-06-01/runtime/", Route::Unknown),
            ("GET", "/", Route::Unknown),
        ];
        for (method, path, expected) in table {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(route(&method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn a_client_context_fits_into_a_header() {
        assert_eq!(header_json("{\n\t\"a\": \"é😀\"}"), r#"{  "a": "\u00e9\ud83d\ude00"}"#);
        assert!(HeaderValue::from_str(&header_json("\u{7f}\0\r\n\u{80}")).is_ok());
    }
}
