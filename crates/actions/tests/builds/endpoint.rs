//! Services of a few lines, over HTTP: they answer by the operation's name, and remember what they were asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What it was asked: the operation and its input, in order.
type Asked = Arc<Mutex<Vec<(String, Value)>>>;
/// Answers an operation: status and body.
type Answers = fn(&str, &Value, usize) -> (u16, Value);

pub(crate) struct Endpoint {
    url: String,
    asked: Asked,
}

impl Endpoint {
    /// Answers until the test ends. The number is how often this operation was asked before.
    pub(crate) fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Asked::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || serve(stream, &seen, answers));
            }
        });
        Self { url, asked }
    }

    /// The variables that lead every call to it.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        vec![("AWS_ENDPOINT_URL".to_owned(), self.url.clone())]
    }

    pub(crate) fn asked(&self, operation: &str) -> Vec<Value> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(name, _)| name == operation).map(|(_, input)| input.clone()).collect()
    }
}

fn serve(stream: TcpStream, seen: &Asked, answers: Answers) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let (mut length, mut operation, mut line) = (0, String::new(), String::new());
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let Some((name, value)) = line.trim().split_once(':') else {
                match line.trim() {
                    "" => break,
                    _ => continue,
                }
            };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse().unwrap(),
                "x-amz-target" => operation = value.rsplit('.').next().unwrap().to_owned(),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let input: Value = serde_json::from_slice(&body).unwrap_or_default();
        let before = {
            let mut seen = seen.lock().unwrap();
            seen.push((operation.clone(), input.clone()));
            seen.iter().filter(|(name, _)| *name == operation).count() - 1
        };
        let (status, answer) = answers(&operation, &input, before);
        let answer = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
            answer.len()
        );
        if stream.write_all((head + &answer).as_bytes()).is_err() {
            return;
        }
    }
}

/// A refusal.
pub(crate) fn refusal(code: &str, message: &str) -> (u16, Value) {
    (400, json!({ "__type": code, "message": message }))
}
