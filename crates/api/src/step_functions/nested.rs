//! Executions that start executions: who performs `arn:aws:states:::states:startExecution`.

use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::SetOnce;
use trackway_asl::call::{CallPattern, StartCall};
use trackway_asl::{EventKind, Execution, Failure as Why, Signal};
use trackway_core::{EffectId, ExecutionId, Outcome, Payload, ReplyTo, Timestamp};
use trackway_engine::{Engine, Fault, Page, Performed, Performer, StartError, Started, Work};

use super::arn::Arn;
use super::executions::{StartExecution, StartedBy, StartedWith};
use super::refusal::{Code, Failure, Refusal};
use super::{StepFunctions, uuid_of};
use crate::Caller;

/// Performs the queue `states`. The engine needs its performers before it is opened, this one
/// needs the engine: work waits until [`Nested::serve`] brings it.
#[derive(Clone, Default)]
pub struct Nested(Arc<SetOnce<Arc<StepFunctions>>>);

impl Nested {
    /// From now on executions are started through this engine.
    pub fn serve(&self, engine: Engine) {
        // Set once by the composition root; a second engine would be a mistake of ours.
        let _was_set = self.0.set(Arc::new(StepFunctions::new(engine)));
    }
}

impl Performer for Nested {
    fn perform(&self, work: Work) -> Pin<Box<dyn Future<Output = Performed> + Send>> {
        let service = Arc::clone(&self.0);
        Box::pin(async move { Performed::Finished(start(service.wait().await, &work).await) })
    }

    /// A `.sync` task was cut: its child is stopped, as far as possible.
    fn cancel(&self, execution: ExecutionId, effect: EffectId) {
        let service = Arc::clone(&self.0);
        tokio::spawn(async move { stop_child(service.wait().await, execution, effect).await });
    }
}

/// Stops the child that would have answered this effect, if there is one. "Step Functions makes a
/// best-effort attempt to cancel the task" (developer guide, run a job): what fails is left.
async fn stop_child(service: &StepFunctions, parent: ExecutionId, answer: EffectId) {
    let Ok(Some(child)) = child_of(service, parent, answer).await else { return };
    let id = ExecutionId::of(&child);
    // One that was started to answer by a token goes on: nobody waits for its end.
    let waits = ReplyTo { execution: parent, effect: answer };
    let record = service.engine.record(id).await.ok().flatten();
    if record.is_some_and(|record| record.reply_to == Some(waits) && !record.closed) {
        let signal = Signal::Stop(Why::default());
        let _best_effort = service.engine.signal::<Execution>(id, signal).await;
    }
}

/// The ARN of the child that a `.sync` task started: its call was answered with it.
async fn child_of(
    service: &StepFunctions,
    parent: ExecutionId,
    answer: EffectId,
) -> Result<Option<String>, Fault> {
    let page = Page::Forward { from: 0, limit: usize::MAX };
    let journal = service.engine.journal::<Execution>(parent, page).await?;
    let mut of_task = journal.iter().map(|entry| &entry.event).skip_while(|event| {
        !matches!(&event.kind, EventKind::Scheduled { options: Some(options), .. }
            if options.answer == Some(answer))
    });
    let Some(scheduled) = of_task.next() else { return Ok(None) };
    let submitted = of_task.find(|event| {
        event.frame == scheduled.frame && matches!(event.kind, EventKind::Submitted(_))
    });
    let response = submitted.and_then(|event| event.payload.as_ref());
    let response: Option<Value> = response.and_then(|text| serde_json::from_str(text).ok());
    Ok(response.and_then(|response| Some(response["ExecutionArn"].as_str()?.to_owned())))
}

async fn start(service: &StepFunctions, work: &Work) -> Outcome {
    let request_id =
        uuid_of(ExecutionId::of(&format!("{}/{}/request", work.execution, work.effect.0)).0);
    match try_start(service, work).await {
        Ok((arn, started)) => {
            Outcome::Succeeded(Payload::new(response(&arn, started, &request_id)))
        }
        Err(Failure::Refused(refusal)) => {
            let (code, message) = (refusal.code.name(), refusal.text());
            Outcome::Failed {
                error: format!("StepFunctions.{code}Exception"),
                cause: format!(
                    "{message} (Service: AWSStepFunctions; Status Code: 400; Error Code: {code}; Request ID: {request_id}; Proxy: null)"
                ),
            }
        }
        Err(Failure::Fault(fault)) => Outcome::Failed {
            error: "StepFunctions.AWSStepFunctionsException".to_owned(),
            cause: format!("could not start the execution: {fault}"),
        },
    }
}

