//! A keep-alive connection of a load driver: one call after another, awsJson 1.1 or restJson1, nothing
//! that costs the client more than it must. And what drivers show of calls and of the server.

#![allow(dead_code, reason = "each driver speaks one protocol")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

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

    /// Calls an operation of awsJson 1.1.
    pub(crate) fn call(&mut self, operation: &str, input: &Value) -> Result<Value, Failure> {
        let headers = format!(
            "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: {}.{operation}\r\n",
            self.target
        );
        self.send("POST /", &headers, &input.to_string())
            .map_err(|error| format!("{operation}: {error}").into())
    }

    /// Calls an operation of restJson1, such as `GET /audit/configuration`.
    pub(crate) fn rest(&mut self, line: &str, input: &Value) -> Result<Value, Failure> {
        let body = if input.is_null() { String::new() } else { input.to_string() };
        self.send(line, "Content-Type: application/json\r\n", &body)
            .map_err(|error| format!("{line}: {error}").into())
    }

    fn send(&mut self, line: &str, headers: &str, body: &str) -> Result<Value, Failure> {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            self.host,
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
        if is_good { Ok(answer) } else { Err(answer.to_string().into()) }
    }
}

/// Shows how long calls took.
pub(crate) fn show(what: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: usize| took.get(took.len() * share / 100).copied().unwrap_or_default();
    println!("  {what}: {} times, p50 {:?}, p99 {:?}", took.len(), at(50), at(99));
}

/// What the server has used so far.
#[derive(Clone, Copy)]
pub(crate) struct Usage {
    /// Seconds of processors.
    pub(crate) seconds: f64,
    /// Its memory now, in MiB.
    pub(crate) mib: usize,
}

/// The same; none if it isn't known which process it is (`SERVER_PID`).
pub(crate) fn usage() -> Option<Usage> {
    let server = std::env::var("SERVER_PID").ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{server}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    let ticks: f64 = ticks.sum::<Result<f64, _>>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{server}/status")).ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: usize = resident.split_whitespace().next()?.parse().ok()?;
    // `sysconf(_SC_CLK_TCK)` is 100 on Linux.
    Some(Usage { seconds: ticks / 100.0, mib: kib / 1024 })
}
