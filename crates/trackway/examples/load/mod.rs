//! A keep-alive connection of a load driver: one awsJson 1.1 call after another, nothing that costs
//! the client more than it must.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// A connection to a server, on which the operations of one service are called.
pub(crate) struct Connection {
    host: String,
    /// What the names of operations follow in `X-Amz-Target`.
    target: &'static str,
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(host: &str, target: &'static str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(host)?;
        stream.set_nodelay(true)?;
        Ok(Self { host: host.to_owned(), target, stream: BufReader::new(stream) })
    }

    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        let body = input.to_string();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {}.{operation}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.target,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let is_good = line.contains(" 200 ");
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let header = line.trim_end().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let answer = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body)? };
        if is_good { Ok(answer) } else { Err(format!("{operation}: {answer}").into()) }
    }
}
