//! A pipeline's execution as people follow it: a line when an action starts, its log as it is
//! written, and a line when it has ended.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use serde_json::Value;

/// Prints a line. Nobody may be reading any more (`| head`); the pipeline goes on all the same.
macro_rules! say {
    ($($told:tt)*) => {{
        let _nobody_reads = writeln!(std::io::stdout(), $($told)*);
    }};
}
pub(crate) use say;

/// Bytes of a log that are read at once.
const LOG_CHUNK: u64 = 64 * 1024;

/// What has been shown.
pub(crate) struct Progress {
    /// Whether anything is.
    shows: bool,
    logs: PathBuf,
    seen: BTreeMap<String, Seen>,
}

#[derive(Default)]
struct Seen {
    has_ended: bool,
    /// So much of its log.
    log: u64,
    /// A line of it that has no end yet.
    line: Vec<u8>,
}

impl Progress {
    /// Nothing yet; logs of actions lie in this folder.
    pub(crate) fn new(shows: bool, logs: PathBuf) -> Self {
        Self { shows, logs, seen: BTreeMap::new() }
    }

    /// Shows what is new of these action executions, oldest first.
    pub(crate) fn show(&mut self, actions: &[Value]) {
        if !self.shows {
            return;
        }
        for action in actions {
            let id = action["actionExecutionId"].as_str().unwrap_or_default().to_owned();
            let place = format!("{}/{}", plain(&action["stageName"]), plain(&action["actionName"]));
            let path = self.logs.join(format!("{id}.log"));
            let is_new = !self.seen.contains_key(&id);
            let seen = self.seen.entry(id).or_default();
            if is_new {
                say!("{place:<32} started");
            }
            if seen.has_ended {
                continue;
            }
            seen.has_ended = action["status"] != "InProgress";
            for line in seen.read_log(&path) {
                say!("  | {line}");
            }
            if seen.has_ended {
                say!("{}", ended(&place, action));
            }
        }
    }

    /// Shows how the execution has ended.
    pub(crate) fn end(&self, execution: &Value) {
        if self.shows {
            let summary = match execution["statusSummary"].as_str() {
                Some(summary) => format!("  {summary}"),
                None => String::new(),
            };
            say!(
                "execution {} {}{summary}",
                plain(&execution["pipelineExecutionId"]),
                plain(&execution["status"])
            );
        }
    }
}

impl Seen {
    /// The lines that have come since; of an action that has ended, the last one too.
    fn read_log(&mut self, path: &std::path::Path) -> Vec<String> {
        let mut lines = Vec::new();
        // An action without a log has no file; one that can't be read is not worth ending for.
        if let Ok(mut file) = File::open(path)
            && file.seek(SeekFrom::Start(self.log)).is_ok()
        {
            loop {
                let mut chunk = Vec::new();
                let read = (&mut file).take(LOG_CHUNK).read_to_end(&mut chunk).unwrap_or(0);
                if read == 0 {
                    break;
                }
                self.log += read as u64;
                self.line.extend(chunk);
                if let Some(end) = self.line.iter().rposition(|byte| *byte == b'\n') {
                    let rest = self.line.split_off(end + 1);
                    let whole = std::mem::replace(&mut self.line, rest);
                    let whole = String::from_utf8_lossy(&whole);
                    lines.extend(whole.lines().map(|line| line.trim_end().to_owned()));
                }
            }
        }
        if self.has_ended && !self.line.is_empty() {
            lines.push(String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned());
        }
        lines
    }
}

/// The line of an action that has ended.
fn ended(place: &str, action: &Value) -> String {
    let took = moment(&action["lastUpdateTime"]) - moment(&action["startTime"]);
    let result = &action["output"]["executionResult"];
    let error = &result["errorDetails"];
    let told = match (error["message"].as_str(), result["externalExecutionSummary"].as_str()) {
        (Some(message), _) => format!("{}: {message}", plain(&error["code"])),
        (None, Some(summary)) => summary.to_owned(),
        (None, None) => String::new(),
    };
    let told = told.lines().next().unwrap_or_default();
    format!("{place:<32} {:<9} {took:>7.1}s  {told}", plain(&action["status"]))
        .trim_end()
        .to_owned()
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn moment(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_that_has_ended_is_one_line_with_its_error() {
        let action = json!({
            "status": "Failed", "startTime": 10.0, "lastUpdateTime": 12.5,
            "output": { "executionResult": { "errorDetails": { "code": "JobFailed", "message": "no\nmore" } } },
        });
        assert_eq!(
            ended("Build/Compile", &action),
            "Build/Compile                    Failed        2.5s  JobFailed: no"
        );
    }

    #[test]
    fn a_log_is_read_line_by_line_as_it_grows() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut seen = Seen::default();
        assert!(seen.read_log(&path).is_empty(), "there is none yet");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(seen.read_log(&path), ["one"]);
        file.write_all(b"o\n\n \r\nthree").unwrap();
        assert_eq!(seen.read_log(&path), ["two", "", ""]);
        seen.has_ended = true;
        assert_eq!(seen.read_log(&path), ["three"]);
    }
}
