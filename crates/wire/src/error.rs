//! Errors as AWS answers them: a code, a message, a status, further members.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::model::Service;

/// An error to be answered. [`crate::server::Reply`] turns it into bytes of any protocol.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// The code: a modelled error's shape name, or one of [`COMMON`].
    pub code: Cow<'static, str>,
    /// The message; some answers of AWS have none.
    pub message: Option<String>,
    /// HTTP status when it is neither the model's nor the common one.
    pub status: Option<u16>,
    /// Modelled members beside the message, by their model names; boxed, as few errors have any.
    pub members: Option<Box<Map<String, Value>>>,
}

impl Failure {
    /// An error with a message.
    #[must_use]
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let message = Some(message.into());
        Self { code: code.into(), message, status: None, members: None }
    }

    /// An error without a message.
    #[must_use]
    pub fn bare(code: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code.into(), message: None, status: None, members: None }
    }

    /// The same with a status of its own.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same with one more member.
    #[must_use]
    pub fn with_member(mut self, name: &str, value: impl Into<Value>) -> Self {
        let members = self.members.get_or_insert_default();
        members.insert(name.to_owned(), value.into());
        self
    }
}

/// An error that any service answers, whether its model has it or not.
#[derive(Debug, Clone, Copy)]
pub struct Common {
    /// The code.
    pub code: &'static str,
    /// The code in the query protocol.
    pub query_code: &'static str,
    /// Status in the JSON-RPC protocols.
    pub rpc_status: u16,
    /// Status in all other protocols.
    pub rest_status: u16,
}

/// Errors of AWS's common layer, sorted by code. Sources: AWS's "Common Errors" pages; statuses of
/// the JSON-RPC services are 400 where the others say 403 or 404.
pub const COMMON: &[Common] = &[
    common("AccessDeniedException", "AccessDenied", 400, 403),
    common("ExpiredTokenException", "ExpiredToken", 400, 403),
    common("IncompleteSignatureException", "IncompleteSignature", 400, 403),
    common("InternalFailure", "InternalFailure", 500, 500),
    common("InvalidSignatureException", "SignatureDoesNotMatch", 400, 403),
    common("MissingAuthenticationTokenException", "MissingAuthenticationToken", 400, 403),
    common("NotImplemented", "NotImplemented", 501, 501),
    common("OptInRequired", "OptInRequired", 403, 403),
    common("RequestEntityTooLarge", "RequestEntityTooLarge", 413, 413),
    common("SerializationException", "MalformedInput", 400, 400),
    common("ServiceUnavailable", "ServiceUnavailable", 503, 503),
    common("ThrottlingException", "Throttling", 400, 429),
    common("UnknownOperationException", "InvalidAction", 400, 404),
    common("UnrecognizedClientException", "InvalidClientTokenId", 400, 403),
    common("ValidationException", "ValidationError", 400, 400),
];

const fn common(
    code: &'static str,
    query_code: &'static str,
    rpc_status: u16,
    rest_status: u16,
) -> Common {
    Common { code, query_code, rpc_status, rest_status }
}

/// Finds a common error by its code.
#[must_use]
pub fn common_error(code: &str) -> Option<&'static Common> {
    COMMON.binary_search_by(|common| common.code.cmp(code)).ok().map(|index| &COMMON[index])
}

/// Whether a service may answer with this code: it is in its model, or common to all. A service's
/// tests check every code that it uses with this.
#[must_use]
pub fn is_known(service: &Service, code: &str) -> bool {
    service.error(code).is_some() || common_error(code).is_some()
}

/// The HTTP status of an error code: the model's, else the common one, else 400.
#[must_use]
pub fn status(service: Option<&Service>, code: &str, rest: bool) -> u16 {
    const SERVER: u16 = 500;
    const CLIENT: u16 = 400;
    let modelled = service.and_then(|service| service.error(code)?.error_trait());
    if let Some(error) = modelled {
        // Some models forget to say that a server's error is one.
        let fault = error.fault || code.starts_with("Internal");
        return error.status.unwrap_or(if fault { SERVER } else { CLIENT });
    }
    common_error(code)
        .map_or(CLIENT, |common| if rest { common.rest_status } else { common.rpc_status })
}

/// Codes and messages of AWS's common layer, in its own words.
pub(crate) mod say {
    use super::Failure;

    pub(crate) fn unknown_operation() -> Failure {
        Failure::bare("UnknownOperationException")
    }

    pub(crate) fn serialization(message: Option<String>) -> Failure {
        Failure { message, ..Failure::bare("SerializationException") }
    }

    /// A body that AWS can't even read has no message in its answer.
    pub(crate) fn unreadable() -> Failure {
        serialization(None)
    }

    pub(crate) fn too_large(bytes_max: usize) -> Failure {
        Failure::new(
            "RequestEntityTooLarge",
            format!("Request body must not be larger than {bytes_max} bytes"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    #[test]
    fn common_errors_are_sorted() {
        assert!(COMMON.windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn statuses_come_from_the_model() {
        for (service, code, rest, expected) in [
            ("codepipeline", "ConflictException", false, 409),
            ("codepipeline", "PipelineNotFoundException", false, 400),
            ("stepfunctions", "StateMachineDoesNotExist", false, 400),
            ("ssm", "InternalServerError", false, 500),
            ("iot", "ResourceNotFoundException", true, 404),
            ("iot", "LimitExceededException", true, 410),
            ("iot", "InternalFailureException", true, 500),
            ("stepfunctions", "UnknownOperationException", false, 400),
            ("iot", "UnknownOperationException", true, 404),
        ] {
            let service = model::service(service).unwrap();
            assert_eq!(status(Some(service), code, rest), expected, "{code}");
            assert!(is_known(service, code), "{code}");
        }
        assert!(!is_known(model::service("ssm").unwrap(), "NoSuchThing"));
    }
}
