//! Why Step Functions refuses a request: the one place where its error codes stand.

use crate::refusal::{ErrorCode, codes};

codes! {
    /// The errors of Step Functions that Trackway gives, by their names in the service's model.
    ActivityAlreadyExists,
    ActivityDoesNotExist,
    ExecutionAlreadyExists,
    ExecutionDoesNotExist,
    InvalidArn,
    InvalidDefinition,
    InvalidEncryptionConfiguration,
    InvalidExecutionInput,
    InvalidLoggingConfiguration,
    InvalidName,
    InvalidOutput,
    InvalidToken,
    InvalidTracingConfiguration,
    MissingRequiredParameter,
    ResourceNotFound,
    StateMachineAlreadyExists,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
    TaskDoesNotExist,
    TaskTimedOut,
    TooManyTags,
    ValidationException,
}

impl ErrorCode for Code {
    const VALIDATION: Self = Self::ValidationException;

    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn invalid_page_token() -> Refusal {
        Refusal::new(Self::InvalidToken, "Invalid Token: 'Invalid token'")
    }
}

/// A request that Step Functions refuses.
pub(crate) type Refusal = crate::refusal::Refusal<Code>;
/// What a handler gives instead of an answer.
pub(crate) type Failure = crate::refusal::Failure<Code>;

impl Refusal {
    /// Names the resource, which some errors have a member for.
    pub(super) fn about(self, resource: &str) -> Self {
        self.with("resourceName", resource)
    }
}
