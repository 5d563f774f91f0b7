//! Why CodePipeline refuses a request: the one place where its error codes stand. Every error of
//! the model is here, whether it is given yet or not.

use crate::refusal::{ErrorCode, codes};

codes! {
    /// The errors of CodePipeline, by their names in the service's model.
    ActionExecutionNotFoundException,
    ActionNotFoundException,
    ActionTypeAlreadyExistsException,
    ActionTypeNotFoundException,
    ApprovalAlreadyCompletedException,
    ConcurrentModificationException,
    ConcurrentPipelineExecutionsLimitExceededException,
    ConditionNotOverridableException,
    ConflictException,
    DuplicatedStopRequestException,
    InvalidActionDeclarationException,
    InvalidApprovalTokenException,
    InvalidArnException,
    InvalidBlockerDeclarationException,
    InvalidClientTokenException,
    InvalidJobException,
    InvalidJobStateException,
    InvalidNextTokenException,
    InvalidNonceException,
    InvalidStageDeclarationException,
    InvalidStructureException,
    InvalidTagsException,
    InvalidWebhookAuthenticationParametersException,
    InvalidWebhookFilterPatternException,
    JobNotFoundException,
    LimitExceededException,
    NotLatestPipelineExecutionException,
    OutputVariablesSizeExceededException,
    PipelineExecutionNotFoundException,
    PipelineExecutionNotStoppableException,
    PipelineExecutionOutdatedException,
    PipelineNameInUseException,
    PipelineNotFoundException,
    PipelineVersionNotFoundException,
    RequestFailedException,
    ResourceNotFoundException,
    StageNotFoundException,
    StageNotRetryableException,
    TooManyTagsException,
    UnableToRollbackStageException,
    ValidationException,
    WebhookNotFoundException,
}

impl ErrorCode for Code {
    const VALIDATION: Self = Self::ValidationException;

    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn invalid_page_token() -> Refusal {
        Refusal::new(Self::InvalidNextTokenException, "The specified token is not valid.")
    }
}

/// A request that CodePipeline refuses.
pub(crate) type Refusal = crate::refusal::Refusal<Code>;
/// What a handler gives instead of an answer.
pub(crate) type Failure = crate::refusal::Failure<Code>;

/// The refusal of a request that breaks a rule which no other error is for.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::ValidationException, message)
}
