//! What functions write: lines to the sink, and the last 4 KB of each invocation.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::{mpsc, oneshot};

/// A longer line is handed on in pieces of this size.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// What `LogType=Tail` returns at most.
const TAIL_BYTES_MAX: usize = 4 * 1024;
const READ_BYTES: usize = 8 * 1024;

/// Which stream a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line that a function wrote, without its line break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// The function's name.
    pub function: &'a str,
    /// Where it wrote.
    pub stream: Stream,
    /// What it wrote, at most 16 KB; bytes that are not UTF-8 are replaced.
    pub text: &'a str,
}

/// Receives the lines of all functions. It is called from the tasks that read them, so it must not block for long.
pub type LogSink = Arc<dyn Fn(LogLine<'_>) + Send + Sync>;

/// The sink that writes `[hello] line` to standard error.
pub fn stderr_sink() -> LogSink {
    Arc::new(|line| eprintln!("[{}] {}", line.function, line.text))
}

/// The log of one process: a task reads it to its end, this handle asks for the tail.
#[derive(Debug)]
pub(super) struct Logs {
    tail: Arc<Mutex<Tail>>,
    catch_up: mpsc::Sender<oneshot::Sender<()>>,
}

impl Logs {
    /// Starts reading. The task ends when both streams have ended.
    pub(super) fn follow(
        function: String,
        stdout: Option<ChildStdout>,
        stderr: Option<ChildStderr>,
        sink: LogSink,
    ) -> Self {
        let tail = Arc::new(Mutex::new(Tail::default()));
        let (catch_up, requests) = mpsc::channel(1);
        let collector = Collector { function, sink, tail: tail.clone() };
        tokio::spawn(read_all(collector, stdout, stderr, requests));
        Self { tail, catch_up }
    }

    /// An invocation begins: its tail starts with the line that Lambda writes.
    pub(super) fn begin(&self, request_id: &str) {
        let mut tail = lock(&self.tail);
        tail.bytes.clear();
        tail.push(format!("START RequestId: {request_id} Version: $LATEST\n").as_bytes());
    }

    /// The invocation has ended: what it wrote before its answer is read first, then the tail is taken.
    pub(super) async fn end(&self, report: &Report<'_>) -> String {
        let (done, caught_up) = oneshot::channel();
        if self.catch_up.send(done).await.is_ok() {
            // Refused when the process has closed its output: then all of it has been read.
            let _ = caught_up.await;
        }
        let mut tail = lock(&self.tail);
        tail.push(report.lines().as_bytes());
        tail.take()
    }
}

/// What the last lines of an invocation's log say.
pub(super) struct Report<'a> {
    pub(super) request_id: &'a str,
    pub(super) duration: std::time::Duration,
    pub(super) memory_mb: u32,
}

impl Report<'_> {
    fn lines(&self) -> String {
        let Self { request_id, duration, memory_mb } = self;
        let milliseconds = duration.as_secs_f64() * 1000.0;
        format!(
            "END RequestId: {request_id}\nREPORT RequestId: {request_id}\tDuration: {milliseconds:.2} ms\t\
             Billed Duration: {} ms\tMemory Size: {memory_mb} MB\t\n",
            milliseconds.ceil()
        )
    }
}

/// The last bytes written, bounded.
#[derive(Debug, Default)]
struct Tail {
    bytes: VecDeque<u8>,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES_MAX)..];
        let excess = (self.bytes.len() + bytes.len()).saturating_sub(TAIL_BYTES_MAX);
        self.bytes.drain(..excess);
        self.bytes.extend(bytes);
    }

    fn take(&mut self) -> String {
        let bytes = std::mem::take(&mut self.bytes);
        String::from_utf8_lossy(&Vec::from(bytes)).into_owned()
    }
}

fn lock(tail: &Mutex<Tail>) -> std::sync::MutexGuard<'_, Tail> {
    // A tail is whole after each push, so a panic elsewhere does no harm to it.
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where what was read goes.
struct Collector {
    function: String,
    sink: LogSink,
    tail: Arc<Mutex<Tail>>,
}

impl Collector {
    fn take(&self, stream: Stream, lines: &mut Lines, bytes: &[u8]) {
        lock(&self.tail).push(bytes);
        lines.push(bytes, |text| self.emit(stream, text));
    }

    fn emit(&self, stream: Stream, text: &str) {
        (self.sink)(LogLine { function: &self.function, stream, text });
    }
}

/// One of the two streams, while it is open.
struct Source<R> {
    stream: Stream,
    reader: Option<R>,
    lines: Lines,
}

impl<R: AsyncRead + AsFd + Unpin> Source<R> {
    fn new(stream: Stream, reader: Option<R>) -> Self {
        Self { stream, reader, lines: Lines::default() }
    }

