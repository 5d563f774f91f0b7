//! Who performs the queue `aws`.

use std::pin::Pin;

use serde::Deserialize;
use serde_json::Value;
use trackway_core::{Outcome, Payload};
use trackway_engine::{Performed, Performer, Work};

use super::{AwsCall, AwsCaller, AwsError, Blobs, Origin, Scope};

/// Performs AWS calls: one effect, one call.
///
/// The request is a JSON object: `service`, `operation`, and perhaps `input`, `region`, `roleArn`,
/// `scope` (`ACCOUNT/REGION`: whose call it is, if not that of the work's execution), `blobs` (`{"in": "base64", "out": "text"}`). The
/// outcome is the output as JSON, or the service's code with a cause of `service`, `operation`,
/// `code`, `message` and `status`. An effect that is performed again sends the idempotency tokens
/// that it sent before.
#[derive(Clone)]
pub struct AwsPerformer {
    caller: AwsCaller,
    scope: Scope,
}

impl AwsPerformer {
    /// A performer; `scope` is whose a call is that doesn't say so.
    #[must_use]
    pub fn new(caller: AwsCaller, scope: Scope) -> Self {
        Self { caller, scope }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    service: String,
    operation: String,
    #[serde(default)]
    input: Value,
    region: Option<String>,
    role_arn: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    blobs: Written,
}

#[derive(Default, Deserialize)]
struct Written {
    r#in: Option<Form>,
    out: Option<Form>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Form {
    Text,
    Base64,
}

impl From<Form> for Blobs {
    fn from(form: Form) -> Self {
        match form {
            Form::Text => Self::Text,
            Form::Base64 => Self::Base64,
        }
    }
}

impl Performer for AwsPerformer {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let Self { caller, scope } = self.clone();
        Box::pin(async move {
            let result = match call_of(&work, scope) {
                Ok(call) => caller.call(&call).await,
                Err(error) => Err(error),
            };
            Performed::Finished(match result {
                Ok(output) => Outcome::Succeeded(Payload::new(output.to_string())),
                Err(error) => Outcome::Failed {
                    error: error.code.clone(),
                    cause: error.to_json().to_string(),
                },
            })
        })
    }
}

fn call_of(work: &Work, scope: Scope) -> Result<AwsCall, AwsError> {
    let request: Request = serde_json::from_str(&work.request).map_err(|error| {
        let message = format!("the request can't be read: {error}");
        AwsError::new(Origin::Call, "ParamValidationError", message)
    })?;
    let own = request.scope.as_deref().unwrap_or(&work.scope).split_once('/');
    let own = own
        .map(|(account, region)| Scope { account: account.to_owned(), region: region.to_owned() });
    let mut call =
        AwsCall::new(&request.service, &request.operation, request.input, own.unwrap_or(scope));
    call.region = request.region;
    call.role_arn = request.role_arn;
    call.key = Some(format!("{}/{}", work.execution, work.effect.0));
    call.blobs_in = request.blobs.r#in.map_or(call.blobs_in, Blobs::from);
    call.blobs_out = request.blobs.out.map_or(call.blobs_out, Blobs::from);
    Ok(call)
}
