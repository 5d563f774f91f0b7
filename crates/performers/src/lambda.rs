//! What Step Functions reports of a Lambda invocation, for both ways to write the task.
//!
//! ```text
//!   Outcome of a function here ──▶ InvokeResponse ──▶ Ending of a task
//!   HTTP response of an endpoint ─▶                   (output, or error and cause)
//! ```
//!
//! All of it is pure. The texts are those that AWS recorded; what is not recorded says so. It must not know who
//! invokes or how.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::function::{FunctionName, Identity, Outcome, Reply};

/// How the task names its function; the two report alike but for the shape of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style<'a> {
    /// `"Resource": "arn:aws:lambda:...:function:..."`: the output is the payload alone.
    FunctionArn(&'a str),
    /// `"Resource": "arn:aws:states:::lambda:invoke"`: the output is the whole response.
    Invoke,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The task's result, a JSON document.
    Succeeded {
        /// The document's text.
        output: String,
    },
    /// The task failed.
    Failed {
        /// The name that `Retry` and `Catch` compare.
        error: String,
        /// The explanation; for an error of the function its whole payload, as text.
        cause: String,
    },
}

impl Ending {
    fn failed(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self::Failed { error: error.into(), cause: cause.into() }
    }
}

/// The response to Lambda's Invoke operation, wherever it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokeResponse {
    /// The HTTP status.
    pub status: u16,
    /// Names and values in the order they came. Letter case is of no account; known names are reported as AWS writes
    /// them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub payload: Bytes,
}

const EXECUTED_VERSION: &str = "X-Amz-Executed-Version";
const FUNCTION_ERROR: &str = "X-Amz-Function-Error";
const LOG_RESULT: &str = "X-Amz-Log-Result";
const REQUEST_ID: &str = "x-amzn-RequestId";
const ERROR_TYPE: &str = "x-amzn-ErrorType";

/// The spellings that Step Functions shows.
const KNOWN_HEADERS: [&str; 11] = [
    EXECUTED_VERSION,
    FUNCTION_ERROR,
    LOG_RESULT,
    REQUEST_ID,
    ERROR_TYPE,
    "x-amzn-Remapped-Content-Length",
    "X-Amzn-Trace-Id",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Date",
];

/// The largest result of a task.
const RESULT_BYTES_MAX: usize = 262_144;

/// The errors of the Invoke operation that have a name of their own; others are a `Lambda.AWSLambdaException`.
const MODELLED_ERRORS: [&str; 36] = [
    "DurableExecutionAlreadyStartedException",
    "EC2AccessDeniedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountFailureException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "InvalidRuntimeException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "NoPublishedVersionException",
    "RecursiveInvocationException",
    "RequestTooLargeException",
    "ResourceConflictException",
    "ResourceNotFoundException",
    "ResourceNotReadyException",
    "S3FilesMountConnectivityException",
    "S3FilesMountFailureException",
    "S3FilesMountTimeoutException",
    "SerializedRequestEntityTooLargeException",
    "ServiceException",
    "SnapStartException",
    "SnapStartNotReadyException",
    "SnapStartTimeoutException",
    "SubnetIPAddressLimitReachedException",
    "TooManyRequestsException",
    "UnsupportedMediaTypeException",
];

/// The body of an Invoke request for the `Payload` of a `lambda:invoke` task. Text is sent as it is, not as a JSON
/// string: recorded for text that is JSON. Other text Lambda refuses, see [`unreadable_payload`].
pub fn request_payload(payload: Option<&Value>) -> Bytes {
    match payload {
        None => Bytes::from_static(b"{}"),
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(value) => Bytes::from(value.to_string()),
    }
}

/// Lambda's refusal of a payload that is not JSON, or nothing when it is. The end of AWS's message, which is that of
/// a Java parser, is left out.
pub fn unreadable_payload(payload: &[u8], request_id: &str) -> Option<Ending> {
    serde_json::from_slice::<serde::de::IgnoredAny>(payload).err()?;
    let message = "Could not parse request body into json: Could not parse payload into json";
    Some(service_error(400, "InvalidRequestContentException", message, request_id))
}

impl InvokeResponse {
    /// The response that Lambda would give to an invocation that ended so, or nothing while the host shuts down.
    /// `date` is the time now as HTTP writes it.
    pub fn of_outcome(
        outcome: &Outcome,
        reference: &str,
        identity: &Identity,
        date: &str,
    ) -> Option<Self> {
        match outcome {
            Outcome::Success(reply) => Some(Self::of_reply(reply, date, None)),
            Outcome::FunctionError(reply) => {
                Some(Self::of_reply(reply, date, Some(Reply::FUNCTION_ERROR)))
            }
            Outcome::NotFound { request_id } => {
                Some(Self::not_found(reference, identity, request_id))
            }
            Outcome::ShuttingDown => None,
        }
    }

    /// The order of the headers is the recorded one.
    fn of_reply(reply: &Reply, date: &str, function_error: Option<&str>) -> Self {
        let length = reply.payload.len().to_string();
        let log = reply.log_tail.as_ref().map(|tail| BASE64.encode(tail));
        let headers = [
            (EXECUTED_VERSION, Some(Reply::EXECUTED_VERSION)),
            (FUNCTION_ERROR, function_error),
            (LOG_RESULT, log.as_deref()),
            ("x-amzn-Remapped-Content-Length", Some("0")),
            ("Connection", Some("keep-alive")),
            (REQUEST_ID, Some(&reply.request_id)),
            ("Content-Length", Some(&length)),
            ("Date", Some(date)),
            ("X-Amzn-Trace-Id", Some(&reply.trace_id)),
            ("Content-Type", Some("application/json")),
        ];
        Self { status: 200, headers: present(&headers), payload: reply.payload.clone() }
    }