    /// Reads until nothing is there; pending while more may come, ready when the stream has ended.
    fn poll_read(
        &mut self,
        collector: &Collector,
        context: &mut std::task::Context<'_>,
    ) -> Poll<()> {
        let mut space = [0; READ_BYTES];
        while let Some(reader) = &mut self.reader {
            let mut buffer = ReadBuf::new(&mut space);
            match std::pin::Pin::new(reader).poll_read(context, &mut buffer) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    collector.take(self.stream, &mut self.lines, buffer.filled());
                }
                // The end, or an error after which there is nothing more to read.
                Poll::Ready(_) => self.finish(collector),
            }
        }
        Poll::Ready(())
    }

    /// Reads what is in the pipe now, without waiting to be told by the runtime that there is something: that may come
    /// after the news of an answer that was sent later.
    fn read_now(&mut self, collector: &Collector) {
        let mut space = [0; READ_BYTES];
        while let Some(reader) = &self.reader {
            match rustix::io::read(reader, &mut space) {
                Ok(length) if length > 0 => {
                    collector.take(self.stream, &mut self.lines, &space[..length]);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return,
                Ok(_) | Err(_) => self.finish(collector),
            }
        }
    }

    fn finish(&mut self, collector: &Collector) {
        self.reader = None;
        self.lines.finish(|text| collector.emit(self.stream, text));
    }
}

async fn read_all(
    collector: Collector,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    mut requests: mpsc::Receiver<oneshot::Sender<()>>,
) {
    let mut stdout = Source::new(Stream::Stdout, stdout);
    let mut stderr = Source::new(Stream::Stderr, stderr);
    std::future::poll_fn(|context| {
        while let Poll::Ready(Some(caught_up)) = requests.poll_recv(context) {
            stdout.read_now(&collector);
            stderr.read_now(&collector);
            // Whoever asked may have gone.
            let _ = caught_up.send(());
        }
        let ended = [
            stdout.poll_read(&collector, context).is_ready(),
            stderr.poll_read(&collector, context).is_ready(),
        ];
        if ended == [true, true] { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Cuts a stream of bytes into lines of bounded length.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(&str)) {
        while !bytes.is_empty() {
            let room = LINE_BYTES_MAX - self.partial.len();
            // Official runtimes join the lines of one record with carriage returns.
            match bytes.iter().take(room).position(|b| matches!(b, b'\n' | b'\r')) {
                Some(end) => {
                    self.partial.extend(&bytes[..end]);
                    self.finish(&mut emit);
                    bytes = &bytes[end + 1..];
                }
                None if bytes.len() >= room => {
                    self.partial.extend(&bytes[..room]);
                    self.finish(&mut emit);
                    bytes = &bytes[room..];
                }
                None => {
                    self.partial.extend(bytes);
                    return;
                }
            }
        }
    }

    fn finish(&mut self, mut emit: impl FnMut(&str)) {
        if !self.partial.is_empty() {
            emit(&String::from_utf8_lossy(&self.partial));
            self.partial.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for chunk in chunks {
            lines.push(chunk, |line| out.push(line.to_owned()));
        }
        lines.finish(|line| out.push(line.to_owned()));
        out
    }

    #[test]
    fn chunks_become_lines() {
        assert_eq!(lines_of(&[b"one\ntw", b"o\nthree"]), ["one", "two", "three"]);
        assert_eq!(
            lines_of(&[b"[ERROR] a\rTraceback\r\xc2\xa0 File\n"]),
            ["[ERROR] a", "Traceback", "\u{a0} File"]
        );
        assert_eq!(lines_of(&[b"crlf\r\n\r\nnext\n"]), ["crlf", "next"]);
        assert_eq!(lines_of(&[b"not \xff utf-8\n"]), ["not \u{fffd} utf-8"]);
        assert!(lines_of(&[]).is_empty());
    }

    #[test]
    fn a_line_without_end_is_cut_at_the_limit() {
        let long = vec![b'x'; LINE_BYTES_MAX * 2 + 1];
        let lengths: Vec<usize> = lines_of(&[&long]).iter().map(String::len).collect();
        assert_eq!(lengths, [LINE_BYTES_MAX, LINE_BYTES_MAX, 1]);
    }

    #[test]
    fn the_tail_keeps_the_last_bytes() {
        let mut tail = Tail::default();
        tail.push(b"begin ");
        tail.push(&vec![b'x'; TAIL_BYTES_MAX - 3]);
        tail.push(b"end");
        let text = tail.take();
        assert_eq!(text.len(), TAIL_BYTES_MAX);
        assert!(text.ends_with("end") && text.starts_with('x'));
        tail.push(&vec![b'y'; TAIL_BYTES_MAX * 3]);
        assert_eq!(tail.take().len(), TAIL_BYTES_MAX);
    }
}
