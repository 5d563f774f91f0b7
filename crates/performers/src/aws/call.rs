//! What is asked for, and what comes back when it fails.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value, json};
use trackway_wire::client::boto::Blobs;

/// Whose call it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Twelve digits.
    pub account: String,
    /// For example `us-east-1`.
    pub region: String,
}

/// One call of an AWS operation, as boto3 would be asked for it.
#[derive(Debug, Clone)]
pub struct AwsCall {
    /// The service by boto3's name (`stepfunctions`), its SDK id (`SFN`), or the first label of its
    /// host (`states`).
    pub service: String,
    /// The operation by its name (`DescribeInstances`) or boto3's (`describe_instances`).
    pub operation: String,
    /// The input in boto3's names; `null` is none.
    pub input: Value,
    /// The region to call, if it is not the caller's.
    pub region: Option<String>,
    /// A role to assume, where credentials are real.
    pub role_arn: Option<String>,
    /// Whose call it is.
    pub scope: Scope,
    /// How blobs of the input are written: [`Blobs::Text`] as boto3 takes a `str`, unless told.
    pub blobs_in: Blobs,
    /// How blobs of the output are written: [`Blobs::Base64`] unless told.
    pub blobs_out: Blobs,
    /// What the call is done for. Two calls with the same key send the same idempotency tokens, so
    /// a service that has them counts the two as one. Without a key tokens are random.
    pub key: Option<String>,
    /// How long to wait for an answer, if not as long as [`super::Limits::read`] says.
    pub timeout: Option<Duration>,
}

impl AwsCall {
    /// A call with nothing special about it.
    #[must_use]
    pub fn new(service: &str, operation: &str, input: Value, scope: Scope) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            input,
            region: None,
            role_arn: None,
            scope,
            blobs_in: Blobs::Text,
            blobs_out: Blobs::Base64,
            key: None,
            timeout: None,
        }
    }
}

/// Who says that a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The call is none: no such service, operation or parameter.
    Call,
    /// Endpoints or credentials are not configured as they must be.
    Configuration,
    /// No answer came.
    Transport,
    /// The service refused.
    Service,
}

/// Why a call failed, with the code and the message that boto3 would show.
#[derive(Debug, Clone, PartialEq)]
pub struct AwsError {
    /// boto3's name of the service, or what was asked for.
    pub service: Box<str>,
    /// The operation.
    pub operation: Box<str>,
    /// The service's code (`NoSuchKey`), or the name of boto3's exception (`ParamValidationError`).
    pub code: String,
    /// The message; may be empty.
    pub message: String,
    /// HTTP status of the answer; 0 when there was none.
    pub status: u16,
    /// The service's id of the request.
    pub request_id: Option<Box<str>>,
    /// Members of a modelled error beside the message.
    pub members: Box<Map<String, Value>>,
    /// Who says so.
    pub origin: Origin,
}

impl AwsError {
    /// An error of this room's own.
    pub fn new(origin: Origin, code: &str, message: impl Into<String>) -> Self {
        Self {
            service: Box::default(),
            operation: Box::default(),
            code: code.to_owned(),
            message: message.into(),
            status: 0,
            request_id: None,
            members: Box::default(),
            origin,
        }
    }

    /// A service's refusal, as it would have come over HTTP; for [`super::LocalServices`].
    pub fn refused(code: &str, message: impl Into<String>, status: u16) -> Self {
        Self { status, ..Self::new(Origin::Service, code, message) }
    }

    pub(super) fn of(mut self, service: &str, operation: &str) -> Self {
        self.service = service.into();
        self.operation = operation.into();
        self
    }

    /// The error as JSON, as an outcome's cause holds it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "service": self.service,
            "operation": self.operation,
            "code": self.code,
            "message": self.message,
            "status": self.status,
        })
    }
}

/// As boto3 words it.
impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operation, code, message, .. } = self;
        match self.origin {
            Origin::Service => write!(
                f,
                "An error occurred ({code}) when calling the {operation} operation: {message}"
            ),
            _ => f.write_str(message),
        }
    }
}

impl std::error::Error for AwsError {}
