//! Work that goes on elsewhere: how it is asked for, watched, and how its failure is told.
//!
//! A runner starts the work, answers [`ActionAnswer::Progress`] with what it needs to find it again,
//! and is performed anew with that; then it looks until the work has ended. So what was started is
//! on record before anybody waits for it.

use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use trackway_performers::aws::{AwsCall, AwsError, Blobs, Origin};
use trackway_pipeline::request::{ActionAnswer, Details, Done};

use crate::artifact::{ArtifactError, Object, Trouble};
use crate::runners::Run;

/// What a runner gives.
pub(crate) type Running = Pin<Box<dyn Future<Output = ActionAnswer> + Send>>;
/// An answer, or why there is none but a failure.
pub(crate) type Answer = Result<ActionAnswer, Failure>;

/// The pause before the second look at the work.
const PAUSE_FIRST: Duration = Duration::from_millis(50);
/// The longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_secs(15);
/// Looks in a row that got no answer, until the work is given up for lost.
const SILENT_MAX: u32 = 20;

/// Why an action failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// `errorDetails.code`.
    pub(crate) code: &'static str,
    /// `errorDetails.message`.
    pub(crate) message: String,
    /// What is known of it.
    pub(crate) details: Box<Details>,
}

impl Failure {
    /// The work went wrong.
    pub(crate) fn job(message: impl Into<String>) -> Self {
        Self { code: "JobFailed", message: message.into(), details: Box::default() }
    }

    /// The action is not configured as it must be.
    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self { code: "ConfigurationError", ..Self::job(message) }
    }

    /// What is known of the work that failed.
    pub(crate) fn with(self, details: Details) -> Self {
        Self { details: Box::new(details), ..self }
    }
}

/// As AWS shows what a service said to CodePipeline.
impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        match error.origin {
            Origin::Configuration | Origin::Call => Self::configuration(error.message),
            Origin::Transport => Self::job(error.message),
            Origin::Service => {
                let code = if is_denied(&error) { "PermissionError" } else { "JobFailed" };
                Self { code, ..Self::job(told(&error)) }
            }
        }
    }
}

impl From<ArtifactError> for Failure {
    fn from(error: ArtifactError) -> Self {
        Self { code: error.code, ..Self::job(error.message) }
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Aws(error) => Self::from(*error),
            Trouble::Local(why) => Self::job(why),
        }
    }
}

fn is_denied(error: &AwsError) -> bool {
    error.status == 403
        || error.code.contains("AccessDenied")
        || error.code.contains("NotAuthorized")
}

fn told(error: &AwsError) -> String {
    let AwsError { service, code, message, status, .. } = error;
    let service = match &**service {
        "cloudformation" => "AmazonCloudFormation",
        "cloudwatch" => "AmazonCloudWatch",
        "codedeploy" => "AmazonCodeDeploy",
        "codepipeline" => "AWSCodePipeline",
        "ecs" => "AmazonECS",
        "lambda" => "AWSLambda",
        "s3" => "Amazon S3",
        "stepfunctions" => "AWSStepFunctions",
        other => other,
    };
    let request = error.request_id.as_deref().unwrap_or("null");
    let message = if message.is_empty() { code } else { message };
    format!(
        "{message} (Service: {service}; Status Code: {status}; Error Code: {code}; Request ID: {request})"
    )
}

/// A runner's answer.
pub(crate) fn settle(answer: Answer) -> ActionAnswer {
    answer.unwrap_or_else(|Failure { code, message, details }| ActionAnswer::Failed {
        code: code.to_owned(),
        message,
        details: *details,
    })
}

/// It goes on elsewhere; `next` finds it again.
pub(crate) fn progress(details: Details, next: &impl Serialize) -> Answer {
    let next = serde_json::to_value(next)
        .map_err(|error| Failure::job(format!("could not keep where it goes on: {error}")))?;
    Ok(ActionAnswer::Progress { details, next })
}

/// It is done, with these details and nothing else.
pub(crate) fn done(details: Details) -> ActionAnswer {
    ActionAnswer::Done(Box::new(Done { details, ..Done::default() }))
}

