//! The HTTP server: connections, limits and time-outs. It knows nothing of AWS; what a request
//! means is the handler's business.
//!
//! ```text
//! accept loop ──▶ connection task ──▶ body, bounded ──▶ Handler ──▶ response
//!      │ at most CONNECTIONS_MAX                          │
//!      └── on SIGTERM or Ctrl-C: stop accepting, let requests in flight end, then return
//! ```

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// The largest request body, in bytes. The largest that any operation takes is a state machine's
/// definition, 1 MiB of text, which JSON may spell six times as long.
pub(crate) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How much of a body that is too large is read before its client is cut off.
const DROPPED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Connections served at once; further ones wait to be accepted.
pub(crate) const CONNECTIONS_MAX: usize = 10_000;
/// How long a client may take to send a request's head, or to begin one on a kept connection.
pub(crate) const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a client may take to send a request's body.
pub(crate) const BODY_READ_TIMEOUT: Duration = Duration::from_secs(60);
/// The largest request head, in bytes.
pub(crate) const HEADER_BYTES_MAX: usize = 64 * 1024;
/// Headers a request may have.
pub(crate) const HEADERS_MAX: usize = 100;
/// How long requests in flight may go on after the server was asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request; never fails, a failure is an answer too. The peer's `SocketAddr` is
    /// among its extensions.
    fn answer(&self, request: Request<Bytes>) -> impl Future<Output = Response<Bytes>> + Send;

    /// The answer to a body over [`BODY_BYTES_MAX`].
    fn too_large(&self, head: &http::request::Parts) -> Response<Bytes>;

    /// The server is about to stop: whatever waits for something to happen waits no longer.
    fn stopping(&self);
}

/// Serves until `stop` resolves, then lets what is in flight end.
///
/// # Errors
/// None once it listens: a connection that can't be accepted is tried again.
pub(crate) async fn serve(
    listener: TcpListener,
    handler: Arc<impl Handler>,
    stop: impl Future<Output = ()>,
) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .half_close(false);
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, peer, slot)) = accepted else {
            // Out of file descriptors, or the peer left: neither is worth stopping for.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let handler = Arc::clone(&handler);
        // Boxed, so that a connection at rest does not hold room for the largest answer's state.
        let service =
            service_fn(move |request| Box::pin(respond(Arc::clone(&handler), peer, request)));
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks concerns only its client.
            let _broken = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    handler.stopping();
    let _late = tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await;
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, slot))
}

async fn respond(
    handler: Arc<impl Handler>,
    peer: SocketAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (mut head, body) = request.into_parts();
    head.extensions.insert(peer);
    let is_head = head.method == Method::HEAD;
    let mut response = match tokio::time::timeout(BODY_READ_TIMEOUT, read(body)).await {
        Ok(Ok(Some(body))) => handler.answer(Request::from_parts(head, body)).await,
        Ok(Ok(None)) => closing(handler.too_large(&head)),
        Ok(Err(_)) => closing(plain(StatusCode::BAD_REQUEST)),
        Err(_) => closing(plain(StatusCode::REQUEST_TIMEOUT)),
    };
    if is_head {
        *response.body_mut() = Bytes::new();
    }
    Ok(response.map(Full::new))
}

/// A body; none if it is too large. The rest of one that is too large is read and dropped, to a
/// limit: a client that is cut off while it sends would not see the answer.
async fn read(mut body: Incoming) -> hyper::Result<Option<Bytes>> {
    let mut parts: Vec<Bytes> = Vec::with_capacity(1);
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(part) = frame?.into_data() else { continue };
        length += part.len();
        if length <= BODY_BYTES_MAX {
            parts.push(part);
        } else if length <= DROPPED_BYTES_MAX {
            parts.clear();
        } else {
            break;
        }
    }
    Ok(match (length, parts.len()) {
        (..=BODY_BYTES_MAX, 1) => parts.pop(),
        (..=BODY_BYTES_MAX, _) => Some(parts.concat().into()),
        _ => None,
    })
}

fn plain(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// The rest of the body was not read, so the connection can't be used again.
fn closing(mut response: Response<Bytes>) -> Response<Bytes> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
