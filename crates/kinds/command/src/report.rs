//! What a node says of a run, and what a command leaves behind for whoever waits for it.

use serde::{Deserialize, Serialize};
use trackway_core::Timestamp;

use crate::limits::{OUTPUT_CHARS_MAX, REPORT_INVOCATIONS_MAX, STDERR_CHARS_MAX, STDOUT_CHARS_MAX};
use crate::state::CommandRun;
use crate::status::InvocationStatus;

/// What a node reports of one invocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeReport {
    /// How it ended: a final `StatusDetails` such as `Success`; anything else is taken as `Failed`.
    pub status: String,
    /// The exit code of the step that decided.
    pub response_code: i32,
    /// Its steps, in order.
    pub plugins: Vec<PluginReport>,
}

/// What a node reports of one step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PluginReport {
    /// The step's name; for schema 1.2 the plugin's.
    pub name: String,
    /// What it is: `aws:runShellScript`.
    pub plugin: String,
    /// `Success`, `Failed`, `TimedOut`, `Cancelled`; `Skipped` for a step that was not run.
    pub status: String,
    /// `StatusDetails`, where it differs from the status.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status_details: String,
    /// Exit code.
    pub response_code: i32,
    /// When it began, in milliseconds since 1970; 0 if it did not.
    pub started_ms: i64,
    /// When it ended.
    pub ended_ms: i64,
    /// Standard output, truncated.
    pub stdout: String,
    /// Standard error, truncated.
    pub stderr: String,
}

impl NodeReport {
    /// A report without a run.
    #[must_use]
    pub fn failed(plugin: &str, why: &str, at: Timestamp) -> Self {
        let step = PluginReport {
            name: plugin.to_owned(),
            plugin: plugin.to_owned(),
            status: "Failed".to_owned(),
            response_code: 1,
            started_ms: at.as_millis(),
            ended_ms: at.as_millis(),
            stderr: why.to_owned(),
            ..PluginReport::default()
        };
        Self { status: "Failed".to_owned(), response_code: 1, plugins: vec![step] }
    }

    /// The status that it ends its invocation with.
    #[must_use]
    pub fn invocation_status(&self) -> InvocationStatus {
        match self.status.as_str() {
            "TimedOut" => InvocationStatus::ExecutionTimedOut,
            text => InvocationStatus::ALL
                .into_iter()
                .find(|status| status.is_final() && status.details() == text)
                .unwrap_or(InvocationStatus::Failed),
        }
    }

    /// Cuts outputs that are longer than is kept.
    pub fn truncate(&mut self) {
        for plugin in &mut self.plugins {
            plugin.stdout = truncated(&plugin.stdout, STDOUT_CHARS_MAX, STREAM_MARK);
            plugin.stderr = truncated(&plugin.stderr, STDERR_CHARS_MAX, STREAM_MARK);
        }
    }
}

/// What the agent puts behind a stream that was cut.
const STREAM_MARK: &str = "--output truncated--";
/// What it puts behind standard output that was cut in a list.
const OUTPUT_MARK: &str = "\n---Output truncated---";
/// The same of standard error.
const ERROR_MARK: &str = "\n---Error truncated----";
/// What stands between both.
const ERROR_HEADER: &str = "\n----------ERROR-------\n";

/// The first `most` characters of a text; a mark at the end of it, if it was cut.
fn truncated(text: &str, most: usize, mark: &str) -> String {
    // Bytes are no fewer than characters, and cheaper to count.
    if text.len() <= most || text.chars().nth(most).is_none() {
        return text.to_owned();
    }
    let keep = most.saturating_sub(mark.chars().count());
    text.chars().take(keep).chain(mark.chars()).collect()
}

impl PluginReport {
    /// Its `Output`: what it wrote, errors behind the rest, cut to what lists show; if both are
    /// long, each has half of the room.
    #[must_use]
    pub fn output(&self) -> String {
        let most = OUTPUT_CHARS_MAX;
        if self.stderr.is_empty() {
            return truncated(&self.stdout, most, OUTPUT_MARK);
        }
        let room = most - ERROR_HEADER.chars().count();
        let (out, error) = (self.stdout.chars().count(), self.stderr.chars().count());
        let half = room / 2;
        let (out_most, error_most) = match (out > half, error > half) {
            _ if out + error <= room => (out, error),
            (true, true) => (half, half),
            (true, false) => (room - error, error),
            _ => (out, room - out),
        };
        let stdout = truncated(&self.stdout, out_most, OUTPUT_MARK);
        let stderr = truncated(&self.stderr, error_most, ERROR_MARK);
        format!("{stdout}{ERROR_HEADER}{stderr}")
    }
}

