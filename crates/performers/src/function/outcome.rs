//! What an invocation asks for and how it ended, with the error payloads that the platform itself writes.

use bytes::Bytes;
use serde::Serialize;

/// One request to run a function.
#[derive(Debug, Clone, Default)]
pub struct Invocation {
    /// The function: a name, a partial ARN or an ARN.
    pub name: String,
    /// The event, a JSON document; nothing counts as `{}`.
    pub payload: Bytes,
    /// The client context, a JSON document (already decoded from the API's base64).
    pub client_context: Option<String>,
    /// Whether the end of the log is wanted.
    pub log_type: LogType,
}

/// The `LogType` of the Invoke operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogType {
    /// No log in the answer.
    #[default]
    None,
    /// The last 4 KB of the log of this invocation.
    Tail,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The handler answered; the payload is its answer, as it wrote it.
    Success(Reply),
    /// The function failed; the payload is the error as the runtime or the platform reports it, in general
    /// `{"errorMessage": ..., "errorType": ..., ...}`. AWS calls it `Unhandled` in `X-Amz-Function-Error`, always.
    FunctionError(Reply),
    /// No function of that name is declared here.
    NotFound {
        /// The request's id, which Lambda's refusal names.
        request_id: String,
    },
    /// The host is shutting down. Whether the handler ran is unknown; the caller should not record an end.
    ShuttingDown,
}

/// What comes back beside the kind of ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The answer or the error.
    pub payload: Bytes,
    /// The invocation's id, a UUID.
    pub request_id: String,
    /// The X-Ray trace header that the function saw.
    pub trace_id: String,
    /// The last 4 KB of the log, when [`LogType::Tail`] asked for it.
    pub log_tail: Option<String>,
}

impl Reply {
    /// The version that ran; a function declared here has only this one.
    pub const EXECUTED_VERSION: &'static str = "$LATEST";
    /// What `X-Amz-Function-Error` says of every [`Outcome::FunctionError`].
    pub const FUNCTION_ERROR: &'static str = "Unhandled";
}

/// The error payload of the platform. The order of the fields is that of AWS.
#[derive(Serialize)]
struct PlatformError<'a> {
    #[serde(rename = "errorType")]
    error_type: &'a str,
    #[serde(rename = "errorMessage")]
    error_message: String,
}

/// Writes an error of the platform, which has no stack and no request id of its own.
pub(super) fn platform_error(error_type: &str, error_message: String) -> Bytes {
    let error = PlatformError { error_type, error_message };
    // A struct of two strings always serializes; an empty payload is reported as an unknown error.
    serde_json::to_vec(&error).map(Bytes::from).unwrap_or_default()
}

/// The function took longer than its timeout.
pub(super) fn timed_out(request_id: &str, timeout: std::time::Duration) -> Bytes {
    let seconds = timeout.as_secs_f64();
    platform_error(
        "Sandbox.Timedout",
        format!("RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"),
    )
}

/// The process ended in the middle of an invocation, or before it was ready for one.
pub(super) fn exited(request_id: &str, status: std::process::ExitStatus) -> Bytes {
    let reason = match describe_exit(status) {
        Some(status) => format!("Runtime exited with error: {status}"),
        None => "Runtime exited without providing a reason".to_owned(),
    };
    platform_error("Runtime.ExitError", format!("RequestId: {request_id} Error: {reason}"))
}

/// The process could not be started at all.
pub(super) fn not_started(request_id: &str, program: &str, error: &std::io::Error) -> Bytes {
    platform_error(
        "Runtime.InvalidEntrypoint",
        format!("RequestId: {request_id} Error: could not start {program}: {error}"),
    )
}

/// The answer is larger than Lambda takes.
pub(super) fn response_too_large() -> Bytes {
    platform_error(
        "Function.ResponseSizeTooLarge",
        format!(
            "Response payload size exceeded maximum allowed payload size ({} bytes).",
            super::runtime_api::RESPONSE_BYTES_MAX
        ),
    )
}

/// How Lambda words an exit status; success has no words.
fn describe_exit(status: std::process::ExitStatus) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    if let Some(signal) = status.signal() {
        let name = match signal {
            1 => "hangup",
            2 => "interrupt",
            3 => "quit",
            4 => "illegal instruction",
            5 => "trace/breakpoint trap",
            6 => "aborted",
            7 => "bus error",
            8 => "floating point exception",
            9 => "killed",
            11 => "segmentation fault",
            13 => "broken pipe",
            14 => "alarm clock",
            15 => "terminated",
            other => return Some(format!("signal: {other}")),
        };
        return Some(format!("signal: {name}"));
    }
    status.code().filter(|code| *code != 0).map(|code| format!("exit status {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    #[test]
    fn an_exit_is_worded_as_lambda_words_it() {
        let table = [
            (1 << 8, "Runtime exited with error: exit status 1"),
            (129 << 8, "Runtime exited with error: exit status 129"),
            (9, "Runtime exited with error: signal: killed"),
            (11, "Runtime exited with error: signal: segmentation fault"),
            (0, "Runtime exited without providing a reason"),
        ];
        for (raw, message) in table {
            let expected = format!(
                r#"{{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r1 Error: {message}"}}"#
            );
            assert_eq!(exited("r1", ExitStatus::from_raw(raw)), expected);
        }
    }

    #[test]
    fn a_timeout_is_worded_as_lambda_words_it() {
        assert_eq!(
            timed_out("r1", std::time::Duration::from_secs(3)),
            r#"{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r1 Error: Task timed out after 3.00 seconds"}"#
        );
    }

    #[test]
    fn a_large_answer_is_worded_as_lambda_words_it() {
        assert_eq!(
            response_too_large(),
            r#"{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}"#
        );
    }
}
