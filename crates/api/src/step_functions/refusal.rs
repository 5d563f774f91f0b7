//! Why Step Functions refuses a request: the one place where its error codes stand.

use trackway_engine::Fault;

/// The errors of Step Functions that Trackway gives, by their names in the service's model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the service model's own")]
pub enum Code {
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
    ActivityAlreadyExists,
}

impl Code {
    /// Every code, for the test that holds them against the model.
    pub const ALL: &[Self] = &[
        Self::ActivityAlreadyExists,
        Self::ActivityDoesNotExist,
        Self::ExecutionAlreadyExists,
        Self::ExecutionDoesNotExist,
        Self::InvalidArn,
        Self::InvalidDefinition,
        Self::InvalidEncryptionConfiguration,
        Self::InvalidExecutionInput,
        Self::InvalidLoggingConfiguration,
        Self::InvalidName,
        Self::InvalidOutput,
        Self::InvalidToken,
        Self::InvalidTracingConfiguration,
        Self::MissingRequiredParameter,
        Self::ResourceNotFound,
        Self::StateMachineAlreadyExists,
        Self::StateMachineDoesNotExist,
        Self::StateMachineTypeNotSupported,
        Self::TaskDoesNotExist,
        Self::TaskTimedOut,
        Self::TooManyTags,
        Self::ValidationException,
    ];

    /// The code as the model and the wire spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ActivityAlreadyExists => "ActivityAlreadyExists",
            Self::ActivityDoesNotExist => "ActivityDoesNotExist",
            Self::ExecutionAlreadyExists => "ExecutionAlreadyExists",
            Self::ExecutionDoesNotExist => "ExecutionDoesNotExist",
            Self::InvalidArn => "InvalidArn",
            Self::InvalidDefinition => "InvalidDefinition",
            Self::InvalidEncryptionConfiguration => "InvalidEncryptionConfiguration",
            Self::InvalidExecutionInput => "InvalidExecutionInput",
            Self::InvalidLoggingConfiguration => "InvalidLoggingConfiguration",
            Self::InvalidName => "InvalidName",
            Self::InvalidOutput => "InvalidOutput",
            Self::InvalidToken => "InvalidToken",
            Self::InvalidTracingConfiguration => "InvalidTracingConfiguration",
            Self::MissingRequiredParameter => "MissingRequiredParameter",
            Self::ResourceNotFound => "ResourceNotFound",
            Self::StateMachineAlreadyExists => "StateMachineAlreadyExists",
            Self::StateMachineDoesNotExist => "StateMachineDoesNotExist",
            Self::StateMachineTypeNotSupported => "StateMachineTypeNotSupported",
            Self::TaskDoesNotExist => "TaskDoesNotExist",
            Self::TaskTimedOut => "TaskTimedOut",
            Self::TooManyTags => "TooManyTags",
            Self::ValidationException => "ValidationException",
        }
    }
}

/// A request that is refused, in AWS's words.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    pub(crate) message: String,
    /// `resourceName`, a member of some errors.
    pub(crate) resource_name: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), resource_name: None }
    }

    pub(super) fn about(mut self, resource: &str) -> Self {
        self.resource_name = Some(resource.to_owned());
        self
    }
}

/// What a handler gives instead of an answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller is at fault and is told why.
    Refused(Refusal),
    /// Trackway is at fault; the caller is told no more than that.
    Fault(Fault),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}