/// The end of a command: what `Command::Close` carries to whoever waits, as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report {
    /// The command's id.
    pub command_id: String,
    /// Its status.
    pub status: String,
    /// Its status details.
    pub status_details: String,
    /// How many nodes it had.
    pub target_count: u32,
    /// How many of them have ended.
    pub completed_count: u32,
    /// How many failed.
    pub error_count: u32,
    /// How many were not reached in time.
    pub delivery_timed_out_count: u32,
    /// The exit code of the first node that failed, else of the first that reported; -1 if none did.
    pub response_code: i32,
    /// What that node wrote, cut to 2,500 characters.
    pub output: String,
    /// The invocations, if there are no more than 50.
    pub invocations: Vec<ReportedInvocation>,
    /// Why nothing was sent, if the targets could not be resolved.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub failure: String,
}

/// One invocation in a [`Report`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReportedInvocation {
    /// The node.
    pub instance_id: String,
    /// Its status.
    pub status: String,
    /// Its status details.
    pub status_details: String,
}

impl Report {
    /// The report on a command that has ended.
    #[must_use]
    pub fn of(command: &CommandRun) -> Self {
        let (details, counts) = (command.details(), command.counts());
        let sample = command.sample();
        let shown = if command.len() <= REPORT_INVOCATIONS_MAX { usize::MAX } else { 0 };
        let invocations =
            command.invocations().take(shown).map(|(id, status)| ReportedInvocation {
                instance_id: id.to_owned(),
                status: status.name().to_owned(),
                status_details: status.details().to_owned(),
            });
        Self {
            command_id: command.request().command_id.clone(),
            status: details.status().name().to_owned(),
            status_details: details.name().to_owned(),
            target_count: counts.targets,
            completed_count: counts.completed,
            error_count: counts.errors,
            delivery_timed_out_count: counts.delivery_timed_out,
            response_code: sample.map_or(-1, |sample| sample.response_code),
            output: sample.map(|sample| sample.output.clone()).unwrap_or_default(),
            invocations: invocations.collect(),
            failure: command.failure().to_owned(),
        }
    }

    /// Its bytes, for `Command::Close`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads what [`Self::encode`] wrote; none if it is something else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(stdout: &str, stderr: &str) -> PluginReport {
        PluginReport { stdout: stdout.into(), stderr: stderr.into(), ..PluginReport::default() }
    }

    #[test]
    fn both_streams_share_what_a_list_shows() {
        assert_eq!(plugin("out", "").output(), "out");
        assert_eq!(plugin("out", "err").output(), "out\n----------ERROR-------\nerr");
        assert_eq!(plugin("", "err").output(), "\n----------ERROR-------\nerr");
        let long = "é".repeat(30_000);
        for (stdout, stderr) in [(&*long, ""), ("", &*long), (&*long, &*long), (&*long, "x")] {
            let output = plugin(stdout, stderr).output();
            assert_eq!(output.chars().count(), OUTPUT_CHARS_MAX, "{}", stderr.len());
            assert_eq!(output.contains(OUTPUT_MARK), stdout.len() > 3);
            assert_eq!(output.contains(ERROR_MARK), stderr.len() > 3);
        }
    }

    #[test]
    fn streams_are_cut_to_what_is_kept() {
        let long = "x".repeat(30_000);
        let mut report =
            NodeReport { plugins: vec![plugin(&long, &long)], ..NodeReport::default() };
        report.truncate();
        let plugin = &report.plugins[0];
        assert_eq!((plugin.stdout.len(), plugin.stderr.len()), (24_000, 8_000));
        assert!(plugin.stdout.ends_with(STREAM_MARK) && plugin.stderr.ends_with(STREAM_MARK));
    }

    #[test]
    fn a_node_can_say_only_how_it_ended() {
        let status = |text: &str| {
            NodeReport { status: text.to_owned(), ..NodeReport::default() }.invocation_status()
        };
        assert_eq!(status("Success"), InvocationStatus::Success);
        assert_eq!(status("TimedOut"), InvocationStatus::ExecutionTimedOut);
        assert_eq!(status("InvalidPlatform"), InvocationStatus::InvalidPlatform);
        for text in ["", "Pending", "InProgress", "success", "Nonsense"] {
            assert_eq!(status(text), InvocationStatus::Failed, "{text}");
        }
    }
}
