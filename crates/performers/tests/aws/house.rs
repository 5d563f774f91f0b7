//! A service that says what a test tells it to, and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use trackway_performers::aws::{AwsCall, AwsCaller, AwsEnvironment, AwsError, Limits, Scope};

/// What the service does with a request.
#[derive(Clone)]
pub(crate) enum Reply {
    /// Status line's status, further header lines, body.
    Says(u16, &'static str, String),
    /// Closes the connection.
    Hangs,
    /// Says nothing, ever.
    Sleeps,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default()
    }

    /// Who signed.
    pub(crate) fn key(&self) -> &str {
        let credential = self.header("authorization").split("Credential=").nth(1);
        credential.and_then(|rest| rest.split('/').next()).unwrap_or_default()
    }
}

#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) url: String,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Service {
    /// Listens; answers each request with the next reply, and hangs up when there is none.
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            replies: Arc::new(Mutex::new(replies.into_iter().collect())),
            seen: Arc::default(),
        };
        let serving = service.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(stream));
            }
        });
        service
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut buffer = Vec::new();
        loop {
            let Some(seen) = read(&mut stream, &mut buffer).await else { return };
            self.seen.lock().unwrap().push(seen);
            let reply = self.replies.lock().unwrap().pop_front();
            match reply {
                Some(Reply::Says(status, headers, body)) => {
                    let length = body.len();
                    let text = format!(
                        "HTTP/1.1 {status} S\r\n{headers}content-length: {length}\r\n\r\n{body}"
                    );
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                }
                Some(Reply::Sleeps) => std::future::pending().await,
                Some(Reply::Hangs) | None => return,
            }
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    loop {
        let end = buffer.windows(4).position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if buffer.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&buffer[end + 4..end + 4 + length]).into_owned();
                buffer.drain(..end + 4 + length);
                return Some(Seen { head, body });
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

pub(crate) fn says(status: u16, body: &Value) -> Reply {
    Reply::Says(status, "", body.to_string())
}

/// Fast, but three attempts as ever.
pub(crate) fn limits() -> Limits {
    Limits { backoff: Duration::from_millis(1), read: Duration::from_secs(10), ..Limits::default() }
}

pub(crate) fn environment(variables: &[(&str, &str)]) -> AwsEnvironment {
    AwsEnvironment::new(variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

/// A caller with keys of its own, whose every call goes to this URL.
pub(crate) fn caller(url: &str) -> AwsCaller {
    let variables =
        [("AWS_ENDPOINT_URL", url), ("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "s")];
    AwsCaller::new(environment(&variables), limits())
}

pub(crate) fn scope() -> Scope {
    Scope { account: "000000000000".to_owned(), region: "us-east-1".to_owned() }
}

pub(crate) fn call(service: &str, operation: &str, input: Value) -> AwsCall {
    AwsCall::new(service, operation, input, scope())
}

/// Lists SQS queues, which needs no input.
pub(crate) async fn list(caller: &AwsCaller) -> Result<Value, AwsError> {
    caller.call(&call("sqs", "ListQueues", Value::Null)).await
}

pub(crate) fn queues() -> Value {
    json!({ "QueueUrls": ["q"] })
}