    fn not_found(reference: &str, identity: &Identity, request_id: &str) -> Self {
        let FunctionName { name, qualifier } = FunctionName::parse(reference);
        let arn = match reference.split_once(":function:") {
            Some((owner, _)) if owner.starts_with("arn:") => format!("{owner}:function:{name}"),
            _ => identity.function_arn(name),
        };
        let version = qualifier.unwrap_or(Reply::EXECUTED_VERSION);
        let body =
            json!({ "Type": "User", "Message": format!("Function not found: {arn}:{version}") });
        let headers = [
            (REQUEST_ID, Some(request_id)),
            (ERROR_TYPE, Some("ResourceNotFoundException")),
            ("Content-Type", Some("application/json")),
        ];
        Self { status: 404, headers: present(&headers), payload: Bytes::from(body.to_string()) }
    }

    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

fn present(headers: &[(&str, Option<&str>)]) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())))
        .collect()
}

/// What Step Functions reports of a response.
pub fn ending(response: &InvokeResponse, style: Style<'_>) -> Ending {
    if !(200..300).contains(&response.status) {
        return ending_of_refusal(response);
    }
    if response.header(FUNCTION_ERROR).is_some() {
        return ending_of_function_error(&response.payload);
    }
    // A program of its own may answer nothing at all; what AWS makes of that is not recorded.
    let text = if response.payload.is_empty() { b"null".as_slice() } else { &response.payload };
    let Ok(payload) = serde_json::from_slice::<Value>(text) else {
        return no_error_type(&response.payload);
    };
    let (resource, output) = match style {
        Style::FunctionArn(arn) => (arn, String::from_utf8_lossy(text).into_owned()),
        Style::Invoke => ("lambda", invoke_output(response, payload).to_string()),
    };
    if output.len() > RESULT_BYTES_MAX {
        return Ending::failed(
            "States.DataLimitExceeded",
            format!(
                "The state/task '{resource}' returned a result with a size exceeding the maximum number of bytes service limit."
            ),
        );
    }
    Ending::Succeeded { output }
}

fn ending_of_function_error(payload: &[u8]) -> Ending {
    let error = serde_json::from_slice::<Value>(payload).unwrap_or_default();
    match error.get("errorType").and_then(Value::as_str) {
        Some(error_type) if !error_type.is_empty() => {
            Ending::failed(error_type, String::from_utf8_lossy(payload))
        }
        _ => no_error_type(payload),
    }
}

/// Not in the recordings; many histories of timeouts of older runtimes show this text.
fn no_error_type(payload: &[u8]) -> Ending {
    let returned = String::from_utf8_lossy(payload);
    Ending::failed(
        "Lambda.Unknown",
        format!(
            "The cause could not be determined because Lambda did not return an error type. Returned payload: {returned}"
        ),
    )
}

fn ending_of_refusal(response: &InvokeResponse) -> Ending {
    let body = serde_json::from_slice::<Value>(&response.payload).unwrap_or_default();
    let message =
        ["Message", "message", "errorMessage"].iter().find_map(|key| body.get(key)?.as_str());
    let named = response.header(ERROR_TYPE).or_else(|| body.get("__type")?.as_str());
    // "namespace#Name:address" in some answers.
    let code = named.and_then(|text| text.split(':').next()?.rsplit('#').next());
    service_error(
        response.status,
        code.unwrap_or("ServiceException"),
        message.unwrap_or_default(),
        response.header(REQUEST_ID).unwrap_or_default(),
    )
}

/// An error of the Lambda service itself, in the words of the SDK that Step Functions uses.
pub fn service_error(status: u16, code: &str, message: &str, request_id: &str) -> Ending {
    let name = if MODELLED_ERRORS.contains(&code) { code } else { "AWSLambdaException" };
    Ending::failed(
        format!("Lambda.{name}"),
        format!(
            "{message} (Service: AWSLambda; Status Code: {status}; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
        ),
    )
}

/// The output of `lambda:invoke`. The order of the fields is the recorded one.
fn invoke_output(response: &InvokeResponse, payload: Value) -> Value {
    let mut output = Map::new();
    if let Some(version) = response.header(EXECUTED_VERSION) {
        output.insert("ExecutedVersion".into(), version.into());
    }
    if let Some(log) = response.header(LOG_RESULT) {
        output.insert("LogResult".into(), log.into());
    }
    output.insert("Payload".into(), payload);
    output.insert("SdkHttpMetadata".into(), http_metadata(response));
    let request_id = response.header(REQUEST_ID).unwrap_or_default();
    output.insert("SdkResponseMetadata".into(), json!({ "RequestId": request_id }));
    output.insert("StatusCode".into(), response.status.into());
    Value::Object(output)
}

fn http_metadata(response: &InvokeResponse) -> Value {
    let mut all = Map::new();
    for (name, value) in &response.headers {
        let values = all.entry(spelled(name)).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(value.as_str().into());
        }
    }
    let mut first: Vec<(&String, Value)> =
        all.iter().map(|(name, values)| (name, values[0].clone())).collect();
    first.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let first: Map<String, Value> =
        first.into_iter().map(|(name, value)| (name.clone(), value)).collect();
    json!({ "AllHttpHeaders": all, "HttpHeaders": first, "HttpStatusCode": response.status })
}

fn spelled(name: &str) -> String {
    let known = KNOWN_HEADERS.iter().find(|known| known.eq_ignore_ascii_case(name));
    known.map_or(name, |known| known).to_owned()
}

#[cfg(test)]
mod tests;