async fn try_start(service: &StepFunctions, work: &Work) -> Result<(String, Timestamp), Failure> {
    let call: StartCall = serde_json::from_str(&work.request).map_err(|error| {
        Refusal::new(Code::ValidationException, format!("The request can't be read: {error}"))
    })?;
    let caller = caller_of(&call.state_machine_arn)?;
    let machine = service.machine_by_arn(&caller, &call.state_machine_arn).await?;
    let waits = matches!(call.pattern, CallPattern::Sync | CallPattern::Sync2);
    // The child's end answers an effect of its own, so that it may come before our response.
    let answer = call.answer.unwrap_or(work.effect);
    // A name of its own: the same one each time this effect is performed.
    let own_name = || {
        let seed = format!("{}/{}", work.execution, work.effect.0);
        uuid_of(ExecutionId::of(&seed).0)
    };
    let by = StartedBy { execution: work.execution, effect: work.effect };
    let request = StartExecution {
        state_machine_arn: call.state_machine_arn,
        name: Some(call.name.unwrap_or_else(own_name)),
        input: call.input.unwrap_or_else(|| "{}".to_owned()),
        included_data: None,
    };
    let mut start = service.start_request(&caller, machine, request, Some(by)).await?;
    if waits {
        start.reply_to = Some(ReplyTo { execution: work.execution, effect: answer });
    }
    let arn = start.start.arn.clone();
    match service.engine.start(start).await {
        Ok(Started::New { summary }) => Ok((arn, summary.started)),
        Ok(Started::Existing { record, same_input }) => {
            let ours = StartedWith::decode(&record.attributes)?.by == Some(by);
            if ours || (same_input && !record.closed && !waits) {
                return Ok((arn, record.summary.started));
            }
            Err(Refusal::new(
                Code::ExecutionAlreadyExists,
                format!("Execution Already Exists: '{arn}'"),
            )
            .into())
        }
        Err(StartError::Fault(fault)) => Err(fault.into()),
        Err(other) => Err(trackway_engine::Fault::new(other.to_string()).into()),
    }
}

/// The account and region that the state machine's ARN names.
pub(super) fn caller_of(state_machine_arn: &str) -> Result<Caller, Refusal> {
    let arn = Arn::parse(state_machine_arn)?;
    Ok(Caller::new(arn.account, arn.region))
}

/// StartExecution's response, as the service integration shows it.
fn response(arn: &str, started: Timestamp, request_id: &str) -> String {
    let seconds = java_double(started);
    let length = format!(r#"{{"executionArn":"{arn}","startDate":{seconds}}}"#).len().to_string();
    let date = http_date(started);
    let metadata = |many: bool| {
        let value = |text: &str| if many { json!([text]) } else { Value::from(text) };
        json!({
            "connection": value("keep-alive"),
            "Content-Length": value(&length),
            "Content-Type": value("application/x-amz-json-1.0"),
            "Date": if many { json!([date]) } else { Value::from(date.as_str()) },
            "x-amzn-RequestId": value(request_id),
        })
    };
    json!({
        "ExecutionArn": arn,
        "SdkHttpMetadata": {
            "AllHttpHeaders": metadata(true),
            "HttpHeaders": metadata(false),
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": { "RequestId": request_id },
        "StartDate": started.as_millis(),
    })
    .to_string()
}

/// A moment in seconds as Java prints a double, which is how the service writes it: the response's
/// length depends on it.
fn java_double(moment: Timestamp) -> String {
    let digits = moment.as_millis().to_string();
    let (first, rest) = digits.split_at(1);
    let rest = rest.trim_end_matches('0');
    let exponent = digits.len().saturating_sub(4);
    format!("{first}.{}E{exponent}", if rest.is_empty() { "0" } else { rest })
}

/// A moment as HTTP's `Date` header has it.
fn http_date(moment: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(moment.as_millis())
        .map(|moment| moment.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_as_long_as_aws_writes_them() {
        for (millis, text) in [
            (1_710_589_569_183, "1.710589569183E9"),
            (1_710_589_569_180, "1.71058956918E9"),
            (1_000_000_000_000, "1.0E9"),
        ] {
            assert_eq!(java_double(Timestamp(millis)), text);
        }
    }
}