impl Run {
    /// What an earlier answer said to go on with; none at first.
    pub(crate) fn next<T: DeserializeOwned>(&self) -> Result<Option<T>, Failure> {
        serde_json::from_value(self.call.next.clone())
            .map_err(|error| Failure::job(format!("could not read where it goes on: {error}")))
    }

    /// A setting of the configuration; an empty one is none.
    pub(crate) fn setting(&self, key: &str) -> Option<&str> {
        self.call.configuration.get(key)?.as_str().filter(|text| !text.is_empty())
    }

    /// A setting that must be there.
    pub(crate) fn required(&self, key: &str) -> Result<&str, Failure> {
        self.setting(key).ok_or_else(|| {
            Failure::configuration(format!(
                "Action configuration is missing '{key}' configuration."
            ))
        })
    }

    /// The region it acts in.
    pub(crate) fn region(&self) -> &str {
        if self.call.region.is_empty() { &self.scope.region } else { &self.call.region }
    }

    /// A service, as this action calls it.
    pub(crate) fn service(&self, name: &'static str) -> Service<'_> {
        Service { run: self, name }
    }
}

/// A service, called in the action's role and region.
#[derive(Clone, Copy)]
pub(crate) struct Service<'a> {
    run: &'a Run,
    name: &'static str,
}

impl<'a> Service<'a> {
    /// Calls an operation. Performed again, it sends the same idempotency tokens.
    pub(crate) async fn call(&self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.call_with(operation, input, Blobs::Text).await
    }

    /// Calls an operation whose input has its blobs written so.
    pub(crate) async fn call_with(
        &self,
        operation: &str,
        input: Value,
        blobs_in: Blobs,
    ) -> Result<Value, AwsError> {
        let asked = self.asked(operation, input);
        self.run.tools.caller.call(&AwsCall { blobs_in, ..asked }).await
    }

    /// An object of S3: the input has its `Bucket` and `Key`, and what else is to be said of it.
    pub(crate) fn object(&self, input: Value) -> Object<'a> {
        Object::new(&self.run.tools.caller, self.asked("PutObject", input))
    }

    fn asked(&self, operation: &str, input: Value) -> AwsCall {
        let call = &self.run.call;
        AwsCall {
            region: Some(self.run.region().to_owned()),
            role_arn: Some(call.role_arn.clone()).filter(|role| !role.is_empty()),
            key: Some(format!("{}/{operation}", call.action_execution_id)),
            ..AwsCall::new(self.name, operation, input, self.run.scope.clone())
        }
    }

    /// Asks again and again, until `judge` finds in an answer how the work ended.
    pub(crate) async fn watch<T>(
        &self,
        operation: &str,
        input: &Value,
        mut judge: impl FnMut(&Value) -> Option<T>,
    ) -> Result<T, AwsError> {
        let mut pace = Pace::default();
        loop {
            let seen = pace.bear(self.call(operation, input.clone()).await)?;
            if let Some(ended) = seen.as_ref().and_then(&mut judge) {
                return Ok(ended);
            }
            pace.wait().await;
        }
    }
}

/// How often one looks: soon at first, then ever more seldom.
pub(crate) struct Pace {
    pause: Duration,
    silent: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pause: PAUSE_FIRST, silent: 0 }
    }
}

impl Pace {
    /// Waits until it is time for another look.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 3 / 2).min(PAUSE_MAX);
    }

    /// No answer to a look is none, unless that goes on for long: the work goes on all the same.
    pub(crate) fn bear(
        &mut self,
        seen: Result<Value, AwsError>,
    ) -> Result<Option<Value>, AwsError> {
        match seen {
            Ok(seen) => {
                self.silent = 0;
                Ok(Some(seen))
            }
            Err(error) if may_pass(&error) && self.silent < SILENT_MAX => {
                self.silent += 1;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn may_pass(error: &AwsError) -> bool {
    let is_throttled = error.status == 429 || error.code.contains("Throttl");
    error.origin == Origin::Transport || error.status >= 500 || is_throttled
}

/// The text of a member; empty if it has none.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// The elements of a member; none if it is no list.
pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// Percent-encodes what is not plain in a part of an address.
pub(crate) fn encoded(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                written.push(byte.into());
            }
            _ => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}
