//! Why IoT refuses a request: the one place where its error codes stand. Every error of the
//! service's model is here, whether it is given yet or not.

use trackway_engine::Fault;

macro_rules! codes {
    ($($code:ident),+ $(,)?) => {
        /// The errors of IoT, by their names in the service's model.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are the service model's own")]
        pub enum Code {
            $($code,)+
        }

        impl Code {
            /// Every code, for the test that holds them against the model.
            pub const ALL: &[Self] = &[$(Self::$code,)+];

            /// The code as the model and the wire spell it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)+
                }
            }
        }
    };
}

codes! {
    CertificateConflictException,
    CertificateStateException,
    CertificateValidationException,
    ConflictException,
    ConflictingResourceUpdateException,
    DeleteConflictException,
    IndexNotReadyException,
    InternalException,
    InternalFailureException,
    InternalServerException,
    InvalidAggregationException,
    InvalidQueryException,
    InvalidRequestException,
    InvalidResponseException,
    InvalidStateTransitionException,
    LimitExceededException,
    MalformedPolicyException,
    NotConfiguredException,
    RegistrationCodeValidationException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    ResourceRegistrationFailureException,
    ServiceQuotaExceededException,
    ServiceUnavailableException,
    SqlParseException,
    TaskAlreadyExistsException,
    ThrottlingException,
    TransferAlreadyCompletedException,
    TransferConflictException,
    UnauthorizedException,
    ValidationException,
    VersionConflictException,
    VersionsLimitExceededException,
}

/// A request that IoT refuses, in AWS's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub struct Refusal {
    /// The code.
    pub code: Code,
    /// The message.
    pub message: String,
    /// Members beside the message that some errors have, such as `resourceArn`.
    pub members: Vec<(&'static str, String)>,
}

impl Refusal {
    /// A refusal with a message.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), members: Vec::new() }
    }

    /// A refusal of a request that breaks a rule which no other error is for.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequestException, message)
    }

    /// The same with one more member.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: impl Into<String>) -> Self {
        self.members.push((member, value.into()));
        self
    }
}

/// What an operation gives instead of an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The caller is at fault and is told why.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}
