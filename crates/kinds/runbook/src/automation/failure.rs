//! Why a step failed, in AWS's words.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::request::AwsFailure;

/// The failure of a step: its `FailureMessage` and `FailureDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// `FailureMessage`.
    pub message: String,
    /// `FailureStage`.
    pub stage: Stage,
    /// `FailureType`.
    pub kind: FailureType,
    /// `Details`.
    pub details: Vec<(String, String)>,
}

/// `FailureStage`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as the API names them")]
pub enum Stage {
    InputValidation,
    PreVerification,
    #[default]
    Invocation,
    PostVerification,
}

/// `FailureType`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as the API names them")]
pub enum FailureType {
    #[default]
    Action,
    Permission,
    Throttling,
    Verification,
    Internal,
}

impl Stage {
    /// AWS's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InputValidation => "InputValidation",
            Self::PreVerification => "PreVerification",
            Self::Invocation => "Invocation",
            Self::PostVerification => "PostVerification",
        }
    }

    /// What a step is doing then, as messages say it.
    fn doing(self) -> &'static str {
        match self {
            Self::InputValidation => "validating and resolving the step inputs",
            Self::PreVerification => "performing pre-verification",
            Self::Invocation => "Execute/Cancelling action",
            Self::PostVerification => "Poll action status for completion",
        }
    }
}

impl FailureType {
    /// AWS's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "Action",
            Self::Permission => "Permission",
            Self::Throttling => "Throttling",
            Self::Verification => "Verification",
            Self::Internal => "Internal",
        }
    }

    /// What sort of failure an AWS error is.
    fn of_error(code: &str, status: Option<u16>) -> Self {
        let has = |word: &str| code.contains(word);
        if has("Throttl") || has("TooManyRequests") || has("RequestLimitExceeded") {
            Self::Throttling
        } else if has("AccessDenied")
            || has("Unauthorized")
            || has("Forbidden")
            || status == Some(403)
        {
            Self::Permission
        } else {
            Self::Action
        }
    }
}

const GUIDE: &str =
    "Please refer to Automation Service Troubleshooting Guide for more diagnosis details.";

impl Failure {
    /// A failure at a stage; `what` is a sentence without its full stop.
    pub(crate) fn new(stage: Stage, kind: FailureType, what: &str) -> Self {
        let what = what.trim_end_matches('.');
        let message = format!("Step fails when it is {}. {what}. {GUIDE}", stage.doing());
        Self { message, stage, kind, details: Vec::new() }
    }

    /// The inputs can't be used.
    pub(crate) fn input(what: &str) -> Self {
        Self::new(Stage::InputValidation, FailureType::Verification, what)
    }

    /// A reference that leads nowhere.
    pub(crate) fn unresolved(reference: &str) -> Self {
        Self::input(&format!(
            "Failed to resolve input: {reference} to type String. {reference} is not defined in \
             the Automation Document"
        ))
    }

    /// The work was done, but not with the result that was wanted.
    pub(crate) fn verification(what: &str) -> Self {
        Self::new(Stage::PostVerification, FailureType::Verification, what)
    }

    /// The step's work failed.
    pub(crate) fn action(what: &str) -> Self {
        Self::new(Stage::Invocation, FailureType::Action, what)
    }

    /// The step's work failed after it had begun.
    pub(crate) fn polled(what: &str) -> Self {
        Self::new(Stage::PostVerification, FailureType::Action, what)
    }

    /// Something is wrong here, not with the step.
    pub(crate) fn internal(what: &str) -> Self {
        let message = format!("Internal Server Error. {what}. {GUIDE}");
        Self { message, stage: Stage::Invocation, kind: FailureType::Internal, details: Vec::new() }
    }

    /// An attempt took too long.
    pub(crate) fn timed_out(doing: &str) -> Self {
        Self {
            message: format!("Step timed out while step is {doing}. {GUIDE}"),
            stage: Stage::PostVerification,
            kind: FailureType::Action,
            details: Vec::new(),
        }
    }

    /// SendCommand was refused: its outcome has the message alone.
    pub(crate) fn command(error: &str, cause: &str) -> Self {
        let refusal = AwsFailure {
            service: "ssm".to_owned(),
            operation: "SendCommand".to_owned(),
            code: error.to_owned(),
            message: cause.to_owned(),
            status: None,
        };
        Self::aws(error, &serde_json::to_string(&refusal).unwrap_or_default())
    }

    /// The failure of an AWS call, from its outcome.
    pub(crate) fn aws(error: &str, cause: &str) -> Self {
        let found: Option<AwsFailure> = serde_json::from_str(cause).ok();
        let Some(found) = found else {
            let what =
                if cause.is_empty() { error.to_owned() } else { format!("{error}: {cause}") };
            let kind = FailureType::of_error(error, None);
            let mut failure = Self::new(Stage::Invocation, kind, &what);
            failure.details = vec![("Code".to_owned(), error.to_owned())];
            return failure;
        };
        let what = format!(
            "An error occurred ({}) when calling the {} operation: {}",
            found.code, found.operation, found.message
        );
        let kind = FailureType::of_error(&found.code, found.status);
        let mut failure = Self::new(Stage::Invocation, kind, &what);
        failure.details = vec![
            ("Service".to_owned(), found.service),
            ("Operation".to_owned(), found.operation),
            ("Code".to_owned(), found.code),
            ("Message".to_owned(), found.message),
        ];
        failure
    }

    /// `FailureDetails`.
    #[must_use]
    pub fn describe(&self) -> Value {
        let list = |(name, value): &(String, String)| (name.clone(), json!([value]));
        let details: Map<String, Value> = self.details.iter().map(list).collect();
        json!({
            "FailureStage": self.stage.name(),
            "FailureType": self.kind.name(),
            "Details": details,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aws_error_reads_as_aws_writes_it() {
        let cause = r#"{"service":"ec2","operation":"DescribeInstances","code":"UnauthorizedOperation","message":"No.","status":403}"#;
        let failure = Failure::aws("UnauthorizedOperation", cause);
        assert_eq!(
            failure.message,
            "Step fails when it is Execute/Cancelling action. An error occurred \
             (UnauthorizedOperation) when calling the DescribeInstances operation: No. Please \
             refer to Automation Service Troubleshooting Guide for more diagnosis details."
        );
        assert_eq!(failure.kind, FailureType::Permission);
        assert_eq!(failure.describe()["Details"]["Code"], json!(["UnauthorizedOperation"]));
        assert_eq!(Failure::aws("ThrottlingException", "").kind, FailureType::Throttling);
    }
}
